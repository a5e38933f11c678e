"""System calls that took long, and processes by the time that they ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from scapcore.event import Event
from scappy.chisels.base import DISABLE_COLOR, Argument, Chisel
from scappy.chisels.units import MILLISECOND, SECOND, format_interval, number

__all__ = ["FileSlower", "NetSlower", "ProcessTime", "SlowCalls"]

CONTAINER_COLUMNS = (("container.id", 20, True), ("container.name", 20, True))


class SlowCalls(Chisel):
    """System calls above a threshold, a line each.

    Subclasses are declarations.

    Attributes
    ----------
    columns : tuple of (str, int, bool)
        Field or heading, width, and whether longer values are cut, of the columns before the last one.
    last : str
        The last column.
    last_rule : int
        Width of the rule under it.
    events : str
        Filter for what is looked at.
    gap : str
        What the heading has behind the container's id, besides the usual blank; the original has one more than its lines.
    """

    name = "scallslower"
    description = "Trace system calls slower than a threshold."
    category = "Performance"
    arguments = (Argument("min_ms", "threshold in milliseconds", float), DISABLE_COLOR)

    columns: ClassVar[Sequence[tuple[str, int, bool]]] = (
        ("evt.datetime", 23, True),
        ("proc.name", 23, True),
        ("LATENCY(ms)", 20, False),
    )
    last: ClassVar[str] = "evt.type"
    last_rule: ClassVar[int] = 20
    events: ClassVar[str] = ""
    gap: ClassVar[str] = " "

    min_ms = 0.0
    disable_color = ""

    def on_init(self) -> None:
        """Settle filter and columns, and print the headings."""
        # The latency of an enter event is 0, so these never pass.
        self.filter = f"{self.events}evt.latency>{int(self.min_ms * MILLISECOND)}"
        self.shown = list(self.columns)
        if self.context.containers:
            self.shown[1:1] = CONTAINER_COLUMNS
        self.fields = [name for name, _, _ in self.shown if name != "LATENCY(ms)"]
        self.fields += [self.last, "evt.latency", "container.name"]
        self.found: list[dict[str, object]] = []
        heading = self.line([name for name, _, _ in self.shown], self.last)
        if self.context.containers:
            place = heading.index("container.name")
            heading = heading[:place] + self.gap + heading[place:]
        self.print(heading)
        self.print(self.line(["-" * width for _, width, _ in self.shown], "-" * self.last_rule))

    def line(self, values: Sequence[str], last: str) -> str:
        """A line of the table."""
        cells = (f"{value[:width] if cut else value:{width}}" for value, (_, width, cut) in zip(values, self.shown, strict=True))
        return " ".join((*cells, last))

    def latency_text(self, latency: float) -> str:
        """The latency (ms) in its column."""
        return number(latency)

    def on_event(self, event: Event) -> None:
        """Print the call."""
        latency = event["evt.latency"] / MILLISECOND
        values = [
            self.latency_text(latency) if name == "LATENCY(ms)" else event.get(name, "nil") for name, _, _ in self.shown
        ]
        color = self.color("green" if event["container.name"] == "host" else "blue")
        last = event.get(self.last, "nil")
        self.print(color + self.line(values, last))
        self.found.append({**{name: event[name] for name in self.fields}, "latency_ms": latency})

    def result(self) -> object:
        """List of dict: the fields and ``latency_ms`` of each call."""
        return self.found


class FileSlower(SlowCalls):
    """Reads and writes of files above a threshold."""

    name = "fileslower"
    description = "Trace file I/O slower than a threshold."
    columns = (
        ("evt.datetime", 23, True),
        ("proc.name", 12, True),
        ("evt.type", 8, False),
        ("LATENCY(ms)", 12, False),
    )
    last = "fd.name"
    last_rule = 41
    events = "evt.is_io=true and fd.type=file and evt.dir=< and not fd.name startswith /dev/ and "
    gap = ""

    def latency_text(self, latency: float) -> str:
        """The latency (ms), whole and to the right."""
        return f"{int(latency):12}"


class NetSlower(FileSlower):
    """Reads and writes of sockets above a threshold."""

    name = "netlower"
    description = "Trace network I/O slower than a threshold."
    events = "evt.is_io=true and (fd.type=ipv4 or fd.type=ipv6) and evt.dir=< and "


class ProcessTime(Chisel):
    """Processes that ended, with the time that they ran."""

    name = "proc_exec_time"
    description = "Show how long processes ran that have ended."
    category = "Performance"
    arguments = (DISABLE_COLOR,)
    fields = ("proc.duration", "proc.name", "proc.args", "container.name", "container.id")
    filter = "evt.type=procexit"

    disable_color = ""

    def on_init(self) -> None:
        """Print the headings."""
        self.found: list[dict[str, object]] = []
        headings = ["proc.duration", "container.id", "container.name", "proc.name", "proc.args"]
        self.print(self.line(*headings))
        self.print(self.line("-" * 13, "-" * 20, "-" * 20, "-" * 12, "-" * 20))

    def line(self, duration: str, identity: str, container: str, process: str, arguments: str) -> str:
        """A line of the table."""
        place = f"{identity[:20]:20} {container[:20]:20} " if self.context.containers else ""
        return f"{duration[:13]:13} {place}{process[:12]:12} {arguments}"

    def on_event(self, event: Event) -> None:
        """Print the process."""
        duration = event["proc.duration"]
        if duration is None:
            return
        container = event.get("container.name", "nil")
        if duration > 10 * SECOND:
            color = "red"
        elif duration > 3 * SECOND:
            color = "yellow"
        else:
            color = "green" if container == "host" else "blue"
        process, arguments = event.get("proc.name", "nil"), event.get("proc.args", "nil")
        identity = event.get("container.id", "nil")
        self.print(self.color(color) + self.line(format_interval(duration), identity, container, process, arguments))
        self.found.append({name: event[name] for name in self.fields})

    def on_capture_end(self) -> None:
        """Turn colours off."""
        self.print(self.color("reset"))

    def result(self) -> object:
        """List of dict: the fields of each process."""
        return self.found
