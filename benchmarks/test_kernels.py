"""Time the native core alone: from bytes to batches, with and without what costs most.

``make bench``. Each benchmark first checks that it does the work it is timed for: the right number of events, and
the same with every way to read them.
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy
import pytest
import zstandard
from pytest_benchmark.fixture import BenchmarkFixture

from scapcore.reader import Reader
from scapcore.source import open_source

sys.path.insert(0, str(Path(__file__).parent))
import make_capture  # noqa: E402

EVENTS = 500_000
ROUNDS = 5

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, 6),
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "lz4": lambda data: bytes(lz4.frame.compress(data)),
}


@pytest.fixture(scope="session")
def content() -> bytes:
    """The walkthrough's capture, repeated to `EVENTS` events."""
    output = io.BytesIO()
    make_capture.replicate(make_capture.cut(make_capture.read_input(None)), EVENTS, output)
    return output.getvalue()


@pytest.fixture(scope="session")
def path(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("captures") / "replicated.scap"
    file.write_bytes(content)
    return file


def read(path: Path, *, state: bool, modern: bool = False) -> int:
    """Read a capture to its end and count its events."""
    with open_source(path) as source:
        reader = Reader(source, state=state, modern=modern)
        while reader.advance():
            pass
        return reader.last_number


def timed(benchmark: BenchmarkFixture, work: Callable[[], int]) -> None:
    count = benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
    assert count == EVENTS
    benchmark.extra_info["nanoseconds per event"] = round(benchmark.stats.stats.median / EVENTS * 1e9, 1)


@pytest.mark.parametrize("modern", [False, True], ids=["classic", "modern"])
@pytest.mark.parametrize("state", [False, True], ids=["walk", "state"])
def test_read(benchmark: BenchmarkFixture, path: Path, state: bool, modern: bool) -> None:
    """Batches of a mapped file: framing alone, or with the state engine."""
    timed(benchmark, lambda: read(path, state=state, modern=modern))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_read_compressed(benchmark: BenchmarkFixture, content: bytes, tmp_path: Path, compression: str) -> None:
    """Batches without state, decompressed on the way."""
    file = tmp_path / "capture"
    file.write_bytes(COMPRESSIONS[compression](content))
    timed(benchmark, lambda: read(file, state=False))


def test_columns(benchmark: BenchmarkFixture, path: Path) -> None:
    """Columns of all batches looked at by NumPy: opens by event type."""

    def work() -> int:
        count = kinds = 0
        with open_source(path) as source:
            reader = Reader(source, state=False)
            while reader.advance():
                count += len(reader.batch)
                kinds += int(numpy.bincount(reader.batch.type)[3:4].sum()) + int(reader.batch.ts[-1] > 0)
        assert kinds > 0
        return count

    timed(benchmark, work)
