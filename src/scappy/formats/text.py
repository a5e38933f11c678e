"""Events as lines of text."""

from __future__ import annotations

from typing import BinaryIO

from scappy.formats.sink import RenderedSink
from scappy.formats.template import DataMode, Template, TimeForm

__all__ = ["TextSink"]


class TextSink(RenderedSink):
    """A line of text for each event.

    Parameters
    ----------
    stream, template, time, data, unlimited, escape, limit
        As for :class:`RenderedSink`.

    Examples
    --------
    >>> import io
    >>> from scappy.formats import parse
    >>> sink = TextSink(io.BytesIO(), parse("%evt.num %evt.type"))
    >>> sink.needs_state, sink.finished, sink.lines
    (False, False, 0)
    """

    def __init__(
        self,
        stream: BinaryIO,
        template: Template,
        *,
        time: TimeForm = "h",
        data: DataMode = "normal",
        unlimited: bool = False,
        escape: bool = False,
        limit: int | None = None,
    ) -> None:
        super().__init__(stream, template, time=time, data=data, unlimited=unlimited, escape=escape, limit=limit)

    def close(self) -> None:
        """Leave the terminal as it was and flush the stream, which stays open."""
        if self.template.is_coloured:
            self.stream.write(b"\x1b[00m")
        super().close()
