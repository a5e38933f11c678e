"""What counts of the objects of a cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from scapcore.cluster import KINDS as OLD_KINDS
from scapcore.cluster import Component
from scapcore.record import Record
from scapcore.side import NEVER

__all__ = [
    "KINDS",
    "Endpoint",
    "Owner",
    "Pod",
    "Port",
    "Service",
    "Thing",
    "addresses_of",
    "endpoints_of",
    "mapping",
    "mappings",
    "number",
    "string",
    "thing_of",
    "time_of",
]

#: Kinds that fields tell about, by the word in the fields' names.
KINDS = {
    **OLD_KINDS,
    "DaemonSet": "daemonset",
    "StatefulSet": "statefulset",
    "Job": "job",
    "CronJob": "cronjob",
    "Node": "node",
}
STAMP = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)?")


class Owner(Record):
    """A reference to the object that made another one."""

    kind: str
    name: str
    uid: str


class Port(Record):
    """A port of a service: its own, that of the pods behind it (or its name there), and that of the nodes."""

    number: int
    target: int | str
    node: int


#: What is known of every object, in the order of the attributes.
Common = tuple[str, Component, int, int, tuple[Owner, ...]]


class Thing:
    """An object of a cluster.

    Attributes
    ----------
    word : str
        What the names of its fields have for its kind.
    component : Component
        What fields show of it.
    created, ended : int
        While it existed, in ns since the epoch: 0 and :data:`NEVER` where that is not known.
    owners : tuple of Owner
        The controlling one first.
    """

    def __init__(self, word: str, component: Component, created: int, ended: int, owners: tuple[Owner, ...]) -> None:
        self.word = word
        self.component = component
        self.created = created
        self.ended = ended
        self.owners = owners

    def existed(self, time: int) -> bool:
        """Whether it was there at a time."""
        return self.created <= time < self.ended


class Pod(Thing):
    """A pod.

    Parameters
    ----------
    common : tuple
        What makes a thing.

    Attributes
    ----------
    addresses : tuple of str
        Those of its own: none where it uses its node's.
    node : str
        Name of its node.
    ports : dict of str to int
        Numbers of its named ports.
    """

    def __init__(self, common: Common, addresses: tuple[str, ...], node: str, ports: dict[str, int]) -> None:
        super().__init__(*common)
        self.addresses = addresses
        self.node = node
        self.ports = ports


class Service(Thing):
    """A service with its addresses and ports."""

    def __init__(self, common: Common, addresses: tuple[str, ...], ports: tuple[Port, ...]) -> None:
        super().__init__(*common)
        self.addresses = addresses
        self.ports = ports


class Endpoint(Record):
    """An address behind a service, by namespace and name of the service."""

    service: tuple[str, str]
    address: str
    pod: str
    ports: frozenset[int]
    created: int


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object, empty for anything else."""
    # Asked so often that the general test would be half of the time that a snapshot takes.
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects in a list, none for anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def string(value: object) -> str:
    """A JSON text, empty for anything else."""
    return value if isinstance(value, str) else ""


def strings(value: object) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def number(value: object) -> int:
    """A port number, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else 0


def pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Labels in the order of their keys."""
    items = mapping(value).items()
    return tuple(sorted((str(key), item if isinstance(item, str) else "" if item is None else str(item)) for key, item in items))


def time_of(value: object) -> int:
    """A time stamp of the API in ns since the epoch; 0 if it is none.

    Examples
    --------
    >>> time_of("2016-12-08T15:41:39Z")
    1481211699000000000
    """
    if isinstance(value, datetime):     # YAML knows time stamps
        value = value.isoformat()
    match = STAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return 0
    zone = (match[3] or "Z").upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(match[1].upper().replace(" ", "T") + zone)
    except ValueError:
        return 0
    seconds = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return max(0, (seconds.days * 86400 + seconds.seconds) * 10**9 + int((match[2] or "").ljust(9, "0")))


def owners_of(metadata: Mapping[str, Any]) -> tuple[Owner, ...]:
    """What made an object, the controlling one first."""
    references = sorted(mappings(metadata.get("ownerReferences")), key=lambda item: item.get("controller") is not True)
    return tuple(
        Owner(string(item.get("kind")), string(item.get("name")), string(item.get("uid"))) for item in references
    )


def thing_of(item: Mapping[str, Any]) -> Thing | None:
    """An object by its JSON; None if no field tells about its kind, or it has neither name nor id."""
    word = KINDS.get(string(item.get("kind")))
    metadata, spec, status = (mapping(item.get(part)) for part in ("metadata", "spec", "status"))
    name, uid = string(metadata.get("name")), string(metadata.get("uid"))
    if word is None or not name or not uid:
        return None
    selector = spec.get("selector")
    if word not in ("svc", "rc"):
        selector = mapping(selector).get("matchLabels")
    addresses = addresses_of(word, spec, status)
    component = Component(
        name,
        uid,
        string(metadata.get("namespace")),
        pairs(metadata.get("labels")),
        pairs(selector) if word != "pod" else (),
        address=addresses[0] if addresses else "",
    )
    created = time_of(metadata.get("creationTimestamp"))
    ended = time_of(metadata.get("deletionTimestamp")) or NEVER
    common = (word, component, created, ended, owners_of(metadata))
    if word == "svc":
        ports = tuple(
            Port(number(port.get("port")), target_of(port), number(port.get("nodePort"))) for port in mappings(spec.get("ports"))
        )
        return Service(common, addresses, ports)
    if word == "pod":
        return pod_of(common, item, addresses)
    return Thing(*common)


def target_of(port: Mapping[str, Any]) -> int | str:
    """The port behind a service's port, which is the same where nothing else is said."""
    target = port.get("targetPort")
    return number(target) or string(target) or number(port.get("port"))


def addresses_of(word: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[str, ...]:
    """Addresses of a pod, service or node, the foremost first."""
    found: list[str] = []
    if word == "pod":
        found = [string(status.get("podIP")), *(string(item.get("ip")) for item in mappings(status.get("podIPs")))]
    elif word == "svc":
        ingress = mappings(mapping(status.get("loadBalancer")).get("ingress"))
        found = [string(spec.get("clusterIP")), *strings(spec.get("clusterIPs")), *strings(spec.get("externalIPs"))]
        found += [string(spec.get("loadBalancerIP")), *(string(item.get("ip")) for item in ingress)]
    elif word == "node":
        known = mappings(status.get("addresses"))
        for kind in ("InternalIP", "ExternalIP"):
            found += [string(item.get("address")) for item in known if item.get("type") == kind]
    return tuple(dict.fromkeys(address for address in found if address and address != "None"))


def pod_of(common: Common, item: Mapping[str, Any], addresses: tuple[str, ...]) -> Pod:
    """A pod by its JSON."""
    metadata, spec, status = (mapping(item.get(part)) for part in ("metadata", "spec", "status"))
    statuses = statuses_of(status)
    word, component, created, ended, owners = common
    if ended == NEVER and status.get("phase") in ("Succeeded", "Failed"):
        # Its address went to others when its last container had ended.
        ends = [time_of(mapping(mapping(entry.get("state")).get("terminated")).get("finishedAt")) for entry in statuses]
        ended = max(ends, default=0) or NEVER
    ports = {
        string(port.get("name")): number(port.get("containerPort"))
        for container in mappings(spec.get("containers"))
        for port in mappings(container.get("ports"))
    }
    return Pod(
        (word, component, created, ended, owners),
        () if spec.get("hostNetwork") is True else addresses,
        string(spec.get("nodeName")),
        ports,
    )


def statuses_of(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is told of the containers of a pod."""
    parts = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    return [entry for part in parts if part in status for entry in mappings(status[part])]


def endpoints_of(item: Mapping[str, Any]) -> list[Endpoint]:
    """The endpoints in an EndpointSlice, or in the older Endpoints."""
    metadata = mapping(item.get("metadata"))
    namespace = string(metadata.get("namespace"))
    created = time_of(metadata.get("creationTimestamp"))
    found = []
    if item.get("kind") == "EndpointSlice":
        service = string(mapping(metadata.get("labels")).get("kubernetes.io/service-name")) or next(
            (owner.name for owner in owners_of(metadata) if owner.kind == "Service"), ""
        )
        ports = ports_of(item)
        for endpoint in mappings(item.get("endpoints")):
            pod = pod_behind(endpoint)
            found += [
                Endpoint((namespace, service), address, pod, ports, created) for address in strings(endpoint.get("addresses"))
            ]
        return found
    for subset in mappings(item.get("subsets")):
        for address in mappings(subset.get("addresses")) + mappings(subset.get("notReadyAddresses")):
            where = (namespace, string(metadata.get("name")))
            found.append(Endpoint(where, string(address.get("ip")), pod_behind(address), ports_of(subset), created))
    return found


def ports_of(item: Mapping[str, Any]) -> frozenset[int]:
    """Numbers of the ports that a slice lists."""
    return frozenset(number(port.get("port")) for port in mappings(item.get("ports"))) - {0}


def pod_behind(endpoint: Mapping[str, Any]) -> str:
    """Id of the pod that an endpoint is."""
    target = mapping(endpoint.get("targetRef"))
    return string(target.get("uid")) if target.get("kind", "Pod") == "Pod" else ""
