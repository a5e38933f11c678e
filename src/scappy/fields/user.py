"""Fields of the user that the event was made for."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["USER"]

USER = FieldClass(
    "user",
    "The user that the thread acts for.",
    (
        Field("user.uid", "UINT32", "Id of the user.", "ID"),
        Field("user.name", "CHARBUF", "Name of the user."),
        Field("user.homedir", "CHARBUF", "Home directory of the user."),
        Field("user.shell", "CHARBUF", "Login shell of the user."),
        Field("user.loginuid", "INT64", "Id of the user who logged in; -1 if nobody did.", "ID", classic_type="INT32"),
        Field("user.loginname", "CHARBUF", "Name of the user who logged in."),
    ),
)
