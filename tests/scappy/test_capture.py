"""The API that users see: open, iterate, filter, select, batches."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import lz4.frame
import numpy
import pytest
import zstandard

import scappy

FILTER = "proc.name = curl and evt.type in (connect, sendto) and evt.dir = <"


def names(events: list[scappy.Event]) -> list[tuple[int, str, str]]:
    return [(event.num, event.type, event["fd.name"]) for event in events]


def test_iteration_can_be_repeated(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough).filter(FILTER)
    first, second = names(list(capture)), names(list(capture))
    assert first == second
    assert (107992, "connect", "172.17.0.7:36404->10.3.0.214:80") in first


def test_every_kind_of_input_gives_the_same(walkthrough: Path) -> None:
    content = walkthrough.read_bytes()
    expected = names(list(scappy.open(walkthrough).filter(FILTER)))
    packed = [
        content,
        gzip.compress(content, 1),
        gzip.compress(content[:5000], 1) + gzip.compress(content[5000:], 1),
        lz4.frame.compress(content),
        zstandard.compress(content, 1),
    ]
    for data in packed:
        assert names(list(scappy.open(data).filter(FILTER))) == expected
        assert names(list(scappy.open(io.BytesIO(data)).filter(FILTER))) == expected


def test_a_stream_in_small_pieces(walkthrough: Path) -> None:
    class Trickle(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.content, self.place = content, 0

        def readable(self) -> bool:
            return True

        def readinto(self, view: memoryview) -> int:  # type: ignore[override]
            size = min(len(view), 1 + self.place % 7001, len(self.content) - self.place)
            view[:size] = self.content[self.place : self.place + size]
            self.place += size
            return size

    capture = scappy.open(Trickle(walkthrough.read_bytes()))
    assert sum(1 for _ in capture) == sum(1 for _ in scappy.open(walkthrough))


def test_filters_add_up(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough)
    narrowed = capture.filter("proc.name = curl").filter("evt.type = connect or evt.type = sendto").filter("evt.dir = <")
    assert names(list(narrowed)) == names(list(capture.filter(FILTER)))


def test_select_gives_columns(walkthrough: Path) -> None:
    table = scappy.open(walkthrough).select(
        ["evt.num", "evt.type", "proc.name", "fd.name", "evt.rawres", "evt.failed", "fd.sip"], where=FILTER
    )
    events = list(scappy.open(walkthrough).filter(FILTER))
    assert table.rows == len(events)
    numbers = table["evt.num"]
    assert isinstance(numbers, numpy.ndarray) and numbers.dtype == numpy.uint64
    assert numbers.tolist() == [event.num for event in events]
    for name in ("evt.type", "proc.name", "fd.name", "fd.sip"):
        column = table[name]
        assert isinstance(column, scappy.DictionaryColumn)
        assert column.to_numpy().tolist() == [event[name] for event in events]
    results = table["evt.rawres"]
    assert isinstance(results, numpy.ndarray)
    assert results.tolist() == [event["evt.rawres"] for event in events]
    assert table.valid["evt.rawres"].all()
    failed = table["evt.failed"]
    assert isinstance(failed, numpy.ndarray) and failed.dtype == bool


def test_missing_values_are_told(walkthrough: Path) -> None:
    table = scappy.open(walkthrough).select(["evt.num", "fd.name"], where="evt.type = switch")
    column = table["fd.name"]
    assert isinstance(column, scappy.DictionaryColumn)
    assert not table.valid["fd.name"].any()
    assert set(column.codes.tolist()) == {-1}
    assert column[0] is None


def test_batches_are_columns_that_stay(walkthrough: Path) -> None:
    kept = [(batch, batch.type, batch.ts, batch.tid) for batch in scappy.open(walkthrough).batches()]
    fresh = scappy.open(walkthrough).batches()
    total = 0
    for (batch, types, stamps, threads), again in zip(kept, fresh, strict=True):
        assert numpy.array_equal(types, again.type)
        assert numpy.array_equal(stamps, again.ts)
        assert numpy.array_equal(threads, again.tid)
        assert types.shape == (len(batch),) and not types.flags.writeable
        total += len(batch)
    assert total == 111904


def test_parameters_of_a_batch_are_offsets_into_its_bytes(walkthrough: Path) -> None:
    batch = next(scappy.open(walkthrough).batches(where="evt.type = open and evt.dir = <"))
    offsets, lengths = batch.parameter(1)
    data = batch.data
    found = {
        bytes(data[int(offsets[row]) : int(offsets[row]) + int(lengths[row]) - 1]).decode() for row in batch.selected.tolist()
    }
    assert found
    assert all(name.startswith("/") for name in found)


def test_event_views(walkthrough: Path) -> None:
    event = next(iter(scappy.open(walkthrough).filter("evt.num = 10032")))
    assert (event.num, event.type, event.direction, event.cpu, event.tid) == (10032, "connect", "<", 0, 22370)
    assert event.args == "res=0 tuple=172.17.0.7:46162->10.0.2.15:53 "
    assert event.params["res"] == 0
    assert event["proc.name"] == "curl"
    assert event["k8s.pod.name"] == "client"
    assert event.get("evt.buffer", b"nothing") == b"nothing"
    assert not event.is_enter
    with pytest.raises(scappy.FieldError, match="proc.name"):
        event["proc.nme"]


def test_errors_point_at_the_place() -> None:
    with pytest.raises(scappy.FilterError) as caught:
        scappy.open(b"").filter("proc.name = curl and fd.nme = x")
    assert str(caught.value).splitlines()[-1].index("^") == 2 + len("proc.name = curl and ")


def test_what_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(scappy.SourceError, match="No such file"):
        scappy.open(tmp_path / "none.scap")
    for content, message in ((b"", "empty"), (b"abc", "not a capture"), (b"not a capture at all", "not a capture")):
        with pytest.raises(scappy.UnsupportedCaptureError, match=message):
            list(scappy.open(content))


def test_a_cut_capture_delivers_what_is_whole(walkthrough: Path) -> None:
    content = walkthrough.read_bytes()
    numbers = []
    with pytest.raises(scappy.TruncatedCaptureError) as caught:
        for event in scappy.open(content[: len(content) // 2 - 1]):
            numbers.append(event.num)
    whole = [event.num for event in scappy.open(content)]
    assert numbers == whole[: len(numbers)]
    assert len(numbers) > 40000
    assert caught.value.offset is not None


def test_a_newer_minor_version_is_read(walkthrough: Path) -> None:
    content = bytearray(walkthrough.read_bytes())
    content[14:16] = (9).to_bytes(2, "little")
    assert scappy.open(bytes(content)).info().versions == [(1, 9)]
    content[12:14] = (2).to_bytes(2, "little")
    with pytest.raises(scappy.UnsupportedCaptureError, match="newer"):
        list(scappy.open(bytes(content)))


def test_concatenated_captures_count_on(walkthrough: Path) -> None:
    content = walkthrough.read_bytes()
    numbers = [event.num for event in scappy.open(content + content)]
    single = [event.num for event in scappy.open(content)]
    assert numbers[: len(single)] == single
    assert numbers[len(single) :] == [number + 111904 for number in single]


def test_tables_are_a_select_in_pieces(walkthrough: Path) -> None:
    fields = ["evt.num", "proc.name", "evt.rawres"]
    capture = scappy.open(walkthrough)
    whole = capture.select(fields, where="evt.dir = <")
    pieces = list(capture.tables(fields, where="evt.dir = <"))
    assert len(pieces) > 2
    for name in ("evt.num", "evt.rawres"):
        column = whole[name]
        assert isinstance(column, numpy.ndarray)
        assert numpy.array_equal(numpy.concatenate([piece[name] for piece in pieces]), column)
    texts = [text for piece in pieces for text in piece["proc.name"].to_numpy().tolist()]  # type: ignore[union-attr]
    assert texts == whole["proc.name"].to_numpy().tolist()  # type: ignore[union-attr]
