"""A chisel from its name, whatever it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scapcore.errors import ChiselError
from scappy.chisels.base import Chisel
from scappy.chisels.registry import chisel_named

__all__ = ["make_chisel"]


def make_chisel(
    name: str, directories: Sequence[str | Path] = (), *, lua_first: bool = False, trusted: bool = False
) -> Chisel:
    """A chisel by name: one in Python, or else a script or a view in Lua.

    Parameters
    ----------
    name : str
        Its name, or the path of its file.
    directories : sequence of path
        Folders to look in before all others.
    lua_first : bool
        Whether a script goes before a chisel in Python of the same name.
    trusted : bool
        Whether a script runs without sandbox and limits.

    Raises
    ------
    ChiselError
        If there is none of that name, or it cannot be loaded.
    """
    if not lua_first and not name.endswith(".lua"):
        try:
            return chisel_named(name, directories)()
        except ChiselError:
            # Told below if there is no such script either.
            pass
    from scappy.chisels.lua import Limits, find_chisel, load_script

    path = find_chisel(name, directories) or find_chisel(f"v_{name}", directories)
    if path is None:
        return chisel_named(name, directories)()
    return load_script(path, limits=Limits(trusted=trusted), directories=directories)
