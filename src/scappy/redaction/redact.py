"""Write a capture without what the rules take out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from scapcore.choice import Choice
from scapcore.errors import CorruptCaptureError, ScapError, UnsupportedCaptureError
from scapcore.texts import texts_of
from scappy.blocks import EVENTS, SECTION, blocks_of
from scappy.copying.head import OBJECTS, Head
from scappy.copying.lists import list_block, list_entries
from scappy.output import OutputFile, PathOrFile, check_not_input, told_what_is_kept
from scappy.redaction.classes import CLASS_NUMBERS, CONTAINERS, PAYLOAD, parameter_classes
from scappy.redaction.descriptors import without_descriptors
from scappy.redaction.lists import descriptor_texts, host_name, interface_texts, machine_block, process_texts, user_texts
from scappy.redaction.rules import DROP, KEEP, Rules
from scappy.redaction.streams import Span, find_split
from scappy.redaction.texts import Scrubber

if TYPE_CHECKING:
    from scapcore.batch import EventBatch
    from scapcore.reader import Reader
    from scappy.capture import Capture

__all__ = ["RedactionReport", "redact"]

MACHINES = frozenset((0x201, 0x8002ABCD))
INTERFACES = frozenset((0x205, 0x219, 0x8011ABCD))
USERS = frozenset((0x206, 0x220, 0x8012ABCD))
PROCESSES, DESCRIPTORS = 0x215, 0x218


@dataclass(slots=True)
class RedactionReport:
    """What was taken out, and what is still there.

    Attributes
    ----------
    changed : dict of str to int
        How many texts each rule changed.
    removed : dict of str to int
        How many records were left out.
    remaining : dict of str to int
        Bytes of each class of texts that are still there, with what replaced others.
    events : int
        Events written.
    whole_calls : bool
        Whether secrets were looked for in single calls only, because the capture could be read once only.
    damage : CorruptCaptureError or None
        What is wrong with the original.
    """

    changed: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    remaining: dict[str, int] = field(default_factory=dict)
    events: int = 0
    whole_calls: bool = False
    damage: CorruptCaptureError | None = None

    def __str__(self) -> str:
        lines = [f"{self.events} events"]
        lines += [f"replaced {count} times: {label}" for label, count in sorted(self.changed.items())]
        lines += [f"left out: {count} {label}" for label, count in sorted(self.removed.items())]
        lines += [f"remains: {size} bytes of {label}" for label, size in sorted(self.remaining.items())]
        lines.append("remains: numbers, times, addresses and ports")
        if self.whole_calls:
            lines.append("not looked for: secrets that are split over several calls, as a stream can be read once only")
        return "\n".join(lines)


def redact(capture: Capture, target: PathOrFile, rules: Rules, *, compress: str | None = None) -> RedactionReport:
    """Write a capture without what the rules take out.

    Lists are written anew, in the newest form. Events of unknown types and users that came with containers are left
    out, as nobody can say what they tell.

    Parameters
    ----------
    capture : Capture
        In the full view, without a filter.
    target : path or binary file
        Where to; never what is read.
    rules : Rules
    compress : {"gzip", "zstd", "lz4"}, optional

    Returns
    -------
    RedactionReport

    Raises
    ------
    FilterError
        A filter of the rules cannot be understood.
    ScapError
        The target cannot be written; if something had been written, the message names the file that holds it.
    """
    if capture.is_modern:
        raise UnsupportedCaptureError("a capture is redacted as it stands: open it with view='full'")
    if capture.filter_text:
        raise ScapError("a whole capture is redacted; write the part that a filter chooses first")
    check_not_input(target, capture.source_names)
    redactor = _Redactor(capture, rules)
    output = OutputFile(target, compress)
    with told_what_is_kept(output.keep):
        redactor.run(output)
        output.close()
    return redactor.report()


def choose(capture: Capture, text: str) -> Choice:
    """Find out what has to be kept for what a filter chooses."""
    choice = Choice()
    narrowed = capture.filter(text)
    reader = narrowed.reader(state=True)
    predicate = narrowed.predicate()
    try:
        while reader.advance():
            predicate.run(reader.batch)
            choice.note(reader.batch)
    except CorruptCaptureError:
        pass        # met again by the pass that writes
    choice.finish()
    return choice


class _Redactor:
    def __init__(self, capture: Capture, rules: Rules) -> None:
        self._rules = rules
        self._scrubber = Scrubber(rules)
        self._removed: Counter[str] = Counter()
        self._classes = parameter_classes()
        self._head = Head()
        self._events = 0
        self._damage: CorruptCaptureError | None = None
        self._all_payloads = "all" in rules.payloads
        filled = [capture.filter(text) for text in rules.payloads if text != "all"]
        dropped = [capture.filter(text) for text in rules.descriptors]
        self._filled = [narrowed.predicate() for narrowed in filled]
        self._dropped = [narrowed.predicate() for narrowed in dropped]
        self._choice: Choice | None = None
        if (rules.processes or rules.descriptors) and not capture.repeatable:
            raise ScapError("leaving out processes or descriptors needs a capture that can be read twice")
        if rules.processes:
            self._choice = choose(capture, rules.processes)
        # The beginning of a call may name the file of which only its end tells the descriptor.
        self._begun = [choose(capture, text) for text in rules.descriptors]
        looks = bool(rules.secrets or rules.pseudonyms) and not self._all_payloads
        self._whole_calls = looks and not capture.repeatable
        self._spans: dict[int, list[Span]] = find_split(capture, rules) if looks and capture.repeatable else {}
        self._split = numpy.array(sorted(self._spans), numpy.uint64)
        needs = 0
        for narrowed in (*filled, *dropped):
            needs |= narrowed.needs
        self._reader = capture.reader(state=True, needs=needs)
        self._reader.keeps_passed = True

    def run(self, output: OutputFile) -> None:
        """Write everything."""
        reader = self._reader
        begun = False
        try:
            while reader.peek():
                begun = self._take_passed(begun)
                if not begun:
                    output.write(self._written_head(reader))
                    begun = True
                reader.process()
                output.write(self._written_events(reader.batch))
        except CorruptCaptureError as error:
            self._damage = error
        if not self._take_passed(begun):
            output.write(self._written_head(reader))

    def _take_passed(self, begun: bool) -> bool:
        """Take over what is no event; False where a new section begins."""
        passed = self._reader.take_passed()
        self._head.take(passed)
        kinds = [kind for data in passed for kind, _ in blocks_of(data)]
        begun = begun and SECTION not in kinds
        if begun:
            self._count("records of unknown content between the events", sum(kind in EVENTS for kind in kinds))
        return begun

    def _written_head(self, reader: Reader) -> bytes:
        """What comes before the events."""
        rules = self._rules
        head = self._head.anew(reader, self._choice)
        if rules.descriptors:
            head, dropped = without_descriptors(head, rules.descriptors)
            self._count("descriptors", dropped)
        result = bytearray()
        for kind, block in blocks_of(head):
            data = bytearray(block)
            if kind in INTERFACES and rules.interfaces == DROP:
                self._removed["lists of interfaces"] += 1
                continue
            if kind in USERS and rules.users == DROP:
                self._removed["lists of users"] += 1
                continue
            if kind == OBJECTS:
                self._removed["objects of a cluster"] += 1
                continue
            if kind in EVENTS:
                # Containers that were known already; anything else is unknown, or about users.
                self._removed["records of unknown content before the events"] += 1
                continue
            if kind in MACHINES:
                data = machine_block(block)
                self._host(data)
            elif kind in USERS or kind in INTERFACES:
                data = bytearray(list_block(*list_entries(kind, block, known=True)))
                self._texts(data, user_texts(data) if kind in USERS else interface_texts(data))
            elif kind == PROCESSES:
                self._texts(data, process_texts(data))
            elif kind == DESCRIPTORS:
                self._texts(data, descriptor_texts(data))
            result += data
        return bytes(result)

    def _texts(self, data: bytearray, places: Iterable[tuple[str, int, int]]) -> None:
        found = list(places)
        if found:
            names, starts, ends = zip(*found, strict=True)
            classes = numpy.array([CLASS_NUMBERS[name] for name in names], numpy.uint8)
            self._scrubber.texts(data, classes, numpy.array(starts, numpy.int64), numpy.array(ends, numpy.int64))

    def _count(self, what: str, count: int) -> None:
        if count:
            self._removed[what] += count

    def _host(self, data: bytearray) -> None:
        start, end = host_name(data)
        if self._rules.host == KEEP:
            self._scrubber.text(data, CLASS_NUMBERS["host"], start, end)
        elif self._rules.host == DROP:
            data[start:end] = bytes(end - start)
            self._removed["names of hosts"] += 1
        else:
            data[start:end] = self._rules.pseudonym(bytes(data[start:end]))
            self._scrubber.changed["host"] += 1

    def _verdicts(self, batch: EventBatch) -> NDArray[numpy.uint8]:
        """What becomes of the events of a batch: 0 is left out, 2 is not to be shown."""
        verdicts = numpy.ones(len(batch), numpy.uint8)
        if self._choice is not None:
            self._choice.judge(batch, verdicts)
            self._count("events that have nothing to do with the processes", int((verdicts == 0).sum()))
        if self._rules.containers == DROP:
            found = numpy.isin(batch.type, CONTAINERS) & (verdicts > 0)
            self._count("records of containers", int(found.sum()))
            verdicts[found] = 0
        if self._dropped:
            found = self._chosen(self._dropped, batch)
            begins = numpy.zeros(len(batch), numpy.uint8)
            for choice in self._begun:
                choice.beginnings(batch, begins)
                found |= begins > 0
            found &= verdicts > 0
            self._count("events on descriptors", int(found.sum()))
            verdicts[found] = 0
        return verdicts

    def _chosen(self, predicates: list[Any], batch: EventBatch) -> NDArray[numpy.bool_]:
        """Which events of a batch some filters choose."""
        found = numpy.zeros(len(batch), numpy.bool_)
        for predicate in predicates:
            predicate.run(batch)
            found[batch.selected] = True
        batch.select_all()
        return found

    def _written_events(self, batch: EventBatch) -> bytearray:
        """The events of a batch."""
        verdicts = self._verdicts(batch)
        self._events += int(numpy.count_nonzero(verdicts))
        data, rows, parameters, starts, ends = texts_of(batch, verdicts)
        if not len(rows):
            return data
        last = self._classes.shape[1] - 1
        classes = self._classes[batch.type[rows], numpy.minimum(parameters, last)]
        payload = classes == PAYLOAD
        if self._all_payloads or self._filled:
            filled = payload if self._all_payloads else payload & self._chosen(self._filled, batch)[rows]
            self._scrubber.fill(data, starts[filled], ends[filled], "payloads")
            self._scrubber.texts(data, classes[~filled], starts[~filled], ends[~filled])
        else:
            self._scrubber.texts(data, classes, starts, ends)
        if len(self._split):
            self._put_split(batch, data, rows[payload], starts[payload])
        return data

    def _put_split(
        self, batch: EventBatch, data: bytearray, rows: NDArray[numpy.int64], starts: NDArray[numpy.int64]
    ) -> None:
        """Replace what was found across the ends of payloads."""
        numbers = batch.num
        first, end = numpy.searchsorted(self._split, (numbers[0], numbers[-1] + numpy.uint64(1)))
        for number in self._split[first:end].tolist():
            for place in starts[numbers[rows] == number].tolist():
                for span in self._spans[number]:
                    begin = place + span.start
                    self._scrubber.put(data, begin, begin + len(span.text), span.text, span.label)

    def report(self) -> RedactionReport:
        """What was done."""
        return RedactionReport(
            dict(self._scrubber.changed),
            dict(self._removed),
            self._scrubber.remaining,
            self._events,
            self._whole_calls,
            self._damage,
        )
