"""Containers and pods from the container runtime interface of Kubernetes, which containerd and CRI-O speak.

The interface is a gRPC service (``runtime.v1``, api.proto of the CRI). Only the few messages that are asked for are declared
here, with only the fields that are looked at: others are skipped by number, as protocol buffers have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from scapcore.errors import MissingDependencyError
from scappy.records import Container

__all__ = ["SERVICE", "list_cri", "messages"]

PATIENCE = 3
SERVICE = "/runtime.v1.RuntimeService/"
#: Types of containers by the names that runtimes give themselves.
TYPES = {"containerd": 7, "cri-o": 8}
CRI = 6
RUNNING, READY = 1, 0
SECOND = 10**9

#: Messages: their fields with number and type; another message by its name, ``*`` for many, ``{}`` for texts by texts.
FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "VersionRequest": {"version": (1, "text")},
    "VersionResponse": {"version": (1, "text"), "runtime_name": (2, "text"), "runtime_version": (3, "text")},
    "ContainerMetadata": {"name": (1, "text")},
    "ImageSpec": {"image": (1, "text")},
    "Container": {
        "id": (1, "text"),
        "pod_sandbox_id": (2, "text"),
        "metadata": (3, "ContainerMetadata"),
        "image": (4, "ImageSpec"),
        "image_ref": (5, "text"),
        "state": (6, "number"),
        "created_at": (7, "number"),
        "labels": (8, "{}"),
    },
    "ListContainersRequest": {},
    "ListContainersResponse": {"containers": (1, "*Container")},
    "PodSandboxMetadata": {"name": (1, "text"), "uid": (2, "text"), "namespace": (3, "text")},
    "PodSandbox": {
        "id": (1, "text"),
        "metadata": (2, "PodSandboxMetadata"),
        "state": (3, "number"),
        "created_at": (4, "number"),
        "labels": (5, "{}"),
    },
    "ListPodSandboxRequest": {},
    "ListPodSandboxResponse": {"items": (1, "*PodSandbox")},
    "PodSandboxStatusRequest": {"pod_sandbox_id": (1, "text")},
    "PodSandboxNetworkStatus": {"ip": (1, "text")},
    "PodSandboxStatus": {"id": (1, "text"), "network": (5, "PodSandboxNetworkStatus")},
    "PodSandboxStatusResponse": {"status": (1, "PodSandboxStatus")},
}


@cache
def messages() -> dict[str, Any]:
    """The classes of the messages, by name.

    Raises
    ------
    MissingDependencyError
        The packages for gRPC and protocol buffers are not installed.
    """
    try:
        descriptors: Any = import_module("google.protobuf.descriptor_pb2")
        pools: Any = import_module("google.protobuf.descriptor_pool")
        factory: Any = import_module("google.protobuf.message_factory")
    except ImportError:
        raise MissingDependencyError("protobuf", "live", "asking a container runtime") from None
    kinds = descriptors.FieldDescriptorProto
    file = descriptors.FileDescriptorProto(name="scappy/cri.proto", package="runtime.v1", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for title, (number, kind) in fields.items():
            field = message.field.add(name=title, number=number, label=kinds.LABEL_OPTIONAL)
            if kind == "text":
                field.type = kinds.TYPE_STRING
            elif kind == "number":
                field.type = kinds.TYPE_INT64
            elif kind == "{}":
                entry = message.nested_type.add(name=f"{title.capitalize()}Entry")
                entry.options.map_entry = True
                for place, part in enumerate(("key", "value"), 1):
                    entry.field.add(name=part, number=place, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
                field.label = kinds.LABEL_REPEATED
                field.type = kinds.TYPE_MESSAGE
                field.type_name = f".runtime.v1.{name}.{entry.name}"
            else:
                if kind.startswith("*"):
                    field.label = kinds.LABEL_REPEATED
                field.type = kinds.TYPE_MESSAGE
                field.type_name = ".runtime.v1." + kind.removeprefix("*")
    pool = pools.DescriptorPool()
    pool.Add(file)
    return {
        name: factory.GetMessageClass(pool.FindMessageTypeByName(f"runtime.v1.{name}")) for name in FIELDS
    }


def list_cri(path: str) -> Iterator[Container]:
    """The running containers and the sandboxes of pods.

    Parameters
    ----------
    path : str
        The socket.

    Raises
    ------
    MissingDependencyError
        The packages for gRPC and protocol buffers are not installed.
    """
    try:
        grpc: Any = import_module("grpc")
    except ImportError:
        raise MissingDependencyError("grpcio", "live", f"asking {path} for containers") from None
    known = messages()
    with grpc.insecure_channel(f"unix://{path}") as channel:

        def call(method: str, reply: str, **values: Any) -> Any:
            function = channel.unary_unary(
                SERVICE + method,
                request_serializer=known[f"{method}Request"].SerializeToString,
                response_deserializer=known[reply].FromString,
            )
            return function(known[f"{method}Request"](**values), timeout=PATIENCE)

        kind = TYPES.get(call("Version", "VersionResponse").runtime_name, CRI)
        addresses: dict[str, str] = {}
        for pod in call("ListPodSandbox", "ListPodSandboxResponse").items:
            if pod.state != READY:
                continue
            try:
                status = call("PodSandboxStatus", "PodSandboxStatusResponse", pod_sandbox_id=pod.id).status
            except grpc.RpcError:
                continue        # it has ended meanwhile
            addresses[pod.id] = status.network.ip
            yield record(pod.id, pod.metadata.name, "", kind, dict(pod.labels), pod.created_at, status.network.ip, True)
        for container in call("ListContainers", "ListContainersResponse").containers:
            if container.state == RUNNING:
                yield record(
                    container.id, container.metadata.name, container.image.image, kind, dict(container.labels),
                    container.created_at, addresses.get(container.pod_sandbox_id, ""), False,
                    {"pod_sandbox_id": container.pod_sandbox_id, "imagedigest": container.image_ref},
                )  # fmt: skip


def record(
    identity: str, name: str, image: str, kind: int, labels: dict[str, str], created: int, address: str, sandbox: bool,
    other: dict[str, Any] | None = None,
) -> Container:  # fmt: skip
    """What a capture says of a container or pod."""
    known = {"full_id": identity, "is_pod_sandbox": sandbox, "created_time": created // SECOND, "lookup_state": 1}
    return Container(identity[:12], name, image, kind, labels, address, {**known, **(other or {})})
