"""What is handed on through the Arrow interfaces is whole, and is given back whoever lets go of it, and where."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Iterator

import pyarrow
import pytest
from pyarrow.dataset import Scanner

from scapcore.arrow import ArrowStream, ArrowType, ArrowValues, RecordBatch


class Bytes(bytearray):
    """Memory of which one can see whether it is still held: a held bytearray cannot change its size."""

    @property
    def held(self) -> bool:
        try:
            self.append(0)
            self.pop()
        except BufferError:
            return True
        return False


TYPE = ArrowType(
    b"+s", "", False,
    [ArrowType(b"l", "numbers"), ArrowType(b"i", "words", dictionary=ArrowType(b"u")),
     ArrowType(b"+l", "lists", children=[ArrowType(b"u", "item", False)])],
)  # fmt: skip


def integers(*values: int, width: int = 4) -> Bytes:
    return Bytes(b"".join(value.to_bytes(width, "little", signed=True) for value in values))


def make() -> tuple[RecordBatch, list[Bytes]]:
    """A batch of three rows, and its memory."""
    memory = [
        Bytes([0b101]), integers(7, 0, -9, width=8), integers(1, 0, 1), integers(0, 1, 3), Bytes("xü".encode()),
        integers(0, 2, 2, 3), integers(0, 1, 1, 4), Bytes(b"abcd"),
    ]  # fmt: skip
    numbers = ArrowValues(3, 1, memory[:2])
    words = ArrowValues(3, 0, (None, memory[2]), (), ArrowValues(2, 0, (None, memory[3], memory[4])))
    lists = ArrowValues(3, 0, (None, memory[5]), (ArrowValues(3, 0, (None, memory[6], memory[7])),))
    return RecordBatch(TYPE, ArrowValues(3, 0, (None,), (numbers, words, lists))), memory


CONTENT = {"numbers": [7, None, -9], "words": ["ü", "x", "ü"], "lists": [["a", ""], [], ["bcd"]]}


def content(batch: pyarrow.RecordBatch) -> dict[str, list[object]]:
    batch.validate(full=True)
    found: dict[str, list[object]] = batch.to_pydict()
    return found


def test_a_batch_is_whole() -> None:
    batch, memory = make()
    assert (len(batch), batch.names) == (3, ["numbers", "words", "lists"])
    assert batch.nbytes == sum(len(each) for each in memory)
    assert "3 rows" in repr(batch)
    taken = pyarrow.record_batch(batch)
    assert content(taken) == CONTENT
    assert str(taken.schema.field("words").type) == "dictionary<values=string, indices=int32, ordered=0>"
    assert pyarrow.schema(batch) == taken.schema


def test_memory_is_held_as_long_as_anybody_looks() -> None:
    batch, memory = make()
    taken = pyarrow.record_batch(batch)
    again = pyarrow.record_batch(batch)
    del batch
    assert all(each.held for each in memory)
    del taken
    assert all(each.held for each in memory)
    column = again.column("lists")
    del again
    gc.collect()
    # A consumer may keep a column and let go of the others.
    assert column.to_pylist() == CONTENT["lists"]
    assert memory[7].held
    del column
    gc.collect()
    assert not any(each.held for each in memory)


def test_capsules_that_nobody_takes_are_released() -> None:
    batch, memory = make()
    capsules = batch.__arrow_c_array__()
    stream = ArrowStream(TYPE, [batch]).capsule()
    del batch, capsules
    assert memory[0].held
    del stream
    assert not any(each.held for each in memory)


def test_release_in_another_thread() -> None:
    batch, memory = make()
    held = [pyarrow.record_batch(batch) for _ in range(100)]
    del batch
    threads = [threading.Thread(target=held.pop) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not held and not any(each.held for each in memory)


class Source:
    def __init__(self, stream: ArrowStream) -> None:
        self.stream = stream

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.stream.capsule()


def test_release_in_threads_of_the_library() -> None:
    """They do not belong to Python."""
    batch, memory = make()
    reader = pyarrow.RecordBatchReader.from_stream(Source(ArrowStream(TYPE, [batch] * 500)))
    del batch
    assert Scanner.from_batches(reader).count_rows() == 1500
    del reader
    gc.collect()
    # Its threads end when they like.
    for _ in range(1000):
        if not any(each.held for each in memory):
            break
        time.sleep(0.01)
    assert not any(each.held for each in memory)


def test_a_stream_asks_for_batches_one_by_one() -> None:
    asked = []

    def batches() -> Iterator[RecordBatch]:
        for number in range(3):
            asked.append(number)
            yield make()[0]

    reader = pyarrow.RecordBatchReader.from_stream(Source(ArrowStream(TYPE, batches())))
    assert asked == []
    assert content(reader.read_next_batch()) == CONTENT
    assert asked == [0]
    assert reader.read_all().num_rows == 6
    with pytest.raises(StopIteration):
        reader.read_next_batch()


def test_an_error_reaches_the_consumer_as_words() -> None:
    def batches() -> Iterator[RecordBatch]:
        yield make()[0]
        raise ValueError("nothing\0 more")

    stream = ArrowStream(TYPE, batches())
    reader = pyarrow.RecordBatchReader.from_stream(Source(stream))
    assert reader.read_next_batch().num_rows == 3
    with pytest.raises(OSError, match="ValueError: nothing more"):
        reader.read_next_batch()
    assert isinstance(stream.error, ValueError)


def test_a_batch_that_is_none_is_an_error() -> None:
    reader = pyarrow.RecordBatchReader.from_stream(Source(ArrowStream(TYPE, iter([7]))))  # type: ignore[list-item]
    with pytest.raises(OSError, match="TypeError"):
        reader.read_all()


def test_an_unfinished_stream_lets_go() -> None:
    class Batches:
        def __iter__(self) -> Iterator[RecordBatch]:
            return self

        def __next__(self) -> RecordBatch:
            return make()[0]

    batches = Batches()
    watched = weakref.ref(batches)
    reader = pyarrow.RecordBatchReader.from_stream(Source(ArrowStream(TYPE, batches)))
    reader.read_next_batch()
    del batches
    assert watched() is not None
    del reader
    gc.collect()
    assert watched() is None


def test_nothing_leaks() -> None:
    batch, _ = make()
    owners = (batch.values, batch.type, batch.values.children[1])
    before = [sys.getrefcount(owner) for owner in owners]
    for _ in range(1000):
        batch.__arrow_c_array__()
        pyarrow.record_batch(batch)
        ArrowStream(TYPE, [batch]).capsule()
    gc.collect()
    assert [sys.getrefcount(owner) for owner in owners] == before


def test_wrong_use_is_refused() -> None:
    batch, _ = make()
    with pytest.raises(ValueError, match="as many types as columns"):
        RecordBatch(TYPE, batch.values.children[0])
    with pytest.raises(TypeError):
        ArrowValues(1, 0, (), [None])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        ArrowType(b"+s", children=["l"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="made once"):
        batch.values.__init__(0, 0, ())  # type: ignore[misc]
