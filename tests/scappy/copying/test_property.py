"""Whatever events a capture holds: a copy is the same, and what filters part comes together again."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

import scappy
from scappy.copying import CopySettings, copy_capture
from scappy.records import Container, File, Thread
from scappy.writer import CaptureWriter

CALLS = st.tuples(
    st.sampled_from(["open", "read", "close", "chdir", "container", "dup"]),
    st.integers(1, 4),
    st.integers(3, 6),
    st.booleans(),
    st.binary(max_size=40),
)


def capture_of(calls: list[tuple[str, int, int, bool, bytes]], flags: bool) -> bytes:
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        for tid in (1, 2, 3):
            writer.thread(Thread(tid, f"p{tid}", ptid=tid - 1, fds=(File(3, f"/tmp/{tid}"),)))
        for index, (name, tid, fd, whole, data) in enumerate(calls):
            time = 1_000_000 + 10 * index
            block_flags = int(flags and not whole)
            if name == "container":
                writer.container(Container(f"{fd:012d}", f"c{tid}", "image"), time)
                continue
            if name == "open":
                writer.event("open", ">", time, tid, name=f"/f{fd}", flags=1, mode=0)
                if whole:
                    writer.event("open", "<", time + 1, tid, fd=fd, name=f"/f{fd}", flags=1, mode=0)
            elif name == "read":
                if whole:
                    writer.event("read", ">", time, tid, fd=fd, size=100)
                writer.event("read", "<", time + 1, tid, res=len(data), data=data, block_flags=block_flags)
            elif name == "close":
                writer.event("close", ">", time, tid, fd=fd)
                writer.event("close", "<", time + 1, tid, res=0 if whole else -9)
            elif name == "chdir":
                writer.event("chdir", ">", time, tid)
                writer.event("chdir", "<", time + 1, tid, res=0, path=f"/d{fd}")
            else:
                writer.event("dup", ">", time, tid, fd=fd)
                writer.event("dup", "<", time + 1, tid, res=fd + 1)
    return target.getvalue()


def copied(content: bytes, where: str = "", **settings: object) -> bytes:
    capture = scappy.open(content)
    target = io.BytesIO()
    copy_capture(capture.filter(where) if where else capture, target, CopySettings(**settings))  # type: ignore[arg-type]
    return target.getvalue()


def lines(content: bytes, where: str = "") -> list[tuple[object, ...]]:
    capture = scappy.open(content)
    fields = ("evt.rawtime", "thread.tid", "proc.name", "fd.num", "fd.name", "evt.type", "evt.dir", "evt.args", "proc.cwd")
    return [tuple(event[name] for name in fields) for event in (capture.filter(where) if where else capture)]


@settings(max_examples=150, deadline=None)
@given(st.lists(CALLS, max_size=25), st.booleans(), st.sampled_from([None, "gzip", "zstd", "lz4"]))
def test_a_copy_is_the_same(calls: list[tuple[str, int, int, bool, bytes]], flags: bool, compress: str | None) -> None:
    content = capture_of(calls, flags)
    assert copied(copied(content, compress=compress)) == content


@settings(max_examples=200, deadline=None)
@given(
    st.lists(CALLS, max_size=25),
    st.booleans(),
    st.sampled_from(["evt.type=read", "evt.dir=<", "fd.name contains f", "thread.tid=2", "evt.type in (open, container)"]),
)
def test_what_a_filter_chooses_looks_the_same(
    calls: list[tuple[str, int, int, bool, bytes]], flags: bool, where: str
) -> None:
    content = capture_of(calls, flags)
    assert lines(copied(content, where)) == lines(content, where)


@settings(max_examples=150, deadline=None)
@given(st.lists(CALLS, min_size=1, max_size=25), st.data())
def test_two_slices_are_the_whole(calls: list[tuple[str, int, int, bool, bytes]], draw: st.DataObject) -> None:
    # An end without a beginning shows the descriptor of the call before, which the tables do not say.
    calls = [(name, tid, fd, whole or name == "read", data) for name, tid, fd, whole, data in calls if name != "container"]
    content = capture_of(calls, False)
    cut = draw.draw(st.integers(1_000_000, 1_000_000 + 10 * len(calls)))
    parts = lines(copied(content, end=cut)) + lines(copied(content, begin=cut + 1))
    # Threads of which nothing is known get a directory with the tables.
    assert [line[:-1] for line in parts] == [line[:-1] for line in lines(content)]
