"""Replace texts in place, each by one of the same length, and count what was done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from scapcore.texts import fill_texts
from scappy.redaction.classes import ARGUMENTS, CLASSES, ENVIRONMENT, LISTS, PAYLOAD, USERS
from scappy.redaction.rules import DROP, PSEUDONYM, Rules, compiled

__all__ = ["Pattern", "Scrubber", "patterns_of"]

#: Everything but NUL becomes an asterisk, so that lists of texts stay lists.
FILLED = bytes([0] + [0x2A] * 255)
#: What a pattern must not have so that it finds in a text whatever it finds there in a longer one around it.
CONTEXT = re.compile(r"[\^$]|\\[bBAZ]|\(\?(?:=|!|<|>|\()|[*+?}]\+")

Places = NDArray[numpy.int64]


@dataclass(frozen=True)
class Pattern:
    """One regular expression of the rules.

    Attributes
    ----------
    label : str
        What a report calls it.
    expression : re.Pattern
    pseudonym : bool
        Whether what it finds becomes a pseudonym, and is not filled.
    bare : bool
        Whether what is around a text does not matter, so that it can be looked for in many at once.
    """

    label: str
    expression: re.Pattern[bytes]
    pseudonym: bool
    bare: bool

    def replacement(self, text: bytes, rules: Rules) -> bytes:
        """What stands in the place of a text that was found."""
        return rules.pseudonym(text) if self.pseudonym else text.translate(FILLED)


def patterns_of(rules: Rules) -> list[Pattern]:
    """The regular expressions of the rules."""
    return [
        Pattern(f"{name}: {text}", compiled(name, text), name == "pseudonyms", CONTEXT.search(text) is None)
        for name in ("secrets", "pseudonyms")
        for text in getattr(rules, name)
    ]


class Scrubber:
    """Applies rules to texts that stand in a buffer.

    Parameters
    ----------
    rules : Rules

    Attributes
    ----------
    changed : Counter of str
        How often each rule changed something.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.changed: Counter[str] = Counter()
        self._left = numpy.zeros(len(CLASSES), numpy.int64)
        self._patterns = patterns_of(rules)

    @property
    def remaining(self) -> dict[str, int]:
        """Bytes of each class of data that were left."""
        found: Counter[str] = Counter()
        for label, size in zip(CLASSES.values(), self._left.tolist(), strict=True):
            found[label] += size
        return {label: size for label, size in found.items() if size}

    def texts(self, data: bytearray, classes: NDArray[numpy.uint8], starts: Places, ends: Places) -> None:
        """Replace what the rules find in some texts.

        Parameters
        ----------
        data : bytearray
            What they stand in.
        classes : ndarray of uint8, shape (n,)
            Of which class each is.
        starts, ends : ndarray of int64, shape (n,)
            Where they stand, in growing order.
        """
        rules = self.rules
        kept = starts < ends
        if rules.environment == DROP:
            kept &= ~self._fill(data, classes == ENVIRONMENT, starts, ends, "environment", blank=True)
        if rules.arguments == DROP:
            kept &= ~self._fill(data, classes == ARGUMENTS, starts, ends, "arguments")
        if rules.users == PSEUDONYM:
            for start, end in _pairs(starts, ends, kept & numpy.isin(classes, USERS)):
                self.put(data, start, end, rules.pseudonym(bytes(data[start:end])), "users")
            kept &= ~numpy.isin(classes, USERS)
        classes, starts, ends = classes[kept], starts[kept], ends[kept]
        if self._patterns and len(starts):
            texts = _Texts(data, classes, starts, ends)
            for pattern in self._patterns:
                for index in texts.found_in(pattern):
                    for begin, stop in texts.pieces(index):
                        self._replace(data, pattern, begin, stop)
        self._left += numpy.bincount(classes, weights=ends - starts, minlength=len(CLASSES)).astype(numpy.int64)

    def text(self, data: bytearray, kind: int, start: int, end: int) -> None:
        """Replace what the rules find in one text."""
        self.texts(data, numpy.array([kind], numpy.uint8), numpy.array([start]), numpy.array([end]))

    def fill(self, data: bytearray, starts: Places, ends: Places, label: str) -> None:
        """Fill whole texts."""
        self._count(label, fill_texts(data, starts, ends))

    def _fill(
        self, data: bytearray, mask: NDArray[numpy.bool_], starts: Places, ends: Places, label: str, blank: bool = False
    ) -> NDArray[numpy.bool_]:
        self._count(label, fill_texts(data, starts[mask], ends[mask], blank))
        return mask

    def _count(self, label: str, count: int) -> None:
        if count:
            self.changed[label] += count

    def _replace(self, data: bytearray, pattern: Pattern, start: int, end: int) -> None:
        """Replace what a pattern finds in one piece of a text."""
        # A piece by itself, so that its ends are ends for the pattern.
        piece = bytes(data[start:end])
        for found in pattern.expression.finditer(piece):
            first, last = found.span()
            if first < last:
                self.put(data, start + first, start + last, pattern.replacement(found[0], self.rules), pattern.label)

    def put(self, data: bytearray, start: int, end: int, text: bytes, label: str) -> None:
        """Put a text of the same length in the place of one."""
        if data[start:end] != text:
            data[start:end] = text
            self.changed[label] += 1


def _pairs(starts: Places, ends: Places, mask: NDArray[numpy.bool_]) -> list[tuple[int, int]]:
    return list(zip(starts[mask].tolist(), ends[mask].tolist(), strict=True))


class _Texts:
    """Texts in a buffer, in which patterns are looked for."""

    def __init__(self, data: bytearray, classes: NDArray[numpy.uint8], starts: Places, ends: Places) -> None:
        self._data = data
        self._classes = classes
        self._places = starts
        # The NUL behind a text is none of it.
        ended = numpy.frombuffer(data, numpy.uint8)[ends - 1] == 0
        ends = ends - (ended & (classes != PAYLOAD))
        self._starts: list[int] = starts.tolist()
        self._ends: list[int] = ends.tolist()

    def found_in(self, pattern: Pattern) -> Iterator[int]:
        """Numbers of the texts in which a pattern may find something; all where only a closer look tells."""
        if not pattern.bare:
            yield from self._seen_in(pattern)
            return
        # What it finds in a text it finds at the same place in the whole buffer.
        search = pattern.expression.search
        place = 0
        while found := search(self._data, place):
            start = found.start()
            index = int(numpy.searchsorted(self._places, start, "right")) - 1
            if index < 0 or start >= self._ends[index]:
                index += 1
                if index == len(self._starts):
                    return
                place = self._starts[index]
                continue
            yield index
            place = self._ends[index]

    def _seen_in(self, pattern: Pattern) -> list[int]:
        search = pattern.expression.search
        view = memoryview(self._data)
        return [
            index
            for index, (start, end) in enumerate(zip(self._starts, self._ends, strict=True))
            if search(view[start:end]) or self._classes[index] in LISTS
        ]

    def pieces(self, index: int) -> Iterator[tuple[int, int]]:
        """The texts of which one consists."""
        start, end = self._starts[index], self._ends[index]
        if self._classes[index] not in LISTS:
            yield start, end
            return
        while start < end:
            stop = self._data.find(0, start, end)
            stop = end if stop < 0 else stop
            if stop > start:
                yield start, stop
            start = stop + 1
