"""Chisels: hooks, arguments, errors, several in one pass."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import scappy
from scapcore.batch import EventBatch
from scappy.chisels import Argument, ChiselContext, chisel_named, run_chisels, set_arguments
from scappy.chisels.echo_fds import EchoFds
from scappy.chisels.tables import ListProcesses


class SlowOpens(scappy.Chisel):
    """Collects the files that somebody opened."""

    name = "slow_opens"
    arguments = (Argument("least", "shortest name", int, optional=True),)
    fields = ("proc.name", "fd.name")
    filter = "evt.type in (open, openat) and evt.dir = <"
    least = 0

    def on_capture_start(self) -> None:
        self.found: list[tuple[str, str]] = []

    def on_event(self, event: scappy.Event) -> None:
        if len(event["fd.name"]) >= self.least:
            self.found.append((event["proc.name"], event["fd.name"]))

    def on_capture_end(self) -> None:
        self.print(f"{len(self.found)} files")

    def result(self) -> object:
        return self.found


class Counter(scappy.Chisel):
    """Counts events by columns."""

    name = "counter"

    def on_init(self) -> None:
        self.count = 0

    def on_batch(self, batch: EventBatch) -> bool:
        self.count += len(batch.selected)
        return True

    def result(self) -> object:
        return self.count


def test_several_chisels_in_one_pass(walkthrough: Path) -> None:
    output = io.BytesIO()
    capture = scappy.open(walkthrough).filter("proc.name = curl")
    opened, counted = run_chisels(capture, [SlowOpens(), Counter()], context=ChiselContext(output))
    assert isinstance(opened, list)
    assert ("curl", "/etc/resolv.conf") in opened
    assert counted == sum(1 for _ in capture)
    assert output.getvalue() == f"{len(opened)} files\n".encode()


def test_arguments() -> None:
    chisel = SlowOpens()
    set_arguments(chisel, ["12"])
    assert chisel.least == 12
    with pytest.raises(scappy.ChiselError, match="least cannot be 'x'"):
        set_arguments(chisel, ["x"])
    with pytest.raises(scappy.ChiselError, match="too many"):
        set_arguments(chisel, ["1", "2"])


def test_a_failing_chisel_is_named(walkthrough: Path) -> None:
    class Broken(scappy.Chisel):
        name = "broken"
        filter = "evt.num = 10032"

        def on_event(self, event: scappy.Event) -> None:
            raise KeyError("oops")

    with pytest.raises(scappy.ChiselError, match=r"chisel broken failed at event 10032: KeyError\('oops'\)"):
        run_chisels(scappy.open(walkthrough), [Broken()], context=ChiselContext(io.BytesIO()))


def test_unknown_names_are_told() -> None:
    assert chisel_named("echo_fds") is EchoFds
    with pytest.raises(scappy.ChiselError, match="did you mean echo_fds"):
        chisel_named("echo_fd")


def test_echo_fds_without_colours(walkthrough: Path) -> None:
    chisel = EchoFds()
    set_arguments(chisel, ["disable_color"])
    output = io.BytesIO()
    run_chisels(
        scappy.open(walkthrough).filter("fd.name = /etc/resolv.conf"), [chisel], context=ChiselContext(output, mode=1)
    )
    heading, *rest = output.getvalue().splitlines()
    assert heading.startswith(b"------ Read 119B from   /etc/resolv.conf")
    assert b"options ndots:5" in rest


class Numbers(scappy.Chisel):
    """Collects the numbers of events, and what their descriptors are called."""

    name = "numbers"
    fields = ("fd.name",)

    def on_init(self) -> None:
        self.seen: list[tuple[int, object]] = []
        self.last_time = 0

    def on_event(self, event: scappy.Event) -> None:
        self.seen.append((event.num, event["fd.name"]))

    def on_capture_end(self) -> None:
        self.last_time = self.context.last_time

    def result(self) -> list[tuple[int, object]]:
        return self.seen


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("limit", "where"), [(0, "proc.name = curl"), (7, "proc.name = curl"), (20_000, "")])
def test_a_limit_ends_the_run(walkthrough: Path, stream: bool, limit: int, where: str) -> None:
    capture = scappy.open(walkthrough)
    expected = [event.num for event in (capture.filter(where) if where else capture)][:limit]
    times = {event.num: event.ts for event in capture}
    with walkthrough.open("rb") as file:
        capture = scappy.open(io.BufferedReader(OneWay(file))) if stream else capture
        first, second = Numbers(), Numbers()
        second.filter = "evt.type = read"  # type: ignore[misc]
        context = ChiselContext(io.BytesIO(), limit=limit)
        one, other = run_chisels(capture.filter(where) if where else capture, [first, second], context=context)
    assert [number for number, _ in one] == expected
    # The limit is about the run, not about what a chisel wants to see.
    assert {number for number, _ in other} <= set(expected)
    assert first.last_time == (times[expected[-1]] if expected else 0)


@pytest.mark.parametrize("stream", [False, True])
def test_tables_of_a_moment_do_not_end_other_chisels(walkthrough: Path, stream: bool) -> None:
    numbers = [event.num for event in scappy.open(walkthrough)]
    (alone,) = run_chisels(scappy.open(walkthrough).filter("proc.name = curl"), ["ps"], quiet=True)
    with walkthrough.open("rb") as file:
        capture = scappy.open(io.BufferedReader(OneWay(file)) if stream else walkthrough)
        later, seldom = SelectedProcesses(), Numbers()
        seldom.filter = "proc.name = curl"  # type: ignore[misc]
        first, counted, second, seen = run_chisels(capture, ["ps", Counter(), later, seldom], quiet=True)
    assert counted >= len(numbers)
    assert second == alone != first
    assert len(seen) > 1


class SelectedProcesses(ListProcesses):
    """The processes as they are when curl does something for the first time."""

    name = "selected"
    filter = "proc.name = curl"


class OneWay(io.RawIOBase):
    """A file as a stream that cannot be read again."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        return self.file.readinto(room)


@pytest.mark.parametrize("early", [False, True])
def test_calls_that_the_filter_cuts(walkthrough: Path, early: bool) -> None:
    whole, output = io.BytesIO(), io.BytesIO()
    capture = scappy.open(walkthrough).filter("evt.dir = <")
    run_chisels(capture, ["httplog"], context=ChiselContext(whole))
    run_chisels(capture, ["httplog"], context=ChiselContext(output, early=early))
    # As with sysdig, the end of a call has no descriptor of its own when its beginning is not there.
    assert (output.getvalue() == whole.getvalue()) is not early
    cut = ChiselContext(io.BytesIO(), early=early)
    run_chisels(capture.filter("evt.category = net"), [Numbers()], context=cut)
    assert bool(cut.lost) is early


def test_data_as_json(walkthrough: Path) -> None:
    output = io.BytesIO()
    capture = scappy.open(walkthrough).filter("fd.name = /etc/resolv.conf and evt.rawres > 0")
    run_chisels(capture, ["echo_fds"], context=ChiselContext(output, mode=1, json=True))
    plain = io.BytesIO()
    run_chisels(capture, ["echo_fds"], context=ChiselContext(plain, mode=1))
    lines = output.getvalue().splitlines()
    shown = [json.loads(line)["evt.arg.data"] for line in lines if line.startswith(b"{")]
    assert shown
    assert plain.getvalue().count(b"------ Read") == len(shown)
    for text in shown:
        assert text.encode() in plain.getvalue()
