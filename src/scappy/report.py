"""How much of a capture could be read, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scapcore.damage import Gap
from scapcore.errors import CorruptCaptureError, ScapError
from scapcore.schema import event_types
from scapcore.survey import Survey
from scappy.info import BLOCK_NAMES

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["Report", "gather"]


@dataclass
class Report:
    """What one pass over a whole capture met.

    Attributes
    ----------
    name : str
        The source.
    versions : list of (int, int)
        Format version of each section; empty where the section header was lost.
    first_time, last_time : int
        Time stamps of the first and last event that have one, ns since the epoch; 0 without events.
    bytes_read : int
        Of the uncompressed capture.
    events : dict of str to int
        Events read by name, internal ones included.
    hidden_events : int
        Those of them that are counted but not shown: internal ones, and those that only changed the tables.
    blocks : dict of str to int
        Blocks other than events by kind.
    skipped_events : dict of int to int
        Events of types that are not known here, by number.
    skipped_blocks : dict of int to int
        Blocks of kinds that are not known here, by number.
    gaps : list of Gap
        Places where bytes could not be read, a thousand at the most.
    gap_count : int
        How many there are.
    drops : int
        Drop events: places where the capturing machine was too slow.
    thread_lookups, fd_lookups : (int, int)
        Events that belong to a thread or name a descriptor, and those of them for which it is not known.
    cut_events, cut_bytes : int
        Transfers of which the capture holds fewer bytes than were transferred, and how many bytes are missing.
    longest_data : int
        Most bytes that the capture holds of one transfer: its snaplen, if anything was cut.
    error : ScapError or None
        What ended the reading, other than the gaps.
    """

    name: str
    versions: list[tuple[int, int]] = field(default_factory=list)
    first_time: int = 0
    last_time: int = 0
    bytes_read: int = 0
    events: dict[str, int] = field(default_factory=dict)
    hidden_events: int = 0
    blocks: dict[str, int] = field(default_factory=dict)
    skipped_events: dict[int, int] = field(default_factory=dict)
    skipped_blocks: dict[int, int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    gap_count: int = 0
    drops: int = 0
    thread_lookups: tuple[int, int] = (0, 0)
    fd_lookups: tuple[int, int] = (0, 0)
    cut_events: int = 0
    cut_bytes: int = 0
    longest_data: int = 0
    error: ScapError | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything could be read."""
        return not self.gap_count and self.error is None

    @property
    def missing_threads(self) -> float:
        """Share of the events with a thread whose program is not known, 0 to 1."""
        return self.thread_lookups[1] / max(self.thread_lookups[0], 1)

    @property
    def missing_fds(self) -> float:
        """Share of the events with a descriptor that is not known, 0 to 1."""
        return self.fd_lookups[1] / max(self.fd_lookups[0], 1)


def gather(capture: Capture) -> Report:
    """Read a whole capture for its report; a filter, if any, does not count here.

    Parameters
    ----------
    capture : Capture
        To be passed over once more.
    """
    reader = capture.reader()
    survey = Survey()
    report = Report(capture.name)
    try:
        while reader.advance():
            survey.write(reader.batch)
    except ScapError as error:
        if not isinstance(error, CorruptCaptureError) or not error.gaps:
            report.error = error
    names = {event.type: event.name for event in event_types()}
    for kind, amount in survey.types.items():
        report.events[names[kind]] = report.events.get(names[kind], 0) + amount
    report.events = dict(sorted(report.events.items(), key=lambda item: -item[1]))
    for kind, amount in reader.blocks.items():
        if kind in BLOCK_NAMES:
            report.blocks[BLOCK_NAMES[kind]] = report.blocks.get(BLOCK_NAMES[kind], 0) + amount
        else:
            report.skipped_blocks[kind] = amount
    report.versions = reader.versions
    report.first_time, report.last_time = survey.first_time, survey.last_time
    report.bytes_read = reader.position
    report.hidden_events = survey.hidden
    report.skipped_events = reader.unknown_types
    report.gaps, report.gap_count = reader.gaps, reader.gap_count
    report.drops = survey.drops
    report.thread_lookups, report.fd_lookups = survey.thread_lookups, survey.fd_lookups
    report.cut_events, report.cut_bytes, report.longest_data = survey.cut_events, survey.cut_bytes, survey.longest_data
    return report
