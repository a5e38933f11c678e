"""Time the start of programs on a small capture, process and all, beside that of the interpreter alone. ``make bench``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from scappy.writer import CaptureWriter

ROUNDS = 15
PROGRAM = "from scappy.cli.start import scapdig; scapdig()"
STARTS = {
    "interpreter": ("pass", b""),
    "import": ("import scappy", b""),
    "open and filter": ("import scappy, sys; scappy.open(sys.argv[2]).filter('evt.type = read')", b""),
    "events": ("import scappy, sys; print(next(iter(scappy.open(sys.argv[2]))).num)", b"1\n"),
    "scapdig": (PROGRAM, b"1\n"),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("captures") / "small.scap"
    with CaptureWriter(file) as writer:
        for index in range(1000):
            writer.event("open", "<", 1_000 + index, 42, fd=3, name="/etc/hosts", flags=1, mode=0)
    return file


@pytest.mark.parametrize("start", STARTS)
def test_start(benchmark: BenchmarkFixture, path: Path, start: str) -> None:
    """A process from its beginning to its end, with the modules of the library compiled."""
    script, output = STARTS[start]
    words = ("-r", str(path), "-n", "1", "-p", "%evt.num", "fd.name contains etc or evt.num = 1")

    def work() -> bytes:
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True)
        return done.stdout

    assert benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1) == output  # type: ignore[no-untyped-call]
