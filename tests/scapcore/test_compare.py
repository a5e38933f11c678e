"""Operators on values, beside Python's own and beside the C library's shell patterns."""

from __future__ import annotations

import ctypes
import operator
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
from capture_builder import CaptureBuilder
from hypothesis import example, given
from hypothesis import strategies as st

from scapcore.batch import EventBatch
from scapcore.plan import Comparison, FieldOperand, TextOperand
from scapcore.predicate import Predicate
from scapcore.reader import Reader

FNM_CASEFOLD = 16

texts = st.binary(max_size=12).map(lambda value: value.replace(b"\0", b"n"))
short = st.text("aAbB/.", max_size=6).map(str.encode)


def batch_of(capture: CaptureBuilder) -> EventBatch:
    reader = Reader(capture.source)
    assert reader.advance()
    return reader.batch


@pytest.fixture(scope="module")
def one_event() -> EventBatch:
    return batch_of(CaptureBuilder().thread(1, "init").event("SYSCALL_GETCWD_E"))


def holds(batch: EventBatch, text: bytes, name: str, *values: Any, quantifier: str | None = None) -> bool:
    return Predicate(Comparison(TextOperand(text), name, values, quantifier=quantifier)).run(batch) == 1


ON_TEXTS: dict[str, Callable[[bytes, bytes], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "contains": lambda left, right: right in left,
    "icontains": lambda left, right: right.lower() in left.lower(),
    "bcontains": lambda left, right: right in left,
    "startswith": bytes.startswith,
    "bstartswith": bytes.startswith,
    "endswith": bytes.endswith,
    "in": operator.eq,
    "intersects": operator.eq,
}


@pytest.mark.parametrize("name", ON_TEXTS)
def test_texts(one_event: EventBatch, name: str) -> None:
    @given(left=st.one_of(texts, short), right=st.one_of(texts, short))
    @example(b"", b"")
    @example(b"abc", b"")
    @example(b"", b"abc")
    @example(b"\xff", b"a")
    def law(left: bytes, right: bytes) -> None:
        assert holds(one_event, left, name, right) == ON_TEXTS[name](left, right)

    law()


@given(text=short, elements=st.lists(short, max_size=20))
def test_sets_of_texts(one_event: EventBatch, text: bytes, elements: list[bytes]) -> None:
    assert holds(one_event, text, "in", *elements) == (text in elements)


@given(text=short, elements=st.lists(short, max_size=5))
def test_quantifiers(one_event: EventBatch, text: bytes, elements: list[bytes]) -> None:
    passed = [text.startswith(element) for element in elements]
    expected = {"anyof": any(passed), "allof": all(passed) and bool(passed), "oneof": sum(passed) == 1}
    for quantifier, result in expected.items():
        assert holds(one_event, text, "startswith", *elements, quantifier=quantifier) == result


# ---------------------------------------------------------------------------------------------------------
# Numbers

#: A parameter of each width: event, its parameters, position of the number, pack format.
WIDTHS: dict[str, tuple[str, str, str]] = {
    "INT64": ("SYSCALL_CLOSE_X", "res", "<q"),
    "UINT32": ("SYSCALL_READ_E", "size", "<I"),
    "UINT8": ("SYSCALL_KILL_E", "sig", "<B"),
}


def parameters_before(event: str, name: str) -> list[bytes]:
    from scapcore.schema import event_types

    described = next(entry for entry in event_types() if entry.id == event)
    place = [param.name for param in described.params].index(name)
    return [bytes(8)] * place


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers(width: str) -> None:
    event, name, form = WIDTHS[width]
    bits = 8 * struct.calcsize(form)
    signed = form[1].islower()
    numbers = st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)
    few = st.sampled_from([0, 1, 2, (1 << bits - 1) - 1])

    @given(value=numbers | few, others=st.lists(numbers | few, min_size=1, max_size=12))
    def law(value: int, others: list[int]) -> None:
        content = [*parameters_before(event, name), struct.pack(form, value)]
        batch = batch_of(CaptureBuilder().thread(1, "init").event(event, *content))
        left = FieldOperand("evt.rawarg", name)
        for sign, function in list(ON_TEXTS.items())[:6]:
            assert Predicate(Comparison(left, sign, (others[0],))).run(batch) == function(value, others[0])  # type: ignore[arg-type]
        assert Predicate(Comparison(left, "in", tuple(others))).run(batch) == (value in others)
        assert Predicate(Comparison(left, "intersects", (*others, value))).run(batch) == 1

    law()


def test_numbers_are_cut_to_the_width_of_the_parameter() -> None:
    # 32 bits; a name would give it the widest type of all parameters so called, a position gives it its own.
    batch = batch_of(CaptureBuilder().thread(1, "init").event("SYSCALL_READ_E", 3, 7))
    left = FieldOperand("evt.rawarg", 1)
    assert Predicate(Comparison(left, "=", ((1 << 32) + 7,))).run(batch) == 1
    assert Predicate(Comparison(left, "in", ((1 << 32) + 7, 1))).run(batch) == 1
    assert Predicate(Comparison(left, "in", ((1 << 32) + 7, *range(100, 120)))).run(batch) == 1
    assert Predicate(Comparison(left, "!=", ((1 << 32) + 7,))).run(batch) == 0


def test_values_of_another_family_never_pass(one_event: EventBatch) -> None:
    for name in ("=", "!=", "<", "in"):
        assert not holds(one_event, b"1", name, 1)
        assert not holds(one_event, b"1", name, 1.0)


# ---------------------------------------------------------------------------------------------------------
# Shell patterns, paths, regular expressions


def library_match(pattern: bytes, text: bytes, flags: int = 0) -> bool:
    if not sys.platform.startswith("linux"):
        pytest.skip("the C library of GNU is the measure")
    return ctypes.CDLL(None).fnmatch(pattern, text, flags) == 0


patterns = st.lists(
    st.sampled_from(
        ["a", "A", "b", ".", "/", "*", "?", "[ab]", "[!a]", "[^a]", "[a-c]", "[]a]", "[!]a]", "[", "]", "\\*", "\\a",
         "\\", "-", "[a-]", "[[:alpha:]]", "[[:upper:]b]", "[\\]]", "**"]
    ),
    max_size=7,
).map(lambda parts: "".join(parts).encode())  # fmt: skip
subjects = st.text("aAbBc./*?[]-\\", max_size=8).map(str.encode)


@given(pattern=patterns, text=subjects)
@example(b"*", b"")
@example(b"", b"")
@example(b"*.so*", b"/usr/lib/libc.so.6")
@example(b"a*b*c", b"aXbXbXc")
@example(b"[[:digit:]]", b"7")
def test_shell_patterns(one_event: EventBatch, pattern: bytes, text: bytes) -> None:
    assert holds(one_event, text, "glob", pattern) == library_match(pattern, text)


@given(pattern=patterns, text=subjects)
@example(b"[[:upper:]b]", b"a")
def test_shell_patterns_without_case(one_event: EventBatch, pattern: bytes, text: bytes) -> None:
    assert holds(one_event, text, "iglob", pattern) == library_match(pattern, text, FNM_CASEFOLD)


def test_shell_patterns_take_no_time_that_grows_like_mad(one_event: EventBatch) -> None:
    assert not holds(one_event, b"a" * 2000, "glob", b"a*" * 200 + b"b")


@pytest.mark.parametrize(
    ("text", "paths", "passes"),
    [
        (b"/var/run", [b"/var/run"], True),
        (b"/var/run/docker/a.sock", [b"/var/run"], True),
        (b"/var/runner", [b"/var/run"], False),
        (b"/var", [b"/var/run"], False),
        (b"/lib/x", [b"lib"], True),
        (b"lib/x", [b"/lib/"], True),
        (b"//lib///x", [b"/lib//x/"], True),
        (b"anything at all", [b"/"], True),
        (b"", [b"/"], True),
        (b"", [b"/x"], False),
        (b"/home/ann/.ssh/id", [b"/home/*/.ssh"], True),
        (b"/home/ann/b/.ssh/id", [b"/home/*/.ssh"], False),
        (b"/etc/passwd", [b"/usr", b"/et?"], True),
        (b"/etc/passwd", [b"/usr", b"/[a-d]*"], False),
        (b"/etc/passwd", [], False),
    ],
)
def test_paths(one_event: EventBatch, text: bytes, paths: list[bytes], passes: bool) -> None:
    assert holds(one_event, text, "pmatch", *paths) is passes


@given(
    components=st.lists(st.sampled_from([b"a", b"b", b"ab"]), max_size=5),
    wanted=st.lists(st.sampled_from([b"a", b"b"]), max_size=4),
)
def test_paths_are_prefixes_of_components(one_event: EventBatch, components: list[bytes], wanted: list[bytes]) -> None:
    text, path = b"/" + b"/".join(components), b"/" + b"/".join(wanted)
    assert holds(one_event, text, "pmatch", path) == (components[: len(wanted)] == wanted)


def test_regular_expressions_match_the_whole_text(one_event: EventBatch) -> None:
    assert holds(one_event, b"nginx", "regex", b"n.*x")
    assert not holds(one_event, b"nginx", "regex", b"ngin")
    assert not holds(one_event, b"my nginx", "regex", b"nginx")
    assert holds(one_event, b"", "regex", b"")
    assert holds(one_event, b"a|b", "regex", rb"a\|b")
    assert holds(one_event, b"\xff\xfe", "regex", "\N{REPLACEMENT CHARACTER}+".encode())
    assert holds(one_event, b"abc", "regex", b"x", b"[a-c]+", quantifier="anyof")
    assert not holds(one_event, b"abc", "regex", b"x", b"[a-c]+", quantifier="allof")
