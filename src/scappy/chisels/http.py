"""HTTP requests and their answers, as processes exchange them over sockets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.top import Unit, print_table

__all__ = ["HttpLog", "HttpTop"]

# Line ends are shown as dots.
REQUEST = re.compile(r"([A-Z]+) ([!-~]+)")
HOST = re.compile(r"Host: ([!-~]+)\.\.")
RESPONSE = re.compile(r"HTTP/[!-~]+ (\d+)")
LENGTH = re.compile(r"Content-Length: (\d+)\.\.")


@dataclass
class Transaction:
    """A request with its answer.

    Attributes
    ----------
    method, url : str
        Of the request; the URL with the host.
    start, end : int
        Time stamps (ns) of request and answer; `end` is 0 while there is none.
    direction : str
        ``<`` where the request was read, so by a server; ``>`` where it was written.
    container, datetime : str
        Name of the container, and the time of the answer as text.
    code, length : int
        Of the answer.
    """

    method: str
    url: str
    start: int
    direction: str
    container: str
    datetime: str = ""
    end: int = 0
    code: int = 0
    length: int = 0


class HttpChisel(Chisel):
    """Base of chisels about HTTP: puts requests and answers together."""

    category = "Application"
    fields = ("evt.arg.data", "fd.num", "proc.pid", "evt.datetime", "evt.io_dir", "container.name")
    filter = "evt.is_io=true and evt.buflen>0 and (fd.sockfamily=ip or fd.sockfamily=unix)"
    printing = True

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.open: dict[tuple[int, int], Transaction] = {}
        self.done: list[Transaction] = []

    def on_event(self, event: Event) -> None:
        """Look for a request, or for the answer to the one that is open on this descriptor."""
        data = event["evt.arg.data"]
        if data is None:
            return
        key = event["proc.pid"], event["fd.num"]
        transaction = self.open.get(key)
        if transaction is None:
            request = REQUEST.match(data)
            if request:
                host = HOST.search(data)
                self.open[key] = Transaction(
                    request[1],
                    (host[1] if host else "") + request[2],
                    event.ts,
                    {"read": "<", "write": ">"}.get(event["evt.io_dir"], "<NA>"),
                    event.get("container.name", "<NA>"),
                    event["evt.datetime"],
                )
            return
        response = RESPONSE.search(data)
        if response:
            length = LENGTH.search(data)
            transaction.code = int(response[1])
            transaction.length = int(length[1]) if length else 0
            transaction.end = event.ts
            transaction.datetime = event["evt.datetime"]
            del self.open[key]
            self.done.append(transaction)
            self.on_transaction(transaction)

    def on_transaction(self, transaction: Transaction) -> None:
        """Called for every request that was answered."""

    def result(self) -> object:
        """List of dict: every request that was answered, and then those that were not (``code`` 0)."""
        return [vars(transaction) for transaction in (*self.done, *self.open.values())]


class HttpLog(HttpChisel):
    """A line for each HTTP request that was answered, and on demand for those that were not."""

    name = "httplog"
    description = "Log of the HTTP requests."
    arguments = (Argument("unanswered", "the word unanswered shows those without an answer at the end", optional=True),)

    unanswered = ""

    def on_transaction(self, transaction: Transaction) -> None:
        """Print the request."""
        # A difference of time stamps as 64-bit floating-point numbers, as the original has it.
        latency = int((float(transaction.end) - float(transaction.start)) / 1_000_000)
        self.print_line(transaction, f"response_code={transaction.code} latency={latency}ms size={transaction.length}B")

    def print_line(self, transaction: Transaction, outcome: str) -> None:
        """Print a request with what became of it."""
        container = f" {transaction.container} " if self.context.containers else " "
        self.print(
            f"{transaction.datetime}{container}{transaction.direction} method={transaction.method} "
            f"url={transaction.url} {outcome}"
        )

    def on_capture_end(self) -> None:
        """Print what was not answered, if that is wanted."""
        if self.unanswered == "unanswered":
            for transaction in self.open.values():
                self.print_line(transaction, "unanswered")


class HttpTop(HttpChisel):
    """HTTP requests by number, time or bytes."""

    name = "httptop"
    description = "Top HTTP requests by number, time or bytes."
    arguments = (Argument("by", "ncalls, time or bytes", optional=True),)

    by = "ncalls"

    def on_init(self) -> None:
        """Check the argument."""
        if self.by not in ("ncalls", "time", "bytes"):
            raise ValueError(f"{self.by} is none of ncalls, time and bytes")

    def on_capture_end(self) -> None:
        """Print the table."""
        groups: dict[tuple[str, ...], list[Transaction]] = {}
        keys = ["container"] if self.context.containers else []
        keys += ["method", "url"]
        for transaction in self.done:
            groups.setdefault(tuple(getattr(transaction, key) for key in keys), []).append(transaction)
        rows = [(names, self.value_of(group)) for names, group in groups.items()]
        rows.sort(key=lambda row: -row[1])
        units: dict[str, Unit] = {"ncalls": "none", "time": "time", "bytes": "bytes"}
        print_table(self, rows[:30], [(key, key) for key in keys], (self.by, self.by), units[self.by])

    def value_of(self, group: list[Transaction]) -> float:
        """What a group of requests comes to."""
        if self.by == "ncalls":
            return len(group)
        if self.by == "bytes":
            return sum(transaction.length for transaction in group)
        return sum(float(transaction.end) - float(transaction.start) for transaction in group) / len(group)
