"""Which pod a container is, which pod or service is behind an address, and what that belongs to at a time.

Everything is looked up when a container or an address first asks for it; what was found counts until the next time
at which an object that matters to the answer comes or goes.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scapcore.cluster import Component, Membership
from scapcore.errors import MetadataWarning
from scapcore.pods import pod_of_groups, pod_of_name
from scapcore.side import NEVER, Hints
from scappy.metadata.index import Index
from scappy.metadata.objects import KINDS, Endpoint, Owner, Pod, Service, Thing, mapping
from scappy.metadata.reading import RawObjects, without_collection

__all__ = ["Directory"]

MAPPED = bytes(10) + b"\xff\xff"


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

    def __init__(self, always: dict[str, tuple[Component, ...]], dated: list[Thing]) -> None:
        self.always = always
        self.dated = dated
        self.times = sorted(({thing.created for thing in dated} | {thing.ended for thing in dated}) - {0, NEVER})
        self.known: dict[int, Membership] = {}

    def others(self, time: int) -> dict[str, tuple[Component, ...]]:
        """What counts at a time, by word."""
        found = {word: [*components] for word, components in self.always.items()}
        for thing in self.dated:
            if thing.existed(time):
                found.setdefault(thing.word, []).append(thing.component)
        return {word: tuple(components) for word, components in found.items()}

    def around(self, place: int) -> tuple[int, int]:
        """From when to when that holds, by the place of the later time."""
        return self.times[place - 1] if place else 0, self.times[place] if place < len(self.times) else NEVER


class Tenant:
    """Who had an address: a pod, a service (itself, or one that leads there), or a node; and when."""

    def __init__(self, start: int, end: int, thing: Thing) -> None:
        self.start = start
        self.end = end
        self.thing = thing


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
        self._asked: set[str] = set()
        self._matched = False
        self._told = False
        # What was asked for
        self._of_containers: dict[str, Pod] = {}
        self._plans: dict[str, Plan] = {}
        self._made: dict[str, Plan] = {}
        self._pods_of: dict[str, list[Pod]] = {}
        self._answers: dict[tuple[bytes, int, bool], tuple[int, int, Membership | None]] = {}
        with without_collection():
            self._index = Index(raw)
        for problem in (*raw.problems, *self._index.problems):
            warn(f"{self.name}: {problem}")

    @property
    def objects(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that fields tell about, by id."""
        return self._index.objects

    @property
    def slices(self) -> list[Mapping[str, Any]]:
        """Those that tell of endpoints."""
        return self._index.slices

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
        name = pod_of_name(str(hints.record.get("name") or ""))
        where = (str(labels.get("io.kubernetes.pod.namespace") or ""), str(labels.get("io.kubernetes.pod.name") or ""))
        ids = [str(labels.get("io.kubernetes.pod.uid") or ""), pod_of_groups(hints.groups)]
        if name is not None:
            ids.append(name[2])
            where = where if all(where) else (name[1], name[0])
        ids = [uid for uid in ids if uid]
        full = str(hints.record.get("full_id") or "")
        pod = self._index.pod_of(container) or self._index.pod_of(full)
        for uid in ids:
            pod = pod or self._index.pod(uid)
        if pod is None and not ids and all(where):
            named = [thing for thing in self._index.named("pod", *where) if isinstance(thing, Pod)]
            known = [pod for pod in named if not time or pod.existed(time)]
            pod = max(known, key=lambda pod: pod.created, default=None)
        if pod is not None:
            self._matched = True
        elif ids or all(where):
            self._asked.update(ids[:1] or ["/".join(where)])
        return pod

    def finish(self) -> None:
        """A pass over a capture is at its end: tell if nothing fitted."""
        if self._asked and not self._matched and not self._told and self._index.pods:
            self._told = True
            self.warn(
                f"{self.name}: none of the {len(self._asked)} pods that run in the capture is among its {self._index.pods} "
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
            found = plan.known[place] = Membership(pod.component, plan.others(time), pod.component.namespace)
        return found, *plan.around(place)

    def _plan(self, pod: Pod) -> Plan:
        """Find everything that a pod may belong to."""
        component = pod.component
        made = self._makers(pod)
        always = dict(made.always)
        dated = self._index.named("ns", "", component.namespace)
        if pod.node:
            nodes = self._index.named("node", "", pod.node)
            if len(nodes) > 1:
                dated += nodes
            else:
                # There is no pod without its node, even where the snapshot lacks it or its beginning.
                always["node"] = (nodes[0].component if nodes else Component(pod.node, ""),)
        dated += made.dated
        services = {thing.component.uid: thing for thing in self._selecting(component, services=True)}
        for namespace, name in self._index.services_of(pod):
            if namespace == component.namespace:
                services.update((thing.component.uid, thing) for thing in self._index.named("svc", namespace, name))
        dated += sorted(services.values(), key=self._index.place)
        return Plan(always, dated)

    def _makers(self, pod: Pod) -> Plan:
        """Find what made a pod: its owners, or where none is named, what selects it."""
        plan = self._made.get(pod.component.uid)
        if plan is None:
            always: dict[str, tuple[Component, ...]] = {}
            self._follow(pod.owners, pod.component.namespace, always)
            dated = [] if pod.owners else self._selecting(pod.component, services=False)
            plan = self._made[pod.component.uid] = Plan(always, dated)
        return plan

    def _selecting(self, pod: Component, *, services: bool) -> list[Thing]:
        """Services or controllers that select a pod."""
        return [
            thing
            for label in pod.labels
            for thing in self._index.selecting(pod.namespace, label, services)
            if thing.component.selects(pod)
        ]

    def _follow(self, owners: Iterable[Owner], namespace: str, found: dict[str, tuple[Component, ...]]) -> None:
        """Add owners, and theirs; those that the snapshot lacks by what refers to them."""
        for owner in owners:
            word = KINDS.get(owner.kind)
            if word is None or word in found or word in ("pod", "node", "ns"):
                continue
            thing = self._index.thing(owner.uid)
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
        known = self._index.at_address(address)
        if not known:
            return None
        key = (address, port if server else 0, server)
        answer = self._answers.get(key)
        if answer is None or not answer[0] <= time < answer[1]:
            answer = self._answers[key] = self._behind(self._tenants(known, key[1]), key[1], time)
        return answer[2]

    def _tenants(self, known: Iterable[Thing | Endpoint], port: int) -> list[Tenant]:
        """Who had an address, and when."""
        found = []
        pods = set()
        for owner in known:
            if isinstance(owner, Thing):
                found.append(Tenant(owner.created, owner.ended, owner))
                pods.add(owner.component.uid)
                if owner.word == "node" and port:
                    others = self._index.at_port(owner.component.name, port)
                    found += [Tenant(other.created, other.ended, other) for other in others]
        for owner in known:
            if isinstance(owner, Thing) or owner.pod in pods or (owner.ports and port not in owner.ports):
                continue    # the pod itself leads to its services
            for thing in self._index.named("svc", *owner.service):
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
        led = [pod for tenant in present if isinstance(tenant.thing, Service) for pod in self._led_to(tenant.thing)]
        if led:
            times = sorted({*times, *(pod.created for pod in led), *(pod.ended for pod in led)})
            place = bisect_right(times, time)
            since, until = times[place - 1] if place else 0, times[place] if place < len(times) else NEVER
            others, start, end = self._in_common([pod for pod in led if pod.existed(time)], time)
            since, until = max(since, start), min(until, end)
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
            spaces = self._index.named("ns", "", namespace)
            others["ns"] = tuple(thing.component for thing in spaces if thing.existed(time))
        return since, until, Membership(None, others, namespace)

    def _led_to(self, service: Service) -> list[Pod]:
        """The pods to which a service ever leads, by its endpoints and its selector."""
        component = service.component
        found = self._pods_of.get(component.uid)
        if found is not None:
            return found
        endpoints = self._index.endpoints_of((component.namespace, component.name))
        ids = {endpoint.pod for endpoint in endpoints}
        addresses = {endpoint.address for endpoint in endpoints if not endpoint.pod}
        found = self._pods_of[component.uid] = [
            pod
            for pod in self._index.pods_in(component.namespace)
            if component.selects(pod.component) or pod.component.uid in ids or not addresses.isdisjoint(pod.addresses)
        ]
        return found

    def _in_common(self, pods: list[Pod], time: int) -> tuple[dict[str, tuple[Component, ...]], int, int]:
        """What all of some pods belong to that makes pods, and from when to when that holds."""
        since, until = 0, NEVER
        common: dict[str, tuple[Component, ...]] | None = None
        for pod in pods:
            plan = self._makers(pod)
            start, end = plan.around(bisect_right(plan.times, time))
            since, until = max(since, start), min(until, end)
            made = plan.others(time)
            kept = made if common is None else common
            common = {word: found for word, found in kept.items() if made.get(word) == found}
            if not common:
                break       # until one of these pods goes
        return common or {}, since, until

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
        service = self._index.thing(component.uid)
        assert isinstance(service, Service)
        found = {pod.ports.get(port.target, 0) if isinstance(port.target, str) else port.target for port in service.ports}
        for endpoint in self._index.endpoints_of((component.namespace, component.name)):
            if endpoint.pod == pod.component.uid or endpoint.address in pod.addresses:
                found |= endpoint.ports
        return found
