"""Time the kernels alone: from bytes to batches, filters, lines, columns and events.

``make bench``. Each benchmark first checks that it does the work it is timed for: the right number of events, and
the same with every way to read them.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy
import pytest
import zstandard
from pytest_benchmark.fixture import BenchmarkFixture

import scappy
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.cli import scapdig
from scappy.writer import CaptureWriter

sys.path.insert(0, str(Path(__file__).parent))
import make_capture  # noqa: E402
from workloads import COLUMNS  # noqa: E402

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
        return int(reader.event_blocks)


def timed(benchmark: BenchmarkFixture, work: Callable[[], int], events: int = EVENTS) -> None:
    count = benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
    assert count == events
    if benchmark.stats is not None:
        benchmark.extra_info["nanoseconds per event"] = round(benchmark.stats.stats.median / events * 1e9, 1)


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


#: One filter an operator, on a field of a descriptor, of a process, of the event or of its payload.
OPERATORS = {
    "type": "evt.type=connect",
    "type-in": "evt.type in (connect, execve, clone)",
    "equals": "proc.name=curl",
    "in": "proc.name in (curl, skydns, nginx)",
    "less": "proc.pid < 100",
    "contains": "fd.name contains resolv",
    "icontains": "fd.name icontains RESOLV",
    "startswith": "fd.name startswith /etc",
    "endswith": "fd.name endswith .conf",
    "glob": "fd.name glob /etc/*.conf",
    "regex": "fd.name regex '/etc/[a-z]+[.]conf'",
    "pmatch": "fd.name pmatch (/etc, /usr/lib)",
    "exists": "fd.name exists",
    "network": "fd.net in (10.0.0.0/8)",
    "port": "fd.port=53",
    "ancestors": "proc.aname=sshd",
    "payload": "evt.buffer contains localdomain",
    "payload-bytes": "evt.buffer bcontains 0a73",
    "argument": "evt.arg.res < 0",
    "transformer": "tolower(proc.name)=curl",
    "disjunction": "evt.type=connect or fd.name contains resolv or proc.name=curl",
    "negation": "not fd.name contains resolv",
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_filter(benchmark: BenchmarkFixture, path: Path, operator: str) -> None:
    """A pass with a filter that is run over all batches; what `test_read[state]` takes is in it."""
    chosen = set()

    def work() -> int:
        with scappy.open(path) as capture:
            chosen.add(sum(len(batch.selected) for batch in capture.filter(OPERATORS[operator]).batches()))
        return EVENTS

    timed(benchmark, work)
    assert len(chosen) == 1
    benchmark.extra_info["chosen"] = chosen.pop()


@pytest.mark.parametrize(
    "arguments", [[], ["-p", "%evt.num %proc.name %fd.name"], ["-j"], ["-x"]], ids=["line", "three", "json", "hex"]
)
def test_render(benchmark: BenchmarkFixture, path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All events as lines, into the null device."""
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)

        def work() -> int:
            assert scapdig.main(["-r", str(path), *arguments]) == 0
            return EVENTS

        timed(benchmark, work)


def test_iteration(benchmark: BenchmarkFixture, path: Path) -> None:
    """Light events one by one, three attributes of each."""

    def work() -> int:
        count = 0
        with scappy.open(path) as capture:
            for event in capture:
                count += bool(event.num and event.ts and event.tid)
        return EVENTS if count else 0

    timed(benchmark, work)


def test_fields_of_events(benchmark: BenchmarkFixture, path: Path) -> None:
    """Events one by one, three fields of each."""

    def work() -> int:
        with scappy.open(path) as capture:
            for event in capture:
                _ = event["evt.num"], event["proc.name"], event["fd.name"]
        return EVENTS

    timed(benchmark, work)


def test_select(benchmark: BenchmarkFixture, path: Path) -> None:
    """Eight columns of all events."""

    def work() -> int:
        with scappy.open(path) as capture:
            table = capture.select(COLUMNS)
        return EVENTS if len(table) else 0

    timed(benchmark, work)


def test_write(benchmark: BenchmarkFixture) -> None:
    """Events from values into memory."""
    few = EVENTS // 10

    def work() -> int:
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            for index in range(few):
                writer.event("open", "<", 1_000 + index, 42, fd=3, name="/etc/hosts", flags=1, mode=0)
        return few

    timed(benchmark, work, few)
