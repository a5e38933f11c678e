"""An API server made by hand: serves objects over HTTP page by page, and can be slow or refuse."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

#: Path of the list, name of the resource, whether it is in name spaces; by kind.
RESOURCES = {
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Pod": ("v1", "pods", True),
    "Service": ("v1", "services", True),
    "ReplicationController": ("v1", "replicationcontrollers", True),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", True),
    "ReplicaSet": ("apps/v1", "replicasets", True),
    "Deployment": ("apps/v1", "deployments", True),
    "DaemonSet": ("apps/v1", "daemonsets", True),
    "StatefulSet": ("apps/v1", "statefulsets", True),
    "Job": ("batch/v1", "jobs", True),
    "CronJob": ("batch/v1", "cronjobs", True),
}


def root(version: str) -> str:
    return f"/api/{version}" if "/" not in version else f"/apis/{version}"


class Script:
    """What the server holds, and what goes wrong with it.

    Attributes
    ----------
    objects : list of dict
    troubles : dict of str to list of (int or float)
        By the name of a resource, what happens to its next requests: a status, or seconds to wait as a float.
    token : str
        The bearer token or ``Basic`` value that is asked for, if there is one.
    asked : Counter
        How often each resource was asked for.
    """

    def __init__(self, objects: list[Object], token: str = "") -> None:
        self.objects = objects
        self.troubles: dict[str, list[int | float]] = {}
        self.token = token
        self.asked: Counter[str] = Counter()

    def answer(self, path: str, query: dict[str, str], authorization: str) -> tuple[int, Object]:
        # The scheme may be written in capitals or not.
        scheme, _, secret = authorization.partition(" ")
        if self.token and f"{scheme.capitalize()} {secret}" != self.token:
            return 401, {"kind": "Status", "code": 401}
        found = self.discovery(path)
        if found is not None:
            return 200, found
        for kind, (version, name, _) in RESOURCES.items():
            if path == f"{root(version)}/{name}":
                self.asked[name] += 1
                trouble = self.troubles[name].pop(0) if self.troubles.get(name) else 200
                if isinstance(trouble, float):
                    time.sleep(trouble)
                elif trouble != 200:
                    return trouble, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": trouble}
                return 200, self.page(kind, version, query)
        return 404, {"kind": "Status", "code": 404}

    def page(self, kind: str, version: str, query: dict[str, str]) -> Object:
        """A list as API servers send it: items without kind."""
        items = [
            {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
            for item in self.objects
            if item["kind"] == kind
        ]
        start = int(query.get("continue") or 0)
        end = start + int(query.get("limit") or len(items) or 1)
        metadata = {"resourceVersion": "7", **({"continue": str(end)} if end < len(items) else {})}
        return {"kind": f"{kind}List", "apiVersion": version, "metadata": metadata, "items": items[start:end]}

    def discovery(self, path: str) -> Object | None:
        """What kubectl asks before it asks for objects."""
        groups = sorted({version for version, _, _ in RESOURCES.values() if "/" in version})
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        if path == "/apis":
            versions = [(group.split("/")[0], {"groupVersion": group, "version": group.split("/")[1]}) for group in groups]
            listed = [{"name": name, "versions": [version], "preferredVersion": version} for name, version in versions]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        for version in ("v1", *groups):
            if path == root(version):
                resources = [
                    {"name": name, "singularName": kind.lower(), "namespaced": spaced, "kind": kind, "verbs": ["get", "list"]}
                    for kind, (of, name, spaced) in RESOURCES.items()
                    if of == version
                ]
                return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
        return None


@contextmanager
def serving(script: Script, secured: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run a server, over TLS if there is a context for that; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, content = script.answer(parts.path, query, self.headers.get("Authorization") or "")
            data = json.dumps(content).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True    # the client did not wait

        log_message: Callable[..., None] = lambda *arguments: None  # noqa: E731

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if secured is not None:
        # Hands are shaken in the threads of the connections, where a refusal harms nobody.
        server.socket = secured.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if secured is not None else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
