"""Fields of the descriptor lists of poll events."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["FDLIST"]

FDLIST = FieldClass(
    "fdlist",
    "The descriptors that a poll event asks about; each field joins one value of all with commas.",
    (
        Field("fdlist.nums", "CHARBUF", "Their numbers.", "ID"),
        Field("fdlist.names", "CHARBUF", "Their names."),
        Field("fdlist.cips", "CHARBUF", "Their client addresses."),
        Field("fdlist.sips", "CHARBUF", "Their server addresses."),
        Field("fdlist.cports", "CHARBUF", "Their client ports.", "DEC"),
        Field("fdlist.sports", "CHARBUF", "Their server ports.", "DEC"),
    ),
)
