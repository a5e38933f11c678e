"""What is rendered after a batch is what held at the event."""

from __future__ import annotations

import io
import random

import pytest
from capture_builder import CaptureBuilder, Memory
from exercise import all_fields
from hypothesis import given, settings
from hypothesis import strategies as st

from scapcore.reader import Reader
from scapcore.text import ArgumentText
from scappy.formats import TextSink, parse

NEED_LINKS_AND_CHANGES = 12


def read(source: Memory) -> Reader:
    """A reader that stands at the only batch of a small capture."""
    reader = Reader(source, state=True, needs=NEED_LINKS_AND_CHANGES)
    assert reader.advance()
    return reader


def texts(capture: CaptureBuilder, order: list[int] | None = None) -> dict[int, str]:
    """Arguments of the events by row, asked for in an order."""
    reader = read(capture.source)
    text = ArgumentText()
    rows = list(range(len(reader.batch))) if order is None else order
    return {row: text.arguments(reader.batch, row).decode() for row in rows}


def base() -> CaptureBuilder:
    return CaptureBuilder().thread(1, "init").thread(7, "prog", cwd="/home/")


def test_names_of_one_descriptor_over_time() -> None:
    capture = base()
    for name in ("/one", "/two"):
        capture.event("SYSCALL_OPEN_E", tid=7)
        capture.event("SYSCALL_OPEN_X", 3, name, 1, 0, tid=7)
        capture.event("SYSCALL_LSEEK_E", 3, 0, 0, tid=7)
        capture.event("SYSCALL_CLOSE_E", 3, tid=7)
        capture.event("SYSCALL_CLOSE_X", 0, tid=7)
        capture.event("SYSCALL_LSEEK_E", 3, 0, 0, tid=7)
    shown = texts(capture)
    assert shown[1].startswith("fd=3(<f>/one) name=/one")
    assert shown[2].startswith("fd=3(<f>/one) ")
    assert shown[3] == "fd=3(<f>/one) "
    assert shown[5].startswith("fd=3 ")
    assert shown[7].startswith("fd=3(<f>/two) ")
    assert shown[9] == "fd=3(<f>/two) "
    assert shown[11].startswith("fd=3 ")


def test_names_of_one_thread_over_time() -> None:
    capture = base()
    capture.event("SYSCALL_KILL_E", 7, 9, tid=1)
    execve = (0, "/bin/new", b"", 7, 7, 1, "", 0, 0, 0, 0, 0, 0, "new", b"", b"")
    capture.event("SYSCALL_EXECVE_15_E", tid=7).event("SYSCALL_EXECVE_15_X", *execve, tid=7)
    capture.event("SYSCALL_KILL_E", 7, 9, tid=1)
    capture.event("PROCEXIT_1_E", 0, 0, 0, 0, tid=7)
    capture.event("SYSCALL_KILL_E", 7, 9, tid=1)
    shown = texts(capture)
    assert shown[0] == "pid=7(prog) sig=9(SIGKILL) "
    assert shown[3] == "pid=7(new) sig=9(SIGKILL) "
    assert shown[5] == "pid=7 sig=9(SIGKILL) "


def test_directory_over_time() -> None:
    capture = base()
    for directory in ("/tmp", "sub"):
        capture.event("SYSCALL_UNLINK_2_X", 0, "file", tid=7)
        capture.event("SYSCALL_CHDIR_E", tid=7).event("SYSCALL_CHDIR_X", 0, directory, tid=7)
    capture.event("SYSCALL_UNLINK_2_X", 0, "file", tid=7)
    shown = texts(capture)
    assert [shown[row] for row in (0, 3, 6)] == [
        "res=0 path=file(/home/file) ", "res=0 path=file(/tmp/file) ", "res=0 path=file(/tmp/sub/file) ",
    ]  # fmt: skip


def test_batch_that_the_reader_has_left() -> None:
    reader = read(base().event("SYSCALL_LSEEK_E", 3, 0, 0, tid=7).event("SYSCALL_LSEEK_X", 0, tid=7).source)
    batch = reader.batch
    text = ArgumentText()
    assert text.arguments(batch, 1) == b"res=0 "
    assert not reader.advance()
    assert text.arguments(batch, 1) == b"res=0 "
    with pytest.raises(IndexError):
        text.arguments(reader.batch, 1)


def test_one_text_for_many_batches_and_readers() -> None:
    count = 40_000
    capture = base()
    one = CaptureBuilder().event("SYSCALL_LSEEK_E", 3, 0, 0, tid=7).content[28:]
    opened = CaptureBuilder().event("SYSCALL_OPEN_X", 3, "/late", 1, 0, tid=7).content[28:]
    entered = CaptureBuilder().event("SYSCALL_OPEN_E", tid=7).content[28:]
    content = capture.content + one * count + entered + opened + one
    text = ArgumentText()
    for _ in range(2):
        reader = Reader(Memory(content), state=True, needs=NEED_LINKS_AND_CHANGES)
        shown = []
        while reader.advance():
            shown += [text.arguments(reader.batch, row) for row in range(len(reader.batch))]
        assert set(shown[: count + 1]) == {b"fd=3 offset=0 whence=0(SEEK_SET) ", b""}
        assert shown[-1] == b"fd=3(<f>/late) offset=0 whence=0(SEEK_SET) "


FDS = st.integers(3, 5)
TIDS = st.sampled_from([1, 7, 8, 9])
STEPS = st.one_of(
    st.tuples(st.just("open"), TIDS, FDS, st.sampled_from(["/a", "b", "../c"])),
    st.tuples(st.just("close"), TIDS, FDS, st.just("")),
    st.tuples(st.just("dup"), TIDS, FDS, FDS),
    st.tuples(st.just("chdir"), TIDS, FDS, st.sampled_from(["/x", "y", ".."])),
    st.tuples(st.just("exec"), TIDS, FDS, st.sampled_from(["one", "two"])),
    st.tuples(st.just("fork"), TIDS, TIDS, st.just("")),
    st.tuples(st.just("exit"), st.sampled_from([8, 9]), FDS, st.just("")),
    st.tuples(st.just("look"), TIDS, FDS, st.just("")),
)


def add(capture: CaptureBuilder, step: tuple[str, int, int, str | int]) -> None:
    """Add the events of a step, and two that show descriptors, a directory and a thread."""
    what, tid, number, value = step
    if what == "open":
        capture.event("SYSCALL_OPEN_E", tid=tid).event("SYSCALL_OPEN_X", number, value, 1, 0, tid=tid)
    elif what == "close":
        capture.event("SYSCALL_CLOSE_E", number, tid=tid).event("SYSCALL_CLOSE_X", 0, tid=tid)
    elif what == "dup":
        capture.event("SYSCALL_DUP_E", number, tid=tid).event("SYSCALL_DUP_X", value, tid=tid)
    elif what == "chdir":
        capture.event("SYSCALL_CHDIR_E", tid=tid).event("SYSCALL_CHDIR_X", 0, value, tid=tid)
    elif what == "exec":
        capture.event("SYSCALL_EXECVE_15_E", tid=tid)
        values = (0, "/bin/x", b"", tid, tid, 1, "", 0, 0, 0, 0, 0, 0, value, b"", b"")
        capture.event("SYSCALL_EXECVE_15_X", *values, tid=tid)
    elif what == "fork":
        shared = (b"", tid, tid, 1, "/", 0, 0, 0, 0, 0, 0, "child", b"", 0, 0, 0, number, number)
        capture.event("SYSCALL_CLONE_20_X", number, "/bin/x", *shared, tid=tid)
    elif what == "exit":
        capture.event("PROCEXIT_1_E", 0, 0, 0, 0, tid=tid)
    poll = b"\x03\x00" + b"".join(fd.to_bytes(8, "little") + b"\x01\x00" for fd in (3, 4, 5))
    capture.event("SYSCALL_POLL_X", 1, poll, tid=tid)
    capture.event("SYSCALL_RENAMEAT_X", 0, 3, "from", 4, "to", tid=tid)
    capture.event("SYSCALL_TGKILL_E", 8, 9, 1, tid=tid)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_text_is_that_of_a_capture_that_ends_there(
    steps: list[tuple[str, int, int, str | int]], chance: random.Random
) -> None:
    whole = base().thread(8, "other").file(7, 3, "/start")
    start = len(whole.content)
    ends: list[int] = []
    for step in steps:
        before = whole.events
        add(whole, step)
        ends += range(before, whole.events)
    expected = {}
    content = whole.content
    place = start
    for row in ends:
        place += int.from_bytes(content[place + 4 : place + 8], "little")
        reader = read(Memory(content[:place]))
        expected[row] = ArgumentText().arguments(reader.batch, row).decode()
    assert place == len(content)
    assert texts(whole) == expected
    order = ends[:]
    chance.shuffle(order)
    assert texts(whole, order) == expected


def values(capture: CaptureBuilder, template: str) -> list[bytes]:
    """What a format shows of each event, up to a tab."""
    output = io.BytesIO()
    sink = TextSink(output, parse(template))
    reader = Reader(capture.source, state=sink.needs_state, needs=sink.needs)
    while reader.advance():
        sink.write(reader.batch)
    sink.close()
    return [line.partition(b"\t")[0] for line in output.getvalue().splitlines()]


@pytest.fixture(scope="module")
def passing() -> CaptureBuilder:
    """A capture in which nothing that calls name is there any more at its end."""
    capture = base()
    capture.event("SYSCALL_OPEN_E", tid=7).event("SYSCALL_OPEN_X", 3, "/home", 1 << 17 | 1, 0, tid=7)
    capture.event("SYSCALL_OPENAT_E", 3, "sub/file", 1, 0, tid=7).event("SYSCALL_OPENAT_X", 4, tid=7)
    capture.event("SYSCALL_OPENAT_2_E", tid=7).event("SYSCALL_OPENAT_2_X", 5, 3, "sub/other", 1, 0, 0, tid=7)
    capture.event("SYSCALL_LINKAT_2_E", tid=7).event("SYSCALL_LINKAT_2_X", 0, 3, "one", 3, "two", 0, tid=7)
    for fd in (5, 4, 3):
        capture.event("SYSCALL_CLOSE_E", fd, tid=7).event("SYSCALL_CLOSE_X", 0, tid=7)
    return capture.event("PROCEXIT_1_E", 0, tid=7)


def test_paths_below_directories_that_are_closed_later(passing: CaptureBuilder) -> None:
    found = [path for path in values(passing, "*%evt.abspath.src") if path != b"<NA>"]
    assert found == [b"/home/sub/file", b"/home/sub/other", b"/home/one"]


@pytest.mark.parametrize("name", all_fields())
def test_fields_need_no_neighbours(passing: CaptureBuilder, name: str) -> None:
    beside_others = values(passing, f"*%{name}\t%evt.args%evt.latency%proc.vmsize%proc.aname[1]")
    assert values(passing, f"*%{name}") == beside_others
