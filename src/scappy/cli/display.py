"""The filter as one for display only (``-d``): what it leaves out counts all the same, as with sysdig."""

from __future__ import annotations

from typing import Any

from scapcore.batch import EventBatch
from scapcore.beginning import Revealer

__all__ = ["DisplayFilter"]


class DisplayFilter:
    """Chooses what is shown among the events that are counted.

    Parameters
    ----------
    predicate : Predicate
        The filter.
    limit : int or None
        After how many events to stop, whether or not they are shown.

    Attributes
    ----------
    finished : bool
        Whether the limit has been reached.
    """

    def __init__(self, predicate: Any, limit: int | None) -> None:
        self.predicate = predicate
        self.left = limit
        self.finished = limit == 0
        self.counter = Revealer()

    def count(self, batch: EventBatch) -> None:
        """Select the events of a batch that count and lie within the limit."""
        count = self.counter.choose_counted(batch, self.left)
        if self.left is not None:
            self.left -= count
            self.finished = self.left == 0

    def choose(self, batch: EventBatch) -> None:
        """Keep those of the counted events that are shown and for which the filter holds."""
        counted = batch.selected
        self.predicate.run(batch)
        if self.finished:
            chosen = batch.selected
            batch.choose(chosen[chosen <= counted[-1]] if len(counted) else counted)
