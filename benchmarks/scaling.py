#!/usr/bin/env python3
"""Time per event and peak memory of one filter over captures of growing length.

usage: scaling.py [--sizes N,N,…] [--from CAPTURE] [--filter FILTER] [--keep DIRECTORY] [--runs N]

Captures of 0.1 to 30 million events are made from a short one (`--from`, else the largest of the shared captures, else
the walkthrough's) by make_capture.py. Each is read in a process of its own that first reads it once, then times passes
of the filter (`fd.name contains resolv`) and takes the fastest of them; so the start of Python does not count. Passes
over short captures are repeated until they take a second together. The table has nanoseconds an event, their ratio to
the longest capture, and the peak of the resident set, in which pages of the mapped capture count, too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("SCAPPY_SHARED") or HERE.parents[1] / "shared") / "captures"
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000)
PASSES = """
import resource, sys, time
import scappy
path, text, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
def once():
    start = time.perf_counter()
    for batch in scappy.open(path).filter(text).batches():
        pass
    return time.perf_counter() - start
first = once()
times = [once() for _ in range(max(runs, int(1 / first)))]
print(min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def original(given: str | None) -> list[str]:
    """Arguments of make_capture.py for where the events come from."""
    if given:
        return ["--from", given]
    shared = sorted(SHARED.glob("*.scap"), key=lambda path: path.stat().st_size) if SHARED.is_dir() else []
    return ["--from", str(shared[-1])] if shared else []


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--from", dest="source")
    parser.add_argument("--filter", default="fd.name contains resolv")
    parser.add_argument("--keep")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    rows = []
    with ExitStack() as stack:
        folder = Path(options.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for size in map(int, options.sizes.split(",")):
            path = folder / f"{size}.scap"
            if not path.exists():
                script = str(HERE / "make_capture.py")
                command = [sys.executable, script, "--events", str(size), *original(options.source), str(path)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            command = [sys.executable, "-c", PASSES, str(path), options.filter, str(options.runs)]
            seconds, memory = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
            rows.append((size, path.stat().st_size / 1e6, seconds / size * 1e9, memory))
            if not options.keep:
                path.unlink()
    print(f"`{options.filter}`\n\n| events | MB | ns an event | to the longest | peak MiB |\n|---|---|---|---|---|")
    for size, megabytes, each, memory in rows:
        print(f"| {size:,} | {megabytes:,.0f} | {each:.1f} | {each / rows[-1][2]:.2f} | {memory:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
