"""Columns hold what single events say, however a value is found and however many events a batch has."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy
import pytest

from scapcore.columns import ColumnBuilder
from scapcore.event import FieldReader, event_at
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.fields.compiling import compile_field
from scappy.table import DictionaryColumn

#: Of every scope and every kind of value.
FIELDS = (
    "evt.num", "evt.rawtime", "evt.cpu", "thread.tid", "evt.type", "evt.dir", "evt.latency", "evt.is_io", "evt.buffer",
    "evt.arg.fd", "evt.rawarg.res", "proc.name", "proc.pid", "proc.cmdline", "thread.ismain", "fd.name", "fd.num",
    "fd.typechar", "fd.cip", "fd.sip", "fd.sport", "fd.is_server", "fd.directory", "user.name", "container.id",
    "proc.aname[1]", "syscall.type", "thread.nametid",
)  # fmt: skip


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("batch_events", [50, 16384])
def test_columns_hold_what_events_say(all_captures: list[Path], batch_events: int, modern: bool) -> None:
    for path in all_captures:
        reader = Reader(open_source(path), needs=15, batch_events=batch_events, modern=modern)
        fields = FieldReader(compile_field)
        uses = [compile_field(name) for name in FIELDS]
        builders = [ColumnBuilder(FieldReader(compile_field), use) for use in uses]
        expected: list[list[object]] = [[] for _ in FIELDS]
        while reader.advance():
            rows = reader.batch.selected[::3].copy()
            for builder in builders:
                builder.take(reader.batch, rows)
            for row in rows:
                event = event_at(reader.batch, int(row), fields)
                for name, values in zip(FIELDS, expected, strict=True):
                    values.append(event[name])
        for name, builder, wanted in zip(FIELDS, builders, expected, strict=True):
            column, valid, dictionary = builder.finish()
            assert len(column) == len(valid) == len(wanted)
            found = DictionaryColumn(column, dictionary).to_numpy() if dictionary is not None else column
            got = [value if there else None for value, there in zip(found.tolist(), valid.tolist(), strict=True)]
            assert got == wanted, f"{name} of {path.name}"


def test_arrays_keep_their_memory(all_captures: list[Path]) -> None:
    reader = Reader(open_source(all_captures[0]), needs=15)
    builder = ColumnBuilder(FieldReader(compile_field), compile_field("thread.tid"))
    while reader.advance():
        builder.take(reader.batch, reader.batch.selected)
    column, valid, _ = builder.finish()
    copy = column.copy()
    del reader, builder
    gc.collect()
    held = [numpy.ones(len(column), numpy.int64) for _ in range(50)]
    assert (column == copy).all() and valid.all() and len(held) == 50


def test_nothing_was_taken() -> None:
    for name in FIELDS:
        column, valid, dictionary = ColumnBuilder(FieldReader(compile_field), compile_field(name)).finish()
        assert len(column) == len(valid) == 0
        assert dictionary in (None, [""])
