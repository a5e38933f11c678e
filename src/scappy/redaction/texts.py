"""Replace texts in place, each by one of the same length, and count what was done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from scappy.redaction.rules import DROP, Rules, compiled

__all__ = ["Scrubber"]

#: Everything but NUL becomes an asterisk, so that lists of texts stay lists.
FILLED = bytes([0] + [0x2A] * 255)
#: What a pattern must not have so that a piece of a text can match only where the whole text does.
CONTEXT = re.compile(r"[\^$]|\\[bBAZ]|\(\?(?:=|!|<)")
#: Texts that are lists of texts with a NUL behind each.
LISTS = frozenset(("args", "env", "cgroups"))


class Scrubber:
    """Applies rules to texts that stand in a buffer.

    Parameters
    ----------
    rules : Rules

    Attributes
    ----------
    changed : Counter of str
        How often each rule changed something.
    remaining : Counter of str
        Bytes of each class of data that were left.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.changed: Counter[str] = Counter()
        self.remaining: Counter[str] = Counter()
        self._patterns = [
            (f"{name}: {text}", compiled(name, text), name == "pseudonyms", CONTEXT.search(text) is None)
            for name in ("secrets", "pseudonyms")
            for text in getattr(rules, name)
        ]
        self._active = self._patterns

    def look(self, data: bytes | bytearray) -> None:
        """Find out which patterns can find anything in the texts of a buffer."""
        self._active = [entry for entry in self._patterns if not entry[3] or entry[1].search(data)]

    @property
    def searches(self) -> bool:
        """Whether any pattern has to be looked for in the buffer."""
        return bool(self._active)

    def text(self, data: bytearray, kind: str, start: int, end: int) -> None:
        """Replace what the rules find in one text."""
        if start >= end:
            return
        rules = self.rules
        if kind == "env" and rules.environment == DROP:
            self._put(data, start, end, bytes(end - start), "environment")
            return
        if kind == "args" and rules.arguments == DROP:
            self.fill(data, start, end, "arguments")
            return
        if kind in ("user", "home", "group") and rules.users == "pseudonym":
            self._put(data, start, end, rules.pseudonym(bytes(data[start:end])), "users")
            return
        for label, pattern, pseudonym, _ in self._active:
            for begin, stop in pieces(data, kind, start, end):
                place = begin
                while found := pattern.search(data, place, stop):
                    first, last = found.span()
                    if first < last:
                        text = bytes(data[first:last])
                        self._put(data, first, last, rules.pseudonym(text) if pseudonym else text.translate(FILLED), label)
                    place = max(last, first + 1)
        self.remaining[kind] += end - start

    def fill(self, data: bytearray, start: int, end: int, label: str) -> None:
        """Replace a whole text."""
        self._put(data, start, end, bytes(data[start:end]).translate(FILLED), label)

    def _put(self, data: bytearray, start: int, end: int, text: bytes, label: str) -> None:
        if data[start:end] != text:
            data[start:end] = text
            self.changed[label] += 1


def pieces(data: bytearray, kind: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The texts of which one consists."""
    if kind not in LISTS:
        yield start, end
        return
    while start < end:
        stop = data.find(0, start, end)
        stop = end if stop < 0 else stop
        if stop > start:
            yield start, stop
        start = stop + 1
