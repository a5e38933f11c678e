"""From whatever a user has to a source."""

from __future__ import annotations

import io
import mmap
import os
import stat
import sys
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from scapcore.errors import SourceError
from scapcore.source import gzip, lz4, plain, zstd
from scapcore.source.base import Compression, Source
from scapcore.source.inputs import BinaryFile, DescriptorInput, FileObjectInput, Input, MemoryInput
from scapcore.source.mapped import MappedSource
from scapcore.source.skippable import is_skippable, skip_frame

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from scapcore.source.read_ahead import Piece

    Openable: TypeAlias = str | os.PathLike[str] | os.PathLike[bytes] | ReadableBuffer | BinaryFile

__all__ = ["STANDARD_INPUT", "open_source", "stream_source"]

#: What messages call it.
STANDARD_INPUT = "standard input"

Again: TypeAlias = "Callable[[], Source] | None"
Decode: TypeAlias = "Callable[[Input], Generator[Piece, None, None]]"

CODECS: dict[Compression | None, Decode] = {
    None: plain.decode,
    "gzip": gzip.decode,
    "zstd": zstd.decode,
    "lz4": lz4.decode,
}
#: More than any buffer of a file object holds, so that one read empties it.
ALL_BUFFERED = 16 * 1024 * 1024


def open_source(what: Openable, *, read_ahead: bool = True) -> Source:
    """Open the bytes of a capture.

    Parameters
    ----------
    what : str, path, buffer or binary file
        A path; ``"-"`` for standard input; bytes or any other contiguous buffer; or a binary file object, which
        is read from where it stands and is not closed. While a file object is being read nobody else may read it.
    read_ahead : bool
        Whether streams are read and decompressed in a thread of their own.

    Returns
    -------
    Source
        A plain regular file is mapped. A file that another program shortens while it is mapped ends the process
        (the system's SIGBUS); one that grows is read up to the length that it had when it was opened.

    Raises
    ------
    SourceError
        The file is missing, must not be read, or is a directory.
    MissingDependencyError
        Its compression needs a package that is not installed.
    TruncatedCaptureError
        It ends inside the skippable frame with which it begins.
    TypeError
        `what` is none of the above.
    """
    if isinstance(what, str) and what == "-":
        return _open_standard_input(read_ahead)
    if isinstance(what, (str, os.PathLike)):
        return _open_path(what, read_ahead)
    if not callable(getattr(what, "read", None)) or isinstance(what, mmap.mmap):
        return _open_buffer(cast("ReadableBuffer", what), read_ahead)
    return _open_file(cast("BinaryFile", what), _name_of(what), read_ahead)


def stream_source(file: BinaryFile) -> Source:
    """The bytes of a file object that grows, uncompressed; nothing is read before it is asked for.

    Parameters
    ----------
    file : binary file
        With `name`, and `read1`, which gives what there is as soon as there is something.
    """
    return _open_stream(FileObjectInput(_name_of(file), file), None, True, None)


def _detect(data: Input) -> Compression | None:
    """Tell by the first bytes what a stream is; skippable frames before the first real one are consumed."""
    skipped = False
    while True:
        head = bytes(data.window(4)[:4])
        if is_skippable(head):
            skip_frame(data)
            skipped = True
        elif head == lz4.MAGIC:
            return "lz4"
        elif head == zstd.MAGIC or skipped:
            return "zstd"
        else:
            return "gzip" if head[:2] == gzip.MAGIC else None


def _open_stream(data: Input, again: Again, read_ahead: bool, compression: Compression | None) -> Source:
    from scapcore.source.stream import StreamSource

    return StreamSource(data, CODECS[compression](data), compression, again, read_ahead)


def _open_buffer(what: ReadableBuffer, read_ahead: bool) -> Source:
    try:
        view = memoryview(what)
    except TypeError:
        kind = type(what).__name__
        raise TypeError(f"a capture is a path, bytes or a binary file object, not {kind}") from None
    flat = view.cast("B") if view.c_contiguous and view.ndim else memoryview(view.tobytes())
    name = "bytes in memory"
    data = MemoryInput(name, flat)
    compression = _detect(data)
    again = partial(_open_buffer, what, read_ahead)
    if compression is None:
        return MappedSource(name, flat, 0, again)
    return _open_stream(data, again, read_ahead, compression)


def _open_path(what: str | os.PathLike[str] | os.PathLike[bytes], read_ahead: bool) -> Source:
    name = os.fsdecode(what)
    try:
        descriptor = os.open(what, os.O_RDONLY)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"cannot open {name}: {reason}") from error
    return _open_descriptor(descriptor, name, 0, b"", partial(_open_path, what, read_ahead), read_ahead)


def _open_descriptor(descriptor: int, name: str, start: int, head: bytes, again: Again, read_ahead: bool) -> Source:
    """Open a descriptor, which is owned from here on.

    Parameters
    ----------
    start : int
        For a regular file, where to begin.
    head : bytes
        For others, what has been read already.
    again : callable, optional
        For a regular file, opens it a second time.
    """
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"cannot open {name}: Is a directory")
        # Files of the kernel (/proc) say that they are regular and empty, and are not.
        seekable = stat.S_ISREG(status.st_mode) and status.st_size > 0
        size = status.st_size if stat.S_ISREG(status.st_mode) and status.st_size else None
        data = DescriptorInput(name, descriptor, seekable=seekable, size=size, start=start, head=head)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        compression = _detect(data)
        repeatable = again if stat.S_ISREG(status.st_mode) else None
        if compression is None and repeatable is not None:
            content = _map(descriptor)
            if content is not None:
                data.close()
                return MappedSource(name, content, start, repeatable)
        return _open_stream(data, repeatable, read_ahead, compression)
    except BaseException:
        data.close()
        raise


def _map(descriptor: int) -> mmap.mmap | None:
    try:
        content = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        if hasattr(content, "madvise"):
            content.madvise(mmap.MADV_SEQUENTIAL)
        return content
    except (OSError, ValueError):
        return None  # An empty file, or a file system that cannot map: read it as a stream.


def _open_standard_input(read_ahead: bool) -> Source:
    file = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise SourceError("cannot read standard input: there is none")
    return _open_file(file, STANDARD_INPUT, read_ahead)


def _name_of(file: object) -> str:
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else f"<{type(file).__name__}>"


def _open_file(file: BinaryFile, name: str, read_ahead: bool, start: int | None = None) -> Source:
    """Open a file object of the user, at `start` or else where it stands."""
    try:
        # Only these types are nothing but their descriptor; a GzipFile has one too.
        if type(file) is io.FileIO or (type(file) is io.BufferedReader and type(file.raw) is io.FileIO):
            return _open_system_file(file, name, read_ahead, start)
        return _open_object(cast("io.BufferedIOBase", file), name, read_ahead, start)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"cannot read {name}: {reason}") from error


def _open_system_file(file: io.BufferedReader | io.FileIO, name: str, read_ahead: bool, start: int | None) -> Source:
    # A descriptor of our own: the user may close the file while it is read, and its number may then mean another one.
    descriptor = os.dup(file.fileno())
    head = b""
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            start = file.tell() if start is None else start
        else:
            start = 0
            if isinstance(file, io.BufferedReader):
                head = file.read1(ALL_BUFFERED) or b""
    except BaseException:
        os.close(descriptor)
        raise
    again = partial(_open_file, file, name, read_ahead, start)
    return _open_descriptor(descriptor, name, start, head, again, read_ahead)


def _open_object(file: io.BufferedIOBase, name: str, read_ahead: bool, start: int | None) -> Source:
    if isinstance(file, io.TextIOBase):
        raise SourceError(f"cannot read {name}: it is open in text mode, not binary")
    again: Again = None
    if start is not None:
        file.seek(start)
    elif hasattr(file, "seekable") and file.seekable():
        start = file.tell()
    if start is not None:
        again = partial(_open_file, file, name, read_ahead, start)
    size = file.getbuffer().nbytes if isinstance(file, io.BytesIO) else getattr(file, "size", None)
    data = FileObjectInput(name, file, size=size if isinstance(size, int) else None, start=start or 0)
    return _open_stream(data, again, read_ahead, _detect(data))
