"""Chisels that show the data which processes read and write."""

from __future__ import annotations

import re

from scapcore.event import Event
from scappy.chisels.base import DISABLE_COLOR, Argument, Chisel
from scappy.chisels.saving import DUMP_ARGUMENTS, Saving
from scappy.chisels.units import format_bytes

__all__ = ["SpyFile", "SpyIp", "SpyLogs", "SpyPort", "SpySyslog", "Stderr", "Stdin", "Stdout"]


class Stdin(Chisel):
    """What processes read from their standard input."""

    name = "stdin"
    description = "Print the standard input of processes."
    category = "I/O"
    fields = ("evt.rawarg.data",)
    filter = "fd.num=0 and evt.is_io=true"

    def on_event(self, event: Event) -> None:
        """Print the data as they are."""
        data = event["evt.rawarg.data"]
        if data is not None:
            self.print(data)


class Stdout(Stdin):
    """What processes write to their standard output."""

    name = "stdout"
    description = "Print the standard output of processes."
    filter = "fd.num=1 and evt.is_io=true"


class Stderr(Chisel):
    """What processes write to their standard error."""

    name = "stderr"
    description = "Print the standard error of processes."
    category = "I/O"
    arguments = (DISABLE_COLOR,)
    fields = ("evt.rawarg.data", "container.name", "container.id")
    filter = "fd.num=2 and evt.is_io=true"

    disable_color = ""

    def on_event(self, event: Event) -> None:
        """Print the data, behind the container if that is wanted."""
        data = event["evt.rawarg.data"]
        if data is None:
            return
        if self.context.containers:
            name, identity = event["container.name"], event["container.id"]
            color = self.color("green" if name == "host" else "blue")
            data = f"{color}{identity[:20]:20} {name[:20]:20} ".encode() + data
        self.print(data)


class Conversation(Chisel):
    """Data exchanged with one end of connections."""

    category = "Net"
    fields = ("evt.arg.data", "evt.is_io_read", "evt.rawarg.res")
    printing = True

    #: What is said of a write.
    writes = "Write"
    disable_color = ""

    def on_capture_start(self) -> None:
        """Begin with no direction."""
        self.reads: bool | None = None
        self.heading = ""

    def on_event(self, event: Event) -> None:
        """Print a heading, which changes with the direction, and the data."""
        size, data = event["evt.rawarg.res"], event["evt.arg.data"]
        if size is None or size <= 0 or data is None:
            return
        reads = bool(event["evt.is_io_read"])
        if reads is not self.reads:
            self.reads = reads
            color = self.color("red" if reads else "blue")
            self.heading = f"{color}------ {'Read' if reads else self.writes} {format_bytes(size)}"
        self.print(self.heading)
        self.print(data)

    def on_capture_end(self) -> None:
        """Turn colours off."""
        self.print(self.color("reset"))


class SpyIp(Conversation):
    """Data exchanged with an address."""

    name = "spy_ip"
    description = "Show the data exchanged with an IP address."
    arguments = (Argument("host_ip", "the address"), DISABLE_COLOR)
    # So the original says, and scripts that read its lines know it.
    writes = "Read"

    host_ip = ""

    def on_init(self) -> None:
        """Set the filter."""
        self.filter = f"evt.is_io=true and (fd.type=ipv4 or fd.type=ipv6) and fd.ip={self.host_ip}"


class SpyPort(Conversation):
    """Data exchanged over a port."""

    name = "spy_port"
    description = "Show the data exchanged over a port."
    arguments = (Argument("host_port", "the port"), DISABLE_COLOR)

    host_port = ""

    def on_init(self) -> None:
        """Set the filter."""
        self.filter = f"evt.is_io=true and (fd.type=ipv4 or fd.type=ipv6) and fd.port={self.host_port}"


class SpyFile(Chisel):
    """Reads and writes of files."""

    name = "spy_file"
    description = "Show every read and write of files, or of one file."
    category = "I/O"
    arguments = (
        Argument("read_or_write", "R for reads only, W for writes only, RW for both", optional=True),
        Argument("spy_on_file_name", "name of the only file to watch", optional=True),
    )
    fields = ("evt.arg.data", "fd.name", "evt.is_io_write", "proc.pid", "proc.name", "evt.rawarg.res", "evt.time")
    printing = True
    ascii = True

    read_or_write = ""
    spy_on_file_name = ""

    def on_init(self) -> None:
        """Set the filter."""
        if self.spy_on_file_name:
            names = f"fd.name={self.spy_on_file_name}"
        else:
            names = "not fd.name contains /dev/pt and not fd.name contains /dev/tty"
        kind = {"r": "evt.is_io_read", "w": "evt.is_io_write"}.get(self.read_or_write.lower(), "evt.is_io")
        self.filter = f"({names}) and {kind}=true and fd.type=file and evt.dir=< and evt.failed=false"

    def on_event(self, event: Event) -> None:
        """Print a line, with the data behind it."""
        data = event["evt.arg.data"]
        self.print(
            f"{event['evt.time']} {event['proc.name']}({event['proc.pid']}) {'W' if event['evt.is_io_write'] else 'R'} "
            f"{format_bytes(event['evt.rawarg.res'])} {event['fd.name']} {'nil' if data is None else data}"
        )


class SpyLogs(Saving):
    """Lines that are written to log files."""

    name = "spy_logs"
    description = "Show what is written to log files, line by line."
    category = "Logs"
    arguments = (*DUMP_ARGUMENTS, DISABLE_COLOR)
    fields = ("evt.arg.data", "proc.name", "fd.name", "container.name", "thread.tid")
    filter = (
        "((fd.name contains .log or fd.name contains _log or fd.name contains /var/log) and "
        "not (fd.name contains .gz or fd.name contains .tgz)) and "
        "evt.is_io_write=true and evt.dir=< and evt.failed=false"
    )
    printing = True
    ascii = True

    disable_color = ""

    def on_event(self, event: Event) -> None:
        """Print the lines of the data."""
        data = event["evt.arg.data"]
        if data is None:
            return
        self.note(event.ts, event.get("thread.tid", event.tid))
        container = event["container.name"]
        for message in data.split("\n"):
            if not message:
                continue
            line = f"{event['proc.name']} {event['fd.name']} {message}"
            if self.context.terminal:
                color = self.color(self.color_of(message))
                if self.context.containers:
                    place = color if container == "host" else self.color("blue")
                    line = f"{color} {place} {container} {color} {line}"
                else:
                    line = f"{color} {line}"
            elif self.context.containers:
                line = f"{container} {line}"
            self.print(line)

    def color_of(self, message: str) -> str:
        """Colour of a line by the words in it."""
        if "warn" in message.lower():
            return "yellow"
        return "red" if "err" in message else "green"

    def on_capture_end(self) -> None:
        """Turn colours off, and ask for the run that saves."""
        if self.context.terminal:
            self.print(self.color("reset"))
        if self.dump_file_name:
            self.print(f"Writing events for {len(self.places)} log entries")
            self.save()


FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp clock authpriv ftp ntp logaudit logalert cron "
    "local0 local1 local2 local3 local4 local5 local6 local7"
).split()
SEVERITIES = "emerg alert crit err warn notice info debug".split()
PRIORITY = re.compile(rb"<(\d+)>([^\0]*)", re.DOTALL)


class SpySyslog(Saving):
    """Messages to the system's log."""

    name = "spy_syslog"
    description = "Show every message that is written to syslog."
    category = "Logs"
    arguments = (*DUMP_ARGUMENTS, DISABLE_COLOR)
    fields = ("evt.rawarg.data", "thread.tid", "proc.name", "container.name", "container.id")
    filter = "fd.name contains /dev/log and evt.is_io_write=true and evt.dir=< and evt.failed=false"

    disable_color = ""

    def on_event(self, event: Event) -> None:
        """Print the message."""
        self.note(event.ts, event.get("thread.tid", event.tid))
        facility = severity = text = "nil"
        level = len(SEVERITIES)
        found = PRIORITY.search(event.get("evt.rawarg.data", b""))
        if found:
            code, level = divmod(int(found[1]), 8)
            facility = FACILITIES[code] if code < len(FACILITIES) else "<NA>"
            severity = SEVERITIES[level]
            text = found[2].decode("utf-8", "surrogateescape")
        container, identity = event["container.name"], event["container.id"]
        sender = f"{event['proc.name']}[{event['thread.tid']}] {text}"
        if self.context.terminal:
            name = "yellow" if level == 4 else "red" if level < 4 else "green" if container == "host" else "blue"
            place = f"{identity:20} {container:20} " if self.context.containers else ""
            self.print(f"{self.color(name)}{place}{facility}.{severity} {sender}")
        elif self.context.containers:
            self.print(f"{facility:20} {identity:20} {container}.{severity} {sender}")
        else:
            self.print(f"{facility}.{severity} {sender}")

    def on_capture_end(self) -> None:
        """Turn colours off, and ask for the run that saves."""
        if self.context.terminal:
            self.print(self.color("reset"))
        if self.dump_file_name:
            self.print(f"Writing events for {len(self.places)} log entries")
            self.save()
