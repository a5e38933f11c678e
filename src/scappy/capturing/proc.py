"""Reading ``/proc``: files that may be gone, or not ours to read, the moment after they were listed."""

from __future__ import annotations

import contextlib
import os

__all__ = ["Proc"]

#: More than any file that is read here has; environments are cut to the format's limit later.
MOST_BYTES = 1 << 24


class Proc:
    """A ``/proc`` file system, or a directory that looks like one.

    Nothing here raises for a process that has ended meanwhile: what cannot be read is empty.

    Parameters
    ----------
    root : str
        Where it is mounted.
    """

    def __init__(self, root: str = "/proc") -> None:
        self.root = root

    def path(self, *parts: str | int) -> str:
        """Path of an entry."""
        return "/".join((self.root, *map(str, parts)))

    def read(self, *parts: str | int, most: int = MOST_BYTES) -> bytes:
        """The content of a file, up to a length; empty if it cannot be read."""
        try:
            descriptor = os.open(self.path(*parts), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        pieces: list[bytes] = []
        try:
            while most > 0:
                # The kernel gives some files a page or a record at a time.
                piece = os.read(descriptor, min(most, 1 << 16))
                if not piece:
                    break
                pieces.append(piece)
                most -= len(piece)
        except OSError:
            return b""
        finally:
            os.close(descriptor)
        return b"".join(pieces)

    def text(self, *parts: str | int) -> str:
        """The content of a file as text; bytes that are no UTF-8 survive as surrogates."""
        return self.read(*parts).decode("utf-8", "surrogateescape")

    def link(self, *parts: str | int) -> str:
        """Where a symbolic link points; empty if it cannot be read."""
        try:
            return os.readlink(self.path(*parts))
        except OSError:
            return ""

    def numbers(self, *parts: str | int) -> list[int]:
        """The entries of a directory that are numbers, in ascending order: processes, threads, descriptors."""
        try:
            return sorted(int(name) for name in os.listdir(self.path(*parts)) if name.isdecimal())
        except OSError:
            return []

    def status(self, *parts: str | int) -> os.stat_result | None:
        """What ``stat`` says about an entry, behind links; None if it cannot be asked."""
        with contextlib.suppress(OSError):
            return os.stat(self.path(*parts))
        return None
