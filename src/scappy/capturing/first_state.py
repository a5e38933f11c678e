"""What was there before a live capture began, as the blocks with which captures begin."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from scappy.capturing.containers import container_id
from scappy.capturing.machine import groups, machine, users
from scappy.capturing.network import interfaces
from scappy.capturing.proc import Proc
from scappy.capturing.processes import Threads
from scappy.records import Container, DescriptorRecord, NamedDescriptor, Thread
from scappy.writer import CaptureWriter

__all__ = ["first_state", "put_container"]

STATE_ONLY = 1
#: Readers as old as sysdig 0.29.3 refuse these kinds in a list. The calls that make them say the same, and are skipped by those.
MADE_BY_CALLS: dict[str, tuple[str, dict[str, int]]] = {
    "bpf": ("SYSCALL_BPF_2_X", {"cmd": 0}),
    "userfaultfd": ("SYSCALL_USERFAULTFD_X", {"flags": 0}),
    "io_uring": (
        "SYSCALL_IO_URING_SETUP_X",
        dict.fromkeys(("entries", "sq_entries", "cq_entries", "flags", "sq_thread_cpu", "sq_thread_idle", "features"), 0),
    ),
    "memfd": ("SYSCALL_MEMFD_CREATE_X", {"flags": 0}),
    "pidfd": ("SYSCALL_PIDFD_OPEN_X", {"pid": 0, "flags": 0}),
}
#: The parameter that says which descriptor a call has made, where it is not ``fd``.
RESULT = {"userfaultfd": "res", "io_uring": "res"}


def put_container(writer: CaptureWriter, container: Container, timestamp: int) -> None:
    """Write a container as the newest writers do."""
    writer.event("CONTAINER_JSON_2_E", ">", timestamp, -1, json=container.json())


def first_state(
    proc: Proc,
    *,
    containers: Iterable[Container] = (),
    breathe: Callable[[], None] = lambda: None,
    met: Callable[[Thread], None] = lambda thread: None,
) -> bytes:
    """The blocks for all that exists now.

    Parameters
    ----------
    proc : Proc
        Where to look.
    containers : iterable of Container
        What is known of containers.
    breathe : callable
        Called between processes, for whatever else must not wait long.
    met : callable
        Called with each thread.

    Returns
    -------
    bytes
        Whole blocks, from the section header on.

    Raises
    ------
    MissingDependencyError
        The package that knows the interfaces is not installed.
    """
    target = io.BytesIO()
    now = time.time_ns()
    made: list[tuple[int, NamedDescriptor]] = []
    insides: dict[str, int] = {}
    with CaptureWriter(target) as writer:
        writer.machine(machine(proc))
        for interface in interfaces():
            writer.interface(interface)
        for user in users():
            writer.user(user)
        for group in groups():
            writer.group(group)
        process = None
        for thread in Threads(proc):
            kept: list[DescriptorRecord] = []
            for descriptor in thread.fds:
                if isinstance(descriptor, NamedDescriptor) and descriptor.kind in MADE_BY_CALLS:
                    made.append((thread.tid, descriptor))
                else:
                    kept.append(descriptor)
            writer.thread(with_descriptors(thread, kept))
            met(thread)
            if thread.pid != process:
                process = thread.pid
                identity = container_id(thread.cgroups)
                if identity and thread.pid is not None:
                    insides.setdefault(identity, thread.pid)
                breathe()
        for container in containers:
            put_container(writer, container, now)
        for identity, pid in insides.items():
            put_users(writer, proc, identity, pid, now)
        for tid, descriptor in made:
            kind, values = MADE_BY_CALLS[descriptor.kind]
            parameters: dict[str, Any] = {**values, RESULT.get(descriptor.kind, "fd"): descriptor.fd}
            if descriptor.kind == "memfd":
                parameters["name"] = descriptor.name
            elif descriptor.kind == "pidfd":
                parameters["pid"] = int(descriptor.name.rpartition("/")[2] or 0)
            writer.event(kind, "<", now, tid, block_flags=STATE_ONLY, **parameters)
    return target.getvalue()


def with_descriptors(thread: Thread, kept: list[DescriptorRecord]) -> Thread:
    """A thread with other descriptors; itself where they are the same."""
    if len(kept) == len(thread.fds):
        return thread
    from dataclasses import replace

    return replace(thread, fds=tuple(kept))


def put_users(writer: CaptureWriter, proc: Proc, identity: str, pid: int, timestamp: int) -> None:
    """Write the users and groups of a container, as one of its processes sees them."""
    root = proc.path(pid, "root")
    if not os.path.isdir(root):
        return
    for user in users(root):
        writer.event(
            "USER_ADDED_E", ">", timestamp, -1, uid=user.uid, gid=user.gid, name=user.name, home=user.home,
            shell=user.shell, container_id=identity,
        )  # fmt: skip
    for group in groups(root):
        writer.event("GROUP_ADDED_E", ">", timestamp, -1, gid=group.gid, name=group.name, container_id=identity)
