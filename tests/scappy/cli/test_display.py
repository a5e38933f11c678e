"""The filter for display only, and what counts towards a limit."""

from __future__ import annotations

import pytest
from capture_builder import CaptureBuilder

from scapcore.beginning import Revealer
from scapcore.reader import Reader
from scappy.cli.display import DisplayFilter
from scappy.filters.plan import compile_filter

OPENS = "evt.type = open"


@pytest.fixture
def capture() -> CaptureBuilder:
    """Some calls with internal events between them: rows 0 to 8."""
    capture = CaptureBuilder().thread(7, "prog").event("SYSCALL_LSEEK_E", 3, 0, 0, tid=7)
    for name in ("/one", "/two"):
        capture.event("PROCINFO_E", 0, 0, tid=7)
        capture.event("SYSCALL_OPEN_E", tid=7).event("SYSCALL_OPEN_X", 3, name, 1, 0, tid=7)
        capture.event("SYSCALL_CLOSE_E", 3, tid=7)
    return capture


@pytest.mark.parametrize("batch_events", [1, 3, 100])
@pytest.mark.parametrize(
    ("limit", "counted", "shown"),
    [
        (None, 9, [2, 3, 6, 7]),
        (0, 0, []),
        (2, 2, []),
        (3, 3, [2]),
        (7, 7, [2, 3, 6]),
        (9, 9, [2, 3, 6, 7]),
        (50, 9, [2, 3, 6, 7]),
    ],
)
def test_limit(capture: CaptureBuilder, batch_events: int, limit: int | None, counted: int, shown: list[int]) -> None:
    display = DisplayFilter(compile_filter(OPENS).predicate(), limit)
    reader = Reader(capture.source, batch_events=batch_events)
    count, rows, start = 0, [], 0
    while not display.finished and reader.advance():
        display.count(reader.batch)
        count += len(reader.batch.selected)
        display.choose(reader.batch)
        rows += [start + int(row) for row in reader.batch.selected]
        start += len(reader.batch)
    assert (count, rows) == (counted, shown)


def test_what_counts(capture: CaptureBuilder) -> None:
    reader = Reader(capture.source)
    assert reader.advance()
    counter = Revealer()
    assert counter.choose_counted(reader.batch) == 9
    assert counter.choose_counted(reader.batch, 4) == 4
    assert reader.batch.selected.tolist() == [0, 1, 2, 3]
    text = "evt.type != close"
    assert compile_filter(text).predicate().run(reader.batch) == 5
    assert compile_filter(text).predicate(counted=True).run(reader.batch) == 7
    assert reader.batch.selected.tolist() == [0, 1, 2, 3, 5, 6, 7]

