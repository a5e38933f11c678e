"""Common checks on every codec: what it gives, and what it does with cut, damaged and hostile streams."""

from __future__ import annotations

import gzip as standard_gzip
import importlib
import io
import os
import pathlib
import random
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from scapcore.errors import (
    CorruptCaptureError,
    MissingDependencyError,
    ScapError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.source import Source, open_source

gzip_codec = importlib.import_module("scapcore.source.gzip")
lz4_codec = importlib.import_module("scapcore.source.lz4")

SKIPPABLE = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 5) + b"hello"


@dataclass(frozen=True)
class Codec:
    """How to make streams of one kind; `flushed` gives parts that can be decoded as they come."""

    label: str
    name: str
    compress: Callable[[bytes], bytes]
    flushed: Callable[[list[bytes]], list[bytes]]


def gzip_flushed(parts: list[bytes]) -> list[bytes]:
    encoder = zlib.compressobj(6, zlib.DEFLATED, 31)
    pieces = [encoder.compress(part) + encoder.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*pieces, encoder.flush()]


def zstd_compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


def zstd_flushed(parts: list[bytes]) -> list[bytes]:
    encoder = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    pieces = [encoder.compress(part) + encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for part in parts]
    return [*pieces, encoder.flush()]


def lz4_flushed(parts: list[bytes]) -> list[bytes]:
    encoder = lz4.frame.LZ4FrameCompressor(auto_flush=True, content_checksum=True)
    pieces = [encoder.begin()] + [encoder.compress(part) for part in parts]
    return [b"".join(pieces[:2]), *pieces[2:], encoder.flush()]


def lz4_large(data: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(
        data,
        block_size=lz4.frame.BLOCKSIZE_MAX4MB,
        block_linked=False,
        block_checksum=True,
        content_checksum=True,
        store_size=False,
    )
    return packed


def lz4_frames(data: bytes) -> bytes:
    """Small frames that state their size, which several threads decompress."""
    pieces = [data[place : place + 300_000] for place in range(0, len(data), 300_000)] or [b""]
    return b"".join(lz4.frame.compress(piece, block_linked=False, content_checksum=True) for piece in pieces)


CODECS = [
    Codec("gzip", "gzip", standard_gzip.compress, gzip_flushed),
    Codec("zlib", "gzip", standard_gzip.compress, gzip_flushed),
    Codec("zstd", "zstd", zstd_compress, zstd_flushed),
    Codec("lz4", "lz4", lambda data: lz4.frame.compress(data, content_checksum=True), lz4_flushed),
    Codec("lz4-4mb", "lz4", lz4_large, lz4_flushed),
    Codec("lz4-frames", "lz4", lz4_frames, lz4_flushed),
]


@pytest.fixture(params=CODECS, ids=lambda codec: codec.label)
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Codec:
    kind: Codec = request.param
    if kind.label == "zlib":
        monkeypatch.setattr(gzip_codec, "library", lambda: zlib)
    if kind.label == "lz4-frames":
        monkeypatch.setattr(lz4_codec, "processors", lambda: 4)
    return kind


class Trickle:
    """A file object that gives pieces of random sizes."""

    def __init__(self, data: bytes, seed: int, largest: int = 100) -> None:
        self._file = io.BytesIO(data)
        self._random = random.Random(seed)
        self._largest = largest

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._random.randint(1, self._largest)))


def chunks(source: Source, size: int = 1 << 16) -> Iterator[bytes]:
    buffer = bytearray(size)
    while count := source.readinto(buffer):
        yield bytes(buffer[:count])


def read_until_error(what: object, **options: bool) -> tuple[bytes, ScapError | None]:
    found = bytearray()
    try:
        with open_source(what, **options) as source:  # type: ignore[arg-type]
            for chunk in chunks(source):
                found += chunk
    except ScapError as error:
        return bytes(found), error
    return bytes(found), None


def sample(size: int, seed: int = 1) -> bytes:
    """Text-like bytes that compress about as captures do."""
    generator = random.Random(seed)
    words = [generator.randbytes(generator.randint(2, 40)) for _ in range(200)]
    found = bytearray()
    while len(found) < size:
        found += generator.choice(words)
    return bytes(found[:size])


PAYLOADS = st.one_of(
    st.binary(max_size=2000),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=50), st.integers(0, 20000)),
)


@pytest.mark.parametrize("kind", CODECS, ids=lambda kind: kind.label)
@settings(deadline=None, max_examples=40)
@given(
    data=PAYLOADS,
    size=st.integers(1, 100_000),
    seed=st.integers(0, 1000),
    memory=st.booleans(),
    read_ahead=st.booleans(),
)
def test_round_trip(kind: Codec, data: bytes, size: int, seed: int, memory: bool, read_ahead: bool) -> None:
    packed = kind.compress(data)
    what = packed if memory else Trickle(packed, seed)
    with open_source(what, read_ahead=read_ahead) as source:
        assert source.compression == kind.name
        assert source.mapped is None
        assert b"".join(chunks(source, size)) == data
        assert source.readinto(bytearray(4)) == 0
        assert source.position == len(packed)


def test_several_frames_are_one_stream(codec: Codec) -> None:
    parts = [sample(70_000, 1), b"", sample(10, 2), sample(300_000, 3)]
    packed = b"".join(map(codec.compress, parts))
    assert read_until_error(packed) == (b"".join(parts), None)
    assert read_until_error(Trickle(packed, 1, 5000)) == (b"".join(parts), None)


def test_empty_content(codec: Codec) -> None:
    assert read_until_error(codec.compress(b"")) == (b"", None)


def test_many_empty_frames_do_not_delay_closing(codec: Codec) -> None:
    packed = codec.compress(b"") * 20_000
    assert read_until_error(packed) == (b"", None)


@pytest.mark.parametrize("read_ahead", [True, False])
def test_cut_anywhere(codec: Codec, read_ahead: bool) -> None:
    data = sample(900)
    parts = [data[:300], data[300:600], data[600:]]
    packed = b"".join(codec.flushed(parts))
    shortest = 2 if codec.name == "gzip" else 4
    for end in range(shortest, len(packed)):
        found, error = read_until_error(packed[:end], read_ahead=read_ahead)
        assert isinstance(error, TruncatedCaptureError)
        assert error.offset == len(found)
        assert data.startswith(found)
        if codec.name == "gzip":
            assert found == zlib.decompressobj(31).decompress(packed[:end])
    # What was flushed before the cut is there.
    assert read_until_error(packed[:-1])[0] == data


def test_cut_of_a_long_stream(codec: Codec) -> None:
    data = sample(9_000_000)
    packed = codec.compress(data)
    found, error = read_until_error(packed[: len(packed) * 3 // 4])
    assert isinstance(error, TruncatedCaptureError)
    assert str(error).endswith(f"ends in the middle at offset {len(found)}")
    assert data.startswith(found)
    assert len(found) > len(data) // 5


def test_wrong_check_sum_comes_after_all_the_data(codec: Codec) -> None:
    data = sample(300_000)
    packed = bytearray(codec.compress(data))
    packed[-5 if codec.name == "gzip" else -1] ^= 0x10
    found, error = read_until_error(packed)
    assert type(error) is CorruptCaptureError
    assert error.offset == len(data)
    assert found == data


def test_damage_takes_only_what_follows(codec: Codec) -> None:
    parts = [sample(200_000, seed) for seed in range(4)]
    pieces = codec.flushed(parts)
    start = sum(map(len, pieces[:3]))
    packed = bytearray(b"".join(pieces))
    # An impossible block: reserved type in gzip and zstd, too long in LZ4.
    packed[start : start + 4] = b"\xff" * 4
    found, error = read_until_error(packed)
    assert type(error) is CorruptCaptureError
    assert found == b"".join(parts[:3])
    assert error.offset == len(found)


def test_damage_within_a_deflate_block_loses_a_few_bytes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample(400_000)
    packed = bytearray(standard_gzip.compress(data))
    packed[len(packed) // 2 :] = b"\xff" * 1000
    plain = bytearray()
    decoder = zlib.decompressobj(31)
    with pytest.raises(zlib.error):
        for byte in packed:
            plain += decoder.decompress(bytes([byte]))
    found, error = read_until_error(packed)
    assert type(error) is CorruptCaptureError
    assert found == plain


@settings(deadline=None, max_examples=150)
@given(
    kind=st.sampled_from(CODECS),
    changes=st.lists(st.tuples(st.integers(4, 1500), st.integers(1, 255)), min_size=1, max_size=3),
    end=st.integers(4, 3000),
)
def test_damaged_streams_end_or_fail_in_one_known_way(kind: Codec, changes: list[tuple[int, int]], end: int) -> None:
    packed = bytearray(b"".join(kind.flushed([sample(700, 5), sample(700, 6)])) * 2)
    for place, change in changes:
        packed[place % (len(packed) - 4) + 4 if place >= len(packed) else place] ^= change
    found, error = read_until_error(packed[:end])
    if error is not None:
        assert isinstance(error, (CorruptCaptureError, UnsupportedCaptureError))
        assert str(error)
    assert len(found) < 1_000_000


def test_an_error_is_raised_again(codec: Codec) -> None:
    packed = codec.compress(sample(1000))[:-1]
    with open_source(packed) as source:
        for _ in range(3):
            with pytest.raises(TruncatedCaptureError) as caught:
                list(chunks(source))
            assert caught.value.offset == 1000 or codec.name != "gzip"


@pytest.mark.parametrize("garbage", [b"\0" * 512, b"\x1f", b"rubbish", b"\x1f\x8c..."])
def test_garbage_after_gzip_is_ignored(garbage: bytes) -> None:
    data = sample(100_000)
    assert read_until_error(standard_gzip.compress(data) + garbage) == (data, None)


@pytest.mark.parametrize("kind", [kind for kind in CODECS if kind.name != "gzip"], ids=lambda kind: kind.label)
def test_garbage_after_other_frames_is_an_error(kind: Codec) -> None:
    data = sample(100_000)
    found, error = read_until_error(kind.compress(data) + b"rubbish")
    assert type(error) is CorruptCaptureError
    assert found == data


@pytest.mark.parametrize("kind", [kind for kind in CODECS if kind.name != "gzip"], ids=lambda kind: kind.label)
def test_skippable_frames_are_passed_over(kind: Codec) -> None:
    packed = SKIPPABLE * 2 + kind.compress(b"one") + SKIPPABLE + kind.compress(b"two") + SKIPPABLE
    with open_source(packed) as source:
        assert source.compression == kind.name
        assert b"".join(chunks(source)) == b"onetwo"
    found, error = read_until_error(packed[:-1])
    assert isinstance(error, TruncatedCaptureError)
    assert found == b"onetwo"
    assert read_until_error(SKIPPABLE) == (b"", None)
    assert isinstance(read_until_error(SKIPPABLE[:-1])[1], TruncatedCaptureError)
    # A length that nobody has room for is not believed.
    hostile = SKIPPABLE[:4] + b"\xff\xff\xff\xff" + bytes(100)
    assert isinstance(read_until_error(hostile)[1], TruncatedCaptureError)


BOMB_READER = """
import re, sys
from scapcore.source import open_source
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
buffer = bytearray(1 << 16)
with open_source(sys.argv[1]) as source:
    source.readinto(buffer)
    first, total = peak(), len(buffer)
    while count := source.readinto(buffer):
        total += count
print(total, first, peak())
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_bomb_does_not_fill_the_memory(codec: Codec, tmp_path: pathlib.Path) -> None:
    # The first member is one step long at most; decompressed at once, the second one would show.
    size = 300_000_000
    path = tmp_path / "bomb"
    path.write_bytes(codec.compress(bytes(1 << 16)) + codec.compress(bytes(size)))
    run = subprocess.run(
        [sys.executable, "-c", BOMB_READER, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    total, first, peak = map(int, run.stdout.split())
    assert total == size + (1 << 16)
    assert peak < first + 40


def test_slow_reader_bounds_the_memory(codec: Codec) -> None:
    packed = codec.compress(bytes(64_000_000))
    with open_source(packed) as source:
        source.readinto(bytearray(1))
        feed = source._feed  # type: ignore[attr-defined]
        feed._thread.join(0.2)
        assert feed._thread.is_alive()
        assert feed._channel._bytes < 8 << 20


def test_zstd_that_needs_too_much_is_refused() -> None:
    encoder = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=28, write_content_size=False)
    ).compressobj()
    packed = encoder.compress(b"x" * 100) + encoder.flush()
    found, error = read_until_error(packed)
    assert isinstance(error, UnsupportedCaptureError)
    assert "256 MiB" in str(error)
    assert found == b""

    words = zstandard.ZstdCompressionDict(b"some words that are not repeated " * 20, zstandard.DICT_TYPE_RAWCONTENT)
    frame = bytearray(zstandard.ZstdCompressor(dict_data=words).compress(b"some words"))
    # A raw dictionary has no number; give the frame one: flag 1, then one byte after the (absent) window descriptor.
    frame[4] |= 1
    frame.insert(5, 7)
    assert isinstance(read_until_error(frame)[1], UnsupportedCaptureError)


def test_lz4_with_a_dictionary_is_refused() -> None:
    frame = bytearray(lz4.frame.compress(b"some words"))
    frame[4] |= 1
    assert isinstance(read_until_error(frame)[1], UnsupportedCaptureError)


def test_zstd_largest_accepted_window() -> None:
    data = sample(500_000)
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    encoder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert read_until_error(encoder.compress(data) + encoder.flush()) == (data, None)


@pytest.mark.parametrize(("kind", "package"), [(CODECS[2], "zstandard"), (CODECS[3], "lz4")])
def test_missing_package(kind: Codec, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if package == "lz4":
        monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(MissingDependencyError, match=package):
        open_source(kind.compress(b"data"))


def test_pieces_of_a_live_stream_come_at_once(codec: Codec) -> None:
    parts = [sample(1000, seed) for seed in range(5)]
    reader, writer = os.pipe()
    buffer = bytearray(1 << 20)
    with open(reader, "rb") as file, open(writer, "wb", buffering=0) as out:
        pieces = codec.flushed(parts)
        out.write(pieces[0])
        with open_source(file) as source:
            for number, part in enumerate(parts):
                # Nothing more is written until this has come out: waiting for more would hang.
                assert source.readinto(buffer) == len(part)
                assert buffer[: len(part)] == part
                out.write(pieces[number + 1])
            out.close()
            assert source.readinto(buffer) == 0


def test_output_that_fills_the_steps_exactly_comes_at_once(codec: Codec) -> None:
    # Around the end of a step the decoder may hold output although its input is used up, or hold none.
    step = importlib.import_module(f"scapcore.source.{codec.name}")
    size = getattr(step, "PIECE", 0) or step.BLOCK_LIMIT
    parts = [bytes(size + more) for more in (0, 1, 2, 257, 300, 515, 1030, -1)]
    reader, writer = os.pipe()
    buffer = bytearray(1 << 20)
    pieces = codec.flushed(parts)
    with open(reader, "rb") as file, open(writer, "wb", buffering=0) as out:
        out.write(pieces[0])
        with open_source(file) as source:
            for number, part in enumerate(parts):
                got = 0
                while got < len(part):
                    got += source.readinto(buffer)
                assert got == len(part)
                out.write(pieces[number + 1])


@pytest.mark.parametrize(
    "head",
    [
        # The largest length that a block can claim, after the header of a frame with the smallest blocks.
        b"\x28\xb5\x2f\xfd\x00\x00" + b"\xfc\xff\xff",
        lz4.frame.compress(b"")[:7] + b"\xff\xff\xff\x7f",
    ],
    ids=["zstd", "lz4"],
)
def test_length_of_a_block_is_not_believed(head: bytes) -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            part = bytes(size) if self.given else head
            self.given += len(part)
            return part

    file = Endless()
    error = read_until_error(file)[1]
    assert type(error) is CorruptCaptureError
    assert "impossible block" in str(error)
    assert file.given < 1 << 20


def shared() -> pathlib.Path:
    default = pathlib.Path(__file__).parents[2].parent / "shared"
    folder = pathlib.Path(os.environ.get("SCAPPY_SHARED", default)) / "captures"
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no captures in {folder}")
        pytest.skip("shared captures are not here")
    return folder


def test_real_captures() -> None:
    seen: set[str | None] = set()
    for path in shared().glob("*.scap"):
        with open_source(path) as source:
            seen.add(source.compression)
            content = path.read_bytes()
            if source.compression == "gzip":
                content = zlib.decompressobj(31).decompress(content)
            assert b"".join(chunks(source)) == content
    assert {None, "gzip"} <= seen


def test_gzip_members_that_end_at_a_full_piece() -> None:
    """Where a member ends right after an output that was cut, the rest of the input is there twice."""
    first, second = bytes(3 << 20), b"the second" * 1000
    content = standard_gzip.compress(first) + standard_gzip.compress(second)
    with open_source(content) as source:
        found = bytearray()
        view = bytearray(1 << 20)
        while count := source.readinto(view):
            found += view[:count]
    assert bytes(found) == first + second


class TestLz4InThreads:
    @pytest.fixture(autouse=True)
    def four_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lz4_codec, "processors", lambda: 4)

    def test_threads_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: set[str] = set()
        pieces = lz4_codec._pieces

        def watched(*arguments: object) -> list[bytes]:
            seen.add(threading.current_thread().name)
            return list(pieces(*arguments))

        monkeypatch.setattr(lz4_codec, "_pieces", watched)
        data = sample(5_000_000)
        assert read_until_error(lz4_frames(data)) == (data, None)
        assert len(seen) > 1
        assert all(name.startswith("scapcore-lz4") for name in seen)

    def test_the_order_of_large_and_small_frames_stays(self) -> None:
        data = sample(9_000_000)
        packed = lz4_frames(data[:900_000]) + lz4_large(data[900_000:4_000_000]) + SKIPPABLE + lz4_frames(data[4_000_000:])
        assert read_until_error(packed) == (data, None)

    def test_damage_costs_what_is_behind_it(self) -> None:
        data = sample(3_000_000)
        whole = lz4_frames(data)
        packed = bytearray(whole)
        packed[len(packed) // 2] ^= 0x55
        found, error = read_until_error(bytes(packed))
        assert type(error) is CorruptCaptureError
        assert len(found) >= 1_200_000 and data.startswith(found[:1_200_000])
        for end in (len(whole) // 2, len(whole) - 3):
            found, error = read_until_error(whole[:end])
            assert type(error) is TruncatedCaptureError
            assert data.startswith(found) and len(found) >= 1_200_000

    def test_a_frame_that_understates_its_size_is_not_believed(self) -> None:
        frame = bytearray(lz4.frame.compress(bytes(100_000_000), block_linked=False))
        frame[6:14] = (1000).to_bytes(8, "little")
        found, error = read_until_error(bytes(frame))
        assert isinstance(error, CorruptCaptureError)
        assert set(found) <= {0}

    def test_reading_stops_at_once(self) -> None:
        with open_source(lz4_frames(sample(30_000_000))) as source:
            source.readinto(bytearray(10))
        assert [one for one in threading.enumerate() if one.name == "scapcore-read-ahead"] == []
