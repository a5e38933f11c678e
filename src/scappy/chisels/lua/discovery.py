"""Finding chisels written in Lua."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["chisel_directories", "find_chisel", "find_module", "lua_chisel_names"]

#: Where Debian's package puts the chisels.
INSTALLED = "/usr/share/sysdig/chisels"

MODULE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def chisel_directories(directories: Sequence[str | Path] = ()) -> list[Path]:
    """Directories that are searched for chisels, the first one first (chisel API, section 1).

    Parameters
    ----------
    directories : sequence of path
        What comes before all others.
    """
    named = [Path(part) for part in os.environ.get("SYSDIG_CHISEL_DIR", "").split(";") if part]
    return [*map(Path, directories), *reversed(named), Path("."), Path("chisels"), Path.home() / ".chisels", Path(INSTALLED)]


def find_chisel(name: str, directories: Sequence[str | Path] = ()) -> Path | None:
    """The file of a chisel: ``NAME.lua`` in all directories, then ``NAME`` itself; None if there is none.

    Parameters
    ----------
    name : str
        A name or a path.
    directories : sequence of path
        What is searched before all others.
    """
    if not name or "\0" in name:
        return None
    for candidate in (f"{name}.lua", name):
        for directory in chisel_directories(directories):
            path = directory / candidate
            if path.is_file():
                return path
    return None


def find_module(name: str, places: Sequence[Path]) -> Path | None:
    """The file that ``require`` means: beside the chisel or in a directory of chisels, nowhere else.

    Parameters
    ----------
    name : str
        Name of the module, with dots between directories.
    places : sequence of Path
        Directories to look in.
    """
    if not MODULE_NAME.fullmatch(name):
        return None
    for directory in places:
        path = directory.joinpath(*name.split(".")).with_suffix(".lua")
        if path.is_file():
            return path
    return None


def lua_chisel_names(directories: Sequence[str | Path] = ()) -> Iterator[tuple[str, Path]]:
    """Names and files of all Lua scripts in the directories; the first file of a name wins."""
    seen = set()
    for directory in chisel_directories(directories):
        try:
            paths = sorted(directory.glob("*.lua"))
        except OSError:
            continue
        for path in paths:
            if path.stem not in seen:
                seen.add(path.stem)
                yield path.stem, path
