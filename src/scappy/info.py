"""A first look at a capture: machine, time span, counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy

from scapcore.errors import ScapError
from scapcore.schema import event_types

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["CaptureInfo", "gather"]

DROP_EVENTS = ("DROP_E", "DROP_X")

BLOCK_NAMES = {
    0x201: "machine",
    0x205: "interfaces (v1)",
    0x219: "interfaces (v2)",
    0x206: "users (v1)",
    0x220: "users (v2)",
    0x203: "descriptors (v1)",
    0x218: "descriptors (v2)",
    0x202: "processes (v1)",
    0x207: "processes (v2)",
    0x209: "processes (v3)",
    0x9C5C0E5B: "objects of a cluster",
    **{0x210 + index: f"processes (v{index + 4})" for index in range(6)},
}


@dataclass
class CaptureInfo:
    """What a first look shows.

    Attributes
    ----------
    name : str
        The source.
    compression : str or None
        What was taken off on the way.
    versions : list of (int, int)
        Format version of each section.
    machine : dict
        ``hostname``, ``cpus``, ``memory_bytes``, ``max_pid``, ``boot_time``.
    first_time, last_time : int
        Time stamps of the first and the last event that have one, ns since the epoch; 0 without events.
    event_blocks : int
        Event blocks in the file.
    events, shown : int
        Events with a number, and those of them that are shown.
    types : dict of str to int
        Shown events by name.
    drops : int
        Drop events: places where the capturing machine was too slow.
    processes, threads : int
        Known in the course of the capture.
    containers : list of (str, str)
        Id and name of the containers that the capture tells of.
    blocks : dict of str to int
        Blocks other than events, by kind.
    unknown_types : dict of int to int
        Event types that are unknown here, and how often they were skipped.
    error : ScapError or None
        Damage that ended the reading; what is above describes what came before it.
    """

    name: str
    compression: str | None
    versions: list[tuple[int, int]] = field(default_factory=list)
    machine: dict[str, object] = field(default_factory=dict)
    first_time: int = 0
    last_time: int = 0
    event_blocks: int = 0
    events: int = 0
    shown: int = 0
    types: dict[str, int] = field(default_factory=dict)
    drops: int = 0
    processes: int = 0
    threads: int = 0
    containers: list[tuple[str, str]] = field(default_factory=list)
    blocks: dict[str, int] = field(default_factory=dict)
    unknown_types: dict[int, int] = field(default_factory=dict)
    error: ScapError | None = None


def gather(capture: Capture) -> CaptureInfo:
    """Look at a whole capture once.

    Parameters
    ----------
    capture : Capture
        Its filter, if any, does not count here.
    """
    names = {event.type: event.name for event in event_types()}
    drop_types = [event.type for event in event_types() if event.id in DROP_EVENTS]
    reader = capture.reader()
    info = CaptureInfo(capture.name, capture.compression)
    counts: Counter[int] = Counter()
    threads: set[tuple[int, int]] = set()
    try:
        while reader.advance():
            batch = reader.batch
            types = batch.type
            info.drops += int(numpy.isin(types, drop_types).sum())
            shown = types[~batch.hidden]
            info.shown += len(shown)
            found, amounts = numpy.unique(shown, return_counts=True)
            counts.update(dict(zip(found.tolist(), amounts.tolist(), strict=True)))
            stamps = batch.ts
            stamps = stamps[stamps > 0]
            if len(stamps):
                info.first_time = info.first_time or int(stamps[0])
                info.last_time = int(stamps[-1])
            threads |= reader.threads()
    except ScapError as error:
        info.error = error.with_traceback(None)
    info.versions = reader.versions
    info.machine = reader.machine
    info.event_blocks = reader.event_blocks
    info.events = reader.last_number
    by_name: Counter[str] = Counter()
    for kind, amount in counts.items():
        by_name[names[kind]] += amount
    info.types = dict(by_name.most_common())
    info.blocks = {BLOCK_NAMES.get(kind, f"0x{kind:X}"): amount for kind, amount in reader.blocks.items()}
    info.unknown_types = reader.unknown_types
    info.threads = len(threads)
    info.processes = len({pid for _, pid in threads})
    info.containers = reader.containers()
    return info
