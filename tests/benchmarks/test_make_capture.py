"""Long captures made from short ones: the right count, times that go on, and one copy of what must not repeat."""

from __future__ import annotations

import gzip
import io
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import numpy
import pytest

from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.records import Container
from scappy.writer import CaptureWriter

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "make_capture.py"
make_capture = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def small_capture(events: int = 5) -> bytes:
    """Two containers, then events 100 ns apart."""
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        for name in ("a" * 12, "b" * 12):
            writer.container(Container(name, name, "image"))
        for index in range(events):
            writer.event("open", "<", 1_000 + 100 * index, 42, fd=3, name="/etc/hosts", flags=1, mode=0)
    return target.getvalue()


def replicated(data: bytes, events: int) -> bytes:
    output = io.BytesIO()
    make_capture.replicate(make_capture.cut(data), events, output)
    return output.getvalue()


def columns(data: bytes) -> tuple[list[int], list[int]]:
    """Types and time stamps of all events."""
    types: list[int] = []
    stamps: list[int] = []
    with open_source(data) as source:
        reader = Reader(source)
        while reader.advance():
            types += reader.batch.type.tolist()
            stamps += reader.batch.ts.tolist()
    return types, stamps


@pytest.mark.parametrize("events", [3, 7, 8, 12, 19, 1000])
def test_count_and_times(events: int) -> None:
    types, stamps = columns(replicated(small_capture(), events))
    assert len(types) == events
    original_types, original_stamps = columns(small_capture())
    assert types[:7] == original_types[:events]
    # Containers once; each copy begins a nanosecond after the last event of the one before.
    assert types[2:] == [3] * (events - 2)
    assert stamps[:7] == original_stamps[:events]
    assert stamps[2:] == [1_000 + 100 * (index % 5) + 401 * (index // 5) for index in range(events - 2)]


def test_the_whole_again_is_the_whole() -> None:
    assert replicated(small_capture(), 7) == small_capture()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"", "not a plain or gzip capture"),
        (lambda data: b"\x1a" + data[1:], "not a plain or gzip capture"),
        (lambda data: data[:-5], "wrong length"),
        (lambda data: data + b"abc", "is cut at offset"),
        (lambda data: data + data, "stands among the events"),
    ],
    ids=["empty", "other", "cut block", "cut frame", "two captures"],
)
def test_what_cannot_be_repeated(spoil: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replicated(spoil(small_capture()), 10)


def test_fewer_events_than_containers() -> None:
    with pytest.raises(ValueError, match="1 events are fewer than the 2 containers"):
        replicated(small_capture(), 1)


def test_times_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        make_capture.replicate(
            make_capture.Capture(
                b"",
                0,
                numpy.full(16, 0xFF, numpy.uint8),
                numpy.array([16]),
                numpy.array([0]),
            ),
            2,
            io.BytesIO(),
        )


def test_command(tmp_path: Path) -> None:
    (tmp_path / "small.scap.gz").write_bytes(gzip.compress(small_capture()))
    command = [sys.executable, str(SCRIPT), "--events", "50", "--from", "small.scap.gz", "long.scap"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "long.scap").read_bytes() == replicated(small_capture(), 50)
    command[5] = "missing.scap"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "make_capture.py: [Errno 2] No such file or directory: 'missing.scap'\n"


def test_the_reference_reads_it(
    tmp_path: Path, reference: Callable[..., CompletedProcess[bytes]], shared_captures: list[Path]
) -> None:
    """Each copy of a real capture prints the same system calls as the original, later."""
    source = next(path for path in shared_captures if "cat_write" in path.name)
    data = make_capture.read_input(str(source))
    original = reference("-r", source, "-p", "%evt.type %evt.dir").stdout.splitlines()
    blocks = len(columns(data)[0])
    head = make_capture.cut(data).head_events
    (tmp_path / "long.scap").write_bytes(replicated(data, head + 3 * (blocks - head)))
    printed = reference("-r", tmp_path / "long.scap", "-p", "%evt.type %evt.dir").stdout.splitlines()
    assert printed[: len(original)] == original
    assert len(printed) >= 2.9 * len(original)
