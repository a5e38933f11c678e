"""Captures of the running system, beside what strace says about the same run."""

from __future__ import annotations

import errno
import importlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Told, Traced, capture, compile_program, need_probe, told, traced

from scapcore.errors import LiveCaptureError
from scapcore.probe import Probe


@pytest.fixture(scope="module", autouse=True)
def probe_is_there() -> None:
    need_probe()


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_program(tmp_path_factory.mktemp("program"), "live_calls")


@pytest.fixture(scope="module")
def strace() -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    return program


@pytest.fixture(scope="module")
def both(
    script: Path, strace: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Told], dict[int, list[Traced]]]:
    """The script of calls, captured and traced in one run: events of its threads, and strace's calls of each."""
    folder = tmp_path_factory.mktemp("work")
    output = tmp_path_factory.mktemp("strace") / "calls"
    command = [strace, "-f", "-s", "80", "-o", str(output), str(script), str(folder)]
    blocks, counts = capture(command, snaplen=80)
    assert sum(counts["lost"]) == 0
    calls = traced(output)
    # What strace's child did before it became the program is not in strace's output.
    events = [event for event in told(blocks) if event.tid in calls]
    first = next(index for index, event in enumerate(events) if event.type == 293 and event.number("res") == 0 and
                 event.text("exe") == str(script))
    return events[first:], calls


def system_calls(events: list[Told]) -> Iterator[Told]:
    """Events of calls that returned to the program that made them."""
    for event in events:
        # What a child begins with is no call of its own.
        if event.type % 2 and not (event.name in ("clone", "clone3") and event.number("res") == 0):
            yield event


def outcome(event: Told) -> int | None:
    first = next(iter(event.raw), "")
    return event.number(first) if first in ("res", "fd") and event.type != 1 else None


def test_every_call_of_strace_is_there_in_order(both: tuple[list[Told], dict[int, list[Traced]]]) -> None:
    events, calls = both
    seen: dict[int, list[Told]] = defaultdict(list)
    for event in system_calls(events):
        seen[event.tid].append(event)
    assert sum(map(len, calls.values())) > 250
    for tid, expected in calls.items():
        names = [call.name for call in expected]
        shown: list[str] = []
        previous = 0
        for event in seen[tid]:
            # Several events of one call: each message has its own.
            if event.name in ("sendmmsg", "recvmmsg") and shown and shown[-1] == event.name and previous:
                previous -= 1
                continue
            previous = 1 if event.name in ("sendmmsg", "recvmmsg") else 0
            shown.append(event.name)
        assert shown == names


def test_a_larger_program_is_captured_as_strace_sees_it(strace: str, tmp_path: Path) -> None:
    """Thousands of calls in order, of several processes and threads at once."""
    program = tmp_path / "program.py"
    program.write_text(
        "import concurrent.futures, os, pathlib, subprocess, sys, tempfile\n"
        "def work(folder):\n"
        "    for number in range(60):\n"
        "        path = pathlib.Path(folder, f'{os.getpid()}-{id(work)}-{number}-{os.urandom(4).hex()}')\n"
        "        path.write_bytes(b'x' * number)\n"
        "        path.read_bytes(); path.stat(); path.rename(str(path) + '2')\n"
        "with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(4) as pool:\n"
        "    list(pool.map(work, [folder] * 4))\n"
        "    for number in range(5):\n"
        "        subprocess.run([sys.executable, '-S', '-c', 'import json'])\n"
    )
    output = tmp_path / "calls"
    blocks, counts = capture([strace, "-f", "-o", str(output), sys.executable, str(program)], buffer_bytes=32 << 20)
    assert sum(counts["lost"]) == 0
    calls = traced(output)
    events: dict[int, list[str]] = defaultdict(list)
    for event in system_calls(told(blocks)):
        events[event.tid].append(event.name)
    total = missing = 0
    for tid, expected in calls.items():
        names = [call.name for call in expected]
        # The first thread has made a few calls before strace looks at it.
        ours = events[tid][-len(names) :] if names else []
        total += len(names)
        missing += sum(one != other for one, other in zip(ours, names, strict=False)) + len(names) - len(ours)
    assert total > 4000
    assert missing == 0


def test_two_busy_programs_are_captured_whole(tmp_path: Path) -> None:
    """Every call of theirs in order, or told as lost where the machine was too busy to take it out in time."""
    program = compile_program(tmp_path, "live_busy", Path(__file__).parents[3] / "benchmarks")
    rounds = 20000
    kinds = {5, 7, 9, 71, 87, 307, 419}
    blocks, counts = capture(
        ["sh", "-c", f"{program} {rounds} & {program} {rounds} & wait"], types=kinds, buffer_bytes=64 << 20, seconds=120
    )
    made: dict[int, list[str]] = defaultdict(list)
    for event in told(blocks):
        if event.type in kinds:
            # Which call fstat is depends on the C library.
            made[event.tid].append(event.name.replace("newfstatat", "fstat"))
    one_round = ["openat", "fstat", *["read", "write"] * 3, "lseek", "close"]
    threads = sorted(made.values(), key=len)[-2:]
    lost = sum(counts["lost"])
    missing = 0
    for names in threads:
        # What the program does before and after is little.
        start = next(place for place in range(len(names)) if names[place : place + 10] == one_round)
        assert len(names) <= rounds * 10 + 40
        if lost == 0:
            assert names[start : start + rounds * 10] == one_round * rounds
        missing += rounds * 10 - (len(names) - start)
    assert missing <= lost


def test_results_are_those_of_strace(both: tuple[list[Told], dict[int, list[Traced]]]) -> None:
    events, calls = both
    by_thread: dict[int, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for event in system_calls(events):
        by_thread[event.tid][event.name].append(event)
    compared = 0
    for tid, expected in calls.items():
        for name in {call.name for call in expected} - {"execve", "sendmmsg", "recvmmsg"}:
            results = [
                -getattr(errno, call.error) if call.error else call.result for call in expected if call.name == name
            ]
            ours = [outcome(event) for event in by_thread[tid][name]]
            if all(value is not None for value in ours):
                assert ours == results, name
                compared += len(ours)
    assert compared > 200


def of_name(events: list[Told], name: str) -> list[Told]:
    return [event for event in system_calls(events) if event.name == name]


def test_parameters_of_files(both: tuple[list[Told], dict[int, list[Traced]]]) -> None:
    events, _ = both
    first = next(event for event in of_name(events, "openat") if event.text("name") == "first")
    # O_RDWR, O_CREAT, O_TRUNC, O_CLOEXEC, created.
    assert first.number("flags") == 3 | 4 | 256 | 4096 | 16384
    assert first.number("mode") == 0o640
    assert first.number("dirfd") == 3 and first.number("ino") > 0
    second = of_name(events, "openat2")[0]
    assert (second.text("name"), second.number("resolve")) == ("second", 1)
    assert second.number("flags") == 3 | 4 | 4096 | 16384
    missing = next(event for event in of_name(events, "openat") if event.text("name") == "missing")
    assert (missing.number("fd"), missing.number("dirfd")) == (-errno.ENOENT, -100)
    written = [event for event in of_name(events, "write") if event.raw["data"].startswith((b"hello", b"bbb"))]
    assert [event.raw["data"] for event in written] == [b"hello world", b"b" * 80]
    assert [event.number("size") for event in written] == [11, 3000]
    refused = next(event for event in of_name(events, "write") if event.number("fd") == -1)
    assert refused.raw["data"] == b"refused" and refused.number("res") == -errno.EBADF
    gathered = of_name(events, "writev")[0]
    assert gathered.raw["data"] == b"one two three" and gathered.number("size") == 13
    at = of_name(events, "pwritev")[0]
    assert at.raw["data"] == b"one two " and at.number("pos") == 5000
    assert of_name(events, "readv")[0].raw["data"] == b"b" * 53
    renamed = of_name(events, "renameat2")[0]
    assert (renamed.text("oldpath"), renamed.text("newpath"), renamed.number("flags")) == ("first", "fifth", 1)
    linked = of_name(events, "symlinkat")[0]
    assert (linked.text("target"), linked.number("linkdirfd"), linked.text("linkpath")) == ("fourth", 3, "pointer")
    assert of_name(events, "fchmodat")[0].number("mode") == 0o4755
    assert of_name(events, "mount")[0].number("flags") == 1 | 8


def test_parameters_of_sockets(both: tuple[list[Told], dict[int, list[Traced]]]) -> None:
    events, _ = both
    home = socket.inet_aton("127.0.0.1")
    connected = of_name(events, "connect")[0]
    tuple_ = connected.raw["tuple"]
    assert tuple_[0] == socket.AF_INET and tuple_[1:5] == home and tuple_[7:11] == home
    assert connected.raw["addr"] == b"\x02" + tuple_[7:13]
    taken = of_name(events, "accept4")[0]
    assert taken.raw["tuple"] == tuple_
    assert taken.number("queuemax") == 5
    sent = [event for event in of_name(events, "sendto") if event.raw["data"] in (b"request", b"datagram")]
    assert sent[0].raw["tuple"] == tuple_
    far_port = int.from_bytes(sent[1].raw["tuple"][11:13], "little")
    received = next(event for event in of_name(events, "recvfrom") if event.raw["data"] == b"datagram")
    # From the sender's end to ours.
    assert received.raw["tuple"][1:5] == home and received.raw["tuple"][7:13] == home + far_port.to_bytes(2, "little")
    assert [event.raw["data"] for event in of_name(events, "sendmsg")] == [b"message"]
    assert [event.raw["data"] for event in of_name(events, "recvmsg")] == [b"message"]
    assert [event.raw["data"] for event in of_name(events, "sendmmsg")] == [b"mess", b"age"]
    assert [event.number("res") for event in of_name(events, "recvmmsg")] == [4, 3]
    six = of_name(events, "connect")[2]
    assert six.raw["addr"][0] == socket.AF_INET6 and int.from_bytes(six.raw["addr"][17:], "little") == 9
    local = next(event for event in of_name(events, "connect") if event.raw["addr"][:1] == b"\x01" and outcome(event) == 0)
    assert local.raw["addr"] == b"\x01socket\0" and local.raw["tuple"].endswith(b"socket\0")
    accepted = of_name(events, "accept")[0]
    # The same two ends, from the client to the server.
    assert accepted.raw["tuple"][1:17] == local.raw["tuple"][1:17]
    options = of_name(events, "setsockopt")
    assert options[0].raw["val"] == b"\x02\x01\0\0\0"
    assert options[1].raw["val"] == b"\x04" + (1_500_000_000).to_bytes(8, "little")
    assert of_name(events, "getsockopt")[0].raw["val"] == b"\x01" + bytes(8)
    pair = of_name(events, "socketpair")[0]
    assert pair.number("source") != pair.number("peer") and pair.number("fd2") == pair.number("fd1") + 1


def test_parameters_of_processes(
    both: tuple[list[Told], dict[int, list[Traced]]], script: Path
) -> None:
    events, calls = both
    started = next(event for event in events if event.type == 293 and event.number("res") == 0)
    assert started.text("exe") == str(script) and started.text("comm") == "live_calls"
    assert started.text("trusted_exepath") == str(script) and started.text("filename") == str(script)
    assert started.number("tid") == started.number("pid") == started.tid
    assert started.number("exe_ino") == script.stat().st_ino
    assert abs(started.number("exe_ino_mtime") - script.stat().st_mtime_ns) < 1000
    shell = next(event for event in events if event.type == 293 and event.text("filename") == "/bin/sh")
    assert shell.raw["args"] == b"-c\0exit 3\0" and shell.raw["env"] == b"FIRST=1\0SECOND=two\0"
    assert shell.text("exe") == "sh" and shell.number("ptid") == started.tid
    failed = next(event for event in events if event.type == 293 and event.number("res") == -errno.ENOENT)
    assert failed.raw["args"] == b"-c\0exit 3\0" and failed.text("comm") == "live_calls"
    assert failed.text("filename").endswith("/sh")
    parents = [event for event in events if event.name in ("clone", "clone3", "fork", "vfork") and event.number("res") > 0]
    children = [event for event in events if event.type == 223 and event.number("res") == 0]
    assert {event.number("res") for event in parents} >= {event.tid for event in children}
    assert {event.number("res") for event in parents} <= set(calls)
    thread = next(event for event in children if event.number("pid") != event.tid)
    # CLONE_FILES, CLONE_THREAD, CLONE_VM.
    assert thread.number("flags") & (1 | 8192 | 32768) == 1 | 8192 | 32768
    named = of_name(events, "prctl")
    assert "worker" in [event.text("arg2_str") for event in named]
    ends = {event.tid: event for event in events if event.type == 186}
    assert set(ends) == set(calls)
    assert sorted((event.number("ret"), event.number("sig")) for event in ends.values()) == [
        (0, 0),
        (0, 0),
        (0, 15),
        (3, 0),
        (4, 0),
    ]
    signals = [event for event in events if event.type == 232 and event.number("sig") == 10]
    assert [event.number("spid") for event in signals] == [started.tid] * 2


def test_events_are_in_the_order_of_time(both: tuple[list[Told], dict[int, list[Traced]]]) -> None:
    events, _ = both
    times = [event.time for event in events]
    assert times == sorted(times)
    assert sum(event.type == 152 for event in events) > 0


def test_payloads_up_to_the_snaplen_and_more_on_chosen_ports(tmp_path: Path) -> None:
    program = tmp_path / "talk.py"
    program.write_text(
        "import socket, os\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "open(os.environ['PORT'], 'w').write('')\n"
        "client = socket.create_connection(server.getsockname())\n"
        "client.send(b's' * 30000)\n"
        "os.write(1, b'o' * 60000)\n"
        "one, two = socket.socketpair()\n"
        "one.send(b'u' * 30000)\n"
    )
    command = ["env", f"PORT={tmp_path / 'x'}", sys.executable, str(program)]
    for snaplen, expected in ((65000, (30000, 60000, 30000)), (100, (100, 100, 100)), (0, (0, 0, 0))):
        blocks, _ = capture(command, snaplen=snaplen)
        events = told(blocks)
        sent = [event for event in events if event.name == "sendto" and event.number("size") == 30000]
        put = [event for event in events if event.name == "write" and event.number("size") == 60000]
        assert (len(sent[0].raw["data"]), len(put[0].raw["data"]), len(sent[1].raw["data"])) == expected


def test_chosen_ports_have_a_snaplen_of_their_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                while peer.recv(65536):
                    pass

        serving = threading.Thread(target=serve)
        serving.start()
        talk = f"import socket, os; s = socket.create_connection(('127.0.0.1', {port})); s.send(b's' * 5000)"
        talk += "; os.write(1, b'o' * 5000)"
        blocks, _ = capture([sys.executable, "-c", talk], snaplen=60, ports=[port], port_snaplen=2000)
        serving.join()
    events = told(blocks)
    assert [len(event.raw["data"]) for event in events if event.name == "sendto"] == [2000]
    assert [len(event.raw["data"]) for event in events if event.name == "write"] == [60]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64 only")
def test_calls_of_the_32_bit_kind_have_their_names(tmp_path: Path) -> None:
    program = compile_program(tmp_path, "live_compat")
    if subprocess.run([program], check=False).returncode:
        pytest.skip("this kernel takes no calls of the 32-bit kind")
    blocks, _ = capture([program])
    events = [event for event in told(blocks) if event.type == 1 and event.number("nativeID") == 20]
    assert [event.name for event in events if event.name == "getpid"] == ["getpid"] * 3


def test_only_the_types_that_are_wanted(script: Path, tmp_path: Path) -> None:
    blocks, _ = capture([script, tmp_path], types={5, 186, 290})
    kinds = {event.type for event in told(blocks)}
    assert kinds == {5, 186, 290}


def test_chosen_names_and_groups(script: Path, tmp_path: Path) -> None:
    blocks, _ = capture([script, tmp_path], comms=["sh"])
    events = told(blocks)
    assert {event.text("comm") for event in events if event.type == 293} == {"sh"}
    assert len({event.tid for event in events}) == 1
    blocks, _ = capture(["true"], cgroups=[1 << 40])
    assert blocks == b""


def test_our_own_calls_are_left_out() -> None:
    with Probe(types={277}, pids=[os.getpid()]) as probe:
        for _ in range(5):
            with pytest.raises(OSError):
                os.mkdir("/proc/nowhere")
        assert probe.read(0.2) == b""
    with Probe(types={277}, pids=[os.getpid()], own_process_excluded=False) as probe:
        with pytest.raises(OSError):
            os.mkdir("/proc/nowhere")
        assert [event.text("path") for event in told(probe.read(1.0))] == ["/proc/nowhere"]


def test_our_own_calls_are_left_out_in_a_namespace_of_processes(tmp_path: Path) -> None:
    """There this process has another number than the kernel's first namespace gives it."""
    program = shutil.which("unshare")
    if program is None:
        pytest.skip("there is no unshare")
    script = (
        "import os\n"
        "from scapcore.probe import Probe\n"
        "def leave():\n"
        "    try: os.rmdir('/nowhere/at/all')\n"
        "    except OSError: pass\n"
        "for excluded in (True, False):\n"
        "    with Probe(types={279}, own_process_excluded=excluded) as probe:\n"
        "        leave()\n"
        "        found = probe.read(0.1) + probe.read(0.1)\n"
        "        print(os.getpid(), found.count(b'/nowhere/at/all'))\n"
    )
    command = [program, "--pid", "--fork", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "Operation not permitted" in done.stderr:
        pytest.skip("namespaces cannot be made here")
    assert done.stdout.splitlines() == ["1 0", "1 1"], done.stderr


def test_losses_are_counted_and_told(tmp_path: Path) -> None:
    busy = "import os\nfor _ in range(20000): os.getppid()"
    with Probe(buffer_bytes=4096, types={1}) as probe:
        subprocess.run([sys.executable, "-c", busy], check=True)
        blocks = bytearray(probe.read(1.0))
    while more := probe.read(0):
        blocks += more
    lost = sum(probe.lost())
    assert lost > 10000
    events = told(bytes(blocks))
    gaps = [event for event in events if event.type == 148]
    assert sum(event.number("ratio") for event in gaps) == lost
    assert sum(event.number("ratio") for event in events if event.type == 149) == lost
    counts = probe.statistics()
    assert sum(counts["seen"]) == counts["lost"][0] + sum(counts["lost"][1:]) + counts["read"]


def test_messages_beyond_the_limit_are_counted_as_lost(tmp_path: Path) -> None:
    blocks, counts = capture([compile_program(tmp_path, "live_many")], snaplen=600)
    events = told(blocks)
    assert [len(of_name(events, name)) for name in ("sendmmsg", "recvmmsg")] == [128, 128]
    assert sum(counts["lost"]) == 2 * (200 - 128)
    gaps = [event.number("ratio") for event in events if event.type == 148]
    assert sum(gaps) == sum(counts["lost"])
    (written,) = of_name(events, "writev")
    assert (written.number("res"), written.number("size"), written.raw["data"]) == (600, 600, b"yz" * 128)


def test_a_processor_without_a_ring_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one is that comes up later."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        pytest.skip("there is one processor only")
    loader = importlib.import_module("scapcore.probe.loader")
    monkeypatch.setattr(loader, "online_cpus", lambda: [first])
    script = f"import os; os.sched_setaffinity(0, [{others[0]}]); [os.getppid() for _ in range(500)]"
    blocks, counts = capture([sys.executable, "-c", script], types={1})
    assert counts["lost"][others[0]] >= 500 and counts["lost"][first] == 0
    assert not any(event.name == "getppid" for event in told(blocks))


def test_reading_an_idle_system_gives_nothing_in_time() -> None:
    with Probe(pids=[1 << 22]) as probe:
        assert probe.read(0.05) == b""
        assert probe.lost() == [0] * len(probe.lost())
    assert probe.read(0) == b""
    probe.stop()


def test_reading_without_a_start_is_an_error() -> None:
    with pytest.raises(LiveCaptureError, match="not started"):
        Probe().read(0)


@pytest.mark.parametrize(
    "arguments",
    [{"snaplen": -1}, {"snaplen": 65001}, {"ports": [0]}, {"ports": list(range(1, 18))}, {"buffer_bytes": 1}],
)
def test_arguments_out_of_range(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Probe(**arguments)  # type: ignore[arg-type]
