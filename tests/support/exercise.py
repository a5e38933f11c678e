"""Uses everything that reading offers on one capture: state, all fields, both ways of printing, filters, kept events."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from capture_builder import Memory

from scapcore.errors import FieldError, ScapError
from scapcore.event import EventIterator
from scapcore.reader import Reader
from scapcore.source import Source
from scappy.fields import FIELDS
from scappy.fields.compiling import compile_field
from scappy.filters.plan import compile_filter
from scappy.formats import JsonSink, TextSink, parse
from scappy.formats.presets import PLAIN

ALL_NEEDS = 15

#: Arguments for the fields that take one, so that each way to take it is met.
ARGUMENTS = {
    "evt.arg": ("[0]", "[1]", ".res", ".name", ".fd", ".data"), "evt.rawarg": (".res", ".name", ".data", ".fds"),
    "evt.type.is": (".open",), "evt.abspath": ("", ".src", ".dst"), "proc.aname": ("[1]", "[3]"), "proc.apid": ("[1]", "[2]"),
    "proc.env": ("", "[PATH]"), "thread.cgroup": (".cpu",), "k8s.pod.label": (".app",), "evt.around": ("[0]",),
}  # fmt: skip

FILTERS = (
    "fd.name contains etc and evt.dir = < or proc.aname = bash",
    "evt.buffer contains a or evt.arg.name startswith / or fd.ip = 127.0.0.1",
    "not (proc.cmdline contains x or evt.args contains 3 or user.name = root) and evt.latency > 100",
    "fd.port in (80, 443) or fd.net = 10.0.0.0/8 or container.name exists or evt.abspath contains /",
)


def all_fields() -> list[str]:
    """Every field that can be taken from captures, with arguments."""
    found = []
    for name in FIELDS:
        for argument in ARGUMENTS.get(name, ("", ".app")):
            try:
                TextSink(io.BytesIO(), parse(f"%{name}{argument}"))
            except FieldError:
                continue
            found.append(name + argument)
    return found


@dataclass
class Outcome:
    """What came out of a capture."""

    numbers: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    error: ScapError | None = None


class Exercise:
    """All sinks and filters, made once for many captures.

    Parameters
    ----------
    modern : bool
        The rules of the newest libraries.
    """

    def __init__(self, *, modern: bool) -> None:
        self.modern = modern
        self.output = io.BytesIO()
        wide = "*" + " ".join(f"%{name}" for name in all_fields())
        self.sinks = [
            TextSink(self.output, parse(wide)),
            JsonSink(self.output, parse(wide)),
            TextSink(self.output, parse(wide), time="D", data="hexascii", unlimited=True, escape=True),
            TextSink(self.output, parse(PLAIN), data="base64"),
        ]
        self.predicates = [compile_filter(text).predicate() for text in FILTERS]

    def run(self, source: Source | Memory | bytes, *, batch_events: int = 16384, strict: bool = False) -> Outcome:
        """Read a capture to its end and do everything with it."""
        outcome = Outcome()
        reader = open_reader(source, self.modern, batch_events, strict)
        try:
            while reader.advance():
                batch = reader.batch
                note(outcome, reader)
                for predicate in self.predicates:
                    predicate.run(batch)
                batch.select_all()
                for sink in self.sinks:
                    sink.write(batch)
                self.output.seek(0)
                self.output.truncate()
        except ScapError as error:
            outcome.error = error
        return outcome

    def keep(self, source: Source | Memory | bytes, *, batch_events: int) -> None:
        """Keep some events and look at them when all is over."""
        kept = []
        try:
            for event in EventIterator(open_reader(source, self.modern, batch_events, False), None, compile_field):
                if event.num % 5 == 0:
                    kept.append(event)
        except ScapError:
            pass
        for event in kept:
            for name in ("evt.args", "fd.name", "proc.aname[2]", "evt.abspath", "container.name"):
                event.get(name)
            _ = event.params, repr(event)


def open_reader(source: Source | Memory | bytes, modern: bool, batch_events: int, strict: bool) -> Reader:
    if isinstance(source, bytes):
        source = Memory(source)
    return Reader(source, needs=ALL_NEEDS, modern=modern, batch_events=batch_events, strict=strict)  # type: ignore[arg-type]


def note(outcome: Outcome, reader: Reader) -> None:
    batch = reader.batch
    outcome.numbers += batch.num.tolist()
    outcome.types += batch.type.tolist()
    outcome.times += batch.ts.tolist()
    outcome.hidden += batch.hidden.tolist()


def lines(source: Source | Memory | bytes, *, modern: bool = False, strict: bool = False) -> tuple[Outcome, list[bytes]]:
    """The usual lines of a capture."""
    outcome = Outcome()
    output = io.BytesIO()
    sink = TextSink(output, parse(PLAIN))
    reader = open_reader(source, modern, 16384, strict)
    try:
        while reader.advance():
            note(outcome, reader)
            sink.write(reader.batch)
    except ScapError as error:
        outcome.error = error
    return outcome, output.getvalue().splitlines(keepends=True)
