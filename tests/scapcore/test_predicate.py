"""Filters run natively over batches: the law that columns and single rows agree, and what each kind of node does."""

from __future__ import annotations

import gc
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from capture_builder import CaptureBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from scapcore.batch import EventBatch
from scapcore.errors import FieldError, FilterError
from scapcore.fields import FieldUse
from scapcore.plan import (
    Around,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    ListOperand,
    Negation,
    Operand,
    TextOperand,
    TransformerOperand,
)
from scapcore.predicate import Predicate
from scapcore.reader import Reader
from scapcore.source import open_source
from scapcore.value_reader import ValueReader

ALL_NEEDS = 15
#: Captures of a few thousand events, which fit into one batch.
LAW_CAPTURES = (
    "falco__psp__run_as_user_0_container.scap",
    "libs__captures__single_ipv6_conn.scap",
    "sysflow__client-server__tcp-client-server.scap",
    "sysflow__namespaces__setns.scap",
)

TYPE_FIELDS = ("evt.type", "evt.dir", "syscall.type", "evt.io_dir", "evt.is_wait", "evt.count.exit")
THREAD_FIELDS = ("proc.name", "proc.pid", "proc.ppid", "proc.cmdline", "user.name", "thread.ismain", "container.id")
FD_FIELDS = ("fd.name", "fd.type", "fd.typechar", "fd.sport", "fd.cip", "fd.filename", "fd.l4proto")
EVENT_FIELDS = (
    "evt.num", "evt.cpu", "evt.rawres", "evt.res", "evt.failed", "evt.buffer", "evt.buflen", "evt.category", "fd.num",
    "evt.latency", "thread.tid", ("evt.arg", "flags"), ("evt.arg", 0), ("evt.rawarg", "size"), ("evt.rawarg", "res"),
    ("proc.aname", 1), ("proc.aname", 3), "evt.info", "evt.deltatime",
)  # fmt: skip
FIELDS = TYPE_FIELDS + THREAD_FIELDS + FD_FIELDS + EVENT_FIELDS

NUMBER_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists")
TEXT_OPERATORS = (
    "=", "!=", "<", "<=", ">", ">=", "contains", "icontains", "startswith", "endswith", "in", "exists", "regex", "glob",
)  # fmt: skip


def operand_of(field: str | tuple[str, str | int]) -> FieldOperand:
    return FieldOperand(field) if isinstance(field, str) else FieldOperand(*field)


class Sample:
    """The only batch of a capture, with columns of values for the evaluator that goes row by row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader = Reader(open_source(path), needs=ALL_NEEDS)
        assert self.reader.advance()
        self.batch = self.reader.batch
        self.rows = range(len(self.batch))
        self.hidden = self.batch.hidden
        self.columns: dict[FieldOperand, list[Any]] = {}
        for field in FIELDS:
            operand = operand_of(field)
            if operand.name != "evt.deltatime":
                reader = self.value_reader(operand)
                self.columns[operand] = [reader.value(row) for row in self.rows]

    def value_reader(self, operand: Operand) -> ValueReader:
        reader = ValueReader(operand)
        reader.begin(self.batch)
        return reader

    def literals(self, operand: FieldOperand) -> list[Any]:
        """Values that the field has here, and one that it has not."""
        if operand.name == "evt.deltatime":
            return [0, 1000, 100_000]
        found = sorted({value for value in self.columns[operand] if value is not None})
        # The number fits into the narrowest field.
        absent: Any = b"no such value" if found and isinstance(found[0], bytes) else 7_777
        return [*found[:: max(1, len(found) // 12)], absent]


@cache
def sample_of(path: Path) -> Sample:
    return Sample(path)


@pytest.fixture(scope="module")
def samples(shared_captures: list[Path]) -> list[Sample]:
    chosen = [sample_of(path) for path in shared_captures if path.name in LAW_CAPTURES]
    assert len(chosen) == len(LAW_CAPTURES)
    return chosen


def compare(operator: str, value: Any, literals: Sequence[Any]) -> bool:
    """The language's operators in plain Python."""
    import re

    if operator == "exists":
        return True
    if operator in ("in", "intersects"):
        return value in literals
    literal = literals[0]
    table: dict[str, Callable[[], bool]] = {
        "=": lambda: value == literal,
        "!=": lambda: value != literal,
        "<": lambda: value < literal,
        "<=": lambda: value <= literal,
        ">": lambda: value > literal,
        ">=": lambda: value >= literal,
        "contains": lambda: literal in value,
        "icontains": lambda: literal.lower() in value.lower(),
        "startswith": lambda: value.startswith(literal),
        "endswith": lambda: value.endswith(literal),
        "regex": lambda: re.fullmatch(literal.decode(), value.decode("utf-8", "replace")) is not None,
        # The strategy makes only patterns of the form `*text*`.
        "glob": lambda: literal[1:-1] in value,
    }
    return table[operator]()


class RowByRow:
    """Evaluates a condition for one row after the other, from left to right."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.running: dict[int, ValueReader] = {}

    def select(self, condition: Condition) -> list[int]:
        rows = [row for row in self.sample.rows if self.holds(condition, row)]
        return [row for row in rows if not self.sample.hidden[row]]

    def holds(self, condition: Condition, row: int) -> bool:
        if isinstance(condition, Conjunction):
            return all(self.holds(item, row) for item in condition.items)
        if isinstance(condition, Disjunction):
            return any(self.holds(item, row) for item in condition.items)
        if isinstance(condition, Negation):
            return not self.holds(condition.item, row)
        assert isinstance(condition, Comparison) and isinstance(condition.left, FieldOperand)
        if condition.left.name == "evt.deltatime":
            # Each use has a history of its own.
            reader = self.running.setdefault(id(condition), self.sample.value_reader(condition.left))
            value = reader.value(row)
        else:
            value = self.sample.columns[condition.left][row]
        return value is not None and compare(condition.operator, value, condition.values)


def conditions(sample: Sample) -> st.SearchStrategy[Condition]:
    def leaf(field: str | tuple[str, str | int]) -> st.SearchStrategy[Condition]:
        operand = operand_of(field)
        literals = sample.literals(operand)
        textual = isinstance(literals[0], bytes)
        binary = operand.name in ("evt.buffer", "fd.cip")

        def make(operator: str, chosen: list[Any]) -> Condition:
            if operator == "exists":
                return Comparison(operand, operator)
            if operator == "glob":
                plain = bytes(byte for byte in chosen[0] if byte not in b"*?[]\\")
                return Comparison(operand, operator, (b"*" + plain + b"*",))
            if operator == "regex":
                import re

                return Comparison(operand, operator, (re.escape(chosen[0].decode("utf-8", "replace")).encode() + b".*",))
            if operator in ("contains", "icontains", "startswith", "endswith"):
                return Comparison(operand, operator, (chosen[0][1 : 1 + len(chosen[0]) // 2],))
            return Comparison(operand, operator, tuple(chosen) if operator in ("in", "intersects") else (chosen[0],))

        operators = TEXT_OPERATORS if textual else NUMBER_OPERATORS
        if binary:
            operators = ("=", "!=", "in", "exists")
        return st.builds(make, st.sampled_from(operators), st.lists(st.sampled_from(literals), min_size=1, max_size=9))

    leaves = st.sampled_from(FIELDS).flatmap(leaf)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=4).map(lambda items: Conjunction(tuple(items))),
            st.lists(inner, min_size=2, max_size=4).map(lambda items: Disjunction(tuple(items))),
            inner.map(Negation),
        ),
        max_leaves=9,
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_columns_choose_what_single_rows_choose(samples: list[Sample], data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(samples))
    condition = data.draw(conditions(sample))
    count = Predicate(condition).run(sample.batch)
    assert sample.batch.selected.tolist() == RowByRow(sample).select(condition)
    assert count == len(sample.batch.selected)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), batch_events=st.integers(1, 700))
def test_batches_of_any_size_choose_the_same(samples: list[Sample], data: st.DataObject, batch_events: int) -> None:
    sample = data.draw(st.sampled_from(samples))
    condition = data.draw(conditions(sample))
    predicate = Predicate(condition)
    reader = Reader(open_source(sample.path), needs=ALL_NEEDS, batch_events=batch_events)
    found: list[int] = []
    while reader.advance():
        predicate.run(reader.batch)
        found += (reader.batch.selected + reader.batch.first_number).tolist()
    assert found == [row + sample.batch.first_number for row in RowByRow(sample).select(condition)]


# ---------------------------------------------------------------------------------------------------------
# Small captures


def builder() -> CaptureBuilder:
    """Two processes and a third below them, files and a connection."""
    capture = CaptureBuilder()
    capture.thread(1, "init", ptid=0).thread(2, "sshd").thread(3, "bash", ptid=2).thread(4, "cat", ptid=3)
    capture.file(4, 3, "/etc/passwd").file(4, 4, "/usr/lib/libc.so")
    return capture


def opened(capture: CaptureBuilder, **options: Any) -> EventBatch:
    reader = Reader(capture.source, needs=ALL_NEEDS, **options)
    assert reader.advance()
    return reader.batch


def reads(capture: CaptureBuilder) -> CaptureBuilder:
    """Rows 0 to 3: enter and exit of two reads of process 4."""
    for fd, data in ((3, b"root:x:0"), (4, b"\x7fELF")):
        capture.event("SYSCALL_READ_E", fd, 100, tid=4).event("SYSCALL_READ_X", len(data), data, tid=4)
    return capture


def tuple_of(source: str, source_port: int, target: str, target_port: int) -> bytes:
    """An IPv4 socket tuple (scap format, section 6.3)."""
    import socket

    ends = [(socket.inet_aton(source), source_port), (socket.inet_aton(target), target_port)]
    return b"\x02" + b"".join(address + struct.pack("<H", port) for address, port in ends)


def chosen(batch: EventBatch, condition: Condition) -> list[int]:
    Predicate(condition).run(batch)
    return batch.selected.tolist()


def field(name: str, operator: str, *values: Any, argument: Any = None, quantifier: str | None = None) -> Comparison:
    return Comparison(FieldOperand(name, argument), operator, values, quantifier=quantifier)


def test_empty_conjunction_chooses_all_that_is_shown() -> None:
    batch = opened(reads(builder()))
    assert chosen(batch, Conjunction(())) == [0, 1, 2, 3]
    assert chosen(batch, Negation(Conjunction(()))) == []
    assert chosen(batch, Disjunction(())) == []


def test_hidden_events_are_never_chosen() -> None:
    # The second event is of the internal class.
    capture = builder().event("SYSCALL_CLOSE_E", 3, tid=4).event("PROCINFO_E", 1, 2, tid=4)
    batch = opened(capture)
    assert batch.hidden.tolist() == [False, True]
    for condition in (
        Conjunction(()),
        field("evt.num", ">", 0),
        field("evt.type", "!=", b"open"),
        field("proc.name", "=", b"cat"),
        Negation(field("fd.name", "=", b"none")),
        Disjunction((field("evt.cpu", "=", 0), field("evt.cpu", "=", 1))),
        field("evt.deltatime", ">=", 0),
    ):
        assert chosen(batch, condition) == [0], condition


def test_missing_values_make_every_comparison_false() -> None:
    capture = reads(builder()).event("SYSCALL_READ_E", 9, 1, tid=4).event("SYSCALL_GETCWD_E", tid=4)
    batch = opened(capture)
    for operator in ("=", "!=", "<", ">=", "contains", "in"):
        assert not {4, 5} & set(chosen(batch, field("fd.name", operator, b"zz")))
    assert chosen(batch, field("fd.name", "exists")) == [0, 1, 2, 3]
    assert chosen(batch, Negation(field("fd.name", "exists"))) == [4, 5]
    assert chosen(batch, Negation(field("fd.name", "!=", b"/etc/passwd"))) == [0, 1, 4, 5]


def test_only_filters_on_state_need_state() -> None:
    by_type = Predicate(Conjunction((field("evt.type", "=", b"read"), field("evt.buffer", "contains", b"ELF"))))
    assert (by_type.needs_state, by_type.needs) == (False, 0)
    reader = Reader(reads(builder()).source, state=False)
    assert reader.advance() and by_type.run(reader.batch) == 1
    by_name = Predicate(field("fd.name", "startswith", b"/etc"))
    assert by_name.needs_state
    assert by_name.run(reader.batch) == 0          # nothing is known without the engine
    assert Predicate(field("evt.latency", ">", 0)).needs != 0


def test_generic_events_are_told_apart_by_their_call() -> None:
    capture = builder()
    for code in (88, 89, 88, 60000):
        capture.event("GENERIC_E", code, 0, tid=4)
    batch = opened(capture)
    reader = ValueReader(FieldOperand("evt.type"))
    reader.begin(batch)
    first, second = reader.value(0), reader.value(1)
    assert first != second
    assert chosen(batch, field("evt.type", "=", first)) == [0, 2]
    assert chosen(batch, field("evt.type", "in", first, second)) == [0, 1, 2]
    assert chosen(batch, field("evt.type", "!=", second)) == [0, 2, 3]


def test_calls_without_a_code_are_told_apart_by_the_number_of_the_kernel() -> None:
    capture = builder()
    for number in (221, 222, 221, 60000):
        capture.event("GENERIC_E", 0, number, tid=4).event("GENERIC_X", 0, tid=4)
    batch = opened(capture, modern=True)
    reader = ValueReader(FieldOperand("evt.type"))
    reader.begin(batch)
    shown = batch.selected.tolist()
    names = [reader.value(row) for row in shown]
    assert names[0] == names[2] != names[1] != names[3] and len(names) == 4
    assert chosen(batch, field("evt.type", "=", names[0])) == [shown[0], shown[2]]
    assert chosen(batch, field("evt.type", "in", names[1], names[3])) == [shown[1], shown[3]]


def connections() -> EventBatch:
    capture = builder()
    for fd, ends in (
        (5, ("10.0.0.1", 40000, "93.184.216.34", 80)),
        (6, ("192.168.1.5", 53, "192.168.1.9", 53)),
    ):
        capture.event("SOCKET_SOCKET_E", 2, 1, 0, tid=4).event("SOCKET_SOCKET_X", fd, tid=4)
        capture.event("SOCKET_CONNECT_E", fd, tid=4).event("SOCKET_CONNECT_X", 0, tuple_of(*ends), tid=4)
    return opened(reads(capture))


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (field("fd.ip", "=", bytes([10, 0, 0, 1])), [3]),
        (field("fd.ip", "=", bytes([93, 184, 216, 34])), [3]),
        (field("fd.ip", "!=", bytes([10, 0, 0, 1])), [7]),
        (field("fd.ip", "in", bytes([10, 0, 0, 1]), bytes([192, 168, 1, 9])), [3, 7]),
        (field("fd.net", "=", (bytes([192, 168, 0, 0]), 16)), [7]),
        (field("fd.net", "!=", (bytes([192, 168, 0, 0]), 16)), [3]),
        (field("fd.net", "in", (bytes([192, 168, 1, 9]), 32), (bytes([10, 0, 0, 0]), 8)), [3, 7]),
        (field("fd.net", "=", (bytes(16), 0)), []),
        (field("fd.cnet", "=", (bytes([10, 0, 0, 0]), 8)), [3]),
        (field("fd.snet", "=", (bytes([10, 0, 0, 0]), 8)), []),
        (field("fd.port", "=", 80), [3]),
        (field("fd.port", "!=", 80), [7]),
        (field("fd.port", "<", 100), [3, 7]),
        (field("fd.port", ">", 39999), [3]),
        (field("fd.port", "in", 40000, 443), [3]),
        (field("fd.port", "=", 53, 80, quantifier="oneof"), [3, 7]),
        (field("fd.port", "=", 40000, 80, quantifier="allof"), [3]),
        (field("fd.sport", "=", 40000), []),
    ],
    ids=lambda value: f"{value.left.name} {value.operator} {value.values}" if isinstance(value, Comparison) else None,
)
def test_either_end_of_a_connection(condition: Condition, rows: list[int]) -> None:
    batch = connections()
    assert set(chosen(batch, condition)) & {3, 7} == set(rows)
    # Events without a socket pass neither this nor its contrary.
    assert not set(chosen(batch, condition)) & {0, 4, 8, 9, 10, 11}


def test_any_ancestor() -> None:
    batch = opened(reads(builder()))
    everything = [0, 1, 2, 3]
    assert chosen(batch, field("proc.aname", "=", b"sshd")) == everything
    assert chosen(batch, field("proc.aname", "=", b"cat")) == []        # strict ancestors only
    assert chosen(batch, field("proc.aname", "in", b"x", b"bash")) == everything
    assert chosen(batch, field("proc.aname", "!=", b"sshd")) == everything
    assert chosen(batch, field("proc.aname", "exists")) == everything
    assert chosen(batch, field("proc.apid", "=", 3)) == everything
    assert chosen(batch, field("proc.apid", ">", 3)) == []
    assert chosen(batch, field("proc.aname", "startswith", b"ss", b"ba", quantifier="allof")) == everything
    assert chosen(batch, field("proc.aname", "startswith", b"ss", b"zz", quantifier="allof")) == []
    assert chosen(batch, field("proc.aname", "=", b"bash", argument=1)) == everything


def test_around_a_time() -> None:
    batch = opened(reads(builder()))
    ts = [int(value) for value in batch.ts]
    assert chosen(batch, Around(ts[1], 0)) == [1]
    assert chosen(batch, Around(ts[1], 1000)) == [0, 1, 2]
    assert chosen(batch, Around(ts[3] + 5, 4)) == []


def test_two_values_of_the_same_event() -> None:
    capture = reads(builder())
    batch = opened(capture)
    name = FieldOperand("proc.name")
    assert chosen(batch, Comparison(name, "=", right=FieldOperand("proc.name"))) == [0, 1, 2, 3]
    assert chosen(batch, Comparison(name, "=", right=FieldOperand("proc.pname"))) == []
    assert chosen(batch, Comparison(FieldOperand("proc.pid"), ">", right=FieldOperand("proc.ppid"))) == [0, 1, 2, 3]
    shout = TransformerOperand("toupper", (name,))
    assert chosen(batch, Comparison(shout, "=", (b"CAT",))) == [0, 1, 2, 3]
    quiet = TransformerOperand("tolower", (shout,))
    assert chosen(batch, Comparison(name, "=", right=quiet)) == [0, 1, 2, 3]
    length = TransformerOperand("len", (FieldOperand("fd.name"),))
    assert chosen(batch, Comparison(length, "=", (len(b"/etc/passwd"),))) == [0, 1]
    pair = TransformerOperand("concat", (FieldOperand("proc.name"), TextOperand(b":"), FieldOperand("fd.name")))
    assert chosen(batch, Comparison(pair, "=", (b"cat:/etc/passwd",))) == [0, 1]
    assert chosen(batch, Comparison(pair, "exists")) == [0, 1, 2, 3]


def test_lists_ask_for_all_or_for_any() -> None:
    batch = opened(reads(builder()))
    words = ListOperand((TextOperand(b"-a"), TextOperand(b"-b")))
    options = TransformerOperand("getopt", (words, TextOperand(b"ab")))
    assert chosen(batch, Comparison(options, "in", (b"a", b"b", b"c"))) == [0, 1, 2, 3]
    assert chosen(batch, Comparison(options, "in", (b"a", b"c"))) == []
    assert chosen(batch, Comparison(options, "intersects", (b"a", b"c"))) == [0, 1, 2, 3]
    assert chosen(batch, Comparison(options, "intersects", (b"c",))) == []


def test_verdicts_follow_a_new_section() -> None:
    # Behind one another, as when captures are concatenated: the second numbers its rows anew.
    first = reads(builder())
    second = CaptureBuilder().thread(4, "dog").file(4, 3, "/etc/shadow")
    reads(second)
    first.content += second.content
    predicate = Predicate(Conjunction((field("proc.name", "=", b"dog"), field("fd.name", "endswith", b"shadow"))))
    reader = Reader(first.source)
    found = []
    while reader.advance():
        predicate.run(reader.batch)
        found += (reader.batch.selected + reader.batch.first_number).tolist()
    assert found == [5, 6]


def test_verdicts_are_forgotten_when_rows_are_reused() -> None:
    """Thousands of short-lived descriptors on the same numbers; batches are small, so that rows come back."""
    capture = builder()
    expected = []
    for index in range(600):
        name = "/tmp/wanted" if index % 3 == 0 else f"/tmp/other{index}"
        capture.event("SYSCALL_OPEN_E", tid=4).event("SYSCALL_OPEN_X", 7, name, 1, 0, tid=4)
        capture.event("SYSCALL_CLOSE_E", 7, tid=4).event("SYSCALL_CLOSE_X", 0, tid=4)
        if index % 3 == 0:
            expected.append(4 * index + 3)
    predicate = Predicate(Conjunction((field("fd.name", "=", b"/tmp/wanted"), field("evt.type", "=", b"close"))))
    reader = Reader(capture.source, batch_events=32)
    found: list[int] = []
    while reader.advance():
        predicate.run(reader.batch)
        found += (reader.batch.selected + reader.batch.first_number).tolist()
    assert [number for number in found if number % 4 == 3] == expected


def test_running_values_see_what_stands_to_their_left() -> None:
    batch = opened(reads(builder()))                        # one event in a microsecond
    since_any = field("evt.deltatime", "=", 1000)
    reads_only = field("evt.dir", "=", b"<")
    assert chosen(batch, since_any) == [1, 2, 3]
    assert chosen(batch, Conjunction((since_any, reads_only))) == [1, 3]
    # Behind the cheap condition it is the time since the event before that passed this.
    assert chosen(batch, Conjunction((reads_only, since_any))) == []
    assert chosen(batch, Conjunction((reads_only, field("evt.deltatime", "=", 2000)))) == [3]


@pytest.mark.parametrize("batch_events", [1, 3, 100])
def test_asked_early_a_call_without_its_beginning_has_no_descriptor(batch_events: int) -> None:
    capture = reads(builder())
    capture.event("SYSCALL_WRITE_E", 3, 2, tid=4).event("SYSCALL_WRITE_X", 2, b"ab", tid=4)
    capture.event("SYSCALL_READ_E", 3, 8, tid=4).event("SYSCALL_READ_E", 3, 8, tid=9).event("SYSCALL_READ_X", -9, b"", tid=4)
    capture.event("SYSCALL_CLOSE_E", 3, tid=4).event("SYSCALL_CLOSE_X", 0, tid=4)

    def numbers(condition: Condition, *, modern: bool = False, early: bool = True) -> tuple[list[int], int]:
        predicate = Predicate(condition, early=early)
        reader = Reader(capture.source, needs=ALL_NEEDS, modern=modern, batch_events=batch_events)
        found: list[int] = []
        while reader.advance():
            predicate.run(reader.batch)
            found += (reader.batch.selected + reader.batch.first_number).tolist()
        return found, predicate.lost

    length = field("evt.buflen", ">=", 0)
    reading = field("evt.type", "=", b"read")
    assert numbers(length, early=False) == ([2, 4, 6, 11], 0)
    # A write keeps its descriptor, as it could be a tracer, and so does what changes the tables.
    assert numbers(length) == ([6, 11], 2)
    assert numbers(length, modern=True) == numbers(length, modern=True, early=False)
    # Where the filter lets the beginnings through, nothing is lost.
    assert numbers(reading) == numbers(reading, early=False)
    assert numbers(Disjunction((length, field("evt.dir", "=", b">")))) == ([1, 2, 3, 4, 5, 6, 7, 8, 10, 11], 0)
    assert numbers(Conjunction((field("evt.num", "in", 1, 2, 4), length))) == ([], 2)
    # What has been taken can also let an event in.
    without = Conjunction((Negation(length), field("evt.dir", "=", b"<")))
    assert numbers(without, early=False)[0] == [9]
    assert numbers(without) == ([2, 4, 9], 0)


def test_a_predicate_outlives_its_reader_and_may_die_before_it() -> None:
    reader = Reader(reads(builder()).source)
    condition = Conjunction((field("proc.name", "=", b"cat"), field("fd.name", "contains", b"etc")))
    predicate = Predicate(condition)
    assert reader.advance() and predicate.run(reader.batch) == 2
    del reader
    gc.collect()
    del predicate
    gc.collect()
    reader = Reader(reads(builder()).source, batch_events=2)
    predicate = Predicate(condition)
    assert reader.advance() and predicate.run(reader.batch) == 2
    del predicate
    assert reader.advance()


def test_plans_that_cannot_be() -> None:
    with pytest.raises(FieldError):
        Predicate(field("proc.nme", "=", b"x"))
    with pytest.raises(FilterError):
        Predicate(field("proc.name", "regex", b"("))
    with pytest.raises(FilterError):
        Predicate(Conjunction((field("proc.name", "=", b"x"), field("proc.name", "regex", b"a", b"[", quantifier="anyof"))))
    with pytest.raises(TypeError):
        Predicate("proc.name = x")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Predicate(Comparison(FieldOperand("fd.ip"), "=", right=FieldOperand("fd.cip")))


def test_fields_of_the_law_are_of_every_scope() -> None:
    scopes = {FieldUse(*((name,) if isinstance(name, str) else name)).needs_state for name in FIELDS}
    assert scopes == {True, False}
