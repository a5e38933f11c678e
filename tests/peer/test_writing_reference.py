"""What is written here, sysdig reads: with the same lines as it prints for the original, or as are printed here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scappy

Reference = Callable[..., Any]
FORMAT = "*%evt.rawtime %thread.tid %proc.name %proc.cmdline %fd.num %fd.name %evt.type %evt.dir %evt.args %container.name"


def small(captures: list[Path]) -> list[Path]:
    return [path for path in captures if path.stat().st_size < 600_000]


def without_containers(lines: bytes) -> list[bytes]:
    """The lines without those about containers, of which a copy tells at its start, where they are not shown."""
    return [line for line in lines.split(b"\n") if line and b" container >" not in line and b"}}" not in line]


def scapdig(*words: str | Path) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "scappy.cli.scapdig", *map(str, words)], capture_output=True, env=os.environ | {"TZ": "UTC"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("options", [[], ["-z"]])
def test_whole_copies(shared_captures: list[Path], reference: Reference, tmp_path: Path, options: list[str]) -> None:
    target = tmp_path / "copy.scap"
    for path in shared_captures:
        assert scapdig("-r", path, "-w", target, *options) == b""
        assert reference("-r", target).stdout == reference("-r", path).stdout, path.name


@pytest.mark.parametrize("where", ["evt.type=open", "fd.type=ipv4", "proc.name contains a"])
def test_filtered_copies_hold_what_sysdig_shows(
    shared_captures: list[Path], reference: Reference, tmp_path: Path, where: str
) -> None:
    target = tmp_path / "copy.scap"
    form = "*%evt.rawtime %thread.tid %evt.type %evt.dir"
    for path in small(shared_captures):
        done = subprocess.run(
            [sys.executable, "-m", "scappy.cli.scapdig", "-r", path, "-w", target, where], capture_output=True
        )
        assert done.returncode == 0
        chosen = without_containers(reference("-r", path, "-p", form, where).stdout)
        assert without_containers(reference("-r", target, "-p", form, check=False).stdout) == chosen, path.name


@pytest.mark.parametrize("where", ["evt.type=read and evt.dir=<", "fd.type=ipv4", "evt.type=open"])
def test_complete_copies_are_read_alike(
    shared_captures: list[Path], reference: Reference, tmp_path: Path, where: str
) -> None:
    target = tmp_path / "copy.scap"
    unlike = 0
    for path in small(shared_captures):
        scappy.open(path).write(target, where=where)
        theirs = reference("-r", target, "-p", FORMAT, check=False).stdout.split(b"\n")
        found = scapdig("-r", target, "-p", FORMAT).split(b"\n")
        assert len(theirs) == len(found), path.name
        unlike += sum(one != other for one, other in zip(theirs, found, strict=True))
    assert unlike == 0


@pytest.mark.parametrize("place", [0.35, 0.8])
def test_slices_are_read_alike(
    shared_captures: list[Path], reference: Reference, tmp_path: Path, place: float
) -> None:
    target = tmp_path / "copy.scap"
    unlike = total = 0
    for path in small(shared_captures):
        times = [event.ts for event in scappy.open(path)]
        if not times:
            continue
        scappy.open(path).write(target, begin=times[int(len(times) * place)], end=times[int(len(times) * (place + 0.15))])
        theirs = reference("-r", target, "-p", FORMAT).stdout.split(b"\n")
        found = scapdig("-r", target, "-p", FORMAT).split(b"\n")
        assert len(theirs) == len(found), path.name
        unlike += sum(one != other for one, other in zip(theirs, found, strict=True))
        total += len(found)
    assert unlike <= total // 500


@pytest.mark.parametrize("options", [["-C", "0.5"], ["-e", "900"], ["-G", "2"]])
def test_rotated_files(shared_captures: list[Path], reference: Reference, tmp_path: Path, options: list[str]) -> None:
    for path in shared_captures:
        if not 400_000 < path.stat().st_size < 1_000_000:
            continue
        folder = tmp_path / path.name
        folder.mkdir()
        scapdig("-r", path, "-w", folder / "part", *options)
        theirs = b""
        for number in range(len(list(folder.iterdir()))):
            theirs += reference("-r", folder / f"part{number}", "-p", FORMAT, check=False).stdout
        whole = without_containers(reference("-r", path, "-p", FORMAT).stdout)
        pairs = list(zip(without_containers(theirs), whole, strict=True))
        assert sum(one != other for one, other in pairs) <= len(pairs) // 100, path.name
