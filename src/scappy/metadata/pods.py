"""What the pods of a capture did: traffic, errors and processor time, pod by pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scapcore.errors import ScapError
from scapcore.event import FieldReader
from scapcore.groups import Groups
from scappy.fields.compiling import compile_field

if TYPE_CHECKING:
    from scapcore.predicate import Predicate
    from scappy.capture import Capture

__all__ = ["PodUsage", "pod_usage"]

#: Fields that tell pods apart, and which events have them; of some pods only the id is known.
KEYS = (
    (("k8s.ns.name", "k8s.pod.name"), "k8s.pod.name exists"),
    (("k8s.pod.id",), "k8s.pod.id exists and not k8s.pod.name exists"),
)
NETWORK = "fd.type in (ipv4, ipv6) and evt.rawres > 0 and"
#: What is summed up: which events, and the field whose values are added (none: events are counted).
SUMS = (
    ("events", "", None),
    ("received", f"{NETWORK} evt.is_io_read=true", "evt.rawarg.res"),
    ("sent", f"{NETWORK} evt.is_io_write=true", "evt.rawarg.res"),
    ("errors", "evt.failed=true", None),
    ("cpu", "evt.type=switch", "thread.exectime"),
)


@dataclass
class PodUsage:
    """What a pod did in a capture.

    Attributes
    ----------
    namespace : str
    name : str
        Its id where the capture tells no name.
    events : int
        All of its events.
    received, sent : int
        Bytes through IP sockets.
    errors : int
        Calls that failed.
    cpu : int
        Time on processors in ns, as far as the capture holds the switches between threads.
    """

    namespace: str
    name: str
    events: int = 0
    received: int = 0
    sent: int = 0
    errors: int = 0
    cpu: int = 0


def pod_usage(capture: Capture) -> tuple[list[PodUsage], ScapError | None]:
    """Sum up a capture by pods, in one pass.

    Parameters
    ----------
    capture : Capture
        With or without a filter, and with or without the objects of its cluster.

    Returns
    -------
    list of PodUsage
        Those with the most traffic first.
    ScapError or None
        Where the capture is damaged: the sums are of what can be read.
    """
    pods = capture.filter("k8s.pod.name exists or k8s.pod.id exists")
    sums: list[tuple[str, Predicate, Groups]] = []
    needs = 0
    for fields, condition in KEYS:
        keys = [compile_field(name) for name in fields]
        for what, text, name in SUMS:
            view = capture.filter(condition).filter(text) if text else capture.filter(condition)
            value = compile_field(name) if name else None
            for use in (*keys, *((value,) if value is not None else ())):
                needs |= use.needs
            needs |= view.needs
            sums.append((what, view.predicate(), Groups(FieldReader(compile_field), keys, value)))
    reader = pods.reader(needs=needs)
    error: ScapError | None = None
    while True:
        try:
            if not reader.advance():
                break
        except ScapError as problem:
            error = problem
            break
        for _, predicate, group in sums:
            reader.batch.select_all()
            predicate.run(reader.batch)
            group.take(reader.batch)
    found: dict[tuple[str, str], PodUsage] = {}
    for what, _, group in sums:
        for key, total in group.rows():
            *namespace, pod = ("" if part is None else str(part) for part in key)
            where = ("".join(namespace), pod)
            setattr(found.setdefault(where, PodUsage(*where)), what, int(total))
    return sorted(found.values(), key=lambda pod: (-pod.received - pod.sent, -pod.events, pod.namespace, pod.name)), error
