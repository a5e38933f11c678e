"""What a capture is made of besides events: the small records that :class:`scappy.writer.CaptureWriter` takes.

All are frozen; texts are `str`, addresses are written as text (``"10.0.2.15"``, ``"::1"``), and every default is
the value that the format uses for "not known".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, TypeAlias

from scapcore.errors import ScapError

__all__ = [
    "Container",
    "DescriptorRecord",
    "Directory",
    "File",
    "Group",
    "Interface",
    "Machine",
    "NamedDescriptor",
    "ServerSocket",
    "Socket",
    "SocketAddress",
    "SocketTuple",
    "Thread",
    "ThreadDetails",
    "UnixAddress",
    "UnixSocket",
    "UnixTuple",
    "User",
]

_FAMILY_UNIX, _FAMILY_IPV4, _FAMILY_IPV6 = 1, 2, 10
_PROTOCOLS = {"unknown": 0, "none": 1, "tcp": 2, "udp": 3, "icmp": 4, "raw": 5}
_NAMED_DESCRIPTORS = {
    "pipe": 7,
    "event": 9,
    "unsupported": 10,
    "signalfd": 11,
    "eventpoll": 12,
    "inotify": 13,
    "timerfd": 14,
    "netlink": 15,
    "bpf": 17,
    "userfaultfd": 18,
    "io_uring": 19,
    "memfd": 20,
    "pidfd": 21,
}


@lru_cache(maxsize=4096)
def _packed(address: str) -> bytes:
    """An IP address in network order, 4 or 16 bytes."""
    try:
        return ip_address(address).packed
    except ValueError:
        raise ScapError(f"{address!r} is not an IP address") from None


def _family(address: bytes) -> int:
    return _FAMILY_IPV4 if len(address) == 4 else _FAMILY_IPV6


def _port(number: int) -> bytes:
    """A port as events hold it (scap format, section 6.3)."""
    try:
        return number.to_bytes(2, "little")
    except (OverflowError, AttributeError):
        raise ScapError(f"{number!r} is not a port number") from None


def _pointer(number: int) -> bytes:
    try:
        return number.to_bytes(8, "little")
    except (OverflowError, AttributeError):
        raise ScapError(f"{number!r} is not a kernel pointer") from None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _strings(texts: tuple[str, ...]) -> bytes:
    """NUL-terminated strings one after another, as args, env and cgroups are."""
    return b"".join(_octets(text) + b"\0" for text in texts)


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An IP address and port, for parameters of type SOCKADDR.

    Examples
    --------
    >>> bytes(SocketAddress("10.0.2.15", 53)).hex()
    '020a00020f3500'
    """

    address: str
    port: int

    def __bytes__(self) -> bytes:
        address = _packed(self.address)
        return bytes([_family(address)]) + address + _port(self.port)


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a unix socket, for parameters of type SOCKADDR."""

    path: str

    def __bytes__(self) -> bytes:
        return bytes([_FAMILY_UNIX]) + _octets(self.path) + b"\0"


@dataclass(frozen=True, slots=True)
class SocketTuple:
    """Both ends of an IP socket, for parameters of type SOCKTUPLE; both addresses are of one family."""

    source: str
    source_port: int
    destination: str
    destination_port: int

    def __bytes__(self) -> bytes:
        source, destination = _packed(self.source), _packed(self.destination)
        if len(source) != len(destination):
            raise ScapError(f"{self.source} and {self.destination} are not addresses of one family")
        return bytes([_family(source)]) + source + _port(self.source_port) + destination + _port(self.destination_port)

    def reversed(self) -> SocketTuple:
        """The same connection seen from the other end."""
        return SocketTuple(self.destination, self.destination_port, self.source, self.source_port)


@dataclass(frozen=True, slots=True)
class UnixTuple:
    """Both ends of a unix socket as kernel pointers, and its path, for parameters of type SOCKTUPLE."""

    source: int
    destination: int
    path: str = ""

    def __bytes__(self) -> bytes:
        pointers = _pointer(self.source) + _pointer(self.destination)
        return bytes([_FAMILY_UNIX]) + pointers + _octets(self.path) + b"\0"


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of the capture (scap format, section 3).

    Attributes
    ----------
    cpus : int
    memory : int
        Physical memory in bytes.
    highest_pid : int
    hostname : str
    boot_time : int
        Nanoseconds since the epoch, 0 if not known.
    """

    cpus: int = 1
    memory: int = 0
    highest_pid: int = 0xFFFFFFFFFFFFFFFF
    hostname: str = ""
    boot_time: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; `speed` is its link speed in bit/s."""

    name: str
    address: str
    netmask: str
    broadcast: str
    speed: int = 0

    def packed(self) -> tuple[bytes, bytes, bytes, int, bytes]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.interface_list`."""
        return (
            _packed(self.address),
            _packed(self.netmask),
            _packed(self.broadcast),
            self.speed,
            _octets(self.name),
        )


@dataclass(frozen=True, slots=True)
class User:
    """An entry of the user list."""

    uid: int
    gid: int
    name: str
    home: str = ""
    shell: str = ""

    def packed(self) -> tuple[int, int, bytes, bytes, bytes]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.user_list`."""
        return self.uid, self.gid, _octets(self.name), _octets(self.home), _octets(self.shell)


@dataclass(frozen=True, slots=True)
class Group:
    """An entry of the group list."""

    gid: int
    name: str

    def packed(self) -> tuple[int, bytes]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.user_list`."""
        return self.gid, _octets(self.name)


@dataclass(frozen=True, slots=True)
class File:
    """An open regular file or device; `flags` are open flags in the format's numbering."""

    fd: int
    path: str
    flags: int = 0
    inode: int = 0
    device: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        return self.fd, self.inode, 16, self.flags, _octets(self.path), self.device


@dataclass(frozen=True, slots=True)
class Directory:
    """An open directory."""

    fd: int
    path: str
    inode: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        return self.fd, self.inode, 2, _octets(self.path)


@dataclass(frozen=True, slots=True)
class Socket:
    """A connected IP socket; the source is the local end. `protocol` is ``tcp``, ``udp``, ``icmp`` or ``raw``."""

    fd: int
    ends: SocketTuple
    protocol: str = "tcp"
    inode: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        source, destination = _packed(self.ends.source), _packed(self.ends.destination)
        kind = 3 if len(source) == 4 else 4
        ports = self.ends.source_port, self.ends.destination_port
        return self.fd, self.inode, kind, source, destination, *ports, _protocol(self.protocol)


@dataclass(frozen=True, slots=True)
class ServerSocket:
    """A bound or listening IP socket."""

    fd: int
    address: str
    port: int
    protocol: str = "tcp"
    inode: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        address = _packed(self.address)
        return self.fd, self.inode, 5 if len(address) == 4 else 6, address, self.port, _protocol(self.protocol)


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A unix socket: its path, empty for unnamed ones, and the kernel pointers of both ends."""

    fd: int
    path: str = ""
    source: int = 0
    destination: int = 0
    inode: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        return self.fd, self.inode, 8, self.source, self.destination, _octets(self.path)


@dataclass(frozen=True, slots=True)
class NamedDescriptor:
    """Any other file descriptor.

    Attributes
    ----------
    fd : int
    kind : str
        ``pipe``, ``event``, ``unsupported``, ``signalfd``, ``eventpoll``, ``inotify``, ``timerfd``, ``netlink``,
        ``bpf``, ``userfaultfd``, ``io_uring``, ``memfd`` or ``pidfd``. Readers as old as sysdig 0.29.3 refuse the
        last five.
    name : str
        Such as ``pipe:[4242]``; empty for most kinds.
    inode : int
    """

    fd: int
    kind: str
    name: str = ""
    inode: int = 0

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.fd_list`."""
        if self.kind not in _NAMED_DESCRIPTORS:
            raise ScapError(f"{self.kind!r} is not a kind of file descriptor: {', '.join(_NAMED_DESCRIPTORS)}")
        return self.fd, self.inode, _NAMED_DESCRIPTORS[self.kind], _octets(self.name)


def _protocol(name: str) -> int:
    if name not in _PROTOCOLS:
        raise ScapError(f"{name!r} is not a protocol: {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[name]


DescriptorRecord: TypeAlias = File | Directory | Socket | ServerSocket | UnixSocket | NamedDescriptor


@dataclass(frozen=True, slots=True)
class ThreadDetails:
    """What only newer writers tell of a thread (scap format, section 4); readers as old as sysdig 0.29.3 misread some of it.

    Attributes
    ----------
    namespace_start : int
        When the first process of its pid namespace started, ns since the epoch.
    tty : int
        Device number of the controlling terminal, 0 for none.
    exe_writable : bool
        Whether the thread's user may write to its own program.
    capabilities : tuple of int
        Inheritable, permitted and effective, as bits.
    exe_upper_layer, exe_lower_layer : bool
        In which layer of an overlay file system the program lies.
    exe_inode : int
    exe_changed, exe_modified : int
        Times of the program's inode, ns since the epoch.
    exe_from_memfd : bool
        Whether the program lies in memory only.
    pgid : int
        The process group as the host sees it.
    """

    namespace_start: int = 0
    tty: int = 0
    exe_writable: bool = False
    capabilities: tuple[int, int, int] = (0, 0, 0)
    exe_upper_layer: bool = False
    exe_inode: int = 0
    exe_changed: int = 0
    exe_modified: int = 0
    exe_from_memfd: bool = False
    exe_lower_layer: bool = False
    pgid: int = -1


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread that exists when the capture begins (scap format, section 4), with its file descriptors.

    Attributes
    ----------
    tid : int
    comm : str
        Name of the thread.
    exe : str
        First argument of the command line.
    pid : int, optional
        The process; the default is a main thread.
    ptid : int
        The parent.
    args : tuple of str
        The command line without its first argument.
    vtid, vpid : int, optional
        `tid` and `pid` as seen in the pid namespace; the default is the host's.
    cgroups : tuple of str
        ``subsystem=path``.
    flags : int
        Clone flags in the format's numbering.
    memory_kb : tuple of int
        Virtual, resident and swapped memory in KiB.
    page_faults : tuple of int
        Major and minor.
    fds : tuple
        Open descriptors; empty for a thread that shares its process's.
    details : ThreadDetails, optional
        What only newer writers tell.
    """

    tid: int
    comm: str
    exe: str = ""
    pid: int | None = None
    ptid: int = 0
    sid: int = -1
    vpgid: int = -1
    exepath: str = ""
    args: tuple[str, ...] = ()
    cwd: str = "/"
    fd_limit: int = 1024
    flags: int = 0
    uid: int = 0
    gid: int = 0
    memory_kb: tuple[int, int, int] = (0, 0, 0)
    page_faults: tuple[int, int] = (0, 0)
    env: tuple[str, ...] = ()
    vtid: int | None = None
    vpid: int | None = None
    cgroups: tuple[str, ...] = ()
    root: str = "/"
    loginuid: int = 0xFFFFFFFF
    fds: tuple[DescriptorRecord, ...] = ()
    details: ThreadDetails | None = None

    def packed(self) -> tuple[int | bytes, ...]:
        """The tuple of :meth:`scapcore.write.BlockEncoder.process_list`."""
        pid = self.tid if self.pid is None else self.pid
        common = (
            self.tid,
            pid,
            self.ptid,
            self.sid,
            self.vpgid,
            _octets(self.comm),
            _octets(self.exe),
            _octets(self.exepath),
            _strings(self.args),
            _octets(self.cwd),
            self.fd_limit,
            self.flags,
            self.uid,
            self.gid,
            *self.memory_kb,
            *self.page_faults,
            _strings(self.env),
            self.tid if self.vtid is None else self.vtid,
            pid if self.vpid is None else self.vpid,
            _strings(self.cgroups),
            _octets(self.root),
        )
        more = self.details
        if more is None:
            return *common, self.loginuid, 0
        return (
            *common,
            more.namespace_start,
            more.tty,
            self.loginuid,
            more.exe_writable,
            *more.capabilities,
            more.exe_upper_layer,
            more.exe_inode,
            more.exe_changed,
            more.exe_modified,
            more.exe_from_memfd,
            more.exe_lower_layer,
            more.pgid,
        )


@dataclass(frozen=True, slots=True)
class Container:
    """A container, written as a JSON event (state engine, section 7.3).

    Attributes
    ----------
    id : str
        The first twelve hexadecimal digits.
    name : str
    image : str
    type : int
        0 docker, 1 lxc, 6 cri, 7 containerd, 8 cri-o, 11 podman, …
    labels : mapping
        Kubernetes keeps names of pod and namespace here.
    ip : str
    other : mapping
        Further keys of the JSON object, as they stand.
    """

    id: str
    name: str
    image: str
    type: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""
    other: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> str:
        """The text of the event: compact, keys sorted, with the line end that sysdig's JSON writer leaves.

        Examples
        --------
        >>> Container("de7157ba23c4", "k8s-kubelet", "hyperkube").json()
        '{"container":{"id":"de7157ba23c4","image":"hyperkube","name":"k8s-kubelet","type":0}}\\n'
        """
        content: dict[str, Any] = {"id": self.id, "name": self.name, "image": self.image, "type": self.type}
        if self.labels:
            content["labels"] = dict(self.labels)
        if self.ip:
            content["ip"] = self.ip
        content.update(self.other)
        return json.dumps({"container": content}, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
