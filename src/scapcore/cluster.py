"""What captures of old tools tell about a Kubernetes cluster: objects of its API server, as JSON in events of type 260.

Facts: state engine, section 12. Internal to the core.
"""

from __future__ import annotations

from typing import Any

from scapcore.record import Record

__all__ = ["PARTS", "WORDS", "Cluster", "Component", "Membership"]

#: Kinds of objects by the words in the names of fields, and what fields tell of each.
WORDS = ("pod", "ns", "rc", "rs", "svc", "deployment", "daemonset", "statefulset", "job", "cronjob", "node")
PARTS = ("name", "id", "label", "labels", "ip")

#: Kinds that a field tells about, by the word in its name.
KINDS = {
    "Pod": "pod",
    "Namespace": "ns",
    "ReplicationController": "rc",
    "ReplicaSet": "rs",
    "Service": "svc",
    "Deployment": "deployment",
}
OWNERS = ("rc", "rs", "svc", "deployment")
SHORT_ID = 12
#: Schemes of container ids, and how many characters of what follows count (0: all).
SCHEMES = (("docker://", SHORT_ID), ("rkt://", 0), ("containerd://", SHORT_ID), ("cri-o://", SHORT_ID))


class Component(Record):
    """One object of a cluster.

    Attributes
    ----------
    name, uid, namespace : str
        As the API server has them.
    labels, selector : tuple of (str, str)
        Pairs in the order of their keys.
    containers : tuple of str
        Ids of a pod's containers as captures shorten them.
    address : str
        Of a pod, service or node, empty if unknown.
    """

    name: str
    uid: str
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    containers: tuple[str, ...] = ()
    address: str = ""

    def selects(self, pod: Component) -> bool:
        """Whether a controller or service is one of the pod's."""
        return bool(self.selector) and self.namespace == pod.namespace and set(self.selector) <= set(pod.labels)


class Membership(Record):
    """The pod of a container or address, and what the pod belongs to.

    Attributes
    ----------
    pod : Component or None
        None where an address is no pod's.
    others : dict of str to tuple of Component
        By the word in the fields' names.
    namespace : str
        Of the pod, or else of the service.
    """

    pod: Component | None
    others: dict[str, tuple[Component, ...]]
    namespace: str = ""

    def __hash__(self) -> int:
        return hash((self.pod, self.namespace))

    def value(self, word: str, part: str, argument: str = "") -> str | None:
        """What a field says.

        Parameters
        ----------
        word : str
            One of :data:`WORDS`.
        part : str
            One of :data:`PARTS`.
        argument : str
            Name of the label.

        Returns
        -------
        str or None
            Values of several services with commas between them; None where there is no such thing.
        """
        if word == "ns" and part == "name":
            return (self.pod.namespace if self.pod is not None else self.namespace) or None
        components: tuple[Component, ...]
        if word == "pod":
            components = (self.pod,) if self.pod is not None else ()
        else:
            components = self.others.get(word, ())[: None if word == "svc" else 1]
        if not components:
            return None
        if part == "name":
            return ", ".join(component.name for component in components) or None
        if part == "id":
            return ", ".join(component.uid for component in components)
        if part == "ip":
            return ", ".join(component.address for component in components if component.address) or None
        if part == "label":
            found = [value for component in components for key, value in component.labels if key == argument]
            return ", ".join(value for value in found if value) or (None if word == "svc" or not found else "")
        return joined(pair for component in components for pair in component.labels)


def joined(labels: Any) -> str:
    """Labels as ``key:value``, the key alone where the value is empty."""
    return ", ".join(f"{key}:{value}" if value else key for key, value in labels)


class Cluster:
    """The objects that are known by now."""

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Component]] = {word: {} for word in KINDS.values()}
        self.version = 0

    def apply(self, text: bytes) -> bool:
        """Take over what an event says; False if it changes nothing.

        Parameters
        ----------
        text : bytes
            JSON: an object with ``items``, or in older captures a message of the API server with ``object``. The
            first event decides which of the two the capture has. Anything else is passed over.
        """
        import json

        try:
            message = json.loads(text.rstrip(b"\0").decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return False
        if not isinstance(message, dict):
            return False
        if not self.version:
            self.version = 2 if "items" in message else 1 if "object" in message else 0
        word = KINDS.get(string(message.get("kind")))
        action = string(message.get("type"))[:1]
        if word is None or action not in ("A", "M", "D"):
            return False
        if self.version == 2:
            items = message.get("items")
            read = component_from_item
        else:
            items = [message.get("object")]
            read = component_from_object
        changed = False
        for item in items if isinstance(items, list) else ():
            component = read(item) if isinstance(item, dict) else None
            if component is None:
                continue
            known = self.components[word]
            if action == "D":
                changed |= known.pop(component.uid, None) is not None
            elif action == "A" or component.uid in known:
                known[component.uid] = component
                changed = True
        return changed

    def membership(self, container: str) -> Membership | None:
        """What a container is part of, None if no pod has it."""
        pods = [pod for pod in self.components["pod"].values() if container in pod.containers]
        if not pods:
            return None
        pod = pods[-1]
        others = {
            word: tuple(component for component in self.components[word].values() if component.selects(pod))
            for word in OWNERS
        }
        others["ns"] = tuple(item for item in self.components["ns"].values() if item.name == pod.namespace)
        return Membership(pod, others)


def string(value: object) -> str:
    """A JSON text, empty for anything else."""
    return value if isinstance(value, str) else ""


def pairs(value: object) -> tuple[tuple[str, str], ...]:
    """A JSON object of texts as pairs in the order of the keys."""
    if not isinstance(value, dict):
        return ()
    return tuple((key, content if isinstance(content, str) else as_json(content)) for key, content in sorted(value.items()))


def as_json(value: object) -> str:
    """A value as JSON."""
    import json

    return json.dumps(value)


def short_ids(statuses: object) -> tuple[str, ...]:
    """Ids of containers out of the statuses of a pod."""
    found = []
    for status in statuses if isinstance(statuses, list) else ():
        identity = string(status.get("containerID")) if isinstance(status, dict) else ""
        for scheme, length in SCHEMES:
            if identity.startswith(scheme):
                rest = identity[len(scheme) :]
                found.append(rest[:length] if length else rest)
    return tuple(found)


def component_from_item(item: dict[str, Any]) -> Component | None:
    """A component of the newer format, which has what counts in one level."""
    uid = string(item.get("uid"))
    if not uid:
        return None
    containers = short_ids(item.get("containerStatuses")) + short_ids(item.get("initContainerStatuses"))
    return Component(
        string(item.get("name")),
        uid,
        string(item.get("namespace")),
        pairs(item.get("labels")),
        pairs(item.get("selector")),
        containers,
    )


def component_from_object(item: dict[str, Any]) -> Component | None:
    """A component as the API server sends it."""
    metadata, spec, status = (
        part if isinstance(part, dict) else {} for part in (item.get(name) for name in ("metadata", "spec", "status"))
    )
    uid = string(metadata.get("uid"))
    if not uid:
        return None
    selector = spec.get("selector")
    if isinstance(selector, dict) and isinstance(selector.get("matchLabels"), dict):
        selector = selector["matchLabels"]
    containers = short_ids(status.get("containerStatuses")) + short_ids(status.get("initContainerStatuses"))
    return Component(
        string(metadata.get("name")),
        uid,
        string(metadata.get("namespace")),
        pairs(metadata.get("labels")),
        pairs(selector),
        containers,
    )
