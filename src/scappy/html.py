"""Captures and tables as notebooks show them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.table import Table

__all__ = ["capture_html", "rows_html", "table_html"]

#: Rows that are shown of what may have millions.
SHOWN = 10
#: Characters of a value.
WIDTH = 120
FIELDS = ("evt.num", "evt.time", "evt.cpu", "proc.name", "thread.tid", "evt.dir", "evt.type", "evt.args")


def cell(value: object) -> str:
    """A value as text without markup."""
    if value is None:
        return ""
    text = str(value)
    return escape(text if len(text) <= WIDTH else text[: WIDTH - 1] + "…")


def rows_html(title: str, names: Sequence[str], rows: Sequence[Sequence[object]], remark: str) -> str:
    """A table with a title above and a remark below."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return (
        f"<div><p><strong>{escape(title)}</strong></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table><p><small>{escape(remark)}</small></p></div>"
    )


def capture_html(capture: Capture) -> str:
    """The first events of a capture; none of a stream, which can be read once only."""
    title = f"Capture {capture.name}" + (f" where {capture.filter_text}" if capture.filter_text else "")
    if not capture.repeatable:
        return rows_html(title, (), (), "a stream, not read yet")
    rows = [[event[name] for name in FIELDS] for event in islice(capture, SHOWN)]
    return rows_html(title, FIELDS, rows, f"the first {len(rows)} events")


def table_html(title: str, table: Table, rows: int | None) -> str:
    """The first rows of a table; `rows` is how many there are, where that is known."""
    columns = [table.objects(name)[:SHOWN] for name in table]
    remark = f"{rows} rows" if rows is not None else "the first rows"
    return rows_html(title, list(table), list(zip(*columns, strict=True)), remark)
