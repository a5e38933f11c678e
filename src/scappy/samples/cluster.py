"""The machine of the walkthrough: one virtual machine that is a whole Kubernetes cluster, and its containers.

Names and numbers that the story prints are the story's; the others are made up in its style.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from scappy.records import Container, Group, Interface, Machine, User

__all__ = [
    "BACKEND_POD",
    "BACKEND_SERVICE",
    "CLIENT_POD",
    "CONTAINERS",
    "GROUPS",
    "INTERFACES",
    "MACHINE",
    "NODE",
    "USERS",
    "container_id",
    "full_id",
]

NODE = "10.0.2.15"
CLIENT_POD, BACKEND_POD = "172.17.0.7", "172.17.0.5"
BACKEND_SERVICE = "10.3.0.214"

MACHINE = Machine(cpus=2, memory=4_143_972_352, highest_pid=32768, hostname="kube-all-in-one")
INTERFACES = (
    Interface("lo", "127.0.0.1", "255.0.0.0", "0.0.0.0"),
    Interface("eth0", NODE, "255.255.255.0", "10.0.2.255", 1_000_000_000),
    Interface("docker0", "172.17.0.1", "255.255.0.0", "0.0.0.0"),
    Interface("lo", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"),
    Interface("eth0", "fe80::a00:27ff:fe4b:9cb0", "ffff:ffff:ffff:ffff::", "::"),
)
USERS = (
    User(0, 0, "root", "/root", "/bin/bash"),
    User(1, 1, "daemon", "/usr/sbin", "/usr/sbin/nologin"),
    User(33, 33, "www-data", "/var/www", "/usr/sbin/nologin"),
    User(104, 108, "syslog", "/home/syslog", "/bin/false"),
    User(105, 109, "messagebus", "/var/run/dbus", "/bin/false"),
    User(1000, 1000, "vagrant", "/home/vagrant", "/bin/bash"),
)
GROUPS = tuple(
    Group(gid, name)
    for gid, name in (
        (0, "root"),
        (1, "daemon"),
        (33, "www-data"),
        (108, "syslog"),
        (109, "messagebus"),
        (999, "docker"),
    )
)

# Containers


def _identifier(name: str) -> str:
    """Twelve hexadecimal digits for a container that the story does not name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def full_id(identifier: str) -> str:
    """The 64 digits of a container id that begins with `identifier`."""
    return identifier + hashlib.sha256(identifier.encode()).hexdigest()[:52]


def _plain(identifier: str, name: str, image: str) -> Container:
    """A container that was started by hand, outside of any pod."""
    return Container(identifier, name, image, other={"imageid": full_id(_identifier(image))})


def _pod(
    namespace: str, pod: str, uid: str, address: str, labels: dict[str, str], members: dict[str, tuple[str, str, str]]
) -> Iterator[Container]:
    """The containers of a pod: its sandbox and its members, each ``name: (id, docker name, image)``."""
    own = {
        "io.kubernetes.pod.name": pod,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
    }
    sandbox = members["POD"][0]
    for name, (identifier, docker_name, image) in members.items():
        named: dict[str, Any] = {**own, "io.kubernetes.container.name": name}
        if name == "POD":
            named.update(labels)
            yield Container(identifier, docker_name, image, labels=named, ip=address)
        else:
            named["io.kubernetes.sandbox.id"] = full_id(sandbox)
            yield Container(identifier, docker_name, image, labels=named)


_HYPERKUBE = "gcr.io/google_containers/hyperkube-amd64:v1.3.6"
_PAUSE = "gcr.io/google_containers/pause-amd64:3.0"
CLIENT_UID = "da587b4d-bd5a-11e6-8bdb-028ce2cfb533"
_MASTER_UID = "c6a443fd7470d526a9d9fbded1a75153"
_BACKENDS = (
    ("backend-1440326531-csj02", "5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533", BACKEND_POD, "730a6f492270"),
    ("backend-1440326531-4l0qz", "5b57c6b9-bd5a-11e6-8bdb-028ce2cfb533", "172.17.0.4", ""),
    ("backend-1440326531-tn8rk", "5b57d9ee-bd5a-11e6-8bdb-028ce2cfb533", "172.17.0.6", ""),
)


def _containers() -> Iterator[Container]:
    yield _plain("de7157ba23c4", "k8s-kubelet", _HYPERKUBE)
    yield _plain("36ae6d09d26e", "k8s-skydns", "gcr.io/google_containers/skydns:2015-10-13-8c72f8c")
    for name, image in (
        ("k8s-etcd", "gcr.io/google_containers/etcd-amd64:2.2.5"),
        ("k8s-kube2sky", "gcr.io/google_containers/kube2sky:1.15"),
        ("k8s-proxy", _HYPERKUBE),
    ):
        yield _plain(_identifier(name), name, image)
    master = f"k8s-master-{NODE}_kube-system_{_MASTER_UID}"
    yield from _pod(
        "kube-system",
        f"k8s-master-{NODE}",
        _MASTER_UID,
        NODE,
        {"app": "k8s-master"},
        {
            "POD": (_identifier("master POD"), f"k8s_POD.d8dbe16c_{master}_6fbd6235", _PAUSE),
            "apiserver": (_identifier("apiserver"), f"k8s_apiserver.3664c7a8_{master}_d7927fda", _HYPERKUBE),
            "controller-manager": (
                _identifier("controller-manager"),
                f"k8s_controller-manager.aee1587c_{master}_aa0a022e",
                _HYPERKUBE,
            ),
            "scheduler": (_identifier("scheduler"), f"k8s_scheduler.bd5303eb_{master}_8e3d77af", _HYPERKUBE),
        },
    )
    for pod, uid, address, identifier in _BACKENDS:
        suffix = f"{pod}_critical-app_{uid}"
        yield from _pod(
            "critical-app",
            pod,
            uid,
            address,
            {"app": "backend", "pod-template-hash": "1440326531"},
            {
                "POD": (_identifier(f"{pod} POD"), f"k8s_POD.b2390301_{suffix}_{_identifier(pod)[:8]}", _PAUSE),
                "nginx": (
                    identifier or _identifier(pod),
                    f"k8s_nginx.28ee2ec4_{suffix}_{_identifier(suffix)[:8]}",
                    "nginx",
                ),
            },
        )
    client = f"client_critical-app_{CLIENT_UID}"
    yield from _pod(
        "critical-app",
        "client",
        CLIENT_UID,
        CLIENT_POD,
        {"run": "client"},
        {
            "POD": (_identifier("client POD"), f"k8s_POD.d8dbe16c_{client}_37bc4c1a", _PAUSE),
            "client": ("b3a718d8b339", f"k8s_client.eee910bc_{client}_bacd01b6", "tutum/curl"),
        },
    )


CONTAINERS = tuple(_containers())
_IDENTIFIERS = {container.name: container.id for container in CONTAINERS}


def container_id(part: str) -> str:
    """Id of the one container whose name contains `part`."""
    (found,) = (identifier for name, identifier in _IDENTIFIERS.items() if part in name)
    return found
