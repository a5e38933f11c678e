"""What objects are found by: ids, names, containers, addresses.

A snapshot holds thousands of objects, and a capture asks for few. So of each only this is taken at first, out of the
text where there is one, and an object itself is made when somebody asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from scapcore.arriving import Arriving
from scapcore.outline import ANY, ELEMENTS, Outline, outline
from scapcore.register import Register

__all__ = ["Keys", "Objects", "keys_of", "outlined"]

Path = tuple[str, ...]
#: Numbers of objects, and what stands there in each.
Column = tuple[list[int], list[Any]]

STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
STATES = ("state", "lastState")
#: Annotations of a static pod's mirror with the id by which its node calls it.
MIRRORS = ("kubernetes.io/config.hash", "kubernetes.io/config.mirror")
SUBSETS = tuple(("subsets", ELEMENTS, part, ELEMENTS) for part in ("addresses", "notReadyAddresses"))

#: Where one text is wanted, by the name of the attribute.
ONE: dict[str, Path] = {
    "kinds": ("kind",),
    "uids": ("metadata", "uid"),
    "names": ("metadata", "name"),
    "namespaces": ("metadata", "namespace"),
    "services": ("metadata", "labels", "kubernetes.io/service-name"),
}
#: Where all values are wanted.
MANY: dict[str, tuple[Path, ...]] = {
    "statuses": (("status",),),
    "containers": (
        *(("status", part, ELEMENTS, "containerID") for part in STATUSES),
        *(("status", part, ELEMENTS, state, ANY, "containerID") for part in STATUSES for state in STATES),
    ),
    "mirrors": tuple(("metadata", "annotations", key) for key in MIRRORS),
    "addresses": (
        ("status", "podIP"), ("status", "podIPs", ELEMENTS, "ip"), ("spec", "clusterIP"), ("spec", "clusterIPs", ELEMENTS),
        ("spec", "externalIPs", ELEMENTS), ("spec", "loadBalancerIP"), ("status", "loadBalancer", "ingress", ELEMENTS, "ip"),
        ("status", "addresses", ELEMENTS, "address"),
    ),
    "endpoints": (("endpoints", ELEMENTS, "addresses", ELEMENTS), *((*path, "ip") for path in SUBSETS)),
    "targets": (("endpoints", ELEMENTS, "targetRef", "uid"), *((*path, "targetRef", "uid") for path in SUBSETS)),
    "node_ports": (("spec", "ports", ELEMENTS, "nodePort"),),
    "at_node": (("spec", "hostNetwork"), ("spec", "containers", ELEMENTS, "ports", ELEMENTS, "hostPort")),
    "wrapped": (("object",),),
}  # fmt: skip
COLUMNS = [*((True, (path,)) for path in ONE.values()), *((False, paths) for paths in MANY.values())]
#: Longer numbers are none that an object has.
LARGEST = 10**18
PLACES = {name: column for column, name in enumerate((*ONE, *MANY))}
#: Ids of containers come behind the name of their runtime; of some captures only so much is known of them.
BEHIND = {"containers": "://"}
SHORT_ID = 12


class Gathered:
    """What was found in objects that are there already, as :class:`scapcore.outline.Outline` tells it of a text."""

    def __init__(self, columns: Sequence[Any], count: int) -> None:
        self._columns = columns
        self._count = count

    def column(self, column: int) -> Any:
        """The values of a column."""
        return self._columns[column]

    def single(self, column: int, record: int) -> str | None:
        """That of one object."""
        value: str | None = self._columns[column][record]
        return value

    def without(self, column: int) -> list[int]:
        """Numbers of the objects in which nothing was found."""
        found = self._columns[column]
        if isinstance(found, list):
            return [record for record, value in enumerate(found) if value is None]
        return sorted(set(range(self._count)).difference(found[0]))

    def register(self, column: int, after: str, most: int) -> GatheredRegister:
        """The objects by what stands in them."""
        found = self._columns[column]
        owners, values = (range(self._count), found) if isinstance(found, list) else found
        return GatheredRegister(owners, values, after, most)


class GatheredRegister:
    """Numbers of objects by what stands in them, as :class:`scapcore.register.Register` has them of a text."""

    def __init__(self, owners: Iterable[int], values: Iterable[Any], after: str, most: int) -> None:
        self._found: dict[str, dict[int, None]] = {}
        for record, value in zip(owners, values, strict=True):
            text = value if isinstance(value, str) else ""
            text = (text.rpartition(after)[2] if after else text)[: most or None]
            if text:
                self._found.setdefault(text, {})[record] = None
        self.shared = any(len(records) > 1 for records in self._found.values())

    def find(self, text: str) -> list[int]:
        """Those that have a text, in their order."""
        return list(self._found.get(text, ()))


class Keys:
    """By what the objects of a snapshot are found. Each is looked at when it is first asked for.

    Parameters
    ----------
    found : Outline or Gathered
        With a column for each attribute.

    Attributes
    ----------
    kinds, uids, names, namespaces, services : list of (str or None)
        One for each object: of itself, and of the service of an endpoint slice.
    statuses, containers, mirrors, addresses, endpoints, targets, node_ports, at_node, wrapped : pair of lists
        Numbers of objects and values: whether there is a status; ids of containers; those of static pods at their
        nodes; addresses of pods, services and nodes; addresses of endpoints; ids of the pods that endpoints are; ports of
        nodes that services have; what puts a pod at ports of its node; whether it is a message about an object.
    """

    kinds: list[str | None]
    uids: list[str | None]
    names: list[str | None]
    namespaces: list[str | None]
    services: list[str | None]
    statuses: Column
    containers: Column
    mirrors: Column
    addresses: Column
    endpoints: Column
    targets: Column
    node_ports: Column
    at_node: Column
    wrapped: Column

    def __init__(self, found: Outline | Gathered) -> None:
        self._found = found
        self._registers: dict[tuple[str, bool], Register | GatheredRegister] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in PLACES:
            raise AttributeError(name)
        value = self._found.column(PLACES[name])
        setattr(self, name, value)
        return value

    def text(self, name: str, number: int) -> str:
        """What one object has for an attribute of single texts; empty if nothing."""
        return self._found.single(PLACES[name], number) or ""

    def without(self, name: str) -> list[int]:
        """Numbers of the objects that have nothing for an attribute."""
        return self._found.without(PLACES[name])

    def _register(self, name: str, short: bool = False) -> Register | GatheredRegister:
        known = self._registers.get((name, short))
        if known is None:
            place, after, most = PLACES[name], BEHIND.get(name, ""), SHORT_ID if short else 0
            found = self._found
            known = found.register(place, after, most) if isinstance(found, Gathered) else Register(found, place, after, most)
            self._registers[name, short] = known
        return known

    def shared(self, name: str, *, short: bool = False) -> bool:
        """Whether several objects have a text in common, or one that begins as a text of another."""
        return self._register(name, short).shared

    def find(self, name: str, text: str) -> list[int]:
        """Numbers of the objects that have a text, in their order."""
        return self._register(name).find(text)

    def find_short(self, name: str, text: str) -> list[int]:
        """Numbers of the objects with a text that begins so, of as many characters as captures know of long ids."""
        return self._register(name, short=True).find(text)


class Objects(Sequence[Mapping[str, Any]]):
    """Objects in a text, made when they are asked for.

    Parameters
    ----------
    data : bytes
    found : Outline
        Of the text.
    kinds : list of (str or None)
        Of all that is in the outline, None for lists.
    lists : collection of int
        What in the outline is a list, and no object of its own.

    Attributes
    ----------
    keys : Keys
        Of all that is in the outline.
    """

    def __init__(self, data: bytes, found: Outline, kinds: list[str | None], lists: Collection[int]) -> None:
        self._data = data
        self._starts, self._ends = found.starts, found.ends
        self._lists = lists
        self.keys = Keys(found)
        self.keys.kinds = kinds

    def item(self, number: int) -> dict[str, Any]:
        """An object by its number in the outline."""
        item: dict[str, Any] = json.loads(self._data[self._starts[number] : self._ends[number]].decode("utf-8", "replace"))
        kind = self.keys.kinds[number]
        if kind is not None:
            item["kind"] = kind
        return item

    @cached_property
    def _numbers(self) -> list[int]:
        return [number for number in range(len(self._starts)) if number not in self._lists]

    def __len__(self) -> int:
        return len(self._starts) - len(self._lists)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        chosen = self._numbers[index]
        return [self.item(number) for number in chosen] if isinstance(chosen, list) else self.item(chosen)

    def __repr__(self) -> str:
        return repr(list(self))


def outlined(data: bytes | Arriving) -> Objects | None:
    """The objects of a JSON text, one behind another or in lists; None where it is of another form, or damaged."""
    found = outline(data, COLUMNS)
    if found is None:
        return None
    keys = Keys(found)
    kinds, parents = keys.kinds, found.parents
    lists = set(parents) - {-1}
    if any(not (kinds[number] or "List").endswith("List") for number in lists):
        return None     # something of its own that has items
    if any(kinds[number] is None for number in keys.wrapped[0]):
        return None     # a message of a watch
    # Items of a typed list, as the API server sends it, do not repeat their kind.
    of = {number: (kinds[number] or "")[:-4] or None for number in lists}
    for number in lists:
        kinds[number] = None
    if len(lists) < kinds.count(None):
        kinds = [kind or of.get(parent) for kind, parent in zip(kinds, parents, strict=True)]
    return Objects(data if isinstance(data, bytes) else data.data, found, kinds, lists)


def keys_of(objects: Sequence[Mapping[str, Any]]) -> Keys:
    """By what objects are found that are there already."""
    ones: list[list[str | None]] = [[None] * len(objects) for _ in ONE]
    many: list[Column] = [([], []) for _ in MANY]
    for number, item in enumerate(objects):
        gather(item, STEPS, number, ones, many)
    return Keys(Gathered([*ones, *many], len(objects)))


class Step:
    """Where paths lead on."""

    def __init__(self) -> None:
        self.column = -1
        self.keys: dict[str, Step] = {}
        self.elements: Step | None = None
        self.any: Step | None = None

    def next(self, step: str) -> Step:
        """The next place of a path."""
        if step == ELEMENTS:
            self.elements = self.elements or Step()
            return self.elements
        if step == ANY:
            self.any = self.any or Step()
            return self.any
        return self.keys.setdefault(step, Step())


def steps() -> Step:
    """All paths."""
    root = Step()
    for column, (_, paths) in enumerate(COLUMNS):
        for path in paths:
            place = root
            for step in path:
                place = place.next(step)
            place.column = column
    return root


STEPS = steps()


def gather(value: object, place: Step, number: int, ones: list[list[str | None]], many: list[Column]) -> None:
    """Take from a value what is wanted, as :func:`scapcore.outline.outline` does from a text."""
    if isinstance(value, Mapping):
        for key, step in place.keys.items():
            if key in value:
                gather(value[key], step, number, ones, many)
        if place.any is not None:
            for key in value:
                if key not in place.keys:
                    gather(value[key], place.any, number, ones, many)
        wanted: Any = True if value else None
    elif isinstance(value, list):
        for element in value if place.elements is not None else ():
            gather(element, place.elements, number, ones, many)  # type: ignore[arg-type]
        return
    elif isinstance(value, str) or value is True or (isinstance(value, int) and value is not False and 0 <= value < LARGEST):
        wanted = value
    else:
        return
    if place.column < 0 or wanted is None:
        return
    if place.column >= len(ones):
        owners, values = many[place.column - len(ones)]
        owners.append(number)
        values.append(wanted)
    elif isinstance(wanted, str):
        ones[place.column][number] = wanted
