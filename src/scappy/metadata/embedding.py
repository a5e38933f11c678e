"""The objects of a cluster in a capture: written into it, and found there again.

They stand in it twice: for this package as the objects themselves, without what no field tells, in a block of a kind
that other readers pass over; and for those who know the old captures of ``-k`` as events of type 260, one object each
(state engine, section 12), which know no times.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from scapcore.cluster import KINDS as TOLD_KINDS
from scapcore.encode import EventEncoder
from scapcore.errors import ScapError
from scapcore.schema import event_types
from scapcore.side import NEVER, Hints
from scapcore.write import BlockEncoder
from scappy.copying.head import OBJECTS
from scappy.metadata.directory import Directory
from scappy.metadata.objects import mapping, mappings, statuses_of
from scappy.metadata.reading import RawObjects, read_objects

__all__ = ["embedded", "labelled", "objects_block", "objects_payload", "told_objects"]

MARK = b"scappyk8"
K8S_EVENT = 260
LARGE_CONTAINER = 324
MOST_TEXT = 65_000
#: Kinds of event blocks that have flags.
FLAGGED = (0x208, 0x217, 0x222)
#: What counts of the parts of an object; of `status` and `containers` only some of it.
METADATA = ("name", "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp", "ownerReferences", "resourceVersion")
SPEC = ("nodeName", "hostNetwork", "selector", "clusterIP", "clusterIPs", "externalIPs", "loadBalancerIP", "ports")
STATUS = ("phase", "podIP", "podIPs", "hostIP", "hostIPs", "addresses", "loadBalancer")
CONTAINER_STATUS = ("name", "containerID", "state", "lastState")
STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
ANNOTATIONS = ("kubernetes.io/config.hash", "kubernetes.io/config.mirror")


def chosen(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Some entries of an object."""
    known = mapping(value)
    return {name: known[name] for name in names if name in known}


def reduced(item: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what no field tells: no environments, no commands, no annotations."""
    found: dict[str, Any] = {"kind": item["kind"], "metadata": chosen(item.get("metadata"), METADATA)}
    annotations = chosen(mapping(item.get("metadata")).get("annotations"), ANNOTATIONS)
    if annotations:
        found["metadata"]["annotations"] = annotations
    if item["kind"] in ("EndpointSlice", "Endpoints"):
        return {**found, **chosen(item, ("endpoints", "ports", "subsets"))}
    spec, status = mapping(item.get("spec")), mapping(item.get("status"))
    found["spec"] = chosen(spec, SPEC)
    if "containers" in spec:
        found["spec"]["containers"] = [chosen(entry, ("name", "ports")) for entry in mappings(spec["containers"])]
    if status:
        found["status"] = chosen(status, STATUS)
        for part in STATUSES:
            if part in status:
                found["status"][part] = [chosen(entry, CONTAINER_STATUS) for entry in mappings(status[part])]
    return found


def objects_payload(directory: Directory) -> bytes:
    """The objects of a directory as bytes; several of them one behind the other are one, too."""
    items = [reduced(item) for item in (*directory.objects.values(), *directory.slices)]
    return gzip.compress(json.dumps({"kind": "List", "items": items}, separators=(",", ":")).encode(), 6, mtime=0)


def objects_block(payload: bytes) -> bytes:
    """The block that holds objects."""
    body = MARK + struct.pack("<I", len(payload)) + payload
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", OBJECTS) + length + body + length


def payload_of(body: bytes) -> bytes:
    """What a block with objects holds; empty if it is none."""
    if body[:8] != MARK or len(body) < 12:
        return b""
    length = struct.unpack_from("<I", body, 8)[0]
    return body[12 : 12 + length] if length <= len(body) - 12 else b""


@lru_cache(maxsize=2)
def directory_of(payload: bytes) -> Directory | None:
    """The objects of a payload, ready to be asked; what is wrong with them was told when they were joined."""
    try:
        raw = read_objects(payload)
    except ScapError:
        return None
    return Directory(RawObjects("the objects in the capture", raw.objects), lambda text: None)


def embedded(body: bytes) -> Directory | None:
    """The objects in a block, None if they cannot be read."""
    payload = payload_of(body)
    return directory_of(payload) if payload else None


def told_objects(directory: Directory, time: int) -> bytes:
    """The events that tell readers of old captures about objects.

    Parameters
    ----------
    directory : Directory
    time : int
        Of the events, ns since the epoch.
    """
    target = BlockEncoder()
    encoder = EventEncoder(event_types()[K8S_EVENT])
    for text in messages(directory):
        if len(text.encode()) <= MOST_TEXT:
            encoder.encode(target, time, -1, 0, (text,))
    return target.take()


def messages(directory: Directory) -> Iterator[str]:
    """Objects in the form in which the events tell them."""
    for item in directory.objects.values():
        kind = item["kind"]
        if kind not in TOLD_KINDS:
            continue
        metadata, spec, status = (mapping(item.get(part)) for part in ("metadata", "spec", "status"))
        entry: dict[str, Any] = {
            "name": metadata.get("name"),
            "uid": metadata.get("uid"),
            "timestamp": metadata.get("creationTimestamp"),
            "labels": mapping(metadata.get("labels")),
        }
        if kind != "Namespace":
            entry["namespace"] = metadata.get("namespace")
        if kind == "Pod":
            entry |= chosen(spec, ("nodeName",)) | chosen(status, ("hostIP", "podIP", "phase"))
            entry["containerStatuses"] = [
                {"containerID": status["containerID"], "restartCount": 0}
                for status in statuses_of(status)
                if isinstance(status.get("containerID"), str)
            ]
            entry["initContainerStatuses"] = []
        elif kind == "Service":
            entry |= chosen(spec, ("clusterIP", "ports")) | {"selector": mapping(spec.get("selector"))}
        elif kind != "Namespace":
            selector = mapping(spec.get("selector"))
            inner = mapping(selector.get("matchLabels"))
            entry |= {"specReplicas": 0, "statReplicas": 0, "selector": selector if kind == "ReplicationController" else inner}
        message = {"apiVersion": "v1", "type": "ADDED", "kind": kind, "items": [entry]}
        yield json.dumps(message, separators=(",", ":"))


def labelled(directory: Directory, kind: int, block: bytes) -> bytes:
    """An event about a container with the labels that tell its pod, as the kubelet writes them; the same where it has them.

    Parameters
    ----------
    directory : Directory
    kind : int
        Type of the event.
    block : bytes
        Its whole block, of one of the newer kinds.
    """
    try:
        text = block[block.index(b"{") : block.rindex(b"}") + 1]
        message = json.loads(text)
        record = message["container"]
        identity = record["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return block
    if not isinstance(identity, str) or not isinstance(record, dict):
        return block
    block_kind = struct.unpack_from("<I", block)[0]
    header = 14 if block_kind in FLAGGED else 10
    cpu = struct.unpack_from("<H", block, 8)[0]
    time, tid = struct.unpack_from("<Qq", block, header)
    membership, _ = directory.of_container(identity, Hints(record, ""), time or NEVER - 1)
    if membership is None or membership.pod is None:
        return block
    pod = membership.pod
    told = {"io.kubernetes.pod.name": pod.name, "io.kubernetes.pod.namespace": pod.namespace, "io.kubernetes.pod.uid": pod.uid}
    labels = record.get("labels")
    record["labels"] = {**told, **(labels if isinstance(labels, dict) else {})}
    changed = json.dumps(message, separators=(",", ":"))
    if record["labels"] == labels or (kind != LARGE_CONTAINER and len(changed.encode()) > MOST_TEXT):
        return block
    target = BlockEncoder()
    flags = struct.unpack_from("<I", block, 10)[0] if block_kind in FLAGGED else 0
    EventEncoder(event_types()[kind]).encode(target, time, tid, cpu, (changed,), flags)
    return target.take()
