"""Which control groups are none of a container's, so that the kernel can leave out the threads in them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from scappy.capturing.proc import Proc

__all__ = ["groups_of_others"]

#: The newer name of a controller, and what mounts of the older hierarchies call it.
OLDER = {"io": "blkio"}


def mounts(proc: Proc) -> Iterator[tuple[str, str, list[str]]]:
    """Where control groups can be looked at: file system, directory, and its options."""
    for line in proc.text("self", "mountinfo").splitlines():
        place, _, rest = line.partition(" - ")
        words, more = place.split(), rest.split()
        if len(words) > 4 and len(more) > 2 and more[0] in ("cgroup", "cgroup2"):
            yield more[0], words[4], more[2].split(",")


def walk(root: str, names: Iterable[str]) -> Iterator[int]:
    """Inode numbers of the groups in whose paths no name appears."""
    for path, _, _ in os.walk(root):
        if not any(name in path for name in names):
            with contextlib.suppress(OSError):      # it is gone
                yield os.stat(path).st_ino


def groups_of_others(proc: Proc, identities: Iterable[bytes]) -> list[int]:
    """The groups that belong to none of these containers, as :class:`scapcore.probe.Choice` takes them.

    Groups that cannot be seen from here are not among them.

    Parameters
    ----------
    proc : Proc
        Where to look for the mounts.
    identities : iterable of bytes
        Container ids of 12 letters, as the groups' paths hold them.
    """
    from scapcore.probe import CONTROLLERS, group_number

    names = [os.fsdecode(identity) for identity in identities]
    unified: list[int] | None = None
    found = []
    known = list(mounts(proc))
    for controller in CONTROLLERS:
        older = OLDER.get(controller, controller)
        roots = [place for kind, place, options in known if kind == "cgroup" and older in options]
        if roots:
            groups = list(walk(roots[0], names))
        else:
            # What is in no older hierarchy is in the unified one.
            if unified is None:
                unified = [inode for kind, place, _ in known if kind == "cgroup2" for inode in walk(place, names)]
            groups = unified
        found += [group_number(controller, inode) for inode in groups]
    return found
