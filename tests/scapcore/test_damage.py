"""Damaged captures: nothing crashes, nothing hangs, and what is whole is delivered.

A short form runs by default; ``SCAPPY_FUZZ=full`` tries every cut and 100,000 flips, which takes an hour or so.
"""

from __future__ import annotations

import faulthandler
import gzip
import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from exercise import Exercise, Outcome, lines

from scapcore.errors import ScapError, TruncatedCaptureError, UnsupportedCaptureError
from scapcore.reader import Reader
from scapcore.schema import event_types
from scapcore.source import open_source

FULL = os.environ.get("SCAPPY_FUZZ") == "full"
#: Flipped bytes in all, and how many seconds one capture may take.
FLIPS = 100_000 if FULL else 3_000
PATIENCE = 300

#: Formats 1.0 and 1.2, plain and gzip, old and new kinds of blocks; each is small enough to be read often.
NAMES = (
    "captures/falco__trace_files__cat_write.scap",
    "captures/falco__test__empty.scap",
    "captures/libs__captures__curl_google.scap",
    "captures/libs__resources__sample.scap",
    "captures/falco__psp__run_as_user_0_container.scap",
    "captures-2026/linux6__syscalls__variety.scap",
)
TYPES = {event.type: event.id for event in event_types()}
EVENT_BLOCKS = (0x204, 0x208, 0x216, 0x217, 0x221, 0x222)


@dataclass
class Whole:
    """A capture before it is damaged."""

    name: str
    content: bytes
    blocks: list[tuple[int, int, int]]      # offset, type, length
    outcome: Outcome
    lines: list[bytes]

    @property
    def first_event(self) -> int:
        return next(offset for offset, kind, _ in self.blocks if kind in EVENT_BLOCKS)

    def events_before(self, offset: int) -> int:
        """How many numbered events end at an offset or before it."""
        return sum(
            start + length <= offset and has_number(self.content, start, kind) for start, kind, length in self.blocks
        )


def has_number(content: bytes, start: int, kind: int) -> bool:
    """Whether a block is an event that the classic rules count: its type is known and not about users and groups."""
    if kind not in EVENT_BLOCKS:
        return False
    place = start + (14 if kind in (0x208, 0x217, 0x222) else 10) + 20
    return TYPES.get(int.from_bytes(content[place : place + 2], "little"), "USER_").startswith(("USER_", "GROUP_")) is False


def walk(content: bytes) -> Iterator[tuple[int, int, int]]:
    offset = 0
    while offset < len(content):
        kind, length = struct.unpack_from("<II", content, offset)
        yield offset, kind, length
        offset += length


@cache
def load(path: Path) -> Whole:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    outcome, shown = lines(content)
    assert outcome.error is None
    blocks = list(walk(content))
    whole = Whole(path.name, content, blocks, outcome, shown)
    assert len(outcome.numbers) == whole.events_before(len(content)) > 80
    return whole


@pytest.fixture(params=NAMES, ids=lambda name: name.partition("/")[2])
def path(request: pytest.FixtureRequest, shared_directory: Path) -> Iterator[Path]:
    faulthandler.dump_traceback_later(PATIENCE * (60 if FULL else 1), exit=True)
    yield shared_directory / request.param
    faulthandler.cancel_dump_traceback_later()


def assert_prefix(whole: Whole, outcome: Outcome, shown: list[bytes], count: int) -> None:
    """The first `count` events are delivered as they would be without damage."""
    assert outcome.numbers[:count] == whole.outcome.numbers[:count]
    assert outcome.types[:count] == whole.outcome.types[:count]
    assert outcome.times[:count] == whole.outcome.times[:count]
    visible = count - sum(whole.outcome.hidden[:count])
    assert shown[:visible] == whole.lines[:visible]


def test_cuts(path: Path) -> None:
    whole = load(path)
    chance = random.Random(whole.name)
    cuts = []
    for offset, _, length in whole.blocks:
        cuts += [(offset, True), (offset + chance.choice((1, 4, 7, 8, 9, length // 2, length - 1)), False)]
    if not FULL:
        cuts = cuts[:12] + chance.sample(cuts, 60) + cuts[-6:]
    for place, clean in cuts:
        outcome, shown = lines(whole.content[:place])
        count = whole.events_before(place)
        assert len(outcome.numbers) == count, place
        assert_prefix(whole, outcome, shown, count)
        if place < 8:
            assert isinstance(outcome.error, UnsupportedCaptureError)
        elif clean:
            assert outcome.error is None, place
        else:
            assert isinstance(outcome.error, TruncatedCaptureError), place
            assert outcome.error.offset is not None and outcome.error.offset <= place
            strict, shown_strictly = lines(whole.content[:place], strict=True)
            assert (strict.numbers, shown_strictly) == (outcome.numbers, shown)
            assert isinstance(strict.error, TruncatedCaptureError)


def test_everything_of_cut_captures(path: Path) -> None:
    whole = load(path)
    chance = random.Random(5)
    for modern in (False, True):
        exercise = Exercise(modern=modern)
        for _ in range(200 if FULL else 12):
            place = chance.randrange(28, len(whole.content))
            outcome = exercise.run(whole.content[:place])
            if not modern:
                assert len(outcome.numbers) == whole.events_before(place)
            exercise.keep(whole.content[:place], batch_events=chance.choice((10, 300, 16384)))


def test_compressed_captures_that_are_cut(path: Path) -> None:
    whole = load(path)
    packed = gzip.compress(whole.content, 6, mtime=0)
    chance = random.Random(6)
    for _ in range(100 if FULL else 6):
        place = chance.randrange(20, len(packed) - 1)
        outcome, shown = lines(open_source(packed[:place]))
        assert isinstance(outcome.error, ScapError)
        assert_prefix(whole, outcome, shown, len(outcome.numbers))
        assert len(outcome.numbers) <= len(whole.outcome.numbers)


def flip(content: bytes, chance: random.Random, count: int, start: int = 0) -> tuple[bytes, int]:
    """Change some bytes from a place on; the place of the first one too."""
    damaged = bytearray(content)
    first = len(content)
    for _ in range(count):
        place = chance.randrange(start, len(content))
        damaged[place] ^= chance.choice((1 << chance.randrange(8), chance.randrange(1, 256), damaged[place] ^ 0xFF or 1))
        first = min(first, place)
    return bytes(damaged), first


def test_flipped_bytes(path: Path) -> None:
    whole = load(path)
    chance = random.Random(whole.name)
    exercises = [Exercise(modern=False), Exercise(modern=True)]
    left = FLIPS // len(NAMES) + 1
    trial = 0
    while left > 0:
        trial += 1
        count = chance.choice((1, 1, 2, 4, 16, 64))
        left -= count
        events_only = trial % 3 != 0
        damaged, first = flip(whole.content, chance, count, whole.first_event if events_only else 0)
        exercise = exercises[trial % 4 == 0]
        outcome = exercise.run(damaged, batch_events=chance.choice((16384, 50)), strict=trial % 10 == 0)
        if not exercise.modern and events_only:
            before = whole.events_before(first)
            assert outcome.numbers[:before] == whole.outcome.numbers[:before]
            assert outcome.types[:before] == whole.outcome.types[:before]
            assert outcome.times[:before] == whole.outcome.times[:before]
        if events_only and not exercise.modern and trial % 10:
            # A flip takes the block that it hits, and seldom a neighbour.
            assert len(outcome.numbers) >= len(whole.outcome.numbers) - 2 * count
        if trial % 16 == 0:
            exercise.keep(damaged, batch_events=20)


def test_flipped_bytes_of_compressed_captures(path: Path) -> None:
    whole = load(path)
    packed = gzip.compress(whole.content, 6, mtime=0)
    chance = random.Random(8)
    for _ in range(300 if FULL else 10):
        damaged, _ = flip(packed, chance, chance.choice((1, 5)))
        try:
            outcome, _ = lines(open_source(damaged))
        except ScapError:
            continue
        assert outcome.error is None or isinstance(outcome.error, ScapError)


def test_pieces_in_disorder(path: Path) -> None:
    """Blocks left out, doubled and moved: right by themselves, with threads and descriptors that do not exist."""
    whole = load(path)
    chance = random.Random(9)
    exercises = [Exercise(modern=False), Exercise(modern=True)]
    head = whole.content[: whole.blocks[0][2]]
    for trial in range(400 if FULL else 10):
        pieces = [whole.content[offset : offset + length] for offset, _, length in whole.blocks[1:]]
        for _ in range(chance.choice((3, 50, 500))):
            act = chance.randrange(4)
            place = chance.randrange(len(pieces))
            if act == 0:
                del pieces[place]
            elif act == 1:
                pieces.insert(chance.randrange(len(pieces)), pieces[place])
            elif act == 2:
                pieces[place], pieces[-1 - place] = pieces[-1 - place], pieces[place]
            else:
                pieces[place] = head if chance.random() < 0.02 else pieces[place]
        outcome = exercises[trial % 2].run(head + b"".join(pieces), batch_events=chance.choice((16384, 30)))
        assert outcome.error is None or isinstance(outcome.error, ScapError)


def test_short_pieces_from_streams(path: Path) -> None:
    """A stream that brings damaged bytes in small pieces gives what the same bytes give at once."""

    class Slow:
        def __init__(self, content: bytes) -> None:
            self.content = content

        def read(self, count: int) -> bytes:
            step = min(count, 4096)
            piece, self.content = self.content[:step], self.content[step:]
            return piece

    whole = load(path)
    chance = random.Random(10)
    for _ in range(60 if FULL else 5):
        damaged, _ = flip(whole.content, chance, 8, whole.first_event)
        at_once = Reader(open_source(damaged))
        in_pieces = Reader(open_source(Slow(damaged), read_ahead=False))
        found = []
        for reader in (at_once, in_pieces):
            numbers, types = 0, []
            try:
                while reader.advance():
                    numbers += len(reader.batch)
                    types += reader.batch.type.tolist()
            except ScapError:
                pass
            found.append((numbers, types, [(gap.offset, gap.length, gap.before, gap.after) for gap in reader.gaps]))
        assert found[0] == found[1]
