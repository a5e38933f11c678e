"""Save what happened around events."""

from __future__ import annotations

from dataclasses import replace

from scapcore.errors import ChiselError
from scapcore.event import Event
from scappy.chisels.saving import DUMP_ARGUMENTS, Saving

__all__ = ["Around"]


class Around(Saving):
    """Prints the events that the filter of the run selects, and saves what their threads did around them."""

    name = "around"
    description = "Save the events around those that the filter selects."
    arguments = (replace(DUMP_ARGUMENTS[0], optional=False), DUMP_ARGUMENTS[1])
    fields = ("proc.name", "thread.tid", "evt.time")

    def on_init(self) -> None:
        """Make sure that there is something to look for."""
        if not self.context.filter:
            raise ChiselError("the chisel around needs a filter")

    def on_event(self, event: Event) -> None:
        """Print and note the event."""
        tid = event.get("thread.tid", event.tid)
        self.print(f"{event['evt.time']} {event.get('proc.name', '<NA>')}({tid})")
        self.note(event.ts, tid)

    def on_capture_end(self) -> None:
        """Ask for a second run that writes the events."""
        self.print(f"\nSaving events around {len(self.places)} syslog entries to {self.dump_file_name}")
        self.save()

    def result(self) -> object:
        """List of dict: ``time`` (ns) and ``tid`` of each event."""
        return [{"time": time, "tid": tid} for time, tid in self.places]
