"""Fields that are about no event at all."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["UTIL"]

UTIL = FieldClass(
    "util",
    "Helpers for output.",
    (Field("util.cnt", "UINT64", "How often this field has been asked for.", "ID", hidden=True),),
)
