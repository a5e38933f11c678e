"""The walkthrough played live: captured while it happens, written, closed, read back, and solved.

Without root, the probe or network namespaces these tests skip and say why.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from played_cluster import GREETING, NAME, control_groups, missing, played_cluster
from runtimes import DOCKER_ID, INSPECTED, docker_daemon

import scappy
from scapcore.errors import LiveCaptureError
from scapcore.schema import event_types
from scappy.capturing.capture import probe_module

Reference = Any
POD = {
    **INSPECTED,
    "Name": "/k8s_client.eee910bc_client_critical-app",
    "Config": {
        "Image": "tutum/curl",
        "Labels": {
            "io.kubernetes.pod.name": "client",
            "io.kubernetes.pod.namespace": "critical-app",
            "io.kubernetes.pod.uid": "da587b4d-bd5a-11e6-8bdb-028ce2cfb533",
            "io.kubernetes.container.name": "client",
        },
    },
}
#: Asked for with one search domain after the other, and then as it is.
DOMAINS = ("critical-app.svc.cluster.local", "svc.cluster.local", "cluster.local", "localdomain")


def unavailable() -> str | None:
    """Why nothing can be captured here."""
    try:
        reason: str | None = probe_module().available()
    except LiveCaptureError as error:
        return str(error)
    return reason


REASON = unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")


def command(program: str, *words: str) -> list[str]:
    return [sys.executable, "-m", f"scappy.cli.{program}", *words]


def scapdig(*words: str) -> str:
    done = subprocess.run(command("scapdig", *words), capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8", "replace")


def wait_until_under_way(program: subprocess.Popen[bytes], path: Path) -> None:
    """Wait until a capture has begun: its file is there, under the name that it has until it is complete."""
    deadline = time.monotonic() + 60
    while not list(path.parent.glob(f".{path.name}*.part")):
        assert program.poll() is None and time.monotonic() < deadline, "the capture does not begin"
        time.sleep(0.05)


@dataclass
class Played:
    """What was captured of the story."""

    path: Path
    seconds: float
    grouped: bool


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("played")
    target = folder / "capture.scap"
    with (
        docker_daemon(folder / "docker.sock") as known,
        control_groups(f"docker-{DOCKER_ID}.scope") as groups,
        played_cluster(folder) as cluster,
    ):
        known[DOCKER_ID] = POD
        environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/docker.sock"}
        # As in the text, but for the server of Kubernetes: -s8192 -zw capture.scap, ended by Ctrl-C.
        words = command("scapdig", "-s8192", "-zw", str(target))
        with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE) as capturing:
            wait_until_under_way(capturing, target)
            out, seconds = cluster.curl(groups)
            capturing.send_signal(signal.SIGINT)
            said = capturing.communicate(timeout=60)[1]
        assert (capturing.returncode, out.strip()) == (0, GREETING), said
        yield Played(target, seconds, bool(groups))


def test_it_took_seconds_and_worked(played: Played) -> None:
    # Twice two seconds, as the resolver is told to wait; in the text it was twice five.
    assert 3.9 < played.seconds < 8
    info = scappy.open(played.path).info()
    assert (info.error, info.compression, info.drops) == (None, "gzip", 0)


def test_the_traffic_tells_what_was_asked(played: Played) -> None:
    """The first command of the text: the traffic of the client and of the name server."""
    client = "k8s.ns.name=critical-app" if played.grouped else "proc.name=curl"
    lines = scapdig("-r", str(played.path), "-pk", "-NA", f"fd.type in (ipv4, ipv6) and ({client} or proc.name=skydns)")
    if played.grouped:
        assert " curl (" in lines
    flat = "".join(letter for letter in lines if letter.isprintable())
    place = 0
    for domain in DOMAINS:
        # Between labels the question has their lengths, which are no text.
        asked = f"{NAME}.{domain}".replace(".", "")
        found = flat.find(asked, place)
        assert found >= 0, f"nobody asked for {NAME}.{domain}"
        place = found
    assert "GET /v2/keys/skydns/local/cluster/svc/critical-app/local/cluster/svc/critical-app/backend" in lines
    assert "HTTP/1.1 404 Not Found" in lines and "Key not found" in lines
    assert "10.96.7.54:53" in lines         # what is not the cluster's is handed on
    assert GREETING in lines


def test_the_wait_is_where_localdomain_was_asked_for(played: Played) -> None:
    capture = scappy.open(played.path, view="exit")
    # Where a thread of the client waits for an answer: the longest times between two events of the same thread.
    last: dict[int, int] = {}
    asked: dict[int, bytes] = {}
    waits: list[tuple[int, bytes]] = []
    # What the libraries put in between on busy machines is no event of the thread.
    for event in capture.filter("proc.name = curl and evt.type != procinfo"):
        tid, moment = event["thread.tid"], event["evt.rawtime"]
        waits.append((moment - last.get(tid, moment), asked.get(tid, b"")))
        last[tid] = moment
        if event["evt.is_io_write"] and (event["fd.name"] or "").endswith("10.96.7.53:53"):
            asked[tid] = event["evt.buffer"] or b""
    longest = sorted(waits, reverse=True)[:2]
    for wait, question in longest:
        # Twice, as the resolver tries twice.
        assert 1.9e9 < wait < 3e9
        assert b"\x0blocaldomain" in question
    # And dnsmasq handed it on to one who says nothing.
    silent = list(capture.filter("proc.name = dnsmasq and fd.name contains 10.96.7.8:53"))
    assert any(event["evt.is_io_write"] for event in silent)
    assert not any(event["evt.is_io_read"] and event["evt.rawres"] > 0 for event in silent)


def test_the_file_that_was_read_tells_why(played: Played) -> None:
    """The second command of the text: what curl read in resolv.conf."""
    lines = scapdig("-r", str(played.path), "-pk", "-NA", "-c", "echo_fds", "fd.type=file and fd.name=/etc/resolv.conf")
    assert "Read" in lines and "/etc/resolv.conf (curl)" in lines
    assert "search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain" in lines
    assert "options ndots:5" in lines
    if played.grouped:
        assert "critical-app" in lines.splitlines()[0]


def test_the_pod_of_the_client_is_known(played: Played) -> None:
    if not played.grouped:
        pytest.skip("control groups cannot be made here")
    capture = scappy.open(played.path, view="exit")
    event = next(iter(capture.filter("proc.name = curl and evt.type = openat")))
    assert event["container.id"] == DOCKER_ID[:12]
    assert event["container.name"] == POD["Name"][1:]
    assert (event["k8s.ns.name"], event["k8s.pod.name"]) == ("critical-app", "client")


def test_the_reference_reads_the_file(played: Played, reference: Reference) -> None:
    # Of calls that are newer than it, it must not be asked for the names: it then looks behind the end of its table. It
    # passes over types that it does not know, and of most it knows the descriptor from enter events only.
    known = {kind.type for kind in event_types() if kind.reference_params is not None}
    fields = ("evt.rawtime", "evt.cpu", "proc.name", "proc.pid", "proc.ppid", "thread.tid")
    text = "proc.name in (curl, skydns, dnsmasq, nginx, etcd)"
    theirs = reference("-r", played.path, "-p", " ".join(f"%{name}" for name in fields), text).stdout.decode().splitlines()
    ours = scapdig("-r", str(played.path), "-p", " ".join(f"%{name}" for name in fields), text).splitlines()
    types = [int(batch.type[row]) for batch in scappy.open(played.path).batches(where=text) for row in batch.selected]
    assert theirs == [line for line, kind in zip(ours, types, strict=True) if kind in known]
    assert len(theirs) > 1000
    words = ("-r", str(played.path), "-p", "%evt.rawtime %evt.type %proc.name %fd.name", "fd.name=/etc/resolv.conf")
    opened = reference(*words).stdout.decode().splitlines()
    assert any(" openat curl " in line for line in opened)
    assert set(opened) <= set(scapdig(*words).splitlines())


def test_we_are_not_in_it(played: Played) -> None:
    ours = scappy.open(played.path, view="exit").filter(f"fd.name startswith {played.path.parent}/.capture.scap")
    assert list(ours) == []


ASKING = """
import http.client, socket, sys, time
for number in range(60):
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(sys.argv[1])
    body = '{"Image":"tutum/curl","HostConfig":{"DnsSearch":["cluster.local","localdomain"]}}'
    print(number, time.monotonic(), flush=True)
    connection.request("POST", f"/containers/create?name=client-{number}", body, {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()
    time.sleep(0.5)
"""
CREATED = re.compile(rb"POST /containers/create\?name=client-(\d+) ")


def test_a_request_on_a_unix_socket_is_caught_as_it_happens(tmp_path: Path) -> None:
    """The third command of the text: who tells Docker to search in localdomain."""
    path = tmp_path / "docker.sock"
    words = command("scapdig", "-s8192", "-c", "echo_fds", "-NA", "fd.type in (unix) and evt.buffer contains localdomain")
    shown: dict[int, float] = {}
    sent: dict[int, float] = {}
    lines: list[bytes] = []
    with (
        docker_daemon(path),
        subprocess.Popen(words, stdout=subprocess.PIPE) as watching,
        subprocess.Popen([sys.executable, "-c", ASKING, str(path)], stdout=subprocess.PIPE) as asking,
    ):

        def follow(stream: Iterable[bytes]) -> None:
            for line in stream:
                lines.append(line)
                found = CREATED.search(line)
                if found:
                    shown.setdefault(int(found[1]), time.monotonic())
                    if len(shown) == 5:
                        asking.terminate()

        assert watching.stdout is not None and asking.stdout is not None
        thread = threading.Thread(target=follow, args=(watching.stdout,))
        thread.start()
        for line in asking.stdout:
            number, moment = line.split()
            sent[int(number)] = float(moment)
        asking.terminate()
        asking.wait(30)
        watching.send_signal(signal.SIGINT)
        thread.join(30)
        assert watching.wait(30) == 0
    # The clock is the same for all processes.
    delays = sorted(moment - sent[number] for number, moment in shown.items())
    assert len(delays) >= 5, f"only {len(delays)} of {len(sent)} requests were shown"
    assert delays[2] < 1, f"they were shown only after {delays} s"
    text = b"".join(lines)
    assert b"Write" in text and b'"DnsSearch":["cluster.local","localdomain"]' in text


def test_the_api_gives_what_happens() -> None:
    with scappy.live(snaplen=200, where="evt.type = connect", duration=20) as capture:
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        ask = subprocess.run(["curl", "-s", "-m", "1", f"http://127.0.0.1:{port}/"], check=False)
        assert ask.returncode
        server.close()
        found = None
        for event in capture:
            if event["proc.name"] == "curl" and f"->127.0.0.1:{port}" in (event["fd.name"] or ""):
                found = event
                break
    assert found is not None
    assert found["proc.exepath"].endswith("/curl")
    assert found["proc.ppid"] == os.getpid()


def test_capture_command_writes_what_a_filter_chooses(tmp_path: Path) -> None:
    target = tmp_path / "x.scap"
    with subprocess.Popen(
        command("toolbox", "capture", "-w", str(target), "-s", "300", "proc.name = cat"), stderr=subprocess.PIPE
    ) as capturing:
        wait_until_under_way(capturing, target)
        (tmp_path / "note").write_text("what was said")
        subprocess.run(["cat", str(tmp_path / "note")], check=True, stdout=subprocess.DEVNULL)
        capturing.send_signal(signal.SIGTERM)
        said = capturing.communicate(timeout=30)[1]
    assert capturing.returncode == 0, said
    capture = scappy.open(target, view="exit")
    assert {event["proc.name"] for event in capture} == {"cat"}
    (event,) = [event for event in capture.filter("evt.type = read") if (event["fd.name"] or "").endswith("/note")][:1]
    assert event["evt.buffer"] == b"what was said"
