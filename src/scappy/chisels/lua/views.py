"""Tables that scripts only describe (``view_info``), made from a capture as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from scapcore.batch import EventBatch
from scapcore.errors import ChiselError, FieldError
from scapcore.event import FieldReader
from scapcore.snapshot import Snapshot
from scappy.chisels.base import Chisel
from scappy.chisels.units import SECOND, format_interval
from scappy.fields import lookup
from scappy.fields.compiling import compile_field

__all__ = ["View"]

NUMBERS = frozenset(
    "INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 DOUBLE PID FD ERRNO PORT RELTIME ABSTIME FLAGS8 FLAGS16 FLAGS32 "
    "ENUMFLAGS8 ENUMFLAGS16 ENUMFLAGS32 UID GID MODE L4PROTO SYSCALLID SIGTYPE SIGSET".split()
)
#: What stands for the value of the key in the filters that readers of the JSON complete.
PLACEHOLDER = "@#$f1CA^&;"
#: Texts that are empty where others are missing.
EMPTY = ("fd.type", "user.name")
#: Type of the events that stand for threads.
IMAGINARY = "sysdigevent"
TYPES = ("table", "list", "spectrogram")


@dataclass(frozen=True)
class Column:
    """A column of a view.

    Attributes
    ----------
    name : str
        Heading.
    field : str
        Field that it shows.
    type, form : str
        Type and print format of the field.
    filter_field : str
        Field that stands for it in filters.
    size : int
        Width; 0 for the rest of the line, -1 for what suits.
    aggregation, grouping : str
        How values of a key, and of a group, become one; empty for the first one.
    """

    name: str
    field: str
    type: str
    form: str
    filter_field: str
    size: int
    aggregation: str
    grouping: str

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.type in NUMBERS


@dataclass(slots=True)
class Cell:
    """A value on its way to be aggregated, and of how many values it consists."""

    value: Any
    count: int

    def settle(self) -> None:
        """Become the average of the values."""
        if self.count > 1:
            self.value = self.value / self.count if isinstance(self.value, float) else self.value // self.count
        self.count = 1

    def add(self, other: Cell, how: str) -> None:
        """Take in a later value."""
        if how in ("SUM", "TIME_AVG", "AVG") and not isinstance(self.value, str):
            self.value += other.value
            self.count += other.count
        elif how == "MAX" and isinstance(self.value, str):
            # Of texts, the latest.
            self.value = other.value
        elif how == "MAX":
            self.value = max(self.value, other.value)
        elif how == "MIN" and other.count and (not self.count or other.value < self.value):
            self.value, self.count = other.value, other.count


class View(Chisel):
    """A table over a whole capture that a script describes.

    Parameters
    ----------
    name : str
        Name of the file without its ending.
    info : mapping
        Its ``view_info``.

    Raises
    ------
    ChiselError
        If the description cannot be understood.
    """

    name: str  # type: ignore[misc]
    description: str  # type: ignore[misc]
    category = "Views"
    arguments = ()

    def __init__(self, name: str, info: Mapping[str, Any]) -> None:
        self.name = name
        self.info = info
        self.hidden = False
        self.id = str(info.get("id", name))
        self.description = str(info.get("name", name))
        self.__doc__ = str(info.get("description", ""))
        self.kind = str(info.get("view_type", "table"))
        if self.kind not in TYPES:
            raise ChiselError(f"view {name}: there is no view_type {self.kind}")
        self.filter = at_depth(str(info.get("filter", "")))
        self.defaults = bool(info.get("use_defaults", False))

    def on_init(self) -> None:
        """Settle the columns."""
        tag = "containers" if self.context.containers else "default"
        key = group = None
        columns: list[Column] = []
        self.sorting = -1
        for entry in listed(self.info.get("columns")):
            tags = listed(entry.get("tags"))
            if tags and tag not in tags:
                continue
            column = self.column(entry)
            if entry.get("is_key"):
                key = column
            elif entry.get("is_groupby_key"):
                group = column
            else:
                if entry.get("is_sorting"):
                    self.sorting = len(columns)
                columns.append(column)
        if not columns or (key is None and self.kind != "list"):
            raise ChiselError(f"view {self.name} has no key or no column with values")
        self.key, self.group, self.columns = key, group, columns
        self.sorting = max(self.sorting, 0)
        self.fields = [column.field for column in (key, group, *columns) if column is not None]

    def column(self, entry: Mapping[str, Any]) -> Column:
        """A column from its description."""
        # In fields, the original takes one away where it should add one, and scripts are written to that.
        field = at_depth(str(entry.get("field", "")).replace(" ", ""), "0")
        try:
            use = lookup(field)
        except FieldError as error:
            raise ChiselError(f"view {self.name}: {error}") from error
        return Column(
            str(entry.get("name", "")),
            field,
            use.field.classic_type or use.type,
            use.field.format,
            str(entry.get("filterfield", field)),
            int(entry.get("colsize", -1)),
            str(entry.get("aggregation", "")),
            str(entry.get("groupby_aggregation", "")),
        )

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.cells: dict[object, list[Cell]] = {}
        self.groups: dict[object, object] = {}
        self.values = FieldReader(compile_field, 0, True, True)
        self.imaginary = False
        self.rows: list[tuple[object, list[Any]]] = []
        self.nothing: set[str] = set()
        for field in self.fields:
            try:
                compile_field(field)
            except FieldError:
                # No capture has its values.
                self.nothing.add(field)

    def on_batch(self, batch: EventBatch) -> bool:
        """Add the events."""
        for row in batch.selected:
            self.take(batch, int(row))
        return True

    def value_of(self, batch: EventBatch, row: int, column: Column) -> Cell | None:
        """The value of a column at an event."""
        value = None if column.field in self.nothing else self.values.value_of(batch, row, column.field)
        if value is None:
            if column.field in EMPTY:
                return Cell("", 1)
            # A port that is missing is not 0, which would be one.
            if not self.defaults or not column.numeric or column.type == "PORT":
                return None
            return Cell(0.0 if column.type == "DOUBLE" else 0, 0)
        if self.imaginary and column.field == "evt.type":
            return Cell(IMAGINARY, 1)
        if column.numeric and not isinstance(value, str):
            return Cell(value, 1)
        return Cell(value.decode("utf-8", "replace") if isinstance(value, bytes) else text_of(value), 1)

    def take(self, batch: EventBatch, row: int) -> None:
        """Add an event, if it has all values."""
        group = None
        if self.key is None:
            key: object = len(self.cells) + 1
        else:
            found = self.value_of(batch, row, self.key)
            if found is None or (not found.count and self.group is None):
                return
            key = found.value
        if self.group is not None:
            found = self.value_of(batch, row, self.group)
            if found is None:
                return
            group = found.value
        cells = []
        for column in self.columns:
            cell = self.value_of(batch, row, column)
            if cell is None:
                return
            cells.append(cell)
        present = self.cells.get(key)
        if present is None:
            self.cells[key] = cells
            self.groups[key] = group
            return
        for old, new, column in zip(present, cells, self.columns, strict=True):
            old.add(new, column.aggregation)

    def on_capture_end(self) -> None:
        """Add the threads as they are, and print the table."""
        engine = self.context.engine
        last = self.context.last_time
        if engine is not None and self.kind == "table":
            predicate = None
            if self.filter:
                from scappy.filters.plan import compile_filter

                predicate = compile_filter(self.filter).predicate()
            self.imaginary = True
            for batch in Snapshot(engine, last // SECOND * SECOND + SECOND - 1, descriptors=False):
                if predicate is not None:
                    predicate.run(batch)
                batch.pin()
                self.on_batch(batch)
        self.seconds = max(last - self.context.first_time, 0) / SECOND
        self.rows = self.sorted_rows(self.grouped())
        if self.context.json:
            self.print_json()
        else:
            self.print_text()

    def grouped(self) -> dict[object, list[Cell]]:
        """Rows by the key that is shown."""
        for cells in self.cells.values():
            for cell, column in zip(cells, self.columns, strict=True):
                # Whole numbers stay sums until groups are made of them.
                if column.aggregation == "AVG" and column.type == "DOUBLE":
                    cell.settle()
        if self.group is None:
            return self.cells
        groups: dict[object, list[Cell]] = {}
        for key, cells in self.cells.items():
            group = self.groups[key]
            present = groups.get(group)
            if present is None:
                groups[group] = cells
                continue
            for old, new, column in zip(present, cells, self.columns, strict=True):
                if column.aggregation == "AVG" and column.numeric:
                    old.settle()
                    new.settle()
                old.add(new, column.grouping)
                if column.aggregation == "AVG":
                    old.count = 1
        return groups

    def sorted_rows(self, groups: Mapping[object, list[Cell]]) -> list[tuple[object, list[Any]]]:
        """Keys with their values, in the order of the table."""
        self.counts = {key: [cell.count for cell in cells] for key, cells in groups.items()}
        rows = [(key, [cell.value for cell in cells]) for key, cells in groups.items()]
        if self.kind == "list":
            return rows
        place = self.sorting
        if self.columns[place].numeric:
            rows.sort(key=lambda row: -cast("float", row[1][place]))
        else:
            rows.sort(key=lambda row: str(row[1][place]))
        return rows

    def print_json(self) -> None:
        """Print the table as JSON."""
        lines = []
        for key, values in self.rows:
            counts = self.counts[key]
            shown = [json_value(*about) for about in zip(values, counts, self.columns, strict=True)]
            lines.append(json.dumps({"d": shown, "k": text_of(key)}, ensure_ascii=False, separators=(",", ":")))
        about: dict[str, Any] = {"appliesTo": listed(self.info.get("applies_to")), "canDrillDown": self.kind != "list"}
        key = self.group or self.key
        if key is not None and self.kind != "list":
            about["drillDownKeyField"] = key.filter_field
            if self.kind == "table":
                wanted = f'{key.filter_field}="{PLACEHOLDER}"'
                narrowed = self.filter and self.info.get("propagate_filter", True)
                about["filterTemplate"] = f"({self.filter}) and {wanted}" if narrowed else wanted
        about["legend"] = [
            {"format": column.form, "name": column.name, "size": column.size, "type": column.type} for column in self.columns
        ]
        about["sortingCol"] = self.sorting + 1
        data = '"data": [\n' + ",\n".join(lines) + "],\n" if lines else ""
        head = json.dumps(about, separators=(",", ":"))
        self.print('{"slices": [\n{"progress": 100, ' + data + f'"count": {len(lines)}, "info": {head}}}\n]}}')

    def print_text(self) -> None:
        """Print the table as text."""
        self.print("".join(heading(column) + " " for column in self.columns).rstrip())
        self.print("-" * 22)
        for key, values in self.rows:
            shown = (
                self.text_value(value, count, column)
                for value, count, column in zip(values, self.counts[key], self.columns, strict=True)
            )
            self.print("".join(f"{text} " for text in shown))

    def text_value(self, value: object, count: int, column: Column) -> str:
        """A value of several as it is shown."""
        if isinstance(value, str):
            return value if column.size == 0 else f"{value:<{max(column.size, 0)}}"
        number = cast("float", value)
        if column.aggregation == "AVG" and column.type != "DOUBLE":
            number /= max(count, 1)
        if column.type in ("RELTIME", "ABSTIME"):
            return f"{nice_time(number):>10}"
        if column.form == "ID":
            return f"{number:>10}"
        if column.aggregation == "TIME_AVG":
            return f"{nice_number(number / self.seconds if self.seconds else 0.0, 2):>10}"
        if column.aggregation == "AVG" or column.type == "DOUBLE":
            return f"{number:>10.2f}"
        return f"{nice_number(number, 0):>10}"

    def result(self) -> object:
        """List of dict: a row each, by the names of the columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, values, strict=True)) for _, values in self.rows]


def heading(column: Column) -> str:
    """The heading of a column."""
    if column.numeric:
        return f"{column.name:>10}"
    return column.name if column.size == 0 else f"{column.name:<{max(column.size, 0)}}"


def listed(value: Any) -> list[Any]:
    """An array of Lua."""
    return list(value.values()) if isinstance(value, Mapping) else []


def at_depth(text: str, next_level: str = "2") -> str:
    """A filter or field as it stands at the first level; the next one is another thing in fields than in filters."""
    return text.replace("%depth+1", next_level).replace("%depth-1", "0").replace("%depth", "1")


def text_of(value: object) -> str:
    """A value as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_value(value: object, count: int, column: Column) -> object:
    """A value as it stands in JSON; numbers of an average are sums there, times are not."""
    if column.type in ("RELTIME", "ABSTIME") and isinstance(value, (int, float)):
        if column.aggregation == "AVG":
            value /= max(count, 1)
        return f"{nice_time(value):>10}"
    return value


def nice_time(interval: float) -> str:
    """A time span (ns) in the unit that suits it."""
    seconds = int(interval) // SECOND
    if seconds >= 3600:
        return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    if seconds >= 60:
        return f"{seconds // 60}:{seconds % 60}"
    return format_interval(interval)


def nice_number(value: float, digits: int) -> str:
    """A number in the unit of 1024 that suits it."""
    for unit, power in (("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if value > 1024**power:
            scaled = value / 1024**power
            return f"{scaled:.2f}{unit}" if digits else f"{int(scaled)}{unit}"
    return f"{value:.{digits}f}"
