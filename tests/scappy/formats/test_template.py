"""Templates of lines."""

from __future__ import annotations

import re

import pytest
from capture_builder import CaptureBuilder
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import FieldError
from scapcore.reader import Reader
from scappy.formats import PRESETS, Template, parse, unescape
from scappy.formats.presets import COLOURED, PLAIN


def shape(template: Template) -> list[str | tuple[str, int]]:
    return [part if isinstance(part, str) else (part.name, part.width) for part in template.parts]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("%evt.num", [("evt.num", 0)]),
        ("plain", ["plain"]),
        ("%evt.num%evt.type", [("evt.num", 0), ("evt.type", 0)]),
        ("a%12proc.name|", ["a", ("proc.name", 12), "|"]),
        ("%0evt.num %007evt.num", [("evt.num", 0), " ", ("evt.num", 7)]),
        ("%proc.namex", [("proc.name", 0), "x"]),
        ("%evt.argsX", [("evt.args", 0), "X"]),
        ("%evt.arg.fdX %evt.arg[0]X", [("evt.arg.fd", 0), "X ", ("evt.arg[0]", 0), "X"]),
        ("%evt.time.s.", [("evt.time.s", 0), "."]),
        ("%evt.abspath.src.", [("evt.abspath.src", 0), "."]),
        ("%evt.abspath.", [("evt.abspath", 0), "."]),
        ("(%proc.aname[2])", ["(", ("proc.aname[2]", 0), ")"]),
        ("%k8s.pod.label.app/x:y", [("k8s.pod.label.app/x", 0), ":y"]),
        ("%thread.cgroup.cpu2", [("thread.cgroup.cpu", 0), "2"]),
        ("* ", [" "]),
        ("*", []),
    ],
)
def test_formats_and_their_parts(text: str, expected: list[str | tuple[str, int]]) -> None:
    template = parse(text)
    assert shape(template) == expected
    assert template.text == text
    assert template.keep_missing == text.startswith("*")


def test_the_use_holds_the_argument() -> None:
    (column,) = parse("%proc.aname[2]").columns
    assert (column.use.name, column.use.argument) == ("proc.aname", 2)


@pytest.mark.parametrize(
    "text, position, message",
    [
        ("%evt.num%", 8, "cannot end with %"),
        ("%evt.num %12", 9, "cannot end with a number"),
        ("%", 0, "cannot end with %"),
        ("*%evt.nun", 2, "unknown field evt.nun; did you mean evt.num"),
        ("100% %evt.num", 4, "unknown field"),
        ("%%evt.num", 1, "unknown field"),
        ("%evt.arg", 1, "evt.arg needs an argument"),
        ("%evt.arg.nosuch", 1, "unknown event argument"),
        ("%proc.aname[x]", 1, "proc.aname"),
        ("%proc.aname[1", 1, "not closed"),
        ("x %fd.ip", 3, "fd.ip can stand in filters only"),
        ("%65537evt.num", 1, "cannot be 65537 wide"),
        ("%" + "9" * 5000 + "evt.num", 1, "wide"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, position: int, message: str) -> None:
    with pytest.raises(FieldError, match=re.escape(message)) as caught:
        parse(text)
    assert str(caught.value).startswith(f"in the format at position {position}: ")


def test_the_empty_format_is_an_error() -> None:
    with pytest.raises(FieldError, match="empty"):
        parse("")


@given(st.text())
def test_any_text_is_a_format_or_a_mistake(text: str) -> None:
    try:
        template = parse(text)
    except FieldError:
        return
    rebuilt = "".join(part if isinstance(part, str) else f"%{part.width or ''}{part.name}" for part in template.parts)
    assert "*" * template.keep_missing + rebuilt == text


@given(
    st.lists(st.one_of(st.sampled_from(["evt.num", "fd.name", "proc.aname[3]"]), st.text(st.sampled_from("ab (|\n"), min_size=1)))
)
def test_columns_and_text_come_back(parts: list[str]) -> None:
    text = "*" + "".join(f"%7{part}" if "." in part else part for part in parts)
    rebuilt = "".join(f"%{part[1]}{part[0]}" if isinstance(part, tuple) else part for part in shape(parse(text)))
    assert "*" + rebuilt == text


@pytest.mark.parametrize(
    "text, expected",
    [
        (r"a\nb", "a\nb"),
        (r"\t\e[0m", "\t\x1b[0m"),
        (r"\\n", r"\n"),
        (r"\q\x41", r"\q\x41"),
        ("end\\", "end\\"),
    ],
)
def test_escapes(text: str, expected: str) -> None:
    assert unescape(text) == expected


@pytest.mark.parametrize("text", [PLAIN, COLOURED, *PRESETS.values()])
def test_presets_are_formats(text: str) -> None:
    template = parse(unescape(text))
    assert template.keep_missing
    assert template.is_coloured == (text == COLOURED)
    names = [column.name for column in template.columns]
    assert names[:3] == ["evt.num", "evt.outputtime", "evt.cpu"]
    assert names[-3:] == ["evt.dir", "evt.type", "evt.info"]
    reader = Reader(CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_X", 0).source, state=True, needs=15)
    assert reader.advance()
    line = template.renderer().render(reader.batch)
    assert line.startswith(b"1 ") and line.endswith(b"res=0 \n")


def test_bytes_of_a_command_line_come_through() -> None:
    template = parse("\udcff%evt.num é")
    reader = Reader(CaptureBuilder().event("SYSCALL_CLOSE_X", 0).source)
    assert reader.advance()
    assert template.renderer().render(reader.batch) == b"\xff1 \xc3\xa9\n"
