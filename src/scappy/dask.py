"""Many captures as one DataFrame, on many machines: Dask reads a partition a capture, or a range of one.

A partition knows where its capture lies and what is wanted of it, and nothing else. So it can be read by any worker that can
reach the storage, and again by another one if the first is lost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from scappy.remote import expand

if TYPE_CHECKING:
    import dask.dataframe
    import pandas

    from scappy.metadata.reading import Snapshot

__all__ = ["read_captures"]

#: Name of the column that says which capture an event is of.
SOURCE = "capture"


def read_captures(
    what: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    columns: Sequence[str],
    where: str | None = None,
    *,
    events: int | None = None,
    view: Literal["full", "exit"] = "full",
    kubernetes: Snapshot | None = None,
    source: bool = False,
) -> dask.dataframe.DataFrame:
    """Selected columns of captures as a Dask DataFrame (extra ``dask``).

    Parameters
    ----------
    what : str, path, or sequence of these
        Paths, URLs or patterns of them, ``"s3://bucket/*.scap.gz"``.
    columns : sequence of str
        Fields.
    where : str, optional
        A filter. Like the fields it is part of the pass: workers read what is asked for and no more.
    events : int, optional
        Captures with checkpoints (LZ4 files of ours) are divided into ranges of about so many events, each read from the
        checkpoint before it. Others are a partition each in any case. A call that spans a checkpoint has no latency, as
        its beginning is in another partition.
    view : {"full", "exit"}
        As for :func:`scappy.open`.
    kubernetes : str, path, bytes or mapping, optional
        Objects of the cluster, as for :meth:`scappy.Capture.join_kubernetes`; a path must be there for every worker.
    source : bool
        Add a column `capture` with the path or URL.

    Returns
    -------
    dask.dataframe.DataFrame
        Texts as pandas' text of Arrow, moments as ``datetime64[ns, UTC]``, numbers as pandas' nullable ones.

    Raises
    ------
    MissingDependencyError
        If Dask, pandas or PyArrow is not installed.
    FieldError, FilterError
        If a field or the filter is wrong.
    SourceError
        If nothing matches.
    """
    from scappy.selection import library

    frames = library("dask.dataframe", "dask", "read_captures")
    for package in ("pandas", "pyarrow"):
        library(package, "dask", "read_captures")
    given = [what] if isinstance(what, (str, os.PathLike)) else list(what)
    paths = [path for each in given for path in expand(os.fspath(each))]
    parts = [(path, low, high) for path in paths for low, high in ranges_of(path, events)]
    fixed = {"columns": list(columns), "where": where, "view": view, "kubernetes": kubernetes, "source": source}
    made: dask.dataframe.DataFrame = frames.from_map(
        read_part, parts, meta=frame_of_nothing(**fixed), enforce_metadata=False, label="scappy", **fixed
    )
    return made


def ranges_of(path: str, events: int | None) -> list[tuple[int, int | None]]:
    """Ranges of event numbers, the end not included, None for all that follow."""
    from scapcore.source.checkpoints import read_index

    if not events or not os.path.isfile(path):
        return [(1, None)]
    starts = [1]
    for checkpoint in read_index(path):
        if checkpoint.number - starts[-1] >= events:
            starts.append(checkpoint.number)
    return list(zip(starts, [*starts[1:], None], strict=True))


def frame_of_nothing(**fixed: Any) -> pandas.DataFrame:
    """The columns without rows: what Dask wants to know before anything is read."""
    import struct

    # A section header is a capture without events.
    header = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 2, -1, 28)
    return frame_of(header, (1, None), "", **fixed)


def read_part(part: tuple[str, int, int | None], **fixed: Any) -> pandas.DataFrame:
    """Read one partition; this runs on a worker."""
    path, low, high = part
    return frame_of(path, (low, high), path, **fixed)


def frame_of(
    what: Any, bounds: tuple[int, int | None], name: str, *, columns: list[str], where: str | None, view: Any,
    kubernetes: Any, source: bool,
) -> pandas.DataFrame:  # fmt: skip
    """Selected columns of one capture, or of a range of it."""
    import pandas
    import pyarrow

    import scappy
    from scappy.arrow import ArrowForm, plain_field
    from scappy.selection import Selection

    low, high = bounds
    with scappy.open(what, view=view) as capture:
        if kubernetes is not None:
            capture = capture.join_kubernetes(kubernetes)
        if where is not None:
            capture = capture.filter(where)
        if low > 1:
            capture = capture.filter(f"evt.num >= {low}")
        if high is not None:
            capture = capture.filter(f"evt.num < {high}")
        table = Selection(capture, columns, ArrowForm(payloads="binary"), high).to_arrow()
    # Categories differ from partition to partition, which Dask would have to reconcile: texts are plain.
    plain = [plain_field(pyarrow, field) for field in table.schema]
    frame: pandas.DataFrame = table.cast(pyarrow.schema(plain)).to_pandas(types_mapper=nullable)
    if source:
        frame[SOURCE] = pandas.array([name] * len(frame), dtype=pandas.StringDtype("pyarrow"))
    return frame


def nullable(kind: Any) -> Any:
    """The type of pandas for a type of Arrow whose values may be missing."""
    import pandas
    import pyarrow

    if pyarrow.types.is_string(kind):
        return pandas.StringDtype("pyarrow")
    if pyarrow.types.is_binary(kind):
        return pandas.ArrowDtype(kind)       # as objects, Dask would take them for texts
    known = {
        pyarrow.int16(): pandas.Int16Dtype(), pyarrow.int64(): pandas.Int64Dtype(),
        pyarrow.uint64(): pandas.UInt64Dtype(), pyarrow.bool_(): pandas.BooleanDtype(),
    }  # fmt: skip
    return known.get(kind)
