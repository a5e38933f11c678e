"""Live captures at the command line, with a probe that replays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from fake_probe import FakeProbe

import scappy
from scapcore.encode import EventEncoder
from scapcore.errors import ChiselError
from scapcore.write import BlockEncoder
from scappy.capturing import capture as capturing
from scappy.cli import scapdig, toolbox
from scappy.cli.rerun import check_rerun
from scappy.writer import find_event_type

WRITE = EventEncoder(find_event_type("SYSCALL_WRITE_X", "<"), 4)
SUPPORT = Path(__file__).resolve().parents[2] / "support"


def wrote(text: bytes, after: float = 0) -> bytes:
    """Somebody wrote something."""
    encoder = BlockEncoder()
    WRITE.encode(encoder, time.time_ns() + round(after * 10**9), os.getppid(), 1, (len(text), text, 0, len(text)))
    return encoder.take()


class Live:
    """A live system for the commands: pieces, and what the probe was asked for."""

    def __init__(self) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        self.lost = [0, 0]
        self.asked: dict[str, Any] = {}
        self.reason: str | None = None

    def available(self) -> str | None:
        return self.reason

    def Probe(self, snaplen: int, **settings: Any) -> FakeProbe:
        self.asked = {**settings, "snaplen": snaplen}
        return FakeProbe(self.pieces, self.lost)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    system = Live()
    monkeypatch.setattr(capturing, "probe_module", lambda: system)
    return system


def test_lines_are_printed(live: Live, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    live.pieces = [(0.01 * number, wrote(b"hello %d" % number)) for number in range(5)]
    assert scapdig.main(["-M", "2", "-s", "200", "-p", "%evt.type %evt.buffer", "evt.buffer contains hello"]) == 0
    assert capfdbinary.readouterr().out.decode() == "".join(f"write hello {number}\n" for number in range(5))
    assert live.asked["snaplen"] == 200
    assert find_event_type("futex", "<").type not in live.asked["types"]
    assert find_event_type("mmap", "<").type not in live.asked["types"]


def test_so_many_and_no_more(live: Live, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    live.pieces = [(0.01 * number, wrote(b"hello")) for number in range(500)]
    assert scapdig.main(["-n", "3", "-p", "%evt.type"]) == 0
    assert capfdbinary.readouterr().out == b"write\n" * 3
    assert live.asked.get("types") is None


def test_what_compares_events_asks_for_all(live: Live) -> None:
    live.pieces = [(0.0, wrote(b"x"))]
    assert scapdig.main(["-M", "0.1", "-q", "-t", "D", "evt.type = write"]) == 0
    assert find_event_type("mmap", "<").type in live.asked["types"]


def test_chisels_run(live: Live, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    live.pieces = [(0.0, wrote(b"search localdomain"))]
    assert scapdig.main(["-M", "0.3", "-c", "echo_fds", "-NA", "evt.buffer contains localdomain"]) == 0
    assert b"search localdomain" in capfdbinary.readouterr().out


def test_a_file_is_written(live: Live, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    live.pieces = [(0.01 * number, wrote(b"hello %d" % number)) for number in range(5)]
    target = tmp_path / "x.scap"
    assert scapdig.main(["-M", "0.3", "-s8192", "-zw", str(target)]) == 0
    capture = scappy.open(target, view="exit")
    assert capture.compression == "gzip"
    assert [event["evt.buffer"] for event in capture] == [b"hello %d" % number for number in range(5)]
    assert capfd.readouterr() == ("", "")


def test_files_take_turns(live: Live, tmp_path: Path) -> None:
    live.pieces = [(0.01 * number, wrote(b"hello %d" % number, number)) for number in range(10)]
    assert scapdig.main(["-M", "0.4", "-w", str(tmp_path / "x"), "-G", "4"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x0", "x1", "x2"]
    live.pieces = [(0.01 * number, wrote(b"hello %d" % number, number)) for number in range(10)]
    assert scapdig.main(["-M", "0.4", "-w", str(tmp_path / "y"), "-e", "3", "-W", "2"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] == "y") == ["y0", "y1"]


def test_losses_are_told(live: Live, capfd: pytest.CaptureFixture[str]) -> None:
    live.lost = [3, 4]
    assert scapdig.main(["-M", "0.05", "-q"]) == 0
    assert "7 events were lost" in capfd.readouterr().err


def test_capture_writes(live: Live, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    live.pieces = [(0.01 * number, wrote(b"hello %d" % number)) for number in range(5)]
    target = tmp_path / "x.scap"
    words = ["capture", "-w", str(target), "-z", "-s", "100", "-M", "0.3", "--ports", "53,80", "evt.buffer contains 3"]
    assert toolbox.main(words) == 0
    assert live.asked["ports"] == (53, 80) and live.asked["snaplen"] == 100
    assert [event["evt.buffer"] for event in scappy.open(target, view="exit")] == [b"hello 3"]
    assert "events" in capfd.readouterr().err
    assert toolbox.main(["capture", "--help"]) == 0
    assert "--ports" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-M", "0"], "-M takes a number above 0"),
        (["-M", "x"], "-M takes a number above 0"),
        (["-s", "x"], "-s takes a number"),
        (["-s", "70000"], "at most 65000"),
        (["--ports", "80,x"], "--ports takes ports"),
        (["--ports", "70000"], "--ports takes ports"),
        (["--buffer", "5000"], "at most 1024"),
        (["--from", "1"], "-r FILE is missing"),
        (["--to", "1"], "-r FILE is missing"),
        (["-r", "x", "-M", "3"], "-r reads a file"),
        (["-w", "x", "-S"], "not both"),
    ],
)
def test_wrong_words(words: list[str], message: str, live: Live, capfd: pytest.CaptureFixture[str]) -> None:
    assert scapdig.main(words) == 2
    assert message in capfd.readouterr().err


def test_what_is_missing_is_said(live: Live, capfd: pytest.CaptureFixture[str]) -> None:
    live.reason = "live capture needs root, or the capabilities CAP_BPF and CAP_PERFMON"
    assert scapdig.main([]) == 1
    assert capfd.readouterr().err == f"scapdig: {live.reason}\n"
    assert toolbox.main(["capture", "-w", "x"]) == 1
    assert live.reason in capfd.readouterr().err
    assert toolbox.main(["capture"]) == 2


def test_scripts_in_the_sandbox_do_not_capture() -> None:
    check_rerun(["-r", "x", "-q"], scapdig.OPTIONS)
    with pytest.raises(ChiselError, match="without -r"):
        check_rerun(["-q"], scapdig.OPTIONS)


PROGRAM = textwrap.dedent("""
    import sys
    sys.path.insert(0, {support!r})
    sys.path.insert(0, {here!r})
    from test_live import Live, wrote
    from scappy.capturing import capture as capturing
    from scappy.cli import scapdig
    system = Live()
    system.pieces = [(0.02 * number, wrote(b"hello %d" % number)) for number in range(3000)]
    capturing.probe_module = lambda: system
    print("ready", file=sys.stderr, flush=True)
    sys.exit(scapdig.main(sys.argv[1:]))
""").format(support=str(SUPPORT), here=str(Path(__file__).parent))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("writes", [False, True])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals, writes: bool) -> None:
    target = tmp_path / "x.scap"
    words = ["-w", str(target)] if writes else ["-p", "%evt.type"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        while child.stderr.readline() != b"ready\n":
            pass
        if writes:
            time.sleep(1.5)
        else:
            assert child.stdout.readline() == b"write\n"
        child.send_signal(number)
        out, error = child.communicate(timeout=10)
        assert (child.returncode, error) == (0, b"")
    if writes:
        assert len(list(scappy.open(target, view="exit"))) > 5
        assert [path.name for path in tmp_path.iterdir()] == ["x.scap"]
