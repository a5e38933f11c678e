"""Copies of captures: whole, filtered, cut, in several files; and what is left when writing is interrupted."""

from __future__ import annotations

import gzip
import io
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import scappy
from scapcore.errors import ScapError, UnsupportedCaptureError
from scapcore.source.checkpoints import Checkpoint, index_frame, read_index
from scappy.capture import Capture
from scappy.copying import CopySettings, Rotation, copy_capture

FIELDS = ("evt.rawtime", "thread.tid", "proc.pid", "proc.name", "proc.exepath", "proc.cmdline", "proc.pname", "fd.num",
          "fd.name", "fd.type", "evt.type", "evt.dir", "evt.args", "user.name", "container.name")  # fmt: skip
FILTERS = ("evt.type=read and evt.dir=<", "fd.type=ipv4", "evt.type=open", "evt.failed=true", "proc.name contains a")


def plain(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def row(event: scappy.Event) -> tuple[Any, ...]:
    return tuple(event[name] for name in FIELDS)


def rows(capture: Capture) -> list[tuple[Any, ...]]:
    return [row(event) for event in capture]


@pytest.fixture(scope="module")
def long_capture(tmp_path_factory: pytest.TempPathFactory, walkthrough: Path) -> Path:
    """The same capture over and over."""
    path = tmp_path_factory.mktemp("long") / "capture.scap"
    content = walkthrough.read_bytes()
    with open(path, "wb") as file:
        for _ in range((64 << 20) // len(content)):
            file.write(content)
    return path


def largest(folder: Path) -> int:
    """Bytes of the largest file, -1 if there is none; the name of one that is being written may change meanwhile."""
    sizes = [-1]
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return max(sizes)


@pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
def test_a_whole_copy_keeps_every_byte(all_captures: list[Path], compress: str | None) -> None:
    for path in all_captures:
        target = io.BytesIO()
        result = scappy.open(path).write(target, compress=compress)
        copy = scappy.open(target.getvalue())
        assert copy.compression == compress
        again = io.BytesIO()
        copy.write(again)
        assert again.getvalue() == plain(path), path.name
        assert result.events == scappy.open(path).info().events, path.name


def test_a_stream_is_copied(all_captures: list[Path]) -> None:
    for path in all_captures:
        target = io.BytesIO()
        read, write = os.pipe()
        child = subprocess.Popen(["cat", path], stdout=write)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            scappy.open(pipe).write(target)
        assert child.wait() == 0
        assert target.getvalue() == plain(path), path.name


@pytest.mark.parametrize("where", FILTERS)
def test_a_filtered_copy_is_complete(shared_captures: list[Path], where: str) -> None:
    for path in shared_captures:
        whole = scappy.open(path)
        target = io.BytesIO()
        whole.write(target, where=where)
        copy = scappy.open(target.getvalue())
        chosen = rows(whole.filter(where))
        assert rows(copy) == chosen, path.name
        assert rows(copy.filter(where)) == chosen, path.name
        assert len(target.getvalue()) <= len(plain(path)) + 4 * whole.info().event_blocks


@pytest.mark.parametrize("where", FILTERS[:2])
def test_a_stream_keeps_what_changes_the_tables(walkthrough: Path, where: str) -> None:
    target = io.BytesIO()
    with open(walkthrough, "rb") as file:
        scappy.open(io.BufferedReader(OnlyOnce(file))).filter(where).write(target)
    assert len(rows(scappy.open(target.getvalue()))) == len(rows(scappy.open(walkthrough).filter(where)))


class OnlyOnce(io.RawIOBase):
    """A file that cannot be read again."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any, /) -> int:
        return self.file.readinto(view)


@pytest.mark.parametrize("place", [0.0, 0.35, 0.8])
def test_a_slice_begins_with_the_tables(shared_captures: list[Path], place: float) -> None:
    unlike = 0
    total = 0
    for path in shared_captures:
        capture = scappy.open(path)
        times = [event.ts for event in capture]
        if not times:
            continue
        begin, end = times[int(len(times) * place)], times[int(len(times) * (place + 0.15))]
        target = io.BytesIO()
        capture.write(target, begin=begin, end=end)
        # Containers are told of at the start of the slice, where they are not shown.
        others = "evt.type != container"
        expected = rows(capture.filter(f"evt.rawtime >= {begin} and evt.rawtime <= {end}").filter(others))
        found = rows(scappy.open(target.getvalue()).filter(others))
        # What a list cannot say: that a directory is not known, and how a socket came to be.
        assert [row[:4] for row in found] == [row[:4] for row in expected], path.name
        total += len(found)
        unlike += sum(one != other for one, other in zip(found, expected, strict=True))
    assert unlike <= total // 500


def test_a_slice_with_a_filter(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough)
    times = [event.ts for event in capture]
    begin, end = times[len(times) // 3], times[len(times) // 2]
    target = io.BytesIO()
    where = "evt.type in (read, write, connect) and evt.dir = <"
    capture.write(target, where=where, begin=begin, end=end)
    expected = rows(capture.filter(where).filter(f"evt.rawtime >= {begin} and evt.rawtime <= {end}"))
    assert expected
    assert rows(scappy.open(target.getvalue())) == expected


def test_lz4_files_have_places_to_begin_at(long_capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.lz4"
    part = tmp_path / "part.scap"
    capture = scappy.open(long_capture)
    capture.write(part, where="evt.num < 1500000")
    capture = scappy.open(part)
    capture.write(path, compress="lz4")
    assert len(read_index(path)) > 0
    packed = scappy.open(path)
    again = io.BytesIO()
    packed.write(again)
    assert again.getvalue() == part.read_bytes()
    last = capture.info().events
    where = f"evt.num >= {last - 2000}"
    reader = packed.filter(where).reader()
    assert reader.last_number > last // 4
    reader.source.close()
    found = [(event.num, event["evt.reltime"], *row(event)) for event in packed.filter(where)]
    expected = [(event.num, event["evt.reltime"], *row(event)) for event in capture.filter(where)]
    assert len(found) > 500
    assert [one[:3] for one in found] == [one[:3] for one in expected]
    assert sum(one != other for one, other in zip(found, expected, strict=True)) <= len(found) // 100
    time = found[0][2]
    assert [event.num for event in packed.filter(f"evt.rawtime > {time}")] == [
        event.num for event in capture.filter(f"evt.rawtime > {time}")
    ]


def test_a_false_index_is_ignored(walkthrough: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.lz4"
    capture = scappy.open(walkthrough)
    capture.write(path, compress="lz4")
    content = path.read_bytes()
    for index in (
        index_frame([Checkpoint(8, 400, 5, 1)]),
        index_frame([Checkpoint(1 << 60, 1 << 61, 5, 1)]),
        index_frame([])[:-4] + b"\xff\xff\xff\xff",
    ):
        path.write_bytes(content + index)
        where = "evt.num > 100"
        assert rows(scappy.open(path).filter(where)) == rows(capture.filter(where))


@pytest.mark.parametrize(
    "rotation", [Rotation(size=200_000), Rotation(events=700), Rotation(seconds=0.5), Rotation(events=999, size=10**6)]
)
@pytest.mark.parametrize("compress", [None, "zstd"])
def test_files_of_a_rotation_are_captures(
    walkthrough: Path, tmp_path: Path, rotation: Rotation, compress: str | None
) -> None:
    capture = scappy.open(walkthrough)
    result = copy_capture(capture, tmp_path / "x.scap", CopySettings(rotation=rotation, compress=compress))
    assert len(result.files) > 1
    assert result.files == [f"{tmp_path}/x.scap{number}" for number in range(len(result.files))]
    found = [row for name in result.files for row in rows(scappy.open(name))]
    assert found == rows(capture)
    assert result.bytes == sum(os.path.getsize(name) for name in result.files)


@pytest.mark.parametrize("limit", [{"events": 3000}, {"size": 200_000}])
def test_times_in_names_do_not_let_files_replace_each_other(walkthrough: Path, tmp_path: Path, limit: dict[str, int]) -> None:
    capture = scappy.open(walkthrough)
    rotation = Rotation(seconds=1, **limit)     # type: ignore[arg-type]
    result = copy_capture(capture, tmp_path / "at-%H%M%S.scap", CopySettings(rotation=rotation))
    assert len(result.files) > 3
    assert all(re.search(rf"at-\d{{6}}\.scap{number}$", name) for number, name in enumerate(result.files))
    assert [row for name in result.files for row in rows(scappy.open(name))] == rows(capture)


def test_a_time_that_is_too_coarse_is_followed_by_a_number(walkthrough: Path, tmp_path: Path) -> None:
    capture = scappy.open(walkthrough)
    result = copy_capture(capture, tmp_path / "in-%Y", CopySettings(rotation=Rotation(seconds=2)))
    assert len(set(result.files)) == len(result.files) > 1
    assert [row for name in result.files for row in rows(scappy.open(name))] == rows(capture)


def test_no_file_of_a_rotation_replaces_what_is_read(walkthrough: Path, tmp_path: Path) -> None:
    for name in ("x0", "x1"):
        path = tmp_path / name
        shutil.copy(walkthrough, path)
        with pytest.raises(ScapError, match=f"{name} is the capture that is read"):
            copy_capture(scappy.open(path), tmp_path / "x", CopySettings(rotation=Rotation(events=3000)))
        assert path.read_bytes() == walkthrough.read_bytes()


def test_a_ring_keeps_the_last(walkthrough: Path, tmp_path: Path) -> None:
    capture = scappy.open(walkthrough)
    result = copy_capture(capture, tmp_path / "x", CopySettings(rotation=Rotation(events=1000, files=2)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x0", "x1"]
    last = rows(scappy.open(result.files[-1]))
    assert last == rows(capture)[-len(last) :]


@pytest.mark.parametrize("name", ["x", "at-%H%M%S"])
def test_a_ring_of_times_keeps_the_last(walkthrough: Path, tmp_path: Path, name: str) -> None:
    capture = scappy.open(walkthrough)
    result = copy_capture(capture, tmp_path / name, CopySettings(rotation=Rotation(seconds=1, files=2)))
    assert len(result.files) > 4
    assert {str(path) for path in tmp_path.iterdir()} == set(result.files[-2:])
    last = [row for path in result.files[-2:] for row in rows(scappy.open(path))]
    assert last == rows(capture)[-len(last) :]


def test_files_of_whole_seconds_begin_with_them(tmp_path: Path) -> None:
    times = [0.5, 0.9, 1.0, 1.2, 2.0, 3.4, 4.0, 9.3, 10.4, 11.2, 12.3, 20.0]
    path = tmp_path / "long"
    with scappy.CaptureWriter(path) as writer:
        for time_stamp in times:
            writer.event("chdir", ">", round((10**9 + time_stamp) * 10**9), 1)
    result = copy_capture(scappy.open(path), tmp_path / "x", CopySettings(rotation=Rotation(seconds=2)))
    found = [[event.ts / 10**9 - 10**9 for event in scappy.open(name).filter("evt.type = chdir")] for name in result.files]
    assert [[round(stamp, 1) for stamp in part] for part in found] == [
        [0.5, 0.9, 1.0, 1.2], [2.0, 3.4], [4.0], [9.3, 10.4], [11.2, 12.3], [20.0]
    ]  # fmt: skip


def test_a_number_of_events(walkthrough: Path) -> None:
    for where in ("", "evt.type=read"):
        for complete in (False, True):
            capture = scappy.open(walkthrough)
            capture = capture.filter(where) if where else capture
            target = io.BytesIO()
            copy_capture(capture, target, CopySettings(count=25, complete=complete))
            times = [event.ts for event in scappy.open(target.getvalue())]
            assert times == [event.ts for event in capture][:25]


def test_processes_that_do_not_matter_are_left_out(walkthrough: Path) -> None:
    capture = scappy.open(walkthrough)
    target = io.BytesIO()
    where = "proc.name = curl and evt.type = connect"
    copy_capture(capture.filter(where), target, CopySettings(prune=True))
    copy = scappy.open(target.getvalue())
    assert rows(copy) == rows(capture.filter(where))
    assert 0 < copy.info().threads < capture.info().threads


def test_the_newest_view_cannot_be_copied(walkthrough: Path) -> None:
    with pytest.raises(UnsupportedCaptureError, match="full"):
        scappy.open(walkthrough, view="exit").write(io.BytesIO())


def test_a_damaged_capture_is_copied_without_the_damage(walkthrough: Path) -> None:
    content = bytearray(walkthrough.read_bytes())
    for place in (len(content) // 2, len(content) // 2 + 9000):
        content[place : place + 200] = bytes(200)
    whole = scappy.open(bytes(content))
    target = io.BytesIO()
    with pytest.warns(scappy.DamageWarning):
        whole.write(target)
    copy = scappy.open(target.getvalue())
    assert copy.report.is_whole
    assert copy.info().events == whole.info().events


class TestSafety:
    def test_input_and_output_are_never_the_same(self, walkthrough: Path, tmp_path: Path) -> None:
        path, link = tmp_path / "a.scap", tmp_path / "b.scap"
        path.write_bytes(walkthrough.read_bytes())
        link.symlink_to(path)
        for target in (path, link):
            with pytest.raises(ScapError, match="is the capture that is read"):
                scappy.open(path).write(target)
        assert path.read_bytes() == walkthrough.read_bytes()

    def test_files_are_private(self, walkthrough: Path, tmp_path: Path) -> None:
        path = tmp_path / "a.scap"
        scappy.open(walkthrough).write(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        scappy.open(walkthrough).write(path, mode=0o640)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    @pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
    def test_a_full_disk_leaves_whole_blocks(self, long_capture: Path, tmp_path: Path, compress: str | None) -> None:
        path = tmp_path / "a.scap"
        limit = 1_500_001
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(ScapError, match="File too large; what was written before is in"):
                scappy.open(long_capture).write(path, compress=compress)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, former)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.scap.part"]
        report = scappy.open(tmp_path / "a.scap.part").report
        assert report.is_whole
        assert report.bytes_read > 0

    @pytest.mark.parametrize("compress", [[], ["-z"], ["--compression=lz4"]])
    def test_a_killed_writer_leaves_what_can_be_read(self, long_capture: Path, tmp_path: Path, compress: list[str]) -> None:
        seen = 0
        # From when the file is there, or, where the machine is busy, from when something is in it.
        for least, delay in ((0, 0.0), (0, 0.003), (0, 0.01), (0, 0.03), (0, 0.1), (100_001, 0.0), (100_001, 0.01)):
            child = subprocess.Popen(
                [sys.executable, "-m", "scappy.cli.scapdig", "-r", long_capture, "-w", tmp_path / "a.scap", *compress]
            )
            while child.poll() is None and largest(tmp_path) < least:
                time.sleep(0.001)
            time.sleep(delay)
            child.kill()
            child.wait()
            for path in tmp_path.iterdir():
                if path.name.endswith(".part") and path.stat().st_size > 100_000:
                    seen += 1
                    report = scappy.open(path).report
                    # At most the last block or frame is cut.
                    assert report.gap_count <= 1
                    assert report.bytes_read > 0
                path.unlink()
        assert seen

    def test_an_interrupt_leaves_a_capture_and_a_message(self, long_capture: Path, tmp_path: Path) -> None:
        path = tmp_path / "a.scap"
        child = subprocess.Popen(
            [sys.executable, "-m", "scappy.cli.scapdig", "-r", "-", "-z", "-w", path],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # The capture does not end, so that the copy cannot have been done before.
        assert child.stdin is not None
        child.stdin.write(long_capture.read_bytes())
        child.stdin.flush()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and largest(tmp_path) < 100_000:
            time.sleep(0.002)
        child.send_signal(signal.SIGINT)
        _, message = child.communicate(timeout=60)
        assert child.returncode == 130
        assert f"interrupted; what was written before is in {path}.part" in message.decode()
        assert scappy.open(f"{path}.part").report.is_whole
        assert not path.exists()
