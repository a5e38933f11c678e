"""Files that are written: compressed on the way if asked, and under their final name only when complete."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias, cast

from scapcore.errors import ScapError
from scapcore.source.opening import STANDARD_INPUT
from scappy.compression import COMPRESSIONS, Bytes, Frame, compressor

__all__ = ["COMPRESSIONS", "OutputFile", "PathOrFile", "check_not_input", "told_what_is_kept"]

PathOrFile: TypeAlias = str | os.PathLike[str] | BinaryIO

#: What a capture holds is nobody else's business: payloads, environments, command lines.
PRIVATE = 0o600
#: Of compressed captures, until something is known about the one at hand.
USUAL_RATIO = 1 / 8


@contextlib.contextmanager
def _as_scap_error(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise       # nobody reads any more, which is no failure of ours
    except OSError as error:
        raise ScapError(f"cannot write {name}: {error.strerror or error}") from error


def check_not_input(target: object, sources: list[str]) -> None:
    """Make sure that a path is none of those that are read.

    Parameters
    ----------
    target : object
        Where something is to be written; only paths are looked at.
    sources : list of str
        Names of what is read.

    Raises
    ------
    ScapError
        It is the same file.
    """
    if not isinstance(target, (str, os.PathLike)):
        return
    for source in sources:
        with contextlib.suppress(OSError, ValueError):
            status = os.fstat(0) if source == STANDARD_INPUT else os.stat(source)
            if os.path.samestat(status, os.stat(target)) and stat.S_ISREG(status.st_mode):
                raise ScapError(f"{os.fspath(target)} is the capture that is read; write to another file")


def free_name(path: str) -> str:
    """A name that nothing has: the path, or with a number behind it."""
    name, number = path, 1
    while os.path.lexists(name):
        number += 1
        name = f"{path}{number}"
    return name


def _whole_blocks(data: Bytes, most: int) -> int:
    """How many of the first `most` bytes are whole blocks."""
    place = 0
    while place + 12 <= most:
        length: int = struct.unpack_from("<I", data, place + 4)[0]
        if length < 12 or place + length > most:
            break
        place += length
    return place


class OutputFile:
    """A binary file that replaces its target in one step when it is closed.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        A path gets a temporary neighbour that is renamed on :meth:`close`; what is not a regular file (a pipe, a
        device) and file objects are written to directly. File objects are not closed.
    compress : {None, "gzip", "zstd", "lz4"}
        Compression of the whole.
    mode : int, optional
        Permissions of a file. The default is those of the file that is replaced, or 0600.
    hurries : bool
        Whether it is compressed less well when it would have to be waited for.

    Attributes
    ----------
    size : int
        Bytes that have been written to the file so far.

    Raises
    ------
    ScapError
        The target cannot be written, or the compression is not known.
    """

    def __init__(
        self, target: PathOrFile, compress: str | None = None, *, mode: int | None = None, hurries: bool = False
    ) -> None:
        self._compressor = compressor(compress, hurries)
        self._temporary: str | None = None
        self._final = ""
        self._owned = True
        self._file: BinaryIO
        self.size = 0
        self._taken = 0
        self._is_broken_off = False     # between frames that belong together
        if isinstance(target, (str, os.PathLike)):
            self.name = os.fspath(target)
            with _as_scap_error(self.name):
                self._open(self.name, mode)
        else:
            self.name = str(getattr(target, "name", "the given file"))
            self._file = target
            self._owned = False

    def _open(self, path: str, mode: int | None) -> None:
        # A link stays a link: what it points to is replaced.
        self._final = os.path.realpath(path)
        if os.path.exists(self._final):
            status = os.stat(self._final)
            if not stat.S_ISREG(status.st_mode):
                self._file = cast("BinaryIO", open(self._final, "wb", buffering=0))  # noqa: SIM115
                return
            if mode is None:
                mode = stat.S_IMODE(status.st_mode)
        folder, name = os.path.split(self._final)
        descriptor, self._temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
        os.fchmod(descriptor, PRIVATE if mode is None else mode)
        # No buffer: what comes is large, and after each write the file is sound.
        self._file = cast("BinaryIO", os.fdopen(descriptor, "wb", buffering=0))

    def write(self, data: Bytes) -> None:
        """Append whole blocks.

        Raises
        ------
        ScapError
            They cannot be written.
        """
        if self._compressor is None:
            self._put(data)
        else:
            self._put_frames(self._compressor.feed(data))

    @property
    def estimate(self) -> int:
        """What the size is about when what waits to be compressed is written."""
        if self._compressor is None:
            return self.size
        ratio = self.size / self._taken if self._taken else USUAL_RATIO
        return self.size + int(self._compressor.waiting * ratio)

    def flush(self) -> None:
        """End the present compressed frame and write all that waits; the size is that of what was given then."""
        if self._compressor is not None:
            self._put_frames(self._compressor.flush())

    def put_raw(self, data: Bytes) -> None:
        """Write bytes that are not compressed, right behind what was written; after :meth:`flush`."""
        self._put(data)

    def _put_frames(self, frames: Iterator[Frame]) -> None:
        self._is_broken_off = True
        for frame in frames:
            self._put(frame.packed)
            self._taken += frame.size
        self._is_broken_off = False

    def _put(self, data: Bytes) -> None:
        rest = memoryview(data).cast("B")
        if not rest:
            return
        start = len(rest)
        try:
            with _as_scap_error(self.name):
                while rest:
                    written = self._file.write(rest)
                    rest = rest[len(rest) if written is None else written :]
        except BaseException:
            self._mend(memoryview(data).cast("B"))
            raise
        self.size += start

    def _mend(self, data: memoryview) -> None:
        """Take half a block or frame away from the end of a file."""
        if self._temporary is None:
            return
        with contextlib.suppress(OSError):
            # An interrupt may have come behind a write that told nobody any more how much it wrote.
            written = min(max(os.fstat(self._file.fileno()).st_size - self.size, 0), len(data))
            if self._compressor is None:
                self.size += _whole_blocks(data, written)
            elif written == len(data):
                self.size += written
            os.ftruncate(self._file.fileno(), self.size)

    def close(self) -> None:
        """Finish the file and give it its name."""
        try:
            if self._compressor is not None:
                self._put_frames(self._compressor.finish())
            with _as_scap_error(self.name):
                self._file.flush()
                if not self._owned:
                    return
                self._file.close()
                if self._temporary is not None:
                    os.replace(self._temporary, self._final)
                    self._temporary = None
        except BaseException:
            self.discard()
            raise

    def keep(self) -> str | None:
        """Give up, but keep what was written: it is sound, and gets its name with ``.part`` behind it.

        What an earlier run has left there stays: a number follows then.

        Returns
        -------
        str or None
            Name of the file; None if there is none.
        """
        if self._compressor is not None and self._temporary is not None:
            with contextlib.suppress(ScapError, OSError):
                if self._is_broken_off:
                    # A frame may have been lost while frames were handed over: what follows it must not be written.
                    os.ftruncate(self._file.fileno(), self.size)
                else:
                    self._put_frames(self._compressor.finish())
        kept = None
        if self._temporary is not None and self.size:
            kept = free_name(self._final + ".part")
            try:
                os.replace(self._temporary, kept)
                self._temporary = None
            except OSError:
                kept = None
        self.discard()
        return kept

    def discard(self) -> None:
        """Give up: the target stays as it was before."""
        if self._compressor is not None:
            self._compressor.close()
        if not self._owned:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = None


@contextlib.contextmanager
def told_what_is_kept(give_up: Callable[[], str | None]) -> Iterator[None]:
    """Say in errors and interrupts where that is which was written before.

    Parameters
    ----------
    give_up : callable
        Ends the writing; gives the name of what was kept, None if nothing was.
    """
    try:
        yield
    except BaseException as error:
        kept = give_up()
        told = "nothing was written before" if kept is None else f"what was written before is in {kept}"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(told) from None
        if kept is None:
            raise
        if type(error) is ScapError:
            raise ScapError(f"{error}; {told}") from error
        raise
