"""Small captures made by hand: blocks from plain values, so that a test says what is in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from scapcore.schema import event_types

SECTION = 0x0A0D0D0A
PROCESSES_9 = 0x215
EVENT_2 = 0x216
EVENT_FLAGS_2 = 0x217
FDS_2 = 0x218
USERS_2 = 0x220
EVENT_LARGE = 0x221

#: Pack format of the numbers among the parameter types (scap format, section 6.3).
NUMBERS = {
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "ERRNO": "q", "FD": "q", "PID": "q", "SYSCALLID": "H", "SIGTYPE": "B", "RELTIME": "Q", "ABSTIME": "Q", "FLAGS8": "B",
    "FLAGS16": "H", "FLAGS32": "I", "UID": "I", "GID": "I", "SIGSET": "I", "MODE": "I", "ENUMFLAGS8": "B",
    "ENUMFLAGS16": "H", "ENUMFLAGS32": "I", "FD32": "i", "PID32": "i", "PORT": "H",
}  # fmt: skip
TEXTS = ("CHARBUF", "FSPATH", "FSRELPATH")
TYPES = {event.id: event for event in event_types()}
START = 1_700_000_000_000_000_000

Value = int | str | bytes


def text(value: str) -> bytes:
    """A string with its length in two bytes, as the lists have it."""
    content = value.encode()
    return struct.pack("<H", len(content)) + content


def sized(body: bytes) -> bytes:
    """A list entry behind its own length."""
    return struct.pack("<I", len(body) + 4) + body


class Memory:
    """A source for :class:`scapcore.reader.Reader`."""

    def __init__(self, content: bytes) -> None:
        self.mapped = content
        self.name = "made by hand"

    def release(self, offset: int) -> None:
        """Nothing to give back."""

    def hand_over(self) -> bool:
        """Nor for anybody else."""
        return False


class CaptureBuilder:
    """Blocks of a capture, in the order of the calls.

    Examples
    --------
    >>> capture = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3, tid=1)
    >>> len(capture.content)
    240
    """

    def __init__(self) -> None:
        self.content = b""
        self.events = 0
        self.block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 2, -1))

    def block(self, kind: int, body: bytes) -> CaptureBuilder:
        """Add any block."""
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        self.content += struct.pack("<II", kind, length) + body + struct.pack("<I", length)
        return self

    def thread(
        self, tid: int, comm: str, *, pid: int | None = None, ptid: int = 1, cwd: str = "/", uid: int = 0, gid: int = 0,
        flags: int = 0,
    ) -> CaptureBuilder:  # fmt: skip
        """Add one thread to the process list."""
        pid = tid if pid is None else pid
        body = struct.pack("<QQQqq", tid, pid, ptid, 1, 1)
        body += text(comm) + text("/bin/" + comm) + text("/bin/" + comm) + text("") + text(cwd)
        body += struct.pack("<qIII", 1024, flags, uid, gid) + struct.pack("<IIIQQ", 0, 0, 0, 0, 0)
        body += text("") + struct.pack("<qq", tid, pid) + text("") + text("/")
        return self.block(PROCESSES_9, sized(body))

    def file(self, tid: int, fd: int, name: str, *, kind: int = 1) -> CaptureBuilder:
        """Add one named descriptor, by default a file, to the list of a thread."""
        return self.block(FDS_2, struct.pack("<Q", tid) + sized(struct.pack("<qQB", fd, 0, kind) + text(name)))

    def users(self, users: dict[int, str], groups: dict[int, str]) -> CaptureBuilder:
        """Add the user list; a second one would replace it."""
        body = b""
        for number, name in users.items():
            body += sized(struct.pack("<BII", 0, number, number) + text(name) + text("/") + text("/bin/sh"))
        for number, name in groups.items():
            body += sized(struct.pack("<BI", 1, number) + text(name))
        return self.block(USERS_2, body)

    def event(self, kind: str, *values: Value, tid: int = 1) -> CaptureBuilder:
        """Add an event: its id without prefix, and its parameters; bytes are taken as they are."""
        described = TYPES[kind]
        parameters = [
            value if isinstance(value, bytes) else encoded(described.params[index].type, value)
            for index, value in enumerate(values)
        ]
        return self.raw_event(described.type, parameters, tid=tid, large=described.is_large)

    def raw_event(self, kind: int, parameters: Sequence[bytes], *, tid: int = 1, large: bool = False) -> CaptureBuilder:
        """Add an event by its number, with parameters as bytes."""
        lengths = b"".join(struct.pack("<I" if large else "<H", len(item)) for item in parameters)
        content = lengths + b"".join(parameters)
        header = struct.pack("<QqIHI", START + self.events * 1000, tid, 26 + len(content), kind, len(parameters))
        self.events += 1
        return self.block(EVENT_LARGE if large else EVENT_2, struct.pack("<H", 0) + header + content)

    @property
    def source(self) -> Memory:
        """The capture as a source of a reader."""
        return Memory(self.content)


def encoded(kind: str, value: int | str) -> bytes:
    """A parameter as its type has it on disk."""
    if isinstance(value, str):
        return value.encode() + b"\0"
    return struct.pack("<" + NUMBERS[kind], value)
