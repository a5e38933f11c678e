"""Sockets of each network namespace, and the interfaces of this one."""

from __future__ import annotations

import contextlib
import socket
import struct
from importlib import import_module
from typing import Any

from scapcore.errors import MissingDependencyError
from scappy.capturing.proc import Proc
from scappy.records import (
    DescriptorRecord,
    Interface,
    NamedDescriptor,
    ServerSocket,
    Socket,
    SocketTuple,
    UnixSocket,
)

__all__ = ["NetworkTables", "interfaces"]

#: Files of a network namespace by the protocol of their sockets.
TABLES = (("tcp", "tcp"), ("udp", "udp"), ("raw", "raw"), ("tcp6", "tcp"), ("udp6", "udp"), ("raw6", "raw"),
          ("icmp", "icmp"), ("icmp6", "icmp"), ("udplite", "udp"), ("udplite6", "udp"))  # fmt: skip
LIMIT_NAME = 1023


def address(text: str) -> str:
    """An address as the kernel's tables write it: words of the machine's byte order in hexadecimal.

    Examples
    --------
    >>> address("0100007F"), address("00000000000000000000000001000000")
    ('127.0.0.1', '::1')
    """
    data = b"".join(struct.pack("=I", int(text[place : place + 8], 16)) for place in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


class NetworkTables:
    """What is behind sockets, by inode; the tables of a namespace are read when its first socket is met.

    Parameters
    ----------
    proc : Proc
        Where to look.
    """

    def __init__(self, proc: Proc) -> None:
        self._proc = proc
        self._namespaces: dict[str, dict[int, tuple[Any, ...]]] = {}

    def find(self, pid: int, fd: int, inode: int) -> DescriptorRecord | None:
        """The socket of a process; None if no table has it: a fresh one, or one of a rare family."""
        namespace = self._proc.link(pid, "ns", "net")
        if namespace not in self._namespaces:
            self._namespaces[namespace] = self._read(pid)
        entry = self._namespaces[namespace].get(inode)
        if entry is None and namespace:
            # A descriptor may have been passed on from another namespace.
            entry = next((table[inode] for table in self._namespaces.values() if inode in table), None)
        if entry is None:
            return None
        kind, *rest = entry
        if kind == "unix":
            return UnixSocket(fd, rest[1], rest[0], 0, inode)
        if kind == "netlink":
            return NamedDescriptor(fd, "netlink", "", inode)
        local, port, remote, remote_port = rest
        if not remote_port and remote in ("0.0.0.0", "::"):
            return ServerSocket(fd, local, port, kind, inode)
        return Socket(fd, SocketTuple(local, port, remote, remote_port), kind, inode)

    def _read(self, pid: int) -> dict[int, tuple[Any, ...]]:
        found: dict[int, tuple[Any, ...]] = {}
        for name, protocol in TABLES:
            for line in self._proc.text(pid, "net", name).splitlines()[1:]:
                with contextlib.suppress(ValueError, IndexError, struct.error, OSError):
                    words = line.split()
                    local, port = words[1].split(":")
                    remote, remote_port = words[2].split(":")
                    ends = address(local), int(port, 16), address(remote), int(remote_port, 16)
                    found[int(words[9])] = (protocol, *ends)
        for line in self._proc.text(pid, "net", "unix").splitlines()[1:]:
            with contextlib.suppress(ValueError, IndexError):
                words = line.split(None, 7)
                path = words[7] if len(words) > 7 else ""
                pointer = int(words[0].rstrip(":"), 16)
                data = path.encode("utf-8", "surrogateescape")[:LIMIT_NAME]
                found[int(words[6])] = ("unix", pointer, data.decode("utf-8", "surrogateescape"))
        for line in self._proc.text(pid, "net", "netlink").splitlines()[1:]:
            with contextlib.suppress(ValueError, IndexError):
                found[int(line.split()[9])] = ("netlink",)
        found.pop(0, None)      # sockets that nobody has open any more
        return found


def interfaces() -> list[Interface]:
    """The addresses of this machine's interfaces.

    Raises
    ------
    MissingDependencyError
        The package that asks the system for them is not installed.
    """
    try:
        psutil: Any = import_module("psutil")
    except ImportError:
        raise MissingDependencyError("psutil", "live", "live capture") from None
    speeds = {name: max(stats.speed, 0) * 10**6 for name, stats in psutil.net_if_stats().items()}
    found = []
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            none = "0.0.0.0" if entry.family == socket.AF_INET else "::"
            own = entry.address.partition("%")[0]
            found.append(
                Interface(name, own, entry.netmask or none, entry.broadcast or none, speeds.get(name, 0))
            )
    return found
