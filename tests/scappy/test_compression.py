"""Frames: each stands on its own, and all of them together are what was given."""

from __future__ import annotations

import gzip
import random
import threading
from typing import Any

import pytest

from scapcore.errors import ScapError
from scapcore.source import open_source
from scappy import compression
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


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_who_hurries_compresses_less_while_frames_wait(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And more frames may wait."""
    words = random.Random(3)
    data = b"".join(words.choice((b"alpha ", b"beta ", b"gamma ", b"delta ")) for _ in range(250_000))
    monkeypatch.setattr(compression, "MOST_THREADS", 1)
    sizes = {}
    for hurries in (False, True):
        compressor = Compressor(name, hurries)
        held = threading.Event()
        pack = compressor._pack

        def late(piece: Any, effort: Any, held: threading.Event = held, pack: Any = pack) -> Any:
            held.wait(30)
            return pack(piece, effort)

        compressor._pack = late
        early = [frame for _ in range(9 if hurries else 2) for frame in (*compressor.feed(data), *compressor.cut())]
        assert early == []
        held.set()
        frames = list(compressor.finish())
        assert unpacked(b"".join(frame.packed for frame in frames)) == data * len(frames)
        sizes[hurries] = [len(frame.packed) for frame in frames]
    usual = sizes[False][0]
    assert sizes[False] == [usual] * 2
    # The first one finds nobody before it.
    assert sizes[True][0] == usual and len(sizes[True]) == 9 and min(sizes[True][1:]) > usual


def test_an_unknown_compression() -> None:
    with pytest.raises(ScapError, match="'rar' is not a compression: gzip, zstd, lz4"):
        Compressor("rar")
