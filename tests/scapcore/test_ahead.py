"""A reader that walks ahead in a thread gives what one without gives, wherever it is stopped, damaged or forked."""

from __future__ import annotations

import io
import os
import runpy
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
from capture_builder import CaptureBuilder

from scapcore.errors import CorruptCaptureError
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.samples import write_walkthrough

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "make_capture.py"
make_capture = SimpleNamespace(**runpy.run_path(str(SCRIPT)))
EVENTS = 200_000


@pytest.fixture(scope="module")
def long_capture() -> bytes:
    """More bytes than it takes to be worth a thread."""
    original, output = io.BytesIO(), io.BytesIO()
    write_walkthrough(original)
    make_capture.replicate(make_capture.cut(original.getvalue()), EVENTS, output)
    assert len(output.getvalue()) > 10 << 20
    return output.getvalue()


def batches(data: bytes, ahead: bool, batch_events: int = 16384, modern: bool = False) -> Iterator[list[object]]:
    reader = Reader(open_source(data), ahead=ahead, batch_events=batch_events, modern=modern, needs=15)
    damage = None
    while True:
        try:
            if not reader.advance():
                break
        except CorruptCaptureError as error:
            damage = str(error)
            break
        batch = reader.batch
        columns = (batch.num, batch.ts, batch.tid, batch.type, batch.nparams, batch.thread, batch.fd, batch.hidden)
        yield [reader.last_number, reader.event_blocks, *(numpy.array(column).tobytes() for column in columns)]
    yield [damage, reader.event_blocks, reader.last_number, reader.blocks, str(reader.gaps)]


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("batch_events", [1000, 16384])
def test_batches_are_the_same(long_capture: bytes, batch_events: int, modern: bool) -> None:
    pairs = zip(
        batches(long_capture, True, batch_events, modern), batches(long_capture, False, batch_events, modern), strict=True
    )
    for walked, plain in pairs:
        assert walked == plain


def test_damage_is_met_in_its_place(long_capture: bytes) -> None:
    data = damaged(long_capture)
    assert list(batches(data, True)) == list(batches(data, False))


def events(data: bytes, ahead: bool, modern: bool = False) -> list[object]:
    """What a pass without tables tells, however it is cut into batches."""
    reader = Reader(open_source(data), ahead=ahead, state=False, modern=modern)
    damage = None
    found: list[list[numpy.ndarray]] = []
    try:
        while reader.advance():
            batch = reader.batch
            found.append([numpy.array(column) for column in (batch.num, batch.ts, batch.type, batch.nparams, batch.hidden)])
    except CorruptCaptureError as error:
        damage = str(error)
    columns = [numpy.concatenate(parts).tobytes() for parts in zip(*found, strict=True)]
    return [*columns, damage, reader.event_blocks, reader.last_number, reader.blocks, str(reader.gaps)]


def damaged(data: bytes) -> bytes:
    """The same with bytes overwritten here and there, and a block of unknown type in it."""
    changed = bytearray(data)
    for place in range(1 << 20, len(changed) - (1 << 20), 1_234_567):
        changed[place : place + 40] = os.urandom(40)
    return bytes(changed[: -(3 << 20)] + struct.pack("<II", 0x7777, 16) + b"????" + struct.pack("<I", 16) + changed[-(3 << 20) :])


def test_a_shared_walk_finds_the_same_events(long_capture: bytes) -> None:
    assert events(long_capture, True) == events(long_capture, False)
    broken = damaged(long_capture)
    assert events(broken, True) == events(broken, False)


def test_blocks_in_payloads_are_no_events() -> None:
    inner = CaptureBuilder()
    before = len(inner.content)
    for _ in range(8):
        inner.event("SYSCALL_CLOSE_E", 3)
    capture = CaptureBuilder().thread(1, "init")
    start = len(capture.content)
    for number in range(50):
        # A thread that begins within a payload finds a walk of its own; it must not be believed.
        payload = inner.content[before:] * (number % 40)
        capture.event("SYSCALL_READ_X", len(payload), payload)
    count = (12 << 20) // (len(capture.content) - start)
    data = capture.content[:start] + capture.content[start:] * count
    found = events(data, True)
    assert found == events(data, False)
    assert found[-3] == 50 * count


def test_the_size_of_batches_can_change(long_capture: bytes) -> None:
    reader = Reader(open_source(long_capture))
    sizes = []
    while reader.advance():
        sizes.append(len(reader.batch))
        reader.batch_events = 16384 if len(sizes) % 3 else 77
    assert sum(sizes) == EVENTS and {77, 16384} <= set(sizes)


@pytest.mark.parametrize("state", [False, True])
def test_a_reader_can_be_left_at_any_time(long_capture: bytes, state: bool) -> None:
    for count in range(6):
        reader = Reader(open_source(long_capture), state=state)
        for _ in range(count):
            assert reader.advance()
        del reader


@pytest.mark.parametrize("state", [False, True])
def test_a_fork_goes_on_alone(long_capture: bytes, state: bool) -> None:
    reader = Reader(open_source(long_capture), state=state)
    assert reader.advance() and reader.advance()
    child = os.fork()
    if not child:
        count = reader.last_number
        while reader.advance():
            count += len(reader.batch)
        del reader
        os._exit(0 if count == EVENTS else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    while reader.advance():
        pass
    assert reader.last_number == EVENTS
