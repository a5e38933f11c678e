"""The table of what joining a cluster costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "joining.py"


def test_a_small_table(tmp_path: Path) -> None:
    words = ["--events", "150000", "--pods", "50", "--services", "10", "--pairs", "1", "--keep", str(tmp_path)]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["| pods and services", "| and their slices, replica sets, deployments"]
    assert all(re.fullmatch(r"\d+\.\d{3}", row[2]) for row in rows)


def test_captures_of_other_things_are_refused(tmp_path: Path) -> None:
    """Both filters must choose the same, and something."""
    import scappy
    from scappy.samples import write_walkthrough

    write_walkthrough(tmp_path / "whole.scap")
    scappy.open(tmp_path / "whole.scap").write(tmp_path / "part.scap", where="container.id = host")
    words = ["--capture", str(tmp_path / "part.scap"), "--pods", "5", "--services", "1", "--keep", str(tmp_path)]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "chooses 0 events" in done.stderr
