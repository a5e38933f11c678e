"""Compression of captures that are written, in frames that stand on their own.

Each frame holds whole blocks and can be decompressed by itself: a file that ends early is sound up to its last whole
frame, and frames are compressed by several threads at once. Frames that follow each other are one stream to every reader
of gzip, zstd and LZ4.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from scapcore.errors import MissingDependencyError, ScapError

__all__ = ["COMPRESSIONS", "Compressor", "Frame", "compressor"]

#: Names that `compress` may have.
COMPRESSIONS = ("gzip", "zstd", "lz4")

Bytes: TypeAlias = "bytes | bytearray | memoryview"
#: Takes the bytes of a frame, and how much work may be put into it.
Pack: TypeAlias = Callable[[Bytes, "Effort"], bytes]

#: Uncompressed bytes of a frame at least. Smaller ones cost room, larger ones are lost together.
FRAME_SIZES = {"gzip": 1 << 20, "zstd": 1 << 22, "lz4": 1 << 20}
MOST_THREADS = 8
#: How many frames may wait for whoever does not want to: of gzip that is 64 MiB.
MOST_WAITING = 64


class Effort(Enum):
    """How much work may be put into a frame."""

    USUAL = 0
    LEAST = 1


def gzip_member(data: Bytes, effort: Effort) -> bytes:
    """A gzip member; its time stays 0, so equal input makes equal files."""
    level = 6 if effort is Effort.USUAL else 1
    # 16 asks for a gzip header.
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        packer = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()
    faster = zlib_ng.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return bytes(faster.compress(data) + faster.flush())


def zstd_frame(data: Bytes, effort: Effort) -> bytes:
    """A zstd frame with its size and a check sum."""
    import zstandard

    level = 3 if effort is Effort.USUAL else 1
    return zstandard.ZstdCompressor(level, write_checksum=True).compress(data)


def lz4_frame(data: Bytes, effort: Effort) -> bytes:
    """An LZ4 frame of blocks that do not depend on each other; the effort is the least in any case."""
    import lz4.frame  # type: ignore[import-untyped]

    packed: bytes = lz4.frame.compress(
        data, block_size=lz4.frame.BLOCKSIZE_MAX1MB, block_linked=False, content_checksum=True, store_size=True
    )
    return packed


#: Packages by compression.
PACKAGES = {"gzip": "zlib-ng", "zstd": "zstandard", "lz4": "lz4"}
PACKS: dict[str, Pack] = {"gzip": gzip_member, "zstd": zstd_frame, "lz4": lz4_frame}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame ready to be written: its bytes, and how many it stands for."""

    packed: bytes
    size: int


class Compressor:
    """Turns bytes into frames, a few of them at a time in threads.

    Parameters
    ----------
    name : {"gzip", "zstd", "lz4"}
    hurries : bool
        Whether less work is put into frames, which get larger by that, while others wait, and more of them may wait. Equal
        input does not make equal files then.

    Raises
    ------
    ScapError
        The compression is not known.
    MissingDependencyError
        Its package is not installed.
    """

    def __init__(self, name: str, hurries: bool = False) -> None:
        if name not in PACKS:
            raise ScapError(f"{name!r} is not a compression: {', '.join(COMPRESSIONS)}")
        self._pack = PACKS[name]
        self._size = FRAME_SIZES[name]
        self._held = bytearray()
        self._pending: deque[tuple[Future[bytes], int]] = deque()
        self._hurries = hurries
        self._threads = min(os.cpu_count() or 1, MOST_THREADS)
        self._most = MOST_WAITING if hurries else 2 * self._threads
        self._pool: ThreadPoolExecutor | None = None
        try:
            self._pack(b"", Effort.USUAL)
        except ImportError:
            raise MissingDependencyError(PACKAGES[name], name, f"writing a {name}-compressed capture") from None

    @property
    def waiting(self) -> int:
        """Bytes that were taken, but did not come out yet."""
        return len(self._held) + sum(size for _, size in self._pending)

    def feed(self, data: Bytes) -> Iterator[Frame]:
        """Take whole blocks; what has become ready comes out."""
        self._held += data
        if len(self._held) >= self._size:
            yield from self.cut()

    def cut(self) -> Iterator[Frame]:
        """End the present frame; what has become ready comes out."""
        if self._held:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, "scappy-compression")
            held, self._held = self._held, bytearray()
            behind = sum(not packed.done() for packed, _ in self._pending) >= self._threads
            effort = Effort.LEAST if self._hurries and behind else Effort.USUAL
            self._pending.append((self._pool.submit(self._pack, held, effort), len(held)))
        while len(self._pending) > self._most or (self._pending and self._pending[0][0].done()):
            packed, size = self._pending.popleft()
            yield Frame(packed.result(), size)

    def finish(self) -> Iterator[Frame]:
        """End the last frame and give everything."""
        if self._held and self._pool is None:
            # Small captures need no thread.
            held, self._held = self._held, bytearray()
            yield Frame(self._pack(held, Effort.USUAL), len(held))
        yield from self.flush()
        self.close()

    def flush(self) -> Iterator[Frame]:
        """End the present frame and give everything so far."""
        yield from self.cut()
        while self._pending:
            packed, size = self._pending.popleft()
            yield Frame(packed.result(), size)

    def close(self) -> None:
        """Let the threads go; what was not given is dropped."""
        self._pending.clear()
        # An interrupt may come at any moment: the pool is gone before it is shut down.
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def compressor(name: str | None, hurries: bool = False) -> Compressor | None:
    """The compressor of that name; None for none."""
    return None if name is None else Compressor(name, hurries)
