"""Begin a pass near the place that a filter asks for, where the file has checkpoints."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from scapcore.source import Source
from scapcore.source.checkpoints import Checkpoint, open_at, read_index
from scappy.blocks import event_blocks
from scappy.filters.tree import And, Check, FieldOperand, Operator

if TYPE_CHECKING:
    from scappy.filters.tree import Node

__all__ = ["lower_bounds", "seek"]

LOWER = frozenset((Operator.EQ, Operator.GT, Operator.GE))


def lower_bounds(tree: Node) -> tuple[int, int]:
    """The lowest time and event number that a filter can choose, 0 where it sets none."""
    time = number = 0
    parts = [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, And):
            parts += part.items
        elif isinstance(part, Check) and isinstance(part.left, FieldOperand) and part.operator in LOWER:
            value = part.values[0] if len(part.values) == 1 else None
            if part.modifier is not None or not isinstance(value, int):
                continue
            if str(part.left) == "evt.rawtime":
                time = max(time, value)
            elif str(part.left) == "evt.num":
                number = max(number, value)
    return time, number


@lru_cache(maxsize=8)
def index_of(path: str, changed: int) -> tuple[Checkpoint, ...]:
    """The checkpoints of a file; `changed` tells another content."""
    del changed
    return tuple(read_index(path))


def seek(path: str, changed: int, tree: Node) -> tuple[Source, int] | None:
    """The capture from the last checkpoint on that lies before everything that a filter can choose.

    Returns
    -------
    tuple of Source and int, or None
        The source, and the number of its first event.
    """
    time, number = lower_bounds(tree)
    if not time and not number:
        return None
    best = None
    for one in index_of(path, changed):
        if (time and one.time_before < time) or (number and one.number <= number):
            best = one
    if best is None:
        return None
    found = open_at(path, best)
    if found is None:
        return None
    source, blocks = found
    first = best.number - event_blocks(blocks)
    if first < 1:
        source.close()
        return None
    return source, first
