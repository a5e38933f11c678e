"""Fields within longer text, as in output formats: ``%proc.name:%evt.arg.fd``."""

from __future__ import annotations

import re
from functools import cache

from scapcore.errors import FieldError

from .registry import FIELDS, FieldUse, lookup

__all__ = ["lookup_prefix"]

# How far an argument behind a dot goes: all that the label of a pod may be made of, and letters elsewhere.
LABEL = r"[A-Za-z0-9/_.-]*"
WORD = r"[A-Za-z_]*"
BRACKET = r"\[(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\]]*)\]"


@cache
def names_by_length() -> tuple[str, ...]:
    """All field names, the longest first."""
    return tuple(sorted(FIELDS, key=len, reverse=True))


def lookup_prefix(text: str, start: int = 0) -> tuple[FieldUse, int]:
    """Read the longest field, with its argument, that stands at a place of a text.

    Parameters
    ----------
    text : str
        For example an output format.
    start : int, default 0
        Where the field begins.

    Returns
    -------
    FieldUse
        The field.
    int
        Index of the first character behind it.

    Raises
    ------
    FieldError
        If no field begins there, or its argument is wrong.

    Examples
    --------
    >>> use, end = lookup_prefix("%evt.arg.fd) and more", 1)
    >>> str(use), end
    ('evt.arg.fd', 11)
    >>> use, end = lookup_prefix("proc.aname[2]: x")
    >>> use.argument, end
    (2, 13)
    """
    name = next((name for name in names_by_length() if text.startswith(name, start)), None)
    if name is None:
        word = re.compile(r"[A-Za-z0-9_.]*").match(text, start)
        return lookup(word.group() if word else ""), start
    end = start + len(name)
    rule = FIELDS[name].argument
    if rule is not None and text.startswith("[", end) and rule.bracket:
        bracket = re.compile(BRACKET).match(text, end)
        if bracket is None:
            raise FieldError(f"the bracket after {name} is not closed")
        end = bracket.end()
    elif rule is not None and text.startswith(".", end) and rule.dotted:
        end = dotted_end(text, end + 1, rule.dotted, name)
    return lookup(text[start:end]), end


def dotted_end(text: str, start: int, kind: str, name: str) -> int:
    """Where the argument that begins behind a dot ends."""
    if kind == "text":
        match = re.compile(WORD if name == "thread.cgroup" else LABEL).match(text, start)
        return match.end() if match else start
    if kind == "side":
        # What is no side belongs to the text that follows, dot and all.
        return start + 3 if text[start : start + 3] in ("src", "dst") else start - 1
    from .names import event_names, parameter_types

    digits = re.compile(r"[0-9]*").match(text, start)
    if kind == "event" and digits and digits.end() > start:
        return digits.end()
    known = parameter_types() if kind == "parameter" else event_names()
    longest = max((word for word in known if text.startswith(word, start)), key=len, default=None)
    if longest is not None:
        return start + len(longest)
    match = re.compile(LABEL).match(text, start)
    return match.end() if match else start
