"""The API objects of the walkthrough's cluster, as ``kubectl get … -A -o json`` would have printed them.

Names, ids and addresses are those of the containers in `cluster`; versions of the API are those of today, so that
every kubectl reads them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scappy.records import Container
from scappy.samples import cluster

__all__ = ["walkthrough_snapshot", "write_walkthrough_snapshot"]

_HASH = "1440326531"
_MADE, _DEPLOYED = "2016-12-08T13:02:11Z", "2016-12-08T15:34:50Z"
_OWN = "io.kubernetes."
Object = dict[str, Any]


def _uid(kind: str, name: str) -> str:
    """An id for an object that the story does not name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{kind}.walkthrough.example"))


def _object(kind: str, name: str, namespace: str = "", *, uid: str = "", created: str = _MADE, **parts: Any) -> Object:
    """An object; the parts ``labels``, ``annotations`` and ``owner`` go to its metadata."""
    metadata: Object = {"name": name, "uid": uid or _uid(kind, f"{namespace}/{name}"), "creationTimestamp": created}
    metadata["resourceVersion"] = "1259"
    if namespace:
        metadata["namespace"] = namespace
    if labels := parts.pop("labels", None):
        metadata["labels"] = labels
    if annotations := parts.pop("annotations", None):
        metadata["annotations"] = annotations
    if owner := parts.pop("owner", None):
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    version = {"ReplicaSet": "apps/v1", "Deployment": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


def _pods(owners: dict[str, Object]) -> Iterator[Object]:
    """The pods of the capture's containers."""
    members: dict[str, list[Container]] = {}
    for container in cluster.CONTAINERS:
        if uid := container.labels.get(_OWN + "pod.uid"):
            members.setdefault(uid, []).append(container)
    for uid, containers in members.items():
        sandbox = next(container for container in containers if container.labels[_OWN + "container.name"] == "POD")
        others = [container for container in containers if container is not sandbox]
        labels = {key: value for key, value in sandbox.labels.items() if not key.startswith(_OWN)}
        name, namespace = sandbox.labels[_OWN + "pod.name"], sandbox.labels[_OWN + "pod.namespace"]
        yield _object(
            "Pod",
            name,
            namespace,
            # What is made from files on the node has an id of its own there; the API server shows a mirror of it.
            uid="" if len(uid) == 32 else uid,
            annotations={"kubernetes.io/config.mirror": uid} if len(uid) == 32 else None,
            created=_MADE if namespace == "kube-system" else _DEPLOYED,
            labels=labels,
            owner=owners.get(labels.get("app", "")),
            spec={
                "nodeName": cluster.NODE,
                **({"hostNetwork": True} if sandbox.ip == cluster.NODE else {}),
                "containers": [
                    {"name": container.labels[_OWN + "container.name"], "image": container.image} for container in others
                ],
            },
            status={
                "phase": "Running",
                "podIP": sandbox.ip,
                "podIPs": [{"ip": sandbox.ip}],
                "hostIP": cluster.NODE,
                "containerStatuses": [
                    {
                        "name": container.labels[_OWN + "container.name"],
                        "containerID": f"docker://{cluster.full_id(container.id)}",
                        "image": container.image,
                        "imageID": "",
                        "ready": True,
                        "restartCount": 0,
                        "state": {"running": {"startedAt": _MADE if namespace == "kube-system" else _DEPLOYED}},
                    }
                    for container in others
                ],
            },
        )


def _service(name: str, namespace: str, address: str, port: Object, selector: dict[str, str], created: str) -> Object:
    spec: Object = {"clusterIP": address, "clusterIPs": [address], "ports": [port], "type": "ClusterIP"}
    if selector:
        spec["selector"] = selector
    return _object("Service", name, namespace, created=created, spec=spec, status={"loadBalancer": {}}, labels=selector)


def _slice(service: Object, port: int, protocol: str, endpoints: list[Object]) -> Object:
    metadata = service["metadata"]
    return _object(
        "EndpointSlice",
        f"{metadata['name']}-7xq2p",
        metadata["namespace"],
        created=metadata["creationTimestamp"],
        labels={"kubernetes.io/service-name": metadata["name"]},
        owner=service,
        addressType="IPv4",
        endpoints=endpoints,
        ports=[{"name": "", "port": port, "protocol": protocol}],
    )


def walkthrough_snapshot() -> Object:
    """The cluster of the story as one list of objects.

    Examples
    --------
    >>> {item["metadata"]["name"] for item in walkthrough_snapshot()["items"] if item["kind"] == "Deployment"}
    {'backend'}
    """
    app = {"app": "backend"}
    hashed = {**app, "pod-template-hash": _HASH}
    template = {"metadata": {"labels": hashed}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}
    deployment = _object(
        "Deployment",
        "backend",
        "critical-app",
        created=_DEPLOYED,
        labels=app,
        spec={"replicas": 3, "selector": {"matchLabels": app}, "template": template},
        status={"replicas": 3, "readyReplicas": 3},
    )
    replicas = _object(
        "ReplicaSet",
        f"backend-{_HASH}",
        "critical-app",
        created=_DEPLOYED,
        labels=hashed,
        owner=deployment,
        spec={"replicas": 3, "selector": {"matchLabels": hashed}, "template": template},
        status={"replicas": 3, "readyReplicas": 3},
    )
    pods = list(_pods({"backend": replicas}))
    backend = _service(
        "backend", "critical-app", cluster.BACKEND_SERVICE, {"port": 80, "targetPort": 80, "protocol": "TCP"}, app, _DEPLOYED
    )
    # The name server runs beside the cluster, in a container of its own.
    dns = _service("kube-dns", "kube-system", "10.3.0.10", {"port": 53, "targetPort": 53, "protocol": "UDP"}, {}, _MADE)
    api = _service("kubernetes", "default", "10.3.0.1", {"port": 443, "targetPort": 443, "protocol": "TCP"}, {}, _MADE)
    node = _object(
        "Node",
        cluster.NODE,
        labels={"kubernetes.io/hostname": cluster.MACHINE.hostname},
        status={"addresses": [{"type": "InternalIP", "address": cluster.NODE}]},
    )
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True},
            "nodeName": cluster.NODE,
            "targetRef": {
                "kind": "Pod",
                "name": pod["metadata"]["name"],
                "namespace": "critical-app",
                "uid": pod["metadata"]["uid"],
            },
        }
        for pod in pods
        if pod["metadata"].get("labels", {}).get("app") == "backend"
    ]
    items = [
        *(_object("Namespace", name) for name in ("critical-app", "default", "kube-system")),
        node,
        *pods,
        backend,
        dns,
        api,
        _slice(backend, 80, "TCP", endpoints),
        _slice(dns, 53, "UDP", [{"addresses": [cluster.NODE]}]),
        replicas,
        deployment,
    ]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


def write_walkthrough_snapshot(path: str | Path) -> None:
    """Write the cluster of the story to a file, for ``scapdig --k8s``."""
    text = json.dumps(walkthrough_snapshot(), indent=4, sort_keys=True)
    Path(path).write_text(text + "\n", encoding="utf-8")
