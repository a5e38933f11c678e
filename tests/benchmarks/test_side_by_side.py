"""The comparison beside the reference: it sees differences, measures whole processes and fails where it should."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "side_by_side.py"
side_by_side = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def printing(text: str) -> list[str]:
    return [sys.executable, "-c", f"print({text!r}, end='')"]


@pytest.mark.parametrize(
    ("ours", "theirs", "numbered", "outcome"),
    [
        ("1 a\n2 b\n", "1 a\n2 b\n", True, (2, 0, False)),
        ("1 a\n2 c\n", "1 a\n2 b\n", True, (2, 1, False)),
        ("1 a\n3 b\n", "1 a\n2 b\n", True, (2, 1, True)),
        ("{1}\n{3}\n", "{1}\n{2}\n", False, (2, 1, False)),
        ("1 a\n", "1 a\n2 b\n", True, (2, 1, True)),
        ("1 a\n2 b\n", "1 a\n", False, (1, 1, True)),
        ("", "", True, (0, 0, False)),
    ],
)
def test_compare(ours: str, theirs: str, numbered: bool, outcome: tuple[int, int, bool]) -> None:
    assert tuple(side_by_side.compare(printing(ours), printing(theirs), numbered)) == outcome


def test_what_fails_is_told() -> None:
    fails = [sys.executable, "-c", "import sys; sys.exit('out of luck')"]
    with pytest.raises(RuntimeError, match="ended with 1: out of luck"):
        side_by_side.run_to_end(fails)
    with pytest.raises(RuntimeError, match="ended with 1: out of luck"):
        side_by_side.compare(printing(""), fails, True)


def usage_of(program: str) -> SimpleNamespace:
    """Usage of a Python program whose parent is as small as the benchmark is."""
    script = "import sys, side_by_side; print(*side_by_side.run_to_end([sys.executable, '-c', sys.argv[1]]))"
    done = subprocess.run([sys.executable, "-c", script, program], cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    return SimpleNamespace(**dict(zip(("wall", "cpu", "memory"), map(float, done.stdout.split()), strict=True)))


def test_usage_is_that_of_the_child() -> None:
    little = usage_of("")
    much = usage_of("import time; held = bytearray(b'x' * (100 << 20)); time.sleep(0.3); sum(range(3000000))")
    assert much.memory > little.memory + 95
    assert much.wall > 0.3
    assert 0 < little.cpu < much.cpu < much.wall


def test_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--tool", "echo 1", "--reference", "echo 1", "--pairs", "1", "--events", "5000", "--only", "evt.type|-j"]
    arguments += ["--keep", str(tmp_path)]
    assert side_by_side.main(arguments) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) > 4
    assert all(line.endswith("| 1 lines, equal |") for line in lines[2:])
    assert (tmp_path / "long.scap").stat().st_size > (tmp_path / "short.scap").stat().st_size
    arguments[1] = "echo 2"
    assert side_by_side.main(arguments) == 1
    assert "DIFFERENT EVENTS" in capsys.readouterr().out
    assert side_by_side.main([*arguments, "--only", "no such workload"]) == 2
    assert side_by_side.main(["--tool", "no-such-program", *arguments[2:]]) == 1


def test_workloads_say_the_same_in_both_worlds(tmp_path: Path, reference: object) -> None:
    """Everything on a small capture, the reference included."""
    pytest.importorskip("polars")
    tool = f"{sys.executable} -m scappy.cli.scapdig"
    arguments = ["--tool", tool, "--pairs", "1", "--events", "20000"]
    assert side_by_side.main([*arguments, "--keep", str(tmp_path)]) == 0
