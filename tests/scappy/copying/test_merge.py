"""Several captures as one: read one after another, merged, and taken apart."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest

import scappy
from scapcore.errors import ScapError, SourceError
from scappy.capture import Capture
from scappy.copying import CopySettings, Rotation, copy_capture
from scappy.copying.lists import list_block, list_entries
from scappy.copying.merge import HOST_STEP, merge
from scappy.copying.split import split, split_evenly

FIELDS = ("evt.rawtime", "proc.name", "proc.exepath", "fd.num", "fd.name", "evt.type", "evt.dir", "container.name")


def rows(capture: Capture) -> list[tuple[Any, ...]]:
    return [tuple(event[name] for name in FIELDS) for event in capture]


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
    hosts = {
        number: {event["evt.hostname"] for event in whole.filter(f"thread.tid >= {max(number * HOST_STEP, 1)} and "
                                                                 f"thread.tid < {(number + 1) * HOST_STEP}")}
        for number in range(3)
    }  # fmt: skip
    assert hosts == {shift // HOST_STEP: {name} for name, shift in result.hosts.items()}
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


@pytest.mark.parametrize("limits", [{"seconds": 0.5}, {"size": 300_000}])
def test_equal_parts_begin_with_the_tables(walkthrough: Path, tmp_path: Path, limits: dict[str, Any]) -> None:
    capture = scappy.open(walkthrough)
    folder = tmp_path / "%H parts"
    result = split_evenly(capture, folder, **limits)
    assert len(result.files) > 2
    assert [Path(name).name for name in result.files] == [f"part{number}.scap" for number in range(len(result.files))]
    assert [row for name in result.files for row in rows(scappy.open(name))] == rows(capture)
    for name in result.files[:-1]:
        times = [event.ts for event in scappy.open(name)]
        assert times[-1] - times[0] <= 500_000_000 or "size" in limits
        assert Path(name).stat().st_size < 400_000 or "seconds" in limits


def test_old_lists_are_merged() -> None:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + length + body + length

    interface = struct.pack("<HH", 1, 4) + bytes([10, 0, 2, 15, 255, 255, 255, 0, 10, 0, 2, 255]) + bytes(8) + b"eth0"
    six = struct.pack("<HH", 4, 2) + bytes(48) + b"lo"
    user = b"\0" + struct.pack("<II", 1000, 100) + b"".join(struct.pack("<H", len(text)) + text for text in (b"me", b"/h", b"sh"))
    group = b"\1" + struct.pack("<I", 100) + struct.pack("<H", 3) + b"all"
    for kind, entries in ((0x205, [interface, six]), (0x8011ABCD, [six, interface])):
        found = list_entries(kind, block(kind, b"".join(entries)))
        assert found == (0x219, b"".join(struct.pack("<I", len(entry)) + entry for entry in entries))
        assert list_entries(0x219, list_block(*found)) == found
    for kind, entries in ((0x206, [user, group]), (0x8012ABCD, [group, user])):
        found = list_entries(kind, block(kind, b"".join(entries)))
        assert found == (0x220, b"".join(struct.pack("<I", len(entry) + 4) + entry for entry in entries))
        assert list_entries(0x220, list_block(*found)) == found
        assert list_entries(kind, block(kind, user + group[:6]))[1] == list_entries(kind, block(kind, user))[1]
    assert list_entries(0x215, block(0x215, user)) == (0, b"")


def test_interfaces_of_old_captures_are_merged(shared_captures: list[Path]) -> None:
    path = next(path for path in shared_captures if "502error" in path.name)
    target = io.BytesIO()
    merge([scappy.open(path)], target)
    assert rows(scappy.open(target.getvalue())) == rows(scappy.open(path))
