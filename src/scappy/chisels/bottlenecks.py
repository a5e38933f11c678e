"""The slowest system calls."""

from __future__ import annotations

import numpy

from scapcore.batch import EventBatch
from scapcore.columns import ColumnBuilder
from scapcore.event import FieldReader
from scappy.chisels.base import Chisel
from scappy.chisels.units import SECOND
from scappy.fields.compiling import compile_field

__all__ = ["Bottlenecks"]

MOST = 10


class Bottlenecks(Chisel):
    """The ten system calls that took longest, with the lines of their enter and exit events."""

    name = "bottlenecks"
    description = "The slowest system calls."
    category = "Performance"
    fields = ("evt.latency", "evt.args", "evt.num", "evt.type", "proc.name", "thread.tid")
    filter = "evt.type!=switch"

    def on_capture_start(self) -> None:
        """Begin with none."""
        self.reader = FieldReader(compile_field, self.context.mode, True, True)
        # Latency, and the lines of enter and exit; slowest first.
        self.slowest: list[tuple[int, str, str]] = []
        # The line of the last enter event of each thread, from former batches.
        self.entered: dict[int, str] = {}

    def on_batch(self, batch: EventBatch) -> bool:
        """Look for calls that are slower than those found so far; text is made for these only."""
        rows = batch.selected
        if not len(rows):
            return True
        builder = ColumnBuilder(self.reader, compile_field("evt.latency"))
        builder.take(batch, rows)
        latencies, valid, _ = builder.finish()
        tids = batch.tid[rows]
        enters = valid & (latencies == 0)
        least = self.slowest[-1][0] if len(self.slowest) == MOST else 0
        for place in numpy.flatnonzero(valid & (latencies > least)):
            latency = int(latencies[place])
            if len(self.slowest) == MOST and latency <= self.slowest[-1][0]:
                continue
            tid = int(tids[place])
            before = numpy.flatnonzero(enters[:place] & (tids[:place] == tid))
            enter = self.line(batch, int(rows[before[-1]]), 0) if len(before) else self.entered.get(tid, "nil")
            index = sum(slower >= latency for slower, _, _ in self.slowest)
            self.slowest.insert(index, (latency, enter, self.line(batch, int(rows[place]), latency)))
            del self.slowest[MOST:]
        last = numpy.flatnonzero(enters)[::-1]
        for place in last[numpy.unique(tids[last], return_index=True)[1]]:
            self.entered[int(tids[place])] = self.line(batch, int(rows[place]), 0)
        return True

    def line(self, batch: EventBatch, row: int, latency: int) -> str:
        """An event as text."""

        def value(name: str) -> object:
            return self.reader.value_of(batch, row, name)

        return (
            f"{value('evt.num')}) {latency // SECOND}.{latency % SECOND:09} {value('proc.name') or ''} "
            f"({value('thread.tid')}) {'<' if latency else '>'} {value('evt.type')} {value('evt.args')}"
        )

    def on_capture_end(self) -> None:
        """Print the pairs of lines."""
        for _, enter, leave in self.slowest:
            self.print(enter)
            self.print(leave)

    def result(self) -> object:
        """List of dict: ``latency`` (ns) and the two lines."""
        return [{"latency": latency, "enter": enter, "exit": leave} for latency, enter, leave in self.slowest]
