"""The live tables at a point in time: processes, descriptors, connections, containers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scapcore.event import Event, FieldReader, event_at
from scapcore.snapshot import Snapshot, containers, descriptor_limit
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import format_bytes, pad
from scappy.fields.compiling import compile_field
from scappy.filters.plan import CompiledFilter, compile_filter

__all__ = ["ListContainers", "ListDescriptors", "ListProcesses", "NetStat"]

NOTHING = "empty capture or no event matching the filter"

#: Names of the types of containers by their numbers.
CONTAINER_TYPES = {0: "docker", 1: "lxc", 2: "libvirt_lxc", 3: "mesos", 4: "rkt", 6: "cri", 7: "containerd", 8: "cri-o", 9: "bpm"}


class PointInTime(Chisel):
    """Base of chisels that show tables as they are at the first event that they see."""

    category = "System State"
    point_in_time = True

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.met = False
        self.found: list[dict[str, object]] = []

    def on_event(self, event: Event) -> None:
        """Note that there is one; the tables are shown next."""
        self.met = True

    def on_capture_end(self) -> None:
        """Print the table, if there was an event."""
        if self.met:
            self.show()
        else:
            self.print(NOTHING)

    def show(self) -> None:
        """Print the table."""

    def result(self) -> object:
        """List of dict: a row each."""
        return self.found


class ThreadTable(PointInTime):
    """Base of those about threads and their descriptors."""

    arguments = (
        Argument("only", "filter on descriptors and their processes", optional=True, is_filter=True),
    )
    fields: Sequence[str] = ("proc.vmsize", "user.name")

    only = ""

    def on_init(self) -> None:
        """Understand the filter."""
        self.where: CompiledFilter | None = compile_filter(self.only) if self.only else None
        if self.where is not None and self.where.needs:
            # What the filter needs is kept by the run for the fields of the chisel.
            self.fields = (*type(self).fields, "evt.args", "evt.latency")

    def rows(self, descriptors: bool) -> Iterator[Event]:
        """Imaginary events of the threads, or of their descriptors, that pass the filter."""
        engine = self.context.engine
        if engine is None:
            return
        reader = FieldReader(compile_field, 0, True, True)
        predicate = None if self.where is None else self.where.predicate()
        for batch in Snapshot(engine, self.context.last_time, descriptors=descriptors):
            if predicate is not None:
                predicate.run(batch)
            for row in batch.selected:
                yield event_at(batch, int(row), reader)


class ListProcesses(ThreadTable):
    """Threads and processes."""

    name = "ps"
    description = "List the processes of the machine, at the first event."

    def show(self) -> None:
        """Print the table."""
        headings = {"TID": 8, "PID": 8, "USER": 12, "VIRT": 11, "RES": 11, "FDLIMIT": 10, "CMD": 20}
        self.print("".join(pad(heading, width) for heading, width in headings.items()))
        seen = set()
        # A filter is asked of the descriptors; a thread counts if one of them passes.
        for event in self.rows(self.where is not None):
            if event.tid in seen:
                continue
            seen.add(event.tid)
            row = {
                "tid": event.tid,
                "pid": event["proc.pid"],
                "user": event.get("user.name", "<NA>"),
                "virt": event["proc.vmsize"] * 1024,
                "res": event["proc.vmrss"] * 1024,
                "fdlimit": descriptor_limit(event.batch, event.row),
                "command": event["proc.name"],
            }
            self.found.append(row)
            self.print(
                pad(str(row["tid"]), 8)
                + pad(str(row["pid"]), 8)
                + pad(str(row["user"]), 12)
                + pad(format_bytes(event["proc.vmsize"] * 1024), 11)
                + pad(format_bytes(event["proc.vmrss"] * 1024), 11)
                + pad(str(int(str(row["fdlimit"])) & 0xFFFFFFFF), 10)
                + str(row["command"])
            )


class ListDescriptors(ThreadTable):
    """Open descriptors of all processes."""

    name = "lsof"
    description = "List the open descriptors of all processes, at the first event."

    def show(self) -> None:
        """Print the table."""
        widths = (20, 8, 8, 8, 8, 12)
        headings = ("COMMAND", "PID", "TID", "USER", "FD", "TYPE")
        self.print("".join(pad(heading, width) for heading, width in zip(headings, widths, strict=True)) + "NAME")
        for event in self.rows(True):
            row = {
                "command": event["proc.name"],
                "pid": event["proc.pid"],
                "tid": event.tid,
                "user": event.get("user.name", "<NA>"),
                "fd": event["fd.num"],
                "type": event.get("fd.type", "nil"),
                "name": event.get("fd.name", ""),
            }
            self.found.append(row)
            *cells, name = (str(value) for value in row.values())
            self.print("".join(pad(cell, width) for cell, width in zip(cells, widths, strict=True)) + name)


class NetStat(ThreadTable):
    """Connections and listening sockets of all processes."""

    name = "netstat"
    description = "List the network connections of all processes, at the first event."

    def on_init(self) -> None:
        """Understand the filter."""
        sockets = "(fd.type=ipv4 or fd.type=ipv6)"
        self.only = f"{sockets} and ({self.only})" if self.only else sockets
        super().on_init()

    def show(self) -> None:
        """Print the table."""
        headings = {"Proto": 6, "Server Address": 25, "Client Address": 25, "State": 15}
        self.print("".join(pad(heading, width) for heading, width in headings.items()) + "TID/PID/Program Name")
        for event in self.rows(True):
            client, state = event["fd.cip"], "ESTABLISHED"
            port: object = event["fd.cport"]
            server = f"{event['fd.sip']}:{event['fd.sport']}"
            if client is None:
                client, port, state = "0.0.0.0", "*", "LISTEN"
                server = event.get("fd.name", server)
            row = {
                "proto": event.get("fd.l4proto", "<NA>"),
                "server": server,
                "client": f"{client}:{port}",
                "state": state,
                "tid": event.tid,
                "pid": event["proc.pid"],
                "command": event["proc.name"],
            }
            self.found.append(row)
            self.print(
                pad(str(row["proto"]), 6)
                + pad(str(row["server"]), 25)
                + pad(str(row["client"]), 25)
                + pad(state, 15)
                + f"{row['tid']}/{row['pid']}/{row['command']}"
            )


class ListContainers(PointInTime):
    """Containers."""

    name = "lscontainers"
    description = "List the containers, at the first event."
    arguments = (Argument("desc", "the word desc asks for a dump of the data", optional=True),)

    desc = ""

    def show(self) -> None:
        """Print the table."""
        engine = self.context.engine
        for identity, name, image, kind in containers(engine) if engine is not None else ():
            self.found.append({"id": identity, "name": name, "image": image, "type": CONTAINER_TYPES.get(kind, "unknown")})
        if self.desc == "desc":
            self.print("{")
            for place, row in enumerate(self.found, 1):
                self.print(f" {place} = {{")
                for key, value in row.items():
                    self.print(f'  {key} = "{value}",')
                self.print(" },")
            self.print("}")
            return
        widths = {"type": 15, "image": 16, "name": 20, "id": 13}
        self.print("".join(pad(f"container.{key}", width) for key, width in widths.items()))
        self.print("".join(pad("-" * width, width) for width in widths.values()))
        for row in self.found:
            self.print("".join(pad(str(row[key]), width) for key, width in widths.items()))

    def on_capture_end(self) -> None:
        """Print the table, also of an empty capture."""
        self.show()
