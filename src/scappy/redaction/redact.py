"""Write a capture without what the rules take out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scapcore.errors import CorruptCaptureError, ScapError, UnsupportedCaptureError
from scapcore.schema import event_types
from scapcore.texts import texts_of
from scappy.blocks import EVENTS, SECTION, blocks_of
from scappy.copying.head import Head
from scappy.output import OutputFile, PathOrFile, check_not_input
from scappy.redaction.lists import descriptor_texts, host_name, process_texts, user_texts
from scappy.redaction.rules import DROP, KEEP, Rules
from scappy.redaction.texts import Scrubber

if TYPE_CHECKING:
    from scapcore.batch import EventBatch
    from scapcore.reader import Reader
    from scappy.capture import Capture

__all__ = ["RedactionReport", "redact"]

MACHINES = frozenset((0x201, 0x8002ABCD))
INTERFACES = frozenset((0x205, 0x219, 0x8011ABCD))
USERS = frozenset((0x206, 0x220, 0x8012ABCD))
PROCESSES, DESCRIPTORS, SIZED_USERS = 0x215, 0x218, 0x220
CONTAINERS = frozenset((228, 272, 324))
#: Texts of lists and of events, by the names of their parameters; the rest is told by its type.
NAMED = frozenset(("args", "env", "cgroups", "exe", "comm", "cwd", "data"))
CLASSES = {
    "args": "command lines", "exe": "command lines", "env": "environments of processes", "cgroups": "control groups",
    "comm": "names of processes", "exepath": "names of files", "cwd": "names of directories", "root": "names of directories",
    "path": "names of files", "data": "payloads", "json": "metadata of containers", "user": "names of users",
    "home": "names of users", "shell": "names of users", "group": "names of users", "host": "the name of the host",
    "other": "other texts",
}  # fmt: skip


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
    damage : CorruptCaptureError or None
        What is wrong with the original.
    """

    changed: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    remaining: dict[str, int] = field(default_factory=dict)
    events: int = 0
    damage: CorruptCaptureError | None = None

    def __str__(self) -> str:
        lines = [f"{self.events} events"]
        lines += [f"replaced {count} times: {label}" for label, count in sorted(self.changed.items())]
        lines += [f"left out: {count} {label}" for label, count in sorted(self.removed.items())]
        lines += [f"remains: {size} bytes of {label}" for label, size in sorted(self.remaining.items())]
        lines.append("remains: numbers, times, addresses and ports")
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
        The target cannot be written; nothing is left then.
    """
    if capture.is_modern:
        raise UnsupportedCaptureError("a capture is redacted as it stands: open it with view='full'")
    if capture.filter_text:
        raise ScapError("a whole capture is redacted; write the part that a filter chooses first")
    check_not_input(target, capture.source_names)
    redactor = _Redactor(capture, rules)
    output = OutputFile(target, compress)
    try:
        redactor.run(output)
        output.close()
    except BaseException:
        output.discard()
        raise
    return redactor.report()


def kinds_of_types() -> list[list[str]]:
    """For each event type the class of each of its parameters."""
    found = []
    for entry in event_types():
        kinds = []
        for parameter in entry.params:
            if entry.type in CONTAINERS:
                kinds.append("json")
            elif parameter.name in NAMED:
                kinds.append(parameter.name)
            elif parameter.type in ("FSPATH", "FSRELPATH", "SOCKADDR", "SOCKTUPLE"):
                kinds.append("path")
            else:
                kinds.append("data" if parameter.type in ("BYTEBUF", "DYN") else "other")
        found.append(kinds)
    return found


class _Redactor:
    def __init__(self, capture: Capture, rules: Rules) -> None:
        self._rules = rules
        self._scrubber = Scrubber(rules)
        self._removed: Counter[str] = Counter()
        self._kinds = kinds_of_types()
        self._head = Head()
        self._events = 0
        self._damage: CorruptCaptureError | None = None
        self._all_payloads = "all" in rules.payloads
        chosen = [capture.filter(text) for text in rules.payloads if text != "all"]
        self._predicates = [narrowed.predicate() for narrowed in chosen]
        needs = 0
        for narrowed in chosen:
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
        return begun and not any(kind == SECTION for data in passed for kind, _ in blocks_of(data))

    def _written_head(self, reader: Reader) -> bytes:
        """What comes before the events."""
        scrubber, rules = self._scrubber, self._rules
        result = bytearray()
        for kind, block in blocks_of(self._head.anew(reader)):
            data = bytearray(block)
            scrubber.look(data)
            if kind in INTERFACES and rules.interfaces == DROP:
                self._removed["lists of interfaces"] += 1
                continue
            if kind in USERS and rules.users == DROP:
                self._removed["lists of users"] += 1
                continue
            if kind in EVENTS:
                # Containers that were known already; anything else is unknown, or about users.
                self._removed["records of unknown content before the events"] += 1
                continue
            if kind in MACHINES:
                self._host(data)
            elif kind in USERS:
                self._texts(data, user_texts(data, kind == SIZED_USERS))
            elif kind == PROCESSES:
                self._texts(data, process_texts(data))
            elif kind == DESCRIPTORS:
                self._texts(data, descriptor_texts(data))
            result += data
        return bytes(result)

    def _texts(self, data: bytearray, places: object) -> None:
        for name, start, end in list(places):  # type: ignore[call-overload]
            self._scrubber.text(data, name, start, end)

    def _host(self, data: bytearray) -> None:
        start, end = host_name(data)
        # What lies behind the name, and in the places that are not used, may be anything.
        data[end : start + 128] = bytes(start + 128 - end)
        if self._rules.host == KEEP:
            self._scrubber.text(data, "host", start, end)
        elif self._rules.host == DROP:
            data[start:end] = bytes(end - start)
            self._removed["names of hosts"] += 1
        else:
            data[start:end] = self._rules.pseudonym(bytes(data[start:end]))
            self._scrubber.changed["host"] += 1

    def _written_events(self, batch: EventBatch) -> bytearray:
        """The events of a batch."""
        scrubber = self._scrubber
        types = batch.type.tolist()
        verdicts = bytearray(b"\1" * len(types))
        if self._rules.containers == DROP:
            for row, kind in enumerate(types):
                if kind in CONTAINERS:
                    verdicts[row] = 0
                    self._removed["records of containers"] += 1
        filled: set[int] = set()
        for predicate in self._predicates:
            predicate.run(batch)
            filled.update(batch.selected.tolist())
        batch.select_all()
        data, places = texts_of(batch, verdicts)
        scrubber.look(data)
        kinds = self._kinds
        for row, index, start, end in places:
            known = kinds[types[row]]
            kind = known[index] if index < len(known) else "other"
            if kind == "data" and (self._all_payloads or row in filled):
                scrubber.fill(data, start, end, "payloads")
            else:
                scrubber.text(data, kind, start, end)
        self._events += sum(verdicts)
        return data

    def report(self) -> RedactionReport:
        """What was done."""
        remaining: Counter[str] = Counter()
        for kind, size in self._scrubber.remaining.items():
            remaining[CLASSES.get(kind, "other texts")] += size
        return RedactionReport(
            dict(self._scrubber.changed), dict(self._removed), dict(remaining), self._events, self._damage
        )


