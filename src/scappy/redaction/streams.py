"""Secrets of which one call moved the beginning and the next calls the rest."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy
from numpy.typing import NDArray

from scapcore.columns import ColumnBuilder
from scapcore.errors import CorruptCaptureError
from scapcore.event import FieldReader
from scapcore.schema import event_types
from scapcore.texts import texts_of
from scappy.fields.compiling import compile_field
from scappy.redaction.classes import PAYLOAD, parameter_classes
from scappy.redaction.rules import Rules
from scappy.redaction.texts import Pattern, patterns_of

if TYPE_CHECKING:
    from scapcore.batch import EventBatch
    from scappy.capture import Capture

__all__ = ["Span", "find_split"]

#: Bytes of a stream that are kept for what comes in later batches, and of how many streams.
MOST_TAIL = 4096
MOST_STREAMS = 4096
FIELDS = ("proc.pid", "fd.num", "evt.rawres")


class Span(NamedTuple):
    """A piece of a payload and what is to stand there instead."""

    start: int
    text: bytes
    label: str


@dataclass(slots=True)
class _Run:
    """Payloads that followed one another on one descriptor, in one direction."""

    text: bytearray = field(default_factory=bytearray)
    numbers: list[int] = field(default_factory=list)
    #: Where each begins, in the text; the first may have lost its own beginning.
    starts: list[int] = field(default_factory=list)
    #: How much each has lost of its beginning.
    lost: list[int] = field(default_factory=list)

    def add(self, number: int, text: bytes | bytearray) -> None:
        """One more payload."""
        self.numbers.append(number)
        self.starts.append(len(self.text))
        self.lost.append(0)
        self.text += text

    def tail(self) -> _Run:
        """The end of it, for what comes later."""
        cut = max(len(self.text) - MOST_TAIL, 0)
        first = bisect_right(self.starts, cut) - 1
        lost = list(self.lost[first:])
        lost[0] += cut - self.starts[first]
        return _Run(self.text[cut:], self.numbers[first:], [max(at - cut, 0) for at in self.starts[first:]], lost)


def directions() -> NDArray[numpy.int8]:
    """For each event type 1 if it reads from a descriptor, 2 if it writes to one, else 0."""
    found = numpy.zeros(len(event_types()), numpy.int8)
    for entry in event_types():
        if "READS_FROM_FD" in entry.flags:
            found[entry.type] = 1
        elif "WRITES_TO_FD" in entry.flags:
            found[entry.type] = 2
    return found


def find_split(capture: Capture, rules: Rules) -> dict[int, list[Span]]:
    """What the patterns of some rules find across the payloads of successive calls, in a pass of its own.

    Parameters
    ----------
    capture : Capture
        One that can be read again.
    rules : Rules

    Returns
    -------
    dict of int to list of Span
        By event number. What lies in one payload only is not among them.
    """
    patterns = patterns_of(rules)
    finder = _Finder(patterns, rules)
    needs = 0
    for use in finder.uses:
        needs |= use.needs
    reader = capture.reader(state=True, needs=needs)
    try:
        while reader.advance():
            finder.take(reader.batch)
    except CorruptCaptureError:
        pass        # met again by the pass that writes
    return finder.spans


class _Finder:
    def __init__(self, patterns: list[Pattern], rules: Rules) -> None:
        self.spans: dict[int, list[Span]] = {}
        self.uses = [compile_field(name) for name in FIELDS]
        self._patterns = patterns
        self._rules = rules
        self._classes = parameter_classes()
        self._directions = directions()
        self._values = FieldReader(compile_field)
        self._tails: OrderedDict[tuple[int, int, int], _Run] = OrderedDict()

    def take(self, batch: EventBatch) -> None:
        """Look at the payloads of one more batch."""
        types = batch.type
        wanted = (self._directions[types] > 0) & (batch.fd > 0)
        if not wanted.any():
            return
        data, rows, parameters, starts, ends = texts_of(batch, wanted.view(numpy.uint8))
        last = self._classes.shape[1] - 1
        chosen = self._classes[types[rows], numpy.minimum(parameters, last)] == PAYLOAD
        if not chosen.any():
            return
        rows, starts, ends = rows[chosen].astype(numpy.uint32), starts[chosen], ends[chosen]
        columns = []
        for use in self.uses:
            builder = ColumnBuilder(self._values, use)
            builder.take(batch, rows)
            columns.append(builder.finish()[0].astype(numpy.int64, copy=False))
        processes, numbers, results = columns
        ways = self._directions[types[rows]]
        order = numpy.lexsort((rows, ways, numbers, processes))
        keys = zip(processes[order].tolist(), numbers[order].tolist(), ways[order].tolist(), strict=True)
        places = zip(
            batch.num[rows[order]].tolist(),
            starts[order].tolist(),
            ends[order].tolist(),
            (results > ends - starts)[order].tolist(),
            strict=True,
        )
        former: tuple[int, int, int] | None = None
        run = _Run()
        for key, (number, start, end, cut) in zip(keys, places, strict=True):
            if key != former:
                if former is not None:
                    self._end(former, run)
                former = key
                run = self._tails.pop(key) if key in self._tails else _Run()
            run.add(number, data[start:end])
            if cut:
                # The capture holds the beginning only: what comes next does not follow it.
                self._search(run)
                run = _Run()
        if former is not None:
            self._end(former, run)

    def _end(self, key: tuple[int, int, int], run: _Run) -> None:
        self._search(run)
        if run.text:
            self._tails[key] = run.tail()
            if len(self._tails) > MOST_STREAMS:
                self._tails.popitem(last=False)

    def _search(self, run: _Run) -> None:
        """Note what is found across the ends of payloads."""
        if len(run.numbers) < 2:
            return
        text = bytes(run.text)
        for pattern in self._patterns:
            for found in pattern.expression.finditer(text):
                first, last = found.span()
                if first == last:
                    continue
                index = bisect_right(run.starts, first) - 1
                if index + 1 == len(run.starts) or run.starts[index + 1] >= last:
                    continue
                replacement = pattern.replacement(found[0], self._rules)
                while index < len(run.starts) and run.starts[index] < last:
                    start = max(run.starts[index], first)
                    end = min(run.starts[index + 1] if index + 1 < len(run.starts) else len(text), last)
                    span = Span(
                        start - run.starts[index] + run.lost[index], replacement[start - first : end - first], pattern.label
                    )
                    self.spans.setdefault(run.numbers[index], []).append(span)
                    index += 1
