"""What the kernel may leave out: nothing that would be seen."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from block_walker import blocks

import scappy
from scapcore.schema import event_types
from scappy.capturing.prefilter import WantedThreads, kept_types, wanted_threads, wanted_types
from scappy.filters import parse_filter
from scappy.records import Thread

FILTERS = (
    "evt.type = connect",
    "evt.type in (openat, close) and proc.name = curl",
    "evt.type != read and evt.type != write",
    "not evt.type in (mmap, futex)",
    "fd.type in (ipv4, ipv6)",
    "fd.type in (unix) and evt.buffer contains a",
    "fd.name contains resolv.conf",
    "fd.num = 3",
    "fd.l4proto = udp and evt.is_io = true",
    "evt.is_io_read = true",
    "evt.is_io_write = true and fd.sport = 53",
    "evt.is_io = false and fd.name exists",
    "evt.buflen > 20",
    "evt.io_dir = write",
    "evt.buffer contains example or evt.type = execve",
    "not (fd.name contains lib or evt.type = close)",
    "proc.name = curl",
    "evt.failed = true and fd.type exists",
    "fd.directory = /etc",
    "fd.connected = true",
    "thread.vmrss > 0 and evt.type = exit_group",
    "evt.type = procexit or evt.type startswith open",
)  # fmt: skip
FIELDS = ("evt.rawtime", "evt.type", "evt.dir", "proc.name", "proc.pid", "thread.tid", "fd.name", "fd.type", "fd.num",
          "proc.cwd", "proc.exepath", "proc.pname", "user.name", "container.id", "evt.info", "evt.args")  # fmt: skip
EVENT_BLOCKS = (0x216, 0x217, 0x221, 0x222)


def reduced(data: bytes, types: frozenset[int], left_out: frozenset[tuple[int, int, int]] = frozenset()) -> bytes:
    """A capture without the events of other types, and without some, by time, thread and type."""
    kept = []
    for kind, body in blocks(data):
        if kind in EVENT_BLOCKS:
            place = {0x217: 6, 0x222: 6}.get(kind, 2)
            time, tid, _, number = struct.unpack_from("<QqIH", body, place)
            if number not in types or (time, tid, number) in left_out:
                continue
        length = len(body) + 12
        kept.append(struct.pack("<II", kind, length) + body + struct.pack("<I", length))
    return b"".join(kept)


def lines(data: bytes, text: str, fields: tuple[str, ...]) -> list[tuple[object, ...]]:
    capture = scappy.open(data, view="exit").filter(text)
    return [tuple(event[name] for name in fields) for event in capture]


@pytest.fixture(scope="module")
def originals(newer_captures: list[Path]) -> list[bytes]:
    found = []
    for path in newer_captures:
        target = io.BytesIO()
        scappy.open(path).write(target)
        found.append(target.getvalue())
    return found


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("known", [True, False])
def test_the_same_is_seen_without_what_is_left_out(originals: list[bytes], text: str, known: bool) -> None:
    fields = FIELDS if known else (*FIELDS, "thread.vmsize", "thread.vmrss", "fd.connected")
    wanted = wanted_types(parse_filter(text), fields if known else None)
    seen = 0
    for data in originals:
        whole = lines(data, text, fields)
        seen += len(whole)
        assert lines(data if wanted is None else reduced(data, wanted | {290}), text, fields) == whole
    assert seen or "unix" in text or "vmrss" in text


def test_something_is_left_out() -> None:
    names = {kind.type: kind.name for kind in event_types(True)}

    def left(text: str, *fields: str) -> set[str]:
        types = wanted_types(parse_filter(text), fields)
        assert types is not None
        return {names[number] for number in names if number % 2} - {names[number] for number in types}

    assert {"futex", "mmap", "write", "poll"} <= left("evt.type = connect", "proc.name")
    assert {"futex", "mmap", "epoll_wait"} - left("fd.type = unix and evt.buffer contains x", "fd.name") == set()
    assert "read" not in left("fd.type = unix and evt.buffer contains x", "fd.name")
    assert "mmap" not in left("evt.type = connect", "thread.vmrss")
    assert "write" not in left("evt.type = connect", "fd.connected")
    for text in ("evt.type = connect", "fd.name contains x", "evt.type = futex"):
        assert not left(text) & {"clone", "execve", "close", "openat", "dup", "chdir", "setuid", "accept4", "bind"}


def test_page_faults_come_when_they_are_named() -> None:
    for text in ("evt.type = page_fault", "evt.type = page_fault or proc.name = x", "evt.type in (page_fault, open)"):
        assert 290 in (wanted_types(parse_filter(text)) or ())
    for text in ("evt.type = open", "not evt.type = futex"):
        types = wanted_types(parse_filter(text))
        assert types is not None and 290 not in types


def test_what_cannot_be_told_before_is_not_left_out() -> None:
    for text in ("proc.name = x", "evt.arg.res = 3", "evt.type contains open or proc.pid = 3", "not fd.name contains x"):
        assert wanted_types(parse_filter(text)) is None
    assert wanted_types(None) is None


@pytest.mark.parametrize(
    "text", ["proc.name = {}", "proc.name in ({}, nobody) and fd.name exists", "proc.pid = {}", "thread.tid = {}"]
)
@pytest.mark.parametrize("known", [True, False])
def test_the_same_is_seen_without_other_threads(originals: list[bytes], text: str, known: bool) -> None:
    """Events of threads that cannot pass are left out, as the kernel does it: but for those that change the tables."""
    fields = FIELDS if known else (*FIELDS, "thread.vmsize", "thread.vmrss", "fd.connected")
    every = frozenset(range(len(event_types(True))))
    seen = left = 0
    for data in originals:
        capture = scappy.open(data, view="exit")
        field = text.split()[0]
        counts: dict[object, int] = {}
        for event in capture:
            counts[event[field]] = counts.get(event[field], 0) + 1
        counts.pop(None, None)
        value = max(counts, key=lambda found: (counts[found], str(found)))
        tree = parse_filter(text.format(value))
        threads = wanted_threads(tree)
        assert threads is not None and threads.field == field
        kept = kept_types(tree, fields if known else None)
        others = frozenset(
            (event.ts, event.tid, event.type)
            for event in capture
            if (event[field].encode() if isinstance(event[field], str) else event[field]) not in threads.values
            and event.type not in kept
        )
        left += len(others)
        whole = lines(data, text.format(value), fields)
        seen += len(whole)
        assert lines(reduced(data, every, others), text.format(value), fields) == whole
    assert seen and left


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("proc.name = curl", "proc.name", {b"curl"}),
        ("(proc.name = a or proc.name in (b, c)) and evt.type = open", "proc.name", {b"a", b"b", b"c"}),
        ("proc.name = a and (proc.name = b or fd.num = 3)", "proc.name", {b"a"}),
        ("proc.name in (a, b) and proc.name in (b, c)", "proc.name", {b"b"}),
        ("proc.name = a and proc.pid = 7", "proc.pid", {7}),
        ("proc.pid = 7 and thread.tid in (8, 9)", "thread.tid", {8, 9}),
        ("container.id = 0123456789ab and not evt.type = futex", "container.id", {b"0123456789ab"}),
    ],
)
def test_threads_that_alone_can_pass(text: str, field: str, values: set[object]) -> None:
    assert wanted_threads(parse_filter(text)) == WantedThreads(field, frozenset(values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "proc.name != curl",
        "not proc.name = curl",
        "proc.name = curl or fd.num = 3",
        "proc.name = a or proc.pid = 7",
        "proc.name contains curl",
        "proc.pname = sh",
        "tolower(proc.name) = curl",
        "container.id = host",
        "container.name = web",
        "evt.type = open",
    ],
)
def test_threads_that_may_be_any(text: str) -> None:
    assert wanted_threads(parse_filter(text)) is None


def test_which_threads_are_excluded() -> None:
    thread = Thread(9, "worker", "/bin/server", pid=7, cgroups=("cpu=/docker/" + "0123456789ab" * 5 + "0123",))
    for text in ("proc.name = worker", "proc.pid = 7", "thread.tid = 9", "container.id = 0123456789ab"):
        threads = wanted_threads(parse_filter(text))
        assert threads is not None and not threads.excludes(thread)
    for text in ("proc.name = server", "proc.pid = 9", "thread.tid = 7", "container.id = ba9876543210"):
        threads = wanted_threads(parse_filter(text))
        assert threads is not None and threads.excludes(thread)
