"""API objects of a cluster made by hand, as short as a test wants them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def api_object(kind: str, name: str, *, namespace: str = "shop", uid: str = "", created: str = "2020-01-01T00:00:00Z",
               owner: Object | None = None, **parts: Any) -> Object:  # fmt: skip
    """An object; the id is made of kind and name where none is given."""
    metadata: Object = {"name": name, "uid": uid or f"{kind}-{name}".lower(), "creationTimestamp": created}
    if kind not in ("Namespace", "Node"):
        metadata["namespace"] = namespace
    for part in ("labels", "annotations", "deletionTimestamp", "resourceVersion"):
        if part in parts:
            metadata[part] = parts.pop(part)
    if owner is not None:
        known = owner["metadata"]
        reference = {"kind": owner["kind"], "name": known["name"], "uid": known["uid"], "controller": True}
        metadata["ownerReferences"] = [reference]
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


def pod(name: str, *containers: str, ip: str = "", uid: str = "", node: str = "node1", status: Object | None = None,
        spec: Object | None = None, **parts: Any) -> Object:  # fmt: skip
    """A pod with the whole ids of its containers."""
    statuses = [{"name": f"c{place}", "containerID": f"containerd://{identity}"} for place, identity in enumerate(containers)]
    told = {"phase": "Running", "podIP": ip, "containerStatuses": statuses, **(status or {})}
    return api_object("Pod", name, uid=uid, spec={"nodeName": node, **(spec or {})}, status=told, **parts)


def service(name: str, ip: str = "", selector: dict[str, str] | None = None, ports: list[Object] | None = None,
            **parts: Any) -> Object:  # fmt: skip
    """A service."""
    return api_object("Service", name, spec={"clusterIP": ip, "selector": selector or {}, "ports": ports or []}, **parts)


def endpoint_slice(name: str, port: int, *endpoints: Object, **parts: Any) -> Object:
    """What is behind a service of that name."""
    labels = {"kubernetes.io/service-name": name}
    return api_object("EndpointSlice", f"{name}-abcde", labels=labels, endpoints=list(endpoints), ports=[{"port": port}], **parts)
