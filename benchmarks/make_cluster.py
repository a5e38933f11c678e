#!/usr/bin/env python3
"""Make the objects of a large cluster around that of the walkthrough, for benchmarks.

usage: make_cluster.py [--pods N] [--services N] [--only] OUTPUT

There are an endpoint slice, a replica set and a deployment for each service, too, but with `--only`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import uuid
from typing import Any

from scappy.samples import walkthrough_snapshot

PODS, SERVICES, NODES, NAMESPACES = 10_000, 5_000, 100, 50
MADE = "2016-12-01T00:00:00Z"

#: Of what belongs to pods and services.
VERSIONS = {"ReplicaSet": "apps/v1", "Deployment": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1"}


def uid(kind: str, name: str) -> str:
    """An id of an object, always the same."""
    return str(uuid.UUID(bytes=hashlib.md5(f"{kind} {name}".encode()).digest()))


def owned(kind: str, name: str) -> dict[str, Any]:
    """What says that an object belongs to another one."""
    return {"ownerReferences": [{"kind": kind, "name": name, "uid": uid(kind, name), "controller": True}]}


def large_cluster(pods: int = PODS, services: int = SERVICES, whole: bool = True) -> dict[str, Any]:
    """The walkthrough's cluster with so many pods and services more.

    In a whole one each service has its endpoint slice, replica set and deployment, as in a cluster that runs.
    """
    snapshot = walkthrough_snapshot()
    items: list[dict[str, Any]] = snapshot["items"]

    def add(kind: str, name: str, **parts: Any) -> None:
        if kind in VERSIONS and not whole:
            return
        metadata = {"name": name, "uid": uid(kind, name), "creationTimestamp": MADE, **parts.pop("metadata", {})}
        items.append({"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata, **parts})

    for number in range(NODES):
        add("Node", f"node-{number}", status={"addresses": [{"type": "InternalIP", "address": f"10.250.0.{number}"}]})
    members: list[list[int]] = [[] for _ in range(services)]
    for number in range(pods if services else 0):
        members[number % services].append(number)
    for app, numbers in enumerate(members):
        name, labels = f"app-{app}", {"app": f"app-{app}"}
        metadata = {"namespace": f"ns-{app % NAMESPACES}", "labels": labels}
        port = {"port": 80, "targetPort": "http", "nodePort": 30000 + app % 2768}
        spec = {"selector": labels, "clusterIP": f"10.200.{app >> 8}.{app & 255}", "ports": [port]}
        add("Service", name, metadata=metadata, spec=spec)
        chosen = {"replicas": len(numbers), "selector": {"matchLabels": labels}}
        add("Deployment", name, metadata=metadata, spec=chosen)
        add("ReplicaSet", f"{name}-abc", metadata={**metadata, **owned("Deployment", name)}, spec=chosen)
        endpoints = []
        for number in numbers:
            pod, address = f"{name}-abc-{number}", f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
            endpoints.append({"addresses": [address], "targetRef": {"kind": "Pod", "name": pod, "uid": uid("Pod", pod)}})
            container = {"name": "main", "image": "image", "ports": [{"name": "http", "containerPort": 80}]}
            identity = hashlib.sha256(pod.encode()).hexdigest()
            status = {"name": "main", "containerID": f"containerd://{identity}", "state": {"running": {"startedAt": MADE}}}
            add(
                "Pod",
                pod,
                metadata={**metadata, **owned("ReplicaSet", f"{name}-abc")},
                spec={"nodeName": f"node-{number % NODES}", "containers": [container]},
                status={"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "containerStatuses": [status]},
            )
        add(
            "EndpointSlice",
            f"{name}-x",
            metadata={**metadata, "labels": {"kubernetes.io/service-name": name}, **owned("Service", name)},
            addressType="IPv4",
            endpoints=endpoints,
            ports=[{"name": "", "port": 80, "protocol": "TCP"}],
        )
    return snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the objects of a large cluster.")
    parser.add_argument("--pods", type=int, default=PODS)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--only", action="store_true", help="nothing that belongs to pods and services")
    parser.add_argument("output")
    options = parser.parse_args()
    with open(options.output, "w", encoding="utf-8") as target:
        json.dump(large_cluster(options.pods, options.services, not options.only), target, indent=4)


if __name__ == "__main__":
    main()
