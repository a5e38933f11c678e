#!/usr/bin/env python3
"""Time how captures are written, beside a memory copy of the same bytes and beside sysdig, and how fast a place is found.

usage: writing.py [--events N] [--from CAPTURE] [--rounds N] [--folder DIRECTORY]

Makes a capture of N events (33,000,000 by default, 2.1 GB) in a folder, best one in memory such as /dev/shm, and deletes
what it made. Each figure is the median of the rounds. The copies are made by one process that is running already, those
of `-z` and sysdig by processes of their own.
"""

from __future__ import annotations

import argparse
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy

import scappy
from scappy.redaction import Rules, redact

MAKE_CAPTURE = Path(__file__).resolve().with_name("make_capture.py")
SHARED = Path(os.environ.get("SCAPPY_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "captures"
SECRETS = (r"password=\S+", "AKIA[0-9A-Z]{16}", r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def median(action: Callable[[], object], rounds: int) -> float:
    """Median of the seconds that something takes."""
    times = []
    for _ in range(rounds):
        before = time.perf_counter()
        action()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def memory_copy(path: Path) -> None:
    """Copy the content of a mapped file into memory that is new, as a file's pages are."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        source = numpy.frombuffer(content, numpy.uint8)
        target = mmap.mmap(-1, len(source))
        numpy.copyto(numpy.frombuffer(target, numpy.uint8), source)
        del source


def first_number(path: Path, number: int) -> int:
    """Number of the first event from a number on."""
    return next(iter(scappy.open(path).filter(f"evt.num >= {number}"))).num


def whole_pass(path: Path) -> int:
    """Read everything, with the state."""
    reader = scappy.open(path).reader(state=True)
    while reader.advance():
        pass
    return reader.last_number


def default_source() -> list[str]:
    """The largest shared capture, if they are there."""
    found = sorted(SHARED.glob("*.scap"), key=lambda path: path.stat().st_size)
    return ["--from", str(found[-1])] if found else []


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=33_000_000)
    parser.add_argument("--from", dest="source")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    options = parser.parse_args()
    source = ["--from", options.source] if options.source else default_source()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path, target = Path(folder, "long.scap"), Path(folder, "copy")
        subprocess.run([sys.executable, MAKE_CAPTURE, "--events", str(options.events), *source, path], check=True)
        size = path.stat().st_size
        print(f"{options.events:,} events, {size / 1e9:.2f} GB\n")
        print("| what | s | GB/s | size | |\n|---|---|---|---|---|")

        def row(what: str, seconds: float, remark: str = "") -> None:
            written = f"{target.stat().st_size / 1e6:.0f} MB" if target.exists() else ""
            print(f"| {what} | {seconds:.2f} | {size / seconds / 1e9:.2f} | {written} | {remark} |", flush=True)

        capture = scappy.open(path)
        copied = median(lambda: memory_copy(path), options.rounds)
        row("memory copy", copied)
        row("file copied by the system", median(lambda: shutil.copyfile(path, target), options.rounds))
        target.unlink()
        plain = median(lambda: capture.write(target), options.rounds)
        row("`write`", plain, f"{plain / copied:.2f} memory copies")
        kept = median(lambda: capture.write(target, where="evt.type != switch"), options.rounds)
        row("`write`, filter that keeps most", kept, f"{kept / copied:.2f} memory copies")
        for name in ("zstd", "lz4"):
            row(f"`write`, {name}", median(lambda name=name: capture.write(target, compress=name), options.rounds))  # type: ignore[misc]
        number = options.events * 9 // 10
        whole = median(lambda: whole_pass(target), options.rounds)
        first_number(target, number)
        found = median(lambda: first_number(target, number), 2 * options.rounds + 1)
        row("whole pass over LZ4", whole)
        row("first event at 90 % of LZ4", found, f"{100 * found / whole:.2f} % of a whole pass")
        rules = Rules(secrets=SECRETS, environment="drop")
        seconds = median(lambda: redact(capture, target, rules), 1)
        row("`redact`, three patterns", seconds, f"{options.events / seconds / 1e6:.1f} million events a second")
        command = [sys.executable, "-m", "scappy.cli.scapdig", "-r", path, "-w", target, "-z"]
        ours = median(lambda: subprocess.run(command, check=True), options.rounds)
        row("`scapdig -w -z`", ours)
        if reference := shutil.which("sysdig"):
            command = [reference, "-r", path, "-w", target, "-z"]
            theirs = median(lambda: subprocess.run(command, check=True), 1)
            row("`sysdig -w -z`", theirs, f"{theirs / ours:.1f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
