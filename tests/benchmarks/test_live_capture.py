"""The benchmark of live capture runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scapcore.probe import available

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "live_capture.py"


def test_calls_a_second_and_losses_are_stated() -> None:
    reason = available()
    command = [sys.executable, str(SCRIPT), "--seconds", "0.05"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if reason is not None:
        assert done.returncode == 1 and reason in done.stderr
        pytest.skip(reason)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("alone") and "1.00 times as long" in lines[0]
    captured = [line for line in lines if line.startswith("scappy")]
    assert len(captured) == 4
    assert all(" events lost, " in line and " MB, reader " in line and " calls/s " in line for line in captured)
