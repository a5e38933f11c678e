"""System calls as pairs of events, in the shape that sysdig wrote them in 2016.

Each function returns a :class:`Call`: the enter event and the exit event with their parameter values. The events
are those of that time (the number of parameters is part of that), so a reader's handling of old captures is
exercised too.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeAlias

from scapcore.encode import EventEncoder
from scapcore.schema import event_types, syscall_names
from scappy.records import SocketTuple, UnixTuple

__all__ = ["EAGAIN", "EINPROGRESS", "ENOENT", "ETIMEDOUT", "Call", "Half"]

ENOENT, EAGAIN, ETIMEDOUT, EINPROGRESS = -2, -11, -110, -115

#: Flags of open() in the format's own numbering.
READ_ONLY, WRITE_ONLY, APPEND, CLOSE_ON_EXEC = 1, 2, 1 << 3, 1 << 12

AF_UNIX, AF_INET = 1, 2
SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC = 1, 2, 0o4000, 0o2000000
POLLIN, POLLOUT = 1, 4
FUTEX_WAIT, FUTEX_WAKE = 128, 129

Address: TypeAlias = SocketTuple | UnixTuple | None


class Half(NamedTuple):
    """One event: its encoder and the values of its parameters."""

    encoder: EventEncoder
    values: tuple[Any, ...]


class Call(NamedTuple):
    """A system call: what the kernel saw on the way in and on the way out."""

    enter: Half
    leave: Half


@cache
def _encoder(number: int, parameter_count: int) -> EventEncoder:
    return EventEncoder(event_types()[number], parameter_count)


def half(number: int, *values: Any) -> Half:
    """A single event of type `number` with these parameters."""
    return Half(_encoder(number, len(values)), values)


def _pair(number: int, entering: tuple[Any, ...], leaving: tuple[Any, ...]) -> Call:
    """Events `number` and `number` + 1."""
    return Call(half(number, *entering), half(number + 1, *leaving))


@cache
def _syscall_code(name: str) -> int:
    return next(code for code, known in syscall_names().items() if known == name)


@cache
def generic(name: str, native: int) -> Call:
    """A system call of which only the name is recorded; `native` is the kernel's number for x86-64."""
    code = _syscall_code(name)
    return Call(half(0, code, native), half(1, code))


@cache
def bare(number: int) -> Call:
    """A system call that has event types of its own, but had no parameters in 2016."""
    return _pair(number, (), ())


# Files


def open_file(path: str, fd: int, flags: int = READ_ONLY, mode: int = 0) -> Call:
    """open(), whose path is in the exit event; a negative `fd` is an error."""
    return _pair(2, (), (fd, path, flags, mode))


@cache
def close(fd: int) -> Call:
    """close()."""
    return _pair(4, (fd,), (0,))


def read(fd: int, size: int, data: bytes = b"", result: int | None = None) -> Call:
    """read(); `result` is for errors."""
    return _pair(6, (fd, size), (len(data) if result is None else result, data))


def write(fd: int, data: bytes) -> Call:
    """write() of everything."""
    return _pair(8, (fd, len(data)), (len(data), data))


def writev(fd: int, data: bytes) -> Call:
    """writev() of everything."""
    return _pair(118, (fd, len(data)), (len(data), data))


def pwrite(fd: int, data: bytes, position: int) -> Call:
    """pwrite() of everything."""
    return _pair(114, (fd, len(data), position), (len(data), data))


def sendfile(target: int, source: int, size: int) -> Call:
    """sendfile() of a whole file."""
    return _pair(188, (target, source, 0, size), (size, size))


@cache
def fstat(fd: int) -> Call:
    """fstat()."""
    return _pair(70, (fd,), (0,))


def stat(path: str, result: int = 0) -> Call:
    """stat()."""
    return _pair(66, (), (result, path))


def access(path: str, result: int = 0) -> Call:
    """access() for existence."""
    return _pair(264, (0,), (result, path))


@cache
def ioctl(fd: int, request: int, argument: int, result: int = 0) -> Call:
    """ioctl()."""
    return _pair(170, (fd, request, argument), (result,))


@cache
def fcntl(fd: int, command: int, result: int = 0) -> Call:
    """fcntl(); `command` in the format's own numbering."""
    return _pair(150, (fd, command), (result,))


# Sockets


def socket(fd: int, domain: int, kind: int, protocol: int = 0) -> Call:
    """socket()."""
    return _pair(18, (domain, kind, protocol), (fd,))


def connect(fd: int, ends: Address, result: int = 0) -> Call:
    """connect()."""
    return _pair(22, (fd,), (result, ends))


def accept(fd: int, ends: Address) -> Call:
    """accept4(), printed as accept; a negative `fd` is an error."""
    return _pair(248, (SOCK_NONBLOCK,), (fd, ends, 0, 0, 128))


def sendto(fd: int, data: bytes, ends: Address = None) -> Call:
    """sendto()."""
    return _pair(30, (fd, len(data), ends), (len(data), data))


def recvfrom(fd: int, size: int, data: bytes = b"", ends: Address = None, result: int | None = None) -> Call:
    """recvfrom(); `result` is for errors."""
    return _pair(34, (fd, size), (len(data) if result is None else result, data, ends))


def sendmsg(fd: int, data: bytes, ends: Address = None) -> Call:
    """sendmsg()."""
    return _pair(48, (fd, len(data), ends), (len(data), data))


def recvmsg(fd: int, data: bytes = b"", ends: Address = None, result: int | None = None) -> Call:
    """recvmsg(); `result` is for errors."""
    return _pair(52, (fd,), (len(data) if result is None else result, len(data), data, ends))


def getsockname() -> Call:
    """getsockname(), without parameters."""
    return bare(38)


def getpeername() -> Call:
    """getpeername(), without parameters."""
    return bare(40)


def setsockopt() -> Call:
    """setsockopt(), which had no parameters in 2016."""
    return bare(44)


def getsockopt() -> Call:
    """getsockopt(), which had no parameters in 2016."""
    return bare(46)


def sendmmsg() -> Call:
    """sendmmsg(), of which sysdig recorded no parameters: the two queries of one lookup do not show here."""
    return bare(50)


# Waiting


def poll(descriptors: tuple[tuple[int, int], ...], timeout: int, ready: tuple[tuple[int, int], ...] = ()) -> Call:
    """poll(); `timeout` in milliseconds, flags in the format's own numbering."""
    return _pair(80, (descriptors, timeout), (len(ready), ready))


@cache
def epoll_wait(events: int, ready: int) -> Call:
    """epoll_wait() for at most `events`, of which `ready` came."""
    return _pair(78, (events,), (ready,))


def epoll_ctl() -> Call:
    """epoll_ctl(), recorded by name only."""
    return generic("epoll_ctl", 233)


@cache
def futex(address: int, operation: int, value: int, result: int = 0) -> Call:
    """futex()."""
    return _pair(64, (address, operation, value), (result,))


@cache
def nanosleep(interval: int) -> Call:
    """nanosleep() of so many nanoseconds."""
    return _pair(134, (interval,), (0,))


@cache
def select(ready: int) -> Call:
    """select()."""
    return _pair(82, (), (ready,))


# Memory and processes


def mmap(result: int, length: int, protection: int, flags: int, fd: int, memory: tuple[int, int, int]) -> Call:
    """mmap(); `memory` is the process's virtual, resident and swapped size in KiB afterwards."""
    return _pair(160, (0, length, protection, flags, fd, 0), (result, *memory))


def munmap(address: int, length: int, memory: tuple[int, int, int]) -> Call:
    """munmap()."""
    return _pair(164, (address, length), (0, *memory))


def brk(address: int, memory: tuple[int, int, int]) -> Call:
    """brk()."""
    return _pair(158, (address,), (address, *memory))


def switch(following: int, page_faults: tuple[int, int], memory: tuple[int, int, int]) -> Half:
    """The scheduler takes the CPU from the event's thread and gives it to `following`."""
    return half(152, following, *page_faults, *memory)


def exit_status(status: int = 0) -> Half:
    """The end of a thread."""
    return half(186, status)
