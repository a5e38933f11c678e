"""A source whose bytes arrive in pieces: pipes, file objects, and everything compressed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from scapcore.errors import CorruptCaptureError, ScapError, SourceError
from scapcore.source.base import Compression, Source
from scapcore.source.inputs import Input
from scapcore.source.read_ahead import Direct, Piece, ReadAhead

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["StreamSource"]


class StreamSource(Source):
    """The bytes that come out of a codec.

    Parameters
    ----------
    data : Input
        The underlying bytes; owned from here on.
    pieces : generator of bytes or memoryview
        The codec at work on `data`.
    compression : {"gzip", "zstd", "lz4"}, optional
        Its name.
    again : callable, optional
        Opens the same bytes a second time, after this source has been closed.
    read_ahead : bool
        Whether the codec works in a thread of its own.
    """

    def __init__(
        self,
        data: Input,
        pieces: Generator[Piece, None, None],
        compression: Compression | None,
        again: Callable[[], Source] | None,
        read_ahead: bool,
    ) -> None:
        super().__init__(data.name, compression, data.size, again)
        self._data = data
        self._feed: ReadAhead | Direct = (ReadAhead if read_ahead else Direct)(pieces, data)
        # Also runs when this object is dropped without close(), and when the interpreter exits.
        self._finalizer = weakref.finalize(self, self._feed.close)
        self._ready: list[Piece] = []
        self._current = memoryview(b"")
        self._given = 0
        self._failure: ScapError | None = None

    @property
    def position(self) -> int:
        return self._data.position

    def readinto(self, view: WriteableBuffer, /) -> int:
        self._check_open()
        target = memoryview(view).cast("B")
        filled = 0
        while filled < len(target):
            if not self._current and not self._next(wait=filled == 0):
                break
            part = self._current[: len(target) - filled]
            target[filled : filled + len(part)] = part
            self._current = self._current[len(part) :]
            filled += len(part)
        self._given += filled
        return filled

    def _next(self, wait: bool) -> bool:
        """Go on to the next piece; False if there is none, or none yet."""
        if self._failure is not None:
            # A copy each time: an exception that was raised holds the frames it went through, and they hold this.
            raise _bare(self._failure)
        if not self._ready:
            try:
                self._ready = self._feed.take(wait)
            except ScapError as error:
                if isinstance(error, CorruptCaptureError):
                    error.offset = self._given
                self._failure = _bare(error)
                raise
            self._ready.reverse()
        if not self._ready:
            # Closed by another thread while this one waited: not the end, though it looks like it.
            self._check_open()
            return False
        self._current = memoryview(self._ready.pop())
        return True

    def _check_open(self) -> None:
        if not self._finalizer.alive:
            raise SourceError(f"cannot read {self.name}: it is closed")

    def reopen(self) -> Source:
        if self._again is not None and self._data.shared:
            self.close()
            if not self._feed.close():
                raise SourceError(f"cannot open {self.name} again: a read of it has not come back yet")
        return super().reopen()

    def close(self) -> None:
        self._finalizer()
        self._ready.clear()
        self._current = memoryview(b"")


def _bare(error: ScapError) -> ScapError:
    """The same error, never raised: without the frames it went through. Packages may make `copy` copy these too."""
    bare = type(error).__new__(type(error), *error.args)
    bare.__dict__.update(error.__dict__)
    return bare
