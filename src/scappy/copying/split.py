"""One capture for each container or pod, or for each part of the time or of the bytes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy

from scapcore.errors import ScapError
from scappy.copying.copy import CopyResult, CopySettings, copy_capture
from scappy.copying.rotation import Rotation
from scappy.table import DictionaryColumn

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["SPLIT_FIELDS", "split", "split_evenly"]

#: By what a capture can be split, and the field that tells it.
SPLIT_FIELDS = {"container": "container.id", "pod": "k8s.pod.name"}
UNSAFE = re.compile(r"[^\w.-]+")


def split(
    capture: Capture, folder: str | os.PathLike[str], by: str, *, compress: str | None = None
) -> dict[str, CopyResult]:
    """Write a complete capture for each container or pod.

    Parameters
    ----------
    capture : Capture
        What can be read again and again, as each part is a pass of its own.
    folder : str or path
        Where the files go; it is made if it is not there.
    by : {"container", "pod"}
    compress : {"gzip", "zstd", "lz4"}, optional

    Returns
    -------
    dict of str to CopyResult
        By the value that the events of a file have in common.

    Raises
    ------
    ScapError
        It cannot be split by that, or a file cannot be written.
    """
    if by not in SPLIT_FIELDS:
        raise ScapError(f"a capture is not split by {by!r}: {', '.join(SPLIT_FIELDS)}")
    name = SPLIT_FIELDS[by]
    values: dict[str, None] = {}
    for table in capture.tables([name]):
        column = table[name]
        assert isinstance(column, DictionaryColumn)
        used = numpy.unique(column.codes[column.codes >= 0])
        values.update(dict.fromkeys(column.values[code] for code in used.tolist() if column.values[code]))
    make_folder(folder)
    results: dict[str, CopyResult] = {}
    for value in sorted(values):
        file = os.path.join(folder, f"{UNSAFE.sub('_', value).strip('.') or 'unnamed'}.scap")
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        part = capture.filter(f'{name} = "{quoted}"')
        results[value] = copy_capture(part, file, CopySettings(compress=compress))
    return results


def split_evenly(
    capture: Capture,
    folder: str | os.PathLike[str],
    *,
    seconds: float = 0,
    size: int = 0,
    compress: str | None = None,
) -> CopyResult:
    """Write a complete capture for each part of the time, or for each part of a size; each begins with the tables there.

    Parameters
    ----------
    capture : Capture
        With a filter or without.
    folder : str or path
        Where the files ``part0.scap``, ``part1.scap`` … go; it is made if it is not there.
    seconds : float
        A file covers so many seconds of the capture.
    size : int
        A file has so many bytes, the last one excepted.
    compress : {"gzip", "zstd", "lz4"}, optional

    Returns
    -------
    CopyResult
        Of all files.

    Raises
    ------
    ScapError
        Neither a time nor a size is given, or a file cannot be written.
    """
    rotation = Rotation(seconds=seconds, size=size, suffix=".scap")
    make_folder(folder)
    return copy_capture(capture, os.path.join(folder, "part"), CopySettings(compress=compress, rotation=rotation))


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder that others cannot look into, if it is not there."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ScapError(f"cannot make {os.fspath(folder)}: {error.strerror or error}") from error
