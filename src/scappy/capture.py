"""A capture: what :func:`scappy.open` gives."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from scapcore.errors import DamageWarning, SourceError
from scapcore.event import Event, EventIterator
from scapcore.reader import Reader
from scapcore.source import ChainSource, Source
from scappy.fields.compiling import compile_field
from scappy.remote import expand, open_anywhere

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from scapcore.batch import EventBatch
    from scappy.copying import CopyResult
    from scappy.filters import FilterNames
    from scappy.filters.plan import CompiledFilter
    from scappy.info import CaptureInfo
    from scappy.metadata import Directory
    from scappy.metadata.reading import Snapshot
    from scappy.report import Report
    from scappy.selection import Selection
    from scappy.table import Table

__all__ = ["Capture", "open"]

#: Everything that an event may be asked for: latency, memory counters, links between rows, changes.
ALL_NEEDS = 15


def open(  # noqa: A001
    what: str | PathLike[str] | Buffer | Any, *, view: Literal["full", "exit"] = "full", strict: bool = False
) -> Capture:
    """Open a capture; nothing but its first bytes is read until it is used.

    Parameters
    ----------
    what : str, path, bytes-like, binary file, or list of these
        A path, ``"-"`` for standard input, the bytes of a capture, an object with ``read``, or a URL that fsspec knows,
        such as ``s3://bucket/key`` or ``zip://capture.scap::https://…`` (extra ``remote``). Gzip, zstd and LZ4
        frames are told by their first bytes. A list of paths, or a pattern such as ``"ring.scap*"``, is read as one
        capture, in the order of their first events.
    view : {"full", "exit"}
        ``"full"`` shows events as they were captured, with the names and rules of sysdig 0.29.3; ``"exit"`` uses
        those of the newest libraries.
    strict : bool
        Stop at the first damage with an error. Otherwise what is damaged is skipped, and the error comes when
        everything that can be read has been delivered; it lists the gaps.

    Raises
    ------
    SourceError
        If the file cannot be opened.
    """
    capture = Capture(open_several(what), modern=view == "exit", strict=strict)
    if isinstance(what, (str, os.PathLike)) and capture.compression == "lz4":
        capture.path = os.fspath(what)
    return capture


def open_several(what: Any) -> Source:
    """The source for what a user has: one thing, a list of paths, or a pattern of them.

    Raises
    ------
    SourceError
        If nothing matches, or a file cannot be opened.
    """
    if isinstance(what, str):
        found = expand(what)
        what = what if found == [what] else found
    if not isinstance(what, (list, tuple)):
        return open_anywhere(what)
    if not what:
        raise SourceError("cannot open an empty list of captures")
    started: list[tuple[int, int, Any]] = []
    for place, path in enumerate(what):
        if not isinstance(path, (str, os.PathLike)) or path == "-":
            raise SourceError("only paths can be read one after another")
        with open_anywhere(path) as source:
            time = beginning(Reader(source, state=False))
            # Files that hold no event go where their neighbour goes.
            if time is None:
                time = started[-1][0] if started else 0
        started.append((time, place, path))
    paths = [path for _, _, path in sorted(started, key=lambda entry: entry[:2])]
    return ChainSource([partial(open_anywhere, path) for path in paths], [os.fsdecode(path) for path in paths])


def beginning(reader: Reader) -> int | None:
    """Time of the first event that does not only tell of what was before; calls under way may have begun long ago."""
    from scapcore.merge import leading_rows, time_of

    while reader.advance():
        row = leading_rows(reader.batch)
        if row < len(reader.batch):
            return time_of(reader.batch, row)
    return None


def find_objects(body: bytes) -> Directory | None:
    """The objects of a cluster in a block of a capture."""
    from scappy.metadata.embedding import embedded

    return embedded(body)


class Capture:
    """The events of a capture, or those of them that a filter selects.

    Lazy: every iteration is one pass over the bytes. A capture that comes from a path or from memory can be passed over
    again and again; a stream once.

    Parameters
    ----------
    source : Source
        Where the bytes come from.
    modern : bool
        The names and rules of the newest libraries.
    where : CompiledFilter, optional
        What to select.
    strict : bool
        Whether to stop at the first damage.
    """

    def __init__(
        self, source: Source, *, modern: bool = False, where: CompiledFilter | None = None, strict: bool = False
    ) -> None:
        self._sources = [source]
        self._used = [False]
        self._modern = modern
        self._strict = strict
        self._report: Report | None = None
        self._where = where
        self._services: dict[tuple[int, int], bytes] | None = None
        self._directory: Directory | None = None
        #: Where the file lies, if it may have places to begin at.
        self.path: str | None = None

    @property
    def name(self) -> str:
        """Name of the source, for messages."""
        return self._sources[0].name

    def filter(self, text: str, *, names: FilterNames | None = None) -> Self:
        """The same capture, narrowed by a filter; filters add up.

        Parameters
        ----------
        text : str
            A filter in the language of Falco's rules and of sysdig.
        names : FilterNames, optional
            Lists and macros that the filter may name, see :func:`scappy.filters.load_filter_file`.

        Raises
        ------
        FilterError
            If the filter cannot be understood; the message points at the place.
        """
        from scappy.filters.plan import compile_filter

        where = compile_filter(text, names)
        if self._where is not None:
            # The canonical texts name no macros any more.
            where = compile_filter(f"({self._where.tree}) and ({where.tree})")
        return self._with(where)

    def filtered_anew(self, text: str) -> Self:
        """The same capture with another filter instead of its own; an empty one selects everything.

        Raises
        ------
        FilterError
            If the filter cannot be understood.
        """
        from scappy.filters.plan import compile_filter

        return self._with(compile_filter(text) if text else None)

    @property
    def filter_text(self) -> str:
        """The filter as text, empty if there is none."""
        return "" if self._where is None else self._where.text

    def _with(self, where: CompiledFilter | None) -> Self:
        # Both go on to share the source, and whether it has been used.
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._where = where
        other._report = None
        return other

    def with_port_names(self) -> Self:
        """The same capture with names of services instead of ports in the texts of addresses, as this machine knows them."""
        from scappy.fields.names import port_names

        other = self._with(self._where)
        other._services = port_names()
        return other

    def join_kubernetes(self, what: Snapshot | Directory) -> Self:
        """The same capture with the objects of its Kubernetes cluster, for the fields ``k8s.*``.

        Pods are found by ids of containers, ids of pods in labels and control groups, and the names of containers.
        An object counts for an event only if it existed then.

        Parameters
        ----------
        what : str, path, bytes, mapping, iterable of mappings, or Directory
            What ``kubectl get … -A -o json`` prints: the path of a file or its bytes, JSON or YAML (which needs the
            extra ``k8s``), with gzip or without; or objects as Python values.

        Raises
        ------
        SourceError
            If the file cannot be read.

        Warns
        -----
        MetadataWarning
            If something about the objects is wrong: they are damaged, or of another cluster. No event is lost by that.
        """
        from scappy.metadata import Directory, read_objects

        other = self._with(self._where)
        other._directory = what if isinstance(what, Directory) else Directory(read_objects(what))
        return other

    @property
    def first_time(self) -> int:
        """Time of the first event, ns since the epoch; 0 without one. It takes a pass of its own over the beginning.

        Raises
        ------
        UnsupportedCaptureError
            If the capture is a stream, of which the beginning would be lost.
        """
        with self._sources[0].reopen() as source:
            reader = Reader(source, state=False)
            return reader.batch.first_time if reader.advance() else 0

    @property
    def compression(self) -> str | None:
        """Compression of the source: ``gzip``, ``zstd``, ``lz4`` or None."""
        return self._sources[0].compression

    @property
    def needs(self) -> int:
        """Costly columns that the filter needs, see :class:`scapcore.engine.Engine`."""
        return 0 if self._where is None else self._where.needs

    @property
    def needs_state(self) -> bool:
        """Whether the filter needs threads or descriptors."""
        return self._where is not None and self._where.needs_state

    @property
    def repeatable(self) -> bool:
        """Whether the capture can be passed over again; a stream cannot."""
        return self._sources[0].repeatable

    def reader(self, *, state: bool = True, needs: int = 0) -> Reader:
        """Begin a pass at the level of batches.

        Parameters
        ----------
        state : bool
            Whether threads and descriptors are wanted, besides what the filter needs.
        needs : int
            Costly columns that are wanted, see :class:`scapcore.engine.Engine`.
        """
        if self._where is not None:
            state = state or self._where.needs_state
            needs |= self._where.needs
            if self.path is not None and not self._strict:
                found = self._sought(self.path, state, needs)
                if found is not None:
                    return found
        if self._used[0]:
            self._sources[0] = self._sources[0].reopen()
        self._used[0] = True
        return Reader(
            self._sources[0],
            state=state,
            needs=needs,
            modern=self._modern,
            strict=self._strict,
            services=self._services,
            directory=self._directory,
            embedded=find_objects,
        )

    def _sought(self, path: str, state: bool, needs: int) -> Reader | None:
        """A reader that begins near the place that the filter asks for; None where the file has no such place."""
        from scappy.seeking import seek

        assert self._where is not None
        try:
            found = seek(path, os.stat(path).st_mtime_ns, self._where.tree)
        except OSError:
            return None
        if found is None:
            return None
        source, number = found
        reader = Reader(
            source,
            state=state,
            needs=needs,
            modern=self._modern,
            services=self._services,
            directory=self._directory,
            embedded=find_objects,
        )
        reader.begin_at(number, self.first_time)
        return reader

    @property
    def joined(self) -> Directory | None:
        """The objects that were joined by :meth:`join_kubernetes`; None where there are none but those in the capture."""
        return self._directory

    def plain_reader(self, *, state: bool = True, needs: int = 0) -> Reader:
        """Begin a pass without regard to the filter; parameters as for :meth:`reader`."""
        return self._with(None).reader(state=state, needs=needs)

    @property
    def is_modern(self) -> bool:
        """Whether the view is that of the newest libraries."""
        return self._modern

    @property
    def is_newest(self) -> bool:
        """Whether every event is of the newest form as it stands, so that both views have the same events."""
        return False

    @property
    def is_live(self) -> bool:
        """Whether the events happen while they are read."""
        return False

    @property
    def is_strict(self) -> bool:
        """Whether reading stops at the first damage."""
        return self._strict

    @property
    def source_names(self) -> list[str]:
        """Names of the files that are read."""
        return [name for source in self._sources for name in source.names]

    def predicate(self, *, early: bool = False, counted: bool = False) -> Any:
        """The filter as a native predicate for one pass, None where there is none.

        Parameters
        ----------
        early : bool
            Whether calls are forgotten whose beginning is dropped, see :class:`scapcore.predicate.Predicate`.
        counted : bool
            Whether internal events are chosen too, for those who count events.
        """
        return None if self._where is None else self._where.predicate(early=early, counted=counted)

    def __iter__(self) -> Iterator[Event]:
        events: Iterator[Event] = EventIterator(self.reader(needs=ALL_NEEDS), self.predicate(), compile_field)
        return events

    def batches(self, *, state: bool = True, where: str | None = None) -> Iterator[EventBatch]:
        """Batches of events as NumPy columns; ``batch.selected`` holds the rows that the filter chose.

        Parameters
        ----------
        state : bool
            Whether the columns of threads and descriptors are wanted.
        where : str, optional
            A filter, besides those of the capture.
        """
        capture = self if where is None else self.filter(where)
        reader = capture.reader(state=state)
        predicate = capture.predicate()
        while reader.advance():
            if predicate is not None:
                predicate.run(reader.batch)
            yield reader.batch

    def tables(self, fields: Sequence[str], *, where: str | None = None) -> Iterator[Table]:
        """Values of fields as columns, a table for each batch in which something is selected: select at flat memory.

        Parameters, errors
            As for :meth:`select`.
        """
        from scappy.gathering import Gathering
        from scappy.table import Table

        gathering = Gathering(self if where is None else self.filter(where), fields)
        while gathering.advance():
            if gathering.rows:
                yield Table(*gathering.take())

    def select(
        self,
        fields: Sequence[str],
        *,
        where: str | None = None,
        addresses: Literal["text", "binary"] = "text",
        payloads: Literal["view", "binary"] = "view",
        durations: Literal["duration", "integer"] = "duration",
    ) -> Selection:
        """Values of fields as columns, for NumPy and for everything that takes Arrow's columns.

        Nothing is read before the columns are asked for, and then only what they and the filter need.

        Parameters
        ----------
        fields : sequence of str
            Names of fields, such as ``["evt.num", "proc.name", "fd.name"]``.
        where : str, optional
            A filter, besides those of the capture.
        addresses : {"text", "binary"}
            IP addresses in Arrow's columns: text, or 4 or 16 bytes.
        payloads : {"view", "binary"}
            Byte fields in Arrow's columns: views of the capture's memory, or copies.
        durations : {"duration", "integer"}
            How long something took, in Arrow's columns: ``duration[ns]``, or nanoseconds as integers.

        Raises
        ------
        FieldError, FilterError
            If a field or the filter is wrong.
        CorruptCaptureError
            When it is read, if the capture is damaged and was opened with ``strict=True``, or nothing of it can be read.

        Warns
        -----
        DamageWarning
            When it is read, if the capture is damaged: the table holds what can be read.
        """
        from scappy.arrow import ArrowForm
        from scappy.selection import Selection

        return Selection(self if where is None else self.filter(where), fields, ArrowForm(addresses, payloads, durations))

    def write(
        self,
        path: str | PathLike[str] | BinaryIO,
        *,
        where: str | None = None,
        compress: str | None = None,
        begin: int | None = None,
        end: int | None = None,
        complete: bool = True,
        mode: int | None = None,
    ) -> CopyResult:
        """Write the capture, or what filters choose of it, as a capture.

        Without a filter or range of time every block is copied byte for byte. A copy of a part is complete: its events
        look as they do in the whole.

        Parameters
        ----------
        path : path or binary file
            Where to. A path appears when everything is written.
        where : str, optional
            A filter, besides those of the capture.
        compress : {"gzip", "zstd", "lz4"}, optional
            Compression.
        begin, end : int, optional
            A range of time, ns since the epoch, both ends included.
        complete : bool
            Whether events are kept, not to be shown, without which those that were chosen would look different.
        mode : int, optional
            Permissions of a new file; the default is 0600.

        Returns
        -------
        CopyResult
            Counts of events and bytes.

        Raises
        ------
        FilterError
            If the filter cannot be understood.
        ScapError
            If the target cannot be written, or is the capture itself.
        UnsupportedCaptureError
            If the capture was opened with ``view="exit"``.

        Warns
        -----
        DamageWarning
            If the capture is damaged: the copy holds what can be read.
        """
        from scappy.copying import CopySettings, copy_capture

        capture = self if where is None else self.filter(where)
        settings = CopySettings(compress=compress, begin=begin, end=end, complete=complete, mode=mode)
        result = copy_capture(capture, path, settings)
        if result.damage is not None:
            warnings.warn(str(result.damage), DamageWarning, stacklevel=2)
        return result

    @property
    def report(self) -> Report:
        """How much of the capture could be read, and how good it is; made in a pass of its own when first asked for."""
        from scappy.report import gather

        if self._report is None:
            self._report = gather(self)
        return self._report

    def info(self) -> CaptureInfo:
        """Machine, time span, counts and whatever else a first look asks for, in one pass."""
        from scappy.info import gather

        return gather(self)

    def close(self) -> None:
        """Let the underlying file go; what was taken from the capture stays valid, and what is asked for later opens it again."""
        self._sources[0].close()
        self._used[0] = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        from scappy.html import capture_html

        return capture_html(self)

    def __repr__(self) -> str:
        where = f" where {self._where.text}" if self._where is not None else ""
        return f"<Capture {self.name}{where}>"
