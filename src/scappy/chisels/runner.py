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
from scappy.capture import Capture
from scappy.capture import open as open_capture
from scappy.chisels.base import Chisel, ChiselContext
from scappy.chisels.making import make_chisel
from scappy.fields.compiling import compile_field

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
        context = chisel.context
        mode = 1 if chisel.ascii and context.mode == 0 and not context.json else context.mode
        self.values = FieldReader(compile_field, mode, True, chisel.printing)
        self.predicate = self.view.predicate()
        self.slot = -1
        self.called = 0
        self.met = False

    @property
    def over(self) -> bool:
        """Whether the chisel has the moment at which it shows the tables."""
        return self.met and self.chisel.point_in_time

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
        if chisel.point_in_time:
            self.met = self.met or len(batch.selected) > 0
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
        self.needs = self.capture.needs
        for part in self.parts:
            part.open(self.capture)
            self.needs |= part.needs
        # What comes through a stream is counted while it is read; elsewhere the end is found before.
        self.left = None if self.capture.repeatable else context.limit
        self.predicate: Any = None
        if context.early or self.left is not None:
            self.predicate = self.capture.predicate(early=context.early)

    def go(self) -> ScapError | None:
        """Read the capture; the damage that ended it, if any.

        What came before the damage is dealt with, and the chisels get their end.
        """
        context = self.context
        self.find_stops()
        reader = self.capture.reader(needs=self.needs)
        for part in self.parts:
            part.chisel.on_reader(self.capture, reader)
            part.call("the start", part.chisel.on_capture_start)
        error: ScapError | None = None
        while self.parts and not context.ended and self.left != 0:
            reader.batch_events = self.batch_events(reader)
            try:
                if not reader.advance():
                    break
            except ScapError as problem:
                error = problem
                break
            self.take(reader)
            if not self.capture.repeatable:
                # What comes through a pipe may be happening just now.
                context.output.flush()
            if self.last is not None and reader.last_number >= self.last:
                break
            self.end([part for part in self.parts if part.over], reader)
        self.end(self.parts, reader)
        return error

    def end(self, parts: list[Part], reader: Reader) -> None:
        """Let chisels see the tables as they are now, and no more events."""
        self.context.engine = reader.engine
        for part in parts:
            part.call("its end", part.chisel.on_capture_end)
        self.context.engine = None
        self.parts = [part for part in self.parts if part not in parts]

    def batch_events(self, reader: Reader) -> int:
        """How many events the next batch may have, so that it ends where something is to be done."""
        most = BATCH_EVENTS
        for number in self.stops:
            if number > reader.last_number:
                most = min(most, number - reader.last_number)
        if self.left is not None:
            most = min(most, self.left)
        if not self.capture.repeatable and any(part.chisel.point_in_time for part in self.parts):
            # Nobody knows which event it will be.
            most = 1
        return most

    def take(self, reader: Reader) -> None:
        """Give the present batch to all chisels."""
        batch = reader.batch
        self.revealer.reveal(batch)
        if self.predicate is not None:
            batch.select_all()
            self.predicate.run(batch)
            self.context.lost = self.predicate.lost
        if self.left is not None:
            self.left -= len(batch.selected)
        # Without columns: NumPy takes longer to load than many a capture to read.
        self.context.first_time = self.revealer.first_time
        self.context.last_time = self.revealer.last_time
        for part in self.parts:
            part.take(batch)

    def find_stops(self) -> None:
        """Find the numbers of events after which something is to be done.

        Chisels that show the tables do so at the first event that they see, and what the engine has are the tables at
        the end of a batch; and the last event within the limit ends the run. A pass before finds them, and then the
        batches are cut to end there. A stream can be read once only.
        """
        context = self.context
        self.stops: list[int] = []
        self.last: int | None = None
        if not self.capture.repeatable:
            return
        ends = [(part.view, part.view.predicate(), 1) for part in self.parts if part.chisel.point_in_time]
        if context.limit:
            # Last, as it changes what the others look at.
            ends.append((self.capture, self.capture.predicate(early=context.early), context.limit))
        else:
            self.left = context.limit
        if not ends:
            return
        needs = 0
        for view, _, _ in ends:
            needs |= view.needs
        reader = self.capture.reader(state=context.early or any(view.needs_state for view, _, _ in ends), needs=needs)
        missing = [count for _, _, count in ends]
        revealer = Revealer()
        try:
            while any(count > 0 for count in missing) and self.last is None and reader.advance():
                batch = reader.batch
                revealer.reveal(batch)
                for place, (_, predicate, _) in enumerate(ends):
                    batch.select_all()
                    if predicate is not None:
                        predicate.run(batch)
                    rows = batch.selected
                    if 0 < missing[place] <= len(rows):
                        self.stops.append(int(rows[missing[place] - 1]) + batch.first_number)
                        if context.limit and place == len(ends) - 1:
                            self.last = self.stops[-1]
                    missing[place] -= len(rows)
        except ScapError:
            pass        # it is met again
