"""echo_fds: the data read and written through descriptors."""

from __future__ import annotations

from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import format_bytes

__all__ = ["EchoFds"]

RESET, RED, GREEN, BLUE, CYAN = "\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[34m", "\x1b[36m"


class EchoFds(Chisel):
    """Print the data that processes read (red) and write (blue); narrow it with a filter."""

    name = "echo_fds"
    description = "Print the data read and written by processes."
    category = "I/O"
    arguments = (Argument("disable_color", "the word disable_color turns colours off", optional=True),)
    fields = (
        "evt.is_io_read",
        "evt.rawres",
        "fd.name",
        "proc.name",
        "container.name",
        "container.id",
        "evt.arg.data",
    )
    filter = "evt.is_io=true and evt.dir=< and evt.rawres>0"
    printing = True

    disable_color = ""

    def color(self, code: str) -> str:
        """An escape sequence, or nothing where colours are off."""
        return "" if self.disable_color == "disable_color" else code

    def on_event(self, event: Event) -> None:
        """Print a heading and the data."""
        container = ""
        if self.context.containers:
            name = event["container.name"]
            place = self.color(GREEN if name == "host" else CYAN)
            container = f"{place} [{name}] [{event['container.id']}]"
        reads = event["evt.is_io_read"]
        color = self.color(RED if reads else BLUE)
        what = "Read" if reads else "Write"
        direction = "from" if reads else "to"
        size = format_bytes(event["evt.rawres"])
        descriptor = event.get("fd.name", "<NA>")
        self.print(
            f"{color}------ {what} {size} {direction} {container} {color} {descriptor} ({event['proc.name']})"
        )
        data = event["evt.arg.data"]
        if data is not None:
            self.print(data)

    def on_capture_end(self) -> None:
        """Turn colours off."""
        self.print(self.color(RESET))
