"""Reading and decompressing in a thread of its own, a bounded distance ahead of whoever uses the bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import TypeAlias

from scapcore.errors import SourceError
from scapcore.source.inputs import Input, Stopped

__all__ = ["Direct", "Piece", "ReadAhead"]

Piece: TypeAlias = "bytes | memoryview"

#: Bytes that may wait for the user. As many again may be in the user's hands. Measured: with less the two threads
#: wake each other too often, with more the bytes have left the processor's cache before they are used.
BYTE_LIMIT = 4 * 1024 * 1024
#: Pieces that may wait: a pipe that gives single bytes must not fill the memory with objects.
PIECE_LIMIT = 256
#: A user who waits is woken when so much is ready, or earlier if no more is coming for the moment. The first pieces come
#: at once, as many need no more than the beginning; each time it is twice as much then.
FIRST_WAKE_BYTES = 1 << 16
WAKE_BYTES = BYTE_LIMIT // 2


class Direct:
    """The pieces one by one, made in the caller's thread.

    Parameters
    ----------
    pieces : generator of bytes or memoryview
        Reads from `data`.
    data : Input
        Owned from here on.
    """

    def __init__(self, pieces: Generator[Piece, None, None], data: Input) -> None:
        self._pieces = pieces
        self._data = data

    def take(self, wait: bool) -> list[Piece]:
        """Give the next piece if one may wait for it; none at the end."""
        if wait:
            for piece in self._pieces:
                return [piece]
        return []

    def close(self) -> bool:
        """Let the input go; True, as nothing goes on behind the scenes."""
        self._pieces.close()
        self._data.close()
        return True


class ReadAhead:
    """The pieces, made in a thread that starts with the first `take`.

    The thread knows this object's channel, never its user: when the user is gone `close` ends the thread.

    Parameters
    ----------
    pieces : generator of bytes or memoryview
        Reads from `data`; its exceptions come out of `take`, after all pieces before them.
    data : Input
        Owned from here on.
    """

    def __init__(self, pieces: Generator[Piece, None, None], data: Input) -> None:
        self._pieces = pieces
        self._data = data
        self._channel = _Channel()
        self._thread: threading.Thread | None = None
        self._direct: Direct | None = None
        self._process = -1

    def take(self, wait: bool) -> list[Piece]:
        """Give all pieces that are ready.

        Parameters
        ----------
        wait : bool
            Whether to wait until there is one.

        Returns
        -------
        list of bytes or memoryview
            Empty at the end, or if there is none and `wait` is false.
        """
        if self._thread is None and self._direct is None:
            self._start()
        if self._direct is not None:
            return self._direct.take(wait)
        if os.getpid() != self._process:
            # The thread has stayed behind in the parent; waiting for it would last for ever.
            raise SourceError(f"{self._data.name} was being read before the process forked: open it again")
        return self._channel.take(wait)

    def _start(self) -> None:
        self._data.before_wait = self._channel.flush
        self._thread = threading.Thread(
            target=_run, args=(self._pieces, self._data, self._channel), name="scapcore-read-ahead", daemon=True
        )
        self._process = os.getpid()
        try:
            self._thread.start()
        except RuntimeError:  # None to be had: the interpreter is shutting down, or the platform knows no threads.
            self._thread = None
            self._direct = Direct(self._pieces, self._data)

    def close(self) -> bool:
        """End the thread and let the input go.

        Returns
        -------
        bool
            False if the thread still hangs in a read of somebody else's file object. It ends after that.
        """
        if self._thread is None:
            self._pieces.close()
            self._data.close()
            return True
        if os.getpid() != self._process:
            return True
        self._channel.close()
        self._data.stop()
        # The garbage collector may call from any thread, this one included.
        if self._thread is not threading.current_thread():
            self._thread.join(self._data.join_time)
        return not self._thread.is_alive()


def _run(pieces: Generator[Piece, None, None], data: Input, channel: _Channel) -> None:
    failure: BaseException | None = None
    try:
        for piece in pieces:
            channel.put(piece)
    except Stopped:
        pass
    except BaseException as error:  # noqa: BLE001 - raised again by take(), in the thread of the user
        failure = error
    finally:
        pieces.close()
        data.close()
        _let_go(failure)
        channel.finish(failure)
        # Or the exception and this frame would keep each other alive, and with it whoever holds the exception the input.
        del failure, pieces, data


def _let_go(failure: BaseException | None) -> None:
    """Empty the frames through which an error has come: the codec's, which hold the input."""
    for error in (failure, failure.__context__ if failure is not None else None):
        step = error.__traceback__ if error is not None else None
        while step is not None:
            with suppress(RuntimeError):  # That of the thread is still at work.
                step.tb_frame.clear()
            step = step.tb_next


class _Channel:
    """A bounded queue from one thread to another, in which whole lists change hands."""

    def __init__(self) -> None:
        # Re-entrant: the garbage collector may run close() in a thread that is inside put().
        lock = threading.RLock()
        self._filled = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._pieces: list[Piece] = []
        self._bytes = 0
        self._wake_bytes = FIRST_WAKE_BYTES
        self._ended = False
        self._failure: BaseException | None = None

    def put(self, piece: Piece) -> None:
        """Append a piece once there is room."""
        with self._room:
            while not self._ended and (self._bytes >= BYTE_LIMIT or len(self._pieces) >= PIECE_LIMIT):
                self._filled.notify()
                self._room.wait()
            if self._ended:
                raise Stopped
            self._pieces.append(piece)
            self._bytes += len(piece)
            if self._bytes >= self._wake_bytes:
                self._filled.notify()

    def flush(self) -> None:
        """Wake a user who waits, as the next piece may take a while."""
        with self._filled:
            if self._pieces:
                self._filled.notify()

    def finish(self, failure: BaseException | None) -> None:
        """Say that no piece comes any more, and why."""
        with self._filled:
            if not self._ended:
                self._ended = True
                self._failure = failure
            self._filled.notify()

    def take(self, wait: bool) -> list[Piece]:
        """Give all pieces at once; at the end none, or the failure."""
        with self._filled:
            while wait and not self._pieces and not self._ended:
                self._filled.wait()
            taken, self._pieces, self._bytes = self._pieces, [], 0
            self._wake_bytes = min(2 * self._wake_bytes, WAKE_BYTES)
            if taken:
                self._room.notify()
            failure, self._failure = (self._failure, None) if wait and not taken else (None, self._failure)
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # As in _run().
        return taken

    def close(self) -> None:
        """Drop everything and turn both sides away."""
        with self._filled:
            self._ended = True
            self._failure = None
            self._pieces, self._bytes = [], 0
            self._room.notify()
            self._filled.notify()
