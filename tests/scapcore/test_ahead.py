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
    damaged = bytearray(long_capture)
    for place in range(1 << 20, len(damaged) - (1 << 20), 1_234_567):
        damaged[place : place + 40] = os.urandom(40)
    damaged = damaged[: -(3 << 20)] + struct.pack("<II", 0x7777, 16) + b"????" + struct.pack("<I", 16) + damaged[-(3 << 20) :]
    data = bytes(damaged)
    assert list(batches(data, True)) == list(batches(data, False))


def test_the_size_of_batches_can_change(long_capture: bytes) -> None:
    reader = Reader(open_source(long_capture))
    sizes = []
    while reader.advance():
        sizes.append(len(reader.batch))
        reader.batch_events = 16384 if len(sizes) % 3 else 77
    assert sum(sizes) == EVENTS and {77, 16384} <= set(sizes)


def test_a_reader_can_be_left_at_any_time(long_capture: bytes) -> None:
    for count in range(6):
        reader = Reader(open_source(long_capture))
        for _ in range(count):
            assert reader.advance()
        del reader


def test_a_fork_goes_on_alone(long_capture: bytes) -> None:
    reader = Reader(open_source(long_capture))
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
