"""The tables that the program in the kernel and the decoder run by, made of the recipes of all calls and events."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scapcore.probe.calls import CALLS, CLONE, EVENTS, EXECVE, EXIT, GENERIC, PAGE_FAULT, SIGNAL, SWITCH
from scapcore.probe.compat import compat_recipes
from scapcore.probe.constants import CONSTANTS, call_numbers
from scapcore.probe.flags import TABLES
from scapcore.probe.recipes import Recipe, compile_call, compile_steps, special
from scapcore.schema import syscall_names

__all__ = ["TRACEPOINTS", "Tables", "build_tables"]

#: Of ``enum probe_wanted``.
WANTED_NEVER, WANTED_OF_CHOSEN, WANTED_OF_ALL = range(3)

#: Program in the kernel, and the event type that it tells of.
TRACEPOINTS = {
    "on_exec": EXECVE,
    "on_fork": CLONE,
    "on_exit": EXIT,
    "on_switch": SWITCH,
    "on_signal": SIGNAL,
    "on_user_fault": PAGE_FAULT,
}


@dataclass(frozen=True)
class Tables:
    """What the program in the kernel and the decoder run by.

    Attributes
    ----------
    calls : dict of int to bytes
        The kernel's entry of each call, by its number; behind ``CALLS`` those of 32-bit programs.
    recipes : dict of int to (int, int, bytes)
        Event type, number of pieces and steps, by the same, or by twice ``CALLS`` plus the kind of the record.
    flags : list of (list of (int, int, int), bool, int)
        Conversions, by the number that steps know them by.
    needed : set of int
        Event types without which children of chosen processes would not be known.
    types : frozenset of int, optional
        The event types that were asked for.
    """

    calls: dict[int, bytes]
    recipes: dict[int, tuple[int, int, bytes]]
    flags: list[tuple[list[tuple[int, int, int]], bool, int]]
    needed: frozenset[int]
    types: frozenset[int] | None

    def wants(self, kind: int) -> bool:
        """Whether events of a type are told."""
        return kind != PAGE_FAULT if self.types is None else kind in self.types


def build_tables(types: Collection[int] | None = None, always: Collection[int] = ()) -> Tables:
    """The tables for the event types wanted; None is all. Those in `always` are wanted of threads that are not chosen, too.

    Examples
    --------
    >>> tables = build_tables({7})
    >>> tables.wants(7), tables.wants(9)
    (True, False)
    """
    chosen = None if types is None else frozenset(types)
    count = CONSTANTS["CALLS"]
    generic = Recipe(GENERIC, (special("CALL_CODE"), special("CALL_NUMBER")))
    codes = {name: code for code, name in syscall_names(modern=True).items()}
    known = {native: recipe for name, recipe in CALLS.items() if (native := call_numbers().get(codes.get(name, -1), -1)) >= 0}
    known |= {count + number: recipe for number, recipe in compat_recipes().items()}
    tables = Tables(
        {},
        {},
        [(list(table.rows), table.only_first, table.otherwise) for table in TABLES.values()],
        frozenset((CLONE, EXIT)),
        chosen,
    )
    for place in range(2 * count):
        recipe = known.get(place)
        kind = (recipe or generic).type
        wanted = chosen is None or kind in chosen
        told = WANTED_OF_ALL if kind in always else WANTED_OF_CHOSEN
        tables.calls[place] = compile_call(recipe, told if wanted else WANTED_NEVER)
        if wanted:
            tables.recipes[place] = compile_steps(recipe or generic)
    events = {CONSTANTS[f"KIND_{name}"]: recipe for name, recipe in EVENTS.items()}
    # Calls whose numbers are beyond the table.
    events[CONSTANTS["KIND_SYSCALL"]] = generic
    for number, recipe in events.items():
        if chosen is None or recipe.type in chosen:
            tables.recipes[2 * count + number] = compile_steps(recipe)
    return tables
