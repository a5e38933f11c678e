"""When a new file begins, and what it is called."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from scapcore.errors import ScapError

__all__ = ["Rotation"]

SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Rotation:
    """How a capture is written to several files; each is a capture by itself.

    Attributes
    ----------
    size : int
        A file ends when it is larger than so many bytes; 0 is no limit.
    seconds : float
        A file covers so many seconds of the capture; 0 is no limit.
    events : int
        A file holds so many events; 0 is no limit.
    files : int
        With `seconds` writing ends after so many files; otherwise the first ones are overwritten then. 0 is no limit.

    Raises
    ------
    ScapError
        A limit is negative, or there is none at all.

    Examples
    --------
    >>> ring = Rotation(events=1000, files=2)
    >>> [ring.name("x.scap", number, 0) for number in range(3)]
    ['x.scap0', 'x.scap1', 'x.scap0']
    >>> os.environ["TZ"] = "UTC"; time.tzset()
    >>> Rotation(seconds=60).name("at-%H%M.scap", 0, 12 * 3600 * SECOND)
    'at-1200.scap'
    """

    size: int = 0
    seconds: float = 0
    events: int = 0
    files: int = 0

    def __post_init__(self) -> None:
        if min(self.size, self.seconds, self.events, self.files) < 0:
            raise ScapError("a limit of rotation is negative")
        if not (self.size or self.seconds or self.events):
            raise ScapError("rotation needs a size, a time or a number of events")

    @property
    def span(self) -> int:
        """Nanoseconds of a file, 0 for no limit."""
        return round(self.seconds * SECOND)

    def is_last(self, number: int) -> bool:
        """Whether nothing is written after the file of that number."""
        return bool(self.seconds and self.files and number + 1 >= self.files)

    def name(self, path: str | os.PathLike[str], number: int, start: int) -> str:
        """Name of a file.

        Parameters
        ----------
        path : str or path
            What was asked for; with `seconds`, it may hold codes of ``strftime``.
        number : int
            From 0.
        start : int
            Time at which the file begins, ns since the epoch.
        """
        text = os.fspath(path)
        if self.seconds and "%" in text:
            return time.strftime(text, time.localtime(start // SECOND))
        return f"{text}{number % self.files if self.files else number}"
