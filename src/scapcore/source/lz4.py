"""LZ4: one or more frames, with skippable frames between them (LZ4 frame format 1.6).

Small frames that state their size, as this package writes them, are decompressed by several threads at once. For all
others the decoder is fed block by block and emptied before the next one, so that everything before a damaged
block has been given when the error comes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from scapcore.errors import (
    CorruptCaptureError,
    MissingDependencyError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.source.inputs import Input, MemoryInput
from scapcore.source.skippable import is_skippable, skip_frame

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["MAGIC", "decode"]

MAGIC = b"\x04\x22\x4d\x18"
#: Bytes decompressed at most in one step. More costs time: the library allocates this much each time.
PIECE = 256 * 1024
BLOCK_CHECKSUM_FLAG, CONTENT_SIZE_FLAG, CONTENT_CHECKSUM_FLAG, DICTIONARY_FLAG = 0x10, 0x08, 0x04, 0x01
#: Set in the length of a block that is stored as it is.
STORED_FLAG = 0x8000_0000
#: Bytes that a frame may stand for at most to be decompressed at once.
SMALL_FRAME = 8 << 20
MOST_THREADS = 8


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    # What arrives piece by piece is not held back until there is work for several.
    workers = _Workers(library, data.size is not None)
    try:
        while head := bytes(data.window(4)[:4]):
            if is_skippable(head):
                skip_frame(data)
            elif head == MAGIC:
                length = _small_frame(data) if workers.several else 0
                if length:
                    workers.add(bytes(data.window()[:length]))
                    data.advance(length)
                    yield from workers.ready()
                else:
                    yield from workers.rest()
                    yield from _frame(data, library)
            else:
                yield from workers.rest()
                if len(head) < 4:
                    raise TruncatedCaptureError("the LZ4 stream ends in the middle")
                raise CorruptCaptureError("what follows an LZ4 frame is not another one")
        yield from workers.rest()
    except TruncatedCaptureError:
        yield from workers.rest()       # of a skippable frame that has no end
        raise
    finally:
        workers.close()


def _small_frame(data: Input) -> int:
    """Length of the frame at hand, if it states that it is small and is there as a whole; else 0."""
    head = bytes(data.window(14)[:14])
    if len(head) < 14 or not head[4] & CONTENT_SIZE_FLAG or head[4] & DICTIONARY_FLAG:
        return 0
    content = int.from_bytes(head[6:14], "little")
    if not 0 < content <= SMALL_FRAME:
        return 0
    limit = content + content // 128 + 1024     # what cannot be compressed is stored
    checksum = 4 if head[4] & BLOCK_CHECKSUM_FLAG else 0
    place = 15
    while place <= limit:
        window = data.window(place + 4)
        if len(window) < place + 4:
            return 0
        size = int.from_bytes(window[place : place + 4], "little") & ~STORED_FLAG
        place += 4
        if not size:
            place += 4 if head[4] & CONTENT_CHECKSUM_FLAG else 0
            return place if len(data.window(place)) >= place else 0
        place += size + checksum
    return 0


def _pieces(frame: bytes, library: Any) -> list[bytes]:
    # Pieces, and not the whole: memory of their size is used again, larger one is asked for from the system each time.
    pieces = []
    size = 0
    for piece in _frame(MemoryInput("", memoryview(frame)), library):
        size += len(piece)
        if size > SMALL_FRAME:
            raise CorruptCaptureError("the LZ4 stream is damaged: a frame is larger than it says")
        pieces.append(piece)
    return pieces


class _Workers:
    """Threads that decompress frames, which come out in the order in which they went in."""

    def __init__(self, library: Any, wanted: bool) -> None:
        self._library = library
        self._wanted = wanted
        # One processor is left to those who use the bytes. One thread more than the present one gains nothing.
        self._threads = min(processors() - 1, MOST_THREADS)
        self._pool: ThreadPoolExecutor | None = None
        self._process = os.getpid()
        self._pending: deque[tuple[bytes, Future[list[bytes]] | None]] = deque()

    @property
    def several(self) -> bool:
        """Whether frames are to be added."""
        return self._wanted and self._threads > 1 and os.getpid() == self._process

    def add(self, frame: bytes) -> None:
        """Take a whole frame."""
        future = None
        if self.several:
            # Plain captures, which also come by here, need no executors.
            from concurrent.futures import ThreadPoolExecutor

            try:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self._threads, "scapcore-lz4")
                future = self._pool.submit(_pieces, frame, self._library)
            except RuntimeError:
                pass        # The interpreter is shutting down, or the platform knows no threads.
        self._pending.append((frame, future))

    def ready(self) -> Generator[bytes, None, None]:
        """Give what is done, and wait where too much is not."""
        while self._pending:
            future = self._pending[0][1]
            if future is not None and not future.done() and len(self._pending) <= self._threads:
                return
            yield from self._first()

    def rest(self) -> Generator[bytes, None, None]:
        """Give everything."""
        while self._pending:
            yield from self._first()

    def _first(self) -> Generator[bytes, None, None]:
        frame, future = self._pending.popleft()
        # Threads stay behind when a process forks.
        if future is not None and os.getpid() == self._process:
            try:
                yield from future.result()
                return
            except CorruptCaptureError:
                pass        # What comes before the damage is still to be had.
        yield from _frame(MemoryInput("", memoryview(frame)), self._library)

    def close(self) -> None:
        """Let the threads go."""
        self._pending.clear()
        if self._pool is not None and os.getpid() == self._process:
            self._pool.shutdown(wait=False, cancel_futures=True)


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
