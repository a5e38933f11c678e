"""Containers from Docker's API, which Podman speaks, too."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

from scapcore.errors import MissingDependencyError
from scappy.records import Container

__all__ = ["list_docker"]

#: Seconds that an answer may take.
PATIENCE = 3


def list_docker(path: str, kind: int = 0) -> Iterator[Container]:
    """The running containers.

    Parameters
    ----------
    path : str
        The socket.
    kind : int
        The type that records get.

    Raises
    ------
    MissingDependencyError
        The client is not installed.
    """
    try:
        docker: Any = import_module("docker")
    except ImportError:
        raise MissingDependencyError("docker", "live", f"asking {path} for containers") from None
    # Asking for the version in the constructor would leave a connection open where that fails.
    client = docker.APIClient(base_url=f"unix://{path}", timeout=PATIENCE)
    try:
        spoken = str(client.version(api_version=False).get("ApiVersion", ""))
    finally:
        client.close()
    client = docker.APIClient(base_url=f"unix://{path}", version=spoken, timeout=PATIENCE)
    try:
        for entry in client.containers():
            try:
                inspected = client.inspect_container(entry["Id"])
            except docker.errors.NotFound:
                continue        # it has ended meanwhile
            yield record(inspected, kind)
    finally:
        client.close()


def record(inspected: dict[str, Any], kind: int) -> Container:
    """What a capture says of a container."""
    settings = inspected.get("Config") or {}
    host = inspected.get("HostConfig") or {}
    network = inspected.get("NetworkSettings") or {}
    image = str(settings.get("Image") or "")
    # The part behind the last colon is a tag unless it belongs to a registry's port.
    repository, colon, tag = image.partition("@")[0].rpartition(":")
    if not colon or "/" in tag:
        repository, tag = image.partition("@")[0], ""
    address = network.get("IPAddress") or next(
        (entry.get("IPAddress") for entry in (network.get("Networks") or {}).values() if entry.get("IPAddress")), ""
    )
    other: dict[str, Any] = {
        "full_id": inspected["Id"],
        "imageid": str(inspected.get("Image") or "").removeprefix("sha256:"),
        "imagerepo": repository,
        "imagetag": tag,
        "imagedigest": image.partition("@")[2],
        "privileged": bool(host.get("Privileged")),
        "is_pod_sandbox": (settings.get("Labels") or {}).get("io.kubernetes.docker.type") == "podsandbox",
        "created_time": seconds(inspected.get("Created")),
        "Mounts": [
            {
                "Source": mount.get("Source", ""),
                "Destination": mount.get("Destination", ""),
                "Mode": mount.get("Mode", ""),
                "RW": bool(mount.get("RW")),
                "Propagation": mount.get("Propagation", ""),
            }
            for mount in inspected.get("Mounts") or []
        ],
        "port_mappings": list(mappings(network.get("Ports") or {})),
        "env": list(settings.get("Env") or []),
        "memory_limit": host.get("Memory") or 0,
        "swap_limit": host.get("MemorySwap") or 0,
        "cpu_shares": host.get("CpuShares") or 1024,
        "cpu_quota": host.get("CpuQuota") or 0,
        "cpu_period": host.get("CpuPeriod") or 100000,
        "User": settings.get("User") or "",
        "lookup_state": 1,
    }
    return Container(
        inspected["Id"][:12],
        str(inspected.get("Name") or "").removeprefix("/"),
        image,
        kind,
        dict(settings.get("Labels") or {}),
        address,
        other,
    )


def seconds(text: str | None) -> int:
    """A time as Docker writes it, in seconds since the epoch; 0 if there is none."""
    if not text:
        return 0
    whole, _, rest = text.partition(".")
    if rest:
        # More digits than Python reads.
        digits = len(rest) - len(rest.lstrip("0123456789"))
        whole += rest[digits:]
    try:
        return int(datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp())
    except ValueError:
        return 0


def mappings(ports: dict[str, Any]) -> Iterator[dict[str, int]]:
    """The ports of the host that lead into a container."""
    for name, targets in ports.items():
        port = name.partition("/")[0]
        for target in targets or []:
            try:
                address = ipaddress.ip_address(target.get("HostIp") or "0.0.0.0")
                if address.version == 4:
                    yield {"HostIp": int(address), "HostPort": int(target["HostPort"]), "ContainerPort": int(port)}
            except (ValueError, KeyError):
                continue
