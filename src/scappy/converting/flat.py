"""One flat table: Arrow's file format, CSV, or a JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scapcore.errors import CorruptCaptureError
from scappy.arrow import ArrowForm, plain_field, stream
from scappy.selection import library

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.converting.converted import Converted
    from scappy.formats import Sink

__all__ = ["write_flat"]


def write_flat(captures: Sequence[Capture], place: Path, to: str, fields: Sequence[str], done: Converted) -> None:
    """Write fields of events.

    Parameters
    ----------
    captures : sequence of Capture
        One after the other.
    place : Path
        The file.
    to : {"arrow", "csv", "jsonl"}
        The form. Arrow's needs the extra ``arrow``.
    fields : sequence of str
        The columns.
    done : Converted
        Where rows are counted and damage is noted.

    Raises
    ------
    MissingDependencyError
        If PyArrow is needed and not installed.
    FieldError
        If a field is wrong.
    """
    if to == "arrow":
        write_arrow(captures, place, fields, done)
        return
    done.rows["events"] = 0
    with place.open("wb") as stream:
        for number, capture in enumerate(captures):
            write_lines(capture, stream, to, fields, done, head=not number)


def write_arrow(captures: Sequence[Capture], place: Path, fields: Sequence[str], done: Converted) -> None:
    """Write Arrow's file format, read in place by whoever maps it."""
    arrow = library("pyarrow", "arrow", "convert")
    files = library("pyarrow.ipc", "arrow", "convert")
    form = ArrowForm(payloads="binary")
    rows = 0
    # Dictionaries change from batch to batch, which files cannot say: texts are plain there.
    schema = arrow.schema([plain_field(arrow, field) for field in arrow.schema(captures[0].select(fields, payloads="binary"))])
    with files.new_file(place, schema) as writer:
        for capture in captures:
            for batch in stream(capture, fields, form, done.damage).batches:
                writer.write_batch(arrow.record_batch(batch).cast(schema))
                rows += len(batch)
    done.rows["events"] = rows


def write_lines(
    capture: Capture, stream: BinaryIO, to: str, fields: Sequence[str], done: Converted, *, head: bool
) -> None:
    """Write the lines of a capture."""
    from scappy.formats import JsonSink, parse
    from scappy.formats.separated import SeparatedSink

    template = parse("*" + " ".join(f"%{name}" for name in fields))
    sink: Sink = SeparatedSink(stream, template, head=head) if to == "csv" else JsonSink(stream, template)
    reader = capture.reader(state=sink.needs_state, needs=sink.needs)
    predicate = capture.predicate()
    try:
        while reader.advance():
            batch = reader.batch
            if predicate is not None:
                predicate.run(batch)
            done.rows["events"] += len(batch.selected)
            sink.write(batch)
            del batch
    except CorruptCaptureError as error:
        if not error.gaps:
            raise
        done.damage.append(error)
    sink.close()
