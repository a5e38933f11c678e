"""The exit view beside what the newest libraries say of the same captures, cell by cell."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

COLUMNS = (
    "evt.num evt.rawtime evt.type evt.cpu proc.pid thread.tid proc.name proc.exepath proc.cmdline proc.pname proc.cwd "
    "user.uid fd.num fd.type fd.name fs.path.name evt.rawres evt.failed evt.buflen evt.args"
).split()
START = re.compile(rb"\d+\t\d{18,20}\t")
#: Percent of the cells of a capture, and of a column over all captures, that must be the same.
CAPTURE_FLOOR = 95.0
COLUMN_FLOOR = 99.0

Rows = dict[tuple[bytes, bytes, bytes], list[list[bytes]]]
SHARED = Path(os.environ.get("SCAPPY_SHARED") or Path(__file__).resolve().parents[3] / "shared")
NAMES = sorted(path.name.removesuffix(".tsv.gz") for path in SHARED.glob("golden-2026/*.tsv.gz"))


def lines(data: bytes) -> Iterator[bytes]:
    """One item an event; a line that begins with no number and time goes on with the one before."""
    item = b""
    for line in data.split(b"\n"):
        if START.match(line):
            if item:
                yield item
            item = line
        elif item:
            item += b"\n" + line
    if item:
        yield item


def rows(data: bytes) -> Rows:
    """Cells by time, thread and type, which no two events of a capture share but by chance."""
    table: Rows = defaultdict(list)
    for line in lines(data):
        cells = line.rstrip(b"\n").split(b"\t", len(COLUMNS) - 1)
        table[cells[1], cells[5], cells[2]].append(cells)
    return table


def exit_view(path: Path) -> bytes:
    """What scapdig prints."""
    command = [sys.executable, "-m", "scappy.cli.scapdig", "--exit-only", "-r", str(path)]
    command += ["-p", "*" + "\t".join(f"%{name}" for name in COLUMNS)]
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, stdout=subprocess.PIPE, env=environment, timeout=300, check=True).stdout


@pytest.fixture(scope="module")
def agreement() -> dict[str, tuple[int, Counter[str]]]:
    """Of each capture: how many events either side shows, and how often each column is the same."""
    return {}


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_capture(name: str, all_captures: list[Path], agreement: dict[str, tuple[int, Counter[str]]]) -> None:
    if not NAMES:
        pytest.fail("there is nothing from the newest libraries beside the captures")
    path = next(path for path in all_captures if path.name.startswith(name + ".scap"))
    theirs = rows(gzip.decompress((SHARED / "golden-2026" / f"{name}.tsv.gz").read_bytes()))
    ours = rows(exit_view(path))
    events = 0
    same: Counter[str] = Counter()
    for key in theirs.keys() | ours.keys():
        events += max(len(theirs.get(key, [])), len(ours.get(key, [])))
        for expected, found in zip(theirs.get(key, []), ours.get(key, []), strict=False):
            same.update(column for column, a, b in zip(COLUMNS, expected, found, strict=True) if a == b)
    agreement[name] = events, same
    if events:
        assert 100 * sum(same.values()) / (events * len(COLUMNS)) >= CAPTURE_FLOOR


@pytest.mark.parametrize("column", COLUMNS)
def test_column(column: str, agreement: dict[str, tuple[int, Counter[str]]]) -> None:
    events = sum(count for count, _ in agreement.values())
    if len(agreement) < len(NAMES) or not events:
        pytest.skip("not all captures have been compared")
    assert 100 * sum(same[column] for _, same in agreement.values()) / events >= COLUMN_FLOOR
