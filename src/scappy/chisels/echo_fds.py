"""echo_fds: the data read and written through descriptors."""

from __future__ import annotations

from scapcore.batch import EventBatch
from scapcore.echo import Echo
from scapcore.event import FieldReader
from scappy.chisels.base import DISABLE_COLOR, Chisel
from scappy.fields.compiling import compile_field

__all__ = ["EchoFds"]


class EchoFds(Chisel):
    """Print the data that processes read (red) and write (blue); narrow it with a filter."""

    name = "echo_fds"
    description = "Print the data read and written by processes."
    category = "I/O"
    arguments = (DISABLE_COLOR,)
    fields = ("evt.is_io_read", "evt.rawres", "fd.name", "proc.name", "evt.arg.data", "container.name", "container.id")
    filter = "evt.is_io=true and evt.dir=< and evt.rawres>0"

    disable_color = ""

    def on_capture_start(self) -> None:
        """Settle what is shown."""
        fields = self.fields if self.context.containers else self.fields[:5]
        self.echo = Echo(
            FieldReader(compile_field, self.context.mode, True, True),
            [compile_field(name) for name in fields],
            [self.color(name).encode() for name in ("red", "blue", "green", "cyan")],
            json=self.context.json,
        )

    def on_batch(self, batch: EventBatch) -> bool:
        """Print the headings and the data."""
        self.echo.write_to(self.context.output, batch)
        return True

    def on_capture_end(self) -> None:
        """Turn colours off."""
        self.print(self.color("reset"))
