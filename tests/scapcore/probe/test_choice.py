"""Everything of some threads, and of others only what changes the tables: what crosses from the kernel, and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Told, need_probe, told
from played_cluster import control_groups

from scapcore.probe import CONTROLLERS, Choice, Probe, group_number
from scapcore.schema import event_types

WRITE, CLOSE, OPENAT, EXECVE, CLONE, SWITCH, PROCEXIT, GENERIC = 9, 5, 307, 293, 223, 152, 186, 1
ALWAYS = frozenset((WRITE, CLOSE, OPENAT, EXECVE, CLONE, PROCEXIT))


@pytest.fixture(scope="module", autouse=True)
def probe_is_there() -> None:
    need_probe()


class Running:
    """A shell that runs what it is told, line by line."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def pid(self) -> int:
        return self.process.pid

    def do(self, line: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{line}\necho done\n".encode())
        self.process.stdin.flush()
        while self.process.stdout.readline() != b"done\n":
            pass

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture
def shell() -> Iterator[Running]:
    running = Running()
    running.do(":")
    yield running
    running.end()


def captured(choice: Choice | None, shell: Running, line: str, aside: tuple[int, ...] = ()) -> list[Told]:
    """What is told of the shell and its children while it does something."""
    # A choice of processes is not to be mixed with one that leaves out everything of others.
    pids = None if choice is not None and choice.kind == "process" else [shell.pid]
    with Probe(pids=pids, choice=choice) as probe:
        for tid in aside:
            probe.set_aside(tid)
        shell.do(line)
    blocks = bytearray()
    while more := probe.read(0):
        blocks += more
    assert sum(probe.lost()) == 0
    family, found = {shell.pid}, []
    for event in told(bytes(blocks)):
        if event.type == CLONE and event.number("res") == 0 and event.number("ptid") in family:
            family.add(event.tid)
        if event.tid in family:
            found.append(event)
    return found


def of(events: list[Told], tid: int) -> set[int]:
    return {event.type for event in events if event.tid == tid}


def started(events: list[Told], name: str) -> int:
    (found,) = [event.tid for event in events if event.type == EXECVE and event.raw.get("comm") == name.encode() + b"\0"]
    return found


def test_others_are_told_with_what_changes_the_tables_and_no_data(shell: Running) -> None:
    line = "cat /etc/hostname; tail -n 1 /etc/passwd"
    events = captured(Choice("name", [b"tail"], ALWAYS), shell, line, (shell.pid,))
    chosen, other = started(events, "tail"), started(events, "cat")
    assert of(events, other) <= ALWAYS and of(events, shell.pid) <= ALWAYS
    assert {WRITE, CLOSE, OPENAT, EXECVE} <= of(events, other)
    written = {tid: [event for event in events if event.tid == tid and event.type == WRITE] for tid in (chosen, other)}
    assert written[chosen] and all(event.raw["data"] for event in written[chosen])
    # What they wrote does not cross, how much it was does.
    assert written[other] and not any(event.raw["data"] for event in written[other])
    assert all(event.number("res") == event.number("size") > 0 for event in written[other])
    whole = captured(None, shell, line)
    # Of the chosen one there is all from its execve on, and what it did before that in the kernel's order.
    again = started(whole, "tail")
    count = {kind: sum(event.tid == again and event.type == kind for event in whole) for kind in {e.type for e in whole}}
    for kind in of(whole, again) - {SWITCH, *ALWAYS}:
        after = [event for event in events if event.tid == chosen and event.type == kind]
        assert 0 < len(after) <= count[kind], event_types(modern=True)[kind].name
    assert len(of(whole, started(whole, "cat"))) > len(of(events, other))


def test_threads_that_nobody_sets_aside_are_chosen(shell: Running) -> None:
    choice = Choice("name", [b"nobody"], ALWAYS)
    assert not of(captured(choice, shell, "cd /"), shell.pid) <= ALWAYS
    assert of(captured(choice, shell, "cd /", (shell.pid,)), shell.pid) <= ALWAYS


def test_what_a_thread_calls_itself_later_changes_nothing(tmp_path: Path, shell: Running) -> None:
    program = tmp_path / "renamed.py"
    program.write_text(
        "import ctypes, os\n"
        "ctypes.CDLL(None).prctl(15, b'another', 0, 0, 0)\n"
        "for _ in range(5): os.getppid()\n"
        "child = os.fork()\n"
        "for _ in range(5): os.getpgid(0)\n"
        "if child: os.waitpid(child, 0)\n"
    )
    name = Path(sys.executable).name.encode()[:15]
    events = captured(Choice("name", [name], ALWAYS), shell, f"{sys.executable} {program}", (shell.pid,))
    names = [event.name for event in events if event.type == GENERIC]
    assert names.count("getppid") == 5
    # The child is told by its own name, and by that of its parent as the tables have it: either is enough.
    assert names.count("getpgid") == 10
    by_new_name = captured(Choice("name", [b"another"], ALWAYS), shell, f"{sys.executable} {program}", (shell.pid,))
    child = [event.name for event in by_new_name if event.type == GENERIC]
    assert (child.count("getppid"), child.count("getpgid")) == (0, 5)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_numbers_of_processes_and_threads(kind: str, shell: Running) -> None:
    mine = Choice(kind, [shell.pid], ALWAYS)  # type: ignore[arg-type]
    events = captured(mine, shell, "cat /etc/hostname")
    assert not of(events, shell.pid) <= ALWAYS
    assert of(events, started(events, "cat")) <= ALWAYS
    nobody = Choice(kind, [1 << 22, -1, 1 << 40], ALWAYS)  # type: ignore[arg-type]
    assert of(captured(nobody, shell, "cat /etc/hostname"), shell.pid) <= ALWAYS


def test_switches_of_all_if_they_are_wanted(shell: Running) -> None:
    nobody = Choice("process", [], ALWAYS | {SWITCH})
    assert SWITCH in of(captured(nobody, shell, "sleep 0.01"), shell.pid)


def test_control_groups(shell: Running) -> None:
    with control_groups("scappy-choice") as groups:
        if not groups:
            pytest.skip("control groups cannot be made here")
        # By number: those that were there before. A new one is not among them.
        others = []
        for controller in CONTROLLERS:
            root = Path("/sys/fs/cgroup", {"io": "blkio"}.get(controller, controller))
            for path, _, _ in os.walk(root if root.is_dir() else "/sys/fs/cgroup"):
                if "scappy-choice" not in path:
                    others.append(group_number(controller, os.stat(path).st_ino))
        choice = Choice("group", others, ALWAYS)
        moves = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
        inside = f"sh -c '{moves}; exec tail -n 1 /etc/passwd'"
        events = captured(choice, shell, f"cat /etc/hostname; {inside}", (shell.pid,))
        assert not of(events, started(events, "tail")) <= ALWAYS
        assert of(events, started(events, "cat")) <= ALWAYS


def test_it_is_said_in_one_way_only() -> None:
    with pytest.raises(ValueError, match="two ways"):
        Probe(pids=[1], choice=Choice("process", [1]))
    assert Choice("name", [b"x" * 16, b"a"]).keys() == [b"a".ljust(16, b"\0")]
    with Probe(pids=[1 << 22]) as probe:
        probe.set_aside(1)
