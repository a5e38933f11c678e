"""The chisels that come along, by name."""

from __future__ import annotations

import difflib
from importlib import import_module

from scapcore.errors import ChiselError
from scappy.chisels.base import Chisel

__all__ = ["chisel_named", "chisel_names"]

#: Name of each chisel: its module and class, imported when it is asked for.
BUILT_IN = {"echo_fds": ("scappy.chisels.echo_fds", "EchoFds")}


def chisel_names() -> list[str]:
    """Names of all chisels."""
    return sorted(BUILT_IN)


def chisel_named(name: str) -> type[Chisel]:
    """The class of a chisel.

    Raises
    ------
    ChiselError
        If there is none of that name; the message names the nearest ones.
    """
    if name not in BUILT_IN:
        near = difflib.get_close_matches(name, BUILT_IN, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(chisel_names())}"
        raise ChiselError(f"chisel {name} not found{hint}")
    module, attribute = BUILT_IN[name]
    found: type[Chisel] = getattr(import_module(module), attribute)
    return found
