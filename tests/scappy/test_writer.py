"""CaptureWriter, records and output files."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import struct
import sys
import threading
from array import array
from pathlib import Path

import pytest
from block_walker import blocks, events
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import ScapError
from scappy.records import (
    Container,
    Directory,
    File,
    Group,
    Interface,
    Machine,
    NamedDescriptor,
    ServerSocket,
    Socket,
    SocketAddress,
    SocketTuple,
    Thread,
    UnixAddress,
    UnixSocket,
    UnixTuple,
    User,
)
from scappy.writer import CaptureWriter, find_event_type

SECTION, MACHINE, INTERFACES, USERS, PROCESSES, DESCRIPTORS = 0x0A0D0D0A, 0x201, 0x219, 0x220, 0x215, 0x218


def fill(writer: CaptureWriter) -> None:
    writer.machine(Machine(cpus=2, memory=1 << 30, hostname="node1"))
    writer.interface(Interface("eth0", "10.0.0.5", "255.255.255.0", "10.0.0.255"))
    writer.user(User(0, 0, "root", "/root", "/bin/sh"))
    writer.group(Group(0, "root"))
    writer.thread(Thread(42, "cat", "/bin/cat", args=("a", "b"), fds=(File(0, "/dev/null"),)))
    writer.thread(Thread(43, "cat", "/bin/cat", pid=42, flags=1))
    writer.container(Container("0123456789ab", "web", "nginx"))
    writer.event("open", ">", 1_000, 42)
    writer.event("open", "<", 2_000, 42, 1, fd=3, name="/etc/hosts", flags=1, mode=0)
    writer.event("read", ">", 3_000, 42, 1, fd=3, size=4096)
    writer.event("read", "<", 4_000, 42, 1, res=4, data=b"text")


def written(compress: str | None = None) -> bytes:
    target = io.BytesIO()
    with CaptureWriter(target, compress) as writer:
        fill(writer)
    return target.getvalue()


class TestCapture:
    def test_blocks_in_the_order_of_the_format(self) -> None:
        kinds = [kind for kind, _ in blocks(written())]
        tables = [SECTION, MACHINE, INTERFACES, USERS, PROCESSES, DESCRIPTORS, DESCRIPTORS]
        assert kinds == [*tables, *[0x216] * 5]

    def test_events(self) -> None:
        container, _, opened, _, read = events(written())
        assert (container.timestamp, container.tid, container.cpu, container.type) == (0, 0, 0, 272)
        assert container.parameters[0].endswith(b"\n\0")
        assert (opened.timestamp, opened.tid, opened.cpu, opened.type) == (2_000, 42, 1, 3)
        assert opened.parameters == (struct.pack("<q", 3), b"/etc/hosts\0", struct.pack("<I", 1), bytes(4))
        assert read.parameters == (struct.pack("<q", 4), b"text")

    def test_unknown_tables_are_left_out(self) -> None:
        target = io.BytesIO()
        CaptureWriter(target).close()
        assert [kind for kind, _ in blocks(target.getvalue())] == [SECTION, MACHINE, PROCESSES]

    def test_counts_events(self) -> None:
        with CaptureWriter(io.BytesIO()) as writer:
            fill(writer)
            assert writer.events == 5

    def test_encoder_writes_the_same_as_names(self) -> None:
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            writer.event("read", "<", 5, 6, 7, res=4, data=b"text")
            writer.write(writer.encoder("read", "<"), 5, 6, 7, (4, b"text"))
        first, second = events(target.getvalue())
        assert first[1:] == second[1:]

    def test_copy_of_chosen_blocks(self) -> None:
        data = written()
        offsets, offset = [], 0
        for kind, body in blocks(data):
            if kind == 0x216:
                offsets.append(offset)
            offset += len(body) + 12
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            writer.copy(data, array("q", offsets[2:4]))
            assert writer.events == 2
        assert [e[1:] for e in events(target.getvalue())] == [e[1:] for e in list(events(data))[2:4]]

    def test_many_events_are_flushed_on_the_way(self) -> None:
        target = io.BytesIO()
        writer = CaptureWriter(target)
        for number in range(8_000):
            writer.event("read", "<", number, 1, res=40, data=bytes(40))
        assert len(target.getvalue()) > 400_000
        writer.close()
        assert [event.timestamp for event in events(target.getvalue())] == list(range(8_000))

    @pytest.mark.parametrize("size", [10, 65_000, 70_000])
    def test_container_text_of_any_size(self, size: int) -> None:
        target = io.BytesIO()
        container = Container("0123456789ab", "web", "nginx", labels={"long": "x" * size}, ip="10.0.0.9")
        with CaptureWriter(target) as writer:
            writer.container(container, 77, -1, 1)
        (event,) = events(target.getvalue())
        assert event.type == (324 if size > 65_300 else 272)
        assert (event.timestamp, event.tid, event.cpu) == (77, -1, 1)
        content = json.loads(event.parameters[0][:-1])["container"]
        assert content == {
            "id": "0123456789ab",
            "image": "nginx",
            "ip": "10.0.0.9",
            "labels": {"long": "x" * size},
            "name": "web",
            "type": 0,
        }


class TestEventByName:
    @pytest.mark.parametrize(
        ("kind", "direction", "number"),
        [
            ("open", "<", 3),
            ("execve", "<", 293),
            ("accept", ">", 248),
            ("SOCKET_ACCEPT_5_E", ">", 246),
            ("switch", ">", 152),
            ("container", ">", 324),
            ("SYSCALL_EXECVE_16_X", "<", 231),
            (272, ">", 272),
        ],
    )
    def test_kinds(self, kind: int | str, direction: str, number: int) -> None:
        assert find_event_type(kind, direction).type == number

    @pytest.mark.parametrize(
        ("kind", "direction", "message"),
        [
            ("opne", ">", "no event > opne; near: open"),
            ("open", "x", "'x' is not a direction"),
            (3, ">", "3 .*is not of direction >"),
            (100_000, ">", "no event type 100000"),
            (-1, "<", "no event type -1"),
        ],
    )
    def test_unknown_kinds(self, kind: int | str, direction: str, message: str) -> None:
        with pytest.raises(ScapError, match=message):
            find_event_type(kind, direction)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"path": "/x"}, "event < open has no parameter 'path': fd, name"),
            ({"name": "/x"}, "parameter 'fd' is missing"),
            ({"fd": 1 << 63}, "parameter 'fd': 9223372036854775808 is out of range"),
            ({"fd": "3"}, "parameter 'fd': '3' is not an integer"),
            ({"fd": 3, "name": 5}, "parameter 'name': 5 is neither text nor bytes"),
            ({"fd": 3, "flags": -1}, "parameter 'flags': -1 is out of range"),
            ({"fd": 3, "flags": 0, "parameter_count": 2}, "'flags' is beyond the 2 asked for"),
            ({"fd": 3, "parameter_count": 3}, "'flags' is missing"),
            ({"fd": 3, "parameter_count": 99}, "99 parameters asked for, it has up to 6"),
        ],
    )
    def test_mistakes_are_named(self, parameters: dict[str, object], message: str) -> None:
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            with pytest.raises(ScapError, match=message):
                writer.event("open", "<", 1, 1, **parameters)  # type: ignore[arg-type]
            assert writer.events == 0
        assert list(events(target.getvalue())) == []

    def test_parameter_count(self) -> None:
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            writer.event("getsockopt", "<", 1, 1)
            writer.event("open", "<", 1, 1, fd=-2)
            writer.event("open", "<", 1, 1, fd=-2, parameter_count=2)
            writer.event("open", "<", 1, 1, fd=3, flags=1)
            writer.event("read", "<", 1, 1, res=0, parameter_count=2, block_flags=1)
        counts = [len(event.parameters) for event in events(target.getvalue())]
        assert counts == [0, 1, 2, 3, 2]
        *_, last = events(target.getvalue())
        assert (last.parameters, last.flags) == ((bytes(8), b""), 1)

    def test_parameters_that_are_called_like_arguments(self) -> None:
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            names = {"res": 0, "exe": "cat", "args": b"", "tid": 5, "pid": 5, "ptid": 1, "cwd": "", "fdlimit": 9}
            writer.event("SYSCALL_EXECVE_8_X", "<", 1, 6, **names)  # type: ignore[arg-type]
        (event,) = events(target.getvalue())
        assert (event.tid, event.parameters[3]) == (6, struct.pack("<q", 5))


class TestOrder:
    @pytest.mark.parametrize("name", ["machine", "interface", "user", "group", "thread"])
    def test_tables_come_before_events(self, name: str) -> None:
        records = {
            "machine": Machine(),
            "interface": Interface("lo", "127.0.0.1", "255.0.0.0", "0.0.0.0"),
            "user": User(0, 0, "root"),
            "group": Group(0, "root"),
            "thread": Thread(1, "init"),
        }
        with CaptureWriter(io.BytesIO()) as writer:
            writer.event("open", ">", 1, 1)
            with pytest.raises(ScapError, match="must be given before the first event"):
                getattr(writer, name)(records[name])

    def test_nothing_after_the_end(self) -> None:
        target = io.BytesIO()
        writer = CaptureWriter(target)
        writer.event("open", ">", 1, 1)
        writer.close()
        size = len(target.getvalue())
        writer.close()
        with pytest.raises(ScapError, match="closed"):
            writer.event("open", ">", 1, 1)
        with pytest.raises(ScapError, match="before the first event"):
            writer.thread(Thread(1, "init"))
        assert len(target.getvalue()) == size


class TestFiles:
    @pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
    def test_compressions(self, compress: str | None, tmp_path: Path) -> None:
        path = tmp_path / "x.scap"
        with CaptureWriter(path, compress) as writer:
            fill(writer)
        data = path.read_bytes()
        if compress == "gzip":
            data = gzip.decompress(data)
        elif compress == "zstd":
            zstandard = pytest.importorskip("zstandard")
            data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
        elif compress == "lz4":
            data = pytest.importorskip("lz4.frame").decompress(data)
        assert data == written()

    def test_gzip_without_zlib_ng(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "zlib_ng", None)
        assert gzip.decompress(written("gzip")) == written()

    def test_equal_captures_make_equal_files(self) -> None:
        assert written("gzip") == written("gzip")

    def test_unknown_compression(self, tmp_path: Path) -> None:
        with pytest.raises(ScapError, match="'rar' is not a compression: gzip, zstd, lz4"):
            CaptureWriter(tmp_path / "x", "rar")
        assert list(tmp_path.iterdir()) == []

    def test_the_name_appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "x.scap"
        writer = CaptureWriter(path)
        fill(writer)
        assert not path.exists()
        writer.close()
        assert path.read_bytes() == written()
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failure_leaves_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "x.scap"
        path.write_bytes(b"before")
        with pytest.raises(ZeroDivisionError), CaptureWriter(path) as writer:
            fill(writer)
            raise ZeroDivisionError
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_table_that_cannot_be_written_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ScapError, match="comm"), CaptureWriter(tmp_path / "x") as writer:
            writer.thread(Thread(1, "x" * 2000))
        assert list(tmp_path.iterdir()) == []

    def test_a_new_file_is_private_and_a_replaced_one_stays_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "x.scap"
        CaptureWriter(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        CaptureWriter(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def test_permissions_as_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "x.scap"
        CaptureWriter(path, mode=0o640).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        path, link = tmp_path / "x.scap", tmp_path / "link"
        link.symlink_to(path)
        CaptureWriter(link).close()
        assert link.is_symlink()
        assert path.stat().st_size > 0

    def test_a_pipe_is_written_through(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
        reader.start()
        with CaptureWriter(path) as writer:
            fill(writer)
        reader.join()
        assert received == [written()]
        assert stat.S_ISFIFO(path.stat().st_mode)

    def test_file_objects_stay_open(self) -> None:
        target = io.BytesIO()
        with CaptureWriter(target):
            pass
        assert not target.closed

    def test_a_missing_folder_is_one_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(ScapError, match="cannot write .*x.scap: No such file or directory"):
            CaptureWriter(tmp_path / "missing" / "x.scap")

    def test_a_full_device_is_one_clear_error(self) -> None:
        with (
            pytest.raises(ScapError, match="cannot write /dev/full: No space left"),
            CaptureWriter("/dev/full") as writer,
        ):
            fill(writer)


class TestRecords:
    def test_tuples(self) -> None:
        ends = SocketTuple("10.0.0.1", 80, "10.0.0.2", 443)
        assert bytes(ends).hex() == "020a000001" + "5000" + "0a000002" + "bb01"
        assert ends.reversed() == SocketTuple("10.0.0.2", 443, "10.0.0.1", 80)
        assert bytes(SocketTuple("::1", 1, "::", 2)) == b"\x0a" + bytes(15) + b"\1\1\0" + bytes(16) + b"\2\0"
        assert bytes(UnixTuple(1, 2, "/x")) == b"\x01" + struct.pack("<QQ", 1, 2) + b"/x\0"
        assert bytes(SocketAddress("::1", 80)) == b"\x0a" + bytes(15) + b"\1\x50\0"
        assert bytes(UnixAddress("/x")) == b"\x01/x\0"

    @pytest.mark.parametrize(
        "record",
        [
            SocketTuple("10.0.0.1", 1, "::1", 2),
            SocketTuple("10.0.0.256", 1, "10.0.0.1", 2),
            SocketTuple("10.0.0.1", 65536, "10.0.0.1", 2),
            SocketTuple("10.0.0.1", -1, "10.0.0.1", 2),
            UnixTuple(-1, 0),
            SocketAddress("host", 1),
        ],
    )
    def test_impossible_addresses(self, record: SocketTuple | UnixTuple | SocketAddress) -> None:
        with pytest.raises(ScapError):
            bytes(record)

    @given(st.ip_addresses(v=4), st.integers(0, 65535), st.ip_addresses(v=4), st.integers(0, 65535))
    def test_any_ipv4_tuple(self, source: object, first: int, destination: object, second: int) -> None:
        packed = bytes(SocketTuple(str(source), first, str(destination), second))
        family, left, left_port, right, right_port = struct.unpack("<B4sH4sH", packed)
        assert (family, left_port, right_port) == (2, first, second)
        assert ".".join(map(str, left)) == str(source)
        assert ".".join(map(str, right)) == str(destination)

    def test_every_descriptor(self) -> None:
        ends = SocketTuple("10.0.0.1", 1, "10.0.0.2", 2)
        descriptors = (
            (File(0, "/f", 1, 9, 7), 16),
            (Directory(1, "/d"), 2),
            (Socket(2, ends), 3),
            (Socket(3, SocketTuple("::1", 1, "::2", 2), "udp"), 4),
            (ServerSocket(4, "0.0.0.0", 80), 5),
            (ServerSocket(5, "::", 80), 6),
            (UnixSocket(6, "/run/x\n", 1, 2), 8),
            (NamedDescriptor(7, "pipe", "pipe:[1]", 1), 7),
            (NamedDescriptor(8, "eventpoll"), 12),
        )
        target = io.BytesIO()
        with CaptureWriter(target) as writer:
            writer.thread(Thread(1, "x", fds=tuple(record for record, _ in descriptors)))
        body = next(body for kind, body in blocks(target.getvalue()) if kind == DESCRIPTORS)
        offset, found = 8, []
        while len(body) - offset >= 4:
            length, fd, _, kind = struct.unpack_from("<IqQB", body, offset)
            found.append((fd, kind))
            offset += length
        assert found == [(record.fd, kind) for record, kind in descriptors]

    def test_unknown_kinds_and_protocols(self) -> None:
        with pytest.raises(ScapError, match="'file' is not a kind"):
            NamedDescriptor(0, "file").packed()
        with pytest.raises(ScapError, match="'sctp' is not a protocol"):
            ServerSocket(0, "::", 1, "sctp").packed()

    def test_main_thread_by_default(self) -> None:
        fields = Thread(42, "x").packed()
        assert fields[:2] == (42, 42)
        assert Thread(43, "x", pid=42, vtid=2).packed()[20:22] == (2, 42)
