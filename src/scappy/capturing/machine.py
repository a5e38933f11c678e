"""The machine, its users and its groups."""

from __future__ import annotations

import os
import socket

from scappy.capturing.proc import Proc
from scappy.records import Group, Machine, User

__all__ = ["groups", "machine", "users"]

#: Texts in user lists have at most so many bytes (scap format, section 9).
LIMIT_TEXT = 255
#: Bytes of a file of users; nobody has more, and one in a container may be anything.
MOST_BYTES = 1 << 20
SECOND = 10**9


def machine(proc: Proc) -> Machine:
    """What the capture says about the machine on which it was made."""
    boot = highest = 0
    for line in proc.text("stat").splitlines():
        if line.startswith("btime "):
            boot = int(line.split()[1]) * SECOND
    text = proc.text("sys/kernel/pid_max").strip()
    if text.isdecimal():
        highest = int(text)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    name = socket.gethostname().encode("utf-8", "surrogateescape")[:127].decode("utf-8", "ignore")
    return Machine(os.cpu_count() or 1, memory, highest, name, boot)


def lines(path: str, columns: int) -> list[list[str]]:
    """The lines of a file such as ``/etc/passwd``; none if it cannot be read, and none that are too short."""
    try:
        # Not through what somebody in a container may have put in its place: a pipe or a device would never end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        try:
            text = file.read(MOST_BYTES).decode("utf-8", "surrogateescape")
        except OSError:
            return []
    found = []
    for line in text.splitlines():
        words = [limited(word) for word in line.split(":")]
        if len(words) >= columns and not line.startswith("#"):
            found.append(words)
    return found


def limited(text: str) -> str:
    """A text that fits into the format."""
    data = text.encode("utf-8", "surrogateescape")
    return text if len(data) <= LIMIT_TEXT else data[:LIMIT_TEXT].decode("utf-8", "ignore")


def is_number(text: str) -> bool:
    """Whether a text is a number of 32 bits."""
    return text.isascii() and text.isdecimal() and int(text) <= 0xFFFFFFFF


def users(root: str = "") -> list[User]:
    """The users in ``/etc/passwd`` below a root directory."""
    return [
        User(int(words[2]), int(words[3]), words[0], words[5], words[6])
        for words in lines(f"{root}/etc/passwd", 7)
        if is_number(words[2]) and is_number(words[3])
    ]


def groups(root: str = "") -> list[Group]:
    """The groups in ``/etc/group`` below a root directory."""
    return [Group(int(words[2]), words[0]) for words in lines(f"{root}/etc/group", 3) if is_number(words[2])]
