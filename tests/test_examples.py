"""The examples of embedding run as they are; the one in Cython is built in tests/packaging."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import scappy
from scappy.samples import write_walkthrough

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_the_dearest_files_are_those_of_the_events(tmp_path: Path) -> None:
    """The same sums event by event, which is slower and simpler."""
    path = tmp_path / "capture.scap"
    write_walkthrough(str(path))
    costs: dict[str, list[int]] = {}
    for event in scappy.open(path).filter("evt.is_io = true and evt.dir = < and fd.type = file"):
        cost = costs.setdefault(event["fd.name"], [0, 0, 0])
        cost[0] += 1
        cost[1] += event["evt.latency"]
        cost[2] += event.get("evt.buflen") or 0
    wanted = [
        f"{time / 1e6:10.3f} ms {calls:7} calls {size:9} bytes  {name}"
        for name, (calls, time, size) in sorted(costs.items(), key=lambda item: -item[1][1])[:10]
    ]
    done = run("-W", "error", EXAMPLES / "noisy_files.py", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(wanted) == 10
    assert done.stdout.splitlines() == wanted


def test_what_goes_wrong_is_told_in_a_line(tmp_path: Path) -> None:
    done = run(EXAMPLES / "noisy_files.py", tmp_path / "missing.scap")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "missing.scap" in done.stderr
