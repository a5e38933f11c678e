"""Captures that lie elsewhere: every URL that fsspec knows, such as ``s3://``, ``http://`` and ``zip://…::…``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from scapcore.errors import MissingDependencyError, SourceError
from scapcore.source import Source, open_source

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from scapcore.source.opening import Openable

__all__ = ["expand", "is_url", "open_anywhere"]

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
#: Signs that make a path a pattern.
PATTERN = frozenset("*?[")
#: Packages that bring protocols, and the extras that bring these.
EXTRAS = {"gcsfs": "gcs"}


def is_url(what: object) -> TypeIs[str]:
    """Whether something is a URL; a file of that name goes first."""
    return isinstance(what, str) and URL.match(what) is not None and not os.path.exists(what)


def open_anywhere(what: Openable) -> Source:
    """Open a capture wherever it lies; a URL needs the extra ``remote``.

    Only what is read is transferred. Settings of a storage, such as an endpoint, come from the configuration of fsspec
    (``FSSPEC_S3_ENDPOINT_URL``, files in ``~/.config/fsspec``).

    Raises
    ------
    MissingDependencyError
        If a package is needed that is not installed.
    SourceError
        If it cannot be opened.
    """
    if not is_url(what):
        return open_source(what)
    if what.startswith("file://"):
        return open_source(what[7:])
    return open_source(RemoteFile(what))


class RemoteFile:
    """A file behind a URL, opened when it is first read.

    Parameters
    ----------
    url : str
        The URL.
    """

    def __init__(self, url: str) -> None:
        self.name = url
        # What is opened inside an archive holds the archive.
        self._opened = reach(url, lambda fsspec: fsspec.open(url, "rb"))
        self._file = reach(url, lambda fsspec: self._opened.open())
        size = getattr(self._file, "size", None)
        self.size = size if isinstance(size, int) else None

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data: bytes = reach(self.name, lambda fsspec: self._file.read(size))
        return data

    def seekable(self) -> bool:
        """Whether it can be read again."""
        return bool(self._file.seekable())

    def tell(self) -> int:
        """Offset of the next byte."""
        place: int = self._file.tell()
        return place

    def seek(self, place: int, whence: int = 0, /) -> int:
        """Go to an offset."""
        found: int = self._file.seek(place, whence)
        return found

    def __del__(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()


def reach(url: str, ask: Any) -> Any:
    """Ask fsspec for something; what its many back ends raise comes as an error of ours.

    Raises
    ------
    MissingDependencyError
        If a package is missing.
    SourceError
        If the answer is an error.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingDependencyError("fsspec", "remote", f"opening {url}") from error
    try:
        return ask(fsspec)
    except ImportError as error:
        package = error.name or next((name for name in ("s3fs", "gcsfs", "aiohttp") if name in str(error)), "fsspec")
        raise MissingDependencyError(package, EXTRAS.get(package, "remote"), f"opening {url}") from error
    except Exception as error:
        # Each back end has errors of its own: of the network, of the service, of the format.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"cannot read {url}: {reason}") from error


def expand(pattern: str) -> list[str]:
    """The paths or URLs that a pattern stands for, sorted; itself if it is none.

    Raises
    ------
    SourceError
        If nothing matches.
    """
    if not PATTERN & set(pattern) or os.path.exists(pattern):
        return [pattern]
    if not is_url(pattern):
        import glob

        found = sorted(glob.glob(pattern))
    else:
        first, sign, behind = pattern.partition("::")
        # A question mark may belong to a query; only stars are patterns of URLs.
        if "*" not in first:
            return [pattern]

        def ask(fsspec: Any) -> list[str]:
            system, _, paths = fsspec.core.get_fs_token_paths(pattern)
            return sorted(system.unstrip_protocol(path) + sign + behind for path in paths)

        found = list(reach(pattern, ask))
    if not found:
        raise SourceError(f"cannot open {pattern}: nothing matches")
    return found
