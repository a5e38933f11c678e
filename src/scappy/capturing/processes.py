"""The threads that exist when a live capture begins, from ``/proc``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from scappy.capturing.descriptors import Descriptors
from scappy.capturing.proc import Proc
from scappy.records import DescriptorRecord, Thread, ThreadDetails

__all__ = ["Threads"]

#: What the format's lists hold at most (scap format, section 4).
LIMIT_TEXT, LIMIT_STRINGS = 1024, 4096
#: Clone flags in the format's numbering.
CLONE_FILES, CLONE_THREAD, CLONE_IN_NAMESPACE = 1, 1 << 13, 1 << 29
#: Controllers under whose names the path of the unified hierarchy is listed, as readers look for one of them.
UNIFIED = ("cpuset", "cpu", "memory")
FLAG_READ_ONLY = getattr(os, "ST_RDONLY", 1)
WHOLE_NUMBER = 0xFFFFFFFF


def strings(data: bytes) -> tuple[str, ...]:
    """NUL-terminated strings, as many whole ones as the format has room for, and the beginning of the next."""
    cut = data[:LIMIT_STRINGS]
    if len(data) > LIMIT_STRINGS:
        cut = data[: LIMIT_STRINGS - 1]
    # Programs that rewrite their arguments leave NULs behind them.
    cut = cut.rstrip(b"\0")
    return tuple(part.decode("utf-8", "surrogateescape") for part in cut.split(b"\0")) if cut else ()


def limited(text: str) -> str:
    """A text that fits into the format."""
    data = text.encode("utf-8", "surrogateescape")
    return text if len(data) <= LIMIT_TEXT else data[:LIMIT_TEXT].decode("utf-8", "ignore")


def cgroups(text: str) -> tuple[str, ...]:
    """The lines of ``/proc/PID/cgroup`` as ``subsystem=path``.

    Examples
    --------
    >>> cgroups("4:cpu,cpuacct:/a\\n1:name=systemd:/b\\n0::/c")
    ('cpu=/a', 'cpuacct=/a', 'name=systemd=/b')
    >>> cgroups("0::/system.slice/cron.service\\n")[0]
    'cpuset=/system.slice/cron.service'
    """
    found: list[str] = []
    lines = [line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2]
    named = any(subsystems for _, subsystems, _ in lines)
    room = LIMIT_STRINGS
    for _, subsystems, path in lines:
        # Beside the older hierarchies the unified one holds nothing but systemd's own order.
        names = subsystems.split(",") if subsystems else () if named else UNIFIED
        for name in names:
            entry = f"{name}={path}"
            room -= len(entry.encode("utf-8", "surrogateescape")) + 1
            if room >= 0:
                found.append(entry)
    return tuple(found)


@dataclass(slots=True)
class Process:
    """What the threads of a process have in common."""

    exe: str
    args: tuple[str, ...]
    env: tuple[str, ...]
    exepath: str
    cwd: str
    root: str
    cgroups: tuple[str, ...]
    fd_limit: int
    loginuid: int
    executable: os.stat_result | None
    namespace_start: int


class Threads:
    """A walk over all threads.

    Parameters
    ----------
    proc : Proc
        Where to look.
    """

    def __init__(self, proc: Proc) -> None:
        self._proc = proc
        self._descriptors = Descriptors(proc)
        self._starts: dict[str, int] = {}

    def __iter__(self) -> Iterator[Thread]:
        for pid in self._proc.numbers():
            yield from self.process(pid)

    def process(self, pid: int) -> Iterator[Thread]:
        """The threads of one process, its main thread first; none if it has ended."""
        tids = self._proc.numbers(pid, "task")
        if not tids:
            return
        tids.sort(key=lambda tid: tid != pid)
        shared = self._shared(pid)
        for tid in tids:
            fds = tuple(self._descriptors.of(pid)) if tid == pid else ()
            thread = self._thread(pid, tid, shared, fds)
            if thread is not None:
                yield thread

    def _shared(self, pid: int) -> Process:
        proc = self._proc
        words = strings(proc.read(pid, "cmdline", most=1 << 17))
        exepath = proc.link(pid, "exe")
        loginuid = proc.text(pid, "loginuid").strip()
        return Process(
            exe=limited(words[0]) if words else "",
            args=words[1:],
            env=strings(proc.read(pid, "environ", most=LIMIT_STRINGS + 1)),
            exepath=limited(exepath),
            cwd=limited(proc.link(pid, "cwd")),
            root=limited(proc.link(pid, "root")),
            cgroups=cgroups(proc.text(pid, "cgroup")),
            fd_limit=self._fd_limit(pid),
            loginuid=int(loginuid) if loginuid.isdecimal() else WHOLE_NUMBER,
            executable=proc.status(pid, "exe") if exepath else None,
            namespace_start=self._namespace_start(pid),
        )

    def _fd_limit(self, pid: int) -> int:
        for line in self._proc.text(pid, "limits").splitlines():
            if line.startswith("Max open files"):
                soft = line[len("Max open files") :].split()[0]
                return int(soft) if soft.isdecimal() else -1
        return -1

    def _namespace_start(self, pid: int) -> int:
        """When the first process of a pid namespace started."""
        namespace = self._proc.link(pid, "ns", "pid")
        if namespace not in self._starts:
            found = self._proc.status(pid, "root/proc/1/cmdline")
            self._starts[namespace] = found.st_mtime_ns if found is not None else 0
        return self._starts[namespace]

    def _thread(self, pid: int, tid: int, shared: Process, fds: tuple[DescriptorRecord, ...]) -> Thread | None:
        """One thread; None if it has ended."""
        proc = self._proc
        status = dict(
            line.split(":", 1) for line in proc.text(pid, "task", tid, "status").splitlines() if ":" in line
        )
        # The name in brackets may hold anything, brackets included.
        counters = proc.text(pid, "task", tid, "stat").rpartition(")")[2].split()
        if not status or len(counters) < 10:
            return None
        with contextlib.suppress(ValueError, IndexError, KeyError):
            users = status["Uid"].split()
            groups = status["Gid"].split()
            uid, gid = int(users[1]), int(groups[1])
            tids = status.get("NSpid", str(tid)).split()
            pids = status.get("NStgid", str(pid)).split()
            vpgid = int(status["NSpgid"].split()[-1]) if "NSpgid" in status else int(counters[2])
            flags = 0 if tid == pid else CLONE_THREAD | CLONE_FILES
            if len(tids) > 1:
                flags |= CLONE_IN_NAMESPACE
            memory = [int(status.get(name, "0").split()[0]) & WHOLE_NUMBER for name in ("VmSize", "VmRSS", "VmSwap")]
            comm = proc.read(pid, "task", tid, "comm").removesuffix(b"\n").decode("utf-8", "surrogateescape")
            return Thread(
                tid,
                comm or status["Name"].strip(),
                shared.exe,
                pid=pid,
                ptid=int(status["PPid"]),
                sid=int(counters[3]),
                vpgid=vpgid,
                exepath=shared.exepath,
                args=shared.args,
                cwd=shared.cwd,
                fd_limit=shared.fd_limit,
                flags=flags,
                uid=uid,
                gid=gid,
                memory_kb=(memory[0], memory[1], memory[2]),
                page_faults=(int(counters[9]), int(counters[7])),
                env=shared.env,
                vtid=int(tids[-1]),
                vpid=int(pids[-1]),
                cgroups=shared.cgroups,
                root=shared.root,
                loginuid=shared.loginuid,
                fds=fds,
                details=self._details(status, counters, shared, uid, gid),
            )
        return None

    def _details(self, status: dict[str, str], counters: list[str], shared: Process, uid: int, gid: int) -> ThreadDetails:
        inherited, permitted, effective = (int(status.get(name, "0"), 16) for name in ("CapInh", "CapPrm", "CapEff"))
        found = shared.executable
        groups = {gid, *map(int, status.get("Groups", "").split())}
        return ThreadDetails(
            namespace_start=shared.namespace_start,
            tty=int(counters[4]) & WHOLE_NUMBER,
            exe_writable=found is not None and is_writable(found, uid, groups),
            capabilities=(inherited, permitted, effective),
            exe_inode=found.st_ino if found is not None else 0,
            exe_changed=found.st_ctime_ns if found is not None else 0,
            exe_modified=found.st_mtime_ns if found is not None else 0,
            exe_from_memfd=shared.exepath.startswith("/memfd:"),
            pgid=int(counters[2]),
        )


def is_writable(status: os.stat_result, uid: int, groups: set[int]) -> bool:
    """Whether the mode of a file lets a user write to it."""
    if uid == 0:
        return True
    if status.st_uid == uid:
        return bool(status.st_mode & 0o200)
    return bool(status.st_mode & (0o020 if status.st_gid in groups else 0o002))
