"""Heat maps for terminals: how often something happens, by colour."""

from __future__ import annotations

import math

import numpy

from scapcore.batch import EventBatch
from scapcore.columns import ColumnBuilder
from scapcore.errors import ChiselError
from scapcore.event import FieldReader
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import MILLISECOND, SECOND, format_interval
from scappy.fields.compiling import compile_field

__all__ = ["Spectrogram", "SubsecondOffset"]

#: Colours of the terminal's 256, from seldom to often, and what blends one into the next.
COLORS = (22, 28, 64, 34, 2, 76, 46, 118, 154, 191, 227, 226, 11, 220, 209, 208, 202, 197, 9, 1)
SHADES = (" ", "░", "▒", "░")
#: Each colour stands for 1.6 times as many as the one before.
STEP = math.log10(1.6)


class HeatMap(Chisel):
    """Base: counts events in columns and paints a row for each slot of time."""

    category = "CPU Usage"
    arguments = (Argument("refresh_time", "milliseconds of a row", int, optional=True),)

    refresh_time = 1000

    def on_init(self) -> None:
        """Settle the width; nothing can be painted elsewhere than on a terminal."""
        if not self.context.terminal:
            self.print("This chisel only works on ANSI terminals. Aborting.")
            raise ChiselError(f"the chisel {self.name} needs a terminal")
        if self.refresh_time <= 0:
            raise ChiselError("the refresh time must be above 0")
        self.interval = self.refresh_time * MILLISECOND
        self.width = max(self.context.width, 1)
        self.print("\x1b[?25l", end=b"")

    def on_capture_start(self) -> None:
        """Begin with empty columns."""
        self.counts = numpy.zeros(self.width, numpy.int64)

    def on_interval(self, time: int, delta: int) -> None:
        """Paint a row above the axis."""
        self.print("\x1b[1F", end=b"")
        cells = [self.cell(int(count)) for count in self.counts]
        self.print("".join(cells) + "\x1b[0m")
        self.print(self.axis())
        self.counts[:] = 0

    def cell(self, count: int) -> str:
        """A coloured sign for a count."""
        if not count:
            return "\x1b[38;5;0m\x1b[48;5;0m "
        heat = min(max(math.log10(count * SECOND / self.interval + 1) / STEP, 1), len(COLORS))
        low, high = COLORS[math.floor(heat) - 1], COLORS[math.ceil(heat) - 1]
        rest = heat - math.floor(heat)
        if rest > 0.75:
            low, high = high, low
        return f"\x1b[38;5;{low}m\x1b[48;5;{high}m{SHADES[int(rest * len(SHADES))]}"

    def axis(self) -> str:
        """Labels under the map."""
        return ""


    def on_capture_end(self) -> None:
        """Give the terminal back."""
        self.print("\x1b[0m")
        self.print("\x1b[?25h", end=b"")


class Spectrogram(HeatMap):
    """Latencies of system calls over time."""

    name = "spectrogram"
    description = "Show the latencies of system calls as a heat map."
    fields = ("evt.latency",)
    filter = "evt.dir=<"
    refresh_time = 500

    #: Powers of ten of the axis, in ns.
    POWERS = 11

    def on_batch(self, batch: EventBatch) -> bool:
        """Count the events by latency."""
        builder = ColumnBuilder(FieldReader(compile_field), compile_field("evt.latency"))
        builder.take(batch, batch.selected)
        values, valid, _ = builder.finish()
        latencies = values[valid & (values > 0)].astype(numpy.float64)
        places = (numpy.minimum(numpy.log10(latencies), self.POWERS) * self.width / self.POWERS).astype(numpy.int64)
        self.counts += numpy.bincount(places[places < self.width], minlength=self.width)
        return True

    def axis(self) -> str:
        """Powers of ten."""
        text = ""
        while len(text) < self.width:
            power = len(text) * self.POWERS // self.width
            if power != (len(text) - 1) * self.POWERS // self.width:
                text += "|" + format_interval(10**power)
            else:
                text += " "
        return text

    def on_capture_end(self) -> None:
        """Paint the last row, too."""
        self.on_interval(self.context.last_time, 0)
        super().on_capture_end()


class SubsecondOffset(HeatMap):
    """When system calls happen within each second."""

    name = "subsecoffset"
    description = "Show when system calls happen within a second as a heat map."
    filter = "evt.dir=>"

    def on_init(self) -> None:
        """Tell what the colours mean."""
        super().on_init()
        self.print("Tracing system calls: red is often, green is seldom.\n")

    def on_batch(self, batch: EventBatch) -> bool:
        """Count the events by their place in the slot."""
        offsets = batch.ts[batch.selected] % numpy.uint64(self.interval)
        places = (offsets.astype(numpy.float64) / self.interval * self.width).astype(numpy.int64)
        self.counts += numpy.bincount(places[places < self.width], minlength=self.width)
        return True

    def axis(self) -> str:
        """Tenths of the slot."""
        text = ""
        longest = len(f"|{0.9 * self.refresh_time:g}ms")
        while len(text) < self.width:
            part = len(text) * 10 // self.width
            if part != (len(text) - 1) * 10 // self.width and len(text) <= self.width - longest:
                text += f"|{part * self.refresh_time / 10:g}ms"
            else:
                text += " "
        return text
