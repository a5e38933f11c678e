"""The classes of texts in a capture, as numbers, and which class each parameter of each event type is of."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from scapcore.schema import event_types

__all__ = ["ARGUMENTS", "CLASS_NUMBERS", "CLASSES", "CONTAINERS", "ENVIRONMENT", "LISTS", "PAYLOAD", "USERS", "parameter_classes"]

#: What the texts of lists and of parameters are called, and what a report calls them.
CLASSES = {
    "other": "other texts", "args": "command lines", "exe": "command lines", "env": "environments of processes",
    "cgroups": "control groups", "comm": "names of processes", "exepath": "names of files", "cwd": "names of directories",
    "root": "names of directories", "path": "names of files", "data": "payloads", "json": "metadata of containers",
    "user": "names of users", "home": "names of users", "shell": "names of users", "group": "names of users",
    "host": "the name of the host", "interface": "names of interfaces",
}  # fmt: skip
CLASS_NUMBERS = {name: number for number, name in enumerate(CLASSES)}
ARGUMENTS, ENVIRONMENT, PAYLOAD = (CLASS_NUMBERS[name] for name in ("args", "env", "data"))
USERS = tuple(CLASS_NUMBERS[name] for name in ("user", "home", "group"))
#: Texts that are lists of texts with a NUL behind each.
LISTS = frozenset(CLASS_NUMBERS[name] for name in ("args", "env", "cgroups"))
#: Types of events that tell about containers, and about the objects of a cluster (old captures).
CONTAINERS = (228, 260, 270, 272, 324)
#: Parameters whose name is that of their class; the rest is told by its type.
NAMED = frozenset(("args", "env", "cgroups", "exe", "comm", "cwd", "data"))
OTHERWISE_NAMED = {"argv": "args"}


def parameter_classes() -> NDArray[numpy.uint8]:
    """The class of each parameter, shape (types, parameters); the last column is for those that nobody knows."""
    entries = event_types()
    found = numpy.zeros((len(entries), max(len(entry.params) for entry in entries) + 1), numpy.uint8)
    for entry in entries:
        for index, parameter in enumerate(entry.params):
            if entry.type in CONTAINERS:
                name = "json"
            elif parameter.name in NAMED:
                name = parameter.name
            elif parameter.name in OTHERWISE_NAMED:
                name = OTHERWISE_NAMED[parameter.name]
            elif parameter.type in ("FSPATH", "FSRELPATH", "SOCKADDR", "SOCKTUPLE"):
                name = "path"
            else:
                name = "data" if parameter.type in ("BYTEBUF", "DYN") else "other"
            found[entry.type, index] = CLASS_NUMBERS[name]
    return found
