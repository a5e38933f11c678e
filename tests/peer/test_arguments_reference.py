"""Texts of parameters beside those of sysdig 0.29.3 and of the newest libraries, byte for byte.

What only a newer tool knows cannot be equal: parameters that were added after 0.29.3 follow behind those that it
prints, and types that it does not know take no number there.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from scapcore.batch import EventBatch
from scapcore.reader import Reader
from scapcore.schema import event_types
from scapcore.text import ArgumentText, json_text

SHARED = Path(os.environ.get("SCAPPY_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CAPTURES = sorted((SHARED / "captures").glob("*.scap"))
NEW_CAPTURES = sorted((SHARED / "captures-2026").glob("*.scap*"))
NEED_LINKS_AND_CHANGES = 12

MODES: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "normal": ((), {}),
    "ascii": (("-A",), {"mode": "ascii"}),
    "hex": (("-x",), {"mode": "hex"}),
    "hexascii": (("-X",), {"mode": "hexascii"}),
    "base64": (("-b",), {"mode": "base64"}),
    "verbose": (("-v",), {"unlimited": True}),
}

Extract = Callable[[ArgumentText, EventBatch, int], bytes | None]


def need(condition: bool, what: str) -> None:
    """Skip where something is missing; in CI that is a failure."""
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


class Memory:
    """A source for a reader."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self.mapped = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        self.name = path.name

    def release(self, offset: int) -> None:
        """Nothing to give back."""


def rows(path: Path, *, modern: bool = False) -> Iterator[tuple[int, EventBatch, int]]:
    """Number, batch and row of all shown events; the number is that of a tool without the newer types."""
    reader = Reader(Memory(path), state=True, needs=NEED_LINKS_AND_CHANGES, modern=modern)
    unknown = 0
    while reader.advance():
        batch = reader.batch
        hidden, kinds = batch.hidden, batch.type
        for row in range(len(batch)):
            if not modern and event_types()[kinds[row]].reference_params is None:
                unknown += 1
            elif modern or not hidden[row]:
                yield batch.first_number + row - unknown, batch, row


def run(*arguments: str) -> bytes:
    """What sysdig prints."""
    need(shutil.which("sysdig") is not None, "sysdig")
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    command = ["sysdig", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, check=True, timeout=120).stdout


def reference(path: Path, field: str, *options: str) -> dict[int, bytes]:
    """A field of all events as sysdig prints it."""
    output = run("-r", str(path), *options, "-p", f"*\x01%evt.num\x02{field}\x03")
    found = {}
    for part in re.split(rb"\x03\n(?=\x01|$)", output):
        number, _, value = part.lstrip(b"\x01").partition(b"\x02")
        if number:
            found[int(number)] = value
    return found


def longer(batch: EventBatch, row: int) -> bool:
    """True if the capture holds parameters that 0.29.3 does not know."""
    return bool(batch.nparams[row] > (event_types()[batch.type[row]].reference_params or 0))


def compare(path: Path, field: str, extract: Extract, options: tuple[str, ...], settings: dict[str, object]) -> None:
    expected = reference(path, field, *options)
    text = ArgumentText(**settings)  # type: ignore[arg-type]
    count = 0
    for number, batch, row in rows(path):
        value = extract(text, batch, row)
        value = b"<NA>" if value is None else value
        if field in ("%evt.args", "%evt.info") and longer(batch, row):
            assert value.startswith(expected[number]), number
        else:
            assert value == expected[number], number
        count += 1
    assert count == len(expected)


@pytest.fixture(scope="module", autouse=True)
def captures() -> None:
    need(bool(CAPTURES), f"{SHARED / 'captures'}")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_all_parameters(path: Path, mode: str) -> None:
    compare(path, "%evt.args", ArgumentText.arguments, *MODES[mode])


@pytest.mark.parametrize("mode", ["normal", "ascii"])
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_information(path: Path, mode: str) -> None:
    compare(path, "%evt.info", ArgumentText.info, *MODES[mode])


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_single_parameters(path: Path, index: int) -> None:
    compare(path, f"%evt.arg[{index}]", lambda text, batch, row: text.argument(batch, row, index), (), {})


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_parameter_by_name(path: Path) -> None:
    compare(path, "%evt.arg.fd", lambda text, batch, row: text.argument(batch, row, "fd"), (), {})


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_json(path: Path) -> None:
    output = run("-j", "-r", str(path), "-p", "*%evt.num %evt.info")
    expected = {
        int(match[2]): match[1]
        for match in re.finditer(rb'\{"evt\.info":("(?:[^"\\]|\\.)*"),"evt\.num":(\d+)\}', output)
    }
    text = ArgumentText(unlimited=True)
    count = 0
    for number, batch, row in rows(path):
        value = json_text(text.info(batch, row))
        if longer(batch, row):
            assert value[:-1].startswith(expected[number][:-1]), number
        else:
            assert value == expected[number], number
        count += 1
    assert count == len(expected)


@cache
def newest(path: Path) -> dict[int, list[bytes]]:
    """What the newest libraries say of the events of a capture."""
    name = path.name.removesuffix(".gz").removesuffix(".scap") + ".tsv.gz"
    lines: dict[int, bytes] = {}
    number = 0
    for line in gzip.decompress((SHARED / "golden-2026" / name).read_bytes()).removesuffix(b"\n").split(b"\n"):
        match = re.match(rb"(\d+)\t", line)
        if match:
            number = int(match[1])
            lines[number] = line
        else:
            lines[number] += b"\n" + line
    return {number: line.split(b"\t", 19) for number, line in lines.items()}


def modern_texts(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, text of the newest libraries and text here of each event that they show."""
    expected = newest(path)
    text = ArgumentText(unlimited=True)
    seen = set()
    for number, batch, row in rows(path, modern=True):
        if number in expected:
            seen.add(number)
            yield number, expected[number][19], text.arguments(batch, row) or b"<NA>"
    assert seen == set(expected)


def without_names(text: bytes) -> bytes:
    """A text without what descriptors are: that is told by the state engine and tested there."""
    text = re.sub(rb"\(<[0-9A-Za-z?]{1,2}>[^)]*\)", b"", text)
    return re.sub(rb"(\d:).([0-9a-f]+)", rb"\1\2", text)


@pytest.fixture
def universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is that of Greenwich."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("universal_time")
@pytest.mark.parametrize("path", NEW_CAPTURES, ids=lambda path: path.name)
def test_modern_values(path: Path) -> None:
    for number, expected, value in modern_texts(path):
        assert without_names(value) == without_names(expected or b"<NA>"), number


@pytest.mark.usefixtures("universal_time")
@pytest.mark.parametrize("path", NEW_CAPTURES, ids=lambda path: path.name)
def test_modern(path: Path) -> None:
    for number, expected, value in modern_texts(path):
        assert value == (expected or b"<NA>"), number
