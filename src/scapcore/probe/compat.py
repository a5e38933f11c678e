"""Calls of 32-bit programs, where they are laid out in another way than those of 64 bits.

They have numbers of their own. Pointers, lengths and times in memory are half as wide, positions come in two
arguments, and some calls exist twice because the first kind had too little room. What is not listed here is as in
:mod:`scapcore.probe.calls`; of lists of parts and of messages the program in the kernel knows both forms.
"""

from __future__ import annotations

from scapcore.probe.calls import (
    CALLS,
    IN,
    NEVER,
    OUT,
    POLLED,
    READ,
    READ_VECTORS,
    SOCKET,
    WRITTEN,
    WRITTEN_VECTORS,
    ZERO,
    call,
    endpoint,
    limits,
    memory,
    user,
)
from scapcore.probe.constants import CONSTANTS, compat_numbers
from scapcore.probe.recipes import Recipe, Step, number, of, part, result, special

__all__ = ["compat_recipes"]

#: What the younger kind of a call is called beside the older one, where both are laid out alike.
ENDINGS = ("_time64", "_64", "64", "32")
#: What one call stands for by its first argument, from 1 on.
SOCKET_CALLS = (
    "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
    "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
)  # fmt: skip
POSITION: Step = special("WIDE", 3, second=4)
#: All arguments of the first kind of mmap.
MAPPED = user(0, 24)


def time(argument: int, otherwise: int = 0) -> Step:
    """Seconds and nanoseconds of 32 bits each."""
    return special("TIME", fetch=user(argument, 8), size=4, otherwise=otherwise)


#: Calls that differ. Those of None are told as generic events.
DIFFERENT: dict[str, Recipe | None] = {
    "pread64": call(113, result(), of(READ), number(0), number(2), POSITION),
    "pwrite64": call(115, result(), of(WRITTEN), number(0), number(2), POSITION),
    "preadv": call(121, result(), result("POSITIVE"), of(READ_VECTORS, offset=4), number(0), POSITION),
    "pwritev": call(123, result(), of(WRITTEN_VECTORS, offset=4), number(0), part(WRITTEN_VECTORS, 0, 4), POSITION),
    "lseek": call(87, result(), number(0), number(1, signed=True), number(2)),
    "_llseek": call(89, result(), number(0), special("WIDE", 2, second=1), number(4)),
    "sendfile": call(189, result(), part(user(2, 4), 0, 4), number(0), number(1), number(3)),
    "stat64": call(73, result(), of(ZERO)),
    "lstat64": call(75, result(), of(ZERO)),
    "fstat64": call(77, result()),
    "fstatat64": CALLS["newfstatat"],
    "umount": call(387, result(), of(ZERO)),
    "_newselect": CALLS["select"],
    "ppoll": call(255, result(), POLLED, time(2, NEVER), part(user(3, 8), 0, 4)),
    "ppoll_time64": CALLS["ppoll"],
    "nanosleep": call(135, result(), time(0)),
    "send": call(29, result(), of(WRITTEN), number(0), number(2), endpoint(SOCKET, OUT)),
    "recv": call(33, result(), of(READ), number(0), number(2), endpoint(SOCKET, IN)),
    "mmap": call(
        161,
        result(),
        *memory(),
        part(MAPPED, 0, 4),
        part(MAPPED, 4, 4),
        part(MAPPED, 8, 4, table="protection"),
        part(MAPPED, 12, 4, table="map"),
        part(MAPPED, 16, 4, transform="SIGNED"),
        part(MAPPED, 20, 4),
    ),
    "mmap2": call(163, *CALLS["mmap"].steps),
    "getrlimit": call(141, result(), *limits(1, "DONE", -1, 4), number(0, "limit")),
    "ugetrlimit": call(141, result(), *limits(1, "DONE", -1, 4), number(0, "limit")),
    "setrlimit": call(143, result(), *limits(1, width=4), number(0, "limit")),
    "ptrace": None,
}


def recipe_of(name: str) -> Recipe | None:
    """The recipe of a call by its name; None for a generic event."""
    if name in DIFFERENT:
        return DIFFERENT[name]
    for ending in ("", *ENDINGS):
        if name.endswith(ending) and (found := CALLS.get(name.removesuffix(ending))) is not None:
            return found
    return None


def compat_recipes() -> dict[int, Recipe]:
    """Recipes of all calls of 32-bit programs that have an event of their own, by number; none on other machines.

    Examples
    --------
    >>> all(recipe.type for recipe in compat_recipes().values())
    True
    """
    found = {}
    for place, _, name in compat_numbers():
        recipe = recipe_of(name)
        if recipe is not None:
            found[place] = recipe
        if name == "socketcall":
            for kind, real in enumerate(SOCKET_CALLS, 1):
                recipe = recipe_of(real)
                if recipe is not None:
                    found[CONSTANTS["SOCKET_CALLS"] + kind] = recipe
    return found
