"""Objects of a snapshot, findable by id, name, container and address; each is looked at when it is first found."""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

from scappy.metadata.keys import SHORT_ID, Objects, keys_of
from scappy.metadata.objects import (
    KINDS,
    Endpoint,
    Pod,
    Thing,
    addresses_of,
    endpoints_of,
    mapping,
    mappings,
    number,
    string,
    thing_of,
)
from scappy.metadata.reading import RawObjects

__all__ = ["Index"]

#: How many objects a message names.
MOST_NAMES = 3
SLICES = frozenset(("EndpointSlice", "Endpoints"))
#: Controllers that choose their pods by labels, for clusters that did not know owners yet.
SELECTING = ("rc", "rs", "deployment", "daemonset", "statefulset", "job")

#: Numbers of objects by something: mostly of one, of several a list.
Numbers = dict[Any, int | list[int]]


class ById(Mapping[str, Mapping[str, Any]]):
    """Objects by their ids."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __getitem__(self, uid: str) -> Mapping[str, Any]:
        place = self._index.number(uid)
        if place is None:
            raise KeyError(uid)
        return self._index.item(place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.ids())

    def __len__(self) -> int:
        return len(self._index.ids())


class Index:
    """The objects of a snapshot. Within it they go by numbers.

    Parameters
    ----------
    raw : RawObjects

    Attributes
    ----------
    problems : list of str
        What is wrong with some of them, as sentences.
    objects : mapping of str to mapping
        Those that fields tell about, by id.
    pods : int
        How many of them are pods.
    """

    def __init__(self, raw: RawObjects) -> None:
        self._raw = raw.objects
        self._keys = keys = raw.objects.keys if isinstance(raw.objects, Objects) else keys_of(raw.objects)
        self._words = list(map(KINDS.get, keys.kinds))    # type: ignore[arg-type]
        self._things: dict[int, Thing | None] = {}
        self._slices = [*compress(range(len(self._words)), map(SLICES.__contains__, keys.kinds))]
        self.problems: list[str] = []
        nameless = {place for name in ("uids", "names") for place in keys.without(name) if self._words[place]}
        if nameless:
            told = [keys.text("names", place) or keys.kinds[place] or "" for place in sorted(nameless)]
            self.problems.append(f"{counted(told, 'object')} without id or name: {listed(told)}")
            for place in nameless:
                self._words[place] = None
        if keys.shared("uids"):
            self._latest()
        self.objects = ById(self)
        self.pods = self._words.count("pod")
        self._bare()
        # Mostly captures know the short ids; these tell disputes, too.
        if keys.shared("containers", short=True):
            self._disputes()
        # What is made when it is first asked for
        self._named: dict[str, Numbers] = {}
        self._by_address: Numbers | None = None
        self._by_endpoint: Numbers = {}
        self._at: dict[bytes, tuple[Thing | Endpoint, ...]] = {}
        self._by_target: Numbers | None = None
        self._by_loose: Numbers = {}
        self._of_service: Numbers | None = None
        self._endpoints: dict[int, list[Endpoint]] = {}
        self._selecting: dict[tuple[str, bool], dict[tuple[str, str], list[Thing]]] = {}
        self._by_node_port: Numbers | None = None
        self._on_node: Numbers = {}
        self._node_ports: dict[int, set[int]] = {}

    # Taking objects over: once for thousands of objects, so nothing is done here that can be done later.

    def _latest(self) -> None:
        """Of several objects of one id choose one."""
        uids = self._keys.uids
        twice: list[str] = []
        found: dict[str, int] = {}
        for place, word in enumerate(self._words):
            uid = uids[place]
            if not word or not uid:
                continue
            known = found.get(uid)
            if known is not None:
                same = self._identity(known) == self._identity(place)
                before, now = (string(self._metadata(which).get("resourceVersion")) for which in (known, place))
                if not same or (before == now and self.item(known) != self.item(place)):
                    twice.append(uid)
                if same and is_later(before, now):
                    self._words[place] = None
                    continue
                self._words[known] = None
            found[uid] = place
        if twice:
            self.problems.append(f"{counted(twice, 'id')} of several objects, of which the last counts: {listed(twice)}")

    def _space(self, place: int) -> str:
        """Namespace of an object."""
        return self._keys.text("namespaces", place)

    def _identity(self, place: int) -> tuple[str | None, str, str]:
        """Word, namespace and name of an object."""
        return self._words[place], self._space(place), self._keys.text("names", place)

    def _bare(self) -> None:
        """Tell of pods without status."""
        bare = [place for place in self._keys.without("statuses") if self._words[place] == "pod"]
        if bare:
            named = [f"{self._space(place)}/{self._keys.text('names', place)}" for place in bare]
            self.problems.append(
                f"{counted(named, 'pod')} without status, found neither by container nor by address: {listed(named)}"
            )

    def _disputes(self) -> None:
        """Tell of containers that several pods have."""
        shared: list[str] = []
        found: dict[str, int] = {}
        for place, value in zip(*self._keys.containers, strict=True):
            identity = value.rpartition("://")[2] if isinstance(value, str) else ""
            if identity and self._words[place] == "pod" and found.setdefault(identity, place) != place:
                shared.append(identity[:SHORT_ID])
        if shared:
            self.problems.append(
                f"{counted(shared, 'container')} of several pods, of which the newest counts: {listed(shared)}"
            )

    # Objects

    def item(self, place: int) -> Mapping[str, Any]:
        """An object as it came."""
        return self._raw.item(place) if isinstance(self._raw, Objects) else self._raw[place]

    def _metadata(self, place: int) -> Mapping[str, Any]:
        return mapping(self.item(place).get("metadata"))

    @property
    def slices(self) -> list[Mapping[str, Any]]:
        """Objects that tell of endpoints."""
        return [self.item(place) for place in self._slices]

    def _thing(self, place: int) -> Thing | None:
        if place not in self._things:
            self._things[place] = thing_of(self.item(place)) if self._words[place] else None
        return self._things[place]

    def _all(self, places: Iterable[int]) -> list[Thing]:
        return [thing for thing in map(self._thing, places) if thing is not None]

    def ids(self) -> list[str]:
        """Ids of all objects that fields tell about."""
        return [uid for uid, word in zip(self._keys.uids, self._words, strict=True) if uid and word]

    def number(self, uid: str) -> int | None:
        """Where the object with an id stands among the others."""
        return next((place for place in self._keys.find("uids", uid) if self._words[place]), None)

    def thing(self, uid: str) -> Thing | None:
        """An object by its id."""
        place = self.number(uid)
        return self._thing(place) if place is not None else None

    def place(self, thing: Thing) -> int:
        """Where an object stands among the others."""
        return self.number(thing.component.uid) or 0

    def pod(self, uid: str) -> Pod | None:
        """A pod by its id, or by that by which its node calls a static one."""
        found = self._pods(self._keys.find("uids", uid)) or self._pods(self._keys.find("mirrors", uid))
        return found[-1] if found else None

    def pod_of(self, container: str) -> Pod | None:
        """The pod that has a container, the newest if several do."""
        find = self._keys.find_short if len(container) == SHORT_ID else self._keys.find
        return max(reversed(self._pods(find("containers", container))), key=lambda pod: pod.created, default=None)

    def _pods(self, places: Iterable[int]) -> list[Pod]:
        return [thing for thing in self._all(place for place in places if self._words[place] == "pod") if isinstance(thing, Pod)]

    def named(self, word: str, namespace: str, name: str) -> list[Thing]:
        """The objects that had a name, one after another."""
        known = self._named.get(name)
        if known is None:
            places = self._keys.find("names", name)
            known = self._named[name] = grouped(places, [(self._words[place], self._space(place)) for place in places])
        return self._all(those(known, (word, namespace)))

    def _in_space(self, namespace: str) -> list[int]:
        """All objects of a namespace, or those of none."""
        return self._keys.find("namespaces", namespace) if namespace else self._keys.without("namespaces")

    def pods_in(self, namespace: str) -> list[Pod]:
        """All pods of a namespace."""
        return self._pods(self._in_space(namespace))

    def selecting(self, namespace: str, label: tuple[str, str], services: bool) -> list[Thing]:
        """Services, or else controllers, that may select pods with a label."""
        known = self._selecting.get((namespace, services))
        if known is None:
            known = self._selecting[namespace, services] = defaultdict(list)
            words = ("svc",) if services else SELECTING
            for thing in self._all(place for place in self._in_space(namespace) if self._words[place] in words):
                if thing.component.selector:
                    # One of the pairs is enough to find what might select a pod.
                    known[thing.component.selector[0]].append(thing)
        return known.get(label, [])

    # Endpoints

    def _in_slice(self, place: int) -> list[Endpoint]:
        known = self._endpoints.get(place)
        if known is None:
            known = self._endpoints[place] = endpoints_of(self.item(place))
        return known

    def endpoints_of(self, service: tuple[str, str]) -> list[Endpoint]:
        """What is behind a service, by its namespace and name."""
        if self._of_service is None:
            self._of_service = grouped(self._slices, map(self._service, self._slices))
        places = those(self._of_service, service)
        return [endpoint for place in places for endpoint in self._in_slice(place) if endpoint.service == service]

    def _service(self, place: int) -> tuple[str, str] | None:
        """The service of a slice; one that has no label with its name has it as its owner."""
        keys = self._keys
        name = keys.services[place] if keys.kinds[place] == "EndpointSlice" else keys.names[place]
        if name:
            return self._space(place), name
        return next((endpoint.service for endpoint in self._in_slice(place)), None)

    def services_of(self, pod: Pod) -> set[tuple[str, str]]:
        """Namespaces and names of services that have a pod, or an address of it, among their endpoints."""
        if self._by_target is None:
            targets, endpoints = self._keys.targets, self._keys.endpoints
            self._by_target = grouped(*targets)
            # Only where there are fewer pods than addresses, addresses must tell the pods.
            counts = Counter(targets[0])
            loose = {place for place, count in Counter(endpoints[0]).items() if counts[place] < count}
            self._by_loose = written(*endpoints, only=loose)
        places = [*those(self._by_target, pod.component.uid)]
        for address in pod.addresses:
            places += at(self._by_loose, packed(address))
        return {
            endpoint.service
            for place in dict.fromkeys(places)
            if self._keys.kinds[place] in SLICES
            for endpoint in self._in_slice(place)
            if (endpoint.pod == pod.component.uid if endpoint.pod else endpoint.address in pod.addresses)
        }

    # Addresses

    def at_address(self, address: bytes) -> tuple[Thing | Endpoint, ...]:
        """Objects that ever had an address, and endpoints there."""
        known = self._at.get(address)
        if known is not None:
            return known
        if self._by_address is None:
            self._by_address = written(*self._keys.addresses)
            self._by_endpoint = written(*self._keys.endpoints)
        places, slices = (list(dict.fromkeys(at(table, address))) for table in (self._by_address, self._by_endpoint))
        if not places and not slices:
            return ()
        found: list[Thing | Endpoint] = []
        for place in places:
            thing = self._thing(place)
            if thing is not None and address in map(packed, self._own_addresses(place, thing)):
                found.append(thing)
        for place in slices:
            if self._keys.kinds[place] in SLICES:
                found += [endpoint for endpoint in self._in_slice(place) if packed(endpoint.address) == address]
        self._at[address] = tuple(found)
        return self._at[address]

    def _own_addresses(self, place: int, thing: Thing) -> tuple[str, ...]:
        if isinstance(thing, Pod):
            return thing.addresses      # none where it uses those of its node
        item = self.item(place)
        return addresses_of(thing.word, mapping(item.get("spec")), mapping(item.get("status")))

    def at_port(self, node: str, port: int) -> list[Thing]:
        """What is found at a port of a node: services of that port, and pods there that name it."""
        if self._by_node_port is None:
            self._by_node_port = grouped(*self._keys.node_ports)
            pods = [place for place in sorted(set(self._keys.at_node[0])) if self._words[place] == "pod"]
            self._on_node = grouped(pods, [string(mapping(self.item(place).get("spec")).get("nodeName")) for place in pods])
        places = [place for place in those(self._by_node_port, port) if self._words[place] == "svc"]
        return self._all([*places, *(place for place in those(self._on_node, node) if port in self._ports_at_node(place))])

    def _ports_at_node(self, place: int) -> set[int]:
        """Ports of its node at which a pod is found: with the node's network all that it names, else those mapped to it."""
        known = self._node_ports.get(place)
        if known is None:
            spec = mapping(self.item(place).get("spec"))
            name = "containerPort" if spec.get("hostNetwork") is True else "hostPort"
            known = self._node_ports[place] = {
                number(port.get(name)) for part in mappings(spec.get("containers")) for port in mappings(part.get("ports"))
            } - {0}
        return known


def grouped(owners: Iterable[int], values: Iterable[Any]) -> Numbers:
    """Numbers of objects by what stands in them."""
    found: Numbers = {}
    for place, value in zip(owners, values, strict=True):
        known = found.setdefault(value, place)
        if known is place or known == place:
            continue
        if isinstance(known, int):
            found[value] = [known, place]
        elif known[-1] != place:
            known.append(place)
    return found


def written(owners: list[int], values: list[Any], only: Collection[int] | None = None) -> Numbers:
    """Numbers of objects by addresses in them: as text, those of version 6 as bytes, as these are written in several ways."""
    if only is not None:
        chosen = [place in only for place in owners]
        owners, values = list(compress(owners, chosen)), list(compress(values, chosen))
    return grouped(owners, [packed(value) if isinstance(value, str) and ":" in value else value for value in values])


def at(found: Numbers, address: bytes) -> Sequence[int]:
    """The numbers at an address."""
    return those(found, socket.inet_ntoa(address) if len(address) == 4 else address) if address else ()


def those(found: Numbers, value: Any) -> Sequence[int]:
    """The numbers at a value."""
    places = found.get(value, ())
    return (places,) if isinstance(places, int) else places


def is_later(before: str, now: str) -> bool:
    """Whether the first of two versions is later, as far as they can be compared."""
    if not all(version.isascii() and version.isdigit() for version in (before, now)):
        return False
    before, now = before.lstrip("0"), now.lstrip("0")
    return (len(before), before) > (len(now), now)


def packed(address: str) -> bytes:
    """An address as its bytes in network order; empty if it is none."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return b""


def counted(items: list[str], what: str) -> str:
    """How many there are."""
    return f"{len(items)} {what}{'s' if len(items) > 1 else ''}"


def listed(items: list[str]) -> str:
    """The first of some names."""
    return ", ".join(items[:MOST_NAMES]) + (", …" if len(items) > MOST_NAMES else "")
