"""Chisels: hooks, arguments, errors, several in one pass."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import scappy
from scapcore.batch import EventBatch
from scappy.chisels import Argument, ChiselContext, chisel_named, run_chisels, set_arguments
from scappy.chisels.echo_fds import EchoFds
from scappy.samples import write_walkthrough


@pytest.fixture(scope="module")
def walkthrough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walkthrough") / "capture.scap"
    write_walkthrough(path)
    return path


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
