"""Outlines of JSON texts: they tell what a parser would, and nothing of what is damaged."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from scapcore.outline import ANY, ELEMENTS, Outline, outline

PATHS: list[tuple[bool, list[tuple[str, ...]]]] = [
    (True, [("kind",)]),
    (True, [("metadata", "name")]),
    (False, [("spec", "ports", ELEMENTS, "port"), ("spec", "host")]),
    (False, [("status", ANY, "id")]),
    (False, [("status",)]),
]
OBJECTS: list[dict[str, Any]] = [
    {"kind": "A", "metadata": {"name": "one", "other": {"name": "no"}}, "spec": {"ports": [{"port": 80}, {"port": "http"}, 3]}},
    {"kind": "A", "metadata": {"name": "tw\"o \\ é 😀"}, "spec": {"host": True, "ports": []}, "status": {"x": {"id": "7"}}},
    {"kind": 3, "metadata": ["name"], "spec": {"host": False, "ports": {"port": 5}}, "status": {}},
    {"metadata": {"name": None}, "spec": {"host": -1.5e3, "ports": [{"port": 10**30}]}, "status": [1, [], {}, "[{", None]},
]
FOUND = [
    ["A", "A", None, None],
    ["one", "tw\"o \\ é 😀", None, None],
    ([0, 0, 1], [80, "http", True]),
    ([1], ["7"]),
    ([1], [True]),
]


def outlined(data: bytes) -> Outline:
    found = outline(data, PATHS)
    assert found is not None
    return found


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("plain", [True, False])
def test_objects_one_behind_another(indent: int | None, plain: bool) -> None:
    data = "\n\n".join(json.dumps(item, indent=indent, ensure_ascii=plain) for item in OBJECTS).encode()
    found = outlined(data + b" \r\n\t")
    assert found.columns == FOUND
    assert list(found.parents) == [-1] * 4
    cut = [json.loads(data[start:end]) for start, end in zip(found.starts, found.ends, strict=True)]
    assert cut == OBJECTS


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("order", ["first", "last"])
def test_objects_in_a_list(indent: int | None, order: str) -> None:
    whole = {"kind": "List", "items": OBJECTS, "metadata": {}} if order == "first" else {"items": OBJECTS, "kind": "List"}
    data = json.dumps(whole, indent=indent).encode()
    found = outlined(data)
    assert list(found.parents) == [-1, 0, 0, 0, 0]
    assert found.columns[0] == ["List", *FOUND[0]]
    assert found.columns[2] == ([1, 1, 2], [80, "http", True])
    cut = [json.loads(data[start:end]) for start, end in zip(found.starts, found.ends, strict=True)]
    assert cut == [whole, *OBJECTS]


def test_single_objects() -> None:
    found = outlined("\n".join(map(json.dumps, OBJECTS)).encode())
    assert [found.single(1, record) for record in range(4)] == FOUND[1]
    assert [found.without(column) for column in range(5)] == [[2, 3], [2, 3], [2, 3], [0, 2, 3], [0, 2, 3]]
    for column, record in ((0, 4), (0, -1), (2, 0), (5, 0), (-1, 0)):
        with pytest.raises(IndexError):
            found.single(column, record)
    for column in (5, -1):
        with pytest.raises(IndexError):
            found.without(column)


def test_an_object_around_others_may_tell_its_part_behind_them() -> None:
    found = outlined(b'{"items": [{}, {"status": {"a": 1}}], "status": {"b": 1}}')
    assert found.column(4) == ([2, 0], [True, True])
    assert found.without(4) == [1]


def test_too_many_columns() -> None:
    with pytest.raises(ValueError, match="too many columns"):
        outline(b"{}", [(True, [("a",)])] * 41)


def test_the_last_of_equal_keys_counts() -> None:
    assert outlined(b'{"kind": "a", "kind": "b"}').columns[0] == ["b"]
    assert outlined(b'{"kind": "a", "items": [{"kind": "a"}, {"kind": "a"}], "kind": "b"}').columns[0] == ["b", "a", "a"]


def test_bytes_that_are_no_text() -> None:
    assert outlined(b'{"kind": "a\xffb\xc3"}').columns[0] == ["a\ufffdb\ufffd"]
    assert outlined(b'{"kind": "\\ud83d"}').columns[0] == ["\ud83d"]


@pytest.mark.parametrize(
    "data",
    [
        b"[]", b"3", b"null", b"kind: A", b"{", b'{"kind"', b'{"kind":', b'{"kind": "A', b'{"kind": "A"', b'{"kind" "A"}',
        b'{"kind": A}', b'{"kind": "A",}', b'{,}', b'{"a": [1,]}', b'{"a": [1 2]}', b'{"a": 01}', b'{"a": 1.}', b'{"a": .5}',
        b'{"a": 1e}', b'{"a": -}', b'{"a": +1}', b'{"a": tru}', b'{"a": nul', b'{"a": NaN}', b'{"a": "\n"}', b'{"a": "\\x"}',
        b'{"a": "\\u12g4"}', b'{"a": "\\u12', b'{"a": "\\', b'{"a": 1}}', b'{"a": 1} x', b'{"a": 1}\0', b'{"a": "\0"}',
        b"{'a': 1}", b'{"items": [3]}', b'{"items": [{}, null]}', b'{"items": [{"items": []}]}', b'{"items": [{}',
        b'{"items": [{},]}', b'{"metadata": {"name": "x"', b'{"spec": {"ports": [{"port": 1}', b'{"spec": {"ports": [1,]}}',
        b'{"metadata": {"n\\u0061me": "x"}}', b'{"a": ' + b"1" * 5000 + b"}", b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)  # fmt: skip
def test_what_is_left_to_a_parser(data: bytes) -> None:
    assert outline(data, PATHS) is None


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_nothing(data: bytes) -> None:
    assert outlined(data).starts.tolist() == []


def test_too_many_paths() -> None:
    with pytest.raises(ValueError, match="too many paths"):
        outline(b"{}", [(False, [(f"key{number}",) for number in range(500)])])


def test_damage_is_seen_where_a_parser_sees_it() -> None:
    """Whatever is taken can be parsed, piece by piece, and what cannot be parsed is not taken."""
    chance = random.Random(6)
    for indent in (None, 2):
        text = json.dumps({"kind": "List", "items": OBJECTS}, indent=indent).encode()
        taken = 0
        for _ in range(3000):
            copy = bytearray(text)
            for _ in range(chance.randrange(1, 3)):
                copy[chance.randrange(len(copy))] = chance.choice(b'{}[]",:x\\0 9-.e\0\xff\n')
            found = outline(bytes(copy), PATHS)
            if found is None:
                continue
            taken += 1
            for start, end in zip(found.starts, found.ends, strict=True):
                json.loads(copy[start:end].decode("utf-8", "replace"))
            assert json.loads(copy[found.starts[0] :].decode("utf-8", "replace"))
        assert taken > 100


def test_cuts_anywhere() -> None:
    text = json.dumps({"kind": "List", "items": OBJECTS}).encode()
    assert [length for length in range(1, len(text)) if outline(text[:length], PATHS) is not None] == []
