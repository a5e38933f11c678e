"""Leave descriptors out of the lists with which a capture begins."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from scapcore.write import BlockEncoder
from scappy.blocks import blocks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["without_descriptors"]

LIST = 0x218
#: The beginning of a call whose only parameter is a descriptor: `close`.
CLOSE = 4
FIRST_TIME = 1


def entries(block: bytes) -> list[tuple[int, bytes]]:
    """Number and bytes of each entry of a descriptor list."""
    found = []
    place = 16
    while place + 12 <= len(block) - 4:
        size = struct.unpack_from("<I", block, place)[0]
        if size < 12 or place + size > len(block) - 4:
            break
        found.append((struct.unpack_from("<q", block, place + 4)[0], block[place : place + size]))
        place += size
    return found


def probe(tid: int, number: int) -> bytes:
    """An event that does nothing but name a descriptor."""
    body = struct.pack("<HQQIHIHq", 0, FIRST_TIME, tid & (1 << 64) - 1, 26 + 2 + 8, CLOSE, 1, 8, number)
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", 0x216) + length + body + length


def without_descriptors(head: bytes, filters: Sequence[str]) -> tuple[bytes, int]:
    """The blocks with which a capture begins, without the descriptors that filters choose.

    Parameters
    ----------
    head : bytes
        Blocks as :meth:`scappy.copying.head.Head.anew` writes them.
    filters : sequence of str
        They see the descriptors as those of an event ``close``.

    Returns
    -------
    tuple of bytes and int
        What is left, and how many descriptors are not.
    """
    from scappy.capture import open as open_capture

    listed: list[tuple[int, int]] = []
    scene = BlockEncoder()
    scene.append(head)
    for kind, block in blocks_of(head):
        if kind == LIST:
            tid = struct.unpack_from("<q", block, 8)[0]
            for number, _ in entries(block):
                listed.append((tid, number))
                scene.append(probe(tid, number))
    if not listed:
        return head, 0
    capture = open_capture(scene.take())
    reader = capture.reader(state=False)
    while reader.advance():
        pass
    before = reader.last_number - len(listed)
    dropped = set()
    for text in filters:
        for event in capture.filter(text):
            if event.num > before:
                dropped.add(listed[event.num - before - 1])
    result = bytearray()
    for kind, block in blocks_of(head):
        if kind == LIST:
            tid = struct.unpack_from("<q", block, 8)[0]
            body = block[8:16] + b"".join(entry for number, entry in entries(block) if (tid, number) not in dropped)
            body += bytes(-len(body) % 4)
            length = struct.pack("<I", len(body) + 12)
            block = struct.pack("<I", LIST) + length + body + length
        result += block
    return bytes(result), len(dropped)
