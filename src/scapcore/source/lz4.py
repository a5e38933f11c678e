"""LZ4: one or more frames, with skippable frames between them (LZ4 frame format 1.6).

The decoder is fed block by block and emptied before the next one, so that everything before a damaged
block has been given when the error comes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from scapcore.errors import (
    CorruptCaptureError,
    MissingDependencyError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.source.inputs import Input
from scapcore.source.skippable import is_skippable, skip_frame

__all__ = ["MAGIC", "decode"]

MAGIC = b"\x04\x22\x4d\x18"
#: Bytes decompressed at most in one step. More costs time: the library allocates this much each time.
PIECE = 256 * 1024
BLOCK_CHECKSUM_FLAG, CONTENT_SIZE_FLAG, CONTENT_CHECKSUM_FLAG, DICTIONARY_FLAG = 0x10, 0x08, 0x04, 0x01
#: Set in the length of a block that is stored as it is.
STORED_FLAG = 0x8000_0000


def decode(data: Input) -> Generator[bytes, None, None]:
    """Decompress all frames.

    Parameters
    ----------
    data : Input
        At the start of a frame.

    Yields
    ------
    bytes
        At most `PIECE` of them.

    Raises
    ------
    MissingDependencyError
        The package lz4 is not installed.
    TruncatedCaptureError
        The last frame has no end.
    CorruptCaptureError
        A frame is damaged, or something that is no frame follows the last one.
    UnsupportedCaptureError
        A frame needs a dictionary.
    """
    try:
        import lz4.frame  # type: ignore[import-untyped]
    except ImportError:
        raise MissingDependencyError("lz4", "lz4", "reading an LZ4-compressed capture") from None
    return _frames(data, lz4.frame)


def _frames(data: Input, library: Any) -> Generator[bytes, None, None]:
    while head := bytes(data.window(4)[:4]):
        if is_skippable(head):
            skip_frame(data)
        elif head == MAGIC:
            yield from _frame(data, library)
        elif len(head) < 4:
            raise TruncatedCaptureError("the LZ4 stream ends in the middle")
        else:
            raise CorruptCaptureError("what follows an LZ4 frame is not another one")


def _frame(data: Input, library: Any) -> Generator[bytes, None, None]:
    decoder = _Decoder(library)
    head = bytes(data.window(6)[:6]).ljust(6, b"\0")
    flags = head[4]
    block_limit = 1 << 8 + 2 * (head[5] >> 4 & 7)
    if flags & DICTIONARY_FLAG:
        raise UnsupportedCaptureError("the LZ4 stream was made with a dictionary")
    yield from decoder.feed(data, 7 + (8 if flags & CONTENT_SIZE_FLAG else 0))
    while True:
        size = int.from_bytes(data.window(4)[:4], "little") if len(data.window(4)) >= 4 else 0
        if size & ~STORED_FLAG > block_limit:
            raise CorruptCaptureError("the LZ4 stream is damaged: impossible block")
        if size == 0:
            break
        yield from decoder.feed(data, 4 + (size & ~STORED_FLAG) + (4 if flags & BLOCK_CHECKSUM_FLAG else 0))
    yield from decoder.feed(data, 4 + (4 if flags & CONTENT_CHECKSUM_FLAG else 0))
    if not decoder.ended:
        raise CorruptCaptureError("the LZ4 stream is damaged: its frame does not end where it says")


class _Decoder:
    """The library's decoder for one frame."""

    def __init__(self, library: Any) -> None:
        self._decompress = library.decompress_chunk
        self._context = library.create_decompression_context()
        self.ended = False

    def feed(self, data: Input, count: int) -> Generator[bytes, None, None]:
        """Give what the next `count` bytes stand for."""
        given = rest = data.window(count)[:count]
        full = True
        while full:
            try:
                piece, used, self.ended = self._decompress(self._context, rest, max_length=PIECE)
            except RuntimeError as error:
                raise CorruptCaptureError(f"the LZ4 stream is damaged: {_reason(error)}") from None
            rest = rest[used:]
            full = len(piece) == PIECE and not self.ended
            if piece:
                yield piece
        data.advance(len(given))
        if len(given) < count:
            raise TruncatedCaptureError("the LZ4 stream ends in the middle")


def _reason(error: Exception) -> str:
    # The library says "LZ4F_decompress failed with code: ERROR_contentChecksum_invalid".
    return str(error).rpartition("ERROR_")[2]
