"""One pass over a capture that gathers columns for NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scapcore.columns import ColumnBuilder
from scapcore.event import FieldReader
from scappy.fields.compiling import compile_field
from scappy.table import Column, DictionaryColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scappy.capture import Capture

__all__ = ["Gathering"]


class Gathering:
    """One pass over a capture that gathers columns.

    Parameters
    ----------
    capture : Capture
        With or without a filter.
    fields : sequence of str
        What to gather.
    """

    def __init__(self, capture: Capture, fields: Sequence[str]) -> None:
        self.fields = list(fields)
        self.uses = [compile_field(name) for name in fields]
        needs = 0
        for use in self.uses:
            needs |= use.needs
        self.reader = capture.reader(state=any(use.needs_state for use in self.uses), needs=needs)
        self.predicate = capture.predicate()
        self.values = FieldReader(compile_field)
        self.start()

    def start(self) -> None:
        """Begin new columns."""
        self.builders = [ColumnBuilder(self.values, use) for use in self.uses]
        self.rows = 0

    def advance(self) -> bool:
        """Gather from one more batch; False at the end."""
        if not self.reader.advance():
            return False
        if self.predicate is not None:
            self.predicate.run(self.reader.batch)
        rows = self.reader.batch.selected
        self.rows += len(rows)
        for builder in self.builders:
            builder.take(self.reader.batch, rows)
        return True

    def take(self) -> tuple[dict[str, Column], dict[str, NDArray[Any]]]:
        """Columns and where they have values; the next ones begin empty."""
        columns: dict[str, Column] = {}
        valid: dict[str, NDArray[Any]] = {}
        for name, builder in zip(self.fields, self.builders, strict=True):
            column, valid[name], dictionary = builder.finish()
            columns[name] = column if dictionary is None else DictionaryColumn(column, dictionary)
        self.start()
        return columns, valid
