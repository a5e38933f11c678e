"""Programs that run containers, as far as they are asked: Docker's API and the CRI, on sockets in a folder."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

DOCKER_ID = "ab" * 32
SANDBOX_ID, CONTAINER_ID = "cd" * 32, "ef" * 32

INSPECTED: dict[str, Any] = {
    "Id": DOCKER_ID,
    "Name": "/web",
    "Created": "2026-03-04T05:06:07.123456789Z",
    "Image": "sha256:" + "12" * 32,
    "Config": {"Image": "registry:5000/shop/nginx:1.27", "Labels": {"team": "shop"}, "Env": ["A=b"], "User": "www"},
    "HostConfig": {"Privileged": True, "Memory": 1 << 20, "CpuShares": 0},
    "NetworkSettings": {
        "IPAddress": "",
        "Networks": {"bridge": {"IPAddress": "172.17.0.7"}},
        "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}], "90/tcp": None},
    },
    "Mounts": [{"Source": "/srv", "Destination": "/data", "Mode": "ro", "RW": False, "Propagation": "rprivate"}],
}


class DockerHandler(BaseHTTPRequestHandler):
    """Answers what a client asks to list containers."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        known = self.server.known  # type: ignore[attr-defined]
        if path.endswith("/version"):
            self.answer({"ApiVersion": "1.44", "MinAPIVersion": "1.24", "Version": "27"})
        elif path.endswith("/containers/json"):
            self.answer([{"Id": identity} for identity in known])
        elif path.endswith("/json") and path.split("/")[-2] in known and known[path.split("/")[-2]]:
            self.answer(known[path.split("/")[-2]])
        else:
            self.answer({"message": "no such container"}, 404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer({"Id": "99" * 32, "Warnings": []}, 201)

    def answer(self, content: Any, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class DockerServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server on a Unix socket."""

    daemon_threads = True


@contextmanager
def docker_daemon(path: Path) -> Iterator[dict[str, Any]]:
    """Docker's API on a socket; gives what it knows by id, to be changed. An id without a record has just gone."""
    with DockerServer(str(path), DockerHandler) as server:
        server.known = {DOCKER_ID: INSPECTED}  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.known  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def cri_runtime(path: Path, name: str = "containerd") -> Iterator[None]:
    """The CRI on a socket, with a pod and a container in it, and one of each that has ended."""
    import grpc

    from scappy.capturing.cri import messages

    known = messages()

    def version(request: Any, context: Any) -> Any:
        return known["VersionResponse"](runtime_name=name)

    def sandboxes(request: Any, context: Any) -> Any:
        labels = {"io.kubernetes.pod.name": "client", "io.kubernetes.pod.namespace": "critical-app"}
        pod = {"id": SANDBOX_ID, "metadata": {"name": "client", "uid": "u", "namespace": "critical-app"}, "labels": labels,
               "created_at": 5 * 10**9}  # fmt: skip
        return known["ListPodSandboxResponse"](items=[pod, {"id": "00" * 32, "state": 1}])

    def status(request: Any, context: Any) -> Any:
        assert request.pod_sandbox_id == SANDBOX_ID
        return known["PodSandboxStatusResponse"](status={"id": SANDBOX_ID, "network": {"ip": "10.1.2.3"}})

    def containers(request: Any, context: Any) -> Any:
        container = {"id": CONTAINER_ID, "pod_sandbox_id": SANDBOX_ID, "metadata": {"name": "curl"}, "state": 1,
                     "image": {"image": "docker.io/curl:8"}, "image_ref": "sha256:1", "created_at": 6 * 10**9,
                     "labels": {"io.kubernetes.pod.name": "client"}}  # fmt: skip
        return known["ListContainersResponse"](containers=[container, {"id": "11" * 32, "state": 2}])

    handlers = {
        method: grpc.unary_unary_rpc_method_handler(
            function,
            request_deserializer=known[f"{method}Request"].FromString,
            response_serializer=known[f"{method}Response"].SerializeToString,
        )
        for method, function in {
            "Version": version, "ListPodSandbox": sandboxes, "PodSandboxStatus": status, "ListContainers": containers,
        }.items()
    }  # fmt: skip
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("runtime.v1.RuntimeService", handlers),))
    server.add_insecure_port(f"unix://{path}")
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()
