"""Of which threads everything is wanted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTROLLERS", "Choice", "group_number"]

#: In the order of ``enum probe_choice``, which begins with the choice of all.
KINDS = ("process", "thread", "name", "group")
#: The controllers whose groups are told of each task, in the order of the program.
CONTROLLERS = ("cpuset", "cpu", "cpuacct", "io", "memory")
#: What the names of threads are cut to, with the NUL that ends them.
NAME_BYTES = 16


def group_number(controller: str, inode: int) -> int:
    """The number of a control group as a choice has it, as each hierarchy counts by itself.

    Parameters
    ----------
    controller : str
        One of :data:`CONTROLLERS`.
    inode : int
        Inode number of the group's directory.

    Examples
    --------
    >>> hex(group_number("memory", 7))
    '0x400000000000007'
    """
    return CONTROLLERS.index(controller) << 56 | inode


@dataclass(frozen=True)
class Choice:
    """Threads of which everything is wanted; of others come only some types of events, without data.

    Attributes
    ----------
    kind : {"process", "thread", "name", "group"}
        What decides. A name is that which the thread had when it began or when it executed its program, whatever it
        has called itself since.
    values : collection of int or of bytes
        Numbers of processes or threads in the first namespace; names; numbers of the control groups whose
        threads are *not* chosen, see :func:`group_number`, so that one that is made later is not missed.
    always : collection of int
        Types of events that are wanted of all threads. Those that tell of their beginning and end are in any case.

    Examples
    --------
    >>> Choice("name", [b"curl"]).keys()
    [b'curl\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00']
    """

    kind: Literal["process", "thread", "name", "group"]
    values: Collection[int] | Collection[bytes]
    always: Collection[int] = ()

    @property
    def number(self) -> int:
        """The kind as the program in the kernel knows it."""
        return KINDS.index(self.kind) + 1

    @property
    def table(self) -> str:
        """The program's table of the values."""
        return {"process": "processes", "thread": "threads", "name": "names", "group": "other_groups"}[self.kind]

    @property
    def is_noted(self) -> bool:
        """Whether the program notes for each thread what it is, instead of looking at each event."""
        return self.kind in ("name", "group")

    def keys(self) -> list[bytes]:
        """The values as they are in the table; what no thread can have is left out."""
        found = []
        width = 8 if self.kind == "group" else 4
        for value in self.values:
            if isinstance(value, bytes):
                if len(value) < NAME_BYTES:
                    found.append(value.ljust(NAME_BYTES, b"\0"))
            elif 0 <= value < 1 << 8 * width:
                found.append(value.to_bytes(width, "little"))
        return found
