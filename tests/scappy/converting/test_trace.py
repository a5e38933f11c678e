"""A trace for viewers: system calls are slices that nest on the tracks of their threads."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from capture_builder import CaptureBuilder

import scappy
from scappy.converting import convert
from scappy.converting.trace import MACHINE_STEP
from scappy.records import Machine, Thread


@pytest.fixture(scope="module")
def capture(walkthrough: Path) -> scappy.Capture:
    return scappy.open(walkthrough)


@pytest.fixture(scope="module")
def trace(capture: scappy.Capture, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("trace") / "o.json"
    convert(capture, path, "perfetto")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_slices_are_calls(capture: scappy.Capture, trace: dict[str, Any]) -> None:
    start = int(trace["otherData"]["start_ns"])
    events = list(capture.filter("evt.dir = <"))
    returned = {event.num for event in events}
    slices = [entry for entry in trace["traceEvents"] if entry["ph"] == "X" and entry["args"]["num"] in returned]
    assert len(slices) == len(events)
    for entry, event in zip(slices, events, strict=True):
        assert entry["name"] == event["evt.type"] and entry["tid"] == event["thread.tid"]
        assert entry["args"].get("fd") == event["fd.name"] and entry["args"]["num"] == event.num
        assert round(entry["dur"] * 1000) == event["evt.latency"]
        assert round((entry["ts"] + entry["dur"]) * 1000) == event.ts - start


def test_slices_of_a_thread_do_not_overlap(trace: dict[str, Any]) -> None:
    tracks: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for entry in trace["traceEvents"]:
        if entry["ph"] == "X":
            tracks[entry["tid"]].append((round(entry["ts"] * 1000), round((entry["ts"] + entry["dur"]) * 1000)))
    for spans in tracks.values():
        for (_, end), (start, _) in zip(spans, spans[1:], strict=False):
            assert end <= start


def test_tracks_have_names(capture: scappy.Capture, trace: dict[str, Any]) -> None:
    entries = [entry for entry in trace["traceEvents"] if entry["name"] == "thread_name"]
    named = {(entry["pid"], entry["tid"], entry["args"]["name"]) for entry in entries}
    used = {(entry["pid"], entry["tid"]) for entry in trace["traceEvents"] if entry["ph"] == "X" and entry["tid"] > 0}
    assert used <= {(pid, tid) for pid, tid, _ in named}
    assert "curl" in {name for _, _, name in named}
    marks = [entry for entry in trace["traceEvents"] if entry["ph"] == "i"]
    assert {entry["name"] for entry in marks} >= {"switch", "procexit"}


def built(target: Path, *captures: bytes | Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Entries of a trace, and what was counted."""
    result = convert([scappy.open(capture) for capture in captures], target, "perfetto")
    return json.loads(target.read_text())["traceEvents"], result.rows


def test_calls_that_do_not_return(tmp_path: Path) -> None:
    """A thread that ends in a call has a slice until then, and one that is in a call at the end has one without an end."""
    capture = CaptureBuilder().thread(1, "init").thread(2, "ends").thread(3, "waits")
    capture.event("SYSCALL_CLOSE_E", 3, tid=1).event("SYSCALL_CLOSE_X", 0, tid=1)
    capture.event("SYSCALL_CLOSE_E", 4, tid=2).event("SYSCALL_CLOSE_E", 5, tid=3)
    capture.event("PROCEXIT_1_E", 0, 0, 0, 0, 0, tid=2)
    entries, counts = built(tmp_path / "o.json", capture.content)
    slices = [(entry["ph"], entry["tid"], entry["args"]["num"]) for entry in entries if entry["ph"] in "XB"]
    entered = scappy.open(capture.content).filter("evt.type = close and evt.dir = >")
    numbers = {event["thread.tid"]: event.num for event in entered}
    assert slices[1:] == [("X", 2, numbers[2]), ("B", 3, numbers[3])] and slices[0][:2] == ("X", 1)
    ended = next(entry for entry in entries if entry["ph"] == "X" and entry["tid"] == 2)
    exit_mark = next(entry for entry in entries if entry["name"] == "procexit")
    assert ended["ts"] + ended["dur"] == pytest.approx(exit_mark["ts"])
    assert counts == {"slices": 3, "marks": 1}


def test_machines_do_not_share_tracks(tmp_path: Path) -> None:
    """Threads with the same number on two machines are two; files of one machine go on with its tracks."""
    paths = [tmp_path / f"{name}.scap" for name in ("one", "other", "one-again")]
    for path, name in zip(paths, ("one", "other", "one"), strict=True):
        with scappy.CaptureWriter(path) as writer:
            writer.machine(Machine(cpus=1, hostname=name))
            writer.thread(Thread(7, "work", "/bin/work"))
            writer.event("close", ">", 1000, 7, fd=3)
            writer.event("close", "<", 2000, 7, res=0)
    scappy.merge([scappy.open(path) for path in paths[:2]], tmp_path / "merged.scap")
    separate, counts = built(tmp_path / "separate.json", *paths)
    assert [entry["tid"] for entry in separate if entry["ph"] == "X"] == [7, 7 + MACHINE_STEP, 7]
    names = [(entry["tid"], entry["args"]["name"]) for entry in separate if entry["name"] == "process_name"]
    assert set(names) == {(7, "work"), (7 + MACHINE_STEP, "work on other")}
    assert counts["slices"] == 3
    merged, _ = built(tmp_path / "merged.json", tmp_path / "merged.scap")
    assert {entry["tid"] for entry in merged} == {7, 7 + MACHINE_STEP}
