"""Bytes in each second."""

from __future__ import annotations

from scapcore.batch import EventBatch
from scapcore.event import FieldReader
from scapcore.groups import Groups
from scappy.chisels.base import Chisel
from scappy.chisels.units import SECOND, clock_time
from scappy.fields.compiling import compile_field

__all__ = ["IoBytes", "IoBytesFile", "IoBytesNet"]


class IoBytes(Chisel):
    """Bytes read and written in each second that is over."""

    name = "iobytes"
    description = "Bytes of all I/O in each second."
    category = "I/O"
    fields = ("evt.is_io_read", "evt.rawarg.res")
    filter = "evt.is_io=true"
    interval = SECOND

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.seconds: list[dict[str, int]] = []
        self.groups = Groups(
            FieldReader(compile_field), [compile_field("evt.is_io_read")], compile_field("evt.rawarg.res")
        )

    def on_batch(self, batch: EventBatch) -> bool:
        """Add the events."""
        self.groups.take(batch)
        return True

    def on_interval(self, time: int, delta: int) -> None:
        """Print the sums and begin anew."""
        sums = {reads: int(total) for (reads,), total in self.groups.rows()}
        read, written = sums.get(True, 0), sums.get(False, 0)
        self.print(f"{clock_time(time)} in:{read} out:{written} tot:{read + written}")
        self.seconds.append({"time": time, "in": read, "out": written})
        self.groups.clear()

    def result(self) -> object:
        """List of dict: ``time`` (ns) of the end of each second, bytes ``in`` and ``out``."""
        return self.seconds


class IoBytesFile(IoBytes):
    """Bytes of files."""

    name = "iobytes_file"
    description = "Bytes of file I/O in each second."
    filter = "evt.is_io=true and fd.type=file"


class IoBytesNet(IoBytes):
    """Bytes of the network."""

    name = "iobytes_net"
    description = "Bytes of network I/O in each second."
    category = "Net"
    filter = "evt.is_io=true and (fd.type=ipv4 or fd.type=ipv6)"
