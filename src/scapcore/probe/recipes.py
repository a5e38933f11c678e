"""How calls and their events are written down: what to fetch, and what each parameter is made of.

A recipe is an event type and one :class:`Step` for each of its parameters. A step may need pieces of memory;
each :class:`Fetch` tells the program in the kernel to bring one. :func:`compile_call` turns a recipe into the two
tables that are read while events stream: the fetches for the kernel, the steps for the decoder.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from scapcore.probe.constants import CONSTANTS, TASK_FIELDS
from scapcore.probe.flags import TABLES
from scapcore.schema import event_types

__all__ = [
    "Fetch",
    "Recipe",
    "Step",
    "compile_call",
    "compile_steps",
    "empty",
    "number",
    "of",
    "part",
    "result",
    "special",
    "text",
]

_WIDTHS = {
    **{f"{sign}INT{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"{kind}FLAGS{bits}": bits // 8 for kind in ("", "ENUM") for bits in (8, 16, 32)},
    **dict.fromkeys(("ERRNO", "FD", "PID", "RELTIME", "ABSTIME"), 8),
    **dict.fromkeys(("UID", "GID", "MODE", "SIGSET"), 4),
    **dict.fromkeys(("SYSCALLID",), 2),
    "SIGTYPE": 1,
}
_SIGNED = frozenset(("FD", "PID"))

RESULT = 6
FIELD = 7
FIXED = 8

_STEP = struct.Struct("<BBBBHBBBBHIq")
_FETCH = struct.Struct("<BBBBI")
_CALL = struct.Struct("<BBBBI")


@dataclass(frozen=True)
class Fetch:
    """Memory that belongs to a call; see ``enum probe_fetch_kind`` in record.h.

    Attributes
    ----------
    kind : str
        Name of the kind without its prefix.
    argument, size : int
        Numbers of the arguments that say where it is and how long.
    when : str
        ``ALWAYS``, or with which results it is there.
    extra : int
        Depends on the kind.
    """

    kind: str
    argument: int = 0
    size: int = RESULT
    when: str = "ALWAYS"
    extra: int = 0

    @property
    def pieces(self) -> int:
        """How many pieces it brings."""
        return {"MESSAGE": 3, "TASK": CONSTANTS["TASK_PIECES"]}.get(self.kind, 1)

    def pack(self) -> bytes:
        """As the kernel's table has it."""
        kind, when = CONSTANTS[f"FETCH_{self.kind}"], CONSTANTS[f"WHEN_{self.when}"]
        return _FETCH.pack(kind, self.argument, self.size, when, self.extra)


@dataclass(frozen=True)
class Step:
    """How one parameter is made; see ``enum probe_step_kind`` in decode.h."""

    kind: str
    source: int = FIXED
    fetch: Fetch | None = None
    index: int = 0
    offset: int = 0
    size: int = 8
    transform: str = "NONE"
    table: str = ""
    when: str = "ALWAYS"
    otherwise: int = 0
    other: Fetch | None = None
    other_index: int = 0
    second: int = 0


@dataclass(frozen=True)
class Recipe:
    """An event type and its parameters.

    Attributes
    ----------
    type : int
        Event type.
    steps : tuple of Step
        One for each parameter.
    program : str
        ``FETCH``, or ``MESSAGES`` for calls that tell of several messages at once.
    skip_done : bool
        Calls that return 0 are told in another way.
    before : tuple of Fetch
        Fetches whose pieces are there before all others.
    """

    type: int
    steps: tuple[Step, ...]
    program: str = "FETCH"
    skip_done: bool = False
    before: tuple[Fetch, ...] = field(default=())


def result(when: str = "ALWAYS", otherwise: int = 0) -> Step:
    """What the call returned."""
    return Step("NUMBER", RESULT, when=when, otherwise=otherwise)


def number(argument: int, table: str = "", signed: bool = False, transform: str = "") -> Step:
    """An argument. Descriptors and process numbers are signed 32 bits wide without being told so."""
    transform = transform or ("TABLE" if table else "SIGNED" if signed else "NONE")
    return Step("NUMBER", argument, transform=transform, table=table)


def fixed(value: int) -> Step:
    """Always the same number."""
    return Step("NUMBER", FIXED, otherwise=value)


def part(
    fetch: Fetch,
    offset: int = 0,
    size: int = 8,
    *,
    index: int = 0,
    otherwise: int = 0,
    table: str = "",
    transform: str = "",
) -> Step:
    """A number inside a piece; `otherwise` if the piece is not there."""
    transform = transform or ("TABLE" if table else "NONE")
    return Step("NUMBER", FIELD, fetch, index, offset, size, transform, table, otherwise=otherwise)


def text(argument: int, when: str = "ALWAYS") -> Step:
    """Text in user memory."""
    return of(Fetch("STRING", argument, when=when))


def of(fetch: Fetch, index: int = 0, offset: int = 0) -> Step:
    """A piece as it is, from an offset on."""
    return Step("PIECE", fetch=fetch, index=index, offset=offset)


def empty() -> Step:
    """Nothing: the parameter is there and has no bytes."""
    return Step("EMPTY")


def special(kind: str, source: int = FIXED, fetch: Fetch | None = None, **rest: object) -> Step:
    """A parameter with rules of its own."""
    return Step(kind, source, fetch, **rest)  # type: ignore[arg-type]


def task_number(task: Fetch, name: str, transform: str = "") -> Step:
    """A number of ``struct probe_task``."""
    offset, size = TASK_FIELDS[name]
    return part(task, offset, size, transform=transform)


def _fetches(recipe: Recipe) -> list[Fetch]:
    """Every fetch once, in the order of the pieces."""
    found = list(recipe.before)
    for step in recipe.steps:
        for fetch in (step.fetch, step.other):
            if fetch is not None and fetch not in found:
                found.append(fetch)
    return found


def compile_steps(recipe: Recipe) -> tuple[int, int, bytes]:
    """Event type, number of pieces, and the steps as the decoder reads them.

    Raises
    ------
    ValueError
        The recipe has not one step for each parameter of its event type.
    """
    kind = event_types(modern=True)[recipe.type]
    if len(kind.params) != len(recipe.steps):
        raise ValueError(f"{kind.id} has {len(kind.params)} parameters, not {len(recipe.steps)}")
    places: dict[Fetch, int] = {}
    count = 0
    for fetch in _fetches(recipe):
        places[fetch] = count
        count += fetch.pieces
    names = list(TABLES)
    packed = bytearray()
    for parameter, step in zip(kind.params, recipe.steps, strict=True):
        transform = step.transform
        if transform == "NONE" and step.kind == "NUMBER" and parameter.type in _SIGNED and step.size in (4, 8):
            transform = "SIGNED" if step.source < RESULT or step.size == 4 else "NONE"
        packed += _STEP.pack(
            CONSTANTS[f"STEP_{step.kind}"],
            step.source,
            places[step.fetch] + step.index if step.fetch is not None else 255,
            _WIDTHS.get(parameter.type, 8),
            step.offset,
            step.size,
            CONSTANTS[f"TRANSFORM_{transform}"],
            CONSTANTS[f"WHEN_{step.when}"],
            places[step.other] + step.other_index if step.other is not None else 255,
            names.index(step.table) if step.table else 0,
            step.second,
            step.otherwise,
        )
    return recipe.type, count, bytes(packed)


def compile_call(recipe: Recipe | None, wanted: int) -> bytes:
    """The kernel's entry of a call; without a recipe nothing is fetched. `wanted` is of ``enum probe_wanted``."""
    fetches = _fetches(recipe) if recipe is not None else []
    if len(fetches) > CONSTANTS["FETCHES"]:
        raise ValueError(f"{len(fetches)} fetches for event type {recipe.type if recipe else 1}")
    program = CONSTANTS[f"PROGRAM_{recipe.program}"] if recipe is not None else 0
    skip = recipe is not None and recipe.skip_done
    packed = _CALL.pack(wanted, program, len(fetches), skip, 0) + b"".join(fetch.pack() for fetch in fetches)
    return packed.ljust(_CALL.size + CONSTANTS["FETCHES"] * _FETCH.size, b"\0")
