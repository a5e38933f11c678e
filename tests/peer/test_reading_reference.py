"""Every shared capture is read whole: blocks, shown events and the last number agree with the reference tools."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import scappy

EVENT_BLOCKS = {0x204, 0x208, 0x216, 0x217, 0x221, 0x222}


def count_event_blocks(content: bytes) -> int:
    place, count = 0, 0
    while place < len(content):
        kind, length = struct.unpack_from("<II", content, place)
        count += kind in EVENT_BLOCKS
        place += length
    return count


def unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def test_old_captures(shared_captures: list[Path], reference: Callable[..., object]) -> None:
    for path in shared_captures:
        done = reference("-r", path, "-p", "%evt.num")
        numbers = [int(line) for line in done.stdout.split()]  # type: ignore[attr-defined]
        capture = scappy.open(path)
        assert [event.num for event in capture] == numbers, path.name
        assert capture.info().event_blocks == count_event_blocks(unpacked(path)), path.name


def test_new_captures(newer_captures: list[Path], shared_directory: Path) -> None:
    for path in newer_captures:
        golden = shared_directory / "golden-2026" / (path.name.split(".")[0] + ".tsv.gz")
        lines = gzip.decompress(golden.read_bytes()).split(b"\n")
        numbers = [int(line.split(b"\t")[0]) for line in lines if re.match(rb"\d+\t\d{18,20}\t", line)]
        info = scappy.open(path, view="exit").info()
        assert (info.shown, info.events) == (len(numbers), numbers[-1]), path.name
        assert info.event_blocks == count_event_blocks(unpacked(path)), path.name
        assert scappy.open(path).info().shown == len(numbers), path.name
        assert not info.unknown_types
