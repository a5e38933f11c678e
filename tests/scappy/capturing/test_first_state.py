"""The first state of live captures: what /proc says about processes of our own making, read back as a capture."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scappy
from scapcore.encode import EventEncoder
from scapcore.write import BlockEncoder
from scappy.capturing.descriptors import open_flags
from scappy.capturing.first_state import first_state
from scappy.capturing.proc import Proc
from scappy.capturing.processes import Threads, strings
from scappy.records import Container
from scappy.writer import find_event_type

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")

OPENER = r"""
import ctypes, json, os, select, socket, sys, threading, time
folder = sys.argv[1]
found = {}
found["file"] = os.open(folder + "/data", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
found["directory"] = os.open(folder, os.O_RDONLY)
found["device"] = os.open("/dev/null", os.O_WRONLY)
found["pipe"] = os.pipe()[0]
os.mkfifo(folder + "/fifo")
found["fifo"] = os.open(folder + "/fifo", os.O_RDWR)
epoll = select.epoll()
found["epoll"] = epoll.fileno()
libc = ctypes.CDLL(None)
found["eventfd"] = libc.eventfd(0, 0)
found["inotify"] = libc.inotify_init()
found["timerfd"] = libc.timerfd_create(1, 0)
found["memfd"] = os.memfd_create("scratch")
found["pidfd"] = os.pidfd_open(os.getpid())
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
six = socket.create_server(("::1", 0), family=socket.AF_INET6)
bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bound.bind(("127.0.0.1", 0))
talking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
talking.connect(bound.getsockname())
unix = socket.socket(socket.AF_UNIX)
unix.bind(folder + "/socket")
unix.listen()
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
netlink.bind((0, 0))
for name, one in dict(listener=listener, client=client, server=server, six=six, bound=bound, talking=talking, unix=unix,
                      netlink=netlink).items():
    found[name] = one.fileno()
ports = dict(listener=listener.getsockname()[1], client=client.getsockname()[1], six=six.getsockname()[1],
             bound=bound.getsockname()[1], talking=talking.getsockname()[1])
thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
thread.start()
os.chdir(folder)
print(json.dumps(dict(fds=found, ports=ports, tid=thread.native_id)), flush=True)
sys.stdin.read()
"""


@dataclass
class Opened:
    """A process with descriptors of all kinds."""

    pid: int
    fds: dict[str, int]
    ports: dict[str, int]
    tid: int
    folder: Path
    head: bytes


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("opened")
    with subprocess.Popen(
        [sys.executable, "-c", OPENER, str(folder), "an argument"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "SCAPPY_MARK": "here"},
    ) as child:
        assert child.stdout is not None and child.stdin is not None
        said = json.loads(child.stdout.readline())
        head = first_state(Proc(), containers=[Container("0123456789ab", "web", "nginx")])
        yield Opened(child.pid, said["fds"], said["ports"], said["tid"], folder, head)
        child.stdin.close()


def reads(head: bytes, pid: int, fds: dict[str, int]) -> bytes:
    """The capture that goes on with a read from each descriptor."""
    encoder = BlockEncoder()
    event = EventEncoder(find_event_type("SYSCALL_READ_X", "<"), 4)
    for number, fd in enumerate(fds.values()):
        event.encode(encoder, 2_000_000_000_000_000_000 + number, pid, 0, (1, b"x", fd, 1))
    return head + encoder.take()


@pytest.mark.parametrize("view", ["full", "exit"])
def test_every_kind_of_descriptor_is_told(opened: Opened, view: Literal["full", "exit"]) -> None:
    capture = scappy.open(reads(opened.head, opened.pid, opened.fds), view=view)
    rows = [(event["fd.type"], event["fd.name"] or "") for event in capture.filter("evt.type = read")]
    found = dict(zip(opened.fds, rows, strict=True))
    ports = opened.ports
    here = "127.0.0.1"
    expected = {
        "file": ("file", f"{opened.folder}/data"),
        "directory": ("directory", f"{opened.folder}"),
        "device": ("file", "/dev/null"),
        "fifo": ("pipe", f"{opened.folder}/fifo"),
        "epoll": ("eventpoll", ""),
        "eventfd": ("event", ""),
        "inotify": ("inotify", ""),
        "timerfd": ("timerfd", ""),
        "listener": ("ipv4", f"{here}:{ports['listener']}"),
        "client": ("ipv4", f"{here}:{ports['client']}->{here}:{ports['listener']}"),
        "server": ("ipv4", f"{here}:{ports['client']}->{here}:{ports['listener']}"),
        "six": ("ipv6", f"::1:{ports['six']}"),
        "bound": ("ipv4", f"{here}:{ports['bound']}"),
        "talking": ("ipv4", f"{here}:{ports['talking']}->{here}:{ports['bound']}"),
        "unix": ("unix", f"{opened.folder}/socket"),
        "netlink": ("netlink", ""),
    }
    assert {name: found[name] for name in expected} == expected
    assert found["pipe"][1].startswith("pipe:[")
    assert found["memfd"] == ("memfd", "scratch")
    assert found["pidfd"] == ("pidfd", f"/proc/{opened.pid}")


def test_what_is_told_of_files(opened: Opened) -> None:
    capture = scappy.open(reads(opened.head, opened.pid, {"file": opened.fds["file"]}), view="exit")
    (event,) = [event for event in capture if event["evt.type"] == "read"]
    status = os.stat(opened.folder / "data")
    assert (event["fd.ino"], event["fd.dev"]) == (status.st_ino, status.st_dev)


def test_what_is_told_of_processes(opened: Opened) -> None:
    capture = scappy.open(reads(opened.head, opened.pid, {"file": opened.fds["file"]}), view="exit")
    (event,) = [event for event in capture if event["evt.type"] == "read"]
    me = os.path.realpath(f"/proc/{opened.pid}/exe")
    status = os.stat(me)
    expected: dict[str, Any] = {
        "proc.pid": opened.pid,
        "proc.ppid": os.getpid(),
        "proc.exepath": me,
        "proc.exe": sys.executable,
        "proc.cwd": f"{opened.folder}/",
        "proc.env[SCAPPY_MARK]": "here",
        "proc.vpid": opened.pid,
        "proc.exe_ino": status.st_ino,
        "proc.exe_ino.mtime": status.st_mtime_ns,
        "proc.sid": os.getsid(opened.pid),
        "user.uid": os.geteuid(),
        "thread.vmrss": event["thread.vmrss"],
    }
    assert {name: event[name] for name in expected} == expected
    assert event["proc.args"].endswith(f"{opened.folder} an argument")
    assert event["thread.vmrss"] > 1000
    assert event["proc.pname"]
    with open(f"/proc/{opened.pid}/comm") as file:
        assert event["proc.name"] == file.read().strip()


def test_threads_and_machine_are_told(opened: Opened) -> None:
    capture = scappy.open(reads(opened.head, opened.tid, {"file": opened.fds["file"]}), view="exit")
    (event,) = [event for event in capture if event["evt.type"] == "read"]
    # A thread shares what its process has open.
    assert (event["thread.tid"], event["proc.pid"], event["fd.name"]) == (opened.tid, opened.pid, f"{opened.folder}/data")
    info = capture.info()
    assert info.machine["hostname"] == socket.gethostname()
    assert int(str(info.machine["boot_time"])) > 10**18
    assert ("0123456789ab", "web") in info.containers
    assert info.blocks["interfaces (v2)"] == info.blocks["users (v2)"] == 1


def test_the_reference_reads_it(opened: Opened, tmp_path: Path, reference: Any) -> None:
    file = tmp_path / "x.scap"
    names = ("file", "client", "unix", "listener", "directory")
    encoder = BlockEncoder()
    enter = EventEncoder(find_event_type("SYSCALL_READ_E", ">"), 2)
    leave = EventEncoder(find_event_type("SYSCALL_READ_X", "<"), 2)
    for number, name in enumerate(names):
        time = 2_000_000_000_000_000_000 + 10 * number
        enter.encode(encoder, time, opened.pid, 0, (opened.fds[name], 1))
        leave.encode(encoder, time + 1, opened.pid, 0, (1, b"x"))
    file.write_bytes(opened.head + encoder.take())
    shown = reference("-r", file, "-p", "%proc.name %proc.pid %fd.name", "evt.type=read and evt.dir=>").stdout.decode()
    ours = [
        f"{event['proc.name']} {event['proc.pid']} {event['fd.name']}"
        for event in scappy.open(file).filter("evt.type=read and evt.dir=>")
    ]
    assert len(ours) == len(names)
    assert shown.splitlines() == ours


# -- processes that go while they are looked at

PARTS = (
    "status", "stat", "comm", "cmdline", "environ", "cgroup", "limits", "loginuid", "exe", "cwd", "root", "fd", "fdinfo",
)  # fmt: skip


def plant(root: Path, pid: int, missing: set[str], cut: int) -> None:
    """A process that looks like ours, with parts missing and files cut."""
    base = root / str(pid)
    task = base / "task" / str(pid)
    task.mkdir(parents=True)
    for name in PARTS:
        if name in missing:
            continue
        for place in (base, task):
            source = Path("/proc/self") / name
            if name in ("exe", "cwd", "root"):
                os.symlink(os.readlink(source), place / name)
            elif name == "fd":
                (place / name).mkdir()
                os.symlink("/dev/null", place / name / "0")
                os.symlink("socket:[1]", place / name / "1")
                os.symlink("pipe:[2]", place / name / "2")
                os.symlink("/nowhere (deleted)", place / name / "3")
                os.symlink("anon_inode:[eventfd]", place / name / "4")
            elif name == "fdinfo":
                (place / name).mkdir()
                (place / name / "0").write_text("pos:\t0\nflags:\t0100002\n"[: cut or None])
            else:
                content = source.read_bytes()
                (place / name).write_bytes(content[:cut] if cut else content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(missing=st.sets(st.sampled_from(PARTS)), cut=st.integers(0, 300))
def test_what_has_gone_is_left_out(missing: set[str], cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("proc")
    plant(root, 7, missing, cut)
    threads = list(Threads(Proc(str(root))))
    assert len(threads) <= 1
    if not cut and not missing & {"status", "stat"}:
        (thread,) = threads
        kinds = [type(fd).__name__ for fd in thread.fds]
        assert kinds == ([] if "fd" in missing else ["File", "NamedDescriptor", "NamedDescriptor"])
    head = first_state(Proc(str(root)))
    assert scappy.open(head).info().error is None


def test_flags_are_those_of_the_format() -> None:
    assert open_flags(os.O_RDWR | os.O_CREAT | os.O_TRUNC) == 3 | 4 | 256
    assert open_flags(os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK) == 1 | 1024 | 64
    # The bits of O_SYNC and O_TMPFILE hold those of O_DSYNC and O_DIRECTORY.
    assert open_flags(os.O_DSYNC) == 1 | 16
    assert open_flags(os.O_SYNC) == 1 | 128 | 16


@given(st.binary(max_size=9000))
def test_strings_fit_into_the_format(data: bytes) -> None:
    found = strings(data)
    assert sum(len(text.encode("utf-8", "surrogateescape")) + 1 for text in found) <= 4096


SLEEPER = textwrap.dedent("""
    import subprocess, sys, time
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        subprocess.run(["true"])
""")


def test_a_busy_machine_is_survived() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER, "1"]) as busy:
        while busy.poll() is None:
            assert scappy.open(first_state(Proc())).info().error is None
