"""The block writer, read back with struct only."""

from __future__ import annotations

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import ScapError
from scapcore.write import PROCESS_FIELDS, BlockEncoder

PROCESS = (42, 42, 1, 7, 9, b"cat", b"/bin/cat", b"/bin/cat", b"a\0b\0", b"/tmp", 1024, 3, 10, 20, 1, 2, 3, 4, 5)
PROCESS += (b"K=V\0", 11, 12, b"cpu=/\0", b"/")


def split(data: bytes) -> list[tuple[int, bytes]]:
    """Type and body of each block, after a check of its frame."""
    blocks, offset = [], 0
    while offset < len(data):
        kind, length = struct.unpack_from("<II", data, offset)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, offset + length - 4) == (length,)
        blocks.append((kind, data[offset + 8 : offset + length - 4]))
        offset += length
    return blocks


def one(encoder: BlockEncoder) -> tuple[int, bytes]:
    (block,) = split(encoder.take())
    return block


def parameters(body: bytes, flags: bool = False, large: bool = False) -> list[bytes]:
    """Parameters of an event block, after a check of its length field and padding."""
    start = 6 if flags else 2
    length, _, count = struct.unpack_from("<IHI", body, start + 16)
    width = 4 if large else 2
    lengths = struct.unpack_from(f"<{count}{'I' if large else 'H'}", body, start + 26)
    assert length == 26 + width * count + sum(lengths)
    end = start + length
    assert body[end:] == b"\0" * (len(body) - end) and len(body) - end < 4
    values, offset = [], start + 26 + width * count
    for size in lengths:
        values.append(body[offset : offset + size])
        offset += size
    return values


class TestSections:
    def test_section_header(self) -> None:
        encoder = BlockEncoder()
        encoder.section_header()
        expected = struct.pack("<IIIHHQI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 2, 2**64 - 1, 28)
        assert encoder.take() == expected

    def test_section_header_with_options(self) -> None:
        encoder = BlockEncoder()
        encoder.section_header(1, b"\x01\0\x02\0hi\0\0\0\0\0\0")
        kind, body = one(encoder)
        assert (kind, body[4:8], body[16:]) == (0x0A0D0D0A, b"\x01\0\x01\0", b"\x01\0\x02\0hi\0\0\0\0\0\0")

    def test_machine_info_has_180_bytes(self) -> None:
        encoder = BlockEncoder()
        encoder.machine_info(4, 1 << 33, 32768, b"node", 5, 6)
        kind, body = one(encoder)
        assert kind == 0x201
        assert len(body) == 180
        assert struct.unpack("<IQQ128sQQQQ", body) == (4, 1 << 33, 32768, b"node".ljust(128, b"\0"), 5, 6, 0, 0)

    def test_hostname_keeps_room_for_its_nul(self) -> None:
        BlockEncoder().machine_info(1, 0, 0, b"x" * 127)
        with pytest.raises(ScapError, match="hostname: 128 bytes"):
            BlockEncoder().machine_info(1, 0, 0, b"x" * 128)

    def test_interfaces_count_their_length_without_itself(self) -> None:
        encoder = BlockEncoder()
        encoder.interface_list(
            [(b"\x7f\0\0\1", b"\xff\0\0\0", b"\0" * 4, 9, b"lo"), (b"\1" * 16, b"\2" * 16, b"\3" * 16, 0, b"eth0")]
        )
        kind, body = one(encoder)
        first = struct.pack("<HH4s4s4sQ", 1, 2, b"\x7f\0\0\1", b"\xff\0\0\0", b"\0" * 4, 9) + b"lo"
        second = struct.pack("<HH16s16s16sQ", 2, 4, b"\1" * 16, b"\2" * 16, b"\3" * 16, 0) + b"eth0"
        expected = struct.pack("<I", len(first)) + first + struct.pack("<I", len(second)) + second
        assert (kind, body) == (0x219, expected.ljust(len(expected) + -len(expected) % 4, b"\0"))

    def test_users_and_groups(self) -> None:
        encoder = BlockEncoder()
        encoder.user_list([(1000, 100, b"app", b"/home/app", b"/bin/sh")], [(100, b"users")])
        kind, body = one(encoder)
        user = struct.pack("<BII", 0, 1000, 100) + b"\x03\0app\x09\0/home/app\x07\0/bin/sh"
        group = struct.pack("<BI", 1, 100) + b"\x05\0users"
        expected = struct.pack("<I", len(user) + 4) + user + struct.pack("<I", len(group) + 4) + group
        assert (kind, body[: len(expected)]) == (0x220, expected)

    def test_process_entry_in_the_order_of_the_format(self) -> None:
        encoder = BlockEncoder()
        encoder.process_list([PROCESS])
        kind, body = one(encoder)
        expected = struct.pack("<QQQqq", 42, 42, 1, 7, 9)
        expected += b"\x03\0cat\x08\0/bin/cat\x08\0/bin/cat\x04\0a\0b\0\x04\0/tmp"
        expected += struct.pack("<qIIIIIIQQ", 1024, 3, 10, 20, 1, 2, 3, 4, 5)
        expected += b"\x04\0K=V\0" + struct.pack("<qq", 11, 12) + b"\x06\0cpu=/\0\x01\0/"
        assert kind == 0x215
        assert body[: len(expected) + 4] == struct.pack("<I", len(expected) + 4) + expected

    @pytest.mark.parametrize(("values", "size"), [((), 0), ((5,), 4), ((5, 1), 5), ((5, 1, 7, 8, 9), 29)])
    def test_appended_part_of_a_process_entry(self, values: tuple[int, ...], size: int) -> None:
        encoder = BlockEncoder()
        encoder.process_list([PROCESS])
        plain = struct.unpack_from("<I", one(encoder)[1])[0]
        encoder.process_list([PROCESS + values])
        body = one(encoder)[1]
        length = struct.unpack_from("<I", body)[0]
        assert length - plain == size
        appended = struct.pack("<IBQQQ", *values, *(0,) * (5 - len(values)))[:size]
        assert body[plain:length] == appended

    @pytest.mark.parametrize("name", ["comm", "exe", "exepath", "cwd", "root", "args", "env", "cgroups"])
    def test_process_texts_end_where_the_reader_stops(self, name: str) -> None:
        limit = 4096 if name in ("args", "env", "cgroups") else 1024
        index = PROCESS_FIELDS.index(name)
        BlockEncoder().process_list([PROCESS[:index] + (b"x" * limit,) + PROCESS[index + 1 :]])
        with pytest.raises(ScapError, match=f"{name}: {limit + 1} bytes"):
            BlockEncoder().process_list([PROCESS[:index] + (b"x" * (limit + 1),) + PROCESS[index + 1 :]])

    @pytest.mark.parametrize(
        ("entry", "rest"),
        [
            ((0, 5, 16, 3, b"/dev/null"), b"\x03\0\0\0\x09\0/dev/null"),
            ((0, 5, 16, 3, b"/dev/null", 7), b"\x03\0\0\0\x09\0/dev/null\x07\0\0\0"),
            ((1, 5, 2, b"/tmp"), b"\x04\0/tmp"),
            ((2, 5, 3, b"\x0a\0\0\1", b"\x0a\0\0\2", 80, 8080, 2), b"\x0a\0\0\1\x0a\0\0\2\x50\0\x90\x1f\x02"),
            ((2, 5, 4, b"\1" * 16, b"\2" * 16, 1, 2, 3), b"\1" * 16 + b"\2" * 16 + b"\x01\0\x02\0\x03"),
            ((3, 5, 5, b"\0" * 4, 53, 3), b"\0" * 4 + b"\x35\0\x03"),
            ((3, 5, 6, b"\0" * 16, 53, 3), b"\0" * 16 + b"\x35\0\x03"),
            ((4, 5, 7, b"pipe:[1]"), b"\x08\0pipe:[1]"),
            ((5, 5, 8, 1, 2, b"/run/x\n"), struct.pack("<QQ", 1, 2) + b"\x07\0/run/x\n"),
        ],
    )
    def test_fd_entries(self, entry: tuple[int | bytes, ...], rest: bytes) -> None:
        encoder = BlockEncoder()
        encoder.fd_list(42, [entry])
        kind, body = one(encoder)
        expected = struct.pack("<qQB", *entry[:3]) + rest
        assert kind == 0x218
        assert body[:8] == struct.pack("<Q", 42)
        assert body[8 : 12 + len(expected)] == struct.pack("<I", len(expected) + 4) + expected

    def test_fd_list_of_a_thread_that_has_none(self) -> None:
        encoder = BlockEncoder()
        encoder.fd_list(42, [])
        assert one(encoder) == (0x218, struct.pack("<Q", 42))

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ((0, 0, 3, b"\0" * 16, b"\0" * 4, 1, 2, 2), "source address"),
            ((0, 0, 3, b"\0" * 4, b"\0" * 4, 1, 65536, 2), "destination port: 65536 is out of range"),
            ((0, 0, 7, b"x" * 1024), "fd name: 1024 bytes"),
            ((0, 0, 7), "does not have 0 values"),
            ((0, 0, 256, b""), "fd type: 256"),
            ((0, -1, 7, b""), "inode: -1 is out of range"),
            ((0, 0, 16, 0, "text"), "'text' is not bytes"),
        ],
    )
    def test_a_failed_call_leaves_nothing_behind(self, entry: tuple[int | bytes, ...], message: str) -> None:
        encoder = BlockEncoder()
        encoder.section_header()
        with pytest.raises(ScapError, match=message):
            encoder.fd_list(1, [(0, 0, 7, b""), entry])
        assert len(encoder) == 28


class TestEvents:
    def test_event(self) -> None:
        encoder = BlockEncoder()
        encoder.event(1000, 42, 3, 5, [struct.pack("<q", -2)])
        kind, body = one(encoder)
        assert kind == 0x216
        assert body[:28] == struct.pack("<HQQIHI", 3, 1000, 42, 36, 5, 1)
        assert parameters(body) == [struct.pack("<q", -2)]

    @pytest.mark.parametrize(
        ("flags", "large", "kind"), [(0, False, 0x216), (1, False, 0x217), (0, True, 0x221), (2, True, 0x222)]
    )
    def test_block_type_follows_from_flags_and_width(self, flags: int, large: bool, kind: int) -> None:
        encoder = BlockEncoder()
        encoder.event(1, -1, 0, 3, [b"abc", b""], flags, large)
        number, body = one(encoder)
        assert number == kind
        if flags:
            assert struct.unpack_from("<I", body, 2) == (flags,)
        assert parameters(body, bool(flags), large) == [b"abc", b""]

    def test_longest_normal_event(self) -> None:
        encoder = BlockEncoder()
        # cpu 2, header 26, two lengths, and the trailer of 4 leave this for the parameters of a full buffer.
        room = 65536 - 2 - 26 - 4 - 4
        encoder.event(1, 1, 0, 7, [b"x" * 8, b"y" * (room - 8)])
        assert len(encoder) == 65544
        with pytest.raises(ScapError, match="longer than the 65536"):
            encoder.event(1, 1, 0, 7, [b"x" * 8, b"y" * (room - 7)])
        assert len(encoder) == 65544

    def test_large_event_takes_what_a_normal_one_does_not(self) -> None:
        encoder = BlockEncoder()
        encoder.event(1, 1, 0, 324, [b"x" * 100_000], large=True)
        assert parameters(one(encoder)[1], large=True) == [b"x" * 100_000]
        with pytest.raises(ScapError, match="parameter 0"):
            encoder.event(1, 1, 0, 272, [b"x" * 65536])

    def test_copy_event(self) -> None:
        encoder = BlockEncoder()
        encoder.event(1, 2, 3, 7, [b"12345678", b"data"])
        whole = encoder.take()
        event = whole[10 : 10 + struct.unpack_from("<I", whole, 26)[0]]
        encoder.copy_event(event, 3)
        assert encoder.take() == whole

    @pytest.mark.parametrize("cut", [0, 10, 25, 37])
    def test_copy_event_checks_the_length(self, cut: int) -> None:
        event = struct.pack("<QQIHIH", 1, 2, 38, 5, 1, 8) + bytes(8) + b"?"
        encoder = BlockEncoder()
        with pytest.raises(ScapError, match="length that its header states"):
            encoder.copy_event(event[:cut], 0)
        assert len(encoder) == 0

    def test_append_copies_whole_blocks_only(self) -> None:
        source = BlockEncoder()
        for number in range(5):
            source.event(number, 1, 0, 5, [bytes(8)])
        data = source.take()
        encoder = BlockEncoder()
        encoder.append(memoryview(data))
        encoder.append(b"")
        assert encoder.take() == data
        for damaged in (data[:-1], data[4:], data[:-4] + b"\1\0\0\0", b"\0" * 12):
            with pytest.raises(ScapError, match="no whole block"):
                encoder.append(damaged)
        assert len(encoder) == 0

    def test_append_selected(self) -> None:
        source = BlockEncoder()
        blocks = []
        for number in range(50):
            source.event(number, 1, 0, 7, [bytes(8), b"x" * number])
            blocks.append(source.take())
        data = b"".join(blocks)
        starts = [sum(map(len, blocks[:index])) for index in range(50)]
        encoder = BlockEncoder(1)
        encoder.append_selected(data, array("q", starts[7::9]))
        encoder.append_selected(data, array("q"))
        assert encoder.take() == b"".join(blocks[7::9])
        for offset in (-4, 1, len(data), 1 << 60):
            with pytest.raises(ScapError, match=f"no whole block at byte {offset}"):
                encoder.append_selected(data, array("q", [0, offset]))
        with pytest.raises(ScapError, match="of 0"):
            encoder.append_selected(b"", array("q", [0]))
        assert len(encoder) == 0

    @given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 2**32 - 1), st.booleans())
    def test_any_parameters_come_back(self, values: list[bytes], flags: int, large: bool) -> None:
        encoder = BlockEncoder()
        encoder.event(2**64 - 1, -(2**63), 65535, 65535, values, flags, large)
        _, body = one(encoder)
        assert parameters(body, flags != 0, large) == values
