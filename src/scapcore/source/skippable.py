"""Skippable frames, which zstd and LZ4 share: user data between frames, passed over when reading.

Facts: RFC 8878, section 3.1.2; LZ4 frame format, "Skippable Frames".
"""

from __future__ import annotations

from scapcore.errors import TruncatedCaptureError
from scapcore.source.inputs import Input

__all__ = ["is_skippable", "skip_frame"]


def is_skippable(head: bytes) -> bool:
    """Say whether a frame with these first four bytes is skippable: 0x184D2A50 to 0x184D2A5F."""
    return len(head) == 4 and head[0] & 0xF0 == 0x50 and head[1:] == b"\x2a\x4d\x18"


def skip_frame(data: Input) -> None:
    """Consume one skippable frame: magic, u32 length, and so many bytes.

    Raises
    ------
    TruncatedCaptureError
        The input ends inside.
    """
    head = bytes(data.window(8)[:8])
    if len(head) < 8 or not data.skip(8 + int.from_bytes(head[4:], "little")):
        raise TruncatedCaptureError("the stream ends inside a skippable frame")
