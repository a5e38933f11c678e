"""Places in an LZ4-compressed capture at which reading can begin: written into it, and found again.

They stand in skippable frames, which every reader of LZ4 passes over. Before some frames a *checkpoint* holds the tables
as they are there, as the blocks with which a capture begins. The last frame of the file is the list of them:

=====  ===========================================================================================================
bytes  meaning
=====  ===========================================================================================================
4      magic of a skippable frame, 0x184D2A5E
4      length of what follows
32 n   for each checkpoint: where its frame begins, where the frame behind it begins, number of the event that follows,
       highest time of an event before it (u64 each)
8      ``scapseek``
4      length of this whole frame
=====  ===========================================================================================================
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from scapcore.errors import ScapError
from scapcore.source.base import Source
from scapcore.source.chain import ChainSource
from scapcore.source.opening import open_source

__all__ = ["Checkpoint", "checkpoint_frame", "index_frame", "open_at", "read_index"]

CHECKPOINT_MAGIC, INDEX_MAGIC = 0x184D2A5D, 0x184D2A5E
MARK = b"scapseek"
ENTRY = struct.Struct("<4Q")
MOST_INDEX = 1 << 24


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place at which reading can begin.

    Attributes
    ----------
    offset : int
        Of the checkpoint's frame in the file.
    behind : int
        Of the frame behind it.
    number : int
        Of the event that follows.
    time_before : int
        Highest time of an event before, ns since the epoch.
    """

    offset: int
    behind: int
    number: int
    time_before: int


def frame(magic: int, content: bytes) -> bytes:
    """A skippable frame."""
    return struct.pack("<II", magic, len(content)) + content


def checkpoint_frame(blocks: bytes) -> bytes:
    """The frame of a checkpoint that holds some blocks."""
    import lz4.frame  # type: ignore[import-untyped]

    return frame(CHECKPOINT_MAGIC, lz4.frame.compress(blocks))


def index_frame(checkpoints: list[Checkpoint]) -> bytes:
    """The last frame of a file with checkpoints."""
    content = b"".join(
        ENTRY.pack(one.offset, one.behind, one.number, one.time_before) for one in checkpoints
    )
    return frame(INDEX_MAGIC, content + MARK + struct.pack("<I", 8 + len(content) + 12))


def read_index(path: str | os.PathLike[str]) -> list[Checkpoint]:
    """The checkpoints of a file, in their order; none where it has none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < 20:
                return []
            file.seek(size - 12)
            tail = file.read(12)
            length = struct.unpack_from("<I", tail, 8)[0]
            if tail[:8] != MARK or not 20 <= length <= min(size, MOST_INDEX) or (length - 20) % ENTRY.size:
                return []
            file.seek(size - length)
            content = file.read(length)
    except OSError:
        return []
    if struct.unpack_from("<II", content) != (INDEX_MAGIC, length - 8):
        return []
    found = [Checkpoint(*values) for values in ENTRY.iter_unpack(content[8:-12])]
    sound = all(one.offset + 8 <= one.behind <= size - length and one.number for one in found)
    return found if sound else []


def open_at(path: str | os.PathLike[str], checkpoint: Checkpoint) -> tuple[Source, bytes] | None:
    """The capture from a checkpoint on, and the blocks with which that begins; None if it is not to be had.

    The file is hostile as every other one: what does not look like a checkpoint is none.
    """
    import lz4.frame

    try:
        with open(path, "rb") as file:
            file.seek(checkpoint.offset)
            head = file.read(8)
            length = checkpoint.behind - checkpoint.offset - 8
            if head != struct.pack("<II", CHECKPOINT_MAGIC, length):
                return None
            blocks: bytes = lz4.frame.decompress(file.read(length))

        def behind() -> Source:
            with open(path, "rb") as rest:
                rest.seek(checkpoint.behind)
                return open_source(rest)

        name = os.fsdecode(path)
        return ChainSource([lambda: open_source(blocks), behind], [name], repeatable=False), blocks
    except (OSError, RuntimeError, ScapError):
        return None
