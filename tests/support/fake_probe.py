"""A probe without a kernel: it replays the event blocks of a capture, some now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable


class FakeProbe:
    """Gives pieces one after another, each not before its time.

    Parameters
    ----------
    pieces : iterable of (float, bytes)
        Seconds since the start, and whole blocks.
    endless : bool
        Whether nothing comes any more after the last piece, or nobody needs to wait for it.
    """

    def __init__(self, pieces: Iterable[tuple[float, bytes]] = (), lost: Iterable[int] = (0, 0)) -> None:
        self.pieces = list(pieces)
        self.counts = list(lost)
        self.aside: set[int] = set()
        self.started = 0.0
        self.stopped = 0
        self.lock = threading.Lock()

    def start(self) -> None:
        self.started = time.monotonic()

    def read(self, timeout_seconds: float, limit_bytes: int = 1 << 20) -> bytes:
        deadline = time.monotonic() + timeout_seconds
        with self.lock:
            while True:
                now = time.monotonic()
                if self.pieces and (now - self.started >= self.pieces[0][0]):
                    return self.pieces.pop(0)[1]
                if self.stopped or now >= deadline:
                    return b""
                time.sleep(0.002)

    def set_aside(self, tid: int) -> None:
        self.aside.add(tid)

    def lost(self) -> list[int]:
        return self.counts

    def stop(self) -> None:
        if not self.stopped:
            # What has not happened yet never will.
            now = time.monotonic() - self.started
            self.pieces = [piece for piece in self.pieces if piece[0] <= now]
        self.stopped += 1
