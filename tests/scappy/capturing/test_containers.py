"""Containers asked for at sockets: those of Docker and of the container runtime interface."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
from pathlib import Path

import pytest
from runtimes import CONTAINER_ID, DOCKER_ID, INSPECTED, SANDBOX_ID, cri_runtime, docker_daemon

import scappy
from scapcore.errors import MetadataWarning
from scappy.capturing.containers import ContainerList, container_id
from scappy.capturing.docker import seconds
from scappy.capturing.first_state import first_state
from scappy.capturing.proc import Proc


def test_docker_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with docker_daemon(path) as known:
        listed = ContainerList([(str(path), 0)], [])
        assert listed.is_there
        (found,) = listed.fresh()
        assert (found.id, found.name, found.image, found.type) == (DOCKER_ID[:12], "web", "registry:5000/shop/nginx:1.27", 0)
        assert (found.ip, dict(found.labels)) == ("172.17.0.7", {"team": "shop"})
        text = json.loads(found.json())["container"]
        assert text["imagerepo"] == "registry:5000/shop/nginx" and text["imagetag"] == "1.27"
        assert text["created_time"] == 1772600767
        assert text["port_mappings"] == [{"HostIp": 0, "HostPort": 8080, "ContainerPort": 80}]
        assert text["Mounts"][0]["Destination"] == "/data" and text["privileged"] and text["cpu_shares"] == 1024
        # Nothing is told twice, and what went before it was looked at is no mistake.
        known["77" * 32] = None
        assert listed.fresh() == []
        known["55" * 32] = {**INSPECTED, "Id": "55" * 32, "Name": "/second"}
        assert [container.name for container in listed.fresh()] == ["second"]


@pytest.mark.parametrize(("runtime", "kind"), [("containerd", 7), ("cri-o", 8), ("other", 6)])
def test_the_container_runtime_interface_is_asked(runtime: str, kind: int, tmp_path: Path) -> None:
    path = tmp_path / "cri.sock"
    with cri_runtime(path, runtime):
        sandbox, container = ContainerList([], [str(path)]).fresh()
    assert (sandbox.id, sandbox.name, sandbox.type, sandbox.ip) == (SANDBOX_ID[:12], "client", kind, "10.1.2.3")
    assert sandbox.labels["io.kubernetes.pod.namespace"] == "critical-app"
    assert json.loads(sandbox.json())["container"]["is_pod_sandbox"] is True
    assert (container.id, container.name, container.image) == (CONTAINER_ID[:12], "curl", "docker.io/curl:8")
    assert container.ip == "10.1.2.3" and not json.loads(container.json())["container"]["is_pod_sandbox"]


@pytest.mark.parametrize("view", ["full", "exit"])
def test_captures_tell_of_them(tmp_path: Path, view: str) -> None:
    path = tmp_path / "docker.sock"
    with docker_daemon(path):
        head = first_state(Proc(), containers=ContainerList([(str(path), 0)], []).fresh())
    info = scappy.open(head, view="full" if view == "full" else "exit").info()
    assert (DOCKER_ID[:12], "web") in info.containers


def test_nobody_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no socket")
    listed = ContainerList([(str(tmp_path / "file"), 0)], [str(tmp_path / "missing")])
    assert not listed.is_there and listed.fresh() == []


class Rude(socketserver.BaseRequestHandler):
    """Says something else than what was asked for."""

    def handle(self) -> None:
        if self.request.recv(1):
            self.request.sendall(b"what do you want?\r\n\r\n")


def test_who_does_not_answer_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "rude.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Rude) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        listed = ContainerList([(str(path), 0)], [])
        with pytest.warns(MetadataWarning, match=r"rude\.sock"):
            assert listed.fresh() == []
        assert listed.fresh() == []
        server.shutdown()
        thread.join()


def test_a_socket_that_was_left_behind_is_none(tmp_path: Path) -> None:
    path = str(tmp_path / "left.sock")
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)
    assert not ContainerList([(path, 0)], [path]).is_there


def test_a_missing_client_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with docker_daemon(tmp_path / "x.sock"), pytest.warns(MetadataWarning, match=r"scappy\[live\]"):
        assert ContainerList([(str(tmp_path / "x.sock"), 0)], []).fresh() == []


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{DOCKER_ID}",
        f"/system.slice/docker-{DOCKER_ID}.scope",
        f"/kubepods/burstable/pod1234/{DOCKER_ID}",
        f"/kubepods.slice/kubepods-pod12.slice/cri-containerd-{DOCKER_ID}.scope",
        f"/machine.slice/libpod-{DOCKER_ID}.scope/container",
        f"/k8s.io/kubepods:cri-containerd:{DOCKER_ID}",
    ],
)
def test_control_groups_say_which_container(path: str) -> None:
    assert container_id([f"cpu={path}"]) == DOCKER_ID[:12]
    # The same as whoever reads the capture says.


@pytest.mark.parametrize("path", ["/", "/user.slice/user-0.slice/session-1.scope", f"/docker/{DOCKER_ID}0", "/docker/abc"])
def test_other_groups_are_none(path: str) -> None:
    assert container_id([f"cpu={path}"]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-03-04T05:06:07Z", 1772600767), ("2026-03-04T05:06:07.123456789+00:00", 1772600767), ("", 0), ("soon", 0)],
)
def test_times_are_read(text: str, expected: int) -> None:
    assert seconds(text) == expected


def test_the_environment_names_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "elsewhere.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with docker_daemon(path):
        assert "web" in [container.name for container in ContainerList(None, []).fresh()]
