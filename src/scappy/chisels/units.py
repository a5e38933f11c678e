"""Quantities as chisels print them."""

from __future__ import annotations

__all__ = ["format_bytes"]

UNITS = (("P", 5), ("T", 4), ("G", 3), ("M", 2), ("KB", 1))


def format_bytes(count: int) -> str:
    """A number of bytes in the unit that suits it.

    Examples
    --------
    >>> format_bytes(119), format_bytes(2673)
    ('119B', '2.61KB')
    """
    for unit, power in UNITS:
        if count > 1024**power:
            return f"{count / 1024**power:.2f}{unit}"
    return f"{count}B"
