"""What is wrong with a capture: places where nothing can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scapcore.errors import CorruptCaptureError

__all__ = ["Gap", "damage_error"]


@dataclass
class Gap:
    """A place in a capture where bytes were skipped.

    Attributes
    ----------
    error : CorruptCaptureError
        What is wrong there; a :class:`TruncatedCaptureError` where the capture is cut.
    offset : int
        Where it begins, in bytes of the uncompressed capture.
    length : int
        Bytes that were skipped. 0 where a compressed stream ended early: nobody knows how much is missing.
    before, after : int
        Number of the last event before the place and of the first one behind it, 0 where there is none. Numbers go on
        as if nothing were missing.
    before_time, after_time : int
        Time stamps of these events, ns since the epoch.
    """

    error: CorruptCaptureError
    offset: int
    length: int
    before: int = 0
    after: int = 0
    before_time: int = 0
    after_time: int = 0

    def __str__(self) -> str:
        if self.before and self.after:
            place = f"between events {self.before} and {self.after}"
        elif self.before:
            place = f"behind event {self.before}, the last one"
        elif self.after:
            place = f"before event {self.after}, the first one"
        else:
            place = "and no event could be read"
        skipped = f"{self.length} bytes skipped " if self.length else ""
        return f"{self.error}; {skipped}{place}"


def damage_error(gaps: Sequence[Gap], count: int) -> CorruptCaptureError:
    """The error that ends the reading of a damaged capture, once everything readable has been delivered.

    Parameters
    ----------
    gaps : sequence of Gap
        At least one.
    count : int
        How many there are in all, also those that are not listed.
    """
    first = gaps[0].error
    message = first.message if count == 1 else f"the capture is damaged in {count} places, first: {first.message}"
    return type(first)(
        message, offset=first.offset, block_type=first.block_type, expected=first.expected, gaps=tuple(gaps),
        gap_count=count,
    )  # fmt: skip
