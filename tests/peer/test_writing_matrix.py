"""Every shared capture, written in every way: read back here, and by the reference, with the lines of the original.

A filtered original is told by event numbers: asked with a filter, the reference follows fewer events than it reads, so
its lines are those of a pass without one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scappy
from scappy.copying import CopySettings, Rotation, copy_capture

pytestmark = pytest.mark.slow

Reference = Callable[..., Any]
Lines = dict[int, bytes]
#: Nothing in it counts events, as these have other numbers in a part.
FORMAT = ("*%evt.rawtime %thread.tid %proc.name %proc.cmdline %fd.num %fd.type %evt.type %evt.dir %container.name "
          "%fd.name %evt.args")  # fmt: skip
MACHINE_FORMAT = ("%evt.rawtime %proc.name %proc.cmdline %fd.num %fd.type %evt.type %evt.dir %container.name "
                  "%proc.aname[1] %fd.name")  # fmt: skip
FILTERS = ("evt.type=read and evt.dir=<", "fd.type=ipv4", "evt.type=open", "proc.name contains a")
CAPTURES = 19


def scapdig(*words: str | Path) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "scappy.cli.scapdig", *map(str, words)], capture_output=True, env=os.environ | {"TZ": "UTC"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


class Tool:
    """One of the two readers."""

    def __init__(self, run: Callable[..., bytes]) -> None:
        self.run = run

    def text(self, path: Path | str) -> bytes:
        return self.run("-r", path, "-p", FORMAT)

    def lines(self, path: Path | str) -> Lines:
        """Lines by event number, without those about containers, of which parts tell at their start."""
        found: Lines = {}
        number = 0
        for line in self.run("-r", path, "-p", "*\x01%evt.num\x02" + FORMAT[1:]).split(b"\x01")[1:]:
            head, _, rest = line.partition(b"\x02")
            number = int(head)
            if b" container > " not in rest:
                found[number] = rest
        return found

    def machine_lines(self, path: Path) -> list[bytes]:
        """Lines without thread ids, which a merge moves apart, and without those about containers."""
        lines = self.run("-r", path, "-p", "*\x01" + MACHINE_FORMAT).split(b"\x01")[1:]
        return [line.rstrip(b"\n") for line in lines if b" container > " not in line]

    def numbers(self, path: Path, where: str) -> set[int]:
        return {int(line) for line in self.run("-r", path, "-p", "*%evt.num", where).split()}


@pytest.fixture(scope="module")
def tools(reference: Reference) -> list[Tool]:
    def sysdig(*words: str | Path) -> bytes:
        found: bytes = reference(*words, check=False).stdout
        return found

    return [Tool(scapdig), Tool(sysdig)]


@pytest.fixture(params=range(CAPTURES))
def path(request: pytest.FixtureRequest, all_captures: list[Path]) -> Path:
    if request.param >= len(all_captures):
        pytest.skip("there are fewer captures")
    return all_captures[request.param]


def test_there_are_not_more_captures(all_captures: list[Path]) -> None:
    assert len(all_captures) <= CAPTURES


def readers(tools: list[Tool], path: Path, newer_captures: list[Path]) -> Iterator[Tool]:
    """Those who follow a capture: of what the newest tools write the reference understands only what stands alone."""
    return iter(tools[:1] if path in newer_captures else tools)


def assert_alike(found: list[bytes], expected: list[bytes]) -> None:
    assert len(found) == len(expected)
    pairs = list(zip(found, expected, strict=True))
    unlike = [(one.split(b" "), other.split(b" ")) for one, other in pairs if one != other]
    # Only names of files may differ: of a thread that nothing told of the directory becomes the root.
    assert all(b"/" in b" ".join(one) and one[:2] == other[:2] for one, other in unlike)
    assert len(unlike) <= len(pairs) // 10, unlike[:2]


def times_of(lines: Lines) -> list[int]:
    return [int(line.split(b" ", 1)[0]) for line in lines.values()]


@pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
def test_whole_copies(path: Path, tools: list[Tool], tmp_path: Path, compress: str | None) -> None:
    target = tmp_path / "x.scap"
    scappy.open(path).write(target, compress=compress)
    for tool in tools if compress in (None, "gzip") else tools[:1]:
        assert tool.text(target) == tool.text(path)


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.2), (0.35, 0.5), (0.8, 0.95)])
def test_slices_of_time(
    path: Path, tools: list[Tool], newer_captures: list[Path], tmp_path: Path, first: float, last: float
) -> None:
    target = tmp_path / "x.scap"
    times = times_of(tools[0].lines(path))
    if not times:
        pytest.skip("no events")
    begin, end = times[int(len(times) * first)], times[int(len(times) * last)]
    scappy.open(path).write(target, begin=begin, end=end)
    for tool in readers(tools, path, newer_captures):
        expected = [line for line in tool.lines(path).values() if begin <= int(line.split(b" ", 1)[0]) <= end]
        assert_alike(list(tool.lines(target).values()), expected)


@pytest.mark.parametrize("where", FILTERS)
def test_slices_by_filter(
    path: Path, tools: list[Tool], newer_captures: list[Path], tmp_path: Path, where: str
) -> None:
    target = tmp_path / "x.scap"
    scappy.open(path).write(target, where=where)
    for tool in readers(tools, path, newer_captures):
        chosen = tool.numbers(path, where)
        expected = [line for number, line in tool.lines(path).items() if number in chosen]
        assert list(tool.lines(target).values()) == expected


@pytest.mark.parametrize("by", ["events", "size", "seconds"])
def test_rotations(path: Path, tools: list[Tool], newer_captures: list[Path], tmp_path: Path, by: str) -> None:
    times = times_of(tools[0].lines(path))
    if not times:
        pytest.skip("no events")
    rotation = Rotation(events=max(scappy.open(path).info().events // 4, 50))
    if by == "size":
        # What a file begins with takes most of some captures.
        files = copy_capture(scappy.open(path), tmp_path / "x", CopySettings(rotation=rotation)).files
        rotation = Rotation(size=max(os.path.getsize(name) for name in files))
    elif by == "seconds":
        rotation = Rotation(seconds=(max(times) - min(times)) / 4 / 10**9 + 1e-6)
    files = copy_capture(scappy.open(path), tmp_path / "x", CopySettings(rotation=rotation)).files
    assert 1 < len(files) < 50 or by == "size"
    for tool in readers(tools, path, newer_captures):
        found = [line for name in files for line in tool.lines(name).values()]
        assert_alike(found, list(tool.lines(path).values()))


def test_merges_of_halves(path: Path, tools: list[Tool], newer_captures: list[Path], tmp_path: Path) -> None:
    times = times_of(tools[0].lines(path))
    if not times:
        pytest.skip("no events")
    capture = scappy.open(path)
    middle = sorted(times)[len(times) // 2]
    capture.write(tmp_path / "a", end=middle - 1)
    capture.write(tmp_path / "b", begin=middle)
    scappy.merge([scappy.open(tmp_path / "b"), scappy.open(tmp_path / "a")], tmp_path / "x.scap")
    for tool in readers(tools, path, newer_captures):
        found, expected = tool.lines(tmp_path / "x.scap"), tool.lines(path)
        # What shares a time stamp, or was noted late, may have changed its place.
        assert sorted(line.split(b" ")[:2] for line in found.values()) == sorted(
            line.split(b" ")[:2] for line in expected.values()
        )
        unlike = sum(one != other for one, other in zip(found.values(), expected.values(), strict=True))
        assert unlike <= len(expected) // 100


def test_merges_with_another_machine(
    path: Path, tools: list[Tool], all_captures: list[Path], newer_captures: list[Path], tmp_path: Path
) -> None:
    host = scappy.open(path).info().machine.get("hostname")
    small = [one for one in all_captures if one.stat().st_size < 600_000]
    other = next(one for one in small if scappy.open(one).info().machine.get("hostname") != host)
    result = scappy.merge([scappy.open(path), scappy.open(other)], tmp_path / "x.scap")
    assert len(result.hosts) == 2
    for tool in readers(tools, path, newer_captures):
        found = Counter(tool.machine_lines(tmp_path / "x.scap"))
        expected = Counter([*tool.machine_lines(path), *tool.machine_lines(other)])
        assert found.total() == expected.total()
        # What has an address that nobody told gets one of the first machine; the names of pidfds hold process ids.
        assert (expected - found).total() <= (expected.total() // 100 if path in newer_captures else 0)
