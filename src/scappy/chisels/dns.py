"""Questions to name servers, and what came of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from scapcore.errors import MissingDependencyError
from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import SECOND, format_interval

if TYPE_CHECKING:
    from dns.message import Message

__all__ = ["Dns", "Lookup"]

HEADER = 12


@dataclass
class Lookup:
    """A question with its outcome.

    Attributes
    ----------
    time, end : int
        Time stamps (ns) of the first question and of the answer; `end` is 0 without one.
    process, tid, container : str, int, str
        Who asked.
    server : str
        Address and port that were asked.
    served : bool
        True if the process is the server, which read the question, False if it sent it.
    name, kind : str
        What was asked for: a name and the type of its record.
    tries : int
        How often it was sent; 0 where the capture has the answer only.
    outcome : str
        ``NOERROR``, ``NXDOMAIN``, … of the answer; ``TIMEOUT``, or ``UNANSWERED`` where the capture ended too early.
    answers : list of str
        Types and values of the records, as far as the capture holds them.
    truncated : bool
        Whether the capture holds less than the whole answer.
    expands : str
        Where it follows a failed question for the same name below another domain: what both begin with.
    """

    time: int
    process: str
    tid: int
    container: str
    server: str
    served: bool
    name: str
    kind: str
    tries: int = 1
    end: int = 0
    outcome: str = "UNANSWERED"
    answers: list[str] = field(default_factory=list)
    truncated: bool = False
    expands: str = ""


class Dns(Chisel):
    """A line for each question to a name server: who asked whom for what, the answers, how long it took, how often it was
    sent, and whether it was one of several tries to complete a name with a search domain. ``>`` is a process that asks, ``<`` one
    that serves. What got no answer is told as soon as the time for it is over."""

    name = "dns"
    description = "Log of the questions to name servers and their answers."
    category = "Net"
    arguments = (Argument("timeout", "seconds after which a question counts as unanswered (5)", float, optional=True),)
    fields = (
        "evt.buffer", "evt.is_io_read", "fd.num", "fd.l4proto", "fd.sip", "fd.sport", "evt.arg.tuple", "proc.name", "proc.pid",
        "thread.tid", "container.name",
    )
    filter = (
        "evt.failed=false and ((evt.is_io=true and (fd.type=ipv4 or fd.type=ipv6) and fd.port=53) "
        "or (evt.type in (sendmmsg, recvmmsg) and evt.arg.tuple contains ':53'))"
    )
    interval = SECOND

    timeout = 5.0

    def on_init(self) -> None:
        """Find the library that decodes."""
        try:
            import dns.message  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("dnspython", "chisels", "the chisel dns") from error

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.open: dict[tuple[object, ...], Lookup] = {}
        self.found: list[Lookup] = []
        self.failed: dict[int, Lookup] = {}
        self.undecoded = 0

    def on_event(self, event: Event) -> None:
        """Look for a question or an answer."""
        data = event["evt.buffer"]
        if not isinstance(data, bytes) or len(data) < HEADER:
            # Over TCP the length may come by itself.
            return
        if event["fd.l4proto"] == "tcp" and int.from_bytes(data[:2], "big") >= HEADER and data[2 + 4 : 2 + 6] == b"\0\1":
            data = data[2:]
        message = decoded(data)
        if message is None or not message.question:
            self.undecoded += 1
            return
        asked = message.question[0]
        kind = kind_text(asked.rdtype)
        name = asked.name.to_text()
        number = event["fd.num"]
        if number is None:
            # Calls that send several messages name their descriptor only here.
            number = event.params.get("fd")
        key = event["proc.pid"], number, message.id, name.lower(), kind
        lookup = self.open.get(key)
        if not answers(message):
            if lookup is not None:
                lookup.tries += 1
                return
            self.open[key] = begun(event, name, kind, bool(event["evt.is_io_read"]))
            self.open[key].expands = self.expanded(self.open[key])
            return
        if lookup is None:
            lookup = begun(event, name, kind, not event["evt.is_io_read"])
            lookup.tries = 0
            lookup.expands = self.expanded(lookup)
        else:
            del self.open[key]
            lookup.end = event.ts
        lookup.outcome = outcome_text(message)
        lookup.truncated = bool(message.errors)
        lookup.answers = [
            f"{kind_text(records.rdtype)} {record.to_text()}" for records in message.answer for record in records
        ]
        self.tell(lookup)

    def expanded(self, lookup: Lookup) -> str:
        """What a name and the one that failed before it begin with, if the same thread goes through its search domains."""
        before = self.failed.get(lookup.tid)
        # A resolver waits for each of several tries before it goes on.
        if before is None or lookup.time - before.time > 4 * self.timeout * SECOND:
            return ""
        if before.name == lookup.name:
            return before.expands
        common = []
        for one, other in zip(before.name.rstrip(".").split("."), lookup.name.rstrip(".").split("."), strict=False):
            if one.lower() != other.lower():
                break
            common.append(one)
        return ".".join(common)

    def tell(self, lookup: Lookup) -> None:
        """Print a question with its outcome."""
        self.found.append(lookup)
        if lookup.outcome != "NOERROR":
            self.failed[lookup.tid] = lookup
        else:
            self.failed.pop(lookup.tid, None)
        if self.context.json:
            self.print_object(asdict(lookup))
            return
        seconds, rest = divmod(lookup.time, SECOND)
        words = [
            f"{seconds}.{rest:09}", f"{lookup.process}({lookup.tid})", "<" if lookup.served else ">", lookup.server,
            lookup.kind, lookup.name, lookup.outcome,
        ]
        if self.context.containers:
            words.insert(1, lookup.container)
        if lookup.end:
            words.append(format_interval(max(lookup.end - lookup.time, 0)))
        if lookup.tries > 1:
            words.append(f"tries={lookup.tries}")
        if lookup.expands:
            words.append(f"search={lookup.expands}")
        if lookup.answers or lookup.truncated:
            words.append(", ".join([*lookup.answers, *(["…"] if lookup.truncated else [])]))
        self.print(" ".join(words))

    def on_interval(self, time: int, delta: int) -> None:
        """Give up questions whose time is over."""
        for key, lookup in list(self.open.items()):
            if time - lookup.time > self.timeout * SECOND:
                del self.open[key]
                lookup.outcome = "TIMEOUT"
                self.tell(lookup)

    def on_capture_end(self) -> None:
        """Tell what is still open."""
        self.on_interval(self.context.last_time, 0)
        for lookup in self.open.values():
            self.tell(lookup)
        self.open.clear()

    def result(self) -> object:
        """List of dict: a :class:`Lookup` each."""
        return [asdict(lookup) for lookup in self.found]


def begun(event: Event, name: str, kind: str, served: bool) -> Lookup:
    """A question as it is when its event is seen."""
    server = f"{event.get('fd.sip', '<NA>')}:{event.get('fd.sport', '<NA>')}"
    if event["fd.sip"] is None:
        server = event.get("evt.arg.tuple", "<NA>").rpartition("->")[2]
    tid, container = event.get("thread.tid", event.tid), event.get("container.name", "<NA>")
    return Lookup(event.ts, event.get("proc.name", "<NA>"), tid, container, server, served, name, kind)


def decoded(data: bytes) -> Message | None:
    """The message in some bytes, of which the end may be missing; None if it is none."""
    from dns.exception import DNSException
    from dns.message import from_wire

    try:
        return from_wire(data, ignore_trailing=True, continue_on_error=True)
    except (DNSException, ValueError):
        return None


def answers(message: Message) -> bool:
    """Whether a message is an answer."""
    return bool(message.flags & 0x8000)


def kind_text(kind: int) -> str:
    """Name of a type of records."""
    from dns.rdatatype import RdataType, to_text

    return to_text(RdataType.make(kind))


def outcome_text(message: Message) -> str:
    """Name of the code in an answer."""
    from dns.rcode import to_text

    return to_text(message.rcode())
