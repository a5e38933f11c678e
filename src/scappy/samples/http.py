"""HTTP messages of the walkthrough: curl and nginx, SkyDNS and etcd, the kubelet and Docker."""

from __future__ import annotations

import json
from typing import Any

from scappy.samples.cluster import BACKEND_SERVICE, NODE

__all__ = [
    "ACCESS_LOG",
    "BACKEND_NAME",
    "CONTAINER_CREATED",
    "CONTAINER_REQUEST",
    "CURL_REQUEST",
    "NGINX_HEADER",
    "WELCOME_PAGE",
    "etcd_found",
    "etcd_not_found",
    "etcd_request",
]

BACKEND_NAME = "backend.critical-app.svc.cluster.local"


def _message(*lines: str, body: bytes = b"") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


# curl and nginx

CURL_REQUEST = _message("GET / HTTP/1.1", "User-Agent: curl/7.35.0", f"Host: {BACKEND_NAME}", "Accept: */*")

NGINX_HEADER = _message(
    "HTTP/1.1 200 OK",
    "Server: nginx/1.10.2",
    "Date: Thu, 08 Dec 2016 15:41:48 GMT",
    "Content-Type: text/html",
    "Content-Length: 612",
    "Last-Modified: Tue, 31 May 2016 14:40:22 GMT",
    "Connection: keep-alive",
    'ETag: "574da256-264"',
    "Accept-Ranges: bytes",
)

WELCOME_PAGE = b"""<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
    body {
        width: 35em;
        margin: 0 auto;
        font-family: Tahoma, Verdana, Arial, sans-serif;
    }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""

ACCESS_LOG = b'172.17.0.7 - - [08/Dec/2016:15:41:48 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.35.0" "-"\n'


# SkyDNS and etcd


def etcd_key(name: str) -> str:
    """Where etcd keeps a domain name: its labels backwards, as a path.

    Examples
    --------
    >>> etcd_key("backend.critical-app.svc.cluster.local")
    '/skydns/local/cluster/svc/critical-app/backend'
    """
    return "/skydns/" + "/".join(reversed(name.split(".")))


def etcd_request(name: str) -> bytes:
    """SkyDNS asks for a domain name."""
    return _message(
        f"GET /v2/keys{etcd_key(name)}?quorum=false&recursive=true&sorted=false HTTP/1.1",
        f"Host: {NODE}:4001",
        "User-Agent: Go 1.1 package http",
        "Accept-Encoding: gzip",
    )


def _etcd_answer(status: str, body: bytes, date: str, *more: str) -> bytes:
    return _message(
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        "X-Etcd-Cluster-Id: 7e27652122e8b2ae",
        "X-Etcd-Index: 1259",
        *more,
        f"Date: Thu, 08 Dec 2016 {date} GMT",
        f"Content-Length: {len(body)}",
        body=body,
    )


def etcd_not_found(cause: str, date: str) -> bytes:
    """There is no such key: `cause` is the first part of the path that does not exist."""
    content = {"errorCode": 100, "message": "Key not found", "cause": cause, "index": 1259}
    return _etcd_answer("404 Not Found", json.dumps(content, separators=(",", ":")).encode() + b"\n", date)


def etcd_found(name: str, date: str) -> bytes:
    """The record of a service."""
    record = {"host": BACKEND_SERVICE, "priority": 10, "weight": 10, "ttl": 30, "targetstrip": 0}
    indexes = {"modifiedIndex": 270, "createdIndex": 270}
    value = json.dumps(record, separators=(",", ":"))
    nodes = [{"key": f"{etcd_key(name)}/6ead029a", "value": value, **indexes}]
    content = {"action": "get", "node": {"key": etcd_key(name), "dir": True, "nodes": nodes, **indexes}}
    body = json.dumps(content, separators=(",", ":")).encode() + b"\n"
    return _etcd_answer("200 OK", body, date, "X-Raft-Index: 2601", "X-Raft-Term: 2")


# The kubelet and Docker

_POD_UID = "085ac98f-bd64-11e6-8bdb-028ce2cfb533"
_SANDBOX = f"k8s_POD.d8dbe16c_client-foobar_critical-app_{_POD_UID}_9430448e"


def _service_environment(name: str, address: str, port: int) -> list[str]:
    """Variables by which a container finds a service of its namespace without DNS."""
    url = f"tcp://{address}:{port}"
    return [
        f"{name}_SERVICE_HOST={address}",
        f"{name}_SERVICE_PORT={port}",
        f"{name}_PORT={url}",
        f"{name}_PORT_{port}_TCP={url}",
        f"{name}_PORT_{port}_TCP_PROTO=tcp",
        f"{name}_PORT_{port}_TCP_PORT={port}",
        f"{name}_PORT_{port}_TCP_ADDR={address}",
    ]


def _create_body() -> dict[str, Any]:
    """What the kubelet of that time asks Docker for when it makes the sandbox of a pod."""
    host: dict[str, Any] = {
        "Binds": None,
        "ContainerIDFile": "",
        "LogConfig": {"Type": "", "Config": None},
        "NetworkMode": "",
        "PortBindings": {},
        "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
        "AutoRemove": False,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": None,
        "CapDrop": None,
        "Dns": [NODE],
        "DnsOptions": ["ndots:5"],
        "DnsSearch": ["critical-app.svc.cluster.local", "svc.cluster.local", "cluster.local", "localdomain"],
        "ExtraHosts": None,
        "GroupAdd": None,
        "IpcMode": "",
        "Cgroup": "",
        "Links": None,
        "OomScoreAdj": -998,
        "PidMode": "",
        "Privileged": False,
        "PublishAllPorts": False,
        "ReadonlyRootfs": False,
        "SecurityOpt": ["seccomp=unconfined"],
        "UTSMode": "",
        "UsernsMode": "",
        "ShmSize": 67108864,
        "ConsoleSize": [0, 0],
        "Isolation": "",
        "CpuShares": 2,
        "Memory": 0,
        "CgroupParent": "",
        "BlkioWeight": 0,
        "BlkioWeightDevice": None,
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": 0,
        "CpuQuota": 0,
        "CpusetCpus": "",
        "CpusetMems": "",
        "Devices": [],
        "DiskQuota": 0,
        "KernelMemory": 0,
        "MemoryReservation": 0,
        "MemorySwap": -1,
        "MemorySwappiness": None,
        "OomKillDisable": None,
        "PidsLimit": 0,
        "Ulimits": None,
        "CPUCount": 0,
        "CPUPercent": 0,
        "BlkioIOps": 0,
        "BlkioBps": 0,
        "SandboxSize": 0,
        "StorageOpt": None,
        "Tmpfs": None,
        "Sysctls": None,
    }
    return {
        "Hostname": "client-foobar",
        "Domainname": "",
        "User": "",
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "Env": [
            *_service_environment("BACKEND", BACKEND_SERVICE, 80),
            *_service_environment("KUBERNETES", "10.3.0.1", 443),
        ],
        "Cmd": None,
        "Image": "gcr.io/google_containers/pause-amd64:3.0",
        "Volumes": None,
        "WorkingDir": "",
        "Entrypoint": None,
        "OnBuild": None,
        "Labels": {
            "io.kubernetes.container.hash": "d8dbe16c",
            "io.kubernetes.container.name": "POD",
            "io.kubernetes.container.restartCount": "0",
            "io.kubernetes.container.terminationMessagePath": "",
            "io.kubernetes.pod.name": "client-foobar",
            "io.kubernetes.pod.namespace": "critical-app",
            "io.kubernetes.pod.terminationGracePeriod": "30",
            "io.kubernetes.pod.uid": _POD_UID,
        },
        "HostConfig": host,
        "NetworkingConfig": None,
    }


def _create_request() -> bytes:
    body = json.dumps(_create_body(), separators=(",", ":")).encode() + b"\n"
    return _message(
        f"POST /containers/create?name={_SANDBOX} HTTP/1.1",
        "Host: docker",
        "User-Agent: Go-http-client/1.1",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        "Accept-Encoding: gzip",
        body=body,
    )


def _created() -> bytes:
    body = json.dumps({"Id": "5f1d" + "c08a93b7e264" * 5, "Warnings": None}, separators=(",", ":")).encode() + b"\n"
    return _message(
        "HTTP/1.1 201 Created",
        "Content-Type: application/json",
        "Server: Docker/1.11.2 (linux)",
        "Date: Thu, 08 Dec 2016 15:41:48 GMT",
        f"Content-Length: {len(body)}",
        body=body,
    )


CONTAINER_REQUEST = _create_request()
CONTAINER_CREATED = _created()
