"""Tables of the keys that lead in something: bytes, time, calls, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from scapcore.batch import EventBatch
from scapcore.event import Event, FieldReader
from scapcore.groups import Groups
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.json_text import json_text
from scappy.chisels.units import SECOND, format_bytes, format_interval, hundredths, number, pad
from scappy.fields.compiling import compile_field

__all__ = ["TopTable", "print_table"]

WIDTH = 20
#: Clears a terminal and goes to its upper left corner.
CLEAR = "\x1b[2J\x1b[1;1H"
HUNDREDTH = 10_000_000
RULE = "-" * 80
Unit = Literal["none", "bytes", "time", "timepct"]
Rows = list[tuple[tuple[str, ...], float]]


def value_text(value: float, unit: Unit, span: int) -> str:
    """A value of a table in its unit; `span` is the time that shares are taken of, ns."""
    if unit == "bytes":
        return format_bytes(value)
    if unit == "time":
        return format_interval(value)
    if unit == "timepct":
        return f"{hundredths(value / span * 100)}%" if span > 0 else "0.00%"
    return number(value)


def print_table(
    chisel: Chisel,
    rows: Rows,
    keys: Sequence[tuple[str, str]],
    value: tuple[str, str],
    unit: Unit,
    span: int | None = None,
) -> None:
    """Print a table, or the same as JSON.

    Parameters
    ----------
    chisel : Chisel
        Whose output it is.
    rows : list of tuple of (tuple of str, number)
        Keys and value, in the order of the table.
    keys, value : pairs of str
        Field and heading.
    unit : str
        How values are shown.
    span : int, optional
        Time that shares are taken of, ns; the whole capture by default.
    """
    context = chisel.context
    if context.json:
        about: list[object] = [{"name": name, "desc": heading, "is_key": True} for name, heading in keys]
        # The place of the value is the third whatever the number of keys; readers of this JSON know it so.
        about += [None] * (3 - len(about))
        about[2] = {"name": value[0], "desc": value[1], "is_key": False}
        data = [[*names, amount] for names, amount in rows]
        stamp = str(context.last_time // SECOND * SECOND)
        chisel.print(json_text({"ts": stamp, "data": data, "info": about}))
        return
    chisel.print(pad(value[1], WIDTH) + "".join(pad(heading, WIDTH) for _, heading in keys))
    chisel.print(RULE)
    if span is None:
        span = context.last_time - context.first_time
    for names, amount in rows:
        columns = "".join(pad(name, WIDTH) for name in names[:-1]) + names[-1]
        chisel.print(pad(value_text(amount, unit, span), WIDTH) + columns)


def key_text(key: object) -> str:
    """A key as text."""
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, (int, float)):
        return number(key)
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else str(key)


class TopTable(Chisel):
    """Sums a value by keys and prints the largest sums.

    Subclasses are declarations.

    Attributes
    ----------
    keys : tuple of pairs of str
        Key fields and their headings.
    container_keys : tuple of pairs of str
        The same where container columns are wanted; empty for the same keys.
    value : pair of str
        Field whose values are summed, with heading. ``evt.count`` counts.
    unit : str
        How sums are shown.
    most : int
        Rows to print at the most, 0 for all.
    """

    keys: Sequence[tuple[str, str]] = ()
    container_keys: ClassVar[Sequence[tuple[str, str]]] = ()
    value: ClassVar[tuple[str, str]] = ("evt.count", "Events")
    unit: ClassVar[Unit] = "none"
    most: ClassVar[int] = 10

    def on_init(self) -> None:
        """Settle the columns, and how often the table is shown."""
        self.interval = SECOND if self.context.live else 0
        self.shown: Rows = []
        if self.context.containers and self.container_keys:
            self.keys = self.container_keys
        self.fields = [name for name, _ in self.keys]
        if self.value[0] != "evt.count":
            self.fields.append(self.value[0])

    def on_capture_start(self) -> None:
        """Begin with an empty table."""
        self.groups = Groups(
            FieldReader(compile_field, self.context.mode, True, True),
            [compile_field(name) for name, _ in self.keys],
            None if self.value[0] == "evt.count" else compile_field(self.value[0]),
        )

    def on_batch(self, batch: EventBatch) -> bool:
        """Add the events of a batch."""
        self.groups.take(batch)
        return True

    def rows(self) -> Rows:
        """The table, largest values first; ties in the order in which they were met."""
        rows = [(tuple(key_text(key) for key in keys), total) for keys, total in self.groups.rows()]
        rows.sort(key=lambda row: -row[1])
        return rows[: self.most] if self.most else rows

    def on_interval(self, time: int, delta: int) -> None:
        """Show the table of the slot that is over, and begin with an empty one."""
        self.shown = self.rows()
        self.print(CLEAR, end=b"")
        print_table(self, self.shown, self.keys, self.value, self.unit, delta or self.interval)
        self.context.output.flush()
        self.empty()

    def empty(self) -> None:
        """Empty the table."""
        self.groups.clear()

    def on_capture_end(self) -> None:
        """Print the table."""
        if self.context.live:
            # What stays on the screen is the last slot.
            self.on_interval(self.context.last_time, self.interval)
            return
        self.shown = self.rows()
        print_table(self, self.shown, self.keys, self.value, self.unit)

    def result(self) -> object:
        """List of dict: a row each, by the names of the fields."""
        names = [name for name, _ in self.keys]
        return [{**dict(zip(names, keys, strict=True)), self.value[0]: value} for keys, value in self.shown]


CONTAINER = ("container.name", "container.name")
FILE_IO = "fd.type=file and evt.is_io=true"
NET_IO = "(fd.type=ipv4 or fd.type=ipv6) and evt.is_io=true"
BYTES = ("evt.rawarg.res", "Bytes")
TIME = ("evt.latency", "Time")
ERRORS = ("evt.count", "#Errors")
CALLS = ("evt.count", "# Calls")


class ProcessTable(TopTable):
    """Tables by process."""

    keys = (("proc.name", "Process"), ("proc.pid", "PID"))
    container_keys = (
        ("proc.name", "Process"),
        ("proc.pid", "Host_pid"),
        ("thread.vtid", "Container_pid"),
        CONTAINER,
    )


class ProcessorTime(TopTable):
    """Base of tables of processor time, of which the capture holds running totals by thread."""

    category = "CPU Usage"
    value, unit = ("thread.cpu", "CPU%"), "timepct"
    filter = "evt.type=procinfo"

    def on_init(self) -> None:
        """Settle the columns."""
        super().on_init()
        self.fields = [name for name, _ in self.keys]

    def on_capture_start(self) -> None:
        """Begin with an empty table."""
        self.totals: dict[int, int] = {}
        self.sums: dict[tuple[str, ...], float] = {}

    def empty(self) -> None:
        """Empty the table; the running totals go on."""
        self.sums.clear()

    def on_batch(self, batch: EventBatch) -> bool:
        """Leave the events to ``on_event``; they are few."""
        return False

    def on_event(self, event: Event) -> None:
        """Add what a thread has used since the last time, in hundredths of a second, a second's worth at the most."""
        params = event.params
        total = int(params["cpu_usr"]) + int(params["cpu_sys"])
        before = self.totals.get(event.tid, 0)
        self.totals[event.tid] = total
        keys = [event[name] for name, _ in self.keys]
        if None not in keys:
            # A counter that went back reads as one that ran over.
            used = (100 if total < before else min(total - before, 100)) if before else 0
            names = tuple(key_text(key) for key in keys)
            self.sums[names] = self.sums.get(names, 0) + used * HUNDREDTH

    def rows(self) -> Rows:
        """The table, largest values first."""
        return sorted(self.sums.items(), key=lambda row: -row[1])[: self.most]


class TopProcessesCpu(ProcessorTime):
    """Processor time of processes."""

    name = "topprocs_cpu"
    description = "Top processes by CPU usage."
    keys = (("proc.name", "Process"), ("proc.pid", "PID"))
    container_keys = (
        ("proc.name", "Process"),
        ("proc.pid", "Host_pid"),
        ("proc.vpid", "Container_pid"),
        CONTAINER,
    )


class TopProcessesNet(ProcessTable):
    """Network bytes of processes."""

    name = "topprocs_net"
    description = "Top processes by bytes read from and written to the network."
    category = "Net"
    value, unit, most = BYTES, "bytes", 100
    filter = NET_IO


class TopProcessesFile(ProcessTable):
    """File bytes of processes."""

    name = "topprocs_file"
    description = "Top processes by bytes read from and written to files."
    category = "I/O"
    value, unit = BYTES, "bytes"
    filter = FILE_IO


class TopProcessesErrors(ProcessTable):
    """Errors of processes."""

    name = "topprocs_errors"
    description = "Top processes by number of failed system calls."
    category = "Errors"
    value, most = ERRORS, 100
    filter = "evt.failed=true"


class TopFilesBytes(TopTable):
    """Bytes of files."""

    name = "topfiles_bytes"
    description = "Top files by bytes read and written."
    category = "I/O"
    keys = (("fd.name", "Filename"),)
    container_keys = (CONTAINER, ("fd.name", "Filename"))
    value, unit = BYTES, "bytes"
    filter = FILE_IO


class TopFilesTime(TopTable):
    """Time of files."""

    name = "topfiles_time"
    description = "Top files by time spent in reads and writes."
    category = "I/O"
    keys = (("fd.name", "Filename"),)
    container_keys = (("fd.name", "Filename"), CONTAINER)
    value, unit = TIME, "time"
    filter = FILE_IO


class TopFilesErrors(TopTable):
    """Errors of files."""

    name = "topfiles_errors"
    description = "Top files by number of failed system calls."
    category = "Errors"
    keys = (("fd.name", "Filename"),)
    container_keys = (("fd.name", "Filename"), CONTAINER)
    value, most = ERRORS, 100
    filter = "fd.type=file and evt.failed=true"


class TopConnections(TopTable):
    """Bytes of connections."""

    name = "topconns"
    description = "Top network connections by bytes."
    category = "Net"
    keys = (("fd.l4proto", "Proto"), ("fd.name", "Conn"))
    container_keys = (CONTAINER, ("fd.l4proto", "Proto"), ("fd.name", "Conn"))
    value, unit, most = BYTES, "bytes", 30
    filter = NET_IO


class TopServerPorts(TopTable):
    """Bytes of server ports."""

    name = "topports_server"
    description = "Top TCP and UDP server ports by bytes."
    category = "Net"
    keys = (("fd.sport", "Srv Port"),)
    container_keys = (("fd.sport", "Srv Port"), CONTAINER)
    value, unit, most = BYTES, "bytes", 100
    filter = NET_IO


class TopCalls(TopTable):
    """Counts of system calls."""

    name = "topscalls"
    description = "Top system calls by number of events."
    category = "Performance"
    keys = (("evt.type", "Syscall"),)
    container_keys = (("evt.type", "Syscall"), CONTAINER)
    value, most = CALLS, 30
    filter = "evt.type!=switch"


class TopCallsTime(TopTable):
    """Time of system calls."""

    name = "topscalls_time"
    description = "Top system calls by time spent in them."
    category = "Performance"
    keys = (("evt.type", "Syscall"),)
    container_keys = (("evt.type", "Syscall"), CONTAINER)
    value, unit, most = TIME, "time", 30


class TopContainersCpu(ProcessorTime):
    """Processor time of containers."""

    name = "topcontainers_cpu"
    description = "Top containers by CPU usage."
    keys = (CONTAINER,)


class TopContainersError(TopTable):
    """Errors of containers."""

    name = "topcontainers_error"
    description = "Top containers by number of failed system calls."
    category = "Errors"
    keys = (CONTAINER,)
    value, most = ERRORS, 100
    filter = "evt.failed=true and container.name!=host"


class TopContainersFile(TopTable):
    """File bytes of containers."""

    name = "topcontainers_file"
    description = "Top containers by bytes read from and written to files."
    category = "I/O"
    keys = (CONTAINER,)
    value, unit = BYTES, "bytes"
    filter = FILE_IO + " and container.name!=host"


class TopContainersNet(TopTable):
    """Network bytes of containers."""

    name = "topcontainers_net"
    description = "Top containers by bytes read from and written to the network."
    category = "Net"
    keys = (CONTAINER,)
    value, unit, most = BYTES, "bytes", 100
    filter = NET_IO + " and container.name!=host"


class KeyedTable(TopTable):
    """Tables by fields that the user names."""

    arguments = (Argument("key", "field to group by; several are parted by commas"),)
    category = "I/O"

    key = ""

    def on_init(self) -> None:
        """Settle the columns."""
        self.keys = [(name, name) for name in self.key.split(",")]
        super().on_init()


class DescriptorBytesBy(KeyedTable):
    """Bytes by any field."""

    name = "fdbytes_by"
    description = "Bytes read and written, by any field."
    value, unit, most = BYTES, "bytes", 30
    filter = "evt.is_io=true and evt.failed=false"


class DescriptorTimeBy(KeyedTable):
    """Time by any field."""

    name = "fdtime_by"
    description = "Time spent in reads and writes, by any field."
    value, unit = TIME, "time"
    filter = "evt.is_io=true"


class DescriptorCountBy(Chisel):
    """Descriptors in use by any field."""

    name = "fdcount_by"
    description = "Number of descriptors in use, by any field."
    category = "I/O"
    arguments = (Argument("key", "field to group by"),)

    key = ""

    def on_init(self) -> None:
        """Settle the fields."""
        self.fields = [self.key, "fd.num", "fd.name"]

    def on_capture_start(self) -> None:
        """Begin with an empty table."""
        reader = FieldReader(compile_field, self.context.mode, True, True)
        self.groups = Groups(reader, [compile_field(name) for name in self.fields])

    def on_batch(self, batch: EventBatch) -> bool:
        """Add the events of a batch."""
        self.groups.take(batch)
        return True

    def rows(self) -> list[tuple[str, int]]:
        """Keys and numbers of descriptors, largest first. A descriptor is told by its number and name."""
        found: dict[str, set[str]] = {}
        for (key, number_of, name), _ in self.groups.rows():
            if number_of > 0 and name:
                found.setdefault(key_text(key), set()).add(f"{number_of}{name}")
        return sorted(((key, len(names)) for key, names in found.items()), key=lambda row: -row[1])

    def on_capture_end(self) -> None:
        """Print the table."""
        for key, count in self.rows():
            self.print(f"{key}\t{count}")

    def result(self) -> object:
        """List of dict: key and ``count``."""
        return [{self.key: key, "count": count} for key, count in self.rows()]
