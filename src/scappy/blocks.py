"""Blocks in a row, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["EVENTS", "SECTION", "blocks_of", "event_blocks"]

SECTION = 0x0A0D0D0A
EVENTS = frozenset((0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x8010ABCD))


def blocks_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each of the blocks that follow one another; what is no whole block ends them."""
    place = 0
    while place + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, place)
        if length < 12:
            return
        yield kind, data[place : place + length]
        place += length


def event_blocks(data: bytes) -> int:
    """How many of the blocks are events."""
    return sum(kind in EVENTS for kind, _ in blocks_of(data))
