"""The reference reads the walkthrough's capture and prints the story's lines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scappy.records import Container, File, Machine, NamedDescriptor, ServerSocket, Socket, SocketTuple, Thread, User
from scappy.samples import write_walkthrough
from scappy.writer import CaptureWriter

STORY = Path(__file__).resolve().parent.parent / "data" / "walkthrough_lines.txt"
NUMBERED = re.compile(r"\d+ \d\d:\d\d:\d\d\.\d{9} ")
FILTER = "fd.type in (ipv4, ipv6) and (k8s.ns.name=critical-app or proc.name=skydns)"


@pytest.fixture(scope="module")
def sysdig() -> str:
    found = shutil.which("sysdig")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("sysdig must be installed where CI is set")
        pytest.skip("sysdig is not installed")
    return found


@pytest.fixture(scope="module", params=[None, "gzip"], ids=["plain", "gzip"])
def walkthrough(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walkthrough") / "capture.scap"
    write_walkthrough(path, compress=request.param)
    return path


def run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, env={**os.environ, "TZ": "CET-1"}, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout.decode("utf-8", "replace")


def as_printed_now(line: str) -> str:
    """A line of the story in the words of sysdig 0.29.3; each replacement is a difference between versions.

    * A pod that is not known prints as ``<NA>``.
    * IPv4 addresses mapped into IPv6, and the empty address, print as IPv4.
    """
    line = re.sub(r"^(\d+ [\d:.]+ \d)  \(", r"\1 <NA> (", line)
    return re.sub(r"tuple=::ffff:([\d.]+:\d+)->:::53", r"tuple=\1->0.0.0.0:53", line)


def without_server_socket(line: str) -> str:
    """The line without the name of descriptor 6.

    In 2016 a server socket kept it, as ``<3t>:::53``; now its letter is another, and every datagram renames it.
    """
    return re.sub(r"fd=6\(<[346][tu]>[\d.:>-]+\)", "fd=6", line)


def by_number(text: str) -> dict[str, list[str]]:
    """The lines of each event by its number."""
    found: dict[str, list[str]] = {}
    number = ""
    for line in text.splitlines():
        if NUMBERED.match(line):
            number = line.split()[0]
        found.setdefault(number, []).append(line.rstrip())
    return found


def test_every_line_of_the_story(sysdig: str, walkthrough: Path) -> None:
    printed = by_number(run(sysdig, "-r", str(walkthrough), "-pk", "-A", FILTER))
    story = by_number("\n".join(as_printed_now(line) for line in STORY.read_text().splitlines()))
    assert len(story) == 51
    for number, lines in story.items():
        wanted = [without_server_socket(line) for line in lines if line and line != "[...]"]
        shown = [without_server_socket(line) for line in printed[number]]
        assert shown[0] == wanted[0]
        assert [line for line in shown if line in wanted] == wanted


def test_a_server_socket_is_named_until_its_first_datagram(sysdig: str, walkthrough: Path) -> None:
    printed = by_number(run(sysdig, "-r", str(walkthrough), "-pk", "-A", FILTER))
    assert printed["10048"][0].endswith("> recvmsg fd=6(<6t>:::53)")


def test_resolv_conf(sysdig: str, walkthrough: Path) -> None:
    condition = "fd.type=file and fd.name=/etc/resolv.conf"
    printed = run(sysdig, "-pk", "-A", "-r", str(walkthrough), "-c", "echo_fds", "disable_color", condition)
    container = "k8s_client.eee910bc_client_critical-app_da587b4d-bd5a-11e6-8bdb-028ce2cfb533_bacd01b6"
    assert printed.splitlines() == [
        f"------ Read 119B from  [{container}] [b3a718d8b339]  /etc/resolv.conf (curl)",
        "",
        "search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain",
        "nameserver 10.0.2.15",
        "options ndots:5",
        "",
        "",
    ]


def test_docker_socket(sysdig: str, walkthrough: Path) -> None:
    condition = "fd.type in (unix) and evt.buffer contains localdomain"
    lines = run(sysdig, "-pk", "-A", "-r", str(walkthrough), "-c", "echo_fds", "disable_color", condition).splitlines()
    name = "k8s_POD.d8dbe16c_client-foobar_critical-app_085ac98f-bd64-11e6-8bdb-028ce2cfb533_9430448e"
    assert lines[:4] == [
        "------ Write 2.61KB to  [k8s-kubelet] [de7157ba23c4]   (hyperkube)",
        "",
        f"POST /containers/create?name={name} HTTP/1.1",
        "Host: docker",
    ]
    wanted = '"DnsSearch":["critical-app.svc.cluster.local","svc.cluster.local","cluster.local","localdomain"],'
    assert [line.count(wanted) for line in lines if "DnsSearch" in line] == [1, 1]
    heads = [line for line in lines if line.startswith("------")]
    assert heads[1:] == ["------ Read 2.61KB from  [host] [host]  /var/run/docker.sock (dockerd)"]


def test_pods_and_last_event(sysdig: str, walkthrough: Path) -> None:
    pods = set(
        run(sysdig, "-r", str(walkthrough), "-p", "%proc.name %k8s.pod.name", "proc.name in (curl, nginx)").splitlines()
    )
    assert pods == {"curl client", "nginx backend-1440326531-csj02"}
    condition = "evt.type=procexit and proc.name=curl"
    assert run(sysdig, "-r", str(walkthrough), "-p", "%thread.vtid", condition).split() == ["13", "12"]
    assert run(sysdig, "-r", str(walkthrough), "-p", "%evt.num").split()[-1] == "111904"


def test_tables_as_written(sysdig: str, tmp_path: Path) -> None:
    path = tmp_path / "tables.scap"
    descriptors = (
        File(0, "/dev/null", 3, device=5),
        Socket(1, SocketTuple("10.0.0.1", 4000, "10.0.0.2", 80)),
        ServerSocket(2, "::", 53, "udp"),
        NamedDescriptor(3, "pipe", "pipe:[7]", 7),
    )
    with CaptureWriter(path) as writer:
        writer.machine(Machine(cpus=2, hostname="node1"))
        writer.user(User(1000, 1000, "app", "/home/app", "/bin/sh"))
        cgroups = ("memory=/docker/" + "0123456789ab" + "0" * 52,)
        thread = Thread(
            42, "cat", "/bin/cat", 42, args=("a", "b"), uid=1000, cgroups=cgroups, loginuid=1000, fds=descriptors
        )
        writer.thread(thread)
        writer.container(Container("0123456789ab", "web", "nginx:1"))
        for number, descriptor in enumerate(descriptors):
            writer.event("read", ">", 1000 + number, 42, 0, fd=descriptor.fd, size=number)
            writer.event("read", "<", 1100 + number, 42, 0, res=0, data=b"")
        writer.event("stat", "<", 2000, 42, 0, res=-2, path="x", block_flags=1)
        writer.event("sendfile", ">", 3000, 42, 1, out_fd=3, in_fd=0, offset=0, size=9)
    fields = "%evt.num %evt.cpu %user.name %proc.cmdline %container.image %evt.dir %evt.type %evt.args"
    lines = [line.rstrip() for line in run(sysdig, "-r", str(path), "-p", fields).splitlines()]
    begin = "app cat a b nginx:1"
    names = ["<f>/dev/null", "<4t>10.0.0.1:4000->10.0.0.2:80", "<6u>:::53", "<p>pipe:[7]"]
    reads = [
        line
        for number, name in enumerate(names)
        for line in (
            f"{2 + 2 * number} 0 {begin} > read fd={number}({name}) size={number}",
            f"{3 + 2 * number} 0 {begin} < read res=0 data=",
        )
    ]
    last = f"11 1 {begin} > sendfile out_fd=3(<p>pipe:[7]) in_fd=0(<f>/dev/null) offset=0 size=9"
    assert lines == [*reads, last]
