"""Types as users see them: mypy on a user's program, and the stubs beside what the native modules hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from clean_run import clean_run

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "support" / "typed_program.py"
CORE = ROOT / "src" / "scapcore"


@pytest.mark.slow
def test_a_users_program_has_the_types_it_says(environment: Path, tmp_path: Path) -> None:
    """Against what was installed, not the tree: py.typed and the stubs are there and complete."""
    (tmp_path / "program.py").write_bytes(PROGRAM.read_bytes())
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", environment / "python", "program.py"]
    assert "Success" in clean_run([*command, "--cache-dir", tmp_path / "cache"], tmp_path)


def test_the_typing_test_sees_a_wrong_type(tmp_path: Path) -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    (tmp_path / "program.py").write_text(text.replace("assert_type(event.num, int)", "assert_type(event.num, str)"))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"]
    environment = dict(os.environ) | {"MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"program\.py:\d+: error: Expression is of type .*int.*, not .*str", done.stdout), done.stdout
    assert "Found 1 error" in done.stdout


def test_stubs_agree_with_the_modules(tmp_path: Path) -> None:
    """stubtest compares names, signatures and kinds with the compiled modules."""
    allowed = ROOT / "tests" / "packaging" / "stubtest_allowed.txt"
    stubs = [".".join(path.relative_to(CORE.parent).with_suffix("").parts) for path in sorted(CORE.rglob("*.pyi"))]
    # Live capture is built where its libraries are.
    stubs = [name for name in stubs if ".probe." not in name or find_spec(name)]
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--allowlist", str(allowed), "--ignore-unused-allowlist"]
    command += ["--ignore-disjoint-bases", *stubs]
    environment = dict(os.environ) | {"MYPYPATH": str(ROOT / "src"), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
