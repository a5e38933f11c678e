"""System calls as slices on the tracks of their threads: the JSON that Chrome's trace viewer and Perfetto open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scapcore.errors import CorruptCaptureError
from scapcore.merge import DISTANCE

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.converting.converted import Converted
    from scappy.table import Table

__all__ = ["write_trace"]

FIELDS = ("evt.num", "evt.rawtime", "evt.type", "evt.dir", "evt.latency", "thread.tid", "proc.pid", "proc.name", "fd.name",
          "evt.rawres", "evt.category", "syscall.type", "evt.hostname")  # fmt: skip
#: Events that have no beginning and end: marks on the track.
INSTANTS = frozenset("switch procexit signaldeliver page_fault drop".split())
#: What lies between the threads of one machine and the next, as viewers know of one machine only: more than any kernel
#: gives, and less than in merged captures, as viewers' numbers have 31 bits.
MACHINE_STEP = 1 << 22


def write_trace(captures: Sequence[Capture], place: Path, done: Converted) -> None:
    """Write the trace of captures.

    Times are microseconds since the first event, with nanoseconds behind the point; ``otherData`` tells its time. A call
    that a thread was in when it or the capture ended is there, too; in the last case it has no end.

    Parameters
    ----------
    captures : sequence of Capture
        One after the other.
    place : Path
        The file.
    done : Converted
        Where slices and marks are counted, and damage is noted.
    """
    with place.open("w", encoding="ascii") as stream:
        stream.write('{"displayTimeUnit": "ns", "traceEvents": [\n')
        trace = Trace()
        before = ""
        for capture in captures:
            tracks = Tracks(trace)
            try:
                for table in capture.tables(FIELDS):
                    for entry in tracks.entries(table):
                        stream.write(before + json.dumps(entry, separators=(",", ":")))
                        before = ",\n"
            except CorruptCaptureError as error:
                if not error.gaps:
                    raise
                done.damage.append(error)
            for entry in tracks.unfinished():
                stream.write(before + json.dumps(entry, separators=(",", ":")))
                before = ",\n"
        stream.write(f'\n], "otherData": {{"start_ns": "{trace.start}"}}}}\n')
    done.rows |= trace.counts


class Trace:
    """What all captures of a trace have in common: when it starts, its machines, and how much is in it."""

    def __init__(self) -> None:
        self.start = 0
        self.machines: dict[str, int] = {}
        self.counts = {"slices": 0, "marks": 0}


class Tracks:
    """The threads of a capture: what they are called, and the calls that they are in.

    Parameters
    ----------
    trace : Trace
        What the capture belongs to.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names: dict[tuple[int, int], str] = {}
        self.inside: dict[tuple[int, int], tuple[int, dict[str, object]]] = {}

    def entries(self, table: Table) -> Iterator[dict[str, object]]:
        """The entries for some events, and for what threads are called from then on."""
        trace = self.trace
        for number, time, kind, direction, latency, tid, pid, name, file, result, category, call, host in zip(
            *(table.objects(field) for field in FIELDS), strict=True
        ):
            trace.start = trace.start or time
            machine = trace.machines.setdefault(host or "", len(trace.machines))
            tid = int(tid)
            pid = tid if pid is None or pid < 0 else int(pid)
            if machine:
                tid, pid = (each % DISTANCE + machine * MACHINE_STEP for each in (tid, pid))
            about: dict[str, object] = {"num": number}
            if file is not None:
                about["fd"] = file
            entry: dict[str, object] = {"name": kind, "cat": category or "other", "pid": pid, "tid": tid, "args": about}
            if direction == ">" and kind not in INSTANTS:
                if call is not None:
                    self.inside[pid, tid] = time, entry
                continue
            if name is not None and self.names.get((pid, tid)) != name:
                self.names[pid, tid] = name
                yield from self.named(pid, tid, name, host if machine else None)
            if result is not None:
                about["res"] = result
            if direction == "<" and kind not in INSTANTS:
                self.inside.pop((pid, tid), None)
                lasted = latency or 0
                yield self.slice(time - lasted, lasted, entry)
                continue
            if kind == "procexit" and (pid, tid) in self.inside:
                # A call that the thread did not come back from.
                began, left = self.inside.pop((pid, tid))
                yield self.slice(began, time - began, left)
            trace.counts["marks"] += 1
            yield {"ph": "i", "s": "t", "ts": (time - trace.start) / 1000, **entry}

    def named(self, pid: int, tid: int, name: str, host: str | None) -> Iterator[dict[str, object]]:
        """What a track is called, and of processes of other machines, whose they are."""
        track = {"ph": "M", "pid": pid, "tid": tid}
        yield {"name": "thread_name", **track, "args": {"name": name}}
        if pid == tid:
            yield {"name": "process_name", **track, "args": {"name": name if host is None else f"{name} on {host}"}}

    def slice(self, began: int, lasted: int, entry: dict[str, object]) -> dict[str, object]:
        """A call from its beginning to its end."""
        self.trace.counts["slices"] += 1
        return {"ph": "X", "ts": (began - self.trace.start) / 1000, "dur": lasted / 1000, **entry}

    def unfinished(self) -> Iterator[dict[str, object]]:
        """Calls that had not returned when the capture ended: slices without an end."""
        for began, entry in self.inside.values():
            self.trace.counts["slices"] += 1
            yield {"ph": "B", "ts": (began - self.trace.start) / 1000, **entry}
