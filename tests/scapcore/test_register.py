"""Registers find what stands in objects, wherever in the text that is."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scapcore.outline import ELEMENTS, Outline, outline
from scapcore.register import Register

COLUMNS: list[tuple[bool, list[tuple[str, ...]]]] = [(True, [("name",)]), (False, [("ids", ELEMENTS)])]
TEXTS = st.text("ab:/\\\"é\n\ud800", max_size=12)
IDS = st.lists(TEXTS | st.integers() | st.none(), max_size=4)
OBJECTS = st.lists(st.fixed_dictionaries({"ids": IDS}, optional={"name": TEXTS}))


def outlined(objects: list[dict[str, object]], ascii: bool = True) -> Outline:
    found = outline("\n".join(json.dumps(item, ensure_ascii=ascii) for item in objects).encode("utf-8"), COLUMNS)
    assert found is not None
    return found


@settings(max_examples=300, deadline=None)
@given(OBJECTS, st.sampled_from(["", "/", "://", "ab"]), st.sampled_from([0, 1, 3]))
def test_objects_are_found_by_their_texts(objects: list[dict[str, object]], after: str, most: int) -> None:
    found = outlined(objects)
    names: list[list[object]] = [[item["name"]] if "name" in item else [] for item in objects]
    for column, values in enumerate((names, [item["ids"] for item in objects])):
        expected: dict[bytes, dict[int, None]] = defaultdict(dict)
        for number, texts in enumerate(values):
            for text in texts:  # type: ignore[attr-defined]
                if isinstance(text, str):
                    kept = (text.rpartition(after)[2] if after else text).encode("utf-8", "surrogatepass")
                    expected[kept[: most or None]][number] = None
        expected.pop(b"", None)
        register = Register(found, column, after, most)
        assert register.shared == any(len(numbers) > 1 for numbers in expected.values())
        for text, numbers in expected.items():
            if most == 0 or text.isascii():
                assert register.find(text.decode("utf-8", "surrogatepass")) == list(numbers)
        assert register.find("") == register.find("zzz") == []


def test_many_objects() -> None:
    found = outlined([{"name": f"object-{number % 5000}", "ids": [f"id://{number}"]} for number in range(20_000)], ascii=False)
    names, ids = Register(found, 0), Register(found, 1, "://")
    assert (names.shared, ids.shared) == (True, False)
    for number in range(0, 5000, 7):
        assert names.find(f"object-{number}") == [number, number + 5000, number + 10_000, number + 15_000]
        assert ids.find(str(number)) == [number]


def test_wrong_use() -> None:
    found = outlined([{}])
    for column in (-1, 2, 40):
        with pytest.raises(IndexError):
            Register(found, column)
    for wrong in (None, "text"):
        with pytest.raises(TypeError):
            Register(wrong, 0)  # type: ignore[arg-type]
    register = Register(found, 0)
    with pytest.raises(RuntimeError, match="made once"):
        register.__init__(found, 0)  # type: ignore[misc]
