"""What the kernel may leave out for a filter, because no event that is shown would look different without it.

It is worked out which types of events can pass at all, and of which threads. Events that change the tables of threads and
descriptors are needed in any case, whoever makes them: what is shown of those that pass comes from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from scapcore.engine import state_types
from scapcore.schema import EventType, event_types
from scappy.filters.tree import And, Check, Node, Not, Operator, checks, field_uses
from scappy.records import Thread

__all__ = ["WantedThreads", "kept_types", "wanted_threads", "wanted_types"]

GENERIC = (0, 1)
#: There are so many of them that they come only when they are asked for by name.
PAGE_FAULT, RARE = 290, b"page_fault"
#: Of these types only counters come, which few fields show.
COUNTING = frozenset(("SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MMAP2_X", "SYSCALL_MUNMAP_X", "SCHEDSWITCH_6_E"))
#: All that plain transfers change is whether a socket is in use.
TRANSFERS = frozenset(
    f"SYSCALL_{name}_X" for name in ("READ", "READV", "PREAD", "PREADV", "WRITE", "WRITEV", "PWRITE", "PWRITEV")
)
#: What says whose events pass, the most exact first.
CHOOSING: tuple[Literal["thread.tid", "proc.pid", "proc.name", "container.id"], ...] = (
    "thread.tid", "proc.pid", "proc.name", "container.id"
)
#: What a container's id is like if it is found in the paths of control groups.
SHORT_ID = re.compile(rb"[0-9a-f]{12}")
#: What shows the counters, and what compares an event with the one before it, by the beginnings of names.
COUNTED = ("thread.", "proc.vm", "proc.fd", "proc.cpu", "evtin.", "span.", "util.", "evt.deltatime", "evt.latency",
           "evt.wait_latency", "evt.count")  # fmt: skip
#: Among these, what counts nothing.
UNCOUNTED = frozenset(("thread.tid", "thread.ismain", "thread.vtid", "thread.nametid", "thread.cgroups", "thread.cgroup"))
CONNECTED = "fd.connected"
DATA = ("evt.buffer", "evt.buflen", "evt.io_dir")
OF_DESCRIPTORS = frozenset(("CREATES_FD", "USES_FD", "DESTROYS_FD"))
OF_DATA = frozenset(("READS_FROM_FD", "WRITES_TO_FD"))


def wanted_types(
    tree: Node | None, fields: Iterable[str] | None = None, *, modern: bool = True
) -> frozenset[int] | None:
    """The types of events that the kernel has to hand on.

    Parameters
    ----------
    tree : Node, optional
        The typed tree of the filter; without one everything passes.
    fields : iterable of str, optional
        Names of all fields that are looked at in the events that pass. Without them every one may be.
    modern : bool
        By the rules of the newest libraries instead of those of sysdig 0.29.3.

    Returns
    -------
    frozenset of int or None
        None for all but page faults.

    Examples
    --------
    >>> from scappy.filters import parse_filter
    >>> types = wanted_types(parse_filter("evt.type = connect"), ["proc.name"])
    >>> names = {event_types(True)[number].name for number in types or ()}
    >>> "connect" in names, "close" in names, "clone" in names, "futex" in names
    (True, True, True, False)
    """
    if tree is None:
        return None
    kinds = event_types(modern)
    state = kept_types(tree, fields, modern=modern)
    passing = {kind.type for kind in kinds if may_pass(tree, kind) is not False}
    if asks_for(tree, RARE):
        return frozenset(passing | state)
    return None if len(passing) == len(kinds) else frozenset(passing - {PAGE_FAULT} | state)


def kept_types(tree: Node, fields: Iterable[str] | None = None, *, modern: bool = True) -> frozenset[int]:
    """The types of events that change what is shown of others, whoever makes them.

    Parameters
    ----------
    tree, fields, modern
        See :func:`wanted_types`.
    """
    kinds = event_types(modern)
    used = None if fields is None else {*fields, *(use.name for use in field_uses(tree))}
    idle: frozenset[str] = frozenset()
    if used is not None:
        if not any(name.startswith(COUNTED) and name not in UNCOUNTED for name in used):
            idle |= COUNTING
        if CONNECTED not in used:
            idle |= TRANSFERS
    return frozenset(number for number in state_types(modern) if kinds[number].id not in idle)


@dataclass(frozen=True)
class WantedThreads:
    """The threads whose events alone can pass.

    Attributes
    ----------
    field : str
        What says it: ``proc.name``, ``proc.pid``, ``thread.tid`` or ``container.id``.
    values : frozenset of int or of bytes
        Any of these.
    """

    field: Literal["proc.name", "proc.pid", "thread.tid", "container.id"]
    values: frozenset[int] | frozenset[bytes]

    def excludes(self, thread: Thread) -> bool:
        """Whether no event of a thread that exists can pass, as long as it executes no other program."""
        if self.field == "proc.name":
            return thread.comm.encode("utf-8", "surrogateescape") not in self.values
        if self.field == "container.id":
            groups = "\n".join(thread.cgroups).encode("utf-8", "surrogateescape")
            return not any(isinstance(value, bytes) and value in groups for value in self.values)
        return (thread.pid if self.field == "proc.pid" else thread.tid) not in self.values


def wanted_threads(tree: Node | None) -> WantedThreads | None:
    """The threads whose events alone can pass a filter, by the field that says most about it; None if it may be any.

    Examples
    --------
    >>> from scappy.filters import parse_filter
    >>> found = wanted_threads(parse_filter("proc.name in (curl, wget) and fd.name contains resolv"))
    >>> found.field, sorted(found.values)
    ('proc.name', [b'curl', b'wget'])
    """
    if tree is None:
        return None
    for field in CHOOSING:
        values = values_of(tree, field)
        if values is not None and (field != "container.id" or all(SHORT_ID.fullmatch(value) for value in values)):
            return WantedThreads(field, values)
    return None


def values_of(node: Node, field: str) -> frozenset[Any] | None:
    """The values that a field has in all events that pass; None if there may be others."""
    if isinstance(node, Check):
        if node.field_name != field or node.operator not in (Operator.EQ, Operator.IN) or node.modifier is not None:
            return None
        literal = isinstance(node.right, tuple) and len(node.values) == len(node.right)
        return frozenset(node.values) if literal else None
    if isinstance(node, Not):
        return None
    found = [values_of(item, field) for item in node.items]
    known = [values for values in found if values is not None]
    if isinstance(node, And):
        return frozenset.intersection(*known) if known else None
    return frozenset.union(*known) if len(known) == len(found) else None


def asks_for(tree: Node, name: bytes) -> bool:
    """Whether a filter names a type of events."""
    return any(check.field_name == "evt.type" and name in check.values for check in checks(tree))


def may_pass(node: Node, kind: EventType) -> bool | None:
    """Whether events of a type pass: True for all, False for none, None for those that nobody knows before."""
    if isinstance(node, Check):
        return judge(node, kind)
    if isinstance(node, Not):
        inner = may_pass(node.item, kind)
        return None if inner is None else not inner
    found = [may_pass(item, kind) for item in node.items]
    if isinstance(node, And):
        return False if False in found else None if None in found else True
    return True if True in found else None if None in found else False


def judge(check: Check, kind: EventType) -> bool | None:
    """The same for one comparison; one with a value that is missing fails."""
    name = check.field_name
    if name is None or not isinstance(check.right, tuple):
        return None
    if name == "evt.type" and kind.type not in GENERIC:
        if check.modifier is not None or check.operator not in (Operator.EQ, Operator.NE, Operator.IN):
            return None
        equal = kind.name.encode() in check.values
        return not equal if check.operator is Operator.NE else equal
    if name.startswith("fd.") and not kind.flags & OF_DESCRIPTORS:
        return False
    if name.startswith(DATA) and not kind.flags & OF_DATA:
        return False
    if name.startswith("evt.is_io") and check.operator is Operator.EQ:
        wanted = bool(check.values[0])
        flags = {"evt.is_io_read": {"READS_FROM_FD"}, "evt.is_io_write": {"WRITES_TO_FD"}}.get(name, OF_DATA)
        return bool(kind.flags & flags) == wanted
    return None
