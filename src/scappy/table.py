"""Columns of values for NumPy."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

__all__ = ["DictionaryColumn", "Table"]


@dataclass(frozen=True)
class DictionaryColumn:
    """Texts as codes into a list of the distinct ones.

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Index into `values`, -1 where the field is missing.
    values : list of str
        The distinct texts; some may be unused.
    """

    codes: NDArray[numpy.int32]
    values: list[str]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]

    def to_numpy(self) -> NDArray[numpy.object_]:
        """The texts themselves, None where missing: ndarray of object, shape (n,)."""
        import numpy

        lookup = numpy.empty(len(self.values) + 1, object)
        lookup[:-1] = self.values
        lookup[-1] = None
        result: NDArray[numpy.object_] = lookup[self.codes]
        return result


Column: TypeAlias = "NDArray[Any] | DictionaryColumn"


class Table:
    """Values of fields, a row an event.

    It is asked like a mapping from the name of a field, as it was asked for, to its column: an ndarray of int64, uint64,
    bool, float64 or object (bytes), or a :class:`DictionaryColumn` for texts. (It is none by class: libraries would look no
    further and miss Arrow's columns.)

    Parameters
    ----------
    columns : dict of str to ndarray or DictionaryColumn
        All of the same length.
    valid : dict of str to ndarray of bool
        Where each field has a value.
    """

    def __init__(self, columns: dict[str, Column], valid: dict[str, NDArray[numpy.bool_]]) -> None:
        self._columns = columns
        self._valid = valid

    def _gather(self) -> dict[str, Column]:
        """The columns."""
        return self._columns

    @property
    def valid(self) -> dict[str, NDArray[numpy.bool_]]:
        """Where each field has a value: by field, ndarray of bool."""
        self._gather()
        return self._valid

    @property
    def rows(self) -> int:
        """Number of rows."""
        columns = self._gather()
        return len(next(iter(columns.values()))) if columns else 0

    def __getitem__(self, name: str) -> Column:
        return self._gather()[name]

    def objects(self, name: str) -> list[Any]:
        """A column as Python objects, None where the field is missing."""
        column = self[name]
        if isinstance(column, DictionaryColumn):
            return [None if code < 0 else column.values[code] for code in column.codes.tolist()]
        there = self.valid[name].tolist()
        return [value if known else None for value, known in zip(column.tolist(), there, strict=True)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def keys(self) -> KeysView[str]:
        """Names of the fields."""
        return self._columns.keys()

    def items(self) -> ItemsView[str, Column]:
        """Names and columns."""
        return self._gather().items()

    def values(self) -> ValuesView[Column]:
        """The columns."""
        return self._gather().values()

    def _repr_html_(self) -> str:
        from scappy.html import table_html

        return table_html("Table", self, self.rows)

    def __repr__(self) -> str:
        return f"<Table of {self.rows} rows: {', '.join(self)}>"
