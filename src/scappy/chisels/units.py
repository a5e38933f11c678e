"""Quantities and columns as chisels print them."""

from __future__ import annotations

import time
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["clock_time", "format_bytes", "format_interval", "hundredths", "number", "pad"]

UNITS = (("P", 5), ("T", 4), ("G", 3), ("M", 2), ("KB", 1))
SECOND, MILLISECOND, MICROSECOND = 1_000_000_000, 1_000_000, 1_000


def format_bytes(count: float) -> str:
    """A number of bytes in the unit that suits it.

    Examples
    --------
    >>> format_bytes(119), format_bytes(2673)
    ('119B', '2.61KB')
    """
    for unit, power in UNITS:
        if count > 1024**power:
            return f"{hundredths(count / 1024**power)}{unit}"
    return f"{int(count)}B"


def hundredths(value: float) -> Decimal:
    """A number with two digits behind the point; exact halves are rounded up.

    Examples
    --------
    >>> print(hundredths(1.625), hundredths(2.0))
    1.63 2.00
    """
    return Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)


def format_interval(interval: float) -> str:
    """A time span in nanoseconds in the unit that suits it; digits are cut, not rounded.

    Examples
    --------
    >>> format_interval(1_100_000_000), format_interval(12_345_678), format_interval(4_567_890), format_interval(999)
    ('1.10s', '12ms', '4.56ms', '999ns')
    """
    whole = int(interval)
    for unit, size in (("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND)):
        if unit != "s" and interval >= 10 * size:
            return f"{whole // size}{unit}"
        if interval >= size:
            return f"{whole // size}.{whole % size * 100 // size:02}{unit}"
    return f"{whole}ns"


def number(value: float) -> str:
    """A number with as many digits as it needs, 14 at the most.

    Examples
    --------
    >>> number(12), number(1.5), number(0.1 + 0.2)
    ('12', '1.5', '0.3')
    """
    return str(value) if isinstance(value, int) else f"{value:.14g}"


def pad(text: str, width: int) -> str:
    """A column: filled with blanks, or cut so that one blank is left; widths count bytes.

    Examples
    --------
    >>> pad("abc", 5), pad("abcdef", 5), pad("abc", -4)
    ('abc  ', 'abcd ', '')
    """
    if width <= 0:
        return ""
    if text.isascii():
        return f"{text:{width}}" if len(text) < width else text[: width - 1] + " "
    data = text.encode("utf-8", "surrogateescape")
    if len(data) < width:
        return text + " " * (width - len(data))
    return data[: width - 1].decode("utf-8", "surrogateescape") + " "


def clock_time(timestamp: int) -> str:
    """Local time of day of a time stamp (ns), without fraction."""
    return time.strftime("%H:%M:%S", time.localtime(timestamp // SECOND))
