"""Flags and enumerations of Linux as the schema numbers them.

A capture has numbers of its own for most flags, the same on all machines (``flags.json``). Each table here says
which bits of the kernel's number stand for which of the schema's. Where a number differs between x86-64 and
arm64 it is taken from the running Python, whose system the captured one is.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

from scapcore.schema import flag_table

__all__ = ["TABLES", "Conversion"]

_ARM = platform.machine() == "aarch64"


@dataclass(frozen=True)
class Conversion:
    """How a number of the kernel becomes one of the schema.

    Attributes
    ----------
    rows : tuple of (int, int, int)
        Mask, value and result: a row fits if the masked number is the value.
    only_first : bool
        Enumerations: the first row that fits is the result. Else the results of all that fit are joined.
    otherwise : int
        The result if no row fits.
    """

    rows: tuple[tuple[int, int, int], ...]
    only_first: bool = False
    otherwise: int = 0


ALL = (1 << 64) - 1


@cache
def _values(table: str) -> dict[str, int]:
    return dict(flag_table(table, modern=True))


def _bits(table: str, prefix: str = "", **natives: int) -> Conversion:
    values = _values(table)
    return Conversion(tuple((bit, bit, values[prefix + name]) for name, bit in natives.items() if bit))


def _same(*bits: int) -> Conversion:
    """Bits that the schema numbers as Linux does; others are left out."""
    return Conversion(tuple((bit, bit, bit) for bit in bits))


def _one_of(table: str, prefix: str = "", otherwise: int = 0, **natives: int) -> Conversion:
    values = _values(table)
    rows = tuple((ALL, native, values[prefix + name]) for name, native in natives.items())
    return Conversion(rows, only_first=True, otherwise=otherwise)


_OPEN_BITS = {
    "O_CREAT": 0o100,
    "O_EXCL": 0o200,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000,
    "O_DSYNC": 0o10000,
    "O_SYNC": 0o4000000,
    "O_CLOEXEC": 0o2000000,
    "O_TMPFILE": 0o20000000,
    "O_DIRECT": getattr(os, "O_DIRECT", 0o40000),
    "O_DIRECTORY": getattr(os, "O_DIRECTORY", 0o200000),
    # Python says 0 where the C library sets it by itself.
    "O_LARGEFILE": 0o400000 if _ARM else 0o100000,
}


def _open() -> Conversion:
    values = _values("file_flags")
    access = ((3, 0, values["O_RDONLY"]), (3, 1, values["O_WRONLY"]), (3, 2, values["O_RDWR"]))
    return Conversion(access + tuple((bit, bit, values[name]) for name, bit in _OPEN_BITS.items()))


def _file_bits(*names: str) -> Conversion:
    values = _values("file_flags")
    return Conversion(tuple((_OPEN_BITS[name], _OPEN_BITS[name], values[name]) for name in names))


_CLONE_BITS = {
    "VM": 0x100,
    "FS": 0x200,
    "FILES": 0x400,
    "SIGHAND": 0x800,
    "PTRACE": 0x2000,
    "VFORK": 0x4000,
    "PARENT": 0x8000,
    "THREAD": 0x10000,
    "NEWNS": 0x20000,
    "SYSVSEM": 0x40000,
    "SETTLS": 0x80000,
    "PARENT_SETTID": 0x100000,
    "CHILD_CLEARTID": 0x200000,
    "UNTRACED": 0x800000,
    "CHILD_SETTID": 0x1000000,
    "NEWCGROUP": 0x2000000,
    "NEWUTS": 0x4000000,
    "NEWIPC": 0x8000000,
    "NEWUSER": 0x10000000,
    "NEWPID": 0x20000000,
    "NEWNET": 0x40000000,
    "IO": 0x80000000,
}

_FCNTL = {
    "DUPFD": 0,
    "GETFD": 1,
    "SETFD": 2,
    "GETFL": 3,
    "SETFL": 4,
    "GETLK": 5,
    "SETLK": 6,
    "SETLKW": 7,
    "SETOWN": 8,
    "GETOWN": 9,
    "SETSIG": 10,
    "GETSIG": 11,
    "SETOWN_EX": 15,
    "GETOWN_EX": 16,
    "OFD_GETLK": 36,
    "OFD_SETLK": 37,
    "OFD_SETLKW": 38,
    "SETLEASE": 1024,
    "GETLEASE": 1025,
    "NOTIFY": 1026,
    "CANCELLK": 1029,
    "DUPFD_CLOEXEC": 1030,
    "SETPIPE_SZ": 1031,
    "GETPIPE_SZ": 1032,
}

_PTRACE = {
    "TRACEME": 0,
    "PEEKTEXT": 1,
    "PEEKDATA": 2,
    "PEEKUSR": 3,
    "POKETEXT": 4,
    "POKEDATA": 5,
    "POKEUSR": 6,
    "CONT": 7,
    "KILL": 8,
    "SINGLESTEP": 9,
    "GETREGS": 12,
    "SETREGS": 13,
    "GETFPREGS": 14,
    "SETFPREGS": 15,
    "ATTACH": 16,
    "DETACH": 17,
    "GETFPXREGS": 18,
    "SETFPXREGS": 19,
    "OLDSETOPTIONS": 21,
    "SYSCALL": 24,
    "GET_THREAD_AREA": 25,
    "SET_THREAD_AREA": 26,
    "ARCH_PRCTL": 30,
    "SYSEMU": 31,
    "SYSEMU_SINGLESTEP": 32,
    "SINGLEBLOCK": 33,
    "SETOPTIONS": 0x4200,
    "GETEVENTMSG": 0x4201,
    "GETSIGINFO": 0x4202,
    "SETSIGINFO": 0x4203,
    "GETREGSET": 0x4204,
    "SETREGSET": 0x4205,
    "SEIZE": 0x4206,
    "INTERRUPT": 0x4207,
    "LISTEN": 0x4208,
    "PEEKSIGINFO": 0x4209,
    "GETSIGMASK": 0x420A,
    "SETSIGMASK": 0x420B,
}

_MAP_BITS = {
    "SHARED": 0x1,
    "PRIVATE": 0x2,
    "FIXED": 0x10,
    "ANONYMOUS": 0x20,
    "32BIT": 0 if _ARM else 0x40,
    "GROWSDOWN": 0x100,
    "DENYWRITE": 0x800,
    "EXECUTABLE": 0x1000,
    "LOCKED": 0x2000,
    "NORESERVE": 0x4000,
    "POPULATE": 0x8000,
    "NONBLOCK": 0x10000,
}

_QUOTA_COMMANDS = {
    "SYNC": 0x800001,
    "QUOTAON": 0x800002,
    "QUOTAOFF": 0x800003,
    "GETFMT": 0x800004,
    "GETINFO": 0x800005,
    "SETINFO": 0x800006,
    "GETQUOTA": 0x800007,
    "SETQUOTA": 0x800008,
    "XQUOTAON": 0x5801,
    "XQUOTAOFF": 0x5802,
    "XGETQUOTA": 0x5803,
    "XSETQLIM": 0x5804,
    "XGETQSTAT": 0x5805,
    "XQUOTARM": 0x5806,
    "XQUOTASYNC": 0x5807,
}


def _socket_options() -> Conversion:
    """The schema keeps Linux' numbers of the first fifty, and not of three later ones."""
    values = _values("sockopt_options")
    rows = [(ALL, number, number) for number in sorted(set(values.values())) if 0 < number <= 50]
    rows += [(ALL, 55, values["SO_MEMINFO"]), (ALL, 57, values["SO_COOKIE"]), (ALL, 59, values["SO_PEERGROUPS"])]
    # The forms with 64-bit times.
    rows += [(ALL, 66, values["SO_RCVTIMEO"]), (ALL, 67, values["SO_SNDTIMEO"])]
    return Conversion(tuple(rows), only_first=True)


def _page_fault() -> Conversion:
    """Bits of the processor's error code (x86-64), of which some say two things."""
    values = _values("pf_flags")
    return Conversion(
        (
            (1, 1, values["PROTECTION_VIOLATION"]),
            (1, 0, values["PAGE_NOT_PRESENT"]),
            (2, 2, values["WRITE_ACCESS"]),
            (2, 0, values["READ_ACCESS"]),
            (4, 4, values["USER_FAULT"]),
            (4, 0, values["SUPERVISOR_FAULT"]),
            (8, 8, values["RESERVED_PAGE"]),
            (16, 16, values["INSTRUCTION_FETCH"]),
        )
    )


def _quota_command() -> Conversion:
    """The lowest byte of a command is whose quota it is about."""
    values = _values("quotactl_cmds")
    rows = tuple((0xFFFFFF00, native << 8 & 0xFFFFFF00, values[f"Q_{name}"]) for name, native in _QUOTA_COMMANDS.items())
    return Conversion(rows, only_first=True)


#: Every conversion by its name.
TABLES: dict[str, Conversion] = {
    "open": _open(),
    "cloexec": _file_bits("O_CLOEXEC"),
    "nonblock": _file_bits("O_CLOEXEC", "O_NONBLOCK"),
    "pipe": _file_bits("O_CLOEXEC", "O_NONBLOCK", "O_DIRECT"),
    "clone": _bits("clone_flags", "CLONE_", **_CLONE_BITS),
    "protection": _bits(
        "prot_flags",
        "PROT_",
        READ=1,
        WRITE=2,
        EXEC=4,
        SEM=8,
        SAO=0x10,
        GROWSDOWN=0x01000000,
        GROWSUP=0x02000000,
    ),
    "map": _bits("mmap_flags", "MAP_", **_MAP_BITS),
    "fcntl": _one_of("fcntl_commands", "F_", **_FCNTL),
    "socket_level": _one_of("sockopt_levels", "SOL_", SOCKET=1, TCP=6),
    "socket_option": _socket_options(),
    "shutdown": _one_of("shutdown_how", "SHUT_", otherwise=0xFF, RD=0, WR=1, RDWR=2),
    "limit": Conversion(tuple((ALL, number, number) for number in range(16)), only_first=True, otherwise=255),
    "ptrace": _one_of("ptrace_requests", "PTRACE_", **_PTRACE),
    "mode": _same(*(1 << bit for bit in range(12))),
    "node_mode": _same(*(1 << bit for bit in range(16))),
    "access": _same(1, 2, 4),
    "unlink": _same(0x200),
    "link": _same(0x400, 0x1000),
    "stat": _same(0x100, 0x800, 0x1000),
    "owner": _bits("fchownat_flags", "AT_", SYMLINK_NOFOLLOW=0x100, EMPTY_PATH=0x1000),
    "resolve": _bits(
        "openat2_flags",
        "RESOLVE_",
        NO_XDEV=1,
        NO_MAGICLINKS=2,
        NO_SYMLINKS=4,
        BENEATH=8,
        IN_ROOT=0x10,
        CACHED=0x20,
    ),
    "flock": _same(1, 2, 4, 8),
    "unmount": _same(1, 2, 4, 8),
    "splice": _same(1, 2, 4, 8),
    "lock_all": _same(1, 2, 4),
    "lock": _same(1),
    "memory_file": _same(1, 2, 4),
    "epoll": _bits("epoll_create1_flags", CLOEXEC=_OPEN_BITS["O_CLOEXEC"], prefix="EPOLL_"),
    "pid_file": _bits("pidfd_open_flags", NONBLOCK=_OPEN_BITS["O_NONBLOCK"], prefix="PIDFD_"),
    "close_range": _same(2, 4),
    "load_module": _same(1, 2, 4),
    "unload_module": _bits("delete_module_flags", O_NONBLOCK=_OPEN_BITS["O_NONBLOCK"], O_TRUNC=_OPEN_BITS["O_TRUNC"]),
    "ring_setup": _bits(
        "io_uring_setup_flags",
        "IORING_SETUP_",
        IOPOLL=1,
        SQPOLL=2,
        SQ_AFF=4,
        CQSIZE=8,
        CLAMP=16,
        ATTACH_RW=32,
        R_DISABLED=64,
    ),
    "ring_enter": _same(1, 2, 4, 8),
    "ring_features": _same(*(1 << bit for bit in range(11))),
    "semaphore_get": _bits("semget_flags", "IPC_", CREAT=0o1000, EXCL=0o2000),
    "semaphore_command": _one_of(
        "semctl_commands",
        IPC_RMID=0,
        IPC_SET=1,
        IPC_STAT=2,
        IPC_INFO=3,
        GETPID=11,
        GETVAL=12,
        GETALL=13,
        GETNCNT=14,
        GETZCNT=15,
        SETVAL=16,
        SETALL=17,
        SEM_STAT=18,
        SEM_INFO=19,
    ),
    "semaphore": _bits("semop_flags", IPC_NOWAIT=0o4000, SEM_UNDO=0x1000),
    "page_fault": _page_fault(),
    "quota_command": _quota_command(),
    "quota_type": Conversion(((0xFF, 0, 1), (0xFF, 1, 2)), only_first=True),
    "quota_format": Conversion(((ALL, 1, 2), (ALL, 2, 4), (ALL, 4, 8)), only_first=True, otherwise=1),
    "poll": _bits(
        "poll_flags",
        "POLL",
        IN=1,
        PRI=2,
        OUT=4,
        ERR=8,
        HUP=16,
        NVAL=32,
        RDNORM=64,
        RDBAND=128,
        WRNORM=256,
        WRBAND=512,
        RDHUP=0x2000,
    ),
}
