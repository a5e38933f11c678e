"""An interpreter of its own for each script: what a chisel finds in it and how Python reaches into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from scapcore.cursor import DECLARATIONS, EventCursor
from scapcore.errors import ChiselError, MissingDependencyError

__all__ = ["Limits", "Runtime"]

#: The interpreters that lupa brings, the best first; both have the foreign-function interface that events come through.
INTERPRETERS = ("lupa.luajit21", "lupa.luajit20")


@dataclass(frozen=True)
class Limits:
    """What a script may do.

    Attributes
    ----------
    seconds : float
        Processor time that it may take at a time, for one event or one call.
    memory : int
        Bytes that it may have.
    trusted : bool
        True for a script that may use files, processes and every library; it has no limits then.
    """

    seconds: float = 30.0
    memory: int = 1 << 30
    trusted: bool = False


@cache
def interpreter() -> Any:
    """The module of lupa with the best interpreter.

    Raises
    ------
    MissingDependencyError
        If lupa is missing, or has none that will do.
    """
    for name in INTERPRETERS:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise MissingDependencyError("lupa", "chisels", "running Lua chisels")


@cache
def prelude() -> bytes:
    """The Lua code that is run before a chisel."""
    return (files("scappy.chisels.lua") / "prelude.lua").read_bytes()


def no_attributes(target: object, name: object, setting: bool) -> object:
    """Objects of Python that come to Lua can be called and nothing else."""
    raise AttributeError("not from Lua")


class Runtime:
    """A Lua interpreter with a chisel in it.

    Parameters
    ----------
    name : str
        Name of the chisel, for messages.
    host : mapping of str to callable
        The functions that the prelude calls; texts come and go as bytes.
    cursor : EventCursor
        Where events come from.
    limits : Limits
        What the script may do.
    """

    def __init__(
        self, name: str, host: Mapping[str, Callable[..., Any]], cursor: EventCursor, limits: Limits
    ) -> None:
        module = interpreter()
        self.name = name
        self.cursor = cursor
        self.errors = (module.LuaError, module.LuaSyntaxError)
        self.lua = module.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=no_attributes,
            max_memory=None if limits.trusted else limits.memory,
        )
        functions = self.lua.table_from({key.encode(): value for key, value in host.items()})
        addresses = self.lua.table_from({key.encode(): value for key, value in cursor.addresses.items()})
        begin = self.lua.compile(prelude())
        exported = begin(functions, addresses, DECLARATIONS.encode(), limits.trusted, limits.seconds)
        self.functions = {key.decode(): value for key, value in exported.items()}

    def array(self, items: list[Any]) -> Any:
        """A Lua table that counts from 1."""
        return self.lua.table_from(items)

    def table(self, content: dict[Any, Any]) -> Any:
        """A Lua table from dicts and lists, at any depth."""
        return self.lua.table_from(content, recursive=True)

    def call(self, name: str, *values: Any) -> Any:
        """Call one of the functions that the prelude gave.

        Raises
        ------
        ChiselError
            If the script fails; the message is the script's, after its name.
        """
        try:
            return self.functions[name](*values)
        except self.errors as error:
            raise ChiselError(f"{self.name} chisel error: {message(error)}") from None
        except MemoryError:
            raise ChiselError(f"{self.name} chisel error: it took more memory than it may have") from None
        except RecursionError as error:
            raise ChiselError(f"{self.name} chisel error: {error}") from None


def message(error: Exception) -> str:
    """What Lua says, without the list of calls."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.split("\nstack traceback:")[0]
