"""Fields of the group that the event was made for."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["GROUP"]

GROUP = FieldClass(
    "group",
    "The group that the thread acts for.",
    (
        Field("group.gid", "UINT32", "Id of the group.", "ID", classic_type="UINT64"),
        Field("group.name", "CHARBUF", "Name of the group."),
    ),
)
