"""zstd: one or more frames, with skippable frames between them (RFC 8878).

The decoder is fed block by block. A block holds at most 128 KiB, so no step can produce more, and when a
block is damaged everything before it has been given already.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from scapcore.errors import (
    CorruptCaptureError,
    MissingDependencyError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.source.inputs import Input
from scapcore.source.skippable import is_skippable, skip_frame

if TYPE_CHECKING:
    from zstandard import ZstdDecompressionObj, ZstdDecompressor

__all__ = ["MAGIC", "decode"]

MAGIC = b"\x28\xb5\x2f\xfd"
#: Most bytes that a block stands for (RFC 8878, section 3.1.1.2.4).
BLOCK_LIMIT = 128 * 1024
#: Largest window that is accepted, the library's own default: the decoder keeps one window in memory.
WINDOW_LIMIT = 1 << 27
CHECKSUM_FLAG, SINGLE_SEGMENT_FLAG = 0x04, 0x20
RLE_BLOCK, RESERVED_BLOCK = 1, 3


def decode(data: Input) -> Generator[bytes, None, None]:
    """Decompress all frames.

    Parameters
    ----------
    data : Input
        At the start of a frame.

    Yields
    ------
    bytes
        At most `BLOCK_LIMIT` of them.

    Raises
    ------
    MissingDependencyError
        The package zstandard is not installed.
    TruncatedCaptureError
        The last frame has no end.
    CorruptCaptureError
        A frame is damaged, or something that is no frame follows the last one.
    UnsupportedCaptureError
        A frame needs a dictionary, or a window of more than 128 MiB.
    """
    try:
        from zstandard import ZstdDecompressor
    except ImportError:
        raise MissingDependencyError("zstandard", "zstd", "reading a zstd-compressed capture") from None
    return _frames(data, ZstdDecompressor())


def _frames(data: Input, decompressor: ZstdDecompressor) -> Generator[bytes, None, None]:
    while head := bytes(data.window(4)[:4]):
        if is_skippable(head):
            skip_frame(data)
        elif head == MAGIC:
            yield from _frame(data, decompressor.decompressobj(write_size=BLOCK_LIMIT))
        elif len(head) < 4:
            raise TruncatedCaptureError("the zstd stream ends in the middle")
        else:
            raise CorruptCaptureError("what follows a zstd frame is not another one")


def _frame(data: Input, decoder: ZstdDecompressionObj) -> Generator[bytes, None, None]:
    length, has_checksum = _check_header(bytes(data.window(18)[:18]))
    yield from _feed(data, decoder, length)
    last = False
    while not last:
        head = int.from_bytes(data.window(3)[:3], "little") if len(data.window(3)) >= 3 else 0
        last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        if kind == RESERVED_BLOCK or size > BLOCK_LIMIT:
            raise CorruptCaptureError("the zstd stream is damaged: impossible block")
        # A repeated byte is stored once; the size is what it stands for.
        yield from _feed(data, decoder, 3 + (1 if kind == RLE_BLOCK else size))
    if has_checksum:
        yield from _feed(data, decoder, 4)


def _feed(data: Input, decoder: ZstdDecompressionObj, count: int) -> Generator[bytes, None, None]:
    from zstandard import ZstdError

    given = data.window(count)[:count]
    try:
        piece = decoder.decompress(given)
    except ZstdError as error:
        raise CorruptCaptureError(f"the zstd stream is damaged: {str(error).rpartition(': ')[2]}") from None
    data.advance(len(given))
    if piece:
        yield piece
    if len(given) < count:
        raise TruncatedCaptureError("the zstd stream ends in the middle")


def _check_header(head: bytes) -> tuple[int, bool]:
    """Take a frame header apart (RFC 8878, section 3.1.1.1).

    Parameters
    ----------
    head : bytes
        The frame from its magic on; 18 bytes, the longest header, unless the input ends before.

    Returns
    -------
    tuple of int and bool
        Its length in bytes with the magic, and whether a check sum of four bytes ends the frame.
    """
    descriptor = head[4] if len(head) > 4 else 0
    single_segment = bool(descriptor & SINGLE_SEGMENT_FLAG)
    window_length = 0 if single_segment else 1
    dictionary_length = (0, 1, 2, 4)[descriptor & 3]
    content_length = (int(single_segment), 2, 4, 8)[descriptor >> 6]
    window_end = 5 + window_length
    dictionary_end = window_end + dictionary_length
    length = dictionary_end + content_length
    if len(head) >= length:
        if any(head[window_end:dictionary_end]):
            raise UnsupportedCaptureError("the zstd stream was made with a dictionary")
        if single_segment:
            content = int.from_bytes(head[dictionary_end:length], "little")
            window = content + (256 if content_length == 2 else 0)
        else:
            base = 1 << 10 + (head[5] >> 3)
            window = base + base // 8 * (head[5] & 7)
        if window > WINDOW_LIMIT:
            limit = WINDOW_LIMIT >> 20
            raise UnsupportedCaptureError(
                f"the zstd stream needs a window of {window >> 20} MiB; at most {limit} MiB are accepted"
            )
    return length, bool(descriptor & CHECKSUM_FLAG)
