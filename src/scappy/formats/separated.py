"""Events as rows of values parted by commas or tabs."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from scapcore.batch import EventBatch
from scapcore.columns import ColumnBuilder
from scapcore.event import FieldReader
from scappy.formats.template import Template

__all__ = ["SeparatedSink"]


class SeparatedSink:
    """A row for each event, below a row of the fields' names; missing values are empty.

    Parameters
    ----------
    stream : binary file
        Where rows go.
    template : Template
        Its fields are the columns; widths and the text around them are left out.
    delimiter : str
        ``","`` or a tab.
    limit : int, optional
        Number of events after which there is nothing more to do.
    head : bool
        Whether the row of names comes first.

    Raises
    ------
    FieldError
        If a field cannot be taken from captures.
    """

    def __init__(
        self, stream: BinaryIO, template: Template, *, delimiter: str = ",", limit: int | None = None,
        head: bool = True,
    ) -> None:  # fmt: skip
        from scappy.fields.compiling import compile_field

        self.stream = stream
        self.names = [str(column.use) for column in template.columns]
        self.uses = [compile_field(name) for name in self.names]
        self.left = limit
        self.delimiter = delimiter
        self.reader = FieldReader(compile_field, 0, True, True)
        self.needs = 0
        for use in self.uses:
            self.needs |= use.needs
        self.needs_state = any(use.needs_state for use in self.uses)
        if head:
            self._write([self.names])

    @property
    def finished(self) -> bool:
        """Whether the limit has been reached."""
        return self.left == 0

    def _write(self, rows: list[list[object]] | list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows(rows)
        self.stream.write(text.getvalue().encode("utf-8", "surrogateescape"))

    def write(self, batch: EventBatch) -> None:
        """Take a batch: its selected events, or all shown ones if nothing selected."""
        rows = batch.selected
        if self.left is not None:
            rows = rows[: self.left]
            self.left -= len(rows)
        if not len(rows):
            return
        columns: list[list[object]] = []
        for use in self.uses:
            builder = ColumnBuilder(self.reader, use)
            builder.take(batch, rows)
            values, valid, dictionary = builder.finish()
            if dictionary is not None:
                columns.append([dictionary[code] if code >= 0 else "" for code in values.tolist()])
            else:
                cells = values.tolist()
                if values.dtype == bool:
                    cells = ["true" if cell else "false" for cell in cells]
                elif values.dtype == object:
                    cells = [cell.decode("utf-8", "surrogateescape") for cell in cells]
                columns.append([cell if there else "" for cell, there in zip(cells, valid.tolist(), strict=True)])
        self._write([list(row) for row in zip(*columns, strict=True)])

    def close(self) -> None:
        """Flush the stream, which stays open."""
        self.stream.flush()
