"""Texts of single parameters, by kind."""

from __future__ import annotations

import base64
import json
import struct
import time
from typing import Any

import pytest
from capture_builder import TYPES, CaptureBuilder, Memory, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from scapcore.reader import Reader
from scapcore.schema import event_types
from scapcore.text import ArgumentText, json_text


def base() -> CaptureBuilder:
    capture = CaptureBuilder().users({0: "root", 1000: "al\x07ice"}, {0: "wheel"})
    capture.thread(1, "init").thread(7, "prog", cwd="/home/").thread(8, "prog", pid=7, cwd="/wrong/", flags=1 << 13)
    for tid in (7, 8):
        capture.file(tid, 3, "/etc/ho\tsts").file(tid, 4, "/var", kind=2).file(tid, 5, "", kind=9)
    return capture


def shown(capture: CaptureBuilder, *, modern: bool = False, what: str = "arguments", **options: Any) -> str:
    """Text of the last event."""
    reader = Reader(capture.source, state=True, needs=12, modern=modern)
    assert reader.advance()
    text = ArgumentText(**options)
    result: bytes = getattr(text, what)(reader.batch, len(reader.batch) - 1)
    return result.decode()


def one(kind: str, *values: Value, tid: int = 7, **options: Any) -> str:
    """Text of an event of a known thread."""
    return shown(base().event(kind, *values, tid=tid), **options)


CLASSIC = [
    # Numbers: formats, and unsigned ones printed as signed
    (("SYSCALL_OPEN_X", -2, "/x", 0, 0o644), "fd=-2(ENOENT) name=/x flags=0(O_NONE) mode=0644 "),
    (("SYSCALL_OPEN_X", -2, "/x", 0, 0), "fd=-2(ENOENT) name=/x flags=0(O_NONE) mode=0 "),
    (("SYSCALL_GETRLIMIT_X", 0, -1, 99), "res=0 cur=-1 max=99 "),
    (("SYSCALL_IOCTL_3_E", 9, 0xAB, 1 << 63), "fd=9 request=AB argument=8000000000000000 "),
    (("SYSCALL_SEMOP_X", 0, 4_294_967_295, 65_535, -3, 0, 1, 2, 3), ("res=0 nsops=-1 sem_num_0=65535 sem_op_0=-3 "
     "sem_flg_0=0 sem_num_1=1 sem_op_1=2 sem_flg_1=3(IPC_NOWAIT|SEM_UNDO) ")),
    (("SYSCALL_LSEEK_E", 9, 1234567890123456789, 1), "fd=9 offset=1234567890123456789 whence=1(SEEK_CUR) "),
    # Results
    (("SYSCALL_LSEEK_X", -11), "res=-11(EAGAIN) "),
    (("SYSCALL_LSEEK_X", -9999), "res=-9999 "),
    (("SYSCALL_LSEEK_X", -(1 << 32) - 2), "res=-4294967298(ENOENT) "),
    # Descriptors and threads
    (("SYSCALL_CLOSE_E", 3), "fd=3(<f>/etc/hosts) "),
    (("SYSCALL_CLOSE_E", 5), "fd=5(<e>) "),
    (("SYSCALL_CLOSE_E", -100), "fd=-100(AT_FDCWD) "),
    (("SYSCALL_CLOSE_E", -9), "fd=-9(EBADF) "),
    (("SYSCALL_CLOSE_E", 99), "fd=99 "),
    (("SYSCALL_KILL_E", 1, 15), "pid=1(init) sig=15(SIGTERM) "),
    (("SYSCALL_KILL_E", 99, 65), "pid=99 sig=65 "),
    # Paths
    (("SYSCALL_UNLINK_2_X", 0, "a//./b/"), "res=0 path=a//./b/(/home/a/b) "),
    (("SYSCALL_UNLINK_2_X", 0, "/a//./b/"), "res=0 path=/a//./b/ "),
    (("SYSCALL_UNLINK_2_X", 0, ""), "res=0 path=(/home) "),
    (("SYSCALL_UNLINK_2_X", 0, "<NA>"), "res=0 path=<NA> "),
    (("SYSCALL_UNLINK_2_X", 0, "n\xe9"), "res=0 path=n(/home/n..) "),
    (("SYSCALL_UNLINKAT_2_X", 0, 4, "f", 0), "res=0 dirfd=4(<d>/var) name=f(/var/f) flags=0 "),
    (("SYSCALL_UNLINKAT_2_X", 0, 99, "f", 512), "res=0 dirfd=99 name=f(f) flags=512(AT_REMOVEDIR) "),
    (("SYSCALL_UNLINKAT_2_X", 0, -100, "f", 0), "res=0 dirfd=-100(AT_FDCWD) name=f(/home/f) flags=0 "),
    # Flags: the whole value ends the list, though its bits have been named
    (("SYSCALL_ACCESS_E", 0), "mode=0(F_OK) "),
    (("SYSCALL_ACCESS_E", 5), "mode=5(R_OK|X_OK) "),
    (("SYSCALL_ACCESS_E", 64), "mode=64 "),
    (("SYSCALL_CHMOD_X", 0, "/x", 0o755), ("res=0 filename=/x "
     "mode=0755(S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR) ")),
    # Users
    (("SYSCALL_SETUID_E", 1000), "uid=1000(alice) "),
    (("SYSCALL_SETUID_E", 4_294_967_295), "uid=-1(<NONE>) "),
    (("SYSCALL_SETUID_E", 4_294_967_294), "uid=-2(<NA>) "),
    (("SYSCALL_SETGID_E", 0), "gid=0(wheel) "),
    # Times and signals
    (("SYSCALL_NANOSLEEP_E", 1_500_000_000), "interval=1500000000(1.5s) "),
    (("SYSCALL_NANOSLEEP_E", 123), "interval=123(1.23e-07s) "),
    (("SYSCALL_NANOSLEEP_E", (1 << 64) - 1), "interval=none "),
    (("SYSCALL_PPOLL_E", b"\x00\x00", 0, 0b100000001), "fds= timeout=0(0s) sigmask=SIGHUP SIGKILL "),
    # Sockets
    (("SOCKET_CONNECT_E", 9, b"\x02\x7f\x00\x00\x01\x50\x00"), "fd=9 addr=127.0.0.1:80 "),
    (("SOCKET_CONNECT_E", 9, b"\x01/run/s\n\x00"), "fd=9 addr=/run/s "),
    (("SOCKET_CONNECT_E", 9, b"\x10"), "fd=9 addr=family 16 "),
    (("SOCKET_CONNECT_E", 9, b""), "fd=9 addr=NULL "),
    (("SOCKET_CONNECT_X", -1, b"\x0a" + bytes(15) + b"\x01\x50\x00" + bytes(15) + b"\x02\x51\x00"),
     "res=-1(EPERM) tuple=::1:80->::2:81 "),
    # Values whose type their first byte tells, in the format of the parameter
    (("SOCKET_SETSOCKOPT_X", 0, 9, 1, 2, b"\x02\xff\x00\x00\x00", 4), ("res=0 fd=9 level=1(SOL_SOCKET) "
     "optname=2(SO_REUSEADDR) val=255 optlen=4 ")),
    (("SOCKET_SETSOCKOPT_X", 0, 9, 1, 20, b"\x04" + struct.pack("<Q", 2_000_000_000), 4), ("res=0 fd=9 "
     "level=1(SOL_SOCKET) optname=20(SO_RCVTIMEO) val=2000000000(2s) optlen=4 ")),
    (("SOCKET_SETSOCKOPT_X", 0, 9, 1, 2, b"\x09\xff", 4), ("res=0 fd=9 level=1(SOL_SOCKET) "
     "optname=2(SO_REUSEADDR) val=INVALID DYNAMIC PARAMETER optlen=4 ")),
    (("SYSCALL_PTRACE_X", 0, b"\x00" + b"\xff" * 8, b"\x01\x09"), "res=0 addr=FFFFFFFFFFFFFFFF data=9(SIGKILL) "),
    # Lists of descriptors
    (("SYSCALL_POLL_X", 1, struct.pack("<Hqhqh", 2, 3, 5, 99, -32768)), "res=1 fds=3:f5 99:?ffff8000 "),
    (("SYSCALL_POLL_X", 1, struct.pack("<Hqh", 200, 3, 5)), "res=1 fds=3:f5 "),
    (("SYSCALL_POLL_X", 1, b""), "res=1 fds= "),
    # Generic events show nothing
    (("GENERIC_E", 5, 2), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "expected"), CLASSIC, ids=lambda value: value[0] if isinstance(value, tuple) else None
)
def test_classic(event: tuple[str, Value], expected: str) -> None:
    assert one(*event) == expected


MODERN = [
    (("SYSCALL_UNLINK_2_X", 0, "n\xe9"), "res=0 path=n\xe9(/home/n\xe9)"),
    (("SYSCALL_UNLINK_2_X", 0, ""), "res=0 path="),
    (("SYSCALL_UNLINK_2_X", 0, b""), "res=0 path=<NA>"),
    (("SYSCALL_UNLINK_2_X", 0, "(NULL)"), "res=0 path=<NA>"),
    (("SYSCALL_UNLINK_2_X", b"", "/x"), "res=<NA> path=/x"),
    (("SYSCALL_POLL_X", 1, b""), "res=1 fds=NULL timeout=0"),
]


@pytest.mark.parametrize(
    ("event", "expected"), MODERN, ids=lambda value: value[0] if isinstance(value, tuple) else None
)
def test_modern(event: tuple[str, Value], expected: str) -> None:
    assert one(*event, modern=True) == expected


@pytest.mark.parametrize(
    ("enter", "values", "result", "expected"),
    [
        ("SYSCALL_FSTAT_E", (3,), (0,), "res=0 fd=3(<f>/etc/ho\tsts)"),
        ("SYSCALL_SETUID_E", (1000,), (0,), "res=0 uid=1000(al\x07ice)"),
        ("SOCKET_SOCKET_E", (1, 1, 0), (-1,), "fd=-1(EPERM) domain=1(AF_LOCAL|AF_UNIX) type=1 proto=0 flags=0(O_NONE)"),
    ],
)
def test_modern_pairs(enter: str, values: tuple[Value, ...], result: tuple[Value, ...], expected: str) -> None:
    capture = base().event(enter, *values, tid=7).event(enter[:-1] + "X", *result, tid=7)
    assert shown(capture, modern=True) == expected


def test_directory_of_a_thread_is_that_of_its_main_thread() -> None:
    assert one("SYSCALL_UNLINK_2_X", 0, "f", tid=8) == "res=0 path=f(/home/f) "


def test_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        index = [parameter.type for parameter in TYPES["SYSCALL_EXECVE_19_X"].params].index("ABSTIME")
        values: list[Value] = [b"" for _ in range(index)]
        values.append(1_732_219_316_147_483_648)
        values += [b""] * (len(TYPES["SYSCALL_EXECVE_19_X"].params) - len(values))
        assert "=2024-11-21 20:01:56.147483648 " in one("SYSCALL_EXECVE_19_X", *values, modern=True)
    time.tzset()


def test_unknown_trailing_parameters_are_left_out() -> None:
    closed = TYPES["SYSCALL_CLOSE_E"]
    assert len(closed.params) == 1
    assert shown(base().raw_event(closed.type, [struct.pack("<q", 3), b"more"], tid=7)) == "fd=3(<f>/etc/hosts) "


@pytest.mark.parametrize("length", range(8))
def test_numbers_with_too_few_bytes(length: int) -> None:
    number = b"\xff\x00\x00\x00\x00\x00\x00\x00"[:length]
    expected = "res=255 " if length else "res=<NA> "
    assert shown(base().raw_event(TYPES["SYSCALL_LSEEK_X"].type, [number], tid=7)) == expected


def test_one_parameter() -> None:
    reader = Reader(base().event("SYSCALL_KILL_E", 1, 9, tid=7).source, state=True, needs=12)
    assert reader.advance()
    text = ArgumentText()
    assert text.argument(reader.batch, 0, 0) == text.argument(reader.batch, 0, "pid") == b"init"
    assert text.argument(reader.batch, 0, 2) is None
    assert text.argument(reader.batch, 0, "pi") is None
    assert text.argument(reader.batch, 0, -1) is None
    assert text.raw_and_resolved(reader.batch, 0, 1) == (b"9", b"SIGKILL")
    assert text.raw_and_resolved(reader.batch, 0, 2) is None
    with pytest.raises(IndexError):
        text.arguments(reader.batch, 1)


def test_syscall_of_a_generic_event() -> None:
    assert one("GENERIC_E", 5, 2) == ""
    reader = Reader(base().event("GENERIC_E", 5, 2, tid=7).source, state=True, needs=12)
    assert reader.advance()
    assert ArgumentText().raw_and_resolved(reader.batch, 0, 0) == (b"5", b"open")


def test_batch_without_state() -> None:
    reader = Reader(base().event("SYSCALL_LSEEK_X", 0).source, state=False)
    assert reader.advance()
    with pytest.raises(ValueError, match="without state"):
        ArgumentText().arguments(reader.batch, 0)


def log(data: bytes, result: int = 5) -> CaptureBuilder:
    capture = base()
    capture.event("SYSCALL_OPEN_E", tid=7).event("SYSCALL_OPEN_X", 6, "/dev/log", 1, 0, tid=7)
    return capture.event("SYSCALL_WRITE_E", 6, len(data), tid=7).event("SYSCALL_WRITE_X", result, data, tid=7)


def test_system_log() -> None:
    assert shown(log(b"<13>hello\x00rest"), what="info") == "syslog sev=notice msg=hello"
    assert shown(log(b"<13>hello"), what="arguments") == "res=5 data=<13>hello "
    assert shown(log(b"<13>hello"), what="info", modern=True) == "res=5 data=<13>hello fd=6(<f>/dev/log) size=9"
    for data in (b"", b"<", b"<>", b"<x>hello", b"<1"):
        assert shown(log(data), what="info") == f"res=5 data={data.decode()} "
    assert shown(log(b"<13>hello", -11), what="info") == "res=-11(EAGAIN) data=<13>hello "


def data(content: bytes, **options: Any) -> str:
    text = one("SYSCALL_WRITE_X", len(content), content, **options)
    start = text.index("data=") + 5
    return text[start:-1]


DUMP = """
\t0x0000: 6865 6c6c 6f00 ff0a 3031 3233 3435 3637  hello...01234567
\t0x0010: 3839 21                                89!
"""


def test_modes() -> None:
    content = b"hello\x00\xff\n0123456789!"
    assert data(content) == "hello...0123456789!"
    assert data(content, mode="hexascii") == DUMP
    assert data(content, mode="hex") == "".join(line[:48].rstrip() + "\n" for line in DUMP.splitlines())
    # A byte alone leaves two signs too few before the characters.
    assert DUMP.splitlines()[2].index("89!") == DUMP.splitlines()[1].index("hello") - 2
    assert data(b"\na\r\nb\rc\n\nd", mode="ascii") == "\na\nb\nc\n\nd"
    for mode in ("normal", "ascii", "hex", "hexascii", "base64"):
        assert data(b"", mode=mode) == ""


def test_limit_of_normal_mode() -> None:
    assert data(b"x" * 80) == "x" * 80
    assert data(b"x" * 81) == "x" * 77 + "..."
    assert data(b"x" * 81, unlimited=True) == "x" * 81
    assert data(b"x" * 81, mode="ascii") == "\n" + "x" * 81


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_base64(content: bytes) -> None:
    assert data(content, mode="base64") == base64.b64encode(content).decode()


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_dots(content: bytes) -> None:
    assert data(content) == "".join(chr(byte) if 32 <= byte < 127 else "." for byte in content)


def test_lists_end_where_the_reference_has_no_more_room() -> None:
    many = struct.pack("<H", 300) + struct.pack("<qh", 3, 1) * 300
    text = one("SYSCALL_POLL_X", 1, many)
    assert text.startswith("res=1 fds=3:f1 3:f1 ")
    assert len(text) == len("res=1 fds=") + 1023 + 1
    # A longer text before it makes more room, and the room stays.
    capture = base().event("SYSCALL_READ_X", 2000, b"x" * 2000, tid=7).event("SYSCALL_POLL_X", 1, many, tid=7)
    reader = Reader(capture.source, state=True, needs=12)
    assert reader.advance()
    texts = ArgumentText()
    texts.arguments(reader.batch, 0)
    assert len(texts.arguments(reader.batch, 1)) == len("res=1 fds=") + 300 * 5


@given(st.text())
def test_json_of_text(value: str) -> None:
    try:
        content = value.encode()
    except UnicodeEncodeError:
        return
    written = json_text(content)
    assert json.loads(written) == value
    assert written.isascii()


@given(st.binary())
def test_json_of_any_bytes(content: bytes) -> None:
    assert isinstance(json.loads(json_text(content)), str)


@settings(deadline=None)
@given(
    st.integers(0, len(TYPES) - 1),
    st.lists(st.binary(max_size=40), max_size=34),
    st.booleans(),
    st.sampled_from(["normal", "ascii", "hex", "hexascii", "base64"]),
)
def test_any_bytes_as_parameters(kind: int, parameters: list[bytes], modern: bool, mode: str) -> None:
    """Nothing that a capture can hold breaks the rendering, and each parameter is named."""
    event = list(TYPES.values())[kind]
    capture = base().raw_event(event.type, parameters, tid=7, large=event.is_large)
    reader = Reader(Memory(capture.content), state=True, needs=12, modern=modern)
    if not reader.advance():
        return  # some types at the beginning of a capture take no number
    text = ArgumentText(mode=mode)  # type: ignore[arg-type]
    shown = text.arguments(reader.batch, 0)
    count = len(parameters)
    if modern:
        # Older types are shown as the newest ones.
        event = event_types(modern=True)[int(reader.batch.type[0])]
        count = int(reader.batch.nparams[0])
    if event.type > 1:
        for parameter in event.params[:count]:
            assert parameter.name.encode() + b"=" in shown
    for index in range(count):
        both = text.raw_and_resolved(reader.batch, 0, index)
        assert (both is None) == (index >= len(event.params))
        if both is not None:
            assert text.argument(reader.batch, 0, index) == (both[1] or both[0])
