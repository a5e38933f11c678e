"""The star on disk says what the capture says: joined by its keys, it gives back the columns that select gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from capture_builder import START, CaptureBuilder

import scappy
from scappy.converting import Converted, convert
from scappy.converting.star import (
    CHOSEN_BY,
    CONTAINERS,
    EVENTS,
    FDS,
    GROWING,
    HOUR,
    PODS,
    THREADS,
    USERS,
    Files,
    Star,
    storage,
)

TABLES = ("events", "threads", "fds", "users", "containers", "pods")


def database(folder: Path) -> duckdb.DuckDBPyConnection:
    """The tables of a star as views."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for table in TABLES:
        files = f"'{folder}/{table}/**/*.parquet', hive_partitioning = true"
        connection.execute(f"create view {table} as from read_parquet({files})")
    return connection


def joined(connection: duckdb.DuckDBPyConnection, table: str, key: str, columns: dict[str, str]) -> list[tuple[object, ...]]:
    """For each event, what the dimension says."""
    chosen = ", ".join(f'd."{name}"' for name in columns)
    return connection.execute(
        f"select {chosen} from events e left join {table} d on e.{key} = d.key order by e.num"
    ).fetchall()


def test_joins_give_back_the_columns(walkthrough: Path, shared_captures: list[Path], tmp_path: Path) -> None:
    small = [path for path in shared_captures if path.stat().st_size < 400_000][:4]
    for number, path in enumerate([walkthrough, *small]):
        capture = scappy.open(path)
        folder = tmp_path / str(number)
        result = convert(capture, folder, "parquet")
        connection = database(folder)
        everything = (EVENTS, THREADS, FDS, USERS, CONTAINERS, PODS)
        fields = list(dict.fromkeys(field for columns in everything for field in columns.values()))
        table = capture.select(fields, payloads="binary", durations="integer").to_arrow()
        assert result.rows["events"] == table.num_rows
        expected = {
            name: (column.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(column.type) else column).to_pylist()
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        events = connection.execute(f"select {', '.join(EVENTS)} from events order by num").fetchall()
        assert events == list(zip(*(expected[field] for field in EVENTS.values()), strict=True))
        for name, key, columns in (("threads", "thread", THREADS), ("fds", "fd", FDS)):
            found = joined(connection, name, key, columns)
            wanted = list(zip(*(expected[field] for field in columns.values()), strict=True))
            for got, asked, kind in zip(found, wanted, expected["evt.type"], strict=True):
                if asked == got or (name == "fds" and kind == "connect"):
                    continue         # a connect that fails or goes on has a name of its own
                # An idle processor is no thread. An event without a known descriptor has at most a name without text.
                assert set(got) == {None} and set(asked[1:]) <= {None, "", "/"} and (name == "threads" or asked[0] is None)
        for name, columns in (("users", USERS), ("containers", CONTAINERS), ("pods", PODS)):
            found = joined(connection, name, f'"{name[:-1]}"', columns)
            first = expected[next(iter(columns.values()))]
            wanted = list(zip(*(expected[field] for field in columns.values()), strict=True))
            for got, asked, identity in zip(found, wanted, first, strict=True):
                assert got == (asked if identity not in (None, "", "host", "<NA>") else (None,) * len(columns)), path.name


def test_keys_and_validity(walkthrough: Path, tmp_path: Path) -> None:
    result = convert(scappy.open(walkthrough), tmp_path / "star", "parquet")
    connection = database(tmp_path / "star")
    for table in TABLES[1:]:
        query = f"select count(*), count(distinct key), min(key) from {table}"
        count, distinct, least = connection.execute(query).fetchone() or ()
        assert count == distinct == result.rows[table] > 0 and least == 1
    for table in TABLES[1:]:
        key = f'e."{table[:-1]}"'
        lost, outside = connection.execute(
            "select count(*) filter (d.key is null), count(*) filter (e.time_ns not between d.valid_from_ns and d.valid_to_ns) "
            f"from events e left join {table} d on {key} = d.key where {key} is not null"
        ).fetchone() or ()
        assert (lost, outside) == (0, 0), table
    # A thread that runs another program is another version of it.
    assert (connection.execute("select max(n) from (select count(*) n from threads group by tid)").fetchone() or (0,))[0] > 1


def hours_apart(events: int) -> bytes:
    """A capture with three events an hour."""
    capture = CaptureBuilder().thread(1, "init")
    for _ in range(events // 2):
        capture.event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    content = capture.content
    for number in range(events):
        time = START + number * 1000
        content = content.replace(time.to_bytes(8, "little"), (time + number // 3 * HOUR).to_bytes(8, "little"))
    return content


def test_events_lie_by_host_and_hour(tmp_path: Path, walkthrough: Path) -> None:
    moved = hours_apart(8)
    convert(scappy.open(moved), tmp_path / "star", "parquet")
    files = (tmp_path / "star" / "events").rglob("*.parquet")
    parts = {path.parent.name: pyarrow.parquet.read_metadata(path).num_rows for path in files}
    assert parts == {"hour=2023-11-14T22": 3, "hour=2023-11-14T23": 3, "hour=2023-11-15T00": 2}
    convert(scappy.open(walkthrough), tmp_path / "other", "parquet")
    assert [path.name for path in (tmp_path / "other" / "events").iterdir()] == ["host=kube-all-in-one"]


def test_types_are_those_that_everybody_reads(walkthrough: Path, tmp_path: Path) -> None:
    """No unsigned numbers, and no moments finer than microseconds: Spark and Athena do not take them."""
    convert(scappy.open(walkthrough), tmp_path / "star", "parquet", payloads=False)
    allowed = {"BOOLEAN", "INT32", "INT64", "BYTE_ARRAY"}
    for path in (tmp_path / "star").rglob("*.parquet"):
        schema = pyarrow.parquet.ParquetFile(path).schema
        for index in range(len(schema)):
            column = schema.column(index)
            assert column.physical_type in allowed, column
            assert "isSigned=false" not in str(column.logical_type) and "nanoseconds" not in str(column.logical_type), column
            assert column.name != "data"


def test_many_captures_are_one_star(walkthrough: Path, tmp_path: Path) -> None:
    one = convert(scappy.open(walkthrough).filter("evt.type = connect"), tmp_path / "one", "parquet")
    two = convert([scappy.open(walkthrough).filter("evt.type = connect")] * 2, tmp_path / "two", "parquet")
    for table in ("events", "threads", "fds"):
        assert two.rows[table] == 2 * one.rows[table]
    for table in ("users", "containers", "pods"):
        assert two.rows[table] == one.rows[table]
    query = "select count(*) from events e join threads t on e.thread = t.key join fds f on e.fd = f.key"
    joins = [database(tmp_path / name).execute(query).fetchall()[0][0] for name in ("one", "two")]
    assert joins[1] == 2 * joins[0] > 0


def test_many_parts_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scappy.converting.star.MOST_FILES", 2)
    content = hours_apart(30)
    result = convert(scappy.open(content), tmp_path / "star", "parquet")
    paths = list((tmp_path / "star" / "events").rglob("*.parquet"))
    assert len(paths) == 10
    assert sum(pyarrow.parquet.read_metadata(path).num_rows for path in paths) == result.rows["events"] == 30


def test_hours_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that are noise do not make a folder for each event; no event is lost."""
    monkeypatch.setattr("scappy.converting.star.MOST_PARTS", 4)
    result = convert(scappy.open(hours_apart(30)), tmp_path / "star", "parquet")
    counts = database(tmp_path / "star").execute("select hour, list(num order by num) from events group by hour").fetchall()
    found = dict(counts)
    assert len(found) == 5 and all(len(numbers) == 3 for hour, numbers in counts if hour != "unknown")
    assert len(found["unknown"]) == 18
    assert sum(len(numbers) for numbers in found.values()) == result.rows["events"] == 30


def test_nothing_chosen_leaves_tables_without_rows(walkthrough: Path, tmp_path: Path) -> None:
    done = Converted()
    (tmp_path / "star").mkdir()
    Star().write([scappy.open(walkthrough).filter("evt.num = 0")], tmp_path / "star", done)
    assert set(done.rows.values()) == {0} and set(done.rows) == set(TABLES)
    convert(scappy.open(walkthrough), tmp_path / "whole", "parquet")
    for table in TABLES:
        empty, whole = (
            database(tmp_path / name).execute(f"describe {table}").fetchall() for name in ("star", "whole")
        )
        assert empty == whole, table


def test_columns_that_queries_choose_by_are_cheap_to_read(walkthrough: Path, tmp_path: Path) -> None:
    """Numbers and moments by their differences, small pages, and nothing to unpack where a filter looks first."""
    convert(scappy.open(walkthrough), tmp_path / "star", "parquet")
    [path] = (tmp_path / "star" / "events").rglob("*.parquet")
    group = pyarrow.parquet.read_metadata(path).row_group(0)
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    assert {name for name, column in columns.items() if column.compression == "UNCOMPRESSED"} == set(CHOSEN_BY)
    for name in GROWING:
        assert "DELTA_BINARY_PACKED" in columns[name].encodings
        assert columns[name].total_uncompressed_size < 8 * group.num_rows
    assert "RLE_DICTIONARY" in columns["type"].encodings
    # With a PyArrow that does not know rows of pages.
    storing = storage(["num", "name"], SimpleNamespace(write_table=lambda table: None))
    assert "max_rows_per_page" not in storing and storing["use_dictionary"] == ["name"]


def resident() -> int:
    """Bytes of memory of this process that no file stands behind."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux") or "LD_PRELOAD" in os.environ, reason="memory is measured elsewhere")
def test_memory_is_flat(walkthrough: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of threads and descriptors does not hold on to memory of the events between."""
    seen: list[int] = []
    flush = Files.flush

    def watched(self: Files, part: str) -> None:
        flush(self, part)
        seen.append(resident())

    monkeypatch.setattr(Files, "flush", watched)
    monkeypatch.setattr("scappy.converting.star.GROUP_ROWS", 1 << 17)
    result = convert(scappy.open([walkthrough] * 12), tmp_path / "star", "parquet")
    assert result.rows["events"] > 1_300_000 and len(seen) > 8
    assert max(seen) < seen[1] + (32 << 20)
