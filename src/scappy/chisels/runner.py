"""Running chisels over a capture, all in one pass."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scapcore.beginning import Revealer
from scapcore.errors import ChiselError, ScapError
from scapcore.event import Event, FieldReader, event_at
from scapcore.reader import Reader
from scappy.capture import Capture, compile_field
from scappy.capture import open as open_capture
from scappy.chisels.base import Chisel, ChiselContext
from scappy.chisels.making import make_chisel

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from scapcore.batch import EventBatch

__all__ = ["run_chisels", "set_arguments"]

#: Events of a batch where nothing asks for less.
BATCH_EVENTS = 16384

#: What stands for a chisel where one is run: itself, its name, or its name with the words of its arguments.
ChiselLike = Chisel | str | Sequence[str]


def set_arguments(chisel: Chisel, values: Sequence[str]) -> None:
    """Give a chisel the words of its command line.

    Raises
    ------
    ChiselError
        If there are too few or too many, or one is not of its type.
    """
    required = sum(not argument.optional for argument in chisel.arguments)
    if len(values) < required:
        raise ChiselError(f"missing arguments for chisel {chisel.name}")
    if len(values) > len(chisel.arguments):
        raise ChiselError(f"too many arguments for chisel {chisel.name}")
    for argument, value in zip(chisel.arguments, values, strict=False):
        try:
            converted = argument.type(value)
        except ValueError as error:
            raise ChiselError(f"chisel {chisel.name}: {argument.name} cannot be {value!r}") from error
        chisel.set_argument(argument.name, converted)


def run_chisels(
    capture: Capture | str | os.PathLike[str],
    chisels: Sequence[ChiselLike],
    *,
    context: ChiselContext | None = None,
    quiet: bool = False,
) -> list[Any]:
    """Run chisels over the events of a capture, in one pass.

    Parameters
    ----------
    capture : Capture or path
        With or without a filter.
    chisels : sequence of Chisel, str or sequence of str
        Chisels with their arguments set, names, or names with arguments, as in ``("fdbytes_by", "fd.type")``. A name
        may be that of a script in Lua, or the path of a file.
    context : ChiselContext, optional
        Output and display options; standard output by default.
    quiet : bool
        Whether nothing is printed where no context is given.

    Returns
    -------
    list of object
        The result of each chisel: a list of dict for tables, None for those that only print.

    Raises
    ------
    ChiselError
        If a chisel is unknown or fails; the message names it and the event.
    """
    context = context or ChiselContext(io.BytesIO() if quiet else sys.stdout.buffer)
    if not isinstance(capture, Capture):
        capture = open_capture(capture)
    found = [made(chisel) for chisel in chisels]
    context.source = capture.name
    context.filter = capture.filter_text
    run = Run(capture, found, context)
    error = run.go()
    if error is not None:
        raise error
    return [chisel.result() for chisel in found]


def made(chisel: ChiselLike) -> Chisel:
    """A chisel from what stands for it."""
    if isinstance(chisel, Chisel):
        if not chisel.name:
            raise ChiselError(f"the chisel {type(chisel).__name__} needs a name")
        return chisel
    name, *values = [chisel] if isinstance(chisel, str) else chisel
    made = make_chisel(name)
    set_arguments(made, values)
    return made


class Part:
    """One chisel of a run: its filter, its fields and its clock."""

    def __init__(self, chisel: Chisel, context: ChiselContext) -> None:
        self.chisel = chisel
        chisel.context = context
        self.call("its beginning", chisel.on_init)

    def open(self, capture: Capture) -> None:
        """Get ready for a pass; the chisel has said by now what it wants to see."""
        chisel = self.chisel
        self.view = capture.filter(chisel.filter) if chisel.filter else capture
        self.needs = self.view.needs
        for name in chisel.fields:
            self.needs |= compile_field(name).needs
        mode = 1 if chisel.ascii and chisel.context.mode == 0 else chisel.context.mode
        self.values = FieldReader(compile_field, mode, True, chisel.printing)
        self.predicate = self.view.predicate()
        self.slot = -1
        self.called = 0

    def call(self, place: str, hook: Any, *arguments: object) -> Any:
        """Call a hook; what goes wrong is told with the chisel's name."""
        try:
            return hook(*arguments)
        except (ScapError, OSError):
            raise
        except Exception as problem:
            raise ChiselError(f"chisel {self.chisel.name} failed at {place}: {problem!r}") from problem

    def take(self, batch: EventBatch) -> None:
        """Give the chisel the events of a batch that it wants to see."""
        batch.select_all()
        if self.predicate is not None:
            self.predicate.run(batch)
        if not self.chisel.interval:
            self.deliver(batch)
            return
        import numpy

        shown = numpy.flatnonzero(~batch.hidden)
        if not len(shown):
            return
        times = batch.ts[shown]
        slots = times // self.chisel.interval
        before = numpy.concatenate([[slots[0] if self.slot < 0 else self.slot], slots[:-1]])
        self.slot = int(slots[-1])
        turns = numpy.flatnonzero(slots != before)
        if not len(turns):
            self.deliver(batch)
            return
        rows = batch.selected
        start = 0
        for turn in turns:
            end = int(numpy.searchsorted(rows, shown[turn]))
            self.deliver_rows(batch, rows[start:end])
            start = end
            self.tick(int(times[turn]))
        self.deliver_rows(batch, rows[start:])

    def tick(self, time: int) -> None:
        """Tell the chisel that a slot of time is over."""
        if time != self.called:
            delta = time - self.called if self.called else 0
            self.called = time
            self.call(f"the interval at {time}", self.chisel.on_interval, time, delta)

    def deliver_rows(self, batch: EventBatch, rows: NDArray[numpy.uint32]) -> None:
        """Give the chisel some events of a batch."""
        if len(rows):
            batch.choose(rows)
            self.deliver(batch)

    def deliver(self, batch: EventBatch) -> None:
        """Give the chisel the selected events of a batch."""
        chisel = self.chisel
        if self.call(f"the events from {batch.first_number}", chisel.on_batch, batch):
            return
        event: Event | None = None
        for row in batch.selected:
            event = event_at(batch, int(row), self.values)
            self.call(f"event {event.num}", chisel.on_event, event)
            if chisel.context.ended:
                return


class Run:
    """One pass of chisels over a capture."""

    def __init__(self, capture: Capture, chisels: Sequence[Chisel], context: ChiselContext) -> None:
        self.context = context
        self.parts = [Part(chisel, context) for chisel in chisels]
        self.capture = capture if context.filter == capture.filter_text else capture.filtered_anew(context.filter)
        self.revealer = Revealer()
        self.needs = 0
        for part in self.parts:
            part.open(self.capture)
            self.needs |= part.needs

    def go(self) -> ScapError | None:
        """Read the capture; the damage that ended it, if any.

        What came before the damage is dealt with, and the chisels get their end.
        """
        context = self.context
        last = self.last_number()
        reader = self.capture.reader(needs=self.needs)
        for part in self.parts:
            part.chisel.on_reader(self.capture, reader)
            part.call("the start", part.chisel.on_capture_start)
        error: ScapError | None = None
        while not context.ended:
            reader.batch_events = BATCH_EVENTS if last is None else max(1, min(BATCH_EVENTS, last - reader.last_number))
            try:
                if not reader.advance():
                    break
            except ScapError as problem:
                error = problem
                break
            self.take(reader)
            if last is not None and reader.last_number >= last > 0:
                break
        context.engine = reader.engine
        for part in self.parts:
            part.call("its end", part.chisel.on_capture_end)
        context.engine = None
        return error

    def take(self, reader: Reader) -> None:
        """Give the present batch to all chisels."""
        batch = reader.batch
        self.revealer.reveal(batch)
        # Without columns: NumPy takes longer to load than many a capture to read.
        self.context.first_time = self.revealer.first_time
        self.context.last_time = self.revealer.last_time
        for part in self.parts:
            part.take(batch)

    def last_number(self) -> int | None:
        """Number of the event at which chisels want to see the tables.

        The tables are those at the end of a batch. So what ends the run is found in a pass before, and then the batches
        are cut to end with it. A stream can be read once only: 0 asks for batches of one event.
        """
        wanted = [part for part in self.parts if part.chisel.point_in_time]
        if not wanted:
            return None
        if not self.capture.repeatable:
            return 0
        needs = 0
        for part in wanted:
            needs |= part.view.needs
        reader = self.capture.reader(state=any(part.view.needs_state for part in wanted), needs=needs)
        predicates = [part.view.predicate() for part in wanted]
        revealer = Revealer()
        try:
            while reader.advance():
                batch = reader.batch
                revealer.reveal(batch)
                first = []
                for predicate in predicates:
                    batch.select_all()
                    if predicate is not None:
                        predicate.run(batch)
                    rows = batch.selected
                    if len(rows):
                        first.append(int(rows[0]) + batch.first_number)
                if first:
                    return min(first)
        except ScapError:
            # It is met again.
            return None
        return None
