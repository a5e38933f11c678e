"""Events as JSON, one object a line."""

from __future__ import annotations

from typing import BinaryIO

from scappy.formats.sink import RenderedSink
from scappy.formats.template import DataMode, Template

__all__ = ["JsonSink"]


class JsonSink(RenderedSink):
    """A JSON object for each event: the fields of the template by their names as written, in the order of the names.

    Numbers are numbers, times of events are nanoseconds since the epoch, missing values are null, and what is no
    ASCII is escaped. Data buffers are shown whole.

    Parameters
    ----------
    stream, template, data, limit
        As for :class:`RenderedSink`; widths and the text around the fields are left out.
    """

    def __init__(
        self, stream: BinaryIO, template: Template, *, data: DataMode = "normal", limit: int | None = None
    ) -> None:
        super().__init__(stream, template, json=True, data=data, limit=limit)
