"""Connections with what went over them and who was at both ends."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from scapcore.event import Event, FieldReader, event_at
from scapcore.snapshot import Snapshot
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import format_bytes, format_interval, pad
from scappy.fields.compiling import compile_field
from scappy.filters.plan import compile_filter

__all__ = ["Connection", "Connections", "End"]


@dataclass
class End:
    """One end of a connection, as far as its process is in the capture.

    Attributes
    ----------
    process, pid : str, int
        Who is there; also one who did nothing, if the socket is open at the end of the capture.
    container, pod : str
        Where; empty if unknown.
    read, written : int
        Bytes.
    closed : bool
        Whether it closed the connection.
    """

    process: str = ""
    pid: int = 0
    container: str = ""
    pod: str = ""
    read: int = 0
    written: int = 0
    closed: bool = False

    @property
    def text(self) -> str:
        """Who and where in a few words."""
        if not self.process:
            return "-"
        place = self.pod or self.container
        return f"{self.process}({self.pid})" + (f"@{place}" if place and place != "host" else "")


@dataclass
class Connection:
    """A connection.

    Attributes
    ----------
    protocol, name : str
        tcp, udp, …; and client and server with their ports.
    start, end : int
        Time stamps (ns) of the first and the last event.
    outcome : str
        Error of the connect, empty if there was none.
    client, server : End
        The ends. A proxy or kernel may stand between client and server, so each has its own count of bytes.
    """

    protocol: str
    name: str
    start: int
    end: int
    outcome: str = ""
    client: End = field(default_factory=End)
    server: End = field(default_factory=End)

    @property
    def sent(self) -> int:
        """Bytes from the client to the server, as the client counts them if it is in the capture."""
        return self.client.written if self.client.process else self.server.read

    @property
    def received(self) -> int:
        """Bytes from the server to the client."""
        return self.client.read if self.client.process else self.server.written


def take_end(end: End, event: Event) -> None:
    """Note who is at an end."""
    end.process, end.pid = event.get("proc.name", "<NA>"), event.get("proc.pid", 0)
    end.container, end.pod = event.get("container.name", ""), event.get("k8s.pod.name", "")


class Connections(Chisel):
    """A row for each connection: how long it was seen, the bytes in both directions, and process, container and pod at both
    ends where the capture has them."""

    name = "conns"
    description = "List the connections with bytes, duration, and the containers and pods at both ends."
    category = "Net"
    arguments = (Argument("most", "rows, those with the most bytes; 0 for all, in order of time (0)", int, optional=True),)
    fields = (
        "evt.type", "evt.dir", "evt.is_io", "evt.is_io_read", "evt.rawres", "evt.res", "fd.name", "fd.l4proto", "fd.is_server",
        "fd.cip", "fd.cport", "evt.arg.tuple", "proc.name", "proc.pid", "container.name", "k8s.pod.name",
    )
    filter = (
        "((fd.type=ipv4 or fd.type=ipv6) and (evt.dir=< or evt.type=close) "
        "and (evt.is_io=true or evt.type in (connect, accept, accept4, close, shutdown))) "
        "or (evt.type in (sendmmsg, recvmmsg) and evt.dir=< and evt.arg.tuple exists)"
    )

    most = 0

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.open: dict[tuple[str, str], Connection] = {}
        self.roles: dict[tuple[tuple[str, str], int], bool] = {}
        self.found: list[Connection] = []

    def on_event(self, event: Event) -> None:
        """Add the event to its connection."""
        name = event["fd.name"]
        # Calls that send several messages name their ends only here.
        several = event["evt.type"] in ("sendmmsg", "recvmmsg")
        if several:
            name = name or event["evt.arg.tuple"]
        if not name or (event["fd.cip"] is None and not several):
            # It listens, or nobody knows yet who is at the other end.
            return
        key = event.get("fd.l4proto", "udp" if several else "<NA>"), name
        connection = self.open.get(key)
        begins = event["evt.type"] in ("connect", "accept", "accept4")
        serving = self.serves(event, key)
        if connection is not None and begins:
            end = connection.server if serving else connection.client
            if end.closed:
                # The same ports again.
                connection = None
        if connection is None:
            if event["evt.type"] in ("close", "shutdown"):
                return
            connection = self.open[key] = Connection(key[0], name, event.ts, event.ts)
            self.found.append(connection)
        connection.end = event.ts
        end = connection.server if serving else connection.client
        if not end.process:
            take_end(end, event)
        moved = event["evt.rawres"]
        if event["evt.type"] == "close":
            end.closed = True
        elif not begins and event["evt.type"] != "shutdown" and isinstance(moved, int) and moved > 0:
            if event["evt.is_io_read"] or event["evt.type"] == "recvmmsg":
                end.read += moved
            else:
                end.written += moved
        elif begins and event["evt.res"] not in (None, "SUCCESS", "EINPROGRESS"):
            connection.outcome = str(event["evt.res"])

    def serves(self, event: Event, key: tuple[str, str]) -> bool:
        """Whether the process of an event is the server's end.

        Sockets for datagrams have no role of their own: who reads what the client sent is the server.
        """
        if key[0] == "tcp":
            return bool(event["fd.is_server"])
        end = key, event.get("proc.pid", 0)
        if end not in self.roles:
            tuple_text = event["evt.arg.tuple"] if event["evt.is_io_read"] else None
            client = f"{event['fd.cip']}:{event['fd.cport']}->"
            self.roles[end] = bool(event["evt.is_io_read"]) if not tuple_text else tuple_text.startswith(client)
        return self.roles[end]

    def rows(self) -> list[Connection]:
        """The connections that are wanted, in order."""
        if not self.most:
            return self.found
        return sorted(self.found, key=lambda row: -(row.sent + row.received))[: self.most]

    def find_silent_ends(self) -> None:
        """Find ends at which nothing happened, among the sockets that are open at the end of the capture."""
        engine = self.context.engine
        missing: dict[str, list[Connection]] = {}
        for connection in self.found:
            if not (connection.client.process and connection.server.process):
                missing.setdefault(connection.name, []).append(connection)
        if engine is None or not missing:
            return
        reader = FieldReader(compile_field, 0, True, True)
        predicate = compile_filter("fd.type=ipv4 or fd.type=ipv6").predicate()
        for batch in Snapshot(engine, self.context.last_time, descriptors=True):
            predicate.run(batch)
            for row in batch.selected:
                event = event_at(batch, int(row), reader)
                for connection in missing.get(event.get("fd.name", ""), ())[-1:]:
                    pid = event.get("proc.pid", 0)
                    known = connection.client, connection.server
                    if any(end.process and end.pid == pid for end in known):
                        continue
                    # Where no list tells what listens, whoever is not the client is the server.
                    end = known[bool(event["fd.is_server"]) or bool(connection.client.process)]
                    if not end.process:
                        take_end(end, event)

    def on_capture_end(self) -> None:
        """Print the table."""
        self.find_silent_ends()
        if self.context.json:
            for entry in self.result():
                self.print_object(entry)
            return
        headings = {"PROTO": 6, "SENT": 11, "RECEIVED": 11, "DURATION": 10}
        self.print("".join(pad(heading, width) for heading, width in headings.items()) + "CONNECTION CLIENT SERVER")
        for row in self.rows():
            duration = format_interval(max(row.end - row.start, 0))
            cells = (row.protocol, format_bytes(row.sent), format_bytes(row.received), duration)
            self.print(
                "".join(pad(cell, width) for cell, width in zip(cells, headings.values(), strict=True))
                + f"{row.name} {row.client.text} {row.server.text}"
                + (f" {row.outcome}" if row.outcome else "")
            )

    def result(self) -> list[dict[str, object]]:
        """List of dict: a :class:`Connection` each, with ``sent``, ``received`` and ``duration`` (ns)."""
        return [
            {**asdict(row), "sent": row.sent, "received": row.received, "duration": max(row.end - row.start, 0)}
            for row in self.rows()
        ]
