"""Several captures one after another, as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scapcore.errors import CorruptCaptureError, SourceError
from scapcore.source.base import Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["ChainSource"]


class ChainSource(Source):
    """The bytes of several sources; each is opened when the one before it has ended.

    Where one is damaged as a file, the next ones are still read, and the error comes at the end.

    Parameters
    ----------
    openers : sequence of callable
        Each opens a source.
    names : sequence of str
        What they are called.
    repeatable : bool
        Whether they can be opened again.
    """

    def __init__(self, openers: Sequence[Callable[[], Source]], names: Sequence[str], *, repeatable: bool = True) -> None:
        self._openers = list(openers)
        self._names = list(names)
        self._index = 0
        self._passed = 0
        self._closed = False
        self._error: CorruptCaptureError | None = None
        self._current: Source | None = openers[0]() if openers else None
        name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" if names else "nothing"
        compression = self._current.compression if self._current is not None else None
        again = (lambda: ChainSource(openers, names)) if repeatable else None
        super().__init__(name, compression, None, again)

    @property
    def names(self) -> list[str]:
        return list(self._names)

    @property
    def position(self) -> int:
        return self._passed + (self._current.position if self._current is not None else 0)

    def readinto(self, view: WriteableBuffer, /) -> int:
        if self._closed:
            raise SourceError(f"cannot read {self.name}: it is closed")
        while self._current is not None:
            count = 0
            try:
                count = self._current.readinto(view)
            except CorruptCaptureError as error:
                self._error = self._error or error
            if count or not memoryview(view).nbytes:
                return count
            self._passed += self._current.position
            self._current.close()
            self._index += 1
            self._current = self._openers[self._index]() if self._index < len(self._openers) else None
        if self._error is not None:
            raise self._error
        return 0

    def close(self) -> None:
        self._closed = True
        if self._current is not None:
            self._current.close()
            self._current = None
