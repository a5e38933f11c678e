"""The decoder by itself: records made here, without a kernel."""

from __future__ import annotations

import platform
import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import told

import scappy
from scapcore.probe.calls import CALLS, EVENTS
from scapcore.probe.constants import CONSTANTS, TASK_FIELDS, call_numbers
from scapcore.probe.decode import Decoder
from scapcore.probe.flags import TABLES
from scapcore.probe.recipes import Recipe, compile_call, compile_steps, result
from scapcore.probe.tables import build_tables
from scapcore.schema import event_types, syscall_names
from scapcore.write import BlockEncoder

NUMBERS = {name: call_numbers()[code] for code, name in syscall_names(modern=True).items() if code in call_numbers()}
TABLES_OF_ALL = build_tables()
DECODER = Decoder(TABLES_OF_ALL.recipes, TABLES_OF_ALL.flags, 1_000_000)
HEAD = struct.Struct("<IHHQIIq6QII")


def record(
    call: int, outcome: int = 0, arguments: tuple[int, ...] = (), pieces: tuple[bytes, ...] = (), kind: int = 0
) -> bytes:
    values = [value & (1 << 64) - 1 for value in (*arguments, *[0] * 6)][:6]
    tail = b"".join(struct.pack("<H", len(piece)) + piece for piece in pieces)
    return HEAD.pack(HEAD.size + len(tail), kind, call, 5, 77, 70, outcome, *values, 0, 0) + tail


def test_a_read_is_told_as_one_event() -> None:
    block = DECODER.decode(record(NUMBERS["read"], 5, (3, 0x1000, 4096), (b"hello",)), cpu=2)
    (event,) = told(block)
    assert (event.time, event.tid, event.cpu, event.type) == (1_000_005, 77, 2, 7)
    assert [event.number(name) for name in ("res", "fd", "size")] == [5, 3, 4096]
    assert event.raw["data"] == b"hello"


def test_the_stream_can_be_read_as_a_capture() -> None:
    head = BlockEncoder()
    head.section_header()
    blocks = DECODER.decode(record(NUMBERS["openat"], 3, (-100, 0, 0o102, 0o644), (b"/etc/x\0", bytes(24))))
    (event,) = scappy.open(BytesIO(head.take() + blocks))
    assert event.type == "openat"
    assert event["evt.arg.name"] == "/etc/x" and event["evt.arg.flags"].endswith("O_CREAT|O_RDWR")


def test_calls_without_an_event_of_their_own_are_generic() -> None:
    (event,) = told(DECODER.decode(record(NUMBERS["getrandom"], 8)))
    assert (event.type, event.name, event.number("nativeID")) == (1, "getrandom", NUMBERS["getrandom"])
    (event,) = told(DECODER.decode(record(5000)))
    assert (event.type, event.number("ID")) == (1, 0)
    # A program of 32 bits on x86-64, where 20 is getpid.
    (event,) = told(DECODER.decode(record(20, kind=CONSTANTS["KIND_COMPAT"])))
    assert (event.type, event.number("nativeID")) == (1, 20)
    assert event.name == ("getpid" if platform.machine() == "x86_64" else syscall_names(modern=True)[0])


def test_events_that_are_not_wanted_have_no_block() -> None:
    tables = build_tables({7})
    decoder = Decoder(tables.recipes, tables.flags)
    assert decoder.decode(record(NUMBERS["write"], 1)) == b""
    assert decoder.decode(record(NUMBERS["read"], 1)) != b""


def test_the_end_of_a_process() -> None:
    for status, ret, signal, core in ((0x0300, 3, 0, 0), (0x8B, 0, 11, 1), (15, 0, 15, 0)):
        (event,) = told(DECODER.decode(record(0, 0, (status, -1), kind=CONSTANTS["KIND_EXIT"])))
        assert event.type == 186
        found = [event.number(name) for name in ("status", "ret", "sig", "core", "reaper_tid")]
        assert found == [status, ret, signal, core, -1]


def test_paths_and_groups_are_put_together() -> None:
    groups = (b"\0", b"unit.scope\0system.slice\0\0", b"", b"\0", b"\0")
    task = bytearray(CONSTANTS_OF_TASK)
    struct.pack_into("<i", task, TASK_FIELDS["tid"][0], 4711)
    pieces = (bytes(task), *groups, b"sh\0-c\0true", b"A=1\0", b"sh\0bin\0usr\0", b"/bin/sh\0")
    (event,) = told(DECODER.decode(record(0, 0, (), pieces, CONSTANTS["KIND_EXEC"])))
    assert event.type == 293 and event.number("tid") == 4711
    assert event.text("trusted_exepath") == "/usr/bin/sh" and event.text("filename") == "/bin/sh"
    assert event.raw["cgroups"] == b"cpuset=/\0cpu=/system.slice/unit.scope\0io=/\0memory=/\0"
    assert (event.raw["exe"], event.raw["args"], event.raw["env"]) == (b"sh\0", b"-c\0true\0", b"A=1\0")


#: Bytes of struct probe_task, as the decoder has it.
CONSTANTS_OF_TASK = TASK_FIELDS["memory_swapped"][0] + 8 + 16


def test_a_program_in_memory_is_marked() -> None:
    pieces = (bytes(CONSTANTS_OF_TASK), b"", b"", b"", b"", b"", b"x\0", b"", b"memfd:payload\0", b"/proc/self/fd/3\0")
    (event,) = told(DECODER.decode(record(0, 0, (), pieces, CONSTANTS["KIND_EXEC"])))
    assert event.text("trusted_exepath") == "memfd:payload" and event.number("flags") & 4


def test_an_abstract_socket_name_has_no_leading_nul() -> None:
    call = record(NUMBERS["bind"], 0, (3,), (b"\x01\0\0name",))
    assert told(DECODER.decode(call))[0].raw["addr"] == b"\x01name\0"


def test_the_far_end_of_a_datagram_comes_from_the_program() -> None:
    inet = struct.pack("<H", 2) + struct.pack(">HH", 4000, 0) + bytes(2) + bytes([127, 0, 0, 1]) + bytes(12) + bytes(16)
    name = b"\x02\0" + struct.pack(">H", 53) + bytes([10, 0, 0, 9]) + bytes(8)
    call = record(NUMBERS["sendto"], 2, (3, 0, 2, 0, 1, 16), (b"ab", inet, name))
    tuple_ = told(DECODER.decode(call))[0].raw["tuple"]
    expected = b"\x02" + bytes([127, 0, 0, 1]) + struct.pack("<H", 4000) + bytes([10, 0, 0, 9]) + struct.pack("<H", 53)
    assert tuple_ == expected


def test_lists_of_descriptors() -> None:
    pollfds = struct.pack("<ihh", 3, 1, 1) + struct.pack("<ihh", -1, 4, 0x2000)
    event = told(DECODER.decode(record(NUMBERS["ppoll"], 1, (1, 2), (pollfds, struct.pack("<qq", 1, 5), b""))))[0]
    assert event.raw["fds"] == struct.pack("<Hqhqh", 2, 3, 1, -1, 8)
    assert event.number("timeout") == 1_000_000_005


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_recipe_fits_its_event(name: str) -> None:
    recipe = CALLS[name]
    kind, pieces, steps = compile_steps(recipe)
    assert len(steps) == 24 * len(event_types(modern=True)[kind].params)
    assert pieces <= 24
    assert len(compile_call(recipe, True)) == 56


def test_every_call_of_the_schema_is_known_by_name() -> None:
    assert set(CALLS) <= set(syscall_names(modern=True).values())
    assert {"EXEC", "FORK", "EXIT", "SWITCH", "SIGNAL", "FAULT"} == set(EVENTS)


def test_a_recipe_with_too_few_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="parameters"):
        compile_steps(Recipe(7, (result(),)))


def test_tables_that_do_not_hold_together_are_refused() -> None:
    _, pieces, steps = compile_steps(CALLS["mprotect"])
    with pytest.raises(ValueError, match="table"):
        Decoder({1: (329, pieces, steps)}, [])
    with pytest.raises(ValueError, match="recipe"):
        Decoder({1 << 20: (329, pieces, steps)}, TABLES_OF_ALL.flags)


@pytest.mark.parametrize(
    ("table", "number", "expected"),
    [
        ("open", 0o2000101, 2 | 4 | 4096),
        ("map", 0x22, 2 | 8),
        ("protection", 7, 7),
        ("clone", 0x00000F00 | 0x10000, 32768 | 2 | 1 | 2048 | 8192),
        ("fcntl", 1030, 26),
        ("fcntl", 9999, 0),
        ("socket_option", 20, 20),
        ("socket_option", 57, 53),
        ("shutdown", 7, 255),
        ("page_fault", 0b110, 2 | 4 | 16),
        ("ptrace", 16, 11),
        ("poll", 0x2001, 9),
    ],
)
def test_flags_of_the_kernel_become_those_of_the_schema(table: str, number: int, expected: int) -> None:
    rows, only_first, otherwise = TABLES[table].rows, TABLES[table].only_first, TABLES[table].otherwise
    fitting = [outcome for mask, value, outcome in rows if number & mask == value]
    joined = 0
    for outcome in fitting[:1] if only_first else fitting:
        joined |= outcome
    assert (joined if fitting else otherwise) == expected


@settings(max_examples=300, deadline=None)
@given(
    kind=st.one_of(st.integers(0, 20), st.sampled_from((0, 1, 8, 9))),
    call=st.one_of(st.sampled_from(sorted(NUMBERS.values())), st.integers(0, 1100), st.integers(0, 65535)),
    outcome=st.one_of(st.integers(-200, 200), st.integers(-(1 << 63), (1 << 63) - 1)),
    arguments=st.lists(st.one_of(st.integers(0, 70), st.integers(0, (1 << 64) - 1)), min_size=6, max_size=6),
    tail=st.one_of(
        st.binary(max_size=2000),
        st.lists(st.binary(max_size=300), max_size=12).map(
            lambda pieces: b"".join(struct.pack("<H", len(piece)) + piece for piece in pieces)
        ),
    ),
)
def test_any_bytes_are_decoded_to_whole_blocks_or_left_out(
    kind: int, call: int, outcome: int, arguments: list[int], tail: bytes
) -> None:
    block = DECODER.decode(record(call, outcome, tuple(arguments), (), kind) + tail)
    for event in told(block):
        assert event.tid == 77


@pytest.mark.parametrize("size", [60000, 65000, 65400])
def test_long_payloads_are_cut_to_what_a_block_can_hold(size: int) -> None:
    pieces = (b"x" * size,)
    for name in ("read", "write", "pwrite64"):
        (event,) = told(DECODER.decode(record(NUMBERS[name], size, (3, 0, size, 9), pieces)))
        assert min(size, 64000) <= len(event.raw["data"]) <= size
        assert event.number("fd") == 3


def test_short_records_are_left_out() -> None:
    assert DECODER.decode(b"") == DECODER.decode(bytes(87)) == b""
