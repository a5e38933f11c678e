"""The underlying bytes, still compressed: memory, a file descriptor, or a file object of the user."""

from __future__ import annotations

import os
import select
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from scapcore.errors import ScapError, SourceError

__all__ = ["BinaryFile", "DescriptorInput", "FileObjectInput", "Input", "MemoryInput", "Stopped"]

#: Bytes asked for in one read. From 64 KiB up the size makes no measurable difference.
CHUNK = 256 * 1024
#: Pause before asking a non-blocking file object again, in seconds.
RETRY = 0.01


class Stopped(Exception):
    """The reader has gone; whoever works for it should end. Never reaches a user."""


class BinaryFile(Protocol):
    """The one method that a file object must have."""

    def read(self, size: int, /) -> bytes | None:
        """Give up to `size` bytes, none at the end; None if there are none yet."""


class Input(ABC):
    """A window that slides over the underlying bytes.

    Parameters
    ----------
    name : str
        What messages call it.
    size : int, optional
        Bytes of the underlying file, if known.
    start : int
        Offset in the underlying file of the first byte given here.
    head : bytes
        Bytes that have been read from it already.

    Attributes
    ----------
    position : int
        Offset in the underlying file of the first byte not yet consumed.
    before_wait : callable
        Called before a read that may block for long: a good moment to hand on what is ready.
    join_time : float
        Seconds after which a thread that reads from here has surely noticed `stop`.
    shared : bool
        Whether the underlying object is the user's own, so that two inputs on it would disturb each other.
    """

    join_time = 5.0
    shared = False

    def __init__(self, name: str, size: int | None, start: int = 0, head: bytes = b"") -> None:
        self.name = name
        self.size = size
        self.position = start
        self.before_wait: Callable[[], None] = lambda: None
        self._window = memoryview(head)
        self._ended = False
        self._stopped = False
        self._closed = False
        # close() frees the descriptor to which stop() writes, in another thread.
        self._lock = threading.RLock()

    @abstractmethod
    def _read(self) -> bytes | memoryview:
        """Give the next bytes, as many as there are up to `CHUNK`; none at the end."""

    def _wake(self) -> None:
        """End a `_read` that waits in another thread."""

    def _close(self) -> None:
        """Let the underlying file go."""

    def window(self, least: int = 1) -> memoryview:
        """Give the bytes from `position` on.

        Parameters
        ----------
        least : int
            So many bytes are read at least, unless the input ends first. A caller must not take
            this number unchecked from the input.

        Returns
        -------
        memoryview
            Valid as long as it is kept. Shorter than `least` only at the end.
        """
        if self._stopped:
            raise Stopped
        if len(self._window) < least and not self._ended:
            self._fill(least)
        return self._window

    def _fill(self, least: int) -> None:
        # Parts are joined once, so that a block that arrives byte by byte costs no more than linear time.
        parts: list[bytes | memoryview] = [self._window] if self._window else []
        have = len(self._window)
        while have < least:
            if self._stopped:
                raise Stopped
            part = self._read()
            if not part:
                self._ended = True
                break
            parts.append(part)
            have += len(part)
        self._window = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))

    def advance(self, count: int) -> None:
        """Consume `count` bytes of the window."""
        self._window = self._window[count:]
        self.position += count

    def skip(self, count: int) -> bool:
        """Consume `count` bytes without keeping them; say whether there were so many."""
        while count:
            step = min(len(self.window()), count)
            if not step:
                return False
            self.advance(step)
            count -= step
        return True

    def stop(self) -> None:
        """Make every read from now on, and the one that waits, raise `Stopped`. For another thread to call."""
        with self._lock:
            self._stopped = True
            if not self._closed:
                self._wake()

    def close(self) -> None:
        """Let the underlying file go. May be called again."""
        with self._lock:
            if not self._closed:
                self._closed = self._ended = True
                self._window = memoryview(b"")
                self._close()


class MemoryInput(Input):
    """Bytes in memory.

    Parameters
    ----------
    view : memoryview
        One-dimensional, C-contiguous uint8.
    """

    def __init__(self, name: str, view: memoryview) -> None:
        super().__init__(name, len(view))
        self._rest = view

    def _read(self) -> memoryview:
        part, self._rest = self._rest[:CHUNK], self._rest[CHUNK:]
        return part

    def _close(self) -> None:
        self._rest = memoryview(b"")


class DescriptorInput(Input):
    """A file descriptor, which is owned from here on.

    Parameters
    ----------
    descriptor : int
        Open for reading, blocking or not.
    seekable : bool
        A regular file: read at explicit offsets, so that its own file position neither matters nor moves.
    """

    def __init__(
        self, name: str, descriptor: int, *, seekable: bool, size: int | None = None, start: int = 0, head: bytes = b""
    ) -> None:
        super().__init__(name, size, start, head)
        self.descriptor = descriptor
        self._offset = start if seekable else None
        self._wake_reader = self._wake_writer = -1
        if not seekable:
            self._wake_reader, self._wake_writer = os.pipe()
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLIN)
            self._poll.register(self._wake_reader, select.POLLIN)

    def _read(self) -> bytes:
        try:
            if self._offset is not None:
                part = os.pread(self.descriptor, CHUNK, self._offset)
                self._offset += len(part)
                return part
            while True:
                self._wait()
                try:
                    return os.read(self.descriptor, CHUNK)
                except BlockingIOError:
                    continue  # Somebody who shares the pipe was faster.
        except OSError as error:
            raise SourceError(f"cannot read {self.name}: {error.strerror}") from error

    def _wait(self) -> None:
        # A thread inside read() cannot be called back; one inside poll() can, through the second pipe.
        ready = self._poll.poll(0)
        if not ready:
            self.before_wait()
            ready = self._poll.poll()
        if self._stopped or any(descriptor == self._wake_reader for descriptor, _ in ready):
            raise Stopped

    def _wake(self) -> None:
        if self._wake_writer >= 0:
            os.write(self._wake_writer, b"\0")

    def _close(self) -> None:
        for descriptor in (self.descriptor, self._wake_reader, self._wake_writer):
            if descriptor >= 0:
                os.close(descriptor)


class FileObjectInput(Input):
    """A file object of the user, which stays the user's: it is not closed here.

    Parameters
    ----------
    file : file object
        With `read`; `read1`, which gives what is there without waiting for more, is preferred.
    """

    # A read of somebody else's object cannot be interrupted; whoever closes does not wait for it.
    join_time = 0.2
    shared = True

    def __init__(self, name: str, file: BinaryFile, *, size: int | None = None, start: int = 0) -> None:
        super().__init__(name, size, start)
        self._file_read: Callable[[int], bytes | None] = getattr(file, "read1", None) or file.read

    def _read(self) -> bytes | memoryview:
        self.before_wait()
        while True:
            try:
                part = self._file_read(CHUNK)
                if part is not None:
                    return memoryview(part).cast("B")
            except ScapError:
                raise
            except Exception as error:
                # A text file, a closed one, a lost connection: whatever the object raises, it is the reason.
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise SourceError(f"cannot read {self.name}: {reason}") from error
            time.sleep(RETRY)
            if self._stopped:
                raise Stopped
