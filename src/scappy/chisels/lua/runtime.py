"""An interpreter of its own for each script: what a chisel finds in it and how Python reaches into it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from scapcore import native_lua
from scapcore.cursor import DECLARATIONS, EventCursor
from scapcore.errors import ChiselError, MissingDependencyError, ScapError

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
def native_library() -> bytes | None:
    """Where the interpreter finds the walk over events in its own kind of function; None where it keeps its functions hidden."""
    library = ctypes.CDLL(interpreter().__file__)
    try:
        functions = [getattr(library, name) for name in native_lua.FUNCTIONS]
    except AttributeError:
        return None
    native_lua.bind(*(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions))
    return os.fsencode(native_lua.__file__)


@cache
def script(name: str) -> bytes:
    """Lua code that is run before a chisel."""
    return (files("scappy.chisels.lua") / f"{name}.lua").read_bytes()


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
        self.raised: Exception | None = None
        self.calls = native_lua.LuaCalls(cursor)
        functions = self.lua.table_from({key.encode(): self.guarded(value) for key, value in host.items()})
        addresses = {**cursor.addresses, "calls": self.calls.address}
        begin = self.lua.compile(script("prelude"), name=b"=chisel API")
        exported = begin(
            functions,
            self.lua.table_from({key.encode(): value for key, value in addresses.items()}),
            DECLARATIONS.encode(),
            limits.trusted,
            limits.seconds,
            None if limits.trusted else native_library(),
            self.lua.compile(script("patterns"), name=b"=patterns"),
        )
        self.functions = {key.decode(): value for key, value in exported.items()}

    def guarded(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
        """A function whose exceptions stay on this side: Lua gets whether it went well, and the results or the message."""

        def call(*values: Any) -> tuple[Any, ...]:
            try:
                result = function(*values)
            except Exception as problem:
                self.raised = problem
                return False, str(problem).encode("utf-8", "surrogateescape")
            return (True, *result) if isinstance(result, tuple) else (True, result)

        return call

    def enter(self) -> None:
        """There is an event at hand, to which the cursor went by itself."""
        self.calls.enter()
        self.call("at_hand", True)

    def leave(self) -> None:
        """There is no event at hand any more."""
        self.calls.leave()
        self.call("at_hand", False)

    def last_words(self) -> None:
        """Print what a failed script printed before."""
        with suppress(*self.errors, MemoryError):
            self.functions["last_words"]()

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
        self.raised = None
        try:
            return self.functions[name](*values)
        except (MemoryError, *self.errors) as error:
            if isinstance(error, MemoryError):
                raise ChiselError(f"{self.name} chisel error: it took more memory than it may have") from None
            raised = self.raised
            if raised is not None and str(raised) in message(error):
                # What a function of ours said ended the script.
                if isinstance(raised, ScapError):
                    raise raised from None
                raise ChiselError(f"{self.name} chisel error: {raised}") from raised
            raise ChiselError(f"{self.name} chisel error: {message(error)}") from None
        except RecursionError as error:
            raise ChiselError(f"{self.name} chisel error: {error}") from None


def message(error: Exception) -> str:
    """What Lua says, without the list of calls."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.split("\nstack traceback:")[0] or "it failed without a message"
