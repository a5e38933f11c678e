"""Event encoders, read back with struct only."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scapcore.encode import EventEncoder
from scapcore.errors import ScapError
from scapcore.schema import EventType, event_types
from scapcore.write import BlockEncoder


def one(encoder: BlockEncoder) -> tuple[int, bytes]:
    """Type and body of the only block."""
    data = encoder.take()
    kind, length = struct.unpack_from("<II", data)
    assert length == len(data)
    return kind, data[8:-4]


def parameters(body: bytes, large: bool = False) -> list[bytes]:
    """Parameters of an event block without flags."""
    length, _, count = struct.unpack_from("<IHI", body, 18)
    width = 4 if large else 2
    lengths = struct.unpack_from(f"<{count}{'I' if large else 'H'}", body, 28)
    values, offset = [], 28 + width * count
    assert length == 26 + width * count + sum(lengths)
    for size in lengths:
        values.append(body[offset : offset + size])
        offset += size
    return values


WRITABLE = [entry for entry in event_types() if not any("ARRAY" in parameter.type for parameter in entry.params)]
RANGES = {"INT8": (8, True), "INT16": (16, True), "INT32": (32, True), "INT64": (64, True), "UINT8": (8, False)}
RANGES |= {"UINT16": (16, False), "UINT32": (32, False), "UINT64": (64, False), "ERRNO": (64, True), "FD": (64, True)}
RANGES |= {"PID": (64, True), "SYSCALLID": (16, False), "SIGTYPE": (8, False), "RELTIME": (64, False)}
RANGES |= {"ABSTIME": (64, False), "PORT": (16, False), "FLAGS8": (8, False), "FLAGS16": (16, False)}
RANGES |= {"FLAGS32": (32, False), "UID": (32, False), "GID": (32, False), "SIGSET": (32, False), "MODE": (32, False)}
RANGES |= {"ENUMFLAGS8": (8, False), "ENUMFLAGS16": (16, False), "ENUMFLAGS32": (32, False)}
RANGES |= {"FD32": (32, True), "PID32": (32, True)}
TEXT = ("CHARBUF", "FSPATH", "FSRELPATH")


def event_type_with(kind: str) -> tuple[EventType, int]:
    """Some event type with a parameter of that type, and the parameter's place."""
    for entry in WRITABLE:
        for index, parameter in enumerate(entry.params):
            if parameter.type == kind:
                return entry, index
    raise LookupError(kind)


def encode_one(kind: str, value: object) -> bytes:
    """The bytes of one parameter of that type."""
    entry, index = event_type_with(kind)
    encoder = BlockEncoder()
    values: list[object] = [b""] * (index + 1)
    values[index] = value
    EventEncoder(entry, index + 1).encode(encoder, 1, 1, 0, values)
    return parameters(one(encoder)[1], large=entry.is_large)[index]


class TestEventEncoder:
    def test_default_count_is_the_references(self) -> None:
        execve = event_types()[293]
        assert EventEncoder(execve).parameter_count == 20
        assert EventEncoder(execve, 18).names == tuple(parameter.name for parameter in execve.params[:18])
        for count in (-1, len(execve.params) + 1):
            with pytest.raises(ScapError, match="parameters asked for"):
                EventEncoder(execve, count)

    @given(st.data())
    def test_integers_of_every_width(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(sorted({p.type for e in WRITABLE for p in e.params} & set(RANGES))))
        bits, signed = RANGES[kind]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        value = data.draw(st.sampled_from([low, high]) | st.integers(low, high))
        assert encode_one(kind, value) == value.to_bytes(bits // 8, "little", signed=signed)
        for wrong in (low - 1, high + 1, -(1 << 80), 1 << 80):
            with pytest.raises(ScapError, match=f"{wrong} is out of range \\({low} to {high}\\)"):
                encode_one(kind, wrong)

    @pytest.mark.parametrize("kind", TEXT)
    def test_texts_get_their_nul(self, kind: str) -> None:
        assert encode_one(kind, "größe") == "größe".encode() + b"\0"
        assert encode_one(kind, b"\xff") == encode_one(kind, "\udcff") == b"\xff\0"
        assert encode_one(kind, "") == b"\0"
        assert encode_one(kind, None) == b""
        for wrong in ("a\0b", 5, bytearray(b"x")):
            with pytest.raises(ScapError, match="parameter"):
                encode_one(kind, wrong)

    def test_buffers(self) -> None:
        assert encode_one("BYTEBUF", b"a\0b") == encode_one("BYTEBUF", bytearray(b"a\0b")) == b"a\0b"
        assert encode_one("BYTEBUF", memoryview(b"a\0b")) == b"a\0b"
        with pytest.raises(ScapError, match="is not bytes"):
            encode_one("BYTEBUF", "text")

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("SOCKADDR", b"\x02" + bytes(6)),
            ("SOCKADDR", b"\x0a" + bytes(18)),
            ("SOCKADDR", b"\x01/run/x\0"),
            ("SOCKADDR", b"\x10"),
            ("SOCKTUPLE", b"\x02" + bytes(12)),
            ("SOCKTUPLE", b"\x0a" + bytes(36)),
            ("SOCKTUPLE", b"\x01" + bytes(16) + b"/run/x\0"),
        ],
    )
    def test_addresses(self, kind: str, value: bytes) -> None:
        assert encode_one(kind, value) == value
        assert encode_one(kind, None) == b""
        with pytest.raises(ScapError, match="do not fit address family"):
            encode_one(kind, value + b"?")
        with pytest.raises(ScapError, match="neither an address nor bytes"):
            encode_one(kind, 5)

    def test_descriptor_lists(self) -> None:
        assert encode_one("FDLIST", [(3, 1), (-1, 0x41)]) == struct.pack("<HqHqH", 2, 3, 1, -1, 0x41)
        assert encode_one("FDLIST", ()) == b"\0\0"
        for wrong in (5, [3], [(3, 1, 2)], [("3", 1)], [(0, 0)] * 65536):
            with pytest.raises(ScapError, match="parameter 'fds'"):
                encode_one("FDLIST", wrong)

    def test_dynamic_values(self) -> None:
        setsockopt = event_types()[45]
        encoder = BlockEncoder()
        write = EventEncoder(setsockopt, 5)
        for value, expected in (
            ((2, 7), b"\x02\x07\0\0\0"),
            ((0, b"raw"), b"\0raw"),
            ((1, -5), b"\x01" + b"\xfb" + b"\xff" * 7),
        ):
            write.encode(encoder, 1, 1, 0, (0, 3, 1, 2, value))
            assert parameters(one(encoder)[1])[4] == expected
        for wrong in ((9, 1), (2, "x"), 7):
            with pytest.raises(ScapError, match="parameter 'val'"):
                write.encode(encoder, 1, 1, 0, (0, 3, 1, 2, wrong))

    def test_arrays_of_texts_never_reach_a_file(self) -> None:
        tracer = next(e for e in event_types() if any(p.type == "CHARBUFARRAY" for p in e.params))
        with pytest.raises(ScapError, match="CHARBUFARRAY cannot be written"):
            EventEncoder(tracer).encode(BlockEncoder(), 1, 1, 0, (1, ["a"], []))

    def test_messages_name_event_and_parameter(self) -> None:
        opened = EventEncoder(event_types()[3], 4)
        encoder = BlockEncoder()
        with pytest.raises(ScapError, match="event < open, parameter 'flags': 'x' is not an integer"):
            opened.encode(encoder, 1, 1, 0, (3, "/x", "x", 0))
        with pytest.raises(ScapError, match="3 values for 4 parameters"):
            opened.encode(encoder, 1, 1, 0, (3, "/x", 1))
        with pytest.raises(ScapError, match="timestamp: -1 is out of range"):
            opened.encode(encoder, -1, 1, 0, (3, "/x", 1, 0))
        assert len(encoder) == 0

    def test_too_long_for_its_length_field(self) -> None:
        read = EventEncoder(event_types()[7], 2)
        with pytest.raises(ScapError, match="parameter 'data': 65536 bytes"):
            read.encode(BlockEncoder(), 1, 1, 0, (0, bytes(65536)))

    def test_large_types_have_wide_lengths(self) -> None:
        encoder = BlockEncoder()
        EventEncoder(event_types()[324]).encode(encoder, 1, 1, 0, ("x" * 70_000,))
        kind, body = one(encoder)
        assert kind == 0x221
        assert parameters(body, large=True) == [b"x" * 70_000 + b"\0"]
