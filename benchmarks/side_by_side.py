#!/usr/bin/env python3
"""Time scapdig beside the reference sysdig on one capture, as whole processes.

usage: side_by_side.py [--tool scapdig] [--reference sysdig] [--pairs N] [--only REGEX] [--no-check] CAPTURE

For each workload both programs first print to a pipe and their lines are compared; then they run in turns with the
output thrown away, N pairs (3 by default), and the medians go into a Markdown table: wall-clock and user time in
seconds, peak memory of the process in MiB, each `scapdig / sysdig`, and how many times as fast scapdig is. Events are
compared by their numbers, and lines to the letter; what differs is said in the last column.
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
from typing import NamedTuple

#: Title: arguments, and whether lines begin with the event's number.
WORKLOADS: dict[str, tuple[tuple[str, ...], bool]] = {
    "`evt.type=open`": (("evt.type=open",), True),
    "`fd.name contains resolv`": (("fd.name contains resolv",), True),
    "`evt.buffer contains localdomain`": (("evt.buffer contains localdomain",), True),
    "default line": ((), True),
    "`-p` with three fields": (("-p", "%evt.num %proc.name %fd.name"), True),
    "`-j`": (("-j",), False),
}


class Usage(NamedTuple):
    """What one run took.

    Attributes
    ----------
    wall, user : float
        Seconds.
    memory : float
        Peak resident set in MiB.
    """

    wall: float
    user: float
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
    return Usage(wall, usage.ru_utime, usage.ru_maxrss / 1024)


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


def row(title: str, tool: Usage, reference: Usage, outcome: Outcome | None) -> str:
    """A line of the table."""
    cells = [
        title,
        f"{tool.wall:.2f} / {reference.wall:.2f}",
        f"{tool.user:.2f} / {reference.user:.2f}",
        f"{tool.memory:.0f} / {reference.memory:.0f}",
        f"{reference.wall / tool.wall:.1f}",
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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="scapdig", help="command of ours (default %(default)s)")
    parser.add_argument("--reference", default="sysdig", help="command of the reference (default %(default)s)")
    parser.add_argument("--pairs", type=int, default=3, metavar="N", help="measured runs of each (default %(default)s)")
    parser.add_argument("--only", default="", metavar="REGEX", help="only workloads whose title matches")
    parser.add_argument("--no-check", action="store_true", help="do not compare what is printed")
    parser.add_argument("capture")
    options = parser.parse_args(arguments)
    chosen = {title: workload for title, workload in WORKLOADS.items() if re.search(options.only, title)}
    if not chosen or options.pairs < 1 or not os.path.isfile(options.capture):
        print("side_by_side.py: no such workload or capture, or no pair to run", file=sys.stderr)
        return 2
    failed = False
    print("| workload | wall s | user s | peak MiB | times as fast | printed |")
    print("|---|---|---|---|---|---|")
    for title, (workload, numbered) in chosen.items():
        try:
            tool = [*program(options.tool), "-r", options.capture, *workload]
            reference = [*program(options.reference), "-r", options.capture, *workload]
            outcome = None if options.no_check else compare(tool, reference, numbered)
            pairs = [(run_to_end(tool), run_to_end(reference)) for _ in range(options.pairs)]
        except RuntimeError as error:
            print(f"side_by_side.py: {error}", file=sys.stderr)
            failed = True
            continue
        failed |= outcome is not None and outcome.events_differ
        ours, theirs = (medians(list(runs)) for runs in zip(*pairs, strict=True))
        print(row(title, ours, theirs, outcome), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
