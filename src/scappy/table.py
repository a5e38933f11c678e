"""Columns of values: what :meth:`scappy.Capture.select` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
        lookup = numpy.empty(len(self.values) + 1, object)
        lookup[:-1] = self.values
        lookup[-1] = None
        result: NDArray[numpy.object_] = lookup[self.codes]
        return result


Column = NDArray[Any] | DictionaryColumn


class Table(Mapping[str, Column]):
    """Values of fields, a row an event.

    A mapping from the name of a field, as it was asked for, to its column: an ndarray of int64, uint64, bool,
    float64 or object (bytes), or a :class:`DictionaryColumn` for texts.

    Parameters
    ----------
    columns : dict of str to ndarray or DictionaryColumn
        All of the same length.
    valid : dict of str to ndarray of bool
        Where each field has a value.
    """

    def __init__(self, columns: dict[str, Column], valid: dict[str, NDArray[numpy.bool_]]) -> None:
        self._columns = columns
        self.valid = valid
        self.rows = len(next(iter(columns.values()))) if columns else 0

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"<Table of {self.rows} rows: {', '.join(self._columns)}>"
