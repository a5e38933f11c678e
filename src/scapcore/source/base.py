"""What every source of bytes can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeAlias

from scapcore.errors import UnsupportedCaptureError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from typing_extensions import Self

__all__ = ["Compression", "Source"]

Compression: TypeAlias = Literal["gzip", "zstd", "lz4"]


class Source(ABC):
    """The uncompressed bytes of one capture, from the first to the last.

    Made by `scapcore.source.open_source`; a context manager that closes itself. One thread at a time may use it.

    Parameters
    ----------
    name : str
        What messages call it: a path, ``standard input``, ``bytes in memory``.
    compression : {"gzip", "zstd", "lz4"}, optional
        What was taken off on the way; None for plain bytes.
    size : int, optional
        Bytes of the underlying, still compressed file; None where nobody can know, as for a pipe.
    again : callable, optional
        Opens the same bytes a second time; None for a stream that is gone once it is read.
    """

    def __init__(
        self,
        name: str,
        compression: Compression | None,
        size: int | None,
        again: Callable[[], Source] | None,
    ) -> None:
        self.name = name
        self.compression = compression
        self.size = size
        self._again = again

    @property
    def names(self) -> list[str]:
        """Names of all that is read."""
        return [self.name]

    @property
    def mapped(self) -> memoryview | None:
        """The whole content, read-only and C-contiguous uint8, where it lies in memory or is mapped; else None."""
        return None

    @property
    @abstractmethod
    def position(self) -> int:
        """Bytes of the underlying, still compressed file that have been consumed so far, for a progress bar."""

    @abstractmethod
    def readinto(self, view: WriteableBuffer, /) -> int:
        """Copy the next uncompressed bytes into `view`.

        Blocks until there is at least one, and then gives what is at hand: the count may be smaller than the view.

        Parameters
        ----------
        view : writable buffer
            C-contiguous, of any length.

        Returns
        -------
        int
            Bytes copied; 0 at the end, and for an empty view.

        Raises
        ------
        TruncatedCaptureError
            The compressed stream ends in the middle. All bytes before the cut have been given;
            `offset` is their number.
        CorruptCaptureError
            The compressed stream is damaged. The bytes before the damage have been given.
        SourceError
            The underlying file cannot be read, or this source is closed.
        """

    def release(self, offset: int) -> None:
        """Say that the bytes before `offset` of `mapped` are not needed any more.

        Their pages are given back to the system, in large steps, so that the memory in use does not grow with
        the file. Views stay valid: a page that is looked at again comes back. Does nothing for other sources.
        """
        del offset

    def hand_over(self) -> bool:
        """Leave the work of `release` to the caller; False where there is none to do."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Stop reading and let the underlying file go. May be called again; views of `mapped` stay valid."""

    @property
    def repeatable(self) -> bool:
        """Whether :meth:`reopen` can be asked for; not of streams."""
        return self._again is not None

    def reopen(self) -> Source:
        """Open the same bytes again from where this source began.

        Returns
        -------
        Source
            A fresh one. This one is closed if both would share a file object of the user.

        Raises
        ------
        UnsupportedCaptureError
            This is a stream, which can be read once only.
        SourceError
            The file cannot be opened any more.
        """
        if self._again is None:
            raise UnsupportedCaptureError(f"{self.name} is a stream and can be read once only")
        return self._again()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {self.compression or 'plain'}>"
