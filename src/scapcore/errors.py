"""The errors of scappy: one base class, and one class for each thing that can be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapcore.damage import Gap

__all__ = [
    "ChiselError",
    "CorruptCaptureError",
    "DamageWarning",
    "FieldError",
    "FilterError",
    "LiveCaptureError",
    "MetadataWarning",
    "MissingDependencyError",
    "ScapError",
    "SourceError",
    "TruncatedCaptureError",
    "UnsupportedCaptureError",
]


class ScapError(Exception):
    """Base of every error that scappy raises on purpose."""


class SourceError(ScapError):
    """The bytes cannot be had: the file is missing, must not be read, is a directory, or a read fails.

    Where the system said so, its `OSError` is the cause (``__cause__``).
    """


class CorruptCaptureError(ScapError):
    """The bytes contradict the format.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    offset : int, optional
        Where the offending block begins, in bytes of the uncompressed capture.
    block_type : int, optional
        Type number of that block, where it is known.
    expected : str, optional
        What the format asks for at this place.
    gaps : tuple of scapcore.damage.Gap
        All places that were skipped, or the first thousand; empty if the reading stopped at the first one.
    gap_count : int
        How many there were.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        block_type: int | None = None,
        expected: str | None = None,
        gaps: tuple[Gap, ...] = (),
        gap_count: int = 0,
    ) -> None:
        self.message = message
        self.offset = offset
        self.gaps = gaps
        self.gap_count = gap_count
        self.block_type = block_type
        self.expected = expected
        super().__init__(message)

    def __str__(self) -> str:
        parts = [self.message]
        if self.offset is not None:
            parts.append(f"at offset {self.offset}")
        if self.block_type is not None:
            parts.append(f"in block 0x{self.block_type:X}")
        text = " ".join(parts)
        return f"{text}: expected {self.expected}" if self.expected else text


class DamageWarning(UserWarning):
    """A capture is damaged, and what could be read of it is the answer."""


class MetadataWarning(UserWarning):
    """What was given to be joined to a capture is damaged or does not fit; the capture is read all the same."""


class TruncatedCaptureError(CorruptCaptureError):
    """The capture ends in the middle of a block; every event before the cut has been delivered."""


class UnsupportedCaptureError(ScapError):
    """The file is not a capture, or one of a kind that cannot be read here."""


class FieldError(ScapError):
    """A field is unknown or wrongly used; the message names the nearest known ones."""


class FilterError(ScapError):
    """A filter cannot be understood.

    Parameters
    ----------
    message : str
        What is wrong.
    text : str
        The whole filter.
    position : int
        Index into `text` of the character where it goes wrong.
    suggestion : str, optional
        What may have been meant.
    """

    def __init__(self, message: str, text: str = "", position: int = 0, suggestion: str | None = None) -> None:
        self.message = message
        self.text = text
        self.position = position
        self.suggestion = suggestion
        super().__init__(message)

    def __str__(self) -> str:
        head = f"filter error at position {self.position}: {self.message}"
        if self.suggestion:
            head += f" ({self.suggestion})"
        if not self.text:
            return head
        shown = self.text.translate({9: " ", 10: " ", 13: " "})
        return f"{head}\n  {shown}\n  {' ' * self.position}^"


class ChiselError(ScapError):
    """A chisel is missing, was given wrong arguments, or failed at an event."""


class LiveCaptureError(ScapError):
    """The running system cannot be captured; the message says what is missing: a right, a kernel feature, the probe."""


class MissingDependencyError(ScapError):
    """A feature needs a package that is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{purpose} needs the package {package}: pip install 'scappy[{extra}]'")
