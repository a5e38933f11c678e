"""What somebody keeps of a batch stays as it was, however far the reader goes on, and nothing more is kept."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from capture_builder import CaptureBuilder, Memory

from scapcore.batch import EventBatch
from scapcore.errors import FieldError
from scapcore.event import Event, EventIterator, FieldReader, event_at
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.fields.compiling import compile_field

ALL_NEEDS = 15
#: Fields of every kind: of rows, of links between rows, of the change log, of tables beside the rows.
FIELDS = (
    "evt.num", "evt.args", "evt.info", "evt.arg[0]", "evt.arg.fd", "evt.abspath", "evt.latency", "evt.buffer", "fd.name",
    "fd.num", "fd.containername", "fd.lip", "proc.name", "proc.cmdline", "proc.pname", "proc.aname[2]", "proc.cwd",
    "proc.env", "proc.vmsize", "proc.sname", "thread.tid", "thread.cgroups", "user.name", "group.name", "container.name",
    "container.image", "k8s.pod.name", "k8s.pod.labels",
)  # fmt: skip


def iterate(path: Path | str, batch_events: int, modern: bool = False) -> EventIterator:
    reader = Reader(open_source(path), needs=ALL_NEEDS, modern=modern, batch_events=batch_events)
    return EventIterator(reader, None, compile_field)


def values(event: Event) -> list[Any]:
    return [event.num, event.ts, event.tid, event.cpu, event.type, event.params, event.args, repr(event)] + [
        event[name] for name in FIELDS
    ]


@pytest.mark.parametrize("modern", [False, True])
def test_kept_events_equal_those_read_at_once(all_captures: list[Path], modern: bool) -> None:
    for path in all_captures:
        # Few events a batch make the tables change between a batch and the look at it.
        for batch_events in (7, 1000):
            at_once = [values(event) for event in iterate(path, batch_events, modern)]
            kept = list(iterate(path, batch_events, modern))
            assert [values(event) for event in kept] == at_once, path.name


def test_kept_events_in_any_order(shared_captures: list[Path]) -> None:
    path = max(shared_captures, key=lambda path: path.stat().st_size)
    fields = [name for name in FIELDS if name not in ("evt.args", "evt.info")]  # cut as the reference cuts: by the past
    kept = [event for event in iterate(path, 300) if event.num % 3 == 0]
    in_order = [[event[name] for name in fields] for event in kept]
    order = list(range(len(kept)))
    random.Random(4).shuffle(order)
    for index in order:
        assert [kept[index][name] for name in fields] == in_order[index]


@pytest.mark.parametrize("modern", [False, True])
def test_kept_batches_equal_those_read_at_once(shared_captures: list[Path], modern: bool) -> None:
    def rows(batch: EventBatch) -> list[Any]:
        fields = FieldReader(compile_field)
        found: list[Any] = [[fields.value_of(batch, row, name) for name in FIELDS] for row in range(len(batch))]
        return [*found, batch.num.tolist(), batch.parameter(1)[1].tolist(), batch.tid.tolist()]

    for path in shared_captures:
        # Without a thread that reads ahead: batches of a stream end where its bytes do for the moment.
        reader = Reader(open_source(path, read_ahead=False), needs=ALL_NEEDS, modern=modern, batch_events=500)
        at_once = []
        while reader.advance():
            at_once.append(rows(reader.batch))
        reader = Reader(open_source(path, read_ahead=False), needs=ALL_NEEDS, modern=modern, batch_events=500)
        kept = []
        threads = []
        while reader.advance():
            kept.append(reader.batch)
            threads.append(reader.batch.thread.tolist())
        assert [rows(batch) for batch in kept] == at_once, path.name
        assert [batch.thread.tolist() for batch in kept] == threads


def busy(rounds: int) -> CaptureBuilder:
    """Threads that open, rename and leave without end."""
    capture = CaptureBuilder().thread(1, "init").thread(7, "prog", cwd="/home/").users({0: "root"}, {0: "root"})
    piece = CaptureBuilder()
    head = len(piece.content)
    for index in range(50):
        piece.event("SYSCALL_OPEN_E", tid=7).event("SYSCALL_OPEN_X", 3 + index % 3, f"/file{index}", 1, 0, tid=7)
        piece.event("SYSCALL_CHDIR_E", tid=7).event("SYSCALL_CHDIR_X", 0, f"/dir{index}", tid=7)
        piece.event("SYSCALL_KILL_E", 100 + index, 9, tid=7).event("SYSCALL_CLOSE_E", 3 + index % 3, tid=100 + index)
        piece.event("PROCEXIT_1_E", 0, 0, 0, 0, tid=100 + index)
    capture.content += piece.content[head:] * rounds
    return capture


def test_rows_are_given_back() -> None:
    source = busy(100).source
    reader = Reader(source, needs=ALL_NEEDS, batch_events=500)
    while reader.advance():
        pass
    assert reader.engine is not None
    least = reader.engine.rows()
    reader = Reader(source, needs=ALL_NEEDS, batch_events=500)
    kept: list[Any] = []
    events = EventIterator(reader, None, compile_field)
    for event in events:
        if event.num % 97 == 0:
            kept.append(event)
        if event.num % 5003 == 0:
            kept.append(event.batch)
    engine = reader.engine
    assert engine is not None
    assert engine.kept > 10
    assert engine.rows() > least
    fields = FieldReader(compile_field)
    for item in kept:
        text = item.args if isinstance(item, Event) else fields.value_of(item, 0, "evt.args")
        assert isinstance(text, str)
    del item, event
    kept.clear()
    assert engine.kept == 0
    # Rows are sorted out when a batch begins.
    again = Reader(source, needs=ALL_NEEDS, batch_events=500)
    held = []
    while again.advance():
        held.append(again.batch)
        if len(held) > 3:
            held.pop(0)
    engine = again.engine
    assert engine is not None
    held.clear()
    assert engine.kept == 0
    most = engine.rows()
    assert most[0] < least[0] + 4 * 500 * 3 and most[1] < least[1] + 4 * 500 * 3


def test_few_kept_events_keep_little_memory() -> None:
    source = busy(400).source
    reader = Reader(source, needs=ALL_NEEDS, batch_events=2000)
    gc.collect()
    tracemalloc.start()
    kept = [event for event in EventIterator(reader, None, compile_field) if event.num % 2000 == 1]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == 70
    assert size < 200_000
    assert reader.engine is not None
    threads, descriptors = reader.engine.rows()
    assert threads < 2000 and descriptors < 2000
    assert {len(event.batch) for event in kept} <= {1, 2}


def test_memory_does_not_grow_with_what_is_dropped() -> None:
    source = busy(200).source
    seen: list[tuple[int, int]] = []
    reader = Reader(source, needs=ALL_NEEDS, batch_events=300)
    window: list[Event] = []
    for event in EventIterator(reader, None, compile_field):
        window.append(event)
        if len(window) > 1000:
            window.clear()
        if event.num % 3000 == 0:
            assert reader.engine is not None
            seen.append(reader.engine.rows())
    half = len(seen) // 2
    assert max(seen[half:]) <= max(seen[:half]) or max(seen[half:])[0] < 1.2 * max(seen[:half])[0]


def test_same_event_twice_and_one_of_them_dropped() -> None:
    reader = Reader(busy(2).source, needs=ALL_NEEDS, batch_events=50)
    fields = FieldReader(compile_field)
    assert reader.advance()
    first = event_at(reader.batch, 4, fields)
    twin = event_at(reader.batch, 4, fields)
    other = event_at(reader.batch, 1, fields)
    expected = first.args, other.args
    del twin
    while reader.advance():
        pass
    assert (first.args, other.args) == expected
    assert (first.num, other.num) == (5, 2)
    assert first.batch is other.batch
    assert first.batch.num.tolist() == [5, 2]
    assert first.batch.type.tolist() == [first.type_number, other.type_number]
    alone = first.batch
    del first, other
    assert len(alone) == 2


def test_users_are_those_of_the_batch() -> None:
    capture = CaptureBuilder().thread(1, "init").users({5: "early", 6: "gone"}, {5: "group"})
    capture.event("SYSCALL_SETUID_E", 5).event("SYSCALL_SETUID_E", 6)
    capture.users({5: "late"}, {})
    capture.event("SYSCALL_SETUID_E", 5).event("SYSCALL_SETUID_E", 6)
    shown = [event.args for event in list(iterate_memory(capture.source))]
    assert shown == ["uid=5(early) ", "uid=6(gone) ", "uid=5(late) ", "uid=6(<NA>) "]


def iterate_memory(source: Memory, batch_events: int = 16384) -> EventIterator:
    return EventIterator(Reader(source, needs=ALL_NEEDS, batch_events=batch_events), None, compile_field)


def test_other_threads_may_look_at_kept_events_while_reading_goes_on() -> None:
    source = busy(150).source
    kept: list[Event] = []
    wrong: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for event in kept[:500]:
                if event["proc.name"] is None or not isinstance(event.args, str):
                    wrong.append(event)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for event in iterate_memory(source, 200):
            if event.num % 50 == 0:
                kept.append(event)
            if len(kept) > 700:
                del kept[:600]
    finally:
        done.set()
        thread.join()
    assert not wrong


def test_fields_whose_columns_were_not_asked_for() -> None:
    reader = Reader(busy(1).source, needs=0)
    assert reader.advance()
    fields = FieldReader(compile_field)
    for name in ("proc.vmsize", "evt.latency"):
        with pytest.raises(FieldError, match="without the columns"):
            fields.value_of(reader.batch, 0, name)
    assert fields.value_of(reader.batch, 0, "proc.name") == "prog"


def test_batch_size_is_checked() -> None:
    for size in (0, 16385):
        with pytest.raises(ValueError, match="between 1 and 16384"):
            Reader(busy(1).source, batch_events=size)
    sizes: Sequence[int] = [len(batch) for batch in batches(busy(1).source, 100)]
    assert sizes == [100, 100, 100, 50]


def batches(source: Memory, batch_events: int) -> list[EventBatch]:
    reader = Reader(source, batch_events=batch_events)
    found = []
    while reader.advance():
        found.append(reader.batch)
    return found


def test_the_garbage_collector_gives_everything_back() -> None:
    class Knot:
        """Something in a cycle that holds what a reader gave."""

        def __init__(self, *held: object) -> None:
            self.held = held
            self.self = self

    reader = Reader(open_source(busy(3).content), needs=ALL_NEEDS, batch_events=100)
    fields = FieldReader(compile_field)
    while reader.advance():
        Knot(reader.batch, event_at(reader.batch, 3, fields), fields, memoryview(reader.batch.chunk))
        Knot(event_at(reader.batch, 5, fields))
    engine = reader.engine
    assert engine is not None and engine.kept > 3
    Knot(reader, Knot(reader.batch))
    del reader
    gc.collect()
    assert engine.kept == 0
