"""Frames: each stands on its own, and all of them together are what was given."""

from __future__ import annotations

import gzip
import random

import pytest

from scapcore.errors import ScapError
from scapcore.source import open_source
from scappy.compression import COMPRESSIONS, Compressor


def unpacked(content: bytes) -> bytes:
    found = bytearray()
    view = bytearray(1 << 20)
    with open_source(content) as source:
        while count := source.readinto(view):
            found += view[:count]
    return bytes(found)


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_frames(name: str) -> None:
    chance = random.Random(7)
    pieces = [chance.randbytes(1000) * chance.randrange(1, 3000) for _ in range(30)]
    compressor = Compressor(name)
    frames = []
    for piece in pieces:
        frames += compressor.feed(piece)
    frames += compressor.finish()
    assert len(frames) > 1
    whole = b"".join(pieces)
    assert unpacked(b"".join(frame.packed for frame in frames)) == whole
    place = 0
    for frame in frames:
        assert unpacked(frame.packed) == whole[place : place + frame.size]
        place += frame.size
    assert place == len(whole)
    if name == "gzip":
        assert gzip.decompress(b"".join(frame.packed for frame in frames)) == whole


def test_an_unknown_compression() -> None:
    with pytest.raises(ScapError, match="'rar' is not a compression: gzip, zstd, lz4"):
        Compressor("rar")
