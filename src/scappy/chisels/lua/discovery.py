"""Finding chisels written in Lua."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["chisel_directories", "find_chisel", "find_module", "lua_chisel_names"]

#: Where Debian's package puts the chisels.
INSTALLED = "/usr/share/sysdig/chisels"

MODULE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def chisel_directories() -> list[Path]:
    """Directories that are searched for chisels, the first one first (chisel API, section 1)."""
    named = [Path(part) for part in os.environ.get("SYSDIG_CHISEL_DIR", "").split(";") if part]
    return [*reversed(named), Path("."), Path("chisels"), Path.home() / ".chisels", Path(INSTALLED)]


def find_chisel(name: str) -> Path | None:
    """The file of a chisel: ``NAME.lua`` in all directories, then ``NAME`` itself; None if there is none.

    Parameters
    ----------
    name : str
        A name or a path.
    """
    if not name or "\0" in name:
        return None
    for candidate in (f"{name}.lua", name):
        for directory in chisel_directories():
            path = directory / candidate
            if path.is_file():
                return path
    return None


def find_module(name: str, beside: Path) -> Path | None:
    """The file that ``require`` means: beside the chisel or in a directory of chisels, nowhere else.

    Parameters
    ----------
    name : str
        Name of the module, with dots between directories.
    beside : Path
        Directory of the chisel.
    """
    if not MODULE_NAME.fullmatch(name):
        return None
    for directory in [beside, *chisel_directories()]:
        path = directory.joinpath(*name.split(".")).with_suffix(".lua")
        if path.is_file():
            return path
    return None


def lua_chisel_names() -> Iterator[tuple[str, Path]]:
    """Names and files of all Lua scripts in the directories; the first file of a name wins."""
    seen = set()
    for directory in chisel_directories():
        try:
            paths = sorted(directory.glob("*.lua"))
        except OSError:
            continue
        for path in paths:
            if path.stem not in seen:
                seen.add(path.stem)
                yield path.stem, path
