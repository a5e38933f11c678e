#!/usr/bin/env python3
"""Time scapdig and the library beside the reference sysdig, as whole processes.

usage: side_by_side.py [--tool scapdig] [--reference sysdig] [--events N] [--from CAPTURE] [--pairs N] [--only REGEX]
                       [--no-check] [--keep DIRECTORY]

Makes a long capture (10,000,000 events) and a shorter one (2,000,000, where the reference prints every event) from a
short one: `--from`, else the largest of the shared captures, else the walkthrough's. For each workload both programs
first print to a pipe and their lines are compared; then they run in turns with the output thrown away, N pairs (5 by
default), and the medians go into a Markdown table: wall-clock time and CPU time in seconds, peak memory of the biggest
process in MiB, each `ours / reference`, how many times as fast ours is by both clocks, and how many times as long as
the floor it takes, which is a walk from block to block over the same bytes. Events are compared by their numbers, and
lines to the letter; what differs is said in the last column.
Exit status: 0, 1 if a program failed or the events of a workload differ, 2 for bad use.

This file imports nothing big on purpose: a child's peak memory counts its parent's as of the moment it starts.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from workloads import WALK, WORKLOADS, Workload  # noqa: E402

MAKE_CAPTURE = Path(__file__).resolve().with_name("make_capture.py")
SHARED = Path(os.environ.get("SCAPPY_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "captures"
#: Events of each capture in relation to the long one, which is as long as `--events` says.
SHORTER = {"long": 1, "short": 5, "tiny": 10_000}
COMPRESSORS = {".gz": ("gzip", "-6"), ".lz4": ("lz4", "-q"), ".zst": ("zstd", "-q")}


class Usage(NamedTuple):
    """What one run took.

    Attributes
    ----------
    wall, cpu : float
        Seconds; the second of user and system, of all processes together.
    memory : float
        Peak resident set in MiB.
    """

    wall: float
    cpu: float
    memory: float


class Outcome(NamedTuple):
    """How the lines of both programs compare.

    Attributes
    ----------
    lines : int
        Lines of the reference.
    different : int
        Pairs of lines that differ.
    events_differ : bool
        Whether the event numbers at their beginnings differ, or their count.
    """

    lines: int
    different: int
    events_differ: bool

    def __str__(self) -> str:
        if self.events_differ:
            return f"{self.lines:,} lines, DIFFERENT EVENTS"
        return f"{self.lines:,} lines, " + (f"{self.different:,} differ" if self.different else "equal")


def environment() -> dict[str, str]:
    return os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}


def run_to_end(command: Sequence[str]) -> Usage:
    """Run a command with its output thrown away.

    Raises
    ------
    RuntimeError
        It fails; with the end of what it said.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
        ]
        child = os.posix_spawn(command[0], command, environment(), file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - start
        code = os.waitstatus_to_exitcode(status)
        if code:
            errors.seek(0)
            said = errors.read()[-400:].decode("utf-8", "replace").strip()
            raise RuntimeError(f"{shlex.join(command)} ended with {code}: {said}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(tool: Sequence[str], reference: Sequence[str], numbered: bool) -> Outcome:
    """Run both commands at once and compare their lines as they come.

    Raises
    ------
    RuntimeError
        One of them fails.
    """
    commands = (tool, reference)
    with tempfile.TemporaryFile() as errors, ExitStack() as stack:
        children = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment()))
            for command in commands
        ]
        lines = different = 0
        events_differ = False
        ours, theirs = (child.stdout or () for child in children)
        for left, right in zip_longest(ours, theirs):
            lines += right is not None
            if left == right:
                continue
            different += 1
            if left is None or right is None:
                events_differ = True
            elif numbered:
                events_differ |= left.split(b" ", 1)[0] != right.split(b" ", 1)[0]
        for command, child in zip(commands, children, strict=True):
            if child.wait():
                errors.seek(0)
                said = errors.read()[-400:].decode("utf-8", "replace").strip()
                raise RuntimeError(f"{shlex.join(command)} ended with {child.returncode}: {said}")
    return Outcome(lines, different, events_differ)


def medians(runs: list[Usage]) -> Usage:
    return Usage(*(statistics.median(values) for values in zip(*runs, strict=True)))


class Captures:
    """The captures that the workloads read, made when they are first asked for.

    Parameters
    ----------
    folder : Path
        Where they are put.
    source : str or None
        The capture that is repeated; the walkthrough's if None.
    events : int
        Of the long capture.
    """

    def __init__(self, folder: Path, source: str | None, events: int) -> None:
        self.folder = folder
        self.source = source
        self.events = events

    def get(self, kind: str, suffix: str) -> Path:
        """A capture.

        Raises
        ------
        RuntimeError
            It cannot be made.
        """
        path = self.folder / f"{kind}.scap{suffix}"
        if path.exists():
            return path
        if suffix:
            plain = self.get(kind, "")
            with path.open("wb") as output:
                command = [*program(COMPRESSORS[suffix][0]), *COMPRESSORS[suffix][1:], "-c", str(plain)]
                done = subprocess.run(command, stdout=output)
        else:
            # The events in front of the repeated ones must fit into the tiny one.
            events = max(self.events // SHORTER[kind], 500)
            source = ["--from", self.source] if self.source else []
            command = [sys.executable, str(MAKE_CAPTURE), "--events", str(events), *source, str(path)]
            done = subprocess.run(command)
        if done.returncode:
            path.unlink(missing_ok=True)
            raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}")
        return path


def row(workload: Workload, tool: Usage, reference: Usage, floor: Usage | None, outcome: Outcome | None) -> str:
    """A line of the table."""
    cells = [
        workload.title,
        f"{tool.wall:.2f} / {reference.wall:.2f}",
        f"{tool.cpu:.2f} / {reference.cpu:.2f}",
        f"{tool.memory:.0f} / {reference.memory:.0f}",
        f"{reference.wall / tool.wall:.1f}",
        f"{reference.cpu / tool.cpu:.1f}" if tool.cpu else "-",
        f"{tool.wall / floor.wall:.1f}" if floor else "-",
        str(outcome) if outcome else "not compared",
    ]
    return f"| {' | '.join(cells)} |"


def program(text: str) -> list[str]:
    """A command as a list, its program with full path.

    Raises
    ------
    RuntimeError
        There is no such program.
    """
    words = shlex.split(text)
    found = shutil.which(words[0]) if words else None
    if found is None:
        raise RuntimeError(f"there is no program {text!r}")
    return [found, *words[1:]]


def measure(workload: Workload, captures: Captures, options: argparse.Namespace, floors: dict[Path, Usage]) -> bool:
    """Compare, time and print one workload; False if its events differ.

    Raises
    ------
    RuntimeError
        A program fails.
    """
    path = captures.get(workload.events, workload.suffix)
    tool = workload.ours(program(options.tool), str(path))
    reference = workload.theirs(program(options.reference), str(path), str(captures.folder / "decompressed.scap"))
    outcome = None
    if workload.lines and not options.no_check:
        outcome = compare(tool, reference, workload.numbered)
    if path not in floors and workload.events != "tiny":
        floors[path] = medians([run_to_end([sys.executable, "-c", WALK, str(path)]) for _ in range(3)])
    pairs = [(run_to_end(tool), run_to_end(reference)) for _ in range(options.pairs)]
    ours, theirs = (medians(list(runs)) for runs in zip(*pairs, strict=True))
    print(row(workload, ours, theirs, floors.get(path), outcome), flush=True)
    return outcome is None or not outcome.events_differ


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="scapdig", help="command of ours (default %(default)s)")
    parser.add_argument("--reference", default="sysdig", help="command of the reference (default %(default)s)")
    parser.add_argument("--events", type=int, default=10_000_000, metavar="N", help="of the long capture (default %(default)s)")
    parser.add_argument("--from", dest="source", metavar="CAPTURE", help="the short capture that is repeated")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="measured runs of each (default %(default)s)")
    parser.add_argument("--only", default="", metavar="REGEX", help="only workloads whose title matches")
    parser.add_argument("--no-check", action="store_true", help="do not compare what is printed")
    parser.add_argument("--keep", metavar="DIRECTORY", help="where the captures are, or are put to be used again")
    options = parser.parse_args(arguments)
    chosen = [workload for workload in WORKLOADS if re.search(options.only, workload.title)]
    if not chosen or options.pairs < 1 or options.events < 1 or (options.source and not os.path.isfile(options.source)):
        print("side_by_side.py: no such workload or capture, or nothing to run", file=sys.stderr)
        return 2
    source = options.source or max(map(str, SHARED.glob("*.scap")), key=os.path.getsize, default=None)
    failed = False
    floors: dict[Path, Usage] = {}
    with ExitStack() as stack:
        folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        captures = Captures(Path(folder), source, options.events)
        print(f"{options.events:,} events of {Path(source).name if source else 'the walkthrough'}, {os.cpu_count()} processors\n")
        print("| workload | wall s | CPU s | peak MiB | times as fast | by CPU | floors | printed |")
        print("|---|---|---|---|---|---|---|---|")
        for workload in chosen:
            try:
                failed |= not measure(workload, captures, options, floors)
            except RuntimeError as error:
                print(f"side_by_side.py: {error}", file=sys.stderr)
                failed = True
        for path, floor in floors.items():
            events = options.events // SHORTER[path.name.split(".")[0]]
            print(f"\nThe floor of {path.name}: {floor.wall:.2f} s, {floor.wall / events * 1e9:.0f} ns an event, "
                  f"{path.stat().st_size / floor.wall / 1e6:.0f} MB/s of the file")  # fmt: skip
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
