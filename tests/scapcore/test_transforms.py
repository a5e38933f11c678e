"""Transformers, beside what Python has for the same."""

from __future__ import annotations

import base64
import getopt
from typing import Any

import pytest
from capture_builder import CaptureBuilder
from hypothesis import given
from hypothesis import strategies as st

from scapcore.batch import EventBatch
from scapcore.plan import FieldOperand, ListOperand, Operand, TextOperand, TransformerOperand
from scapcore.reader import Reader
from scapcore.value_reader import ValueReader

texts = st.binary(max_size=40)
words = st.sampled_from([b"-a", b"-b", b"-c", b"-ab", b"-ac", b"-cX", b"-acX", b"X", b"--", b"--long", b"-", b"", b"-z"])


@pytest.fixture(scope="module")
def batch() -> EventBatch:
    capture = CaptureBuilder().thread(1, "init").event("SYSCALL_READ_X", 8, b"aGVsbG8=")
    reader = Reader(capture.event("SYSCALL_GETCWD_E").source)
    assert reader.advance()
    return reader.batch


def value(batch: EventBatch, operand: Operand, row: int = 0) -> Any:
    reader = ValueReader(operand)
    reader.begin(batch)
    return reader.value(row)


def call(name: str, *arguments: bytes | Operand, selector: bytes | None = None) -> TransformerOperand:
    operands = tuple(TextOperand(item) if isinstance(item, bytes) else item for item in arguments)
    return TransformerOperand(name, operands, selector)


def listed(items: list[bytes]) -> ListOperand:
    return ListOperand(tuple(TextOperand(item) for item in items))


@given(text=texts)
def test_case(batch: EventBatch, text: bytes) -> None:
    assert value(batch, call("tolower", text)) == text.lower()
    assert value(batch, call("toupper", text)) == text.upper()


@given(text=texts)
def test_basename(batch: EventBatch, text: bytes) -> None:
    assert value(batch, call("basename", text)) == text.rpartition(b"/")[2]


@given(text=texts)
def test_length_ends_at_the_first_nul(batch: EventBatch, text: bytes) -> None:
    assert value(batch, call("len", text)) == len(text.partition(b"\0")[0])


@given(text=texts, padded=st.booleans())
def test_base64(batch: EventBatch, text: bytes, padded: bool) -> None:
    encoded = base64.b64encode(text)
    assert value(batch, call("b64", encoded if padded else encoded.rstrip(b"="))) == text


@pytest.mark.parametrize("text", [b"a", b"ab=", b"abc==", b"ab!d", b"=", b"ab=c", b"abcd=", b"a\nb"])
def test_what_is_no_base64_is_missing(batch: EventBatch, text: bytes) -> None:
    assert value(batch, call("b64", text)) is None


def test_bytes_stay_bytes(batch: EventBatch) -> None:
    buffer = FieldOperand("evt.buffer")
    assert value(batch, call("b64", buffer)) == b"hello"
    assert value(batch, call("len", buffer)) == 8


@given(items=st.lists(texts, min_size=2, max_size=5), separator=st.binary(max_size=3))
def test_putting_together(batch: EventBatch, items: list[bytes], separator: bytes) -> None:
    assert value(batch, call("concat", *items)) == b"".join(items)
    assert value(batch, call("join", separator, listed(items))) == separator.join(items)
    assert value(batch, call("len", listed(items))) == len(items)
    assert value(batch, call("tolower", listed(items))) == [item.lower() for item in items]


def test_nesting_and_missing_values(batch: EventBatch) -> None:
    buffer = FieldOperand("evt.buffer")
    assert value(batch, call("toupper", call("b64", buffer))) == b"HELLO"
    assert value(batch, call("concat", FieldOperand("proc.name"), b"/", call("b64", buffer))) == b"init/hello"
    for operand in (
        call("toupper", buffer),
        call("concat", b"x", buffer),
        call("join", b",", ListOperand((TextOperand(b"x"), buffer))),
        call("len", buffer),
    ):
        assert value(batch, operand, 1) is None


def options_of(command: list[bytes], letters: str) -> list[bytes]:
    """The rules of the filter language, section 7, with Python's getopt for one cluster at a time."""
    found: list[bytes] = []
    rest = list(command)
    while rest:
        word = rest.pop(0).decode()
        if word in ("", "-", "--") or not word.startswith("-"):
            break
        if word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 2):
            known = letter != ":" and letter in letters
            found.append(letter.encode() if known else b"?")
            if known and letters[letters.index(letter) + 1 :].startswith(":"):
                found.append(word[place:].encode() or (rest.pop(0) if rest else b""))
                break
    return found


@given(command=st.lists(words, max_size=6), letters=st.sampled_from(["abc:", "ab:c", "a:b:c:", "abc", "", ":a"]))
def test_options(batch: EventBatch, command: list[bytes], letters: str) -> None:
    expected = options_of(command, letters)
    found = value(batch, call("getopt", listed(command), letters.encode()))
    assert found == expected
    if b"?" not in expected and not any(word.startswith(b"--") and len(word) > 2 for word in command):
        try:
            pairs, _ = getopt.getopt([word.decode() for word in command], letters)
        except getopt.GetoptError:
            return
        flat: list[str] = []
        for option, text in pairs:
            flat += [option[1:], text] if option[1:] + ":" in letters else [option[1:]]
        assert expected == [entry.encode() for entry in flat]


@pytest.mark.parametrize(
    ("command", "letters", "selector", "expected"),
    [
        ([b"-a", b"-b", b"X"], b"ab:", b"b", b"X"),
        ([b"-bX"], b"ab:", b"b", b"X"),
        ([b"-b", b"1", b"-b2"], b"ab:", b"b", b"2"),
        ([b"-b"], b"ab:", b"b", b""),
        ([b"-a"], b"ab:", b"a", b"a"),
        ([b"-aa"], b"ab:", b"a", b"a"),
        ([b"-a"], b"ab:", b"b", None),
        ([b"-c"], b"ab:", b"c", None),
        ([b"-b", b"-a"], b"ab:", b"a", None),
        ([], b"ab:", b"a", None),
    ],
)
def test_one_option(batch: EventBatch, command: list[bytes], letters: bytes, selector: bytes, expected: bytes | None) -> None:
    assert value(batch, call("getopt", listed(command), letters, selector=selector)) == expected


def test_wrong_numbers_of_arguments() -> None:
    for operand in (call("tolower"), call("concat", b"x"), call("join", b"x"), call("len", b"x", b"y")):
        with pytest.raises(ValueError):
            ValueReader(operand)
