"""What is left when writing ends before its end: killed at any moment, interrupted, or out of room."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scappy
from scapcore.errors import ScapError, TruncatedCaptureError
from scappy.copying import CopySettings, Rotation, copy_capture
from scappy.records import Thread
from scappy.redaction import Rules
from scappy.samples import write_walkthrough

ROOM = 3 << 20
RULES = "secrets: ['localdomain']\nenvironment: drop\n"
#: Command lines that write OUT; IN is the long capture.
COMMANDS = {
    "plain": ["scapdig", "-r", "IN", "-w", "OUT"],
    "gzip": ["scapdig", "-r", "IN", "-w", "OUT", "-z"],
    "filter": ["scapdig", "-r", "IN", "-w", "OUT", "evt.type != switch"],
    "ring": ["scapdig", "-r", "IN", "-w", "OUT", "-C", "8"],
    "zstd": ["toolbox", "write", "IN", "OUT", "--compress", "zstd"],
    "lz4": ["toolbox", "write", "IN", "OUT", "--compress", "lz4"],
    "merge": ["toolbox", "merge", "IN", "IN", "-o", "OUT"],
    "redact": ["toolbox", "redact", "IN", "OUT", "--rules", "RULES"],
    "redact-gzip": ["toolbox", "redact", "IN", "OUT", "--rules", "RULES", "--compress", "gzip"],
}
SLOW_COMMANDS = [name for name in COMMANDS if name not in ("plain", "filter")]


@pytest.fixture(scope="module")
def long_capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walkthrough's capture over and over, 64 MiB of it."""
    folder = tmp_path_factory.mktemp("long")
    write_walkthrough(folder / "short.scap")
    (folder / "rules.yaml").write_text(RULES)
    content = (folder / "short.scap").read_bytes()
    with open(folder / "long.scap", "wb") as file:
        for _ in range((64 << 20) // len(content)):
            file.write(content)
    return folder / "long.scap"


def started(name: str, capture: Path, target: Path) -> subprocess.Popen[bytes]:
    """A command on its way."""
    places = {"IN": str(capture), "OUT": str(target), "RULES": str(capture.with_name("rules.yaml"))}
    module, *words = (places.get(word, word) for word in COMMANDS[name])
    return subprocess.Popen(
        [sys.executable, "-m", f"scappy.cli.{module}", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def wait_for_bytes(child: subprocess.Popen[bytes], folder: Path, least: int) -> None:
    """Until something is written, or nothing more will be."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        for entry in folder.iterdir():
            try:
                if entry.stat().st_size >= least:
                    return
            except FileNotFoundError:
                continue            # renamed in between
        time.sleep(0.001)


def check_left(path: Path) -> int:
    """Read a file that a killed writer has left up to its end; how many events there are."""
    report = scappy.open(path).report
    # At most the last block or frame is cut, and nothing is behind that.
    assert report.gap_count <= 1, path.name
    assert all(isinstance(gap.error, TruncatedCaptureError) and not gap.after for gap in report.gaps), path.name
    return sum(report.events.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_points(name: str, long_capture: Path, tmp_path: Path) -> None:
    generator = random.Random(name)
    events = sum(scappy.open(long_capture).report.events.values())
    seen = 0
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        child = started(name, long_capture, folder / "x.scap")
        wait_for_bytes(child, folder, generator.choice((0, 1 << 16, 1 << 20, 1 << 22)))
        time.sleep(generator.choice((0, 0.001, 0.01, 0.05)))
        child.kill()
        child.communicate()
        for path in folder.iterdir():
            if path.name == "x.scap":
                # It was faster than the signal, or has just come to its end: then nothing is missing.
                assert scappy.open(path).report.is_whole
                assert check_left(path) >= events * (2 if name == "merge" else 0.1 if name == "filter" else 1)
            elif path.stat().st_size:
                seen += check_left(path) > 0
                if not path.name.endswith(".part"):
                    assert scappy.open(path).report.is_whole     # a closed file of a ring
            path.unlink()
    assert seen or name in ("plain", "filter")


@pytest.mark.parametrize("name", SLOW_COMMANDS)
def test_interrupted(name: str, long_capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.scap"
    child = started(name, long_capture, target)
    wait_for_bytes(child, tmp_path, 1 << 16)
    child.send_signal(signal.SIGINT)
    _, message = child.communicate(timeout=60)
    if child.returncode == 0 or target.exists():
        assert scappy.open(target if target.exists() else f"{target}0").report.is_whole
        pytest.skip("it was faster than the signal")
    assert child.returncode == 130
    parts = [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    if name == "ring" and not list(tmp_path.iterdir()):
        assert "interrupted; nothing was written before" in message.decode()
        return
    assert len(parts) == 1 or name == "ring"
    told = re.search("interrupted; what was written before is in (.*)", message.decode())
    # Between two files of a ring it is the last one that was closed.
    assert told and Path(told[1]) in (parts or tmp_path.iterdir())
    assert scappy.open(told[1]).report.is_whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def write_copy(compress: str | None) -> Callable[[scappy.Capture, Path], object]:
    return lambda capture, target: capture.write(target, compress=compress)


WRITERS: dict[str, Callable[[scappy.Capture, Path], object]] = {
    "plain": write_copy(None),
    "gzip": write_copy("gzip"),
    "zstd": write_copy("zstd"),
    "lz4": write_copy("lz4"),
    "filter": lambda capture, target: capture.write(target, where="evt.type != switch"),
    "merge": lambda capture, target: scappy.merge([capture], target),
    "redact": lambda capture, target: scappy.redact(capture, target, Rules(secrets=("localdomain",))),
}


class TestAFullDisk:
    @pytest.mark.parametrize("name", WRITERS)
    def test_what_was_written_is_left(self, name: str, long_capture: Path, small_disk: Path) -> None:
        target = small_disk / "x.scap"
        capture = scappy.open(long_capture)
        if name in ("gzip", "zstd", "lz4"):
            # What repeats takes next to no room then.
            (small_disk / "ballast").write_bytes(bytes(ROOM - (1 << 20)))
        with pytest.raises(ScapError, match=r"No space left on device; what was written before is in .*x\.scap\.part"):
            WRITERS[name](capture, target)
        left = sorted(path.name for path in small_disk.iterdir() if path.name != "ballast")
        assert left == ["x.scap.part"]
        report = scappy.open(small_disk / "x.scap.part").report
        assert report.is_whole
        assert sum(report.events.values()) > 0

    def test_a_former_file_stays(self, long_capture: Path, small_disk: Path) -> None:
        target = small_disk / "x.scap"
        target.write_bytes(b"before")
        with pytest.raises(ScapError, match="No space left"):
            scappy.open(long_capture).write(target)
        assert target.read_bytes() == b"before"

    def test_what_was_left_before_stays(self, long_capture: Path, small_disk: Path) -> None:
        former = small_disk / "x.scap.part"
        former.write_bytes(b"before")
        with pytest.raises(ScapError, match=r"is in .*x\.scap\.part2$"):
            scappy.open(long_capture).write(small_disk / "x.scap")
        assert former.read_bytes() == b"before"
        assert scappy.open(small_disk / "x.scap.part2").report.is_whole

    def test_closed_files_of_a_rotation_are_complete(self, long_capture: Path, small_disk: Path) -> None:
        settings = CopySettings(rotation=Rotation(size=1 << 20))
        with pytest.raises(ScapError, match="No space left"):
            copy_capture(scappy.open(long_capture), small_disk / "x", settings)
        names = sorted(path.name for path in small_disk.iterdir())
        assert names[:2] == ["x0", "x1"] and names[-1].endswith(".part")
        for name in names:
            assert scappy.open(small_disk / name).report.is_whole

    def test_no_room_for_anything(self, long_capture: Path, small_disk: Path) -> None:
        (small_disk / "ballast").write_bytes(bytes(ROOM))
        with pytest.raises(ScapError, match=r"No space left on device$"):
            scappy.open(long_capture).write(small_disk / "x")
        assert [path.name for path in small_disk.iterdir()] == ["ballast"]

    def test_a_program_that_makes_a_capture(self, small_disk: Path) -> None:
        with (
            pytest.raises(ScapError, match="cannot write .*: No space left on device"),
            scappy.CaptureWriter(small_disk / "x") as writer,
        ):
            writer.thread(Thread(1, "x"))
            for time_stamp in range(1_000_000):
                writer.event("chdir", "<", time_stamp, 1, res=0, path="/tmp")
        assert list(small_disk.iterdir()) == []
