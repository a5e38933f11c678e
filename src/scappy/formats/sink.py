"""What takes batches: the common shape of all output."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from scapcore.batch import EventBatch
from scapcore.render import Renderer
from scappy.formats.template import DataMode, Template, TimeForm

__all__ = ["RenderedSink", "Sink"]


class Sink(Protocol):
    """Something that batches can be given to, one after the other; every batch of a capture, in order."""

    @property
    def needs(self) -> int:
        """Costly columns that it asks of the reader."""

    @property
    def needs_state(self) -> bool:
        """Whether it needs the state engine."""

    @property
    def finished(self) -> bool:
        """Whether it wants no more batches."""

    def write(self, batch: EventBatch) -> None:
        """Take a batch: its selected events, or all shown ones if nothing selected."""

    def close(self) -> None:
        """End the output; the stream stays open."""


class RenderedSink:
    """Lines of a template on a binary stream.

    Parameters
    ----------
    stream : binary file
        Where lines go, in large pieces.
    template : Template
        What a line is made of.
    json : bool
        One JSON object an event instead of text.
    time, data, unlimited, escape, limit
        As for :class:`scapcore.render.Renderer`.

    Raises
    ------
    FieldError
        If a field cannot be taken from captures.
    """

    def __init__(
        self,
        stream: BinaryIO,
        template: Template,
        *,
        json: bool = False,
        time: TimeForm = "h",
        data: DataMode = "normal",
        unlimited: bool = False,
        escape: bool = False,
        limit: int | None = None,
    ) -> None:
        self.stream = stream
        self.template = template
        self.renderer: Renderer = template.renderer(
            json=json, time=time, data=data, unlimited=unlimited, escape=escape, limit=limit
        )

    @property
    def needs(self) -> int:
        """Costly columns that the fields ask of the reader."""
        return self.renderer.needs

    @property
    def needs_state(self) -> bool:
        """Whether a field needs the state engine."""
        return self.renderer.needs_state

    @property
    def finished(self) -> bool:
        """Whether the limit has been reached."""
        return self.renderer.finished

    @property
    def lines(self) -> int:
        """Lines written so far."""
        return self.renderer.lines

    @property
    def dropped(self) -> int:
        """Events without a line because a value was missing."""
        return self.renderer.dropped

    def write(self, batch: EventBatch) -> None:
        """Write the lines of a batch.

        Raises
        ------
        OSError
            What the stream raises.
        """
        self.renderer.write_to(self.stream, batch)

    def close(self) -> None:
        """Flush the stream; it stays open."""
        self.stream.flush()
