"""The events that occur most, as a table at the end (option -S)."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from scapcore.batch import EventBatch
from scapcore.tally import Tally

__all__ = ["Summary"]

WIDTH = 16
RULE = "-" * 22

# What sysdig 0.29.3 knows, which fixes the order of ties.
REFERENCE_TYPES = 336
REFERENCE_CALLS = 329


class Kind(NamedTuple):
    """One row of the table."""

    events: int
    leaving: bool
    name: str

    def __str__(self) -> str:
        return f"{'<' if self.leaving else '>'} {self.name[:WIDTH]:{WIDTH}}{self.events}"


class Summary:
    """Counts events and prints the kinds that occur most.

    Generic events count as the system calls that they carry, and internal events count though they are not shown.

    Parameters
    ----------
    stream : binary file
        Where the table goes when the summary is closed.
    rows : int
        Number of kinds to print at the most.
    limit : int, optional
        Number of events after which no more are counted.
    """

    needs = 0
    needs_state = True

    def __init__(self, stream: BinaryIO, *, rows: int = 100, limit: int | None = None) -> None:
        self.stream = stream
        self.rows = rows
        self.tally = Tally(limit)

    @property
    def finished(self) -> bool:
        """Whether the limit has been reached."""
        return self.tally.finished

    def write(self, batch: EventBatch) -> None:
        """Count the events of a batch."""
        self.tally.write(batch)

    def kinds(self) -> list[Kind]:
        """Every kind that occurred, the most frequent first."""
        from scapcore import schema

        by_type, by_call = self.tally.types, self.tally.calls
        names = {event.type: event.name for event in schema.event_types()}
        calls = schema.syscall_names()
        slots: list[Kind | None] = [None] * (REFERENCE_TYPES + 2 * REFERENCE_CALLS)
        for type, count in by_type.items():
            place_kind(slots, type, REFERENCE_TYPES, Kind(count, bool(type & 1), names[type]))
        for (code, leaving), count in by_call.items():
            kind = Kind(count, leaving, calls.get(code, "<unknown>"))
            place_kind(slots, REFERENCE_TYPES + 2 * code + leaving, len(slots), kind)
        partition(slots)
        return sorted((kind for kind in slots if kind is not None), key=lambda kind: -kind.events)

    def lines(self) -> list[str]:
        """The table, line by line."""
        return [RULE, f"{'Event':{WIDTH}}#Calls", RULE, *map(str, self.kinds()[: self.rows])]

    def close(self) -> None:
        """Print the table; the stream stays open."""
        self.stream.write("".join(line + "\n" for line in self.lines()).encode())
        self.stream.flush()


def place_kind(slots: list[Kind | None], index: int, end: int, kind: Kind) -> None:
    """Put a kind where the reference counts it; what it does not know goes behind everything."""
    if index < end and index < REFERENCE_TYPES + 2 * REFERENCE_CALLS:
        slots[index] = kind
    else:
        slots.append(kind)


def partition(slots: list[Kind | None]) -> None:
    """Bring equal counts into the order that they have in the reference.

    Its sort is not stable: it parts the table around medians of three, as the common C++ library does, down to runs of
    16, and ends with a stable insertion sort. The order of ties, and so the choice of the last rows that are printed,
    comes from the first half, which is repeated here.
    """
    counts = [kind.events if kind is not None else 0 for kind in slots]

    def swap(left: int, right: int) -> None:
        counts[left], counts[right] = counts[right], counts[left]
        slots[left], slots[right] = slots[right], slots[left]

    runs = [(0, len(slots), 2 * (len(slots).bit_length() - 1))]
    while runs:
        first, last, depth = runs.pop()
        while last - first > 16 and depth:
            depth -= 1
            trio = (first + 1, first + (last - first) // 2, last - 1)
            swap(first, median(counts, *trio))
            pivot = counts[first]
            low, high = first + 1, last
            while True:
                while counts[low] > pivot:
                    low += 1
                high -= 1
                while pivot > counts[high]:
                    high -= 1
                if low >= high:
                    break
                swap(low, high)
                low += 1
            runs.append((low, last, depth))
            last = low


def median(counts: list[int], first: int, second: int, third: int) -> int:
    """Which of three places holds the middle count; ties are told apart as in the C++ library."""
    if counts[first] > counts[second]:
        if counts[second] > counts[third]:
            return second
        return third if counts[first] > counts[third] else first
    if counts[first] > counts[third]:
        return first
    return third if counts[second] > counts[third] else second
