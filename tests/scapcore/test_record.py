"""Records are what the standard library's frozen dataclasses are, as far as anybody relies on it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scapcore.record import Record


class Place(Record, uncompared=("note",)):
    line: int
    column: int = 0
    note: str = ""


class Span(Record):
    line: int
    column: int = 0
    note: str = ""


@dataclass(frozen=True)
class Model:
    line: int
    column: int = 0
    note: str = field(default="", compare=False)


PARTS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["", "a"]))


@given(PARTS, PARTS)
def test_records_compare_as_dataclasses_do(one: tuple[int, int, str], other: tuple[int, int, str]) -> None:
    assert (Place(*one) == Place(*other)) is (Model(*one) == Model(*other))
    assert len({Place(*one), Place(*other)}) == len({Model(*one), Model(*other)})
    assert repr(Place(*one)) == repr(Model(*one)).replace("Model", "Place")


def test_parts_are_given_by_position_or_name_or_not_at_all() -> None:
    assert Place(1, note="x").note == "x"
    assert (Place(line=1).column, Place(1, 2).column, Place(column=3, line=1).column) == (0, 2, 3)


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((), {"column": 1}), ((1, 2, "", 4), {}), ((1,), {"line": 2}), ((1,), {"row": 2})],
    ids=["nothing", "a required one is missing", "too many", "one twice", "an unknown one"],
)
def test_wrong_parts_are_refused(values: tuple[object, ...], named: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="Place takes line, column, note"):
        Place(*values, **named)


def test_records_of_other_classes_are_not_equal() -> None:
    assert Place(1) != Span(1)
    assert Place(1) != (1, 0, "")
    assert Span(1) != Span(1, note="a")


def test_a_record_does_not_change() -> None:
    place = Place(1)
    with pytest.raises(AttributeError, match="cannot assign to line"):
        place.line = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot delete line"):
        del place.line
    assert place.replaced(line=2, note="b").line == 2
    assert place == Place(1)


def test_a_record_can_be_taken_apart_by_patterns() -> None:
    match Place(1, 2):
        case Place(line, column):
            assert (line, column) == (1, 2)


def test_copies_are_equal() -> None:
    place = Place(1, note="here")
    for other in (copy.copy(place), copy.deepcopy(place), pickle.loads(pickle.dumps(place))):
        assert (other, other.note) == (place, "here")
