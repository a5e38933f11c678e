"""Files that are written: compressed on the way if asked, and under their final name only when complete."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol, TypeAlias

from scapcore.errors import ScapError

__all__ = ["COMPRESSIONS", "OutputFile"]

PathOrFile: TypeAlias = str | os.PathLike[str] | BinaryIO

#: Names that `compress` may have.
COMPRESSIONS = ("gzip", "zstd", "lz4")


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Lz4Frame:
    """LZ4's frame compressor with the two calls that the others have."""

    def __init__(self) -> None:
        import lz4.frame  # type: ignore[import-untyped]

        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        packed: bytes = self._frame.compress(data)
        return head + packed

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        rest: bytes = self._frame.flush()
        return head + rest


def _compressor(name: str) -> _Compressor:
    if name == "gzip":
        # 16 asks for a gzip header; its time stays 0, so equal input makes equal files.
        try:
            from zlib_ng import zlib_ng
        except ImportError:
            return zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        packed: _Compressor = zlib_ng.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return packed
    if name == "zstd":
        import zstandard

        packed = zstandard.ZstdCompressor().compressobj()
        return packed
    if name == "lz4":
        return _Lz4Frame()
    raise ScapError(f"{name!r} is not a compression: {', '.join(COMPRESSIONS)}")


@contextlib.contextmanager
def _as_scap_error(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScapError(f"cannot write {name}: {error.strerror or error}") from error


class OutputFile:
    """A binary file that replaces its target in one step when it is closed.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        A path gets a temporary neighbour that is renamed on :meth:`close`; what is not a regular file (a pipe, a
        device) and file objects are written to directly. File objects are not closed.
    compress : {None, "gzip", "zstd", "lz4"}
        Compression of the whole.

    Raises
    ------
    ScapError
        The target cannot be written, or the compression is not known.
    """

    def __init__(self, target: PathOrFile, compress: str | None = None) -> None:
        self._compressor = _compressor(compress) if compress is not None else None
        self._temporary: str | None = None
        self._final = ""
        self._owned = True
        self._file: BinaryIO
        if isinstance(target, (str, os.PathLike)):
            self.name = os.fspath(target)
            with _as_scap_error(self.name):
                self._open(self.name)
        else:
            self.name = str(getattr(target, "name", "the given file"))
            self._file = target
            self._owned = False

    def _open(self, path: str) -> None:
        # A link stays a link: what it points to is replaced.
        self._final = os.path.realpath(path)
        mode = 0o666
        if os.path.exists(self._final):
            status = os.stat(self._final)
            if not stat.S_ISREG(status.st_mode):
                self._file = open(self._final, "wb")  # noqa: SIM115
                return
            mode = stat.S_IMODE(status.st_mode)
        else:
            mask = os.umask(0)
            os.umask(mask)
            mode &= ~mask
        folder, name = os.path.split(self._final)
        descriptor, self._temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
        os.chmod(self._temporary, mode)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Append bytes."""
        if self._compressor is not None:
            data = self._compressor.compress(data)
        if data:
            with _as_scap_error(self.name):
                self._file.write(data)

    def close(self) -> None:
        """Finish the file and give it its name."""
        try:
            with _as_scap_error(self.name):
                if self._compressor is not None:
                    self._file.write(self._compressor.flush())
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

    def discard(self) -> None:
        """Give up: the target stays as it was before."""
        if not self._owned:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = None
