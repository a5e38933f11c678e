"""Lines of text and JSON from batches."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from capture_builder import CaptureBuilder
from hypothesis import given
from hypothesis import strategies as st

from scapcore.fields import FieldUse
from scapcore.reader import Reader
from scapcore.render import Renderer
from scapcore.schema import event_types

DEC, HEX, PADDED, OCT, NA = 1, 2, 3, 6, 0
CONTAINER_JSON_2 = next(event.type for event in event_types() if event.id == "CONTAINER_JSON_2_E")
PROCINFO = next(event.type for event in event_types() if event.id == "PROCINFO_E")


def field(name: str, argument: Any = None, *, width: int = 0) -> tuple[FieldUse, int, bytes]:
    use = FieldUse(name, argument)
    return use, width, use.name.encode()


def reader_for(capture: CaptureBuilder, renderer: Renderer) -> Reader:
    return Reader(capture.source, needs=renderer.needs, state=renderer.needs_state)


def rendered(capture: CaptureBuilder, *parts: Any, **options: Any) -> list[str]:
    """The lines of a capture."""
    renderer = Renderer(parts, **options)
    reader = reader_for(capture, renderer)
    content = b""
    while reader.advance():
        content += renderer.render(reader.batch)
    assert content.count(b"\n") >= renderer.lines
    return content.decode("utf-8", "surrogateescape").splitlines()


@pytest.fixture
def capture() -> CaptureBuilder:
    """A thread that opens a file, fails at another, writes, and closes."""
    return (
        CaptureBuilder()
        .thread(1, "init")
        .event("SYSCALL_OPEN_E")
        .event("SYSCALL_OPEN_X", 3, "/etc/passwd", 1, 0, 0)
        .event("SYSCALL_WRITE_E", 3, 5)
        .event("SYSCALL_WRITE_X", 5, b"a\x00b\x1b\xff")
        .event("SYSCALL_CLOSE_E", 7, tid=99)
        .event("SYSCALL_CLOSE_X", -9, tid=99)
    )


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the local time zone."""

    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield change
    monkeypatch.undo()
    time.tzset()


def test_literals_and_fields_alternate(capture: CaptureBuilder) -> None:
    lines = rendered(capture, b"<", field("evt.num"), b"> ", field("proc.name"), b" ", field("evt.type"), b".", keep_missing=True)
    assert lines[:2] == ["<1> init open.", "<2> init open."]
    assert lines[4] == "<5> <NA> close."


def test_a_format_without_fields_prints_itself(capture: CaptureBuilder) -> None:
    assert rendered(capture, b"hello ", b"world") == ["hello world"] * 6
    assert rendered(capture) == [""] * 6


def test_lines_with_missing_values_are_dropped_and_counted(capture: CaptureBuilder) -> None:
    renderer = Renderer([b"name ", field("fd.name"), b" ", field("evt.num")])
    reader = reader_for(capture, renderer)
    assert reader.advance()
    # The first event has no descriptor yet, the fifth one that is not known; the sixth an empty name.
    lines = renderer.render(reader.batch).splitlines()
    assert lines == [b"name /etc/passwd %d" % number for number in (2, 3, 4)] + [b"name  6"]
    assert (renderer.lines, renderer.dropped, renderer.events) == (4, 2, 6)


@pytest.mark.parametrize("width, expected", [(1, "o|"), (4, "open|"), (6, "open  |"), (0, "open|")])
def test_columns_are_cut_and_filled(capture: CaptureBuilder, width: int, expected: str) -> None:
    assert rendered(capture, field("evt.type", width=width), b"|")[0] == expected


def test_missing_values_are_cut_to_their_column_too(capture: CaptureBuilder) -> None:
    lines = rendered(capture, field("fd.name", width=2), field("proc.name", width=6), b"|", keep_missing=True)
    assert (lines[0], lines[4]) == ("<Ninit  |", "<N<NA>  |")


@given(
    st.lists(
        st.tuples(st.sampled_from(["evt.num", "evt.type", "proc.name", "fd.name", "evt.args"]), st.integers(1, 40)), max_size=6
    )
)
def test_every_line_is_as_wide_as_its_columns(columns: list[tuple[str, int]]) -> None:
    capture = CaptureBuilder().thread(1, "init").event("SYSCALL_OPEN_E").event("SYSCALL_OPEN_X", 3, "/etc/passwd", 1, 0, 0)
    lines = rendered(capture, *[field(name, width=width) for name, width in columns], keep_missing=True)
    assert [len(line) for line in lines] == [sum(width for _, width in columns)] * 2


@pytest.mark.parametrize("width", [-1, (1 << 16) + 1])
def test_absurd_widths_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match="wide"):
        Renderer([field("evt.num", width=width)])


@pytest.mark.parametrize("option", [{"time": "x"}, {"data": "octal"}, {"limit": -1}])
def test_unknown_options_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Renderer([b"x"], **option)


def test_a_value_that_no_capture_has_is_missing(capture: CaptureBuilder) -> None:
    nothing = (None, 0, b"mesos.task.name")
    assert rendered(capture, nothing, b"!", keep_missing=True) == ["<NA>!"] * 6
    assert rendered(capture, nothing) == []


# ---------------------------------------------------------------------------------------------------------
# Values


@pytest.mark.parametrize(
    "name, format, expected",
    [
        ("evt.num", DEC, "1"),
        ("evt.num", HEX, "1"),
        ("evt.num", PADDED, "000000001"),
        ("evt.num", OCT, "1"),
        ("evt.num", NA, "<NA>"),
        ("evt.rawres", DEC, "-4095"),
        ("evt.rawres", HEX, "FFFFFFFFFFFFF001"),
        ("evt.rawres", OCT, "1777777777777777770001"),
        ("evt.rawres", PADDED, "-00004095"),
        ("evt.rawres", NA, "-4095"),
        ("evt.cpu", HEX, "0"),
        ("evt.cpu", OCT, "0"),
        ("evt.cpu", PADDED, "<NA>"),
        ("evt.count", NA, "<NA>"),
    ],
)
def test_numbers_by_format(name: str, format: int, expected: str) -> None:
    capture = CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_X", -4095)
    part = field(name)
    part[0]._set_type(part[0].type, format)
    assert rendered(capture, part, keep_missing=True) == [expected]


@pytest.mark.parametrize("format, expected", [(DEC, "7"), (HEX, '"7"'), (OCT, '"7"'), (PADDED, "7"), (NA, "null")])
def test_numbers_in_json_are_strings_in_other_bases_only(format: int, expected: str) -> None:
    capture = CaptureBuilder()
    for _ in range(7):
        capture.event("SYSCALL_CLOSE_X", 0)
    part = field("evt.num")
    part[0]._set_type(part[0].type, format)
    assert rendered(capture, part, keep_missing=True, json=True)[-1] == f'{{"evt.num":{expected}}}'


def test_truth_values(capture: CaptureBuilder) -> None:
    assert rendered(capture, field("evt.failed"))[-2:] == ["false", "true"]
    assert rendered(capture, field("evt.failed"), json=True)[-1] == '{"evt.failed":true}'


def test_raw_parameters_have_no_text_for_unsigned_numbers(capture: CaptureBuilder) -> None:
    parts = field("evt.num"), b" ", field("evt.rawarg", "res"), b" ", field("evt.rawarg", "size")
    assert rendered(capture, *parts, keep_missing=True)[2:4] == ["3 <NA> <NA>", "4 5 <NA>"]


def test_texts_end_at_a_nul(capture: CaptureBuilder) -> None:
    assert rendered(capture, field("evt.rawarg", "data")) == ["a"]


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("normal", ["a.b.."]),
        ("ascii", ["", "ab"]),
        ("hex", ["", "\t0x0000: 6100 621b ff", ""]),
        ("hexascii", ["", "\t0x0000: 6100 621b ff                           a.b..", ""]),
        ("base64", ["YQBiG/8="]),
    ],
)
def test_data_buffers_by_mode(capture: CaptureBuilder, mode: str, expected: list[str]) -> None:
    assert rendered(capture, field("evt.buffer"), data=mode) == expected
    with_state = rendered(capture, field("evt.buffer"), field("proc.name", width=1), data=mode)
    assert "\n".join(with_state) == "\n".join(expected) + "i"


def test_long_buffers_are_cut_unless_all_is_wanted() -> None:
    capture = CaptureBuilder().thread(1, "init").event("SYSCALL_WRITE_X", 100, b"x" * 100)
    assert rendered(capture, field("evt.buffer")) == ["x" * 77 + "..."]
    assert rendered(capture, field("evt.buffer"), unlimited=True) == ["x" * 100]
    assert rendered(capture, field("evt.buffer"), json=True) == ['{"evt.buffer":"%s"}' % ("x" * 100)]
    assert rendered(capture, field("evt.args")) == ["res=100 data=" + "x" * 77 + "... "]


# ---------------------------------------------------------------------------------------------------------
# Times


def test_local_time_is_that_of_the_event(zone: Callable[[str], None], capture: CaptureBuilder) -> None:
    # 2023-11-14T22:13:20Z
    parts = field("evt.time"), b" ", field("evt.time.s"), b" ", field("evt.datetime"), b" ", field("evt.time.iso8601")
    zone("UTC")
    assert rendered(capture, *parts)[1] == (
        "22:13:20.000001000 22:13:20 2023-11-14 22:13:20.000001000 2023-11-14T22:13:20.000001000+0000"
    )
    zone("EST5EDT,M3.2.0,M11.1.0")
    assert rendered(capture, *parts)[0].startswith("17:13:20.000000000 17:13:20 2023-11-14")
    zone("NPT-5:45")
    assert rendered(capture, *parts)[0].startswith("03:58:20.000000000 03:58:20 2023-11-15 03:58:20")


def test_output_times(zone: Callable[[str], None], capture: CaptureBuilder) -> None:
    def first_three(form: str) -> list[str]:
        return rendered(capture, field("evt.outputtime"), time=form)[:3]

    zone("UTC")
    assert first_three("h") == ["22:13:20.000000000", "22:13:20.000001000", "22:13:20.000002000"]
    # As the reference has it: the nanoseconds are not filled up.
    assert first_three("a") == ["1700000000.0", "1700000000.1000", "1700000000.2000"]
    assert first_three("r") == ["0.000000000", "0.000001000", "0.000002000"]
    assert first_three("d") == ["0.000000000", "0.000001000", "0.000000000"]
    assert first_three("D") == ["0.000000000", "0.000001000", "0.000001000"]


@pytest.mark.parametrize("form", ["h", "a", "r", "d", "D"])
def test_times_in_json_are_the_time_stamp(capture: CaptureBuilder, form: str) -> None:
    lines = rendered(capture, field("evt.outputtime"), field("evt.time"), json=True, time=form)
    assert json.loads(lines[2]) == {"evt.outputtime": 1_700_000_000_000_002_000, "evt.time": 1_700_000_000_000_002_000}


@pytest.mark.parametrize("parts, options", [
    ((field("evt.deltatime"),), {}),
    ((field("evt.outputtime"),), {"time": "D"}),
])  # fmt: skip
def test_differences_count_dropped_lines(capture: CaptureBuilder, parts: Any, options: Any) -> None:
    # Event 2 is the first with a name; event 1 has no line, but its time counts.
    line = rendered(capture, field("fd.name"), b" ", *parts, **options)[0]
    assert line.removeprefix("/etc/passwd ").lstrip("0.") == "1000"


def test_relative_time_begins_behind_leading_container_records() -> None:
    capture = CaptureBuilder().thread(1, "init")
    capture.raw_event(CONTAINER_JSON_2, [b'{"container":{"id":"abc","type":0}}\0'], large=True)
    capture.event("SYSCALL_CLOSE_X", 0).event("SYSCALL_CLOSE_X", 0)
    lines = rendered(capture, field("evt.num"), b" ", field("evt.outputtime"), time="r")
    assert lines == ["2 0.000000000", "3 0.000001000"]


# ---------------------------------------------------------------------------------------------------------
# JSON


def test_json_has_sorted_keys_and_null(capture: CaptureBuilder) -> None:
    parts = field("proc.name"), b" ", field("evt.num"), field("fd.name", width=3), field("evt.arg", "fd"), field("evt.num")
    lines = rendered(capture, *parts, json=True, keep_missing=True)
    assert lines[2] == '{"evt.arg.fd":"<f>/etc/passwd","evt.num":3,"fd.name":"/etc/passwd","proc.name":"init"}'
    assert lines[4] == '{"evt.arg.fd":"7","evt.num":5,"fd.name":null,"proc.name":"<NA>"}'


def test_json_drops_lines_with_missing_values(capture: CaptureBuilder) -> None:
    lines = rendered(capture, field("fd.name"), field("evt.num"), json=True)
    assert [json.loads(line)["evt.num"] for line in lines] == [2, 3, 4, 6]


def test_json_without_fields_is_null(capture: CaptureBuilder) -> None:
    assert rendered(capture, b"text", json=True) == ["null"] * 6


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_texts_come_back_from_json(name: str) -> None:
    content = name.encode()
    capture = CaptureBuilder().event("SYSCALL_WRITE_X", len(content), content + b"\0rest")
    (line,) = rendered(capture, field("evt.rawarg", "data"), json=True)
    assert json.loads(line) == {"evt.rawarg.data": name}


@given(st.binary())
def test_any_bytes_are_valid_json(content: bytes) -> None:
    (line,) = rendered(CaptureBuilder().event("SYSCALL_WRITE_X", 1, content), field("evt.rawarg", "data"), json=True)
    assert line.isascii()
    assert isinstance(json.loads(line)["evt.rawarg.data"], str)


# ---------------------------------------------------------------------------------------------------------
# Control characters


@pytest.mark.parametrize(
    "content, shown",
    [
        (b"plain \xc3\xa9", "plain é"),
        (b"a\x1b[31mb", r"a\x1b[31mb"),
        (b"\x07\x7f\r\n\t", r"\x07\x7f\x0d\x0a\x09"),
        (b"\xc2\x9b31m", r"\xc2\x9b31m"),
        (b"x\x9b31m", r"x\x9b31m"),
        ("Кот".encode(), "Кот"),
    ],
)
def test_control_characters_are_escaped_for_terminals(content: bytes, shown: str) -> None:
    capture = CaptureBuilder().event("SYSCALL_WRITE_X", 1, content)
    assert rendered(capture, b"\x1b[1m", field("evt.rawarg", "data"), escape=True) == ["\x1b[1m" + shown]


def test_line_ends_that_are_meant_stay() -> None:
    capture = CaptureBuilder().thread(1, "in\nit").event("SYSCALL_WRITE_X", 3, b"a\nb")
    assert rendered(capture, field("proc.name"), field("evt.buffer"), data="ascii", escape=True) == [r"in\x0ait", "a", "b"]


@given(st.binary(min_size=1))
def test_no_control_character_passes(content: bytes) -> None:
    capture = CaptureBuilder().event("SYSCALL_WRITE_X", 1, content)
    renderer = Renderer([field("evt.rawarg", "data")], escape=True)
    reader = reader_for(capture, renderer)
    assert reader.advance()
    line = renderer.render(reader.batch)[:-1]
    assert all(value >= 0x20 and value != 0x7F for value in line)
    assert not any(0x80 <= ord(character) < 0xA0 for character in line.decode("utf-8", "replace"))


# ---------------------------------------------------------------------------------------------------------
# Limits and writing


def test_the_limit_ends_the_lines(capture: CaptureBuilder) -> None:
    renderer = Renderer([field("evt.num")], limit=4)
    reader = reader_for(capture, renderer)
    assert not renderer.finished
    assert reader.advance()
    assert renderer.render(reader.batch).split() == [b"1", b"2", b"3", b"4"]
    assert renderer.finished
    assert renderer.render(reader.batch) == b""


def test_the_limit_counts_dropped_lines_and_internal_events() -> None:
    capture = CaptureBuilder().thread(1, "init").raw_event(CONTAINER_JSON_2, [b"{}\0"], large=True)
    capture.event("SYSCALL_CLOSE_E", 9).raw_event(PROCINFO, [bytes(8), bytes(8)])
    capture.event("SYSCALL_CLOSE_X", 0).event("SYSCALL_CLOSE_X", 0)
    # 1 leads and counts nowhere, 2 has no name, 3 is internal.
    assert rendered(capture, field("evt.num"), b" ", field("evt.rawres"), limit=3) == ["4 0"]


def test_a_limit_of_nothing(capture: CaptureBuilder) -> None:
    assert Renderer([], limit=0).finished
    assert rendered(capture, field("evt.num"), limit=0) == []


@pytest.mark.parametrize("events", [1, 40, 3000])
def test_writing_equals_rendering(events: int, tmp_path: Any) -> None:
    capture = CaptureBuilder().thread(1, "init")
    for _ in range(events):
        capture.event("SYSCALL_CLOSE_E", 3)
    parts = field("evt.num", width=1000), b"|"
    expected = "".join(line + "\n" for line in rendered(capture, *parts)).encode()

    stream = io.BytesIO()
    pieces: list[int] = []

    class Watched:
        def write(self, piece: memoryview) -> None:
            pieces.append(len(piece))
            stream.write(piece)

    renderer = Renderer(parts)
    reader = reader_for(capture, renderer)
    while reader.advance():
        renderer.write_to(Watched(), reader.batch)
    assert stream.getvalue() == expected
    assert len(pieces) == 1 + events * 1002 // (1 << 20)

    path = tmp_path / "lines"
    renderer = Renderer(parts)
    reader = reader_for(capture, renderer)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while reader.advance():
            renderer.write_to(descriptor, reader.batch)
    finally:
        os.close(descriptor)
    assert path.read_bytes() == expected


def test_errors_of_the_target_come_through(capture: CaptureBuilder) -> None:
    class Full:
        def write(self, piece: memoryview) -> None:
            raise OSError(28, "No space left on device")

    renderer = Renderer([field("evt.num")])
    reader = reader_for(capture, renderer)
    assert reader.advance()
    with pytest.raises(OSError, match="No space left"):
        renderer.write_to(Full(), reader.batch)


def test_a_target_cannot_use_the_renderer_that_writes_to_it(capture: CaptureBuilder) -> None:
    renderer = Renderer([field("evt.num")])
    reader = reader_for(capture, renderer)
    assert reader.advance()

    class Greedy:
        def write(self, piece: memoryview) -> None:
            renderer.render(reader.batch)

    with pytest.raises(RuntimeError):
        renderer.write_to(Greedy(), reader.batch)
    assert renderer.render(reader.batch).startswith(b"1\n")


def test_targets_may_take_less_than_all(capture: CaptureBuilder) -> None:
    taken = b""

    class Slow:
        def write(self, piece: memoryview) -> int:
            nonlocal taken
            taken += piece[:5]
            return min(5, len(piece))

    renderer = Renderer([field("evt.num"), b" ", field("evt.type")])
    reader = reader_for(capture, renderer)
    assert reader.advance()
    renderer.write_to(Slow(), reader.batch)
    assert taken == renderer.render(reader.batch) and renderer.lines == 12


def test_a_target_cannot_keep_what_it_was_given(capture: CaptureBuilder) -> None:
    renderer = Renderer([field("evt.num")])
    reader = reader_for(capture, renderer)
    assert reader.advance()
    kept: list[memoryview] = []

    class Hoarder:
        def write(self, piece: memoryview) -> None:
            kept.append(piece)

    renderer.write_to(Hoarder(), reader.batch)
    with pytest.raises(ValueError, match="released"):
        bytes(kept[0])


def test_nothing_is_written_where_nothing_is_printed(capture: CaptureBuilder) -> None:
    class Never:
        def write(self, piece: memoryview) -> None:
            pytest.fail("there is nothing to write")

    renderer = Renderer([field("evt.io_dir"), field("k8s.pod.name")])
    reader = reader_for(capture, renderer)
    assert reader.advance()
    renderer.write_to(Never(), reader.batch)
    assert (renderer.lines, renderer.dropped) == (0, 6)
