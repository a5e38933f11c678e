"""Points in time as people write them: ``--from`` and ``--to``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from scappy.cli.options import UsageError

__all__ = ["point_in_time", "range_filter"]

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "": 10**9}
RELATIVE = re.compile(r"\+?(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h|)$")
DAY_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$")
FRACTION = re.compile(r"(.*:\d{2})\.(\d{1,9})(.*)$")


def fraction(digits: str | None) -> int:
    """The digits behind the point of a second, in nanoseconds."""
    return int((digits or "").ljust(9, "0")[:9] or 0)


def point_in_time(text: str, first: Callable[[], int]) -> int:
    """A point in time in nanoseconds since the epoch.

    Parameters
    ----------
    text : str
        Since the first event: ``2.5``, ``+300ms``, ``5m``; local time of the first event's day: ``16:41:39.5``;
        or date and time: ``2016-12-08 16:41:39``, also with an offset such as ``+01:00`` or ``Z``.
    first : callable
        Gives the time of the first event; called only where it is needed.

    Raises
    ------
    UsageError
        If the text is none of these.

    Examples
    --------
    >>> point_in_time("+1.5s", lambda: 10), point_in_time("1970-01-01T00:00:01.25Z", lambda: 0)
    (1500000010, 1250000000)
    """
    found = RELATIVE.match(text)
    if found:
        whole, digits, unit = found.groups()
        scale = UNITS[unit]
        return first() + int(whole) * scale + (int(digits) * scale // 10 ** len(digits) if digits else 0)
    found = DAY_TIME.match(text)
    if found:
        hour, minute, second, digits = found.groups()
        day = datetime.fromtimestamp(first() // 10**9)
        try:
            moment = day.replace(hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0)
        except ValueError as error:
            raise UsageError(f"{text!r} is no time of day") from error
        return int(moment.timestamp()) * 10**9 + fraction(digits)
    digits = None
    plain = text.strip()
    split = FRACTION.match(plain)
    if split:
        plain, digits = split.group(1) + split.group(3), split.group(2)
    try:
        moment = datetime.fromisoformat(plain.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: 2.5, +300ms, 16:41:39 or 2016-12-08 16:41:39") from error
    return int(moment.timestamp()) * 10**9 + fraction(digits)


def range_filter(begin: str | None, end: str | None, first: Callable[[], int]) -> str:
    """A filter for a range of time; empty where neither end is given. Both ends belong to the range."""
    parts = []
    if begin is not None:
        parts.append(f"evt.rawtime >= {point_in_time(begin, first)}")
    if end is not None:
        parts.append(f"evt.rawtime <= {point_in_time(end, first)}")
    return " and ".join(parts)
