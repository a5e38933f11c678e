"""What a capture can contain, as data: event types, parameters, flag names, system calls.

The JSON files beside this module are the one source; :mod:`scapcore.schema.generate` turns them into C
tables when the package is built, and the functions here show them to Python.

Two generations of tools describe the same numbers with small differences. The *classic* form is what
sysdig 0.29.3 (2022) says, continued with the newest names for everything that it does not know; the
*modern* form is what the newest libraries say. :func:`event_types` takes the generation as an argument.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from scapcore.record import Record

__all__ = ["EventType", "Parameter", "errno_names", "event_types", "flag_table", "signal_names", "syscall_names"]


class Parameter(Record):
    """One parameter of an event type.

    Attributes
    ----------
    name : str
        Name as printed, such as ``fd``.
    type : str
        Type code of the format without its prefix, such as ``FSPATH`` (scap format, section 6.3).
    format : str
        How numbers are printed: ``NA``, ``DEC``, ``HEX``, ``OCT`` or ``10_PADDED_DEC``.
    table : str or None
        Name of the table of flag names or dynamic sub-types, see :func:`flag_table`.
    dirfd : int or None
        For relative paths: index of the parameter that holds the directory's descriptor.
    """

    name: str
    type: str
    format: str
    table: str | None = None
    dirfd: int | None = None


class EventType(Record):
    """One event type.

    Attributes
    ----------
    type : int
        Number in the event header; even for enter, odd for exit events.
    id : str
        Constant name without prefix, such as ``SYSCALL_OPEN_X``.
    name : str
        Name as printed, such as ``open``.
    category : str
        ``FILE``, ``NET``, ``IO_READ``, …
    flags : frozenset of str
        ``CREATES_FD``, ``USES_FD``, ``MODIFIES_STATE``, …
    params : tuple of Parameter
        In the order of the event.
    reference_params : int or None
        How many parameters sysdig 0.29.3 knows; None if it does not know the type.
    """

    type: int
    id: str
    name: str
    category: str
    flags: frozenset[str]
    params: tuple[Parameter, ...]
    reference_params: int | None

    @property
    def is_enter(self) -> bool:
        """True for enter events (printed ``>``), False for exit events (``<``)."""
        return self.type % 2 == 0

    @property
    def is_large(self) -> bool:
        """True if parameter lengths are 32 bits wide (blocks 0x221 and 0x222)."""
        return "LARGE_PAYLOAD" in self.flags


@cache
def load(name: str) -> dict[str, Any]:
    """Content of one of the JSON files: ``events``, ``flags`` or ``syscalls``."""
    import json

    with open(os.path.join(os.path.dirname(__file__), f"{name}.json"), "rb") as file:
        content: dict[str, Any] = json.load(file)
    return content


@cache
def event_types(modern: bool = False) -> tuple[EventType, ...]:
    """All event types, indexed by their number.

    Parameters
    ----------
    modern : bool, default False
        The form of the newest libraries instead of that of sysdig 0.29.3.

    Examples
    --------
    >>> opened = event_types()[3]
    >>> opened.name, opened.is_enter, [parameter.name for parameter in opened.params][:3]
    ('open', False, ['fd', 'name', 'flags'])
    """
    types = []
    for entry in load("events")["events"]:
        classic = entry.get("classic", {})
        older = {} if modern else classic
        params = [Parameter(**param) for param in entry["params"]]
        for index, param in older.get("params", {}).items():
            params[int(index)] = Parameter(**param)
        types.append(
            EventType(
                entry["type"],
                entry["id"],
                older.get("name", entry["name"]),
                older.get("category", entry["category"]),
                frozenset(older.get("flags", entry["flags"])) | (frozenset(entry["flags"]) & {"LARGE_PAYLOAD"}),
                tuple(params),
                classic.get("nparams"),
            )
        )
    return tuple(types)


@cache
def flag_table(name: str, modern: bool = False) -> tuple[tuple[str, int], ...]:
    """Names and values of a flag or enumeration table, in printing order."""
    content = load("flags")
    rows = content["tables"][name] if modern else content["classic"].get(name, content["tables"].get(name))
    return tuple((label, value) for label, value in rows)


@cache
def errno_names() -> dict[int, str]:
    """Name of each error number, such as 2: ``ENOENT``."""
    return {value: label for label, value in load("flags")["errno"]}


@cache
def signal_names() -> dict[int, str]:
    """Name of each signal number, such as 9: ``SIGKILL``."""
    return {value: label for label, value in load("flags")["signal"]}


@cache
def syscall_names(modern: bool = False) -> dict[int, str]:
    """Name of each system-call code that generic events carry; these are not kernel numbers."""
    return {
        entry["code"]: entry["name"] if modern else entry.get("classic", entry).get("name", entry["name"])
        for entry in load("syscalls")["syscalls"]
    }
