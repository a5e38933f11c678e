"""Selected columns in Arrow's form: which type a field has there, and the record batches of one pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import scapcore.fields
from scapcore.arrow import ArrowStream, ArrowType, RecordBatch
from scapcore.errors import CorruptCaptureError, DamageWarning
from scappy.fields import lookup
from scappy.fields.compiling import compile_field

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["ArrowForm", "ColumnForm", "column_form", "plain_field", "stream"]

#: Rows after which a record batch ends, and bytes of texts and payloads.
BATCH_ROWS = 1 << 16
BATCH_BYTES = 1 << 26

#: Fields that say when, as moments. The texts of the first two are one moment seen from this machine's time zone.
MOMENTS = frozenset(
    "evt.time evt.datetime evt.rawtime proc.pid.ts proc.ppid.ts proc.exe_ino.ctime proc.exe_ino.mtime".split()
)
#: Fields that say how long.
DURATIONS = frozenset(
    "evt.reltime evt.deltatime evt.latency evt.wait_latency container.duration proc.duration proc.ppid.duration "
    "thread.exectime thread.totexectime proc.exe_ino.ctime_duration_proc_start "
    "proc.exe_ino.ctime_duration_pidns_start".split()
)
#: Texts of the event itself that are always one of a few; those of threads, descriptors and types are so by nature.
VOCABULARIES = frozenset(
    "evt.category evt.hostname evt.asynctype evt.res fd.lproto fd.rproto proc.stdin.type proc.stdout.type "
    "proc.stderr.type syslog.facility.str syslog.severity.str proc.sid.exe proc.vpgid.name proc.vpgid.exe "
    "proc.pgid.name proc.pgid.exe fd.lip fd.rip".split()
)
SCOPE_EVENT = 1
# Type codes of the capture format, section 6.3.
UINT64, CHARBUF, BYTEBUF, SOCKADDR, SOCKTUPLE, FDLIST, FSPATH = 8, 9, 10, 12, 13, 16, 17
RELTIME, ABSTIME, BOOL, DYN, DOUBLE, IPADDR, FSRELPATH = 20, 21, 25, 27, 33, 40, 43


@dataclass(frozen=True, slots=True)
class ArrowForm:
    """How columns are handed on where there is a choice.

    Attributes
    ----------
    addresses : {"text", "binary"}
        IP addresses as text, or as 4 or 16 bytes in network order.
    payloads : {"view", "binary"}
        Byte fields as views of the capture's own memory, which copies nothing, or as plain binary, which older programs and
        Parquet want.
    durations : {"duration", "integer"}
        How long something took, as a type of its own, or as int64 nanoseconds for programs whose intervals are coarser.
    """

    addresses: Literal["text", "binary"] = "text"
    payloads: Literal["view", "binary"] = "view"
    durations: Literal["duration", "integer"] = "duration"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("addresses", self.addresses, ("text", "binary")),
            ("payloads", self.payloads, ("view", "binary")),
            ("durations", self.durations, ("duration", "integer")),
        ):
            if value not in known:
                raise ValueError(f"{name} are {known[0]} or {known[1]}, not {value!r}")


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """How the values of a field are handed on.

    Attributes
    ----------
    layout : str
        As :class:`scapcore.arrow_columns.ArrowColumn` takes it.
    format : bytes
        Format string of the values in the Arrow C data interface.
    """

    layout: str
    format: bytes

    def type(self, name: str) -> ArrowType:
        """The type of a column of that name."""
        if self.layout == "codes":
            return ArrowType(b"i", name, dictionary=ArrowType(self.format))
        if self.layout == "lists":
            return ArrowType(b"+l", name, children=[ArrowType(self.format, "item", False)])
        return ArrowType(self.format, name)


def column_form(name: str, use: scapcore.fields.FieldUse, form: ArrowForm) -> ColumnForm:
    """The form of a field's column.

    Parameters
    ----------
    name : str
        The field as it was asked for.
    use : FieldUse
        The same, compiled.
    form : ArrowForm
        What was chosen.
    """
    code = use.type
    declared = lookup(name)
    if declared.name in MOMENTS:
        return ColumnForm("numbers", b"tsn:UTC")
    if declared.name in DURATIONS:
        return ColumnForm("numbers", b"tDn" if form.durations == "duration" else b"l")
    if declared.is_list:
        return ColumnForm("lists", b"u")
    if code in (CHARBUF, FSPATH, FSRELPATH, IPADDR):
        format = b"z" if code == IPADDR and form.addresses == "binary" else b"u"
        few = use.scope != SCOPE_EVENT or declared.name in VOCABULARIES
        return ColumnForm("codes" if few else "bytes", format)
    if code in (BYTEBUF, SOCKADDR, SOCKTUPLE, FDLIST, DYN):
        return ColumnForm("views", b"vz") if form.payloads == "view" else ColumnForm("bytes", b"z")
    if code == BOOL:
        return ColumnForm("bits", b"b")
    if code == DOUBLE:
        return ColumnForm("numbers", b"g")
    if declared.name == "evt.cpu":
        return ColumnForm("numbers", b"s")
    return ColumnForm("numbers", b"L" if code in (UINT64, RELTIME, ABSTIME) else b"l")


def stream(
    capture: Capture, fields: Sequence[str], form: ArrowForm, damage: list[CorruptCaptureError] | None = None,
    end: int | None = None,
) -> ArrowStream:  # fmt: skip
    """One pass over a capture as record batches.

    Parameters
    ----------
    capture : Capture
        With or without a filter.
    fields : sequence of str
        What is wanted.
    form : ArrowForm
        Where there is a choice.
    damage : list, optional
        Where damage is noted at the end; without it there is a warning.
    end : int, optional
        Number of an event at which the pass may end, as the filter chooses none from there on.

    Raises
    ------
    FieldError
        If a field is wrong.
    """
    uses = [compile_field(name) for name in fields]
    forms = [column_form(name, use, form) for name, use in zip(fields, uses, strict=True)]
    types = [each.type(name) for name, each in zip(fields, forms, strict=True)]
    type = ArrowType(b"+s", "", False, types)
    return ArrowStream(type, batches(capture, uses, forms, type, damage, end))


def batches(
    capture: Capture,
    uses: Sequence[scapcore.fields.FieldUse],
    forms: Sequence[ColumnForm],
    type: ArrowType,
    damage: list[CorruptCaptureError] | None,
    end: int | None,
) -> Iterator[RecordBatch]:
    """Record batches of a pass, which begins when the first one is asked for."""
    from scapcore.arrow_columns import ArrowColumn
    from scapcore.arrow_gather import ArrowGatherer
    from scapcore.event import FieldReader
    needs = 0
    for use in uses:
        needs |= use.needs
    reader = capture.reader(state=any(use.needs_state for use in uses), needs=needs)
    predicate = capture.predicate()
    values = FieldReader(compile_field)
    gatherer = ArrowGatherer(
        type, [ArrowColumn(values, use, form.layout, form.format) for use, form in zip(uses, forms, strict=True)]
    )
    found = None
    try:
        while reader.advance():
            batch = reader.batch
            if end is not None and batch.first_number >= end:
                break
            if predicate is not None:
                predicate.run(batch)
            taken = gatherer.take(batch, 0, BATCH_ROWS)
            while taken:
                yield gatherer.finish()
                taken = gatherer.take(batch, taken, BATCH_ROWS)
            # A batch that is held would not be filled anew.
            del batch
            if gatherer.count >= BATCH_ROWS or gatherer.held >= BATCH_BYTES:
                yield gatherer.finish()
    except CorruptCaptureError as error:
        if not error.gaps:
            raise
        found = error
    if gatherer.count:
        yield gatherer.finish()
    if found is not None and damage is not None:
        damage.append(found)
    elif found is not None:
        warnings.warn(str(found), DamageWarning, stacklevel=2)


def plain_field(arrow: Any, field: Any) -> Any:
    """A column of PyArrow's with its dictionary taken away."""
    return field.with_type(field.type.value_type) if arrow.types.is_dictionary(field.type) else field
