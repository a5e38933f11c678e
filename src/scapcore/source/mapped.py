"""A source whose bytes are all in reach: a mapped file, or bytes in memory."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import TYPE_CHECKING

from scapcore.errors import SourceError
from scapcore.source.base import Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["MappedSource"]

#: Pages are given back in steps of so many bytes.
RELEASE_STEP = 8 * 1024 * 1024


class MappedSource(Source):
    """Plain bytes that can be looked at without copying.

    Parameters
    ----------
    name : str
        What messages call it.
    content : mmap.mmap or memoryview
        The bytes. Nothing here ever invalidates a view of them: the mapping ends with its last view.
    start : int
        Where in `content` the capture begins.
    again : callable
        Opens the same bytes a second time.
    """

    def __init__(self, name: str, content: mmap.mmap | memoryview, start: int, again: Callable[[], Source]) -> None:
        super().__init__(name, None, len(content), again)
        self._map = content if isinstance(content, mmap.mmap) and hasattr(content, "madvise") else None
        self._view: memoryview | None = memoryview(content).toreadonly()[start:]
        self._start = start
        self._cursor = 0
        self._consumed = 0
        self._released = 0

    @property
    def mapped(self) -> memoryview | None:
        """The whole content, read-only; None once the source is closed."""
        return self._view

    @property
    def position(self) -> int:
        return self._start + self._consumed

    def readinto(self, view: WriteableBuffer, /) -> int:
        if self._view is None:
            raise SourceError(f"cannot read {self.name}: it is closed")
        target = memoryview(view).cast("B")
        part = self._view[self._cursor : self._cursor + len(target)]
        target[: len(part)] = part
        self._cursor += len(part)
        self.release(self._cursor)
        return len(part)

    def release(self, offset: int) -> None:
        if self._view is None:
            return
        self._consumed = max(self._consumed, min(offset, len(self._view)))
        end = self.position // mmap.PAGESIZE * mmap.PAGESIZE
        if self._map is not None and end - self._released >= RELEASE_STEP:
            self._map.madvise(mmap.MADV_DONTNEED, self._released, end - self._released)
            self._released = end

    def hand_over(self) -> bool:
        handed, self._map = self._map is not None, None
        return handed

    def close(self) -> None:
        self._view = self._map = None
