"""The descriptors that processes have open when a live capture begins, from ``/proc/PID/fd``."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator

from scappy.capturing.network import NetworkTables
from scappy.capturing.proc import Proc
from scappy.records import DescriptorRecord, Directory, File, NamedDescriptor

__all__ = ["Descriptors", "open_flags"]

#: A name in a list has at most so many bytes (scap format, section 5).
LIMIT_NAME = 1023
#: What links of descriptors that are no files look like, and what the format calls these.
ANONYMOUS = {
    "[eventfd]": "event",
    "[signalfd]": "signalfd",
    "[eventpoll]": "eventpoll",
    "inotify": "inotify",
    "[timerfd]": "timerfd",
    "[userfaultfd]": "userfaultfd",
    "[io_uring]": "io_uring",
    "[pidfd]": "pidfd",
}
NUMBERED = re.compile(r"(?:pipe|socket):\[(\d+)\]$")
#: Bits of open(2) and the format's own (flags.json, file_flags).
FLAGS = (
    (os.O_CREAT, 4),
    (os.O_APPEND, 8),
    (os.O_DSYNC, 16),
    (os.O_EXCL, 32),
    (os.O_NONBLOCK, 64),
    (os.O_SYNC, 128),
    (os.O_TRUNC, 256),
    (os.O_DIRECT, 512),
    (os.O_DIRECTORY, 1024),
    (0o100000, 2048),       # O_LARGEFILE, which Python gives as 0 on 64-bit systems
    (os.O_CLOEXEC, 4096),
    (os.O_TMPFILE, 8192),
)
ACCESS = {os.O_RDONLY: 1, os.O_WRONLY: 2, os.O_RDWR: 3}


def open_flags(flags: int) -> int:
    """Flags of open(2) in the format's numbering.

    Examples
    --------
    >>> open_flags(os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    4106
    """
    found = ACCESS.get(flags & os.O_ACCMODE, 1)
    for system, own in FLAGS:
        if flags & system == system:
            found |= own
    return found


def limited(name: str) -> str:
    """A name that fits into the format."""
    data = name.encode("utf-8", "surrogateescape")
    return name if len(data) <= LIMIT_NAME else data[:LIMIT_NAME].decode("utf-8", "ignore")


class Descriptors:
    """Finds out what is behind descriptors.

    Parameters
    ----------
    proc : Proc
        Where to look.
    """

    def __init__(self, proc: Proc) -> None:
        self._proc = proc
        self._network = NetworkTables(proc)

    def of(self, pid: int) -> Iterator[DescriptorRecord]:
        """The descriptors of a process; those that are closed meanwhile are left out."""
        for fd in self._proc.numbers(pid, "fd"):
            link = self._proc.link(pid, "fd", fd)
            found = self._one(pid, fd, link) if link else None
            if found is not None:
                yield found

    def _one(self, pid: int, fd: int, link: str) -> DescriptorRecord | None:
        if link.startswith("anon_inode:"):
            kind = link.removeprefix("anon_inode:")
            # Whatever a BPF program, map or link is called, it is of this kind.
            kind = "bpf" if kind.startswith(("bpf-", "[bpf")) else ANONYMOUS.get(kind, "unsupported")
            return NamedDescriptor(fd, kind, self._process_name(pid, fd) if kind == "pidfd" else "")
        numbered = NUMBERED.match(link)
        if numbered and link.startswith("socket"):
            return self._network.find(pid, fd, int(numbered[1]))
        if numbered:
            return NamedDescriptor(fd, "pipe", link, int(numbered[1]))
        status = self._proc.status(pid, "fd", fd)
        if status is None:
            return None
        if link.startswith("/memfd:"):
            return NamedDescriptor(fd, "memfd", limited(link.removeprefix("/memfd:").removesuffix(" (deleted)")), status.st_ino)
        if stat.S_ISFIFO(status.st_mode):
            return NamedDescriptor(fd, "pipe", limited(link), status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            return Directory(fd, limited(link), status.st_ino)
        if stat.S_ISREG(status.st_mode) or stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            return File(fd, limited(link), self._flags(pid, fd), status.st_ino, status.st_dev & 0xFFFFFFFF)
        return NamedDescriptor(fd, "unsupported")

    def _flags(self, pid: int, fd: int) -> int:
        with contextlib.suppress(ValueError):
            return open_flags(int(self._detail(pid, fd, "flags") or "0", 8))
        return 0

    def _process_name(self, pid: int, fd: int) -> str:
        """What readers call a descriptor that stands for a process."""
        process = self._detail(pid, fd, "Pid")
        return f"/proc/{process}" if process.isdecimal() else ""

    def _detail(self, pid: int, fd: int, name: str) -> str:
        """What ``/proc`` says in particular about a descriptor."""
        for line in self._proc.text(pid, "fdinfo", fd).splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
        return ""
