"""A small capture: a web server and its client, a shell with its commands, and a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest

import scappy
from scappy.chisels import ChiselContext, run_chisels
from scappy.records import Container, File, NamedDescriptor, ServerSocket, Socket, SocketTuple, Thread, User
from scappy.writer import CaptureWriter

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SHELL, COMMAND, SERVER, WORKER = 100, 101, 200, 201

REQUEST = b"GET /search HTTP/1.1\r\nHost: shop\r\nAccept: all\r\n\r\n"
ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing"

RunChisels = Callable[..., tuple[list[str], object]]


def write_capture(target: io.BytesIO) -> None:
    """Write it; each call takes a millisecond times its place."""
    ends = SocketTuple("10.0.0.9", 40000, "10.0.0.5", 80)
    with CaptureWriter(target) as writer:
        writer.user(User(0, 0, "root", "/root", "/bin/sh"))
        writer.thread(Thread(1, "init", "/sbin/init"))
        writer.thread(Thread(SHELL, "bash", "/bin/bash", ptid=1, sid=SHELL, fds=(File(0, "/dev/tty1"), File(1, "/dev/tty1"))))
        writer.thread(Thread(COMMAND, "cat", "/bin/cat", ptid=SHELL, args=("/etc/hosts",), fds=(File(3, "/etc/hosts"),)))
        writer.thread(
            Thread(
                SERVER,
                "httpd",
                "/usr/bin/httpd",
                ptid=1,
                memory_kb=(2048, 1024, 0),
                fd_limit=64,
                cgroups=("cpuset=/docker/" + "ab" * 32,),
                fds=(
                    ServerSocket(3, "0.0.0.0", 80),
                    Socket(4, ends),
                    File(5, "/var/log/httpd.log"),
                    NamedDescriptor(6, "pipe", "pipe:[7]"),
                ),
            )
        )
        writer.thread(Thread(WORKER, "worker", "/usr/bin/httpd", pid=SERVER, ptid=1, flags=1 | 1 << 13))
        writer.container(Container("ab" * 6, "web", "apache"))

        def call(second: float, tid: int, name: str, enter: dict[str, object], leave: dict[str, object], took: int) -> None:
            time = START + int(second * SECOND)
            writer.event(name, ">", time, tid, **enter)
            writer.event(name, "<", time + took, tid, **leave)

        call(0.1, COMMAND, "read", {"fd": 3, "size": 100}, {"res": 100, "data": b"127.0.0.1 localhost\n" * 5}, 3_000_000)
        call(0.2, SERVER, "read", {"fd": 4, "size": 999}, {"res": len(REQUEST), "data": REQUEST}, 1_000_000)
        call(0.3, SERVER, "write", {"fd": 5, "size": 17}, {"res": 17, "data": b"warn: a\n\nerror: b"}, 20_000)
        call(1.1, SERVER, "write", {"fd": 4, "size": len(ANSWER)}, {"res": len(ANSWER), "data": ANSWER}, 2_000_000)
        call(1.2, SHELL, "write", {"fd": 1, "size": 5}, {"res": 5, "data": b"done\n"}, 10_000)
        call(3.1, COMMAND, "read", {"fd": 3, "size": 100}, {"res": -11, "data": b""}, 5_000)
        call(3.2, COMMAND, "read", {"fd": 3, "size": 100}, {"res": 1500, "data": b"x" * 80}, 4_000_000)
        for usage in (10, 60, 65):
            writer.event("procinfo", ">", START + 3 * SECOND + 300_000_000 + usage, SERVER, cpu_usr=usage, cpu_sys=0)
        writer.event("procexit", ">", START + 4 * SECOND + 100_000_000, COMMAND, status=0, ret=0, sig=0, core=0)


@pytest.fixture(scope="package")
def small() -> bytes:
    """The capture."""
    target = io.BytesIO()
    write_capture(target)
    return target.getvalue()


@pytest.fixture(scope="package")
def run(small: bytes) -> RunChisels:
    """Run a chisel over the capture: the lines that it prints, and its result."""

    def run_one(
        name: str, *values: str, where: str = "", capture: bytes = small, **options: object
    ) -> tuple[list[str], object]:
        output = io.BytesIO()
        opened = scappy.open(capture)
        chosen = opened.filter(where) if where else opened
        words: Sequence[str] = (name, *values)
        (found,) = run_chisels(chosen, [words], context=ChiselContext(output, **options))  # type: ignore[arg-type]
        return output.getvalue().decode().splitlines(), found

    return run_one
