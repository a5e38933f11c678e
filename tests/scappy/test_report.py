"""The report of a capture, strict reading, and what the commands say about damage."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from capture_builder import CaptureBuilder

import scappy


def sample() -> CaptureBuilder:
    """Events of known and unknown threads and descriptors, with data that were cut, and a drop."""
    capture = CaptureBuilder().thread(7, "prog").file(7, 3, "/etc/hosts")
    capture.event("SYSCALL_READ_E", 3, 100, tid=7).event("SYSCALL_READ_X", 100, b"a" * 80, tid=7)
    capture.event("SYSCALL_READ_E", 3, 100, tid=7).event("SYSCALL_READ_X", 50, b"a" * 50, tid=7)
    capture.event("SYSCALL_READ_E", 4, 100, tid=7).event("SYSCALL_READ_X", -9, b"", tid=7)
    capture.event("SYSCALL_CLOSE_E", 9, tid=1234)
    capture.event("DROP_E", 1, tid=7)
    return capture


def damaged() -> bytes:
    content = sample().content
    end = len(content)
    sample_two = CaptureBuilder().event("SYSCALL_CLOSE_E", 3, tid=7).content[28:]
    return content + b"what is this?" + sample_two + sample_two[:20] + content[end:]


def test_report_of_a_whole_capture() -> None:
    report = scappy.open(sample().content).report
    assert report.is_whole and not report.gaps and report.error is None
    assert report.versions == [(1, 2)]
    assert report.events == {"read": 6, "close": 1, "drop": 1}
    assert (report.hidden_events, report.drops) == (1, 1)
    assert report.blocks == {"processes (v9)": 1, "descriptors (v2)": 1}
    assert (report.cut_events, report.cut_bytes, report.longest_data) == (1, 20, 80)
    assert report.thread_lookups == (7, 1)
    assert report.missing_threads == pytest.approx(1 / 7)
    assert report.fd_lookups == (7, 3)
    assert report.last_time - report.first_time == 7000
    assert report.bytes_read == len(sample().content)


def test_report_of_a_damaged_capture() -> None:
    capture = scappy.open(damaged())
    report = capture.report
    assert not report.is_whole
    assert report.events["close"] == 2
    assert [(gap.before, gap.after) for gap in report.gaps] == [(8, 9), (9, 0)]
    assert isinstance(report.gaps[1].error, scappy.TruncatedCaptureError)
    assert capture.report is report


def test_report_names_what_was_skipped() -> None:
    capture = sample().block(0x999, b"newer").raw_event(9998, [b"x"]).raw_event(9998, [b"x"])
    report = scappy.open(capture.content).report
    assert report.skipped_blocks == {0x999: 1}
    assert report.skipped_events == {9998: 2}
    assert report.is_whole


def test_report_of_what_is_no_capture() -> None:
    report = scappy.open(b"nothing").report
    assert isinstance(report.error, scappy.UnsupportedCaptureError)
    assert not report.is_whole


def test_report_of_shared_captures(all_captures: list[Path]) -> None:
    for path in all_captures:
        report = scappy.open(path).report
        assert report.is_whole, path.name
        assert sum(report.events.values()) == scappy.open(path).info().events
        assert 0 <= report.missing_threads <= 1 and 0 <= report.missing_fds <= 1


def test_selecting_from_a_damaged_capture() -> None:
    table = scappy.open(damaged()).select(["evt.num", "proc.name"])
    with pytest.warns(scappy.DamageWarning, match="2 places"):
        numbers = table["evt.num"]
    assert numbers.tolist() == [1, 2, 3, 4, 5, 6, 7, 9]
    with pytest.raises(scappy.CorruptCaptureError):
        scappy.open(damaged(), strict=True).select(["evt.num"])["evt.num"]


def test_strict_reading() -> None:
    numbers = []
    with pytest.raises(scappy.CorruptCaptureError) as caught:
        for event in scappy.open(damaged(), strict=True).filter("evt.type exists"):
            numbers.append(event.num)
    assert numbers == [1, 2, 3, 4, 5, 6, 7]
    assert caught.value.gaps == ()
    numbers.clear()
    with pytest.raises(scappy.CorruptCaptureError) as caught:
        for event in scappy.open(damaged()):
            numbers.append(event.num)
    assert numbers == [1, 2, 3, 4, 5, 6, 7, 9]
    assert len(caught.value.gaps) == 2


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scappy.cli.{module}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_scapdig_tells_each_gap(tmp_path: Path) -> None:
    path = tmp_path / "damaged.scap"
    path.write_bytes(damaged())
    done = run("scapdig", "-r", str(path))
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "2", "3", "4", "5", "6", "7", "9"]
    first, second = done.stderr.splitlines()
    assert first.startswith("scapdig: ") and "13 bytes skipped between events 8 and 9" in first
    assert "the capture is cut" in second and "behind event 9, the last one" in second
    strict = run("scapdig", "-r", str(path), "--strict")
    assert strict.returncode == 1
    assert len(strict.stdout.splitlines()) == 7
    assert len(strict.stderr.splitlines()) == 1
    # A limit ends the reading before the cut, but behind the gap.
    limited = run("scapdig", "-r", str(path), "-n", "3")
    assert (limited.returncode, limited.stderr) == (0, "")


def test_scapdig_tells_many_gaps_in_few_lines(tmp_path: Path) -> None:
    one = CaptureBuilder().event("SYSCALL_CLOSE_E", 3, tid=7).content[28:]
    path = tmp_path / "damaged.scap"
    path.write_bytes(CaptureBuilder().content + (one + b"????") * 50 + one)
    done = run("scapdig", "-r", str(path), "-q")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 21
    assert "30 more places" in lines[-1]


def test_info_report(tmp_path: Path) -> None:
    path = tmp_path / "sample.scap"
    path.write_bytes(sample().content)
    done = run("toolbox", "info", "--report", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 transfers lack 20 bytes; the longest has 80" in done.stdout
    assert "1 of 7 not known (14.29%)" in done.stdout
    path.write_bytes(damaged())
    done = run("toolbox", "info", "--report", str(path))
    assert done.returncode == 1
    assert "gaps         2" in done.stdout
    assert "13 bytes skipped between events 8 and 9" in done.stdout
    done = run("toolbox", "info", str(path))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert run("toolbox", "info", "--report").returncode == 2


def test_a_kernel_pointer_of_a_list_is_no_length(tmp_path: Path) -> None:
    content = bytearray(sample().content)
    struct.pack_into("<I", content, 28 + 8, 0x7FFFFFFF)      # the length of the first entry of the process list
    report = scappy.open(bytes(content)).report
    assert report.gap_count == 1
    assert sum(report.events.values()) == 8
