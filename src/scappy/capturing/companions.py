"""What a live capture tells besides what the probe sees, found out now and then in threads beside it."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod

from scapcore.encode import EventEncoder
from scapcore.write import BlockEncoder
from scappy.capturing.containers import ContainerList
from scappy.capturing.proc import Proc
from scappy.writer import find_event_type

__all__ = ["Companion", "ContainerWatch", "ProcessorTimes"]

#: Seconds between two looks.
CONTAINER_SECONDS, PROCESSOR_SECONDS = 2.0, 1.0
#: How much longer than a look the pause behind it is at least, so that looking costs little on the largest machines.
PATIENCE = 20


class Companion(ABC):
    """A thread that looks for something again and again, and makes events of it.

    Parameters
    ----------
    seconds : float
        From one look to the next.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"scappy-{type(self).__name__}", daemon=True)
        self._thread.start()

    @abstractmethod
    def look(self) -> bytes:
        """Blocks for what there is now."""

    def _run(self) -> None:
        pause = self._seconds
        while not self._ended.wait(pause):
            begun = time.monotonic()
            blocks = self.look()
            if blocks:
                self._found.put(blocks)
            spent = time.monotonic() - begun
            pause = max(self._seconds - spent, PATIENCE * spent, 0)

    def blocks(self) -> bytes:
        """Blocks for what was found since the last time."""
        found = []
        while not self._found.empty():
            found.append(self._found.get())
        return b"".join(found)

    def close(self) -> None:
        """End the thread; it may still be looking."""
        self._ended.set()


class ContainerWatch(Companion):
    """Tells of new containers.

    Parameters
    ----------
    containers : ContainerList
        Has given those that were there before.
    """

    def __init__(self, containers: ContainerList) -> None:
        self._containers = containers
        self._encoder = EventEncoder(find_event_type("CONTAINER_JSON_2_E", ">"))
        super().__init__(CONTAINER_SECONDS)

    def look(self) -> bytes:
        blocks = BlockEncoder(256)
        if self._containers.is_there:
            # What is wrong was told when the capture began.
            for container in self._containers.fresh(quiet=True):
                self._encoder.encode(blocks, time.time_ns(), -1, 0, (container.json(),))
        return blocks.take()


class ProcessorTimes(Companion):
    """Tells how much processor time threads have had, as sysdig does each second: of those that have had more since.

    Parameters
    ----------
    proc : Proc
        Where to look.
    excluded : int
        The process of which nothing is told.
    """

    def __init__(self, proc: Proc, excluded: int) -> None:
        self._proc = proc
        self._excluded = excluded
        self._times: dict[int, tuple[int, int]] = {}
        self._encoder = EventEncoder(find_event_type("PROCINFO_E", ">"))
        super().__init__(PROCESSOR_SECONDS)

    def look(self) -> bytes:
        blocks = BlockEncoder(4096)
        times: dict[int, tuple[int, int]] = {}
        for pid in self._proc.numbers():
            if pid == self._excluded:
                continue
            for tid in self._proc.numbers(pid, "task"):
                # The name in brackets may hold anything. Ticks of 10 ms, as the format has them.
                counters = self._proc.text(pid, "task", tid, "stat").rpartition(")")[2].split()
                if len(counters) > 12 and counters[11].isdecimal() and counters[12].isdecimal():
                    times[tid] = int(counters[11]), int(counters[12])
        now = time.time_ns()
        for tid, spent in times.items():
            if self._times.get(tid, (0, 0)) != spent:
                self._encoder.encode(blocks, now, tid, 0, spent)
        self._times = times
        return blocks.take()
