"""Running chisels over a capture, all in one pass."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scapcore.errors import ChiselError, ScapError
from scapcore.event import Event, FieldReader, event_at
from scappy.capture import Capture, compile_field
from scappy.chisels.base import Chisel, ChiselContext

__all__ = ["run_chisels", "set_arguments"]


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
    capture: Capture, chisels: Sequence[Chisel], *, context: ChiselContext | None = None
) -> list[object]:
    """Run chisels over the events of a capture.

    Parameters
    ----------
    capture : Capture
        With or without a filter.
    chisels : sequence of Chisel
        Their arguments already set.
    context : ChiselContext, optional
        Output and display options; standard output by default.

    Returns
    -------
    list of object
        The result of each chisel.

    Raises
    ------
    ChiselError
        If a chisel fails; the message names it and the event.
    """
    context = context or ChiselContext(sys.stdout.buffer)
    context.capture_name = context.capture_name or capture.name
    context.filter = context.filter or capture.filter_text
    views = []
    needs = 0
    for chisel in chisels:
        if not chisel.name:
            raise ChiselError(f"the chisel {type(chisel).__name__} needs a name")
        chisel.context = context
        chisel.on_init()
    if context.filter != capture.filter_text:
        capture = capture.filtered_anew(context.filter)
    for chisel in chisels:
        view = capture.filter(chisel.filter) if chisel.filter else capture
        views.append(view)
        needs |= view.needs
        for name in chisel.fields:
            needs |= compile_field(name).needs
    reader = capture.reader(needs=needs)
    predicates = [view.predicate() for view in views]
    values = [FieldReader(compile_field, context.mode, True, chisel.printing) for chisel in chisels]
    for chisel in chisels:
        chisel.on_reader(capture, reader)
        chisel.on_capture_start()
    event: Event | None = None
    error: ScapError | None = None
    while not any(chisel.finished for chisel in chisels):
        try:
            if not reader.advance():
                break
        except ScapError as found_error:
            # What came before the damage has been dealt with; the chisels still get their end.
            error = found_error
            break
        batch = reader.batch
        for chisel, predicate, fields in zip(chisels, predicates, values, strict=True):
            batch.select_all()
            if predicate is not None:
                predicate.run(batch)
            if chisel.on_batch(batch):
                continue
            for row in batch.selected:
                event = event_at(batch, int(row), fields)
                try:
                    chisel.on_event(event)
                except (ScapError, OSError):
                    raise
                except Exception as problem:
                    raise ChiselError(f"chisel {chisel.name} failed at event {event.num}: {problem!r}") from problem
            event = None
        del batch
    for chisel in chisels:
        chisel.on_capture_end()
    if error is not None:
        raise error
    return [chisel.result() for chisel in chisels]
