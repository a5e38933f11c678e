"""The watch of conftest.py over errors that nobody raised: it sees them, and only them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("pass", True),
        ("import sys; print('a warning', file=sys.stderr)", True),
        ("import os; os.write(2, b'Exception ignored in: f')", False),
        ("import sys; print('Exception ignored in: f', file=sys.stderr)", False),
        ("type('Fails', (), {'__del__': lambda self: 1 / 0})()", False),
    ],
    ids=["silent", "other words", "written natively", "printed", "failing finalizer"],
)
def test_ignored_exceptions_fail_a_test(tmp_path: Path, body: str, passes: bool) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    {body}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == (0 if passes else 1), done.stdout + done.stderr
