"""The command that makes something else out of captures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import scappy
from scappy.cli.options import Option, UsageError
from scappy.cli.rewriting import damaged, read_words

__all__ = ["convert"]

TO = Option("to", "", "to", "FORM", "parquet, arrow, csv, jsonl, perfetto or pcapng")
FIELDS = Option("fields", "", "fields", "LIST", "columns of a flat table, with commas between them")
WHERE = Option("where", "", "where", "FILTER", "only the events that a filter chooses")
NO_DATA = Option("no_data", "", "no-data", "", "leave out the bytes that were read and written")


def convert(words: Sequence[str]) -> int:
    """``scappy convert``."""
    from scappy.converting import convert as convert_captures

    names, values = read_words(words, (TO, FIELDS, WHERE, NO_DATA))
    if len(names) < 2 or "to" not in values:
        raise UsageError("convert takes captures, what is written, and --to FORM")
    fields = [name.strip() for name in values["fields"].split(",")] if "fields" in values else None
    with ExitStack() as stack:
        captures = [stack.enter_context(scappy.open(name)) for name in names[:-1]]
        if "where" in values:
            captures = [capture.filter(values["where"]) for capture in captures]
        result = convert_captures(captures, names[-1], values["to"], fields=fields, payloads="no_data" not in values)
    for what, count in result.rows.items():
        print(f"{count} {what}")
    return damaged(result.damage)
