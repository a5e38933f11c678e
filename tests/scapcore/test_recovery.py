"""Behind damage the reading goes on, and says what is missing."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from typing import Any

import pytest
from capture_builder import EVENT_2, CaptureBuilder, Memory, sized, text

from scapcore.damage import Gap
from scapcore.errors import CorruptCaptureError, ScapError, TruncatedCaptureError, UnsupportedCaptureError
from scapcore.reader import Reader
from scapcore.source import open_source

HEAD = len(CaptureBuilder().content)
ONE = len(CaptureBuilder().event("SYSCALL_CLOSE_E", 3, tid=7).content) - HEAD


def events(count: int, capture: CaptureBuilder | None = None) -> CaptureBuilder:
    """A capture of equal events."""
    capture = capture or CaptureBuilder().thread(1, "init").thread(7, "prog")
    for _ in range(count):
        capture.event("SYSCALL_CLOSE_E", 3, tid=7)
    return capture


def read(content: bytes, **options: Any) -> tuple[list[int], list[int], Reader, ScapError | None]:
    """Numbers and times of the events, the reader, and the error at the end."""
    reader = Reader(Memory(content), **options)  # type: ignore[arg-type]
    numbers: list[int] = []
    times: list[int] = []
    error = None
    try:
        while reader.advance():
            numbers += reader.batch.num.tolist()
            times += reader.batch.ts.tolist()
    except ScapError as found:
        error = found
    assert not reader.advance()
    return numbers, times, reader, error


def gap_of(reader: Reader) -> tuple[int, int, int, int]:
    assert reader.gap_count == len(reader.gaps) == 1
    gap = reader.gaps[0]
    assert gap.error.offset == gap.offset
    return gap.offset, gap.length, gap.before, gap.after


def at(index: int, content: bytes) -> int:
    """Offset of an event of `events`."""
    return len(content) - (10 - index) * ONE


def change(content: bytes, offset: int, new: bytes) -> bytes:
    return content[:offset] + new + content[offset + len(new) :]


@pytest.mark.parametrize(
    ("offset", "new", "lost"),
    [
        (0, b"\xff\xff\xff\xff\xff\xff", 1),            # block type and length
        (4, struct.pack("<I", 0), 1),                   # no length
        (4, struct.pack("<I", 8), 1),
        (4, struct.pack("<I", ONE + 4), 0),             # a little too long: the event itself is whole
        (4, struct.pack("<I", 2 * ONE), 0),             # until the end of the next one, with its trailer
        (4, struct.pack("<I", 60_000), 1),              # beyond the end
        (4, struct.pack("<I", 100_000), 1),             # longer than an event can be
        (4, struct.pack("<I", 0xFFFFFFFF), 1),
        (26, struct.pack("<I", 5), 1),                  # the event's own length
        (26, struct.pack("<I", 5000), 1),
        (32, struct.pack("<I", 0xFFFF), 1),             # number of parameters
        (32, struct.pack("<I", 0xFFFFFFFF), 1),
        (36, b"\xff\xff", 1),                           # length of a parameter
        (0, bytes(ONE), 1),                             # all of it
    ],
)  # fmt: skip
def test_one_broken_event(offset: int, new: bytes, lost: int) -> None:
    whole = events(10).content
    _, stamps, _, error = read(whole)
    assert error is None
    place = at(4, whole)
    numbers, times, reader, error = read(change(whole, place + offset, new))
    assert len(times) == 10 - lost
    assert times == stamps[:4] + stamps[4 + lost :]
    assert numbers == list(range(1, 11 - lost))
    assert isinstance(error, CorruptCaptureError) and not isinstance(error, TruncatedCaptureError)
    start, length, before, after = gap_of(reader)
    if lost:
        assert (start, length, before, after) == (place, ONE, 4, 5)
        gap = reader.gaps[0]
        assert (gap.before_time, gap.after_time) == (stamps[3], stamps[5])
        assert f"{ONE} bytes skipped between events 4 and 5" in str(gap)
    assert error.gaps == tuple(reader.gaps)
    # In a strict pass it is the end.
    strict_numbers, _, strict_reader, strict = read(change(whole, place + offset, new), strict=True)
    assert isinstance(strict, CorruptCaptureError)
    assert strict.gaps == () and strict_reader.gaps == []
    assert strict_numbers == numbers[: len(strict_numbers)] and len(strict_numbers) in (4, 5)


def test_a_wrong_trailer_alone_does_no_harm() -> None:
    whole = events(10).content
    numbers, _, reader, error = read(change(whole, at(5, whole) - 4, b"\xff\xff\xff\xff"))
    assert (len(numbers), error, reader.gaps) == (10, None, [])


def test_several_gaps_and_what_lies_between() -> None:
    content = events(10).content
    for index in (2, 3, 6, 9):
        content = change(content, at(index, content), b"\xee" * 20)
    numbers, times, reader, error = read(content)
    assert numbers == list(range(1, 7))
    assert [(gap.before, gap.after) for gap in reader.gaps] == [(2, 3), (4, 5), (6, 0)]
    assert [gap.length for gap in reader.gaps] == [2 * ONE, ONE, ONE]
    assert isinstance(error, CorruptCaptureError)
    assert error.gap_count == 3 and "3 places" in str(error)
    assert "behind event 6, the last one" in str(reader.gaps[2])


def test_bytes_between_blocks() -> None:
    whole = events(10).content
    for junk in (b"\0" * 4, b"junk", b"x" * 5, bytes(70_000), b"\x16\x02\0\0" * 50):
        place = at(5, whole)
        numbers, _, reader, error = read(whole[:place] + junk + whole[place:])
        assert len(numbers) == 10
        assert gap_of(reader) == (place, len(junk), 5, 6)
        assert isinstance(error, CorruptCaptureError)


def test_bytes_at_the_end() -> None:
    whole = events(10).content
    for junk in (b"the end\n" * 3, bytes(64), b"\x16\x02\0\0\x40\0\0\0", b"\n\r\r\n" * 8):
        numbers, _, reader, error = read(whole + junk)
        assert len(numbers) == 10
        assert gap_of(reader) == (len(whole), len(junk), 10, 0)
        assert isinstance(error, CorruptCaptureError)


def test_cut_in_the_last_event() -> None:
    whole = events(10).content
    for size in (1, 7, 8, 11, ONE - 1):
        numbers, _, reader, error = read(whole[: len(whole) - ONE + size])
        assert len(numbers) == 9
        assert gap_of(reader) == (len(whole) - ONE, size, 9, 0)
        assert isinstance(error, TruncatedCaptureError)


def test_unknown_blocks_are_counted() -> None:
    capture = events(4)
    capture.block(0xBAD, b"something newer").block(0x12345, bytes(2000))
    numbers, _, reader, error = read(events(6, capture).content)
    assert (len(numbers), error) == (10, None)
    assert reader.blocks[0xBAD] == reader.blocks[0x12345] == 1


def test_no_metadata() -> None:
    numbers, _, reader, error = read(events(10, CaptureBuilder()).content)
    assert (len(numbers), error) == (10, None)
    assert reader.threads() == {(7, 7)}


@pytest.mark.parametrize("damage", [lambda head: bytes(28), lambda head: b"", lambda head: head[:8] + bytes(20),
                                    lambda head: head[:4] + b"\xff\xff\xff\xff" + head[8:]])  # fmt: skip
def test_a_lost_section_header(damage: Callable[[bytes], bytes]) -> None:
    whole = events(10).content
    content = damage(whole[:28]) + whole[28:]
    numbers, _, reader, error = read(content)
    assert len(numbers) == 10
    assert isinstance(error, CorruptCaptureError)
    assert (7, 7) in reader.threads()
    assert "before event 1, the first one" in str(reader.gaps[0])
    _, _, _, strict = read(content, strict=True)
    assert isinstance(strict, (CorruptCaptureError, UnsupportedCaptureError))


def test_what_is_no_capture_stays_none() -> None:
    for content in (b"text " * 100_000, bytes(3_000_000), b"\x7fELF" + bytes(range(256)) * 99, whole_block_in_text()):
        numbers, _, reader, error = read(content)
        assert isinstance(error, UnsupportedCaptureError), error
        assert "not a capture" in str(error) and not numbers


def whole_block_in_text() -> bytes:
    """One block by chance, with more text behind it."""
    return b"a" * 1000 + events(1).content[-ONE:] + b"b" * 1000


def entry(tid: int) -> bytes:
    """One entry of a process list."""
    return CaptureBuilder().thread(tid, f"thread{tid}").content[HEAD + 8 : -4]


def test_a_process_list_with_a_wrong_entry_length() -> None:
    good = [entry(tid) for tid in (10, 11, 12, 13)]
    for new, left in ((0xFFFFFF, {10, 11}), (2, {10, 11}), (0, {10, 11})):
        broken = list(good)
        broken[2] = struct.pack("<I", new) + broken[2][4:]
        capture = CaptureBuilder().block(0x215, b"".join(broken)).thread(20, "behind")
        numbers, _, reader, error = read(events(3, capture).content)
        assert len(numbers) == 3
        assert {tid for tid, _ in reader.threads()} == left | {20, 7}
        assert isinstance(error, CorruptCaptureError) and "process entry" in str(error)
        assert reader.gaps[0].length == len(broken[2]) + len(broken[3])
    # A short entry: only this one is lost.
    short = entry(12)[:40]
    broken = [good[0], struct.pack("<I", 40) + short[4:], good[3]]
    capture = CaptureBuilder().block(0x215, b"".join(broken))
    _, _, reader, error = read(events(1, capture).content)
    assert {tid for tid, _ in reader.threads()} == {10, 13, 7}
    assert reader.gaps[0].length == 40


@pytest.mark.parametrize("wrong", [-40, -4, 4, 48, 5000, 100_000_000, 0xFFFFFFF0])
def test_lists_with_a_wrong_block_length(wrong: int) -> None:
    before = CaptureBuilder()
    start = len(before.content)
    before.block(0x215, b"".join(entry(tid) for tid in (10, 11, 12)))
    content = bytearray(events(20, before.thread(30, "behind")).content)
    (length,) = struct.unpack_from("<I", content, start + 4)
    struct.pack_into("<I", content, start + 4, wrong if wrong > 0xFFFFFF00 else length + wrong)
    numbers, _, reader, error = read(bytes(content))
    assert len(numbers) == 20
    found = {tid for tid, _ in reader.threads()}
    assert 30 in found and 10 in found
    assert isinstance(error, CorruptCaptureError)
    assert reader.gaps[0].offset == start


def test_descriptor_lists_with_wrong_entries() -> None:
    def item(fd: int, name: str) -> bytes:
        return sized(struct.pack("<qQB", fd, 0, 1) + text(name))

    body = struct.pack("<Q", 7) + item(3, "/three") + struct.pack("<I", 20) + bytes(16) + item(5, "/five")
    capture = CaptureBuilder().thread(7, "prog").block(0x218, body)
    reader = Reader(Memory(events(1, capture).content), needs=15)  # type: ignore[arg-type]
    assert reader.advance()
    from scapcore.event import FieldReader, event_at
    from scappy.fields.compiling import compile_field

    assert event_at(reader.batch, 0, FieldReader(compile_field))["fd.name"] == "/three"
    with pytest.raises(CorruptCaptureError, match="descriptor entry"):
        reader.advance()
    assert not reader.advance()


def test_a_second_section_that_is_broken() -> None:
    first, second = events(5).content, events(5).content
    numbers, _, reader, error = read(first + second)
    assert (len(numbers), error, len(reader.versions)) == (10, None, 2)
    numbers, _, reader, error = read(first + change(second, 8, b"\0\0\0\0"))
    assert len(numbers) == 10
    assert gap_of(reader)[1] == 28
    assert len(reader.versions) == 1


def test_many_gaps_take_little_memory() -> None:
    good = events(1).content[-ONE:]
    content = CaptureBuilder().content + (good + b"????") * 5000 + good
    numbers, _, reader, error = read(content)
    assert len(numbers) == 5001
    assert reader.gap_count == 5000 and len(reader.gaps) == 1000
    assert isinstance(error, CorruptCaptureError)
    assert error.gap_count == 5000


def test_a_wrong_length_does_not_pull_a_stream_into_memory() -> None:
    class Endless:
        """Events without end; how many bytes were asked for."""

        def __init__(self) -> None:
            start = bytearray(events(3).content)
            struct.pack_into("<I", start, len(start) - ONE, 0x221)           # a large event
            struct.pack_into("<I", start, len(start) - ONE + 4, 0xF0000000)  # of almost 4 GiB
            self.head = bytes(start)
            self.one = events(1).content[-ONE:] * 1000
            self.given = 0

        def read(self, count: int) -> bytes:
            piece = (self.head or self.one)[:count] if count >= len(self.head or self.one) else self.one[: count // ONE * ONE]
            self.head = b""
            self.given += len(piece)
            return piece

    endless = Endless()
    reader = Reader(open_source(endless, read_ahead=False))
    assert reader.advance()
    while not reader.gaps:
        assert reader.advance()
    assert endless.given < 20_000_000
    assert reader.gaps[0].length == ONE


def test_gzip_members_that_are_cut_or_damaged() -> None:
    whole = events(5000).content
    packed = gzip.compress(whole, 1, mtime=0)
    for content, kind in ((packed[: len(packed) // 2], TruncatedCaptureError),
                          (packed[:-8] + b"\0\0\0\0" + packed[-4:], CorruptCaptureError)):  # fmt: skip
        reader = Reader(open_source(content))
        total = 0
        with pytest.raises(kind) as caught:
            while reader.advance():
                total += len(reader.batch)
        assert total > 1000
        assert caught.value.gaps[-1].before == total
        assert caught.value.gaps[-1].after == 0


def test_words_about_a_gap() -> None:
    error = CorruptCaptureError("a block is odd", offset=40, block_type=EVENT_2, expected="an even one")
    assert str(Gap(error, 40, 8, 3, 4)) == (
        "a block is odd at offset 40 in block 0x216: expected an even one; 8 bytes skipped between events 3 and 4"
    )
    assert str(Gap(error, 40, 0, 0, 0)).endswith("; and no event could be read")


def test_an_event_without_number_of_wrong_length_takes_nothing_along() -> None:
    capture = events(3)
    start = len(capture.content)
    capture.event("USER_ADDED_E", 7, 7, "ada", "/home/ada", "/bin/sh", "c0ffee")
    end = len(capture.content)
    content = events(10, capture).content
    for length in (end - start + 4, end - start + ONE, end - start + 5 * ONE, end - start + 5 * ONE + 8):
        numbers, _, reader, error = read(change(content, start + 4, struct.pack("<I", length)))
        assert numbers == list(range(1, 14))
        assert reader.gap_count == 1 and isinstance(error, CorruptCaptureError)
