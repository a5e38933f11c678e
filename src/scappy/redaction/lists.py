"""The texts in the lists before the events, as this package writes them (process list 9, descriptor list 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["descriptor_texts", "host_name", "process_texts", "user_texts"]

PATH_TYPES_BEFORE = {16: 4, 8: 16}
ADDRESS_TYPES = frozenset((3, 4, 5, 6))
HOST_NAME_PLACE, HOST_NAME_SIZE = 8 + 20, 128


def text_at(block: bytes | bytearray, place: int) -> tuple[int, int]:
    """Start and end of a text with its 16-bit length."""
    length: int = struct.unpack_from("<H", block, place)[0]
    return place + 2, place + 2 + length


def process_texts(block: bytes | bytearray) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each text of a process list."""
    place = 8
    end = len(block) - 4
    while place + 4 <= end:
        size = struct.unpack_from("<I", block, place)[0]
        if size < 4:
            return
        at = place + 4 + 5 * 8
        for name in ("comm", "exe", "exepath", "args", "cwd"):
            start, at = text_at(block, at)
            yield name, start, at
        at += 8 + 3 * 4 + 3 * 4 + 2 * 8
        start, at = text_at(block, at)
        yield "env", start, at
        at += 2 * 8
        for name in ("cgroups", "root"):
            start, at = text_at(block, at)
            yield name, start, at
        place += size


def descriptor_texts(block: bytes | bytearray) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each text of a descriptor list."""
    place = 16
    end = len(block) - 4
    while place + 4 <= end:
        size = struct.unpack_from("<I", block, place)[0]
        if size < 4:
            return
        kind = block[place + 20]
        if kind not in ADDRESS_TYPES:
            start, stop = text_at(block, place + 21 + PATH_TYPES_BEFORE.get(kind, 0))
            yield "path", start, stop
        place += size


def user_texts(block: bytes | bytearray, sized: bool) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each text of a user list, of either version."""
    place = 8
    end = len(block) - 4
    while place + 4 <= end:
        at = place + 4 if sized else place
        group = block[at] != 0
        at += 5 if group else 9
        for name in ("group",) if group else ("user", "home", "shell"):
            start, at = text_at(block, at)
            yield name, start, at
        place = place + struct.unpack_from("<I", block, place)[0] if sized else at


def host_name(block: bytes | bytearray) -> tuple[int, int]:
    """Start and end of the host's name in a machine block."""
    start = HOST_NAME_PLACE
    return start, start + len(bytes(block[start : start + HOST_NAME_SIZE]).split(b"\0")[0])
