#!/usr/bin/env python3
"""What joining a large cluster to a long capture costs, beside reading the capture without it.

usage: joining.py [--events N] [--capture FILE] [--pods N] [--services N] [--pairs N] [--keep DIRECTORY]

The walkthrough's capture without labels is repeated to 10 million events (or `--capture` is one that was made so), and a
cluster of 10,000 pods and 5,000 services is written around the walkthrough's, once with nothing else and once with their
endpoint slices, replica sets and deployments. Then passes take turns in one process: one chooses the events of
three containers by their names, the other reads the snapshot, joins it and chooses the same events by
deployment; that both choose the same is checked. The table has medians of wall-clock time and of processor time of all
threads, and of what the join adds within each pair. The page cache is warm, and what Python imports is imported.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make_capture  # noqa: E402
from make_cluster import PODS, SERVICES, large_cluster  # noqa: E402

import scappy  # noqa: E402
from scappy.samples import write_walkthrough  # noqa: E402

EVENTS = 10_000_000
#: Filters that choose the same events by what the capture holds and by what is joined.
BY_CONTAINER = "container.name startswith k8s_nginx or container.name startswith k8s_POD.b2390301"
BY_DEPLOYMENT = "k8s.deployment.name=backend"
Times = tuple[float, float]


def write_capture(path: Path, events: int) -> None:
    """Write the walkthrough without labels, repeated."""
    original = io.BytesIO()
    write_walkthrough(original, labels=False)
    with path.open("wb") as output:
        make_capture.replicate(make_capture.cut(original.getvalue()), events, output)


def chosen(capture: scappy.Capture, text: str) -> int:
    """How many events a filter chooses."""
    return sum(len(batch.selected) for batch in capture.batches(where=text))


def timed(work: Callable[[], int]) -> tuple[int, Times]:
    """What work gives, and its seconds of wall-clock and processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return found, (time.perf_counter() - wall, time.process_time() - processor)


def row(capture: Path, snapshot: Path, pairs: int, what: str) -> str:
    """A line of the table."""
    plain: list[Times] = []
    joined: list[Times] = []
    for number in range(pairs + 1):
        wanted, alone = timed(lambda: chosen(scappy.open(capture), BY_CONTAINER))
        found, both = timed(lambda: chosen(scappy.open(capture).join_kubernetes(snapshot), BY_DEPLOYMENT))
        if wanted != found or not found:
            raise SystemExit(f"{BY_CONTAINER} chooses {wanted:,} events, {BY_DEPLOYMENT} {found:,}")
        if number:          # the first pair fills caches
            plain.append(alone)
            joined.append(both)
    cells = [what, f"{snapshot.stat().st_size / 1e6:.0f}"]
    for place in (0, 1):
        alone_too = statistics.median(times[place] for times in plain)
        added = statistics.median(both[place] - alone[place] for alone, both in zip(plain, joined, strict=True))
        cells += [f"{alone_too:.3f}", f"{added:.3f}", f"{100 * added / alone_too:.0f} %"]
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--capture", type=Path)
    parser.add_argument("--pods", type=int, default=PODS)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        capture = options.capture or folder / "bare.scap"
        if not capture.exists():
            write_capture(capture, options.events)
        print("| cluster | MB | wall s | the join adds | | CPU s | the join adds | |\n|---|---|---|---|---|---|---|---|")
        for whole, what in ((False, "pods and services"), (True, "and their slices, replica sets, deployments")):
            snapshot = folder / f"cluster-{whole}.json"
            content = large_cluster(options.pods, options.services, whole)
            snapshot.write_text(json.dumps(content, indent=4), encoding="utf-8")
            print(row(capture, snapshot, options.pairs, what), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
