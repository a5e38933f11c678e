"""A file that is walked over while it is read gives what it gives when it has been read."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scapcore.arriving import Arriving
from scapcore.outline import Outline, outline

PATHS: list[tuple[bool, list[tuple[str, ...]]]] = [(True, [("kind",)]), (False, [("metadata", "name")])]


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def read_while_outlined(descriptor: int, size: int, delay: float = 0) -> Outline | None:
    content = Arriving(size)

    def read() -> None:
        time.sleep(delay)
        content.read(descriptor)

    reader = threading.Thread(target=read)
    reader.start()
    found = outline(content, PATHS)
    reader.join()
    return found


def told(found: Outline | None) -> object:
    assert found is not None
    return found.columns, found.starts, found.ends, found.parents


@pytest.mark.parametrize("largest", [20, 3_000, 300_000])
def test_the_same_as_of_the_whole(descriptor: int, largest: int) -> None:
    chance = random.Random(largest)
    for turn in range(40):
        lengths = [chance.randrange(largest) for _ in range(min(400, 3_000_000 // largest))]
        items = [{"kind": f"K{length % 3}", "metadata": {"name": "n" * length}, "rest": [" " * 50]} for length in lengths]
        text = json.dumps({"items": items, "kind": "List"} if turn % 2 else items[0], indent=chance.choice([None, 4])).encode()
        text = b" " * chance.choice([0, 70_000]) + text + b"\n" * chance.choice([0, 70_000])
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
        found = read_while_outlined(descriptor, len(text), chance.choice([0, 0, 0.01]))
        assert told(found) == told(outline(text, PATHS))


def test_damage_is_seen(descriptor: int) -> None:
    text = b'{"items": [' + b'{"kind": "K"},' * 100_000 + b"{]}"
    os.pwrite(descriptor, text, 0)
    assert read_while_outlined(descriptor, len(text)) is None


def test_a_file_that_becomes_shorter(descriptor: int) -> None:
    text = b'{"kind": "K"}' * 100_000
    os.pwrite(descriptor, text, 0)
    assert read_while_outlined(descriptor, len(text) + 1) is None
    content = Arriving(len(text) + 1000)
    content.read(descriptor)
    content.wait()
    assert not content.whole
    assert content.data == text + bytes(1000)


def test_what_cannot_be_read() -> None:
    content = Arriving(10)
    content.read(-1)
    content.wait()
    assert (content.whole, content.data) == (False, bytes(10))
    assert outline(content, PATHS) is None
    with pytest.raises(ValueError, match="negative"):
        Arriving(-1)


def test_nothing() -> None:
    content = Arriving(0)
    content.read(-1)
    assert content.whole
    assert told(outline(content, PATHS)) == told(outline(b"", PATHS))
