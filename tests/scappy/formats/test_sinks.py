"""Sinks: text, JSON and the summary."""

from __future__ import annotations

import io
import json

import pytest
from capture_builder import CaptureBuilder

from scapcore.reader import Reader
from scappy.formats import JsonSink, Sink, Summary, TextSink, parse, unescape
from scappy.formats.presets import COLOURED


def fill(sink: Sink, capture: CaptureBuilder) -> None:
    reader = Reader(capture.source, needs=sink.needs, state=sink.needs_state)
    while not sink.finished and reader.advance():
        sink.write(reader.batch)
    sink.close()


@pytest.fixture
def capture() -> CaptureBuilder:
    capture = CaptureBuilder().thread(1, "init")
    for number in range(5):
        capture.event("SYSCALL_CLOSE_E", number).event("SYSCALL_CLOSE_X", 0)
    return capture.event("GENERIC_E", 100, 1).event("SYSCALL_READ_E", 0, 1)


def test_text(capture: CaptureBuilder) -> None:
    stream = io.BytesIO()
    sink = TextSink(stream, parse("%evt.num %evt.type"), limit=3)
    fill(sink, capture)
    assert stream.getvalue() == b"1 close\n2 close\n3 close\n"
    assert (sink.lines, sink.dropped, sink.finished) == (3, 0, True)
    assert not stream.closed


def test_dropped_lines_are_counted(capture: CaptureBuilder) -> None:
    sink = TextSink(io.BytesIO(), parse("%evt.io_dir"))
    fill(sink, capture)
    assert (sink.lines, sink.dropped) == (1, 11)


def test_colours_are_reset_at_the_end(capture: CaptureBuilder) -> None:
    stream = io.BytesIO()
    fill(TextSink(stream, parse(unescape(COLOURED))), capture)
    assert b"\x1b[01;32minit\x1b[00m" in stream.getvalue()
    assert stream.getvalue().endswith(b"\n\x1b[00m")


def test_json(capture: CaptureBuilder) -> None:
    stream = io.BytesIO()
    fill(JsonSink(stream, parse("*%evt.type %12evt.num %fd.type"), limit=2), capture)
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"evt.num": 1, "evt.type": "close", "fd.type": None},
        {"evt.num": 2, "evt.type": "close", "fd.type": None},
    ]


def test_what_a_sink_needs() -> None:
    assert not TextSink(io.BytesIO(), parse("%evt.num %evt.outputtime %evt.buffer")).needs_state
    assert not TextSink(io.BytesIO(), parse("%evt.outputtime"), time="a").needs
    latency = TextSink(io.BytesIO(), parse("%evt.outputtime"), time="d")
    assert latency.needs_state and latency.needs
    assert TextSink(io.BytesIO(), parse("%proc.name")).needs_state


def test_summary(capture: CaptureBuilder) -> None:
    stream = io.BytesIO()
    fill(Summary(stream), capture)
    lines = stream.getvalue().decode().splitlines()
    assert lines[:3] == ["-" * 22, "Event           #Calls", "-" * 22]
    assert sorted(lines[3:5]) == ["< close           5", "> close           5"]
    # Long names are cut.
    assert sorted(lines[5:]) == ["> read            1", "> sched_get_priori1"]


def test_summary_of_few_rows(capture: CaptureBuilder) -> None:
    summary = Summary(io.BytesIO(), rows=1, limit=3)
    fill(summary, capture)
    assert summary.finished
    assert summary.lines()[3:] == ["> close           2"]
