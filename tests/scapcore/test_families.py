"""Threads, processes and their descriptors under the newest libraries' rules."""

from __future__ import annotations

from capture_builder import CaptureBuilder

from scapcore.event import Event, EventIterator
from scapcore.fields import FieldUse
from scapcore.reader import Reader

ALL_NEEDS = 15
THREAD = 1 << 13
FILES = 1
VFORK = 1 << 27
O_CLOEXEC = 1 << 12


def compile_field(name: str) -> FieldUse:
    return FieldUse(name)


def base() -> CaptureBuilder:
    """init, a shell, and a program of two threads that the shell has started."""
    capture = CaptureBuilder().thread(1, "init", ptid=0).thread(5, "sh").thread(7, "prog", ptid=5, cwd="/home")
    return capture.thread(8, "prog", pid=7, ptid=5, flags=THREAD | FILES).file(7, 3, "/etc/hosts")


def events(capture: CaptureBuilder) -> list[Event]:
    return list(EventIterator(Reader(capture.source, modern=True, needs=ALL_NEEDS), None, compile_field))


def clone(
    capture: CaptureBuilder, tid: int, result: int, *, child: int, parent: int, flags: int = 0, kind: str = "CLONE_20"
) -> CaptureBuilder:
    """A clone as the thread `tid` tells it."""
    return capture.event(
        f"SYSCALL_{kind}_X", result, "prog", b"", tid, child if result == 0 else tid, parent, "", 1024, 0, 0, 0, 0, 0,
        "prog", b"", flags, 0, 0, tid, child if result == 0 else tid, 0, tid=tid,
    )  # fmt: skip


def execve(capture: CaptureBuilder, tid: int, exe: str) -> CaptureBuilder:
    return capture.event(
        "SYSCALL_EXECVE_19_X", 0, exe, b"", tid, tid, 5, "", 1024, 0, 0, 0, 0, 0, exe, b"", b"", 0, 7, 0, 0, 0, 0, 0, 0, 0,
        0, 1000, f"/bin/{exe} (deleted)", 7, 100, exe, tid=tid,
    )  # fmt: skip


def end(capture: CaptureBuilder, tid: int, reaper: int = 0) -> CaptureBuilder:
    return capture.event("PROCEXIT_1_E", 0, 0, 0, 0, reaper, tid=tid)


def ask(capture: CaptureBuilder, tid: int, fd: int = 3) -> CaptureBuilder:
    """An event whose fields tell what is known of a thread and of one of its descriptors."""
    return capture.event("SYSCALL_FSTAT_X", 0, fd, tid=tid)


def test_a_main_thread_stays_until_its_last_thread_has_gone() -> None:
    capture = ask(end(base(), 7), 8)
    assert events(capture)[-1]["fd.name"] == "/etc/hosts"
    assert events(capture)[-1]["proc.cwd"] == "/home/"
    last = events(ask(end(capture, 8), 8))[-1]
    assert (last["proc.name"], last["proc.pid"], last["fd.name"]) == ("<NA>", -1, "")


def test_a_thread_that_nobody_knows_has_no_process() -> None:
    (event,) = events(ask(base(), 99))
    assert (event["proc.pid"], event["proc.name"], event["proc.cwd"], event["proc.pname"]) == (-1, "<NA>", "./", None)


def test_orphans_go_to_the_one_that_the_kernel_names() -> None:
    capture = ask(end(base().thread(6, "nanny"), 5, reaper=6), 7)
    assert events(capture)[-1]["proc.pname"] == "nanny"
    # ... or else to the nearest ancestor that reaps: init
    assert events(ask(end(base(), 5), 7))[-1]["proc.pname"] == "init"


def test_orphans_go_to_a_subreaper_among_the_ancestors() -> None:
    capture = base().thread(6, "manager").thread(9, "helper", ptid=6).thread(10, "worker", ptid=9)
    assert events(ask(end(capture, 9), 10))[-1]["proc.pname"] == "init"
    capture = base().thread(6, "manager").thread(9, "helper", ptid=6).thread(10, "worker", ptid=9)
    capture.event("SYSCALL_PRCTL_X", 0, 36, b"", 1, tid=6)
    assert events(ask(end(capture, 9), 10))[-1]["proc.pname"] == "manager"


def test_the_parent_of_a_thread_is_that_of_its_process() -> None:
    capture = clone(base(), 7, 20, child=0, parent=5, flags=THREAD)
    event = events(ask(capture, 20))[-1]
    assert (event["proc.pid"], event["proc.pname"], event["fd.name"]) == (7, "sh", "/etc/hosts")


def test_a_new_process_has_descriptors_and_directory_of_its_parent() -> None:
    event = events(ask(clone(base(), 7, 20, child=0, parent=5), 20))[-1]
    assert (event["proc.pid"], event["proc.pname"], event["fd.name"]) == (20, "prog", "/etc/hosts")
    assert event["proc.cwd"] == "/home/"


def test_a_vfork_is_told_by_the_child() -> None:
    for options in ({"flags": VFORK}, {"kind": "VFORK_20"}):
        told = clone(base(), 7, 20, child=0, parent=5, **options)  # type: ignore[arg-type]
        assert events(ask(told, 20))[-1]["proc.name"] == "<NA>"
        told = clone(base(), 20, 0, child=20, parent=7, **options)  # type: ignore[arg-type]
        assert events(ask(told, 20))[-1]["proc.name"] == "prog"


def test_a_child_that_has_ended_does_not_come_back() -> None:
    capture = end(clone(base(), 20, 0, child=20, parent=7), 20)
    event = events(ask(clone(capture, 7, 20, child=0, parent=5), 20))[-1]
    assert event["proc.name"] == "<NA>"


def test_execve_closes_and_ends_what_does_not_outlive_it() -> None:
    capture = base().event("SYSCALL_OPEN_X", 4, "/tmp/x", O_CLOEXEC, 0, 0, 0, tid=7)
    capture.event("SYSCALL_DUP_1_X", 5, 4, tid=7)
    execve(capture, 7, "ls")
    names = [events(ask(copy_of(capture), 7, fd))[-1]["fd.name"] for fd in (3, 4, 5)]
    assert names == ["/etc/hosts", "", "/tmp/x"]
    event = events(ask(copy_of(capture), 7))[-1]
    assert (event["proc.name"], event["proc.exepath"], event["user.uid"]) == ("ls", "/bin/ls", 1000)
    assert events(ask(copy_of(capture), 8))[-1]["proc.name"] == "<NA>"


def test_close_range_marks_or_closes() -> None:
    capture = base().event("SYSCALL_CLOSE_RANGE_X", 0, 3, 9, 4, tid=7)
    assert events(ask(copy_of(capture), 7))[-1]["fd.name"] == "/etc/hosts"
    assert events(ask(execve(copy_of(capture), 7, "ls"), 7))[-1]["fd.name"] == ""
    assert events(ask(base().event("SYSCALL_CLOSE_RANGE_X", 0, 3, 9, 0, tid=7), 7))[-1]["fd.name"] == ""


def test_the_flag_of_a_descriptor_can_change() -> None:
    capture = base().event("SYSCALL_FCNTL_X", 0, 3, 3, 1, tid=7)
    assert events(ask(execve(capture, 7, "ls"), 7))[-1]["fd.name"] == ""


def test_a_relative_path_starts_at_the_directory_of_the_call() -> None:
    capture = base().file(7, 4, "/var", kind=2).file(7, 5, "/usr/", kind=2).file(7, 6, "", kind=2)
    found = []
    for dirfd in (-100, 4, 5, 6, 77):
        opened = copy_of(capture).event("SYSCALL_OPENAT_2_X", 9, dirfd, "f", 0, 0, 0, 0, tid=7)
        found.append(events(opened)[-1]["fd.name"])
    assert found == ["/home/f", "/var/f", "/usr/f", "f", "<UNKNOWN>f"]


def test_what_is_sent_with_an_address_is_datagrams() -> None:
    address = b"\x02\x7f\0\0\x01\x39\x30\x0a\0\0\x01\x35\0"
    sent = base().event("SOCKET_SENDTO_X", 5, b"hello", 9, 5, address, tid=7)
    assert events(sent)[-1]["fd.name"] == "127.0.0.1:12345->10.0.0.1:53"
    assert events(sent)[-1]["fd.l4proto"] == "udp"
    failed = base().event("SOCKET_SENDTO_X", -11, b"hello", 9, 5, address, tid=7)
    assert events(failed)[-1]["fd.name"] == ""


def copy_of(capture: CaptureBuilder) -> CaptureBuilder:
    """The same blocks, to be added to."""
    copy = CaptureBuilder()
    copy.content = capture.content
    copy.events = capture.events
    return copy
