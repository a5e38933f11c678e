"""Counts of events by type."""

from __future__ import annotations

import pytest
from capture_builder import TYPES, CaptureBuilder

from scapcore.reader import Reader
from scapcore.tally import Tally


def tally_of(capture: CaptureBuilder, limit: int | None = None) -> Tally:
    tally = Tally(limit)
    reader = Reader(capture.source, state=True)
    while not tally.finished and reader.advance():
        tally.write(reader.batch)
    return tally


@pytest.fixture
def capture() -> CaptureBuilder:
    capture = CaptureBuilder().raw_event(TYPES["CONTAINER_JSON_2_E"].type, [b"{}\0"], large=True)
    for _ in range(3):
        capture.event("SYSCALL_CLOSE_E", 1).event("SYSCALL_CLOSE_X", 0)
    capture.raw_event(TYPES["PROCINFO_E"].type, [bytes(8), bytes(8)])
    return capture.event("GENERIC_E", 100, 1).event("GENERIC_X", 100).event("GENERIC_X", 100)


def test_types_and_calls_are_counted_apart(capture: CaptureBuilder) -> None:
    tally = tally_of(capture)
    names = {"SYSCALL_CLOSE_E": 3, "SYSCALL_CLOSE_X": 3, "PROCINFO_E": 1}
    assert tally.types == {TYPES[name].type: count for name, count in names.items()}
    assert tally.calls == {(100, False): 1, (100, True): 2}
    assert tally.events == 10


def test_calls_of_absurd_numbers_are_events_all_the_same() -> None:
    tally = tally_of(CaptureBuilder().event("GENERIC_X", 0xFFFF))
    assert (tally.events, tally.types, tally.calls) == (1, {}, {})


@pytest.mark.parametrize("limit", [0, 1, 5, 100])
def test_the_limit_ends_the_counting(capture: CaptureBuilder, limit: int) -> None:
    tally = tally_of(capture, limit)
    assert sum(tally.types.values()) + sum(tally.calls.values()) == tally.events == min(limit, 10)
    assert tally.finished == (limit <= 10)


def test_negative_limits_are_refused() -> None:
    with pytest.raises(ValueError):
        Tally(-1)
