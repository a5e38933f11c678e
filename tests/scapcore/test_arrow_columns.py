"""Arrow's columns hold what single events say, whatever the layout and however batches are cut."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Literal

import pyarrow
import pytest
from capture_builder import START, CaptureBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

import scappy
import scappy.arrow
from scapcore.arrow_columns import ArrowColumn
from scapcore.arrow_gather import ArrowGatherer
from scapcore.event import FieldReader
from scappy.fields.compiling import compile_field

#: Of every scope, and every kind of value and layout.
FIELDS = (
    "evt.num", "evt.rawtime", "evt.cpu", "thread.tid", "evt.type", "evt.dir", "evt.latency", "evt.is_io", "evt.buffer",
    "evt.arg.fd", "evt.rawarg.res", "evt.rawarg.addr", "evt.args", "evt.res", "evt.rawtime.s", "evt.reltime",
    "proc.name", "proc.pid", "proc.cmdline", "proc.duration", "proc.pid.ts", "proc.cwd", "proc.aname[1]",
    "thread.ismain", "thread.nametid", "thread.vmsize", "fd.name", "fd.num", "fd.typechar", "fd.cip", "fd.sip",
    "fd.sport", "fd.is_server", "fd.directory", "fd.type", "fd.l4proto", "fd.types", "fd.lip", "user.name",
    "container.id", "syscall.type",
)  # fmt: skip
INTEGERS = ("evt.rawtime", "evt.latency", "evt.reltime", "proc.duration", "proc.pid.ts")


def repaired(value: object) -> object:
    """A text as UTF-8 has it."""
    if isinstance(value, list):
        return [repaired(item) for item in value]
    if not isinstance(value, str):
        return value
    return "".join("\ufffd" if 0xDC80 <= ord(character) <= 0xDCFF else character for character in value)


def columns(capture: scappy.Capture, **options: str) -> dict[str, list[object]]:
    table = pyarrow.table(capture.select(FIELDS, **options))  # type: ignore[arg-type]
    table.validate(full=True)
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        found[name] = (column.cast(pyarrow.int64()) if name in INTEGERS else column).to_pylist()
    return found


@pytest.mark.parametrize(("view", "rows"), [("full", 1000), ("exit", 1 << 16)])
def test_columns_hold_what_events_say(
    all_captures: list[Path], rows: int, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scappy.arrow, "BATCH_ROWS", rows)
    for path in all_captures:
        if path.stat().st_size > 1_000_000:
            continue
        capture = scappy.open(path, view=view).filter("evt.num != 5")  # type: ignore[arg-type]
        expected: dict[str, list[object]] = {name: [] for name in FIELDS}
        for event in capture:
            for name in FIELDS:
                value = repaired(event[name])
                expected[name].append(value - (1 << 64) if name in INTEGERS and isinstance(value, int) and value >> 63 else value)
        found = columns(capture)
        for name in FIELDS:
            assert found[name] == expected[name], f"{name} of {path.name}"
        if rows == 1000:
            assert columns(capture, payloads="binary")["evt.buffer"] == found["evt.buffer"]


def test_records_are_cut_exactly(all_captures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scappy.arrow, "BATCH_ROWS", 1234)
    for path in all_captures[:3]:
        sizes = [len(batch) for batch in scappy.open(path).select(["evt.num", "evt.args"]).batches()]
        assert set(sizes[:-1]) <= {1234} and all(0 < size <= 1234 for size in sizes)


def test_payloads_are_not_copied(all_captures: list[Path]) -> None:
    """Views look into the capture's own memory."""
    content = max((path for path in all_captures if path.suffix == ".scap"), key=lambda path: path.stat().st_size).read_bytes()
    start = pyarrow.py_buffer(content).address
    table = pyarrow.table(scappy.open(content).select(["evt.buffer"], where="evt.buflen > 12 and evt.dir = <"))
    seen = 0
    for chunk in table["evt.buffer"].chunks:
        buffers = chunk.buffers()
        assert buffers[2].size == 0          # nothing was copied
        for buffer in buffers[3:]:
            assert start <= buffer.address and buffer.address + buffer.size <= start + len(content)
            seen += 1
    assert seen
    expected = [event["evt.buffer"] for event in scappy.open(content).filter("evt.buflen > 12 and evt.dir = <")]
    del content
    gc.collect()
    assert table["evt.buffer"].to_pylist() == expected


@pytest.mark.parametrize("view", ["full", "exit"])
def test_generic_events_and_events_without_a_descriptor(view: Literal["full", "exit"]) -> None:
    capture = CaptureBuilder().thread(1, "init").thread(7, "prog").file(7, 3, "/etc/hosts")
    for code, number in ((88, 0), (0, 221), (89, 0), (88, 0), (0, 222), (0, 0), (0, 221), (60000, 7)):
        capture.event("GENERIC_E", code, number, tid=7).event("GENERIC_X", code, tid=7)
    for fd in (3, 9, -1):
        capture.event("SYSCALL_OPEN_E", tid=7).event("SYSCALL_OPEN_X", -2, b"/none\0", 1, 0, tid=7)
        capture.event("SOCKET_ACCEPT_E", tid=7).event("SYSCALL_PIPE_E", tid=7).event("SYSCALL_READ_E", fd, 10, tid=7)
        capture.event("SYSCALL_READ_X", 3, b"abc", tid=7).event("SYSCALL_READ_E", fd, 10, tid=99)
        capture.event("SYSCALL_NANOSLEEP_E", 5, tid=7).event("SYSCALL_NANOSLEEP_X", 0, tid=7)
    opened = scappy.open(capture.content, view=view)
    names = ("evt.type", "evt.dir", "syscall.type", "fd.name", "fd.typechar", "fd.type", "fd.directory", "fd.sport", "proc.name")
    table = pyarrow.table(opened.select(names))
    table.validate(full=True)
    rows = [tuple(event[name] for name in names) for event in opened]
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == rows
    assert len({row[0] for row in rows}) == 8


def opens(names: list[bytes]) -> CaptureBuilder:
    """A capture in which a thread opens and closes files of some names."""
    capture = CaptureBuilder().thread(1, "init")
    for name in names:
        capture.event("SYSCALL_OPEN_E", tid=1)
        capture.event("SYSCALL_OPEN_X", 3, b"/" + name + b"\0", 1, 0, tid=1)
        capture.event("SYSCALL_CLOSE_E", 3, tid=1)
        capture.event("SYSCALL_CLOSE_X", 0, tid=1)
    return capture


NAMES = st.lists(st.binary(max_size=20).map(lambda name: name.replace(b"\0", b"").replace(b"/", b"")), max_size=30)


@settings(max_examples=150, deadline=None)
@given(NAMES)
def test_any_bytes_become_text(names: list[bytes]) -> None:
    """Bytes that are no UTF-8 are replaced one by one, and everything else stays."""
    capture = scappy.open(opens(names).content)
    table = pyarrow.table(capture.select(["fd.name", "evt.rawarg.name"], where="evt.type=open and evt.dir=<"))
    table.validate(full=True)
    expected = [repaired((b"/" + name).decode("utf-8", "surrogateescape")) for name in names]
    assert table["evt.rawarg.name"].to_pylist() == expected
    assert table["fd.name"].to_pylist() == [
        repaired(event["fd.name"]) for event in capture.filter("evt.type=open and evt.dir=<")
    ]


def test_a_dictionary_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scappy.arrow, "BATCH_ROWS", 4096)
    head, one = (opens(names).content for names in ([], [b"00000"]))
    events = one[len(head) :]
    content = head + b"".join(events.replace(b"00000", b"%05d" % number) for number in range(40_000))
    batches = list(scappy.open(content).select(["fd.name"], where="evt.type=open and evt.dir=<").batches())
    dictionaries = [batch.values.children[0].dictionary for batch in batches]
    assert max(each.length for each in dictionaries if each) <= (1 << 14) + 4096 + 1
    found = pyarrow.Table.from_batches(map(pyarrow.record_batch, batches)).column(0).to_pylist()
    assert found == [f"/{number:05}" for number in range(40_000)]


def test_equal_dictionaries_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scappy.arrow, "BATCH_ROWS", 1000)
    batches = list(scappy.open(opens([b"a", b"b"] * 1000).content).select(["fd.name"]).batches())
    assert len(batches) == 8
    assert len({id(batch.values.children[0].dictionary) for batch in batches}) == 1


def test_times_beyond_the_type_are_missing() -> None:
    far = (1 << 63) + 5
    content = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0).content
    content = content.replace(START.to_bytes(8, "little"), far.to_bytes(8, "little"))
    table = pyarrow.table(scappy.open(content).select(["evt.rawtime", "evt.rawtime.s"]))
    assert table["evt.rawtime"].cast(pyarrow.int64()).to_pylist() == [None, START + 1000]
    assert table["evt.rawtime.s"].to_pylist() == [far // 10**9, (START + 1000) // 10**9]


def test_nothing_was_taken() -> None:
    table = pyarrow.table(scappy.open(opens([]).content).select(FIELDS))
    assert table.num_rows == 0 and table.column_names == list(FIELDS)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(TypeError):
        ArrowGatherer(scappy.arrow.ArrowType(b"+s"), [None])  # type: ignore[list-item]
    with pytest.raises(KeyError):
        ArrowColumn(FieldReader(compile_field), compile_field("evt.num"), "rows", b"l")
