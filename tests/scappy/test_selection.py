"""What `select` gives to other libraries: the same through each of them, and the same as the lines that scapdig prints."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest
from capture_builder import CaptureBuilder

import scappy
import scappy.arrow
from scappy.cli.scapdig import main
from scappy.fields import CLASSES

FIELDS = ["evt.num", "evt.rawtime", "evt.time", "evt.cpu", "evt.type", "evt.dir", "thread.tid", "proc.name", "fd.name",
          "fd.sip", "fd.sport", "evt.rawres", "evt.latency", "evt.is_io_read", "evt.res", "user.name", "fd.types"]  # fmt: skip
FILTER = "proc.name in (curl, nginx, haproxy, sh) or evt.type in (connect, read, switch)"


@pytest.fixture(scope="module")
def selection(walkthrough: Path) -> scappy.Selection:
    return scappy.open(walkthrough).select(FIELDS, where=FILTER)


def printed(value: Any) -> str:
    """A value as scapdig prints it."""
    if value is None:
        return "<NA>"
    if isinstance(value, list):
        return f"({','.join(value)})"
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows_of_arrow(table: pyarrow.Table) -> list[list[str]]:
    """Rows as text; moments as numbers, evt.time as the time of day."""
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_timestamp(column.type) or pyarrow.types.is_duration(column.type):
            column = column.cast(pyarrow.int64())
        values = column.to_pylist()
        if name == "evt.time":
            values = [f"{value // 10**9 // 3600 % 24:02}:{value // 10**9 // 60 % 60:02}:{value // 10**9 % 60:02}."
                      f"{value % 10**9:09}" for value in values]  # fmt: skip
        columns.append([printed(value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


def test_every_library_and_the_printed_lines_agree(
    selection: scappy.Selection, walkthrough: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    arrow = selection.to_arrow()
    arrow.validate(full=True)
    rows = rows_of_arrow(arrow)
    assert len(rows) > 1000

    frame = selection.to_polars()
    assert frame.schema["evt.rawtime"] == polars.Datetime("ns", "UTC")
    assert frame.schema["evt.latency"] == polars.Duration("ns")
    assert frame.schema["proc.name"] == polars.Categorical
    assert rows_of_arrow(frame.to_arrow()) == rows

    frame = selection.to_pandas()
    assert isinstance(frame["proc.name"].dtype, pandas.CategoricalDtype)
    # Numbers with gaps are floats in pandas' own types.
    exact = selection.to_pandas(types_mapper=pandas.ArrowDtype)
    assert rows_of_arrow(pyarrow.Table.from_pandas(exact, preserve_index=False)) == rows
    assert frame["evt.rawres"].isna().sum() == arrow["evt.rawres"].null_count

    assert rows_of_arrow(selection.to_duckdb().to_arrow_table()) == rows

    numbers = selection["evt.num"]
    assert [str(number) for number in numbers.tolist()] == [row[0] for row in rows]  # type: ignore[union-attr]

    template = "*" + "\t".join(f"%{name}" for name in FIELDS)
    assert main(["-r", str(walkthrough), "-p", template, FILTER]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    # Characters that are not printable do not reach the terminal.
    assert [line.split("\t") for line in lines] == [[re.sub("[^ -~]", "", value) for value in row] for row in rows]


def test_every_field_is_what_is_printed(
    shared_captures: list[Path], walkthrough: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All fields that need no argument, but for those whose lines have a form of their own."""
    monkeypatch.setenv("TZ", "UTC")
    other_forms = {"evt.time", "evt.datetime", "evt.reltime", "evt.buffer", "proc.fdusage"}
    names = [
        field.name for group in CLASSES for field in group.fields
        if not (field.filter_only or field.print_only or field.table_only or field.name in other_forms)
        and not {field.format, field.classic_format} & {"HEX", "10_PADDED_DEC"}
        and (field.argument is None or not field.argument.required)
    ]  # fmt: skip
    assert len(names) > 300
    for path in [walkthrough, *sorted(shared_captures, key=lambda path: path.stat().st_size)[-4:]]:
        # As many events as a test has time for; the arguments of events about containers end in a line feed.
        capture = scappy.open(path)
        where = f"evt.num < {next(iter(capture)).num + 2000} and evt.type != container"
        rows = rows_of_arrow(capture.select(names, where=where).to_arrow())
        # -v: payloads within arguments are not cut.
        assert main(["-v", "-r", str(path), "-p", "*" + "\t".join(f"%{name}" for name in names), where]) == 0
        lines = [line.split("\t") for line in capfdbinary.readouterr().out.decode().splitlines()]
        assert len(lines) == len(rows) > 0
        for line, row in zip(lines, rows, strict=True):
            different = [(name, text, value) for name, text, value in zip(names, line, row, strict=True)
                         if re.sub("[^ -~]", "", value) != text]  # fmt: skip
            assert different == [], path.name


def test_libraries_take_it_as_it_is(selection: scappy.Selection) -> None:
    """Through the PyCapsule interface, without a method of ours."""
    expected = selection.to_arrow()
    assert pyarrow.table(selection).equals(expected)
    assert pyarrow.schema(selection) == expected.schema
    assert polars.DataFrame(selection).equals(selection.to_polars())
    assert pandas.DataFrame.from_arrow(selection).shape == (expected.num_rows, len(FIELDS))
    counted = duckdb.sql("select \"proc.name\", count(*) from selection group by all order by all").fetchall()
    assert sum(count for _, count in counted) == expected.num_rows
    reader = pyarrow.RecordBatchReader.from_stream(selection)
    assert reader.read_all().equals(expected)
    batch = next(selection.batches())
    assert pyarrow.record_batch(batch).schema == expected.schema


def test_nothing_is_read_before_it_is_asked_for() -> None:
    selection = scappy.open(damaged(), strict=True).select(["evt.num"])
    assert "Selection from" in repr(selection)
    with pytest.raises(scappy.CorruptCaptureError):
        list(selection.batches())


def test_mistakes_are_told_at_once(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough)
    with pytest.raises(scappy.FieldError):
        capture.select(["proc.nme"])
    with pytest.raises(scappy.FilterError):
        capture.select(["proc.name"], where="proc.nme = a")
    with pytest.raises(ValueError, match="addresses"):
        capture.select(["fd.sip"], addresses="number")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="payloads"):
        capture.select(["evt.buffer"], payloads="copy")  # type: ignore[arg-type]


def test_addresses_as_bytes(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough).filter("fd.sip exists")
    text = capture.select(["fd.sip", "fd.lip"]).to_arrow().to_pydict()
    binary = capture.select(["fd.sip", "fd.lip"], addresses="binary").to_arrow().to_pydict()
    import ipaddress

    for name in text:
        assert {type(value) for value in binary[name]} <= {bytes, type(None)}
        assert [value and ipaddress.ip_address(value).packed for value in text[name]] == binary[name]


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [("to_arrow", "pyarrow", "arrow"), ("to_polars", "polars", "polars"), ("to_pandas", "pandas", "pandas"),
     ("to_pandas", "pyarrow", "pandas"), ("to_duckdb", "duckdb", "duckdb")],
)  # fmt: skip
def test_what_is_missing_is_named(
    selection: scappy.Selection, method: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(scappy.MissingDependencyError, match=rf"scappy\[{extra}\]") as caught:
        getattr(selection, method)()
    assert caught.value.package == package


def damaged() -> bytes:
    """A capture with a hole between its events."""
    capture = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    capture.content += b"\xff" * 40
    return capture.event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0).content


@pytest.mark.parametrize("method", ["to_arrow", "to_polars", "to_pandas", "to_duckdb"])
def test_damage(method: str) -> None:
    with pytest.warns(scappy.DamageWarning):
        found = getattr(scappy.open(damaged()).select(["evt.num"]), method)()
    assert len(found) == 4
    with pytest.raises(scappy.CorruptCaptureError):
        getattr(scappy.open(damaged(), strict=True).select(["evt.num"]), method)()


def test_a_stream_is_read_once(walkthrough: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    selection = scappy.open(Pipe(walkthrough.read_bytes())).select(["evt.num"])
    assert selection.to_polars().height > 100_000
    with pytest.raises(scappy.ScapError):
        selection.to_polars()


def test_a_closed_capture_is_opened_again(walkthrough: Path) -> None:
    with scappy.open(walkthrough) as capture:
        selection = capture.select(["evt.num"], where="evt.type = connect")
    assert selection.rows == selection.to_arrow().num_rows > 0


def resident() -> int:
    """Bytes of memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise AssertionError


def test_memory_is_flat_while_streaming(walkthrough: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scappy.arrow, "BATCH_ROWS", 1 << 13)
    capture = scappy.open([walkthrough] * 8)
    selection = capture.select(["evt.num", "evt.args", "evt.buffer", "proc.name", "fd.name"])
    held = None
    most = 0
    rows = 0
    for number, batch in enumerate(selection.batches()):
        rows += len(batch)
        if number == 3:
            held = resident()
        most = max(most, resident())
    assert held is not None and rows > 700_000
    if "LD_PRELOAD" not in os.environ:
        assert most < held + (24 << 20)


def test_the_mapping_of_numpy_columns(selection: scappy.Selection) -> None:
    assert list(selection) == list(selection.keys()) == FIELDS and len(selection) == len(FIELDS)
    assert "evt.num" in selection and "evt.args" not in selection
    assert [name for name, _ in selection.items()] == FIELDS
    assert len(list(selection.values())[0]) == selection.rows
    assert f"{selection.rows} rows" in repr(selection)
