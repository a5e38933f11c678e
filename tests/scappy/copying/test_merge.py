"""Several captures as one: read one after another, merged, and taken apart."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import scappy
from scapcore.errors import ScapError, SourceError
from scappy.capture import Capture
from scappy.copying import CopySettings, Rotation, copy_capture
from scappy.copying.merge import HOST_STEP, merge
from scappy.copying.split import split
from scappy.samples import write_walkthrough

FIELDS = ("evt.rawtime", "proc.name", "proc.exepath", "fd.num", "fd.name", "evt.type", "evt.dir", "container.name")


def rows(capture: Capture) -> list[tuple[Any, ...]]:
    return [tuple(event[name] for name in FIELDS) for event in capture]


@pytest.fixture(scope="module")
def walkthrough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walkthrough") / "capture.scap"
    write_walkthrough(path)
    return path


def test_a_rotated_set_is_one_capture(walkthrough: Path, tmp_path: Path) -> None:
    capture = scappy.open(walkthrough)
    settings = CopySettings(rotation=Rotation(events=9000), compress="zstd")
    files = copy_capture(capture, tmp_path / "ring.scap", settings).files
    assert len(files) > 10
    # `ring.scap10` comes before `ring.scap2` by name, but not in time.
    for what in (str(tmp_path / "ring.scap*"), files[::-1]):
        whole = scappy.open(what)
        assert rows(whole) == rows(capture)
        assert [event.num for event in whole.filter("evt.num < 4")] == [event.num for event in capture.filter("evt.num < 4")]
        assert len(rows(whole)) == len(rows(capture))
        with pytest.raises(ScapError, match="is the capture that is read"):
            whole.write(files[0])


def test_a_cut_file_among_several(walkthrough: Path, tmp_path: Path) -> None:
    files = copy_capture(scappy.open(walkthrough), tmp_path / "r", CopySettings(rotation=Rotation(events=30000))).files
    first = Path(files[0])
    first.write_bytes(first.read_bytes()[:-7])
    whole = scappy.open(files)
    assert whole.report.gap_count == 1
    assert whole.info().events >= sum(scappy.open(name).info().events for name in files[1:])


def test_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing matches"):
        scappy.open(str(tmp_path / "*.scap"))
    with pytest.raises(SourceError, match="empty list"):
        scappy.open([])
    with pytest.raises(SourceError, match="only paths"):
        scappy.open([b"bytes"])


def test_parts_of_one_machine(walkthrough: Path, tmp_path: Path) -> None:
    capture = scappy.open(walkthrough)
    files = copy_capture(capture, tmp_path / "r", CopySettings(rotation=Rotation(events=40000))).files
    target = io.BytesIO()
    result = merge([scappy.open(name) for name in reversed(files)], target)
    assert list(result.hosts.values()) == [0]
    assert rows(scappy.open(target.getvalue())) == rows(capture)


def test_two_machines(shared_captures: list[Path]) -> None:
    names = "sysflow__rename", "sysflow__files", "libs__captures__curl"
    captures = [scappy.open(path) for path in shared_captures if path.name.startswith(names)]
    target = io.BytesIO()
    result = merge(captures, target, compress="lz4")
    assert sorted(result.hosts.values()) == [0, HOST_STEP, 2 * HOST_STEP]
    whole = scappy.open(target.getvalue())
    times = [event["evt.rawtime"] for event in whole]
    assert times == sorted(times)
    found = {
        number: rows(whole.filter(f"thread.tid >= {number * HOST_STEP} and thread.tid < {(number + 1) * HOST_STEP}"))
        for number in range(3)
    }
    expected = sorted(rows(capture.filter("thread.tid >= 0")) for capture in captures)
    assert sorted(found.values()) == expected


def test_nothing_is_merged() -> None:
    with pytest.raises(ScapError, match="nothing to merge"):
        merge([], io.BytesIO())


def test_a_capture_for_each_container(walkthrough: Path, tmp_path: Path) -> None:
    capture = scappy.open(walkthrough)
    results = split(capture, tmp_path / "parts", "container")
    assert len(results) > 1
    for value, result in results.items():
        part = scappy.open(result.files[0])
        assert rows(part) == rows(capture.filter(f"container.id = {value}")), value
    with pytest.raises(ScapError, match="container, pod"):
        split(capture, tmp_path, "moon")
