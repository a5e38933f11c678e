"""The star on disk: events, and what they refer to, as Parquet files with keys and times of validity.

Whoever reads a capture twice converts it once. Types are those that every reader of Parquet knows: moments are kept twice,
as ``timestamp[us, UTC]`` for queries and as nanoseconds in int64, and no number is unsigned.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from inspect import signature
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from scapcore.arrow_columns import ArrowColumn
from scapcore.arrow_gather import ArrowGatherer
from scapcore.errors import CorruptCaptureError
from scapcore.event import FieldReader
from scapcore.versions import VersionKeys, return_memory
from scappy.arrow import ArrowForm, column_form
from scappy.fields.compiling import compile_field
from scappy.selection import library

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from scapcore.arrow import ArrowType
    from scapcore.batch import EventBatch
    from scapcore.fields import FieldUse
    from scappy.capture import Capture
    from scappy.converting.converted import Converted

    Keys: TypeAlias = "NDArray[numpy.int64]"

__all__ = ["CONTAINERS", "EVENTS", "FDS", "PODS", "THREADS", "USERS", "Star"]

#: Columns of each table, and the fields that they hold.
EVENTS = {
    "num": "evt.num", "time_ns": "evt.rawtime", "type": "evt.type", "direction": "evt.dir", "category": "evt.category",
    "cpu": "evt.cpu", "tid": "thread.tid", "fd_number": "fd.num", "result": "evt.rawres", "failed": "evt.failed",
    "latency_ns": "evt.latency", "io": "evt.io_dir", "bytes": "evt.buflen", "args": "evt.args", "data": "evt.buffer",
}  # fmt: skip
THREADS = {
    "tid": "thread.tid", "pid": "proc.pid", "vtid": "thread.vtid", "vpid": "proc.vpid", "ppid": "proc.ppid",
    "name": "proc.name", "parent_name": "proc.pname", "exe": "proc.exe", "exepath": "proc.exepath",
    "cmdline": "proc.cmdline", "cwd": "proc.cwd", "session": "proc.sid", "tty": "proc.tty",
}  # fmt: skip
FDS = {
    "type": "fd.type", "name": "fd.name", "directory": "fd.directory", "protocol": "fd.l4proto",
    "client_ip": "fd.cip", "client_port": "fd.cport", "server_ip": "fd.sip", "server_port": "fd.sport",
    "is_server": "fd.is_server",
}  # fmt: skip
USERS = {"uid": "user.uid", "name": "user.name", "home": "user.homedir", "shell": "user.shell",
         "gid": "group.gid", "group_name": "group.name"}  # fmt: skip
CONTAINERS = {
    "id": "container.id", "name": "container.name", "type": "container.type", "image": "container.image",
    "image_repository": "container.image.repository", "image_tag": "container.image.tag",
    "privileged": "container.privileged",
}  # fmt: skip
PODS = {
    "id": "k8s.pod.id", "name": "k8s.pod.name", "namespace": "k8s.ns.name", "ip": "k8s.pod.ip",
    "deployment": "k8s.deployment.name", "service": "k8s.svc.name",
}  # fmt: skip
#: The dimensions that a thread belongs to; nothing is one of which the first column says nothing.
BEHIND = {"users": USERS, "containers": CONTAINERS, "pods": PODS}
NOBODY = (None, "", "host", "<NA>")

#: Rows and bytes of a group of rows in a file: what a query reads at once.
GROUP_ROWS = 1 << 19
GROUP_BYTES = 1 << 27
#: Written rows that have taken enough memory for it to be worth the time to return it.
RETURN_ROWS = 1 << 16
MOST_FILES = 8
#: Parts of a capture, the hours of twelve weeks: damaged times must not make a folder for each event.
MOST_PARTS = 2_016
NO_HOUR = "unknown"
#: Bytes and rows of a page: a query that knows which rows it wants unpacks only the pages that hold them.
PAGE_BYTES = 1 << 16
PAGE_ROWS = 1 << 13
#: Columns that grow with every event: told by their differences, as each of their values comes once.
GROWING = ("num", "time", "time_ns")
#: Columns that most queries choose by. They are small, and reading them takes longer when they are compressed.
CHOSEN_BY = frozenset(("num", "type", "direction", "latency_ns", "thread", "fd"))
HOUR = 3600 * 10**9
FORM = ArrowForm(payloads="binary", durations="integer")


def storage(names: Sequence[str], parquet: Any) -> dict[str, Any]:
    """How the writer of Parquet is to store columns of these names."""
    growing = [name for name in GROWING if name in names]
    # Older versions of PyArrow count bytes only.
    rows = {"max_rows_per_page": PAGE_ROWS} if "max_rows_per_page" in signature(parquet.write_table).parameters else {}
    return {
        "compression": {name: "none" if name in CHOSEN_BY else "zstd" for name in names},
        "use_dictionary": [name for name in names if name not in growing],
        "column_encoding": dict.fromkeys(growing, "DELTA_BINARY_PACKED"),
        "data_page_size": PAGE_BYTES,
        "write_page_index": True,
        **rows,
    }


class Gatherer:
    """Gathers some fields under other names.

    Parameters
    ----------
    columns : dict of str to str
        Field by name of the column.
    reader : FieldReader
        Of the pass.
    """

    def __init__(self, columns: dict[str, str], reader: FieldReader) -> None:
        from scapcore.arrow import ArrowType
        self.uses: list[FieldUse] = [compile_field(field) for field in columns.values()]
        forms = [column_form(field, use, FORM) for field, use in zip(columns.values(), self.uses, strict=True)]
        types: list[ArrowType] = [form.type(name) for name, form in zip(columns, forms, strict=True)]
        made = [ArrowColumn(reader, use, form.layout, form.format) for use, form in zip(self.uses, forms, strict=True)]
        self.native = ArrowGatherer(ArrowType(b"+s", "", False, types), made)

    @property
    def needs(self) -> int:
        """Costly columns of the engine that the fields need."""
        found = 0
        for use in self.uses:
            found |= use.needs
        return found

    def finish(self, arrow: Any) -> dict[str, Any]:
        """The columns gathered so far, as Arrow arrays by name; unsigned numbers are signed."""
        batch = arrow.record_batch(self.native.finish())
        found = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            kind = column.type
            if arrow.types.is_timestamp(kind) or arrow.types.is_uint64(kind):
                column = column.view(arrow.int64())
            found[name] = column
        return found


class Files:
    """The files of a table, in folders by host and hour, or one for all.

    Parameters
    ----------
    folder : Path
        Of the table.
    name : str
        What file names begin with.
    parquet : module
        ``pyarrow.parquet``.
    """

    def __init__(self, folder: Path, name: str, arrow: Any, parquet: Any) -> None:
        self.folder = folder
        self.name = name
        self.arrow = arrow
        self.parquet = parquet
        self.open: dict[str, Any] = {}
        self.waiting: dict[str, list[Any]] = {}
        self.counts: dict[str, int] = {}
        self.parts: set[str] = set()
        self.rows = 0
        folder.mkdir(exist_ok=True)

    def known(self, part: str) -> str:
        """A part, or the one for all that are too many."""
        if len(self.parts) < MOST_PARTS or part in self.parts:
            self.parts.add(part)
            return part
        return f"{part.partition('/')[0]}/hour={NO_HOUR}"

    def add(self, columns: dict[str, Any], part: str = "") -> None:
        """Add rows to the files of a part, such as ``host=a/hour=…``."""
        table = self.arrow.table(columns)
        self.rows += table.num_rows
        waiting = self.waiting.setdefault(part, [])
        waiting.append(table)
        if sum(each.num_rows for each in waiting) >= GROUP_ROWS or sum(each.nbytes for each in waiting) >= GROUP_BYTES:
            self.flush(part)
        # Time goes on: of many parts only the last ones are still written to.
        while len(self.waiting) > MOST_FILES:
            oldest = next(iter(self.waiting))
            self.flush(oldest)
            del self.waiting[oldest]
            if oldest in self.open:
                self.open.pop(oldest).close()

    def flush(self, part: str) -> None:
        """Write the rows of a part that wait."""
        if not self.waiting[part]:
            return
        table = self.arrow.concat_tables(self.waiting[part]).unify_dictionaries()
        self.waiting[part] = []
        writer = self.open.get(part)
        if writer is None:
            folder = self.folder / part
            folder.mkdir(parents=True, exist_ok=True)
            number = self.counts[part] = self.counts.get(part, -1) + 1
            place = folder / f"{self.name}-{number}.parquet"
            writer = self.parquet.ParquetWriter(place, table.schema, **storage(table.schema.names, self.parquet))
            self.open[part] = writer
        writer.write_table(table, row_group_size=GROUP_ROWS)
        if table.num_rows >= RETURN_ROWS:
            del table
            return_memory()

    def close(self) -> None:
        """Write what waits and end the files."""
        for part in self.waiting:
            self.flush(part)
        for writer in self.open.values():
            writer.close()
        self.open = {}


class Versions:
    """Versions of threads or descriptors on their way into their table: columns gathered so far, and their keys."""

    def __init__(self, keys: VersionKeys, gatherer: Gatherer) -> None:
        self.keys = keys
        self.gatherer = gatherer
        self.first = keys.next_key
        self.chunks: list[dict[str, Any]] = []
        self.events: list[Any] = []

    def take(self, batch: EventBatch, rows: Any) -> None:
        """Find the keys of events, and take what is new."""
        import numpy

        found, fresh = self.keys.take(batch, rows)
        self.events.append(numpy.frombuffer(found, numpy.int64))
        if fresh:
            self.gatherer.native.take_rows(batch, numpy.array(fresh, numpy.uint32))


class Star:
    """Writes captures as Parquet tables (extra ``arrow``).

    Parameters
    ----------
    payloads : bool
        Whether events have the bytes that were read and written.

    Raises
    ------
    MissingDependencyError
        If PyArrow is not installed.
    """

    def __init__(self, *, payloads: bool = True) -> None:
        self.arrow = library("pyarrow", "arrow", "convert")
        self.parquet = library("pyarrow.parquet", "arrow", "convert")
        self.events = {name: field for name, field in EVENTS.items() if payloads or name != "data"}
        self.thread_key = self.fd_key = 1
        self.known: dict[str, dict[tuple[object, ...], int]] = {name: {} for name in BEHIND}
        self.spans: dict[str, dict[int, tuple[int, int]]] = {name: {} for name in BEHIND}

    def write(self, captures: Sequence[Capture], folder: Path, done: Converted) -> None:
        """Write captures into a folder.

        Raises
        ------
        ScapError
            If a capture cannot be read at all.
        """
        counts = dict.fromkeys(("events", "threads", "fds", *BEHIND), 0)
        for number, capture in enumerate(captures):
            for name, count in self.write_one(capture, folder, number, done).items():
                counts[name] += count
        for name, columns in BEHIND.items():
            counts[name] += self.write_behind(folder, name, columns)
        self.write_columns(folder, [name for name in ("events", "threads", "fds") if not counts[name]])
        done.rows |= counts

    def write_one(self, capture: Capture, folder: Path, number: int, done: Converted) -> dict[str, int]:
        """Write the events, threads and descriptors of a capture."""
        reader_of_fields = FieldReader(compile_field)
        events = Gatherer(self.events | {"host": "evt.hostname"}, reader_of_fields)
        behind = {f"{table}.{name}": field for table, columns in BEHIND.items() for name, field in columns.items()}
        threads = Versions(
            VersionKeys(descriptors=False, first_key=self.thread_key), Gatherer(THREADS | behind, reader_of_fields)
        )
        fds = Versions(VersionKeys(descriptors=True, first_key=self.fd_key), Gatherer(FDS, reader_of_fields))
        reader = capture.reader(state=True, needs=events.needs | threads.gatherer.needs | fds.gatherer.needs)
        predicate = capture.predicate()
        files = Files(folder / "events", f"part-{number}", self.arrow, self.parquet)
        links: dict[str, list[Any]] = {name: [] for name in BEHIND}

        def flush() -> None:
            self.keep_threads(threads, links)
            if fds.gatherer.native.count:
                fds.chunks.append(fds.gatherer.finish(self.arrow))
            self.write_events(files, events, threads, fds, links)

        try:
            while reader.advance():
                batch = reader.batch
                if predicate is not None:
                    predicate.run(batch)
                rows = batch.selected
                if len(rows):
                    threads.take(batch, rows)
                    fds.take(batch, rows)
                    events.native.take_rows(batch, rows)
                del batch
                if events.native.count >= 1 << 16 or events.native.held >= 1 << 26:
                    flush()
        except CorruptCaptureError as error:
            if not error.gaps:
                raise
            done.damage.append(error)
        flush()
        files.close()
        threads.keys.close()
        fds.keys.close()
        counts = {"events": files.rows}
        for name, versions in (("threads", threads), ("fds", fds)):
            table = Files(folder / name, f"part-{number}", self.arrow, self.parquet)
            self.write_versions(table, versions)
            counts[name] = table.rows
        self.thread_key = threads.keys.next_key
        self.fd_key = fds.keys.next_key
        self.note_spans(threads, links)
        return counts

    # -----------------------------------------------------------------------------------------------------
    # Events

    def write_events(
        self, files: Files, events: Gatherer, threads: Versions, fds: Versions, links: dict[str, list[Any]]
    ) -> None:
        """Write the events gathered so far, with their keys, each into the folder of its host and hour."""
        import numpy

        if not events.native.count:
            return
        arrow = self.arrow
        columns = events.finish(arrow)
        hosts = columns.pop("host")
        keys = numpy.concatenate(threads.events)
        columns["thread"] = nullable(arrow, keys)
        columns["fd"] = nullable(arrow, numpy.concatenate(fds.events))
        threads.events, fds.events = [], []
        for name, chunks in links.items():
            linked = numpy.concatenate([numpy.zeros(1, numpy.int64), *chunks])
            chunks[:] = [linked[1:]] if len(linked) > 1 else []
            columns[name[:-1]] = nullable(arrow, linked[numpy.where(keys > 0, keys - threads.first + 1, 0)])
        times = columns["time_ns"].fill_null(0).to_numpy()
        columns["time"] = moments(arrow, times)
        hours = times // HOUR
        codes = hosts.indices.fill_null(-1).to_numpy()
        names = [str(name) for name in hosts.dictionary.to_pylist()]
        ordered = {"num": columns.pop("num"), "time": columns.pop("time"), **columns}
        if (hours == hours[0]).all() and (codes == codes[0]).all():
            files.add(ordered, files.known(part_of(names, int(codes[0]), int(hours[0]))))
            return
        order = numpy.lexsort((hours, codes))
        sorted_rows = {name: column.take(arrow.array(order)) for name, column in ordered.items()}
        codes, hours = codes[order], hours[order]
        starts = [0, *(numpy.flatnonzero((numpy.diff(codes) != 0) | (numpy.diff(hours) != 0)) + 1).tolist(), len(order)]
        parts = [files.known(part_of(names, int(codes[start]), int(hours[start]))) for start in starts[:-1]]
        for part, group in groupby(zip(parts, starts, starts[1:], strict=False), itemgetter(0)):
            spans = list(group)
            start, end = spans[0][1], spans[-1][2]
            files.add({name: column.slice(start, end - start) for name, column in sorted_rows.items()}, part)

    def write_columns(self, folder: Path, tables: Sequence[str]) -> None:
        """Tables without rows tell their columns all the same."""
        none = self.arrow.array([], self.arrow.int64())
        moment = none.cast(self.arrow.timestamp("us", "UTC"))
        for name in tables:
            fields = {"events": self.events, "threads": THREADS, "fds": FDS}[name]
            columns = Gatherer(fields, FieldReader()).finish(self.arrow)
            if name == "events":
                keys = ("thread", "fd", *(each[:-1] for each in BEHIND))
                columns = {"num": columns.pop("num"), "time": moment, **columns, **dict.fromkeys(keys, none)}
            else:
                linked = dict.fromkeys((each[:-1] for each in BEHIND), none) if name == "threads" else {}
                ends = {"valid_from": moment, "valid_to": moment, "valid_from_ns": none, "valid_to_ns": none}
                columns = {"key": none, **columns, **linked, **ends}
            place = folder / name / (part_of([], -1, 0) if name == "events" else "")
            place.mkdir(parents=True, exist_ok=True)
            self.parquet.write_table(self.arrow.table(columns), place / "part-0-0.parquet")

    # -----------------------------------------------------------------------------------------------------
    # Dimensions

    def keep_threads(self, threads: Versions, links: dict[str, list[Any]]) -> None:
        """Keep the versions of threads gathered so far, and find their users, containers and pods."""
        import numpy

        if not threads.gatherer.native.count:
            return
        columns = threads.gatherer.finish(self.arrow)
        for table, behind in BEHIND.items():
            known = self.known[table]
            values = zip(*(columns.pop(f"{table}.{name}").to_pylist() for name in behind), strict=True)
            keys = []
            for value in values:
                if value[0] in NOBODY:
                    keys.append(0)
                else:
                    keys.append(known.setdefault(value, len(known) + 1))
            links[table].append(numpy.array(keys, numpy.int64))
            columns[table[:-1]] = nullable(self.arrow, links[table][-1])
        threads.chunks.append(columns)

    def write_versions(self, table: Files, versions: Versions) -> None:
        """Write versions with their keys and when they held."""
        import numpy

        start = 0
        for columns in versions.chunks:
            count = len(next(iter(columns.values())))
            first, last = (numpy.frombuffer(each, numpy.int64) for each in versions.keys.spans_of(start, count))
            keys = numpy.arange(versions.first + start, versions.first + start + count, dtype=numpy.int64)
            table.add({"key": self.arrow.array(keys), **columns, **validity(self.arrow, first, last)})
            start += count
        if versions.chunks:
            table.close()

    def note_spans(self, threads: Versions, links: dict[str, list[Any]]) -> None:
        """Note when users, containers and pods were seen: while any of their threads was."""
        import numpy

        for name, chunks in links.items():
            if not chunks:
                continue
            linked = numpy.concatenate(chunks)
            first, last = (numpy.frombuffer(each, numpy.int64) for each in threads.keys.spans_of(0, len(linked)))
            for key in numpy.unique(linked[linked > 0]).tolist():
                chosen = linked == key
                span = int(first[chosen].min()), int(last[chosen].max())
                old = self.spans[name].get(key, span)
                self.spans[name][key] = min(old[0], span[0]), max(old[1], span[1])

    def write_behind(self, folder: Path, name: str, columns: dict[str, str]) -> int:
        """Write users, containers or pods; how many."""
        import numpy

        known = self.known[name]
        values = list(zip(*known, strict=True)) if known else [()] * len(columns)
        kinds = Gatherer(columns, FieldReader()).finish(self.arrow)
        made = {"key": self.arrow.array(range(1, len(known) + 1), self.arrow.int64())}
        for column, items in zip(columns, values, strict=True):
            kind = kinds[column].type
            if self.arrow.types.is_dictionary(kind):
                kind = kind.value_type
            made[column] = self.arrow.array(items, kind)
        spans = [self.spans[name].get(key, (0, 0)) for key in range(1, len(known) + 1)]
        first, last = (numpy.array([span[end] for span in spans], numpy.int64) for end in (0, 1))
        table = Files(folder / name, "part-0", self.arrow, self.parquet)
        table.add({**made, **validity(self.arrow, first, last)})
        # A table without rows tells its columns all the same.
        self.parquet.write_table(self.arrow.concat_tables(table.waiting.pop("")), table.folder / "part-0-0.parquet")
        return table.rows


def nullable(arrow: Any, keys: Keys) -> Any:
    """Keys with 0 as missing."""
    return arrow.array(keys, mask=keys == 0)


def moments(arrow: Any, times: Keys) -> Any:
    """Nanoseconds since the epoch as what every reader knows."""
    return arrow.array(times // 1000).cast(arrow.timestamp("us", "UTC"))


def validity(arrow: Any, first: Keys, last: Keys) -> dict[str, Any]:
    """When something held, from the first to the last event that refers to it."""
    return {
        "valid_from": moments(arrow, first), "valid_to": moments(arrow, last),
        "valid_from_ns": arrow.array(first), "valid_to_ns": arrow.array(last),
    }  # fmt: skip


def part_of(names: list[str], code: int, hour: int) -> str:
    """The folder of a host and an hour, as Hive has it."""
    from datetime import datetime, timedelta, timezone

    host = urllib.parse.quote(names[code] if code >= 0 and names[code] else "unknown", safe="")
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(hours=hour)
    return f"host={host}/hour={moment:%Y-%m-%dT%H}"
