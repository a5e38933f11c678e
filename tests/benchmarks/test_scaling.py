"""The table of time and memory by length of the capture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "scaling.py"


def test_a_row_for_each_size(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--sizes", "3000,6000", "--runs", "1", "--keep", str(tmp_path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| 3,000", "| 6,000"]
    assert all(float(line.split(" | ")[2]) > 0 and float(line.rstrip(" |").split(" | ")[4]) > 1 for line in lines[4:])
    assert {path.name for path in tmp_path.iterdir()} == {"3000.scap", "6000.scap"}
