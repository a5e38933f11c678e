"""The native modules under the compilers' sanitizers, in a shorter form than ``make sanitize``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Where bytes that nobody checked meet the most code.
CHOSEN = "test_damage test_recovery test_converter test_kept test_ahead test_text"


@pytest.mark.slow
@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="this is the sanitized run")
@pytest.mark.usefixtures("sanitized")
def test_nothing_is_found() -> None:
    tests = " ".join(f"tests/scapcore/{name}.py" for name in CHOSEN.split())
    command = ["make", "--no-print-directory", "sanitize", f"SANITIZED_TESTS={tests}", "PYTEST_ARGUMENTS=--capture=no -q"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
