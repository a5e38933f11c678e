"""Convert captures: the choice of a form, and output that appears under its name when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scapcore.errors import ScapError
from scappy.converting.converted import Converted

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["FORMS", "convert"]

#: What captures can be converted to.
FORMS = ("parquet", "arrow", "csv", "jsonl", "perfetto", "pcapng")

#: Columns of flat files unless others are asked for.
USUAL_FIELDS = (
    "evt.num", "evt.rawtime", "evt.type", "evt.dir", "evt.cpu", "thread.tid", "proc.pid", "proc.name", "proc.cmdline",
    "user.name", "fd.num", "fd.type", "fd.name", "evt.rawres", "evt.latency", "evt.buflen", "evt.args", "container.id",
    "container.name", "k8s.ns.name", "k8s.pod.name",
)  # fmt: skip


def convert(
    captures: Capture | Sequence[Capture],
    target: str | os.PathLike[str],
    to: str,
    *,
    fields: Sequence[str] | None = None,
    payloads: bool = True,
) -> Converted:
    """Convert captures.

    Parameters
    ----------
    captures : Capture or sequence of Capture
        What their filters choose of them, one after the other.
    target : path
        A directory for ``parquet``, a file otherwise; it must not exist, and appears when everything is written.
    to : str
        ``parquet``: events, threads, descriptors, users, containers and pods as tables with keys, see the page on
        columns. ``arrow``, ``csv``, ``jsonl``: one flat table. ``perfetto``: system calls as slices on the tracks of their
        threads, in the JSON of Chrome's trace viewer. ``pcapng``: data that went through sockets as packets.
    fields : sequence of str, optional
        Columns of a flat table.
    payloads : bool
        Whether the star holds the bytes that were read and written.

    Returns
    -------
    Converted
        Counts, and what was damaged.

    Raises
    ------
    MissingDependencyError
        If a package is needed that is not installed.
    FieldError
        If a field is wrong.
    ScapError
        If the target exists or cannot be written, or a capture cannot be read at all.
    """
    from scappy.capture import Capture

    given = [captures] if isinstance(captures, Capture) else list(captures)
    if to not in FORMS:
        raise ScapError(f"captures cannot be converted to {to}; known are {', '.join(FORMS)}")
    if not given:
        raise ScapError("there is nothing to convert")
    if fields is not None and to not in ("arrow", "csv", "jsonl"):
        raise ScapError(f"fields can be chosen for arrow, csv and jsonl, not for {to}")
    work: Callable[[Path, Converted], None]
    if to == "parquet":
        from scappy.converting.star import Star

        star = Star(payloads=payloads)

        def work(place: Path, done: Converted) -> None:
            star.write(given, place, done)
    elif to == "perfetto":
        from scappy.converting.trace import write_trace

        def work(place: Path, done: Converted) -> None:
            write_trace(given, place, done)
    elif to == "pcapng":
        from scappy.converting.packets import write_packets

        def work(place: Path, done: Converted) -> None:
            write_packets(given, place, done)
    else:
        from scappy.converting.flat import write_flat

        def work(place: Path, done: Converted) -> None:
            write_flat(given, place, to, list(USUAL_FIELDS if fields is None else fields), done)

    return whole(Path(target), to == "parquet", work)


def whole(target: Path, directory: bool, work: Callable[[Path, Converted], None]) -> Converted:
    """Write beside the target and give the result its name at the end.

    Raises
    ------
    ScapError
        If the target exists or cannot be written.
    """
    if target.exists():
        raise ScapError(f"{target} exists already")
    done = Converted()
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        place = folder / "whole"
        if directory:
            place.mkdir()
        work(place, done)
        place.rename(target)
    except OSError as error:
        raise ScapError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    return done
