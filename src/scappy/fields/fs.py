"""Fields of the paths that a call names."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["FS"]


def paths(name: str, which: str) -> tuple[Field, Field]:
    """A path in two forms: made absolute, and as the program wrote it."""
    return (
        Field(f"fs.path.{name}", "CHARBUF", f"Absolute form of the {which} that the call names.", classic=False),
        Field(f"fs.path.{name}raw", "CHARBUF", f"The {which} as the program wrote it.", classic=False),
    )


FS = FieldClass(
    "fs",
    "The paths that a call on the file system names.",
    paths("name", "path") + paths("source", "source path") + paths("target", "target path"),
)
