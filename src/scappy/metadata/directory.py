"""Which pod a container is, which pod or service is behind an address, and what that belongs to at a time.

Everything is looked up when a container or an address first asks for it; what was found counts until the next time
at which an object that matters to the answer comes or goes.
"""

from __future__ import annotations

import re
import socket
import warnings
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scapcore.cluster import Component, Membership
from scapcore.errors import MetadataWarning
from scapcore.side import NEVER, Hints
from scappy.metadata.objects import (
    KINDS,
    Endpoint,
    Owner,
    Pod,
    Service,
    Thing,
    addresses_of,
    containers_of,
    endpoints_of,
    mapping,
    mappings,
    mirrored,
    number,
    string,
    thing_of,
    time_of,
)
from scappy.metadata.reading import RawObjects, without_collection

__all__ = ["Directory"]

SHORT_ID = 12
#: The pod's id in the path of a control group, where systemd writes other dashes.
GROUP_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])")
#: How the older kubelet named containers of Docker: container, pod, name space, pod's id, attempt.
DOCKER_NAME = re.compile(r"k8s_[^_]+_([^_]+)_([^_]+)_([^_]+)_[^_]+")
MAPPED = bytes(10) + b"\xff\xff"
#: How many objects a message names.
MOST_NAMES = 3
#: Controllers that choose their pods by labels, for clusters that did not know owners yet.
SELECTING = ("rc", "rs", "deployment", "daemonset", "statefulset", "job")


@dataclass(slots=True)
class Plan:
    """What a pod belongs to.

    Attributes
    ----------
    always : dict of str to tuple of Component
        Whatever owns the pod, by word.
    dated : list of Thing
        What counts only while it exists.
    times : list of int
        When something of that comes or goes, ascending.
    known : dict of int to Membership
        What holds between two of the times, by the place of the later one.
    """

    always: dict[str, tuple[Component, ...]]
    dated: list[Thing]
    times: list[int]
    known: dict[int, Membership] = field(default_factory=dict)


@dataclass(slots=True)
class Tenant:
    """Who had an address: a pod, a service (itself, or one that leads there), or a node; and when."""

    start: int
    end: int
    thing: Thing


def tell(text: str) -> None:
    """Warn in the usual way of Python."""
    warnings.warn(text, MetadataWarning, stacklevel=3)


class Directory:
    """The objects of a cluster, ready to be asked. It can be given to any number of passes, one after another.

    Parameters
    ----------
    raw : RawObjects
        What a snapshot holds.
    warn : callable
        Takes sentences on what is wrong with the snapshot.
    """

    def __init__(self, raw: RawObjects, warn: Callable[[str], None] = tell) -> None:
        self.name = raw.name
        self.warn = warn
        self.objects: dict[str, Mapping[str, Any]] = {}
        self.endpoints: list[Endpoint] = []
        self._things: dict[str, Thing | None] = {}
        self._asked: set[str] = set()
        self._matched = False
        self._told = False
        # Ids of objects
        self._by_container: dict[str, str] = {}
        self._by_mirror: dict[str, str] = {}
        self._named: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self._in_space: dict[str, list[str]] = defaultdict(list)
        self._pod_count = 0
        # What was asked for
        self._of_containers: dict[str, Pod] = {}
        self._plans: dict[str, Plan] = {}
        self._selecting: dict[str, dict[tuple[str, str], list[Thing]]] = {}
        self._services_of: dict[str, set[tuple[str, str]]] | None = None
        self._owners: dict[bytes, list[str | Endpoint]] | None = None
        self._by_node_port: dict[int, list[str]] = defaultdict(list)
        self._answers: dict[tuple[bytes, int, bool], tuple[int, int, Membership | None]] = {}
        slices: list[Mapping[str, Any]] = []
        with without_collection():
            problems = [*raw.problems, *self._take(raw, slices), *self._index()]
            self.endpoints = [endpoint for item in slices for endpoint in endpoints_of(item)]
        for problem in problems:
            warn(f"{self.name}: {problem}")

    # Taking objects over. Thousands come, and few are asked for: no more is looked at than what finds them.

    def _take(self, raw: RawObjects, slices: list[Mapping[str, Any]]) -> Iterator[str]:
        """Keep the objects; what is wrong with some of them, as sentences."""
        twice: list[str] = []
        nameless: list[str] = []
        for item in raw.objects:
            kind = item.get("kind")
            if kind in ("EndpointSlice", "Endpoints"):
                slices.append(item)
                continue
            if not isinstance(kind, str) or kind not in KINDS:
                continue
            metadata = item.get("metadata")
            uid, name = (metadata.get("uid"), metadata.get("name")) if isinstance(metadata, Mapping) else (None, None)
            if not isinstance(uid, str) or not uid or not isinstance(name, str) or not name:
                nameless.append(str(name or kind))
                continue
            known = self.objects.get(uid)
            if known is not None:
                versions = [string(mapping(other.get("metadata")).get("resourceVersion")) for other in (known, item)]
                same = identity(known) == identity(item)
                if not same or (versions[0] == versions[1] and known != item):
                    twice.append(uid)
                if same and all(version.isdigit() for version in versions) and int(versions[0]) > int(versions[1]):
                    continue
            self.objects[uid] = item
        if nameless:
            yield f"{counted(nameless, 'object')} without id or name: {listed(nameless)}"
        if twice:
            yield f"{counted(twice, 'id')} of several objects, of which the last counts: {listed(twice)}"

    def _index(self) -> Iterator[str]:
        """Make objects findable; what is wrong with some of them, as sentences."""
        bare: list[str] = []
        shared: list[str] = []
        for uid, item in self.objects.items():
            word, namespace, name = identity(item)
            self._named[word, namespace, name].append(uid)
            if word in SELECTING or word == "svc":
                self._in_space[namespace].append(uid)
            if word != "pod":
                continue
            self._pod_count += 1
            if not item.get("status"):
                bare.append(f"{namespace}/{name}")
                continue
            for mirror in mirrored(item):
                self._by_mirror[mirror] = uid
            for container in containers_of(item):
                known = self._by_container.get(container, uid)
                if known != uid:
                    shared.append(container[:SHORT_ID])
                    if created(self.objects[known]) > created(item):
                        continue
                self._by_container[container] = self._by_container[container[:SHORT_ID]] = uid
        if bare:
            yield f"{counted(bare, 'pod')} without status, found neither by container nor by address: {listed(bare)}"
        if shared:
            yield f"{counted(shared, 'container')} of several pods, of which the newest counts: {listed(shared)}"

    def thing(self, uid: str) -> Thing | None:
        """An object by its id."""
        if uid not in self._things:
            item = self.objects.get(uid)
            self._things[uid] = thing_of(item) if item is not None else None
        return self._things[uid]

    def things(self, uids: Iterable[str]) -> list[Thing]:
        """Objects by their ids."""
        return [thing for thing in map(self.thing, uids) if thing is not None]

    def pod(self, uid: str | None) -> Pod | None:
        """A pod by its id."""
        thing = self.thing(uid) if uid else None
        return thing if isinstance(thing, Pod) else None

    def named(self, word: str, namespace: str, name: str) -> list[Thing]:
        """The objects that had a name, one after another."""
        return self.things(self._named.get((word, namespace, name), ()))

    def selecting(self, namespace: str, label: tuple[str, str]) -> list[Thing]:
        """What may select pods with a label."""
        known = self._selecting.get(namespace)
        if known is None:
            known = self._selecting[namespace] = defaultdict(list)
            for thing in self.things(self._in_space.get(namespace, ())):
                if thing.component.selector:
                    # One of the pairs is enough to find what might select a pod.
                    known[thing.component.selector[0]].append(thing)
        return known.get(label, [])

    def services_of(self, key: str) -> Iterable[tuple[str, str]]:
        """Name spaces and names of services that have a pod, by its id, or an address among their endpoints."""
        if self._services_of is None:
            self._services_of = defaultdict(set)
            for endpoint in self.endpoints:
                self._services_of[endpoint.pod or endpoint.address].add(endpoint.service)
        return self._services_of.get(key, ())

    # Containers

    def of_container(self, container: str, hints: Hints, time: int) -> tuple[Membership | None, int]:
        """What a container is part of at a time in ns since the epoch, and from when on to ask again.

        A pod is found by the container's id, by the pod's id in labels or control groups, or by the name that the
        older kubelet gave to containers; by the pod's name only where nothing tells its id.
        """
        pod = self._of_containers.get(container)
        if pod is None:
            pod = self._find(container, hints, time)
            if pod is None:
                return None, NEVER
            self._of_containers[container] = pod
        membership, _, until = self._membership(pod, time)
        return membership, until

    def _find(self, container: str, hints: Hints, time: int) -> Pod | None:
        """The pod of a container."""
        labels = mapping(hints.record.get("labels"))
        name = DOCKER_NAME.fullmatch(str(hints.record.get("name") or ""))
        group = GROUP_POD.search(hints.groups)
        where = (str(labels.get("io.kubernetes.pod.namespace") or ""), str(labels.get("io.kubernetes.pod.name") or ""))
        ids = [str(labels.get("io.kubernetes.pod.uid") or ""), group[1].replace("_", "-") if group else ""]
        if name is not None:
            ids.append(name[3])
            where = where if all(where) else (name[2], name[1])
        ids = [uid for uid in ids if uid]
        full = str(hints.record.get("full_id") or "")
        pod = self.pod(self._by_container.get(container) or self._by_container.get(full))
        for uid in ids:
            pod = pod or self.pod(uid) or self.pod(self._by_mirror.get(uid))
        if pod is None and not ids and all(where):
            known = [thing for thing in self.named("pod", *where) if isinstance(thing, Pod) and (not time or thing.existed(time))]
            pod = max(known, key=lambda pod: pod.created, default=None)
        if pod is not None:
            self._matched = True
        elif ids or all(where):
            self._asked.update(ids[:1] or ["/".join(where)])
        return pod

    def finish(self) -> None:
        """A pass over a capture is at its end: tell if nothing fitted."""
        if self._asked and not self._matched and not self._told and self._pod_count:
            self._told = True
            self.warn(
                f"{self.name}: none of the {len(self._asked)} pods that run in the capture is among its {self._pod_count} "
                "pods; is it of another cluster, or of another time?"
            )

    # What pods belong to

    def _membership(self, pod: Pod, time: int) -> tuple[Membership, int, int]:
        """What a pod belongs to at a time, and from when to when that holds."""
        plan = self._plans.get(pod.component.uid)
        if plan is None:
            plan = self._plans[pod.component.uid] = self._plan(pod)
        place = bisect_right(plan.times, time)
        found = plan.known.get(place)
        if found is None:
            others = dict(plan.always)
            for thing in plan.dated:
                if thing.existed(time):
                    others[thing.word] = (*others.get(thing.word, ()), thing.component)
            found = plan.known[place] = Membership(pod.component, others, pod.component.namespace)
        since = plan.times[place - 1] if place else 0
        return found, since, plan.times[place] if place < len(plan.times) else NEVER

    def _plan(self, pod: Pod) -> Plan:
        """Find everything that a pod may belong to."""
        component = pod.component
        always: dict[str, tuple[Component, ...]] = {}
        dated = self.named("ns", "", component.namespace)
        if pod.node:
            nodes = self.named("node", "", pod.node)
            if len(nodes) > 1:
                dated += nodes
            else:
                # There is no pod without its node, even where the snapshot lacks it or its beginning.
                always["node"] = (nodes[0].component if nodes else Component(pod.node, ""),)
        self._follow(pod.owners, component.namespace, always)
        selecting = [
            thing
            for label in component.labels
            for thing in self.selecting(component.namespace, label)
            if thing.component.selects(component)
        ]
        if not pod.owners:
            dated += [thing for thing in selecting if thing.word in SELECTING]
        services = {thing.component.uid: thing for thing in selecting if thing.word == "svc"}
        for key in (component.uid, *pod.addresses):
            for namespace, name in self.services_of(key):
                if namespace == component.namespace:
                    services.update((thing.component.uid, thing) for thing in self.named("svc", namespace, name))
        order = {uid: place for place, uid in enumerate(self.objects)} if len(services) > 1 else {}
        dated += sorted(services.values(), key=lambda thing: order.get(thing.component.uid, 0))
        times = {thing.created for thing in dated} | {thing.ended for thing in dated}
        return Plan(always, dated, sorted(times - {0, NEVER}))

    def _follow(self, owners: Iterable[Owner], namespace: str, found: dict[str, tuple[Component, ...]]) -> None:
        """Add owners, and theirs; those that the snapshot lacks by what refers to them."""
        for owner in owners:
            word = KINDS.get(owner.kind)
            if word is None or word in found or word in ("pod", "node", "ns"):
                continue
            thing = self.thing(owner.uid)
            found[word] = (thing.component if thing is not None else Component(owner.name, owner.uid, namespace),)
            if thing is not None:
                self._follow(thing.owners, namespace, found)

    # Addresses

    def of_address(self, address: bytes, port: int, time: int, server: bool) -> Membership | None:
        """What is behind an end of a connection that was made at a time.

        A pod with what it belongs to, or else a service or a node. Of a server's services only those that the port
        belongs to, if there are such.
        """
        if len(address) == 16 and address.startswith(MAPPED):
            address = address[12:]
        if self._owners is None:
            self._owners = self._index_addresses()
        known = self._owners.get(address)
        if known is None:
            return None
        key = (address, port if server else 0, server)
        answer = self._answers.get(key)
        if answer is None or not answer[0] <= time < answer[1]:
            answer = self._answers[key] = self._behind(self._tenants(known, key[1]), key[1], time)
        return answer[2]

    def _index_addresses(self) -> dict[bytes, list[str | Endpoint]]:
        """Ids of the objects and the endpoints that have an address, by address."""
        found: dict[bytes, list[str | Endpoint]] = defaultdict(list)
        for uid, item in self.objects.items():
            word = KINDS[item["kind"]]
            if word not in ("pod", "svc", "node"):
                continue
            spec = mapping(item.get("spec"))
            if word == "pod" and spec.get("hostNetwork") is True:
                continue
            for address in addresses_of(word, spec, mapping(item.get("status"))):
                found[packed(address)].append(uid)
            for port in mappings(spec.get("ports")) if word == "svc" else ():
                self._by_node_port[number(port.get("nodePort"))].append(uid)
        for endpoint in self.endpoints:
            found[packed(endpoint.address)].append(endpoint)
        found.pop(b"", None)
        return dict(found)

    def _tenants(self, known: list[str | Endpoint], port: int) -> list[Tenant]:
        """Who had an address, and when."""
        found = []
        pods = set()
        for owner in known:
            thing = self.thing(owner) if isinstance(owner, str) else None
            if thing is not None:
                found.append(Tenant(thing.created, thing.ended, thing))
                pods.add(thing.component.uid)
                if thing.word == "node" and port:
                    services = self.things(self._by_node_port.get(port, ()))
                    found += [Tenant(service.created, service.ended, service) for service in services]
        for owner in known:
            if isinstance(owner, str) or owner.pod in pods or (owner.ports and port not in owner.ports):
                continue    # the pod itself leads to its services
            for thing in self.named("svc", *owner.service):
                found.append(Tenant(max(thing.created, owner.created), thing.ended, thing))
        return found

    def _behind(self, tenants: list[Tenant], port: int, time: int) -> tuple[int, int, Membership | None]:
        """From when to when an answer holds, and what it is."""
        times = sorted({tenant.start for tenant in tenants} | {tenant.end for tenant in tenants})
        place = bisect_right(times, time)
        since, until = times[place - 1] if place else 0, times[place] if place < len(times) else NEVER
        present = [tenant for tenant in tenants if tenant.start <= time < tenant.end]
        pods = [tenant for tenant in present if isinstance(tenant.thing, Pod)]
        if pods:
            pod = max(pods, key=lambda tenant: tenant.start).thing
            assert isinstance(pod, Pod)
            membership, start, end = self._membership(pod, time)
            return max(since, start), min(until, end), self._at_port(pod, membership, port)
        others: dict[str, tuple[Component, ...]] = {}
        namespace = ""
        for tenant in present:
            thing = tenant.thing
            if isinstance(thing, Service):
                others["svc"] = tuple(dict.fromkeys((*others.get("svc", ()), thing.component)))
                namespace = thing.component.namespace
            elif thing.word == "node":
                others["node"] = (thing.component,)
        if not others:
            return since, until, None
        if namespace:
            spaces = self.named("ns", "", namespace)
            others["ns"] = tuple(thing.component for thing in spaces if thing.existed(time))
        return since, until, Membership(None, others, namespace)

    def _at_port(self, pod: Pod, membership: Membership, port: int) -> Membership:
        """What a pod belongs to, with only those services that lead to its port."""
        services = membership.others.get("svc", ())
        if not port or len(services) < 2:
            return membership
        fitting = tuple(component for component in services if port in self._ports_at(pod, component))
        if not fitting:
            return membership
        return Membership(pod.component, {**membership.others, "svc": fitting}, membership.namespace)

    def _ports_at(self, pod: Pod, component: Component) -> set[int]:
        """Ports of a pod that a service leads to."""
        service = self.thing(component.uid)
        assert isinstance(service, Service)
        found = {pod.ports.get(port.target, 0) if isinstance(port.target, str) else port.target for port in service.ports}
        where = (component.namespace, component.name)
        for endpoint in self.endpoints:
            if endpoint.service == where and (endpoint.pod == pod.component.uid or endpoint.address in pod.addresses):
                found |= endpoint.ports
        return found


def identity(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """Word, name space and name of an object."""
    metadata = mapping(item.get("metadata"))
    return KINDS[item["kind"]], string(metadata.get("namespace")), string(metadata.get("name"))


def created(item: Mapping[str, Any]) -> int:
    """When an object was made."""
    return time_of(mapping(item.get("metadata")).get("creationTimestamp"))


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
