"""Queries on a converted capture beside passes of the reference: differences are seen, and it fails where it should."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "requery.py"
requery = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def rows(printed: str) -> list[list[str]]:
    """Cells of the lines below the head of the table."""
    return [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| `")]


def test_both_find_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: object) -> None:
    """Every question, on a capture in which each of them has an answer."""
    from scappy.samples import write_walkthrough

    source = tmp_path / "walkthrough.scap"
    write_walkthrough(source)
    arguments = ["--pairs", "1", "--events", "250000", "--from", str(source), "--keep", str(tmp_path / "kept")]
    assert requery.main(arguments) == 0
    found = rows(capsys.readouterr().out)
    assert len(found) == len(requery.QUESTIONS)
    assert all(int(cells[1].replace(",", "")) > 0 for cells in found)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["long.scap"]


def test_what_differs_or_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--pairs", "1", "--events", "1000", "--keep", str(tmp_path)]
    assert requery.main([*arguments, "--reference", "echo 1"]) == 1
    assert "DIFFERENT EVENTS" in capsys.readouterr().out
    assert requery.main([*arguments, "--reference", f"{sys.executable} -c 'import sys; sys.exit(\"out of luck\")'"]) == 1
    assert "out of luck" in capsys.readouterr().err
    assert requery.main([*arguments, "--reference", "no-such-program"]) == 1
    assert requery.main([*arguments[:1], "0"]) == 2
