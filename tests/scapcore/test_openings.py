"""Opening a file says the same whatever was opened before."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from capture_builder import CaptureBuilder
from hypothesis import given
from hypothesis import strategies as st

from scapcore.event import Event, EventIterator
from scapcore.fields import FieldUse
from scapcore.reader import Reader

AT_FDCWD = -100
FIELDS = ("fd.num", "fd.name", "fd.nameraw", "fd.directory", "fd.type", "fd.ino", "fd.dev", "fd.name_changed", "evt.abspath")


class Open(NamedTuple):
    """One call."""

    tid: int
    path: str
    fd: int = 5
    directory: int | None = None
    flags: int = 1
    device: int = 1
    inode: int = 1


opens = st.builds(
    Open,
    tid=st.sampled_from([7, 9]),
    path=st.sampled_from(["", "a", "./a", "../a", "/a", "/etc/../a", "b" * 1020, "a/b\x01c"]),
    fd=st.sampled_from([-2, 5, 6]),
    directory=st.sampled_from([None, AT_FDCWD, 3, 4]),
    flags=st.sampled_from([1, 2, 1 << 10, 1 << 12]),
    device=st.sampled_from([1, 2]),
    inode=st.sampled_from([1, 2]),
)


def base() -> CaptureBuilder:
    capture = CaptureBuilder().thread(7, "prog", cwd="/home").thread(9, "other", cwd="/srv")
    return capture.file(7, 3, "/usr/lib").file(9, 3, "/var/")


def add(capture: CaptureBuilder, call: Open) -> CaptureBuilder:
    if call.directory is None:
        return capture.event(
            "SYSCALL_OPEN_X", call.fd, call.path, call.flags, 0, call.device, call.inode, tid=call.tid
        )
    return capture.event(
        "SYSCALL_OPENAT_2_X", call.fd, call.directory, call.path, call.flags, 0, call.device, call.inode, tid=call.tid
    )


def values(event: Event) -> list[Any]:
    return [event[name] for name in FIELDS]


def events(capture: CaptureBuilder, modern: bool) -> list[Event]:
    return list(EventIterator(Reader(capture.source, modern=modern, needs=15), None, FieldUse))


@pytest.mark.parametrize("modern", [False, True])
@given(calls=st.lists(opens, max_size=12))
def test_an_open_says_what_it_says_alone(modern: bool, calls: list[Open]) -> None:
    together = base()
    for call in calls:
        add(together, call)
    alone = [values(events(add(base(), call), modern)[-1]) for call in calls]
    assert [values(event) for event in events(together, modern)] == alone


@pytest.mark.parametrize("modern", [False, True])
def test_a_directory_that_was_left_counts_no_more(modern: bool) -> None:
    capture = add(base(), Open(7, "a"))
    capture.event("SYSCALL_CHDIR_X", 0, "/tmp", tid=7)
    add(capture, Open(7, "a"))
    names = [event["fd.name"] for event in events(capture, modern) if event.type == "open"]
    assert names == ["/home/a", "/tmp/a"]


def test_rows_are_few_however_often_files_are_opened() -> None:
    capture = base()
    for number in range(5000):
        add(capture, Open(7, f"/tmp/{number % 3000}"))
    reader = Reader(capture.source)
    while reader.advance():
        pass
    assert reader.engine.rows()[1] < 1200
