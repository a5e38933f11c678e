"""Save what happened around events."""

from __future__ import annotations

from scapcore.errors import ChiselError
from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel

__all__ = ["Around"]


class Around(Chisel):
    """Prints the events that the filter of the run selects, and saves what their threads did around them."""

    name = "around"
    description = "Save the events around those that the filter selects."
    arguments = (
        Argument("dump_file_name", "file to write"),
        Argument("dump_range_ms", "milliseconds before and after each event", int, optional=True),
    )
    fields = ("proc.name", "thread.tid", "evt.time")

    dump_file_name = ""
    dump_range_ms = 1000

    def on_init(self) -> None:
        """Begin with no event."""
        if not self.context.filter:
            raise ChiselError("the chisel around needs a filter")
        self.rerun: list[str] | None = None
        self.places: list[tuple[int, int]] = []

    def on_event(self, event: Event) -> None:
        """Print and note the event."""
        tid = event.get("thread.tid", event.tid)
        self.print(f"{event['evt.time']} {event.get('proc.name', '<NA>')}({tid})")
        self.places.append((event.ts, tid))

    def on_capture_end(self) -> None:
        """Ask for a second run that writes the events."""
        self.print(f"\nSaving events around {len(self.places)} syslog entries to {self.dump_file_name}")
        if self.places:
            wanted = " or ".join(
                f"(evt.around[{time}]={self.dump_range_ms} and thread.tid={tid})" for time, tid in self.places
            )
            self.rerun = ["-F", "-r", self.context.source, "-w", self.dump_file_name, wanted]

    def result(self) -> object:
        """List of dict: ``time`` (ns) and ``tid`` of each event."""
        return [{"time": time, "tid": tid} for time, tid in self.places]
