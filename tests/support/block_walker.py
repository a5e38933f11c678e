"""Reads captures with struct only, so that what is written is checked by something that shares no code with it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Event(NamedTuple):
    number: int
    timestamp: int
    cpu: int
    tid: int
    type: int
    parameters: tuple[bytes, ...]
    flags: int = 0


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each block; every frame is checked."""
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from("<II", data, offset)
        assert length >= 12 and length % 4 == 0 and offset + length <= len(data)
        assert struct.unpack_from("<I", data, offset + length - 4) == (length,)
        yield kind, data[offset + 8 : offset + length - 4]
        offset += length


def events(data: bytes) -> Iterator[Event]:
    """All events with their numbers."""
    number = 0
    for kind, body in blocks(data):
        if kind not in (0x216, 0x217, 0x221, 0x222):
            continue
        number += 1
        cpu = struct.unpack_from("<H", body)[0]
        start, flags = 2, 0
        if kind in (0x217, 0x222):
            flags = struct.unpack_from("<I", body, 2)[0]
            start = 6
        timestamp, tid, length, code, count = struct.unpack_from("<QqIHI", body, start)
        wide = kind in (0x221, 0x222)
        lengths = struct.unpack_from(f"<{count}{'I' if wide else 'H'}", body, start + 26)
        offset = start + 26 + (4 if wide else 2) * count
        assert start + length == offset + sum(lengths)
        values = []
        for size in lengths:
            values.append(body[offset : offset + size])
            offset += size
        yield Event(number, timestamp, cpu, tid, code, tuple(values), flags)
