"""Lists of interfaces and users of every version, as entries of the newest one (scap format, sections 8 and 9)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["INTERFACE_SIZES", "INTERFACES", "USERS", "list_block", "list_entries"]

INTERFACES, USERS = 0x219, 0x220
#: The newest number of each kind of list.
NEWEST = {
    0x205: INTERFACES, 0x8011ABCD: INTERFACES, INTERFACES: INTERFACES, 0x206: USERS, 0x8012ABCD: USERS, USERS: USERS,
}  # fmt: skip
#: Bytes between the type and the name of an interface.
INTERFACE_SIZES = {1: 20, 2: 56, 3: 12, 4: 48}


def list_entries(kind: int, block: bytes, *, known: bool = False) -> tuple[int, bytes]:
    """The newest number of a list and its entries in the newest form, without padding; 0 for other blocks.

    Parameters
    ----------
    kind : int
        Type of the block.
    block : bytes
        The whole block. An entry that does not fit ends the list.
    known : bool
        Leave out what newer tools may have put behind the values that are known, and entries of which nothing is.
    """
    newest = NEWEST.get(kind, 0)
    if not newest:
        return 0, b""
    body = block[8:-4]
    if kind != newest:
        return newest, b"".join(_plain(body, newest))
    entries = _sized(body, newest == INTERFACES)
    if known:
        return newest, b"".join(next(_plain(entry[4:], newest), b"") for entry in entries)
    return newest, b"".join(entries)


def list_block(kind: int, entries: bytes) -> bytes:
    """A block of entries."""
    body = entries + bytes(-len(entries) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _sized(body: bytes, outside: bool) -> Iterator[bytes]:
    """Entries that state their lengths; `outside`: these do not count themselves."""
    place = 0
    while place + 4 <= len(body):
        length: int = struct.unpack_from("<I", body, place)[0] + (4 if outside else 0)
        if length <= 4 or place + length > len(body):
            return
        yield body[place : place + length]
        place += length


def _plain(body: bytes, newest: int) -> Iterator[bytes]:
    """Entries that follow one another without their lengths, each with its length before it."""
    place = 0
    while place < len(body):
        end = (_interface_end if newest == INTERFACES else _user_end)(body, place)
        if not end:
            return
        yield struct.pack("<I", end - place + (0 if newest == INTERFACES else 4)) + body[place:end]
        place = end


def _interface_end(body: bytes, place: int) -> int:
    """Where the entry of an interface ends; 0 if it does not fit."""
    if place + 4 > len(body):
        return 0
    kind, name = struct.unpack_from("<HH", body, place)
    end: int = place + 4 + INTERFACE_SIZES.get(kind, 0) + name
    return end if kind in INTERFACE_SIZES and end <= len(body) else 0


def _user_end(body: bytes, place: int) -> int:
    """Where the entry of a user or group ends; 0 if it does not fit."""
    end: int = place + (9 if body[place] == 0 else 5)
    for _ in range(3 if body[place] == 0 else 1):
        if end + 2 > len(body):
            return 0
        end += 2 + struct.unpack_from("<H", body, end)[0]
    return end if end <= len(body) else 0
