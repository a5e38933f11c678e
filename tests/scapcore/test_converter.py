"""Old forms of events in the newest one."""

from __future__ import annotations

import json
import runpy
import struct
from pathlib import Path
from typing import Any

import pytest
from capture_builder import TYPES, CaptureBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

import scapcore.schema
from scapcore.event import EventIterator
from scapcore.fields import FieldUse
from scapcore.reader import Reader
from scapcore.schema import event_types

MODERN = {event.id: event for event in event_types(modern=True)}


def compile_field(name: str) -> FieldUse:
    return FieldUse(name)


def base() -> CaptureBuilder:
    return CaptureBuilder().thread(1, "init", ptid=0).thread(7, "prog").file(7, 3, "/etc/hosts")


def shown(capture: CaptureBuilder, **options: Any) -> list[tuple[str, dict[str, object]]]:
    """Id and parameters of the events that the exit view shows."""
    reader = Reader(capture.source, modern=True, **options)
    ids = {event.type: event.id for event in event_types(modern=True)}
    return [(ids[event.type_number], event.params) for event in EventIterator(reader, None, compile_field)]


def test_an_enter_event_gives_what_its_exit_lacks() -> None:
    capture = base().event("SYSCALL_READ_E", 3, 100, tid=7).event("SYSCALL_READ_X", 2, b"ab", tid=7)
    assert shown(capture) == [("SYSCALL_READ_X", {"res": 2, "data": b"ab", "fd": 3, "size": 100})]


def test_a_generic_call_takes_the_number_of_the_kernel_from_its_enter_event() -> None:
    # Its enter event is type 0.
    capture = base().event("GENERIC_E", 0, 221, tid=7).event("GENERIC_X", 0, tid=7)
    assert shown(capture) == [("GENERIC_X", {"ID": 0, "nativeID": 221})]
    events = EventIterator(Reader(capture.source, modern=True), None, compile_field)
    assert [event.type for event in events] == ["fadvise64"]


def test_without_its_enter_an_exit_gets_defaults() -> None:
    assert shown(base().event("SYSCALL_READ_X", 2, b"ab", tid=7)) == [
        ("SYSCALL_READ_X", {"res": 2, "data": b"ab", "fd": 0, "size": 0})
    ]


def test_an_enter_event_of_another_call_does_not_help() -> None:
    capture = base().event("SYSCALL_WRITE_E", 3, 100, tid=7).event("SYSCALL_READ_X", 2, b"ab", tid=7)
    assert shown(capture)[0][1]["fd"] == 0


def test_an_enter_event_helps_once_and_only_its_thread() -> None:
    capture = base().thread(8, "other").event("SYSCALL_CLOSE_E", 3, tid=7)
    capture.event("SYSCALL_CLOSE_X", 0, tid=8).event("SYSCALL_CLOSE_X", 0, tid=7).event("SYSCALL_CLOSE_X", -9, tid=7)
    assert [params["fd"] for _, params in shown(capture)] == [0, 3, 0]


def test_the_last_enter_event_counts() -> None:
    capture = base().event("SYSCALL_CLOSE_E", 3, tid=7).event("SYSCALL_CLOSE_E", 4, tid=7)
    assert shown(capture.event("SYSCALL_CLOSE_X", 0, tid=7)) == [("SYSCALL_CLOSE_X", {"res": 0, "fd": 4})]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_enter_event_waits_for_the_next_batch(size: int) -> None:
    capture = base().thread(8, "other")
    for number in range(5):
        capture.event("SYSCALL_CLOSE_E", number, tid=7).event("SYSCALL_CLOSE_E", 10 + number, tid=8)
        capture.event("SYSCALL_CLOSE_X", 0, tid=8).event("SYSCALL_CLOSE_X", 0, tid=7)
    found = [params["fd"] for _, params in shown(capture, batch_events=size)]
    assert found == [10, 0, 11, 1, 12, 2, 13, 3, 14, 4]


def test_kept_events_outlive_their_batch() -> None:
    capture = base()
    for number in range(6):
        capture.event("SYSCALL_CLOSE_E", number, tid=7).event("SYSCALL_CLOSE_X", 0, tid=7)
    reader = Reader(capture.source, modern=True, batch_events=2)
    events = list(EventIterator(reader, None, compile_field))
    assert [event.params["fd"] for event in events] == [0, 1, 2, 3, 4, 5]
    assert [event.num for event in events] == [1, 2, 3, 4, 5, 6]


def test_the_oldest_form_becomes_the_newest_in_one_step() -> None:
    values = [0, b"/bin/ls\0", b"-l\0", 7, 7, 1, b"/\0", 1024]
    packed = [struct.pack("<q", value) if isinstance(value, int) else value for value in values]
    capture = base().raw_event(TYPES["SYSCALL_EXECVE_8_X"].type, packed, tid=7)
    (kind, params), = shown(capture)
    assert kind == "SYSCALL_EXECVE_19_X"
    assert len(params) == 31
    assert (params["exe"], params["args"], params["fdlimit"]) == ("/bin/ls", b"-l\0", 1024)
    assert params["comm"] == "" and params["trusted_exepath"] == ""


def test_a_value_is_cut_to_the_size_of_its_type() -> None:
    capture = base().raw_event(TYPES["SYSCALL_BPF_E"].type, [struct.pack("<q", 5)], tid=7)
    capture.raw_event(TYPES["SYSCALL_BPF_X"].type, [struct.pack("<q", 3)], tid=7)
    (kind, params), = shown(capture)
    assert kind == "SYSCALL_BPF_2_X"
    assert params == {"fd": 3, "cmd": 5}


def test_what_is_new_stays_where_it_is() -> None:
    capture = base().event("SYSCALL_READ_X", 2, b"ab", 3, 100, tid=7).event("PROCEXIT_1_E", 0, 0, 0, 0, 1, tid=7)
    reader = Reader(capture.source, modern=True)
    assert reader.advance()
    assert [int(kind) for kind in reader.batch.type] == [TYPES["SYSCALL_READ_X"].type, TYPES["PROCEXIT_1_E"].type]
    assert bytes(reader.batch.data) == capture.content[-len(reader.batch.data):]


def test_more_parameters_than_known_are_kept() -> None:
    values = [struct.pack("<q", 0), struct.pack("<q", 3), b"new"]
    reader = Reader(base().raw_event(TYPES["SYSCALL_CLOSE_X"].type, values, tid=7).source, modern=True)
    assert reader.advance()
    assert list(reader.batch.nparams) == [3]


def test_a_form_between_two_known_ones_loses_nothing() -> None:
    values = [b""] * 24 + [struct.pack("<Q", 1)]
    (_, params), = shown(base().raw_event(TYPES["SYSCALL_EXECVE_19_X"].type, values, tid=7))
    assert len(params) == 31
    assert params["exe_ino_ctime"] == 1


def test_numbers_count_what_is_left() -> None:
    capture = base().event("SYSCALL_CLOSE_E", 3, tid=7).event("SYSCALL_CLOSE_X", 0, tid=7)
    capture.event("SYSCALL_CLOSE_E", 4, tid=7).event("SYSCALL_CLOSE_X", 0, tid=7)
    reader = Reader(capture.source, modern=True)
    assert [event.num for event in EventIterator(reader, None, compile_field)] == [1, 2]
    assert reader.last_number == 2


def test_enter_events_that_tell_more_are_counted_and_hidden() -> None:
    capture = base().event("SYSCALL_OPEN_E", "/a", 1, 0, tid=7).event("SYSCALL_OPEN_X", 4, "/a", 1, 0, 0, 0, tid=7)
    reader = Reader(capture.source, modern=True)
    assert reader.advance()
    assert list(reader.batch.hidden) == [True, False]


def test_a_record_of_a_container_becomes_text() -> None:
    values = [b"0123456789ab\0", struct.pack("<I", 0), b'a "name"\0', b"image\0"]
    capture = base().event("SYSCALL_CLOSE_X", 0, 3, tid=7)
    (_, params) = shown(capture.raw_event(TYPES["CONTAINER_E"].type, values))[-1]
    assert json.loads(str(params["json"])) == {"id": "0123456789ab", "type": 0, "name": 'a "name"', "image": "image"}


def test_every_rule_leads_to_a_newest_form() -> None:
    content = json.loads(Path(scapcore.schema.__file__).with_name("converter.json").read_text())
    events = json.loads(Path(scapcore.schema.__file__).with_name("events.json").read_text())["events"]
    script = runpy.run_path(str(Path(scapcore.schema.__file__).with_name("generate.py")))
    conversion = script["Conversion"](events, content["rules"])
    for rule in content["rules"]:
        action, number, params = conversion.fold(rule["type"], rule["nparams"])
        assert action in script["ACTIONS"]
        count = rule["nparams"] if params is None else len(params)
        if action == "PASS":
            assert count == len(events[number]["params"]), rule
            assert "OLD_VERSION" not in events[number]["flags"] or number % 2 == 0, rule


KINDS = sorted({rule["type"] for rule in json.loads(
    Path(scapcore.schema.__file__).with_name("converter.json").read_text())["rules"]})
ANY_EVENT = st.tuples(
    st.sampled_from(KINDS), st.integers(1, 3),
    st.lists(st.one_of(st.binary(max_size=40), st.integers(-1, 9).map(lambda value: struct.pack("<q", value))), max_size=22),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY_EVENT, max_size=40), st.integers(1, 9))
def test_any_events(events: list[tuple[int, int, list[bytes]]], size: int) -> None:
    """Whatever the parameters are: every event that is shown has the newest form, and the size of batches is no matter."""
    capture = base()
    for kind, tid, parameters in events:
        capture.raw_event(kind, parameters, tid=tid)
    whole = shown(capture)
    assert shown(capture, batch_events=size) == whole
    for kind, params in whole:
        assert "UNUSED" not in MODERN[kind].flags
        assert len(params) <= len(MODERN[kind].params)
