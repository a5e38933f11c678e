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
        A file covers so many seconds of the capture, from the full second of its first event on if it is a whole number;
        0 is no limit.
    events : int
        A file holds so many events; 0 is no limit.
    files : int
        Only the last so many files are kept: a ring. 0 is no limit.
    suffix : str
        What follows the number of a file; with one, names hold no time.

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
    >>> Rotation(seconds=60, events=9).name("at-%H%M.scap", 1, 12 * 3600 * SECOND)
    'at-1200.scap1'
    """

    size: int = 0
    seconds: float = 0
    events: int = 0
    files: int = 0
    suffix: str = ""

    def __post_init__(self) -> None:
        if min(self.size, self.seconds, self.events, self.files) < 0:
            raise ScapError("a limit of rotation is negative")
        if not (self.size or self.seconds or self.events):
            raise ScapError("rotation needs a size, a time or a number of events")

    @property
    def span(self) -> int:
        """Nanoseconds of a file, 0 for no limit."""
        return round(self.seconds * SECOND)

    def beginning(self, now: int) -> int:
        """When a file begins whose first event has the time `now`, ns since the epoch."""
        return now // SECOND * SECOND if self.seconds == int(self.seconds) else now

    def name(self, path: str | os.PathLike[str], number: int, start: int, former: int = 0) -> str:
        """Name of a file.

        Parameters
        ----------
        path : str or path
            What was asked for; with `seconds`, it may hold codes of ``strftime``. Its number follows the time of a file
            where another limit may end files, too, and where the file before has the same time.
        number : int
            From 0.
        start : int
            Time at which the file begins, ns since the epoch.
        former : int
            The same of the file before.
        """
        text = os.fspath(path)
        if self.seconds and "%" in text and not self.suffix:
            name, before = (time.strftime(text, time.localtime(at // SECOND)) for at in (start, former))
            # Several files may begin in the same span.
            return f"{name}{number}" if self.size or self.events or (number and name == before) else name
        return f"{text}{number % self.files if self.files else number}{self.suffix}"
