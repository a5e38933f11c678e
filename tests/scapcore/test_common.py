"""Events that change nothing are dealt with in few steps, and say the same as by the whole rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from capture_builder import CaptureBuilder, Memory
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import CorruptCaptureError
from scapcore.event import EventIterator
from scapcore.fields import FieldUse
from scapcore.reader import Reader
from scapcore.source import open_source

#: Latencies, links and changes; with counters in addition, the engine takes every event through all of its rules.
FEW, WHOLE = 13, 15
#: Any that is known, with any number of parameters.
SOME_TYPE = 4
FIELDS = (
    "evt.num", "evt.type", "evt.dir", "evt.latency", "evt.failed", "evt.res", "thread.tid", "proc.pid", "proc.name", "proc.cwd",
    "fd.num", "fd.name", "fd.typechar", "fd.sport", "fd.name_changed", "fd.connected", "evt.args",
)  # fmt: skip

LOCAL = b"\x02\x7f\x00\x00\x01\x10\x27\x7f\x00\x00\x01\x50\x00"
threads = st.sampled_from([0, 7, 8, 9, 70])
numbers = st.sampled_from([-1, 0, 3, 4, 5, 1 << 40])
results = st.sampled_from([-11, 0, 3, 5])
#: Numbers of lengths that the schema does not promise.
odd = st.sampled_from([b"", b"\x03", b"\x03\0", b"\xfb\xff\xff\xff", b"\x03\0\0", bytes(9)])


def halves(name: str, enter: st.SearchStrategy[Any], leave: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A whole call, or one half of it."""
    both = st.tuples(st.tuples(st.just(name + "_E"), enter), st.tuples(st.just(name + "_X"), leave))
    return st.tuples(threads, st.one_of(both, both, both.map(lambda pair: pair[:1]), both.map(lambda pair: pair[1:])))


calls = st.one_of(
    *[halves(name, st.tuples(numbers, st.just(64)), st.tuples(results, st.just(b"data")))
      for name in ("SYSCALL_READ", "SYSCALL_WRITE")],
    halves("SYSCALL_FSTAT", st.tuples(st.one_of(numbers, odd)), st.tuples(st.one_of(results, odd))),
    halves("SYSCALL_SELECT", st.just(()), st.one_of(st.just(()), st.tuples(results))),
    halves("SYSCALL_CLOSE", st.tuples(numbers), st.tuples(results)),
    halves("SYSCALL_DUP", st.tuples(numbers), st.tuples(results)),
    halves("SOCKET_SOCKET", st.just((2, 1, 0)), st.tuples(results)),
    halves("SOCKET_CONNECT", st.tuples(numbers), st.tuples(st.sampled_from([0, -115]), st.just(LOCAL))),
    halves("SOCKET_RECVFROM", st.tuples(numbers, st.just(64)), st.tuples(results, st.just(b"data"), st.just(LOCAL))),
    st.tuples(threads, st.just((("SCHEDSWITCH_6_E", (7, 1, 1, 1, 1, 1)),))),
    st.tuples(threads, st.just((("PROCEXIT_1_E", (0,)),))),
)  # fmt: skip


def said(source: Any, needs: int) -> list[tuple[Any, ...]]:
    events = EventIterator(Reader(source, needs=needs, ahead=False), None, FieldUse)
    return [tuple(event[name] for name in FIELDS) for event in events]


def base() -> CaptureBuilder:
    capture = CaptureBuilder().thread(7, "main").thread(8, "worker", pid=7, flags=1 | 1 << 13).thread(9, "other", pid=80)
    return capture.file(7, 3, "/tmp/three").file(7, 4, "/tmp/four").file(9, 3, "/tmp/nine")


def add(capture: CaptureBuilder, tid: int, *events: tuple[str, tuple[Any, ...]]) -> CaptureBuilder:
    for kind, values in events:
        capture.event(kind, *values, tid=tid)
    return capture


@given(made=st.lists(calls, max_size=20))
def test_few_steps_say_what_the_whole_rules_say(made: list[tuple[int, tuple[Any, ...]]]) -> None:
    capture = base()
    for tid, events in made:
        add(capture, tid, *events)
    assert said(capture.source, FEW) == said(capture.source, WHOLE)


def test_the_first_transfer_tells_that_a_socket_is_connected() -> None:
    capture = add(base(), 7, ("SOCKET_SOCKET_E", (2, 1, 0)), ("SOCKET_SOCKET_X", (5,)))
    for _ in range(2):
        add(capture, 7, ("SYSCALL_WRITE_E", (5, 4)), ("SYSCALL_WRITE_X", (4, b"data")))
    place = FIELDS.index("fd.connected")
    assert [event[place] for event in said(capture.source, FEW)] == [None, False, False, True, True, True]
    assert said(capture.source, FEW) == said(capture.source, WHOLE)


def test_a_descriptor_that_was_closed_and_opened_meanwhile_is_the_new_one() -> None:
    capture = add(base(), 7, ("SYSCALL_CLOSE_E", (3,)))
    add(capture, 8, ("SYSCALL_DUP_E", (4,)), ("SYSCALL_DUP_X", (3,)))
    add(capture, 7, ("SYSCALL_CLOSE_X", (0,)))
    for _ in range(2):
        add(capture, 8, ("SYSCALL_FSTAT_E", (3,)), ("SYSCALL_FSTAT_X", (0,)))
    assert said(capture.source, FEW) == said(capture.source, WHOLE)


def test_few_steps_say_the_same_of_real_captures(all_captures: list[Path]) -> None:
    for path in all_captures:
        with open_source(path) as few, open_source(path) as whole:
            assert said(few, FEW) == said(whole, WHOLE), path.name


@pytest.mark.parametrize("behind", [0, 1, 5])
@pytest.mark.parametrize("count", range(1, 12))
def test_lengths_are_added_up_however_many(count: int, behind: int) -> None:
    """Also where the capture ends soon behind them."""
    parameters = [bytes(index * 37 % 300) for index in range(count)]
    capture = CaptureBuilder().event("SYSCALL_CLOSE_E", 3).raw_event(SOME_TYPE, parameters)
    length_of_last = len(capture.content) - 4 - (-(2 + 26 + 2 * count + sum(map(len, parameters))) % 4)
    length_of_last -= sum(map(len, parameters)) + 2
    for _ in range(behind):
        capture.event("SYSCALL_CLOSE_E", 3)
    reader = Reader(capture.source, strict=True)
    while reader.advance():
        pass
    assert reader.last_number == capture.events
    content = bytearray(capture.content)
    content[length_of_last] += 1
    with pytest.raises(CorruptCaptureError):
        reader = Reader(Memory(bytes(content)), strict=True)
        while reader.advance():
            pass
    assert reader.last_number == 1
