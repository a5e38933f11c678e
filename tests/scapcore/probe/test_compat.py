"""Calls of a 32-bit program, beside what strace says about the same run."""

from __future__ import annotations

import errno
import platform
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from live import Told, Traced, capture, compile_program, need_probe, told, traced

from scapcore.probe.calls import CALLS
from scapcore.probe.compat import DIFFERENT, recipe_of

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64 only")
#: What is an event of another name.
NAMES = {"_llseek": "llseek", "ugetrlimit": "getrlimit", "chown32": "chown", "sendfile64": "sendfile", "fcntl64": "fcntl",
         "mmap2": "mmap"}  # fmt: skip
ALONE = ("-m32", "-O1", "-nostdlib", "-static", "-ffreestanding", "-fno-omit-frame-pointer", "-fno-stack-protector",
         "-fno-pie", "-no-pie", "-I/usr/include/x86_64-linux-gnu")  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Told], list[Traced], Path]:
    """Events and calls of the program up to its fork, and where it is."""
    need_probe()
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    folder = tmp_path_factory.mktemp("narrow")
    try:
        program = compile_program(folder, "live_narrow", options=ALONE)
    except subprocess.CalledProcessError:
        pytest.skip("the C compiler makes no programs of 32 bits")
    work = folder / "work"
    work.mkdir()
    if subprocess.run([program, work], check=False).returncode:
        pytest.skip("this kernel runs no programs of 32 bits")
    shutil.rmtree(work)
    work.mkdir()
    output = folder / "calls"
    blocks, counts = capture([strace, "-f", "-o", str(output), str(program), str(work)], snaplen=80)
    assert sum(counts["lost"]) == 0
    calls = traced(output)
    first = min(calls)
    events = [event for event in told(blocks) if event.tid == first]
    begin = next(place for place, event in enumerate(events) if event.type == 293 and event.text("exe") == str(program))
    return events[begin:], calls[first], program


def of_name(both: tuple[list[Told], list[Traced], Path], name: str) -> list[Told]:
    return [event for event in both[0] if event.name == name and event.type % 2]


def test_every_call_is_there_in_order(both: tuple[list[Told], list[Traced], Path]) -> None:
    shown: list[str] = []
    for event in both[0]:
        if event.type % 2 and not (event.name in ("sendmmsg", "recvmmsg") and shown[-1] == event.name):
            shown.append(event.name)
    assert shown == [NAMES.get(call.name, call.name) for call in both[1]]
    assert len(shown) > 40


def test_results_are_those_of_strace(both: tuple[list[Told], list[Traced], Path]) -> None:
    outcomes: dict[str, list[int | None]] = {}
    for call in both[1]:
        outcome = -getattr(errno, call.error) if call.error else call.result
        outcomes.setdefault(NAMES.get(call.name, call.name), []).append(outcome)
    compared = 0
    for name in outcomes.keys() - {"sendmmsg", "recvmmsg", "getsockname"}:
        # Generic events have no result.
        if of_name(both, name)[0].type == 1:
            continue
        ours = [event.number(next(iter(event.raw))) for event in of_name(both, name)]
        assert [value & 0xFFFFFFFF if name == "mmap" else value for value in ours] == outcomes[name], name
        compared += len(ours)
    assert compared > 35


def test_parameters_of_files(both: tuple[list[Told], list[Traced], Path]) -> None:
    (made,) = of_name(both, "openat")
    assert (made.text("name"), made.number("mode")) == ("first", 0o640) and made.number("ino") > 0
    assert made.number("flags") & (4 | 8) == 4 | 8          # O_CREAT, O_APPEND
    (gathered,) = of_name(both, "writev")
    assert (gathered.raw["data"], gathered.number("size")) == (b"one two..", 9)
    (far,) = of_name(both, "pwrite64")
    assert (far.raw["data"], far.number("pos")) == (b"far", (1 << 32) + 5)
    (near,) = of_name(both, "pread64")
    assert (near.raw["data"], near.number("pos")) == (b"hello", 0)
    (at,) = of_name(both, "pwritev")
    assert (at.number("pos"), at.number("size")) == (7, 9)
    (back,) = of_name(both, "preadv")
    assert back.number("pos") == 4 and len(back.raw["data"]) == 9
    (sought,) = of_name(both, "llseek")
    assert sought.number("offset") == (1 << 32) + 2
    (sent,) = of_name(both, "sendfile")
    assert (sent.number("offset"), sent.number("size")) == (1, 3)
    assert of_name(both, "stat64")[0].text("path") == "folder"


def test_parameters_of_memory_and_limits(both: tuple[list[Told], list[Traced], Path]) -> None:
    old, new = (event for event in of_name(both, "mmap"))
    assert {old.type, new.type} == {161, 163}
    for event in (old, new):
        # PROT_READ and PROT_WRITE, MAP_PRIVATE and MAP_ANONYMOUS.
        assert (event.number("length"), event.number("fd"), event.number("prot")) == (8192, -1, 3)
    assert old.number("flags") == new.number("flags") != 0
    (limit,) = of_name(both, "getrlimit")
    assert 0 < limit.number("cur") <= limit.number("max")
    assert of_name(both, "nanosleep")[0].number("interval") == 1500000


def test_parameters_of_sockets(both: tuple[list[Told], list[Traced], Path]) -> None:
    home = socket.inet_aton("127.0.0.1")
    assert len(of_name(both, "socket")) == 2
    (connected,) = of_name(both, "connect")
    there = connected.raw["tuple"]
    assert there[0] == socket.AF_INET and there[1:5] == there[7:11] == home
    (sent,) = of_name(both, "send")
    assert (sent.raw["data"], sent.raw["tuple"], sent.number("size")) == (b"request", there, 7)
    (received,) = of_name(both, "recvfrom")
    assert received.raw["data"] == b"request"
    (message,) = of_name(both, "sendmsg")
    assert (message.raw["data"], message.number("size")) == (b"message", 7)
    assert [event.raw["data"] for event in of_name(both, "recvmsg")] == [b"message"]
    for name in ("sendmmsg", "recvmmsg"):
        assert [event.raw["data"] for event in of_name(both, name)] == [b"message"] * 2
        assert [event.number("res") for event in of_name(both, name)] == [7, 7]
    (option,) = of_name(both, "setsockopt")
    assert option.raw["val"] == b"\x04" + (1_500_000_000).to_bytes(8, "little")


def test_programs_that_are_started(both: tuple[list[Told], list[Traced], Path]) -> None:
    started, failed = of_name(both, "execve")
    assert started.number("res") == 0 and started.text("trusted_exepath") == str(both[2])
    assert failed.number("res") == -errno.ENOENT and failed.text("filename") == "/nowhere/sh"
    assert failed.raw["args"] == b"-c\0exit 3\0" and failed.raw["env"] == b"FIRST=1\0"
    (parent,) = of_name(both, "fork")
    assert parent.number("res") > 0


def test_younger_kinds_of_calls_are_like_the_older_ones() -> None:
    assert recipe_of("ppoll_time64") is CALLS["ppoll"] and recipe_of("ppoll") is DIFFERENT["ppoll"]
    assert recipe_of("setresuid32") is CALLS["setresuid"] and recipe_of("recvmmsg_time64") is CALLS["recvmmsg"]
    assert recipe_of("fcntl64") is CALLS["fcntl"]
    assert recipe_of("getpid") is None and recipe_of("ptrace") is None
