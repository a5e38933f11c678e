"""A live capture as the bytes of a growing file: what was there before, and then what happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from scappy.capturing.companions import Companion

__all__ = ["EventSource", "LiveStream"]

#: Seconds that the probe is waited for before somebody looks whether the end has come.
WAIT = 0.1
#: Bytes that are taken at once.
MOST = 1 << 20
#: How often the kernel's buffer is looked at while the tables are read, and what is kept of it until they are.
EARLY_SECONDS, MOST_EARLY = 0.01, 1 << 28


class EventSource(Protocol):
    """What a probe can do, as far as it is asked for here."""

    def start(self) -> object:
        """Begin to capture."""

    def read(self, timeout_seconds: float, limit_bytes: int) -> bytes:
        """Whole event blocks, none if there are none within a time."""

    def lost(self) -> Sequence[int]:
        """How many events were lost so far, for each processor."""

    def set_aside(self, tid: int) -> object:
        """Of a thread that was there before only what changes the tables is wanted."""

    def stop(self) -> object:
        """Leave the kernel; what is still in the buffers can be read. May be called again."""


class LiveStream:
    """What a reader of captures reads: ``read1`` waits until there is something, and gives what there is.

    One thread at a time may read; :meth:`stop` may be called by any, and by handlers of signals.

    Parameters
    ----------
    probe : EventSource
        Started already.
    head : bytes
        Section header and tables.
    early : list of bytes
        Events that were read already.
    seconds : float, optional
        How long to capture, from now.
    companions : sequence of Companion
        Tell what the probe does not see; ended with the capture.
    """

    name = "the running system"

    def __init__(
        self,
        probe: EventSource,
        head: bytes,
        early: Sequence[bytes] = (),
        *,
        seconds: float | None = None,
        companions: Sequence[Companion] = (),
    ) -> None:
        self._probe = probe
        self._waiting = [head, *early]
        self._waiting.reverse()
        self._end = None if seconds is None else time.monotonic() + seconds
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._ended = False
        self._companions = tuple(companions)

    @property
    def lost(self) -> int:
        """Events that were lost so far because nobody came to take them in time."""
        return sum(self._probe.lost())

    def read1(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        del size        # blocks are given whole, whoever asks has room for them
        if self._waiting:
            return self._waiting.pop()
        while True:
            data = self._events()
            data += b"".join(companion.blocks() for companion in self._companions)
            if data:
                return data
            with self._lock:
                if self._ended:
                    return b""

    read = read1

    def _events(self) -> bytes:
        """What the probe has; none if that is nothing for a while, or for ever."""
        patience = WAIT
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                self.stop()
            patience = min(WAIT, max(left, 0.0))
        stopping = self._stopping.is_set()
        if stopping:
            # What is in the kernel's buffers by now can still be read.
            self._detach()
        with self._lock:
            if self._ended:
                return b""
            data = self._probe.read(0 if stopping else patience, MOST)
            self._ended = stopping and not data
        return data

    def stop(self) -> None:
        """Let the end come: what has happened until now is still given."""
        self._stopping.set()

    def close(self) -> None:
        """Take the probe out of the kernel at once; nothing is given any more."""
        self.stop()
        self._detach()
        with self._lock:
            self._ended = True

    def _detach(self) -> None:
        for companion in self._companions:
            companion.close()
        with self._lock:
            self._probe.stop()


class Early:
    """Takes what happens while the tables are read out of the kernel's buffer, which might not hold all of it.

    Parameters
    ----------
    probe : EventSource
        Started already.
    """

    def __init__(self, probe: EventSource) -> None:
        self._probe = probe
        self._bytes = 0
        self._next = 0.0
        self.pieces: list[bytes] = []

    def breathe(self) -> None:
        """Called often; takes something now and then."""
        now = time.monotonic()
        if now < self._next or self._bytes >= MOST_EARLY:
            return
        self._next = now + EARLY_SECONDS
        data = self._probe.read(0, MOST)
        if data:
            self.pieces.append(data)
            self._bytes += len(data)
