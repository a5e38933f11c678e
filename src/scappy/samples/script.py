"""Scenes as a list of steps, and where in the capture each step comes to stand.

The story fixes the number and the time of some events; a scene names these and leaves the others to
:meth:`Script.place`, which puts them between the fixed ones: what one thread does without a break stays together,
next to the fixed events of the same thread, and the rest is spread evenly. What remains free is for background.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from typing import NamedTuple

from scapcore.errors import ScapError
from scappy.samples.calls import Call, Half

__all__ = ["Moment", "Placed", "Script", "Task", "moment"]

#: The minute of the story, 16:41 local time (one hour east of Greenwich), in ns since the epoch.
_MINUTE = int(datetime(2016, 12, 8, 15, 41, tzinfo=timezone.utc).timestamp()) * 1_000_000_000

#: Nanoseconds from one event of a thread to its next while it does not wait, if there is time for it.
_PACE = 1700


class Moment(NamedTuple):
    """An event's number and its time in ns since the epoch."""

    number: int
    timestamp: int


def _timestamp(seconds: str) -> int:
    whole, _, fraction = seconds.partition(".")
    return _MINUTE + int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def moment(text: str) -> Moment:
    """A moment as the story prints it, without the hour and minute: ``"10030 39.536689965"``."""
    number, seconds = text.split()
    return Moment(int(number), _timestamp(seconds))


class Task(NamedTuple):
    """A thread of the story and the CPU it is on."""

    tid: int
    cpu: int


class Placed(NamedTuple):
    """An event with its place in the capture."""

    number: int
    timestamp: int
    task: Task
    half: Half


@dataclass(slots=True)
class _Step:
    task: Task
    half: Half
    fixed: Moment | None
    after_pause: bool
    until: int | None


class Script:
    """Collects the steps of scenes in order.

    Parameters
    ----------
    begin : Moment
        The last event before the first step.
    """

    def __init__(self, begin: Moment) -> None:
        self._begin = begin
        self._steps: list[_Step] = []
        self._pause = False
        self._until: int | None = None

    def one(self, task: Task, half: Half, at: str | None = None) -> None:
        """A single event of a thread, at a moment of the story if `at` is given."""
        fixed = moment(at) if at is not None else None
        self._steps.append(_Step(task, half, fixed, self._pause, self._until))
        self._pause, self._until = False, None

    def enter(self, task: Task, call: Call, at: str | None = None) -> None:
        """Only the way in: the thread waits."""
        self.one(task, call.enter, at)

    def leave(self, task: Task, call: Call, at: str | None = None) -> None:
        """Only the way out: the wait is over."""
        self.one(task, call.leave, at)

    def run(self, task: Task, *calls: Call, enter: str | None = None, leave: str | None = None) -> None:
        """Calls one after another; `enter` and `leave` are the story's moments of a single one."""
        for call in calls:
            self.one(task, call.enter, enter)
            self.one(task, call.leave, leave)

    def pause(self, until: str | None = None) -> None:
        """Time passes: the next step does not follow at once; `until` is its second, such as ``"43.5412"``."""
        self._pause = True
        self._until = _timestamp(until) if until is not None else None

    def place(self, end: Moment) -> list[Placed]:
        """All steps with numbers and times, in order.

        Parameters
        ----------
        end : Moment
            The last event of the capture.

        Raises
        ------
        ScapError
            More happens between two fixed events than there are numbers or nanoseconds.
        """
        placed: list[Placed] = []
        before, waiting = self._begin, list[_Step]()
        following = self._fixed_moments(end)
        for step, fixed in zip(self._steps, following, strict=False):
            if fixed is None:
                waiting.append(step)
                continue
            placed += _between(before, placed[-1].task if placed else None, waiting, fixed, step.task)
            placed.append(Placed(*fixed, step.task, step.half))
            before, waiting = fixed, []
        return placed + _between(before, placed[-1].task if placed else None, waiting, end, None)

    def _fixed_moments(self, end: Moment) -> list[Moment | None]:
        """The moment of each step that has one: from the story, or from its second by way of the event rate."""
        moments = [step.fixed for step in self._steps]
        story = [index for index, step in enumerate(self._steps) if step.fixed is not None]
        bounds = [(-1, self._begin), *((index, moments[index] or end) for index in story), (len(self._steps), end)]
        for (first, before), (last, after) in pairwise(bounds):
            free = after.number - before.number - (last - first)
            passed = 0
            for index in range(first + 1, last):
                until = self._steps[index].until
                if until is not None:
                    # At least one number for the scheduler to switch.
                    elapsed = free * (until - before.timestamp) // (after.timestamp - before.timestamp)
                    passed = min(max(passed + 1, elapsed), free)
                    moments[index] = Moment(before.number + (index - first) + passed, until)
        return moments


def _uneven(number: int, pace: int) -> int:
    """A deviation of less than a third of `pace`, always the same for an event."""
    return (number * 2654435761 % 65536 - 32768) * pace // 98305


def _runs(steps: list[_Step]) -> list[list[_Step]]:
    """Steps that one thread does without a break."""
    runs: list[list[_Step]] = []
    for step in steps:
        if runs and runs[-1][-1].task == step.task and not step.after_pause:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def _between(
    before: Moment, earlier: Task | None, steps: list[_Step], after: Moment, later: Task | None
) -> list[Placed]:
    """Place steps between two fixed events, of the threads `earlier` and `later`."""
    runs = _runs(steps)
    free = after.number - before.number - 1 - len(steps)
    pace = min(_PACE, (after.timestamp - before.timestamp) // (2 * len(steps) + 1))
    idle = after.timestamp - before.timestamp - pace * (len(steps) + 1)
    if free < 0 or pace < 1:
        raise ScapError(f"{len(steps)} steps do not fit between events {before.number} and {after.number}")
    # A share of what is free stands before each run and after the last, except where a thread simply goes on.
    shares = [1] * (len(runs) + 1)
    if runs and runs[0][0].task == earlier and not runs[0][0].after_pause:
        shares[0] = 0
    if runs and runs[-1][-1].task == later and sum(shares) > 1:
        shares[-1] = 0
    placed = []
    count, share, total = 0, 0, sum(shares)
    for run, part in zip(runs, shares, strict=False):
        share += part
        for step in run:
            count += 1
            number = before.number + count + free * share // total
            timestamp = before.timestamp + pace * count + idle * share // total + _uneven(number, pace)
            placed.append(Placed(number, timestamp, step.task, step.half))
    return placed
