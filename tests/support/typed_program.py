"""A user's program that says what it expects of scappy's types; mypy checks it, nobody runs it."""

from collections.abc import Iterator
from typing import Any

import numpy
from numpy.typing import NDArray
from typing_extensions import assert_type

import scapcore
import scappy
from scapcore.batch import EventBatch
from scapcore.errors import ScapError

capture = scappy.open("capture.scap")
assert_type(capture, scappy.Capture)
assert_type(capture.name, str)
assert_type(capture.compression, str | None)
assert_type(capture.filter("evt.type = open"), scappy.Capture)
assert_type(iter(capture), Iterator[scappy.Event])

for event in capture:
    assert_type(event, scappy.Event)
    assert_type(event.num, int)
    assert_type(event.ts, int)
    assert_type(event.tid, int)
    assert_type(event.type, str)
    assert_type(event.args, str)
    assert_type(event.is_enter, bool)
    assert_type(event.params, dict[str, int | str | bytes])
    assert_type(event["proc.name"], Any)
    assert_type(event.get("fd.name", "none"), Any)

for batch in capture.batches(where="evt.type = open"):
    assert_type(batch, EventBatch)
    assert_type(batch.ts, NDArray[numpy.uint64])
    assert_type(batch.tid, NDArray[numpy.int64])
    assert_type(batch.type, NDArray[numpy.uint16])
    assert_type(batch.selected, NDArray[numpy.uint32])
    assert_type(batch.parameter(0), tuple[NDArray[numpy.uint64], NDArray[numpy.int64]])
    assert_type(batch.data, memoryview)
    assert_type(len(batch), int)

assert_type(scappy.open(b"bytes", view="exit", strict=True), scappy.Capture)
assert_type(capture.info().events, int)
assert_type(capture.write("part.scap", compress="zstd").events, int)
assert_type(scappy.show_versions(), None)
assert_type(scapcore.get_include(), str)

with scappy.open("capture.scap") as opened:
    assert_type(opened, scappy.Capture)

try:
    capture.filter("proc.nme = cat")
except scappy.FilterError as error:
    assert_type(error.position, int)
    assert_type(error.suggestion, str | None)
except scappy.CorruptCaptureError as damage:
    error_: ScapError = damage


class Slow(scappy.Chisel):
    """A chisel as users write it."""

    fields = ["proc.name", "evt.latency"]
    filter = "evt.dir = <"

    def on_event(self, event: scappy.Event) -> None:
        """Look at one."""
        assert_type(event["evt.latency"], Any)


# What must be refused; an ignore that is not needed is an error under --strict.
scappy.open("capture.scap", view="half")  # type: ignore[arg-type]
capture.filter(5)  # type: ignore[arg-type]
event.num = 5  # type: ignore[misc]
print(capture.nme)  # type: ignore[attr-defined]
