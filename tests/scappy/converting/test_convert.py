"""Conversions: each form holds what the capture holds, and a target appears only when it is whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars
import pyarrow.ipc
import pytest
from capture_builder import CaptureBuilder

import scappy
from scappy.cli.toolbox import main
from scappy.converting import FORMS, convert

FIELDS = ["evt.num", "evt.type", "proc.name", "fd.name"]
FILTER = "proc.name = curl"


@pytest.fixture(scope="module")
def capture(walkthrough: Path) -> scappy.Capture:
    return scappy.open(walkthrough).filter(FILTER)


@pytest.fixture(scope="module")
def expected(capture: scappy.Capture) -> list[list[object]]:
    return [[event[name] for name in FIELDS] for event in capture]


def test_arrow(capture: scappy.Capture, expected: list[list[object]], tmp_path: Path) -> None:
    result = convert([capture, capture], tmp_path / "o.arrow", "arrow", fields=FIELDS)
    table = pyarrow.ipc.open_file(tmp_path / "o.arrow").read_all()
    assert [list(row.values()) for row in table.to_pylist()] == expected * 2
    assert result.rows == {"events": 2 * len(expected)}
    assert polars.read_ipc(tmp_path / "o.arrow").columns == FIELDS


def test_csv(capture: scappy.Capture, expected: list[list[object]], tmp_path: Path) -> None:
    convert([capture, capture], tmp_path / "o.csv", "csv", fields=FIELDS)
    with (tmp_path / "o.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head == FIELDS
    assert rows == [["" if value is None else str(value) for value in row] for row in expected] * 2


def test_jsonl(capture: scappy.Capture, expected: list[list[object]], tmp_path: Path) -> None:
    convert([capture, capture], tmp_path / "o.jsonl", "jsonl", fields=FIELDS)
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert [[json.loads(line)[name] for name in FIELDS] for line in lines] == expected * 2


@pytest.mark.parametrize("to", FORMS)
def test_the_usual_columns_and_damage(to: str, tmp_path: Path) -> None:
    damaged = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    damaged.content += b"\xff" * 40
    damaged.event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    result = convert(scappy.open(damaged.content), tmp_path / "o", to)
    assert len(result.damage) == 1 and result.damage[0].gaps
    assert (tmp_path / "o").exists()
    assert sum(result.rows.values()) > 0 or to == "pcapng"


@pytest.mark.parametrize("to", FORMS)
def test_a_target_appears_when_it_is_whole(to: str, tmp_path: Path) -> None:
    damaged = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    damaged.content += b"\xff" * 40
    with pytest.raises(scappy.CorruptCaptureError):
        convert(scappy.open(damaged.content, strict=True), tmp_path / "o", to)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "o").write_bytes(b"")
    with pytest.raises(scappy.ScapError, match="exists already"):
        convert(scappy.open(damaged.content), tmp_path / "o", to)
    with pytest.raises(scappy.ScapError, match="cannot write"):
        convert(scappy.open(damaged.content), tmp_path / "nowhere" / "o", to)


def test_wrong_use_is_told(capture: scappy.Capture, tmp_path: Path) -> None:
    with pytest.raises(scappy.ScapError, match="cannot be converted to orc"):
        convert(capture, tmp_path / "o", "orc")
    with pytest.raises(scappy.ScapError, match="fields can be chosen"):
        convert(capture, tmp_path / "o", "parquet", fields=FIELDS)
    with pytest.raises(scappy.ScapError, match="nothing to convert"):
        convert([], tmp_path / "o", "csv")
    with pytest.raises(scappy.FieldError):
        convert(capture, tmp_path / "o", "csv", fields=["proc.nme"])
    assert list(tmp_path.iterdir()) == []


def test_the_command(walkthrough: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], expected: list[list[object]]) -> None:
    target = str(tmp_path / "o.csv")
    words = ["convert", str(walkthrough), target, "--to", "csv", "--fields", ", ".join(FIELDS), "--where", FILTER]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{len(expected)} events\n"
    assert main(["convert", str(walkthrough), str(tmp_path / "star"), "--to", "parquet", "--no-data"]) == 0
    assert "threads" in capsys.readouterr().out
    assert main(["convert", str(walkthrough), "--to", "csv"]) != 0
    assert "convert takes captures" in capsys.readouterr().err
    assert main(words) != 0
    assert "exists already" in capsys.readouterr().err
