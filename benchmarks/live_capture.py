"""What live capture costs: two busy programs alone, captured, and under strace and perf trace.

    python benchmarks/live_capture.py [--seconds 5]

It states system calls a second, what one costs beside running alone, the processor time of one (of the programs and of
what traces them, but not of the reader of the capture, which is told by itself), and how many events were lost. On a machine that
does other things, too, the processor time is what to go by. Root.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scapcore.probe import Choice, Probe, available
from scappy.capturing.prefilter import kept_types
from scappy.filters import parse_filter

HERE = Path(__file__).resolve().parent


def build(folder: Path) -> Path:
    """The busy program, compiled."""
    target = folder / "live_busy"
    subprocess.run(["cc", "-O2", "-o", str(target), str(HERE / "live_busy.c")], check=True)
    return target


def processor_seconds() -> float:
    """Of all programs that were run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Finished:
    """How many calls were made, the seconds of the slower program, and processor seconds of all."""

    calls: int
    seconds: float
    processor: float


class Run:
    """Two busy programs at once."""

    def __init__(self, program: Path, rounds: int, prefix: Sequence[str] = ()) -> None:
        self.before = processor_seconds()
        self.processes = [
            subprocess.Popen([*prefix, str(program), str(rounds)], stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]

    @property
    def running(self) -> bool:
        return any(process.poll() is None for process in self.processes)

    def finish(self) -> Finished:
        """Wait until they are done."""
        lines = [process.communicate()[0].split() for process in self.processes]
        return Finished(
            sum(int(line[0]) for line in lines), max(float(line[1]) for line in lines), processor_seconds() - self.before
        )


def captured(program: Path, rounds: int, output: Path, **options: Any) -> tuple[Finished, str]:
    """The run under the probe, its stream written to a file, and what is to be said of it."""
    written = 0
    with open(output, "wb") as target:
        with Probe(**options) as probe:
            used = time.process_time()
            run = Run(program, rounds)
            while run.running:
                written += target.write(probe.read(0.1))
            finished = run.finish()
            used = time.process_time() - used
        while more := probe.read(0):
            written += target.write(more)
    counts = probe.statistics()
    lost, told = sum(counts["lost"]), sum(counts["seen"])
    return finished, f"{lost} of {told} events lost, {written / 1e6:.0f} MB, reader {used:.1f} s of CPU"


def show(name: str, run: Finished, alone: Finished, rest: str = "") -> None:
    """A line of the table."""
    cost = [part / run.calls * 1e9 for part in (2 * run.seconds, run.processor)]
    longer = run.seconds / run.calls / (alone.seconds / alone.calls)
    print(
        f"{name:24} {run.calls / run.seconds:12,.0f} calls/s {cost[0]:8,.0f} ns a call, {cost[1]:8,.0f} of CPU "
        f"{longer:7.2f} times as long {rest}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5, help="how long the programs run alone")
    arguments = parser.parse_args()
    reason = available()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build(folder)
        rounds = max(20000, int(20000 * arguments.seconds / Run(program, 20000).finish().seconds))
        alone = Run(program, rounds).finish()
        show("alone", alone, alone)
        other = kept_types(parse_filter("proc.name = curl"), ["evt.type", "fd.name"])
        ways: tuple[tuple[str, dict[str, Any]], ...] = (
            ("scappy, all events", {}),
            ("scappy, chosen types", {"types": {1, 3, 5, 7, 9, 87, 307, 419}}),
            ("scappy, another program", {"choice": Choice("name", [b"curl"], other)}),
            ("scappy, snaplen 8192", {"snaplen": 8192, "buffer_bytes": 32 << 20}),
        )
        for title, options in ways:
            run, said = captured(program, rounds, folder / "out.scap", **options)
            show(title, run, alone, said)
        tools = (("strace", ["strace", "-f", "-o", "/dev/null"]), ("perf trace", ["perf", "trace", "-o", "/dev/null"]))
        for title, prefix in tools:
            if shutil.which(prefix[0]) is None:
                print(f"{title}: not installed")
                continue
            try:
                # A hundredth of the calls is enough for what takes so much longer.
                traced = Run(program, max(rounds // 50, 1000), prefix).finish()
            except (IndexError, ValueError):
                print(f"{title}: does not run here")
                continue
            show(title, traced, alone)
    return 0


if __name__ == "__main__":
    sys.exit(main())
