"""What else happens on the machine: timers, health checks, watches, logs. Always the same, never chance.

:class:`Background` plays two CPUs that share some fifty threads. Each thread is a generator of system calls; when
one waits, its CPU switches to another or idles. The story's own threads take a CPU whenever the script says so and
give it back afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, TypeAlias

from scappy.samples import calls
from scappy.samples.calls import EAGAIN, ETIMEDOUT, Call, Half
from scappy.samples.cluster import NODE
from scappy.samples.processes import PROGRAMS, Program
from scappy.samples.scenes import STORY_THREADS

__all__ = ["Background", "Happening"]


class Happening(NamedTuple):
    """A background event without its number."""

    timestamp: int
    cpu: int
    tid: int
    half: Half


class Wait(NamedTuple):
    """A system call in which the thread sleeps."""

    call: Call


class Nap:
    """A kernel thread sleeps: no system call, only the switch is seen."""


Doing: TypeAlias = Call | Half | Wait | Nap
Dice: TypeAlias = Callable[[], float]

# Relative lengths of time: within a call, between calls, until something wakes an idle CPU.
_SHORT, _NEXT, _IDLE = 1.0, 1.6, 700.0


@dataclass
class Connection:
    """Two ends that must agree about what has been sent."""

    requests: deque[bytes] = field(default_factory=deque)
    replies: deque[bytes] = field(default_factory=deque)


# Threads, each a generator of what it does


def _system_monitor(dice: Dice) -> Iterator[Doing]:
    """The Go runtime's monitor: it sleeps for 20 microseconds to 10 milliseconds, over and over."""
    while True:
        yield Wait(calls.select(0))


def _idle_worker(address: int, dice: Dice) -> Iterator[Doing]:
    """A Go thread that is woken, finds little to do and sleeps again."""
    while True:
        yield Wait(calls.futex(address, calls.FUTEX_WAIT, 0, 0 if dice() < 0.7 else ETIMEDOUT))
        if dice() < 0.6:
            yield calls.futex(address + 0x180, calls.FUTEX_WAKE, 1, 1)
        if dice() < 0.2:
            yield calls.epoll_wait(128, 0)
            yield calls.generic("sched_yield", 24)


def _client(fd: int, connection: Connection, request: bytes, address: int, dice: Dice) -> Iterator[Doing]:
    """Asks the other end from time to time, and waits for the answer."""
    while True:
        for _ in range(1 + int(dice() * 6)):
            yield Wait(calls.futex(address, calls.FUTEX_WAIT, 0, ETIMEDOUT))
        if not connection.requests and not connection.replies:
            yield calls.write(fd, request)
            connection.requests.append(request)
        yield Wait(calls.epoll_wait(128, 1))
        if connection.replies:
            yield calls.read(fd, 4096, connection.replies.popleft())
        yield calls.read(fd, 4096, result=EAGAIN)
        yield calls.futex(address + 0x180, calls.FUTEX_WAKE, 1, 1)


def _server(ends: tuple[tuple[int, Connection, bytes], ...], address: int, dice: Dice) -> Iterator[Doing]:
    """Answers whoever has asked; each end is its descriptor, its connection and the answer."""
    while True:
        yield Wait(calls.epoll_wait(128, 1))
        for fd, connection, reply in ends:
            if connection.requests:
                yield calls.read(fd, 4096, connection.requests.popleft())
                yield calls.read(fd, 4096, result=EAGAIN)
                yield calls.futex(address, calls.FUTEX_WAKE, 1, 1)
                yield calls.write(fd, reply)
                connection.replies.append(reply)


def _control_group_reader(dice: Dice) -> Iterator[Doing]:
    """The kubelet's cAdvisor reads what every container uses."""
    groups = [f"/docker/{group.split('/')[-1]}" for program in PROGRAMS.values() for group in program.cgroups[4:5]]
    groups = ["", "/docker", *dict.fromkeys(group for group in groups if group != "/docker/")]
    usage = 40_000_000
    while True:
        for group in groups:
            yield Wait(calls.futex(0x3A1B240, calls.FUTEX_WAIT, 0, ETIMEDOUT))
            for controller, name in _CONTROL_FILES:
                usage += int(dice() * 9000)
                content = _control_content(name, usage)
                yield calls.open_file(
                    f"/sys/fs/cgroup/{controller}{group}/{name}", 14, calls.READ_ONLY | calls.CLOSE_ON_EXEC
                )
                yield calls.fstat(14)
                yield calls.read(14, 512 + len(content), content)
                yield calls.read(14, 512)
                yield calls.close(14)
                if dice() < 0.15:
                    yield calls.futex(0x3A1B6C0, calls.FUTEX_WAKE, 1, 1)


_CONTROL_FILES = (
    ("cpuacct", "cpuacct.usage"),
    ("cpuacct", "cpuacct.usage_percpu"),
    ("memory", "memory.usage_in_bytes"),
    ("memory", "memory.stat"),
    ("memory", "memory.failcnt"),
)


def _control_content(name: str, usage: int) -> bytes:
    if name == "memory.stat":
        return b"cache %d\nrss %d\nrss_huge 0\nmapped_file 1462272\npgpgin 9021\npgpgout 5212\n" % (usage, usage // 3)
    if name == "cpuacct.usage_percpu":
        return b"%d %d \n" % (usage * 7, usage * 6)
    return b"0\n" if name.endswith("failcnt") else b"%d\n" % usage


def _write_ahead_log(dice: Dice) -> Iterator[Doing]:
    """etcd makes an entry durable."""
    position = 4_218_880
    while True:
        yield Wait(calls.futex(0x10B1040, calls.FUTEX_WAIT, 0))
        if dice() < 0.25:
            entry = bytes(int(dice() * 256) for _ in range(48 + int(dice() * 80)))
            yield calls.pwrite(5, entry, position)
            position += len(entry)
            yield Wait(calls.generic("fdatasync", 75))


def _guest_service(dice: Dice) -> Iterator[Doing]:
    """VirtualBox in the guest: sleep, then ask the host for the time."""
    while True:
        yield Wait(calls.nanosleep(1_000_000_000 if dice() < 0.3 else 200_000_000))
        yield calls.ioctl(3, 0xC0205620, 0x7F2C4B7FDC70)


def _terminal(dice: Dice) -> Iterator[Doing]:
    """sshd carries a terminal's output to the user, encrypted."""
    while True:
        yield Wait(calls.select(1))
        if dice() < 0.4:
            packet = bytes(int(dice() * 256) for _ in range(36))
            yield calls.read(11, 16384, b"\x1b[K")
            yield calls.write(3, packet)
        yield calls.generic("rt_sigprocmask", 14)


def _log_writer(dice: Dice) -> Iterator[Doing]:
    """rsyslogd takes a message and appends it to its file."""
    count = 0
    while True:
        yield Wait(calls.select(1))
        if dice() < 0.3:
            count += 1
            yield calls.write(
                7, f"Dec  8 16:41:40 kube-all-in-one kernel: [{7100 + count}] docker0: port entered\n".encode()
            )


def _service_loop(dice: Dice) -> Iterator[Doing]:
    """systemd and others: events, most of which need nothing."""
    while True:
        yield Wait(calls.epoll_wait(12, 1))
        yield calls.generic("getpid", 39)


def _kernel_thread(dice: Dice) -> Iterator[Doing]:
    while True:
        yield Nap()


# Who they are


def _http(first: str, *lines: str, body: str = "") -> bytes:
    return "\r\n".join((first, *lines, f"Content-Length: {len(body)}", "", body)).encode()


_JSON = "Content-Type: application/json"
_NODE_STATUS = f'{{"kind":"Node","apiVersion":"v1","metadata":{{"name":"{NODE}","resourceVersion":"1258"}}}}\n'
_LEADER = '{"kind":"Endpoints","apiVersion":"v1","metadata":{"name":"kube-scheduler","namespace":"kube-system"}}\n'
_CONTAINER_LIST = '[{"Id":"b3a718d8b339","Image":"tutum/curl","Command":"bash","State":"running"}]\n'


@dataclass
class _Worker:
    """A background thread between two of its events."""

    tid: int
    actions: Iterator[Doing]
    weight: float
    memory: tuple[int, int, int]
    faults: int = 0
    rest: Half | None = None
    waking: Half | None = None
    asleep: bool = False
    taken: bool = False

    def switch_to(self, tid: int) -> Half:
        return calls.switch(tid, (0, self.faults), self.memory)


def _workers(dice: Dice) -> Iterator[_Worker]:
    """All background threads with how often they get a CPU."""
    store, store_watch, nodes, leader, schedule, engine = (Connection() for _ in range(6))
    stored = '{"action":"get","node":{"key":"/registry/minions","dir":true,"modifiedIndex":12,"createdIndex":12}}\n'
    get_registry = _http("GET /v2/keys/registry/minions?quorum=true&recursive=true HTTP/1.1", "Host: 127.0.0.1:4001")
    registry = _http("HTTP/1.1 200 OK", _JSON, "X-Etcd-Index: 1259", body=stored)
    get_node = _http(f"GET /api/v1/nodes/{NODE} HTTP/1.1", "Host: localhost:8080", "User-Agent: hyperkube/v1.3.6")
    node = _http("HTTP/1.1 200 OK", _JSON, body=_NODE_STATUS)
    get_leader = _http("GET /api/v1/namespaces/kube-system/endpoints/kube-scheduler HTTP/1.1", "Host: 127.0.0.1:8080")
    leading = _http("HTTP/1.1 200 OK", _JSON, body=_LEADER)
    special: dict[int, tuple[float, Iterator[Doing]]] = {
        2417: (5.0, _control_group_reader(dice)),
        2429: (7.0, _system_monitor(dice)),
        2430: (2.0, _client(5, nodes, get_node, 0x3A1B0C0, dice)),
        2103: (2.0, _server(((9, store, registry), (11, store_watch, registry)), 0x10B1040, dice)),
        2120: (1.0, _write_ahead_log(dice)),
        2121: (4.0, _system_monitor(dice)),
        3051: (2.5, _client(7, store, get_registry, 0x2C41A80, dice)),
        3069: (6.0, _system_monitor(dice)),
        3070: (2.5, _server(((9, nodes, node), (12, leader, leading), (14, schedule, leading)), 0x2C41C00, dice)),
        3071: (1.5, _client(8, store_watch, get_registry, 0x2C41D80, dice)),
        3062: (1.0, _client(3, leader, get_leader, 0x2A0F100, dice)),
        3081: (3.0, _system_monitor(dice)),
        3078: (1.0, _client(3, schedule, get_leader, 0x29E3100, dice)),
        3095: (3.0, _system_monitor(dice)),
        2702: (2.0, _system_monitor(dice)),
        4594: (2.0, _system_monitor(dice)),
        4635: (2.0, _system_monitor(dice)),
        1330: (3.0, _system_monitor(dice)),
        1331: (1.5, _server(((20, engine, _http("HTTP/1.1 200 OK", _JSON, body=_CONTAINER_LIST)),), 0x1A2E6F0, dice)),
        2434: (
            1.0,
            _client(12, engine, _http("GET /containers/json?limit=0 HTTP/1.1", "Host: docker"), 0x3A1B440, dice),
        ),
        1344: (3.0, _system_monitor(dice)),
        17411: (2.0, _system_monitor(dice)),
        987: (0.2, _guest_service(dice)),
        991: (0.3, _guest_service(dice)),
        994: (0.2, _guest_service(dice)),
        875: (0.1, _log_writer(dice)),
        889: (0.1, _service_loop(dice)),
        890: (0.1, _service_loop(dice)),
        1: (0.1, _service_loop(dice)),
        3411: (0.2, _terminal(dice)),
    }
    silent = {1201, 3415, *(pid for pid, program in PROGRAMS.items() if program.comm == "nginx")}
    for program in PROGRAMS.values():
        for tid in program.tids:
            if tid in STORY_THREADS or tid in silent:
                continue
            weight, actions = special.get(tid) or _common(program, tid, dice)
            yield _Worker(tid, actions, weight, program.memory_kb, program.memory_kb[1] // 3)


def _common(program: Program, tid: int, dice: Dice) -> tuple[float, Iterator[Doing]]:
    if not program.memory_kb[0]:
        return 0.6, _kernel_thread(dice)
    return 0.8, _idle_worker(0x1A00000 + tid * 64, dice)


class _Processor:
    """A CPU: who is on it, and which background thread the story pushed aside."""

    def __init__(self) -> None:
        self.running = 0
        self.worker: _Worker | None = None
        self.aside: _Worker | None = None


class Background:
    """Plays the machine; the same numbers give the same events.

    Parameters
    ----------
    seed : int
        Of the sequence by which threads are chosen.
    """

    def __init__(self, seed: int = 20161208) -> None:
        # Of this generator only random() is the same in every version of Python, so nothing else is used.
        self._dice = Random(seed).random
        workers = list(_workers(self._dice))
        self._ladder: list[_Worker] = []
        for worker in workers:
            self._ladder += [worker] * max(1, round(worker.weight * 10))
        self._processors = (_Processor(), _Processor())
        self._current = 0

    def seize(self, cpu: int, tid: int) -> None:
        """A thread of the story is on the CPU now."""
        processor = self._processors[cpu]
        if processor.running == tid and processor.worker is None:
            return
        if processor.worker is not None:
            processor.aside = processor.worker
        processor.worker, processor.running = None, tid

    def fill(
        self, count: int, begin: int, end: int, spared: int | None = None, following: tuple[int, int] | None = None
    ) -> list[Happening]:
        """Events to fill a gap.

        Parameters
        ----------
        count : int
            How many.
        begin, end : int
            Times between which they all are, in ns.
        spared : int, optional
            A CPU that is busy with the story.
        following : tuple of (int, int), optional
            CPU and thread of the story's next event, to which the CPU switches.
        """
        events: list[tuple[float, int, int, Half]] = []
        for left in range(count, 0, -1):
            if left == 1 and following is not None:
                cpu, tid = following
                if self._processors[cpu].running != tid:
                    events.append(self._give(cpu, tid))
                    break
                # One more event there would take the CPU away from the story.
                self._current = 1 - cpu
            elif spared is not None:
                self._current = 1 - spared
            elif self._dice() < 0.2:
                self._current = 1 - self._current
            events.append(self._step(self._current))
        lengths = [event[0] * (0.5 + self._dice()) for event in events]
        total = sum(lengths) + _SHORT
        span = (end - begin) / total
        happenings = []
        passed, previous = 0.0, begin
        for index, (_, cpu, tid, half) in enumerate(events):
            passed += lengths[index]
            # At least a nanosecond after the one before, and early enough for those that follow.
            previous = min(max(begin + int(passed * span), previous + 1), end - (len(events) - index))
            happenings.append(Happening(previous, cpu, tid, half))
        return happenings

    def _give(self, cpu: int, tid: int) -> tuple[float, int, int, Half]:
        """The CPU switches to a thread of the story."""
        processor = self._processors[cpu]
        leaving, worker = processor.running, processor.worker
        half = worker.switch_to(tid) if worker is not None else calls.switch(tid, (0, 0), (0, 0, 0))
        self.seize(cpu, tid)
        return _NEXT, cpu, leaving, half

    def _step(self, cpu: int) -> tuple[float, int, int, Half]:
        """The next event on a CPU, after how long, and of which thread."""
        processor = self._processors[cpu]
        worker = processor.worker
        if worker is None:
            return self._switch(cpu, processor, None)
        if worker.rest is not None:
            half, worker.rest = worker.rest, None
            return _SHORT, cpu, worker.tid, half
        if worker.asleep:
            return self._switch(cpu, processor, worker)
        doing = next(worker.actions)
        if isinstance(doing, Call):
            worker.rest = doing.leave
            return _NEXT, cpu, worker.tid, doing.enter
        if isinstance(doing, Wait):
            worker.waking, worker.asleep = doing.call.leave, True
            return _NEXT, cpu, worker.tid, doing.call.enter
        if isinstance(doing, Half):
            return _NEXT, cpu, worker.tid, doing
        worker.asleep = True
        return self._switch(cpu, processor, worker)

    def _switch(self, cpu: int, processor: _Processor, worker: _Worker | None) -> tuple[float, int, int, Half]:
        """Take the CPU from who is on it and give it to another, or to nobody."""
        leaving = processor.running
        following: _Worker | None = None
        if processor.aside is not None:
            following, processor.aside = processor.aside, None
        elif leaving == 0 or self._dice() < 0.35:
            following = self._pick()
        if worker is not None:
            worker.taken = False
            worker.faults += self._dice() < 0.1
        processor.worker, processor.running = following, following.tid if following else 0
        half = worker.switch_to(processor.running) if worker is not None else calls.switch(processor.running, (0, 0), (0, 0, 0))
        # An idle CPU waits long, any other for a moment.
        return _IDLE * self._dice() if leaving == 0 else _NEXT, cpu, leaving, half

    def _pick(self) -> _Worker:
        """A thread that no CPU has, woken up."""
        while True:
            worker = self._ladder[int(self._dice() * len(self._ladder))]
            if not worker.taken:
                break
        worker.taken = True
        if worker.asleep:
            worker.asleep = False
            worker.rest, worker.waking = worker.waking, None
        return worker
