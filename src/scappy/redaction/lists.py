"""The texts in the lists before the events, as this package writes them (process list 9, descriptor list 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scappy.copying.lists import INTERFACE_SIZES

__all__ = ["descriptor_texts", "host_name", "interface_texts", "machine_block", "process_texts", "user_texts"]

PATH_TYPES_BEFORE = {16: 4, 8: 16}
ADDRESS_TYPES = frozenset((3, 4, 5, 6))
HOST_NAME_PLACE, HOST_NAME_SIZE = 8 + 20, 128
#: A machine block without its frame: what is read of it, and 24 bytes that are not.
MACHINE_KNOWN, MACHINE_SIZE = 20 + HOST_NAME_SIZE + 8, 20 + HOST_NAME_SIZE + 32


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


def user_texts(block: bytes | bytearray) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each text of a user list of the newest form."""
    place = 8
    end = len(block) - 4
    while place + 4 < end and (size := struct.unpack_from("<I", block, place)[0]):
        group = block[place + 4] != 0
        at = place + (9 if group else 13)
        for name in ("group",) if group else ("user", "home", "shell"):
            start, at = text_at(block, at)
            yield name, start, at
        place += size


def interface_texts(block: bytes | bytearray) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each text of an interface list of the newest form."""
    place = 8
    end = len(block) - 4
    while place + 8 < end and (size := struct.unpack_from("<I", block, place)[0]):
        kind, length = struct.unpack_from("<HH", block, place + 4)
        start = place + 8 + INTERFACE_SIZES[kind]
        yield "interface", start, start + length
        place += 4 + size


def machine_block(block: bytes | bytearray) -> bytearray:
    """A machine block with nothing but what is known: behind a name, and in places not used, may be anything."""
    body = bytes(block[8:-4])[:MACHINE_KNOWN]
    start = HOST_NAME_PLACE - 8
    name = body[start : start + HOST_NAME_SIZE].split(b"\0")[0].ljust(HOST_NAME_SIZE, b"\0")
    body = (body[:start].ljust(start, b"\0") + name + body[start + HOST_NAME_SIZE :]).ljust(MACHINE_SIZE, b"\0")
    length = struct.pack("<I", len(body) + 12)
    return bytearray(bytes(block[:4]) + length + body + length)


def host_name(block: bytes | bytearray) -> tuple[int, int]:
    """Start and end of the host's name in a machine block."""
    start = HOST_NAME_PLACE
    return start, start + len(bytes(block[start : start + HOST_NAME_SIZE]).split(b"\0")[0])
