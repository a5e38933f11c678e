"""Chisels that save what happened around events, in a run of its own behind theirs."""

from __future__ import annotations

from scappy.chisels.base import Argument, Chisel

__all__ = ["DUMP_ARGUMENTS", "Saving"]

#: The arguments of chisels that can save.
DUMP_ARGUMENTS = (
    Argument("dump_file_name", "file to write with the events around those that are shown", optional=True),
    Argument("dump_range_ms", "milliseconds before and after each event; 1000 by default", int, optional=True),
)


class Saving(Chisel):
    """Base of chisels that save what the threads of some events did around these.

    Attributes
    ----------
    rerun : list of str or None
        Arguments of the run of ``scapdig`` that is to follow.
    places : list of (int, int)
        Time stamp and thread of each event.
    """

    dump_file_name = ""
    dump_range_ms = 1000

    def __init__(self) -> None:
        super().__init__()
        self.rerun: list[str] | None = None
        self.places: list[tuple[int, int]] = []

    def note(self, time: int, tid: int) -> None:
        """Remember an event around which something is to be saved."""
        if self.dump_file_name:
            self.places.append((time, tid))

    def save(self) -> None:
        """Ask for the run that writes the events."""
        if self.places:
            wanted = " or ".join(f"(evt.around[{time}]={self.dump_range_ms} and thread.tid={tid})" for time, tid in self.places)
            self.rerun = ["-F", "-r", self.context.source, "-w", self.dump_file_name, wanted]
