"""Fields of the spans that an event falls into."""

from __future__ import annotations

from .field import Argument, Field, FieldClass
from .span import ARGUMENT, TAG

__all__ = ["EVTIN"]

SCOPES = (
    ("", "the same thread"),
    ("p.", "the same process"),
    ("s.", "a process with the same parent"),
    ("m.", "any process"),
)

PARTS: tuple[tuple[str, str, str, str, Argument | None], ...] = (
    ("id", "INT64", "ID", "id", None),
    ("ntags", "UINT32", "DEC", "number of tags", None),
    ("nargs", "UINT32", "DEC", "number of arguments", None),
    ("tags", "CHARBUF", "NA", "tags", None),
    ("tag", "CHARBUF", "NA", "tag at the given position", TAG),
    ("args", "CHARBUF", "NA", "arguments", None),
    ("arg", "CHARBUF", "NA", "argument of the given name or position", ARGUMENT),
)

EVTIN = FieldClass(
    "evtin",
    "The spans that are open when the event happens.",
    tuple(
        Field(
            f"evtin.span.{scope}{part}",
            type,
            f"The {what} of a span open at the event, marked by {who}.",
            format,
            argument,
            deprecated=True,
            modern=False,
        )
        for scope, who in SCOPES
        for part, type, format, what, argument in PARTS
    ),
)
