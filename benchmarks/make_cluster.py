#!/usr/bin/env python3
"""Make the objects of a large cluster around that of the walkthrough, for benchmarks.

usage: make_cluster.py [--pods N] [--services N] OUTPUT
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from scappy.samples import walkthrough_snapshot

PODS, SERVICES, NODES, NAMESPACES = 10_000, 5_000, 100, 50
MADE = "2016-12-01T00:00:00Z"


def large_cluster(pods: int = PODS, services: int = SERVICES) -> dict[str, Any]:
    """The walkthrough's cluster with so many pods and services more."""
    snapshot = walkthrough_snapshot()
    items: list[dict[str, Any]] = snapshot["items"]

    def add(kind: str, name: str, number: int, **parts: Any) -> None:
        metadata = {"name": name, "uid": f"{kind}-{number}", "creationTimestamp": MADE, **parts.pop("metadata", {})}
        items.append({"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts})

    for number in range(NODES):
        addresses = [{"type": "InternalIP", "address": f"10.250.0.{number}"}]
        add("Node", f"node-{number}", number, status={"addresses": addresses})
    for number in range(services):
        port = {"port": 80, "targetPort": "http", "nodePort": 30000 + number % 2768}
        spec = {"selector": {"app": f"app-{number}"}, "clusterIP": f"10.200.{number >> 8}.{number & 255}", "ports": [port]}
        add("Service", f"app-{number}", number, metadata={"namespace": f"ns-{number % NAMESPACES}"}, spec=spec)
    for number in range(pods):
        app = number % max(services, 1)
        owner = {"kind": "ReplicaSet", "name": f"app-{app}-abc", "uid": f"ReplicaSet-{app}", "controller": True}
        metadata = {"namespace": f"ns-{app % NAMESPACES}", "labels": {"app": f"app-{app}"}, "ownerReferences": [owner]}
        container = {"name": "main", "image": "image", "ports": [{"name": "http", "containerPort": 80}]}
        status = {"name": "main", "containerID": f"containerd://{number:064x}", "state": {"running": {"startedAt": MADE}}}
        add(
            "Pod",
            f"app-{app}-abc-{number}",
            number,
            metadata=metadata,
            spec={"nodeName": f"node-{number % NODES}", "containers": [container]},
            status={
                "phase": "Running",
                "podIP": f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
                "containerStatuses": [status],
            },
        )
    return snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the objects of a large cluster.")
    parser.add_argument("--pods", type=int, default=PODS)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("output")
    options = parser.parse_args()
    with open(options.output, "w", encoding="utf-8") as target:
        json.dump(large_cluster(options.pods, options.services), target, indent=4)


if __name__ == "__main__":
    main()
