"""Live captures with a probe that replays: how soon events come, how a capture ends, what is written of it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_probe import FakeProbe

import scappy
from scapcore.encode import EventEncoder
from scapcore.errors import LiveCaptureError, UnsupportedCaptureError
from scapcore.probe import Choice, available
from scapcore.write import BlockEncoder
from scappy.capturing import LiveCapture
from scappy.capturing import capture as capturing
from scappy.capturing.prefilter import wanted_threads
from scappy.chisels import ChiselContext
from scappy.copying import CopySettings, Rotation, copy_capture
from scappy.filters.plan import compile_filter
from scappy.writer import find_event_type

WRITE = EventEncoder(find_event_type("SYSCALL_WRITE_X", "<"), 4)


def wrote(text: bytes, tid: int = 0) -> bytes:
    """Somebody wrote something, now."""
    encoder = BlockEncoder()
    WRITE.encode(encoder, time.time_ns(), tid or os.getppid(), 1, (len(text), text, 0, len(text)))
    return encoder.take()


def captured(pieces: list[tuple[float, bytes]], **settings: Any) -> tuple[LiveCapture, FakeProbe]:
    probe = FakeProbe(pieces)
    probe.start()
    return capturing.attach(probe, **settings), probe


def test_events_are_given_as_they_come() -> None:
    moments = (0.0, 0.3, 0.6, 0.6, 0.9)
    capture, probe = captured([(moment, wrote(b"hello %d" % number)) for number, moment in enumerate(moments)], duration=1.1)
    with capture:
        late = []
        for event in capture.filter("evt.buffer contains hello"):
            late.append(time.monotonic() - probe.started - moments[len(late)])
            assert event["proc.pid"] == os.getppid()
    assert len(late) == len(moments)
    assert max(late[1:]) < 0.25, late       # the first waits for the tables
    assert probe.stopped


def test_chisels_print_as_it_happens() -> None:
    class Noting(io.RawIOBase):
        def __init__(self) -> None:
            self.times: list[float] = []

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            if b"localdomain" in bytes(data):
                self.times.append(time.monotonic())
            return len(data)

    raw = Noting()
    capture, probe = captured([(0.5, wrote(b"search localdomain")), (1.5, wrote(b"other"))], duration=2.0)
    with capture:
        scappy.run_chisels(
            capture.filter("evt.buffer contains localdomain"),
            ["echo_fds"],
            context=ChiselContext(io.BufferedWriter(raw), filter="evt.buffer contains localdomain"),
        )
    assert len(raw.times) == 1
    assert raw.times[0] - probe.started < 0.9


def test_it_ends_when_it_is_told_to() -> None:
    capture, probe = captured([(0.0, wrote(b"one")), (30.0, wrote(b"never"))])
    timer = threading.Timer(0.4, capture.stop)
    timer.start()
    begun = time.monotonic()
    with capture:
        assert len(list(capture)) == 1
    assert time.monotonic() - begun < 2
    assert probe.stopped
    timer.join()


def test_what_came_before_the_end_is_given() -> None:
    capture, _ = captured([(0.0, wrote(b"a")) for _ in range(50)])
    capture.stop()
    with capture:
        assert len(list(capture)) == 50


def test_leaving_takes_the_probe_out_of_the_kernel() -> None:
    capture, probe = captured([(0.01 * number, wrote(b"a")) for number in range(1000)])
    with capture:
        for _ in capture:
            break
    assert probe.stopped
    capture, probe = captured([])
    capture.close()
    capture.close()
    assert probe.stopped


def test_it_can_be_read_once() -> None:
    capture, _ = captured([(0.0, wrote(b"a"))], duration=0.2)
    with capture:
        assert not capture.repeatable and capture.is_live
        assert len(list(capture)) == 1
        with pytest.raises(UnsupportedCaptureError, match="once"):
            list(capture)


def test_what_is_lost_is_counted() -> None:
    probe = FakeProbe([], lost=[3, 0, 4])
    probe.start()
    with capturing.attach(probe, duration=0.05) as capture:
        assert list(capture) == []
    assert capture.lost == 7


@pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("text", ["", "evt.buffer contains 3"])
def test_it_is_written(tmp_path: Path, compress: str | None, text: str) -> None:
    capture, _ = captured([(0.01 * number, wrote(b"hello %d" % number)) for number in range(10)], duration=0.4)
    target = tmp_path / "x.scap"
    with capture.filter(text) if text else capture as chosen:
        chosen.write(target, compress=compress)
    capture.close()
    found = [event["evt.buffer"] for event in scappy.open(target, view="exit")]
    assert found == ([b"hello 3"] if text else [b"hello %d" % number for number in range(10)])
    assert scappy.open(target).info().processes > 1


def test_it_is_written_in_turns(tmp_path: Path) -> None:
    capture, _ = captured([(0.02 * number, wrote(b"%d" % number)) for number in range(10)], duration=0.5)
    with capture:
        result = copy_capture(capture, tmp_path / "ring", CopySettings(rotation=Rotation(events=4)))
    assert len(result.files) == 3
    for file in result.files:
        part = scappy.open(file, view="exit")
        for event in part:
            assert event["proc.pid"] == os.getppid() and event["proc.name"]


def test_so_many_events_and_no_more(tmp_path: Path) -> None:
    capture, probe = captured([(0.01 * number, wrote(b"a")) for number in range(1000)])
    with capture:
        copy_capture(capture, tmp_path / "x.scap", CopySettings(count=5))
    assert probe.stopped and time.monotonic() - probe.started < 5
    assert len(list(scappy.open(tmp_path / "x.scap", view="exit"))) == 5


def test_older_forms_are_copied_in_the_full_view_only(tmp_path: Path) -> None:
    encoder = BlockEncoder()
    enter = EventEncoder(find_event_type("SYSCALL_WRITE_E", ">"), 2)
    enter.encode(encoder, time.time_ns(), os.getppid(), 0, (1, 5))
    capture, _ = captured([(0.0, encoder.take())], duration=0.2)
    with capture, pytest.raises(UnsupportedCaptureError, match="full"):
        capture.write(tmp_path / "x.scap")


def test_a_failing_probe_is_told_as_it_is() -> None:
    class Failing(FakeProbe):
        def read(self, timeout_seconds: float, limit_bytes: int = 1 << 20) -> bytes:
            if self.started and time.monotonic() - self.started > 0.3:
                raise LiveCaptureError("the kernel has had enough")
            return super().read(timeout_seconds, limit_bytes)

    probe = Failing([])
    probe.start()
    with capturing.attach(probe) as capture, pytest.raises(LiveCaptureError, match="had enough"):
        list(capture)


def test_new_containers_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtimes import DOCKER_ID, docker_daemon

    from scappy.capturing import companions
    from scappy.capturing.containers import ContainerList

    monkeypatch.setattr(companions, "CONTAINER_SECONDS", 0.05)
    path = tmp_path / "docker.sock"
    monkeypatch.setattr(capturing, "ContainerList", lambda: ContainerList([(str(path), 0)], []))
    with docker_daemon(path) as known:
        record = known.pop(DOCKER_ID)
        capture, _ = captured([(0.0, wrote(b"before"))], duration=1.0)
        known[DOCKER_ID] = record
        with capture:
            found = [json.loads(event["evt.arg.json"]) for event in capture if event["evt.type"] == "container"]
    assert [record["container"]["name"] for record in found] == ["web"]


def test_processor_times_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from scappy.capturing import companions

    monkeypatch.setattr(companions, "PROCESSOR_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        capture, _ = captured([(0.0, wrote(b"before"))], duration=2.0, processor_times=True)
        with capture:
            told = [event for event in capture if event["evt.type"] == "procinfo"]
            busy.kill()
    mine = [event for event in told if event["thread.tid"] == busy.pid]
    assert len(mine) > 2
    # In ticks of 10 ms since the last time, which was at least 200 ms ago; somebody else may have had the processor.
    assert mine[0]["thread.cpu"] == 0 and sum(event["thread.cpu"] for event in mine[1:]) > 10
    assert os.getpid() not in {event["proc.pid"] for event in told}


def test_settings_are_checked() -> None:
    with pytest.raises(LiveCaptureError, match="65000"):
        scappy.live(snaplen=70000)


def test_the_buffer_is_larger_with_much_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(memory: int, processors: int) -> list[int]:
        monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": memory >> 12, "SC_PAGE_SIZE": 4096}.__getitem__)
        monkeypatch.setattr(os, "cpu_count", lambda: processors)
        return [capturing.usual_buffer(snaplen) >> 20 for snaplen in (80, 1024, 8192)]

    assert sizes(16 << 30, 4) == [8, 8, 32]
    assert sizes(16 << 30, 16) == [8, 8, 16]
    assert sizes(16 << 30, 256) == [8, 8, 8]


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        @staticmethod
        def available() -> str:
            return "live capture needs root"

    monkeypatch.setattr(capturing, "probe_module", Module)
    with pytest.raises(LiveCaptureError, match="needs root"):
        scappy.live()


def test_the_filter_reaches_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    class Module:
        @staticmethod
        def available() -> None:
            return None

        Choice = Choice

        @staticmethod
        def Probe(snaplen: int, **settings: Any) -> FakeProbe:
            made.update(settings, snaplen=snaplen)
            return FakeProbe([])

    monkeypatch.setattr(capturing, "probe_module", Module)
    with scappy.live(snaplen=200, where="evt.type = connect", ports=[53], port_snaplen=9, duration=0.1) as capture:
        assert list(capture) == []
        assert compile_filter(capture.filter_text).text == "evt.type = connect"
    assert (made["snaplen"], made["ports"], made["port_snaplen"]) == (200, (53,), 9)
    assert find_event_type("connect", "<").type in made["types"]
    assert "choice" not in made
    assert find_event_type("futex", "<").type not in made["types"]
    with scappy.live(where="proc.name = curl", fields=["fd.name"], duration=0.1) as capture:
        assert list(capture) == []
    assert (made["choice"].kind, made["choice"].values) == ("name", {b"curl"})
    assert find_event_type("openat", "<").type in made["choice"].always
    assert find_event_type("write", "<").type not in made["choice"].always
    with scappy.live(where="container.id = 0123456789ab", duration=0.1) as capture:
        assert list(capture) == []
    assert made["choice"].kind == "group"


def test_threads_that_were_there_before_are_set_aside() -> None:
    threads = wanted_threads(compile_filter(f"proc.pid = {os.getppid()}").tree)
    capture, probe = captured([], duration=0.05, threads=threads)
    capture.close()
    own = {int(name) for name in os.listdir(f"/proc/{os.getpid()}/task")}
    assert own & probe.aside and os.getppid() not in probe.aside


def test_a_filter_by_name_lets_less_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same is shown of the chosen program, and of another one hardly anything comes from the kernel."""
    reason = available()
    if reason is not None:
        pytest.skip(reason)
    probes: list[Any] = []
    make_probe = capturing.make_probe

    def keep_probe(snaplen: int, more: Any) -> Any:
        # Of what else the machine does nothing is counted.
        probes.append(make_probe(snaplen, {**more, "pids": [os.getpid()]}))
        return probes[-1]

    monkeypatch.setattr(capturing, "make_probe", keep_probe)
    program = shutil.which("dd")
    assert program is not None
    shown: dict[str, list[Any]] = {}
    for chosen in ("scappy-one", "scappy-two"):
        (tmp_path / chosen).symlink_to(program)
    for chosen in ("scappy-one", "scappy-two"):
        with scappy.live(where=f"proc.name = {chosen}", fields=["evt.type", "evt.buffer", "fd.name"]) as capture:
            words = ["if=/dev/zero", "of=/dev/null", "bs=50", "count=20000"]
            subprocess.run([tmp_path / "scappy-one", *words], check=True, stderr=subprocess.DEVNULL)
            capture.stop()
            shown[chosen] = [event for event in capture if event["fd.name"] == "/dev/null" and event["evt.type"] == "write"]
    assert len(shown["scappy-one"]) == 20000 and shown["scappy-two"] == []
    assert {event["evt.buffer"] for event in shown["scappy-one"]} == {bytes(50)}
    told = [sum(probe.statistics()["seen"]) for probe in probes]
    assert told[0] > 40000 and told[1] < 1000
