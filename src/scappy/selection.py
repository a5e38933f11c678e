"""What :meth:`scappy.Capture.select` gives: columns of a capture that are read when they are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from scapcore.errors import CorruptCaptureError, DamageWarning, MissingDependencyError
from scappy.arrow import ArrowForm, stream
from scappy.table import Column, Table

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

    from scapcore.arrow import ArrowStream, RecordBatch
    from scappy.capture import Capture

__all__ = ["Selection"]

Made = TypeVar("Made")


def library(name: str, extra: str, method: str) -> Any:
    """Import a library of an extra.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingDependencyError(package, extra, f"{method}()") from error


class Stream:
    """What a library takes a pass out of; the error that ended the pass is kept."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._streams: list[ArrowStream] = []

    def __arrow_c_schema__(self) -> object:
        return self._selection.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        made = self._selection.stream()
        self._streams.append(made)
        return made.capsule()

    def through(self, convert: Callable[[Any], Made]) -> Made:
        """Let a library convert the pass; an error of the pass is raised as it was, not as the library puts it."""
        try:
            return convert(self)
        except Exception:
            for made in self._streams:
                if made.error is not None:
                    raise made.error from None
            raise


class Selection(Table):
    """Values of fields, a row an event, read when they are asked for.

    Everything that knows the Arrow PyCapsule interface takes it as it is: ``polars.DataFrame(selection)``,
    ``pyarrow.table(selection)``, ``duckdb.sql("from selection")``. Each of these is one pass over the capture that
    streams record batches; the filter and the fields are part of the pass, so nothing else is read or kept. Texts of
    threads, descriptors and types are dictionaries, byte fields are views of the capture's memory, moments are
    ``timestamp[ns, UTC]`` and how long something took is ``duration[ns]``.

    It is also a mapping of NumPy columns, see :class:`scappy.Table`; these are gathered once, when first asked for.

    Parameters
    ----------
    capture : Capture
        With or without a filter.
    fields : sequence of str
        What is wanted.
    form : ArrowForm
        Choices of Arrow types.
    end : int, optional
        Number of an event at which passes for Arrow may end, as the filter chooses none from there on.
    """

    def __init__(self, capture: Capture, fields: Sequence[str], form: ArrowForm, end: int | None = None) -> None:
        super().__init__(dict.fromkeys(fields, ()), {})  # type: ignore[arg-type]
        self._capture = capture
        self._form = form
        self._end = end
        self._type = stream(capture, fields, form).type
        self._gathered = False

    # -----------------------------------------------------------------------------------------------------
    # NumPy

    def _gather(self) -> dict[str, Column]:
        from scappy.gathering import Gathering

        if not self._gathered:
            gathering = Gathering(self._capture, list(self))
            try:
                while gathering.advance():
                    pass
            except CorruptCaptureError as error:
                if not error.gaps:
                    raise
                warnings.warn(str(error), DamageWarning, stacklevel=3)
            self._columns, self._valid = gathering.take()
            self._gathered = True
        return self._columns

    # -----------------------------------------------------------------------------------------------------
    # Arrow

    def stream(self) -> ArrowStream:
        """A pass for one consumer."""
        return stream(self._capture, list(self), self._form, end=self._end)

    def batches(self) -> Iterator[RecordBatch]:
        """Record batches of one pass, each with ``__arrow_c_array__``; memory is flat while they are not kept.

        Raises
        ------
        ScapError
            If the capture cannot be read.

        Warns
        -----
        DamageWarning
            If the capture is damaged: the batches hold what can be read.
        """
        return iter(self.stream().batches)

    def __arrow_c_schema__(self) -> object:
        return self._type.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.stream().capsule()

    def to_arrow(self) -> pyarrow.Table:
        """The whole as a table of PyArrow (extra ``arrow``).

        Raises
        ------
        MissingDependencyError
            If PyArrow is not installed.
        ScapError
            If the capture cannot be read.
        """
        arrow = library("pyarrow", "arrow", "to_arrow")
        made: pyarrow.Table = Stream(self).through(arrow.table)
        return made

    def to_polars(self) -> polars.DataFrame:
        """The whole as a DataFrame of Polars (extra ``polars``); texts of dictionaries are categories.

        Raises
        ------
        MissingDependencyError
            If Polars is not installed.
        ScapError
            If the capture cannot be read.
        """
        frames = library("polars", "polars", "to_polars")
        made: polars.DataFrame = Stream(self).through(frames.DataFrame)
        return made

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """The whole as a DataFrame of pandas (extra ``pandas``, which brings PyArrow along).

        Parameters
        ----------
        **options
            As for ``pyarrow.Table.to_pandas``.

        Raises
        ------
        MissingDependencyError
            If pandas or PyArrow is not installed.
        ScapError
            If the capture cannot be read.
        """
        library("pandas", "pandas", "to_pandas")
        arrow = library("pyarrow", "pandas", "to_pandas")
        made: pandas.DataFrame = Stream(self).through(arrow.table).to_pandas(**options)
        return made

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """The whole as a relation of DuckDB (extra ``duckdb``), held in memory so that it can be queried again.

        How long something took is nanoseconds as integers: DuckDB's intervals count microseconds. A query that is asked
        once can stream: ``duckdb.sql("select … from selection")``.

        Parameters
        ----------
        connection : DuckDBPyConnection, optional
            The default one if None.

        Raises
        ------
        MissingDependencyError
            If DuckDB or PyArrow is not installed.
        ScapError
            If the capture cannot be read.
        """
        database = library("duckdb", "duckdb", "to_duckdb")
        arrow = library("pyarrow", "duckdb", "to_duckdb")
        exact = Selection(self._capture, list(self), replace(self._form, durations="integer"))
        table = Stream(exact).through(arrow.table)
        made: duckdb.DuckDBPyRelation = (database if connection is None else connection).from_arrow(table)
        return made

    def _repr_html_(self) -> str:
        from scappy.html import SHOWN, rows_html, table_html

        title = f"Selection from {self._capture!r}"
        if self._gathered:
            return table_html(title, self, self.rows)
        if not self._capture.repeatable:
            return rows_html(title, list(self), (), "a stream, not read yet")
        rows: list[tuple[object, ...]] = []
        for piece in self._capture.tables(list(self)):
            columns = [piece.objects(name)[: SHOWN - len(rows)] for name in piece]
            rows += zip(*columns, strict=True)
            if len(rows) >= SHOWN:
                break
        return rows_html(title, list(self), rows, "the first rows")

    def __repr__(self) -> str:
        rows = f" of {self.rows} rows" if self._gathered else ""
        return f"<Selection{rows} from {self._capture!r}: {', '.join(self)}>"
