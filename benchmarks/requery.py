#!/usr/bin/env python3
"""Time questions to a capture that was converted once, beside sysdig, which reads the capture for each of them.

usage: requery.py [--reference sysdig] [--events N] [--from CAPTURE] [--pairs N] [--keep DIRECTORY]

Makes a capture of N events (10,000,000 by default), converts it to Parquet tables (`scappy convert --to parquet`), and asks
DuckDB in SQL what sysdig is asked as a filter. The numbers of the events that both find are compared first. Then both are
asked in turns, and the medians go into a Markdown table: milliseconds of a query in a process that is running, as somebody
who looks into a capture has one, and seconds of a pass of sysdig. The last column is a new process for one query.
Exit status: 0, 1 if a program failed or the events of a question differ, 2 for bad use.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent))

from side_by_side import SHARED, Captures, Usage, environment, medians, program, run_to_end  # noqa: E402

TABLES = ("events", "threads", "fds", "users", "containers", "pods")


class Question(NamedTuple):
    """What both are asked.

    Attributes
    ----------
    filter : str
        For sysdig.
    query : str
        The same in SQL; its first column is the number of the event.
    """

    filter: str
    query: str


QUESTIONS = (
    Question("evt.type=execve", "select num from events where type = 'execve'"),
    Question("fd.name contains resolv", "select num from events e join fds f on e.fd = f.key where f.name like '%resolv%'"),
    Question(
        "proc.name=curl and evt.type=read",
        "select num from events e join threads t on e.thread = t.key where t.name = 'curl' and e.type = 'read'",
    ),
    Question("evt.latency > 1000000000", "select num from events where latency_ns > 1_000_000_000"),
    Question("evt.buffer contains localdomain", "select num from events where contains(data::varchar, 'localdomain')"),
    Question(
        "evt.type=connect or fd.name contains resolv or proc.name=curl",
        """select num from events where type = 'connect'
           union select num from events e join fds f on e.fd = f.key where f.name like '%resolv%'
           union select num from events e join threads t on e.thread = t.key where t.name = 'curl'""",
    ),
)

NEW_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
from requery import connect
connect(sys.argv[2]).execute(sys.argv[3]).fetchall()
"""


def connect(star: str | os.PathLike[str]) -> duckdb.DuckDBPyConnection:
    """The tables of a converted capture as views."""
    connection = duckdb.connect()
    for table in TABLES:
        files = os.path.join(star, table, "**", "*.parquet").replace("'", "''")
        connection.execute(f"create view {table} as from read_parquet('{files}', hive_partitioning = true)")
    return connection


def asked(connection: duckdb.DuckDBPyConnection, question: Question) -> Usage:
    """What a query takes, its answer included."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    connection.execute(question.query).fetchnumpy()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return Usage(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0)


def agree(connection: duckdb.DuckDBPyConnection, question: Question, reference: Sequence[str]) -> int | None:
    """How many events both find, or None if they find others.

    Raises
    ------
    RuntimeError
        If the reference fails.
    """
    command = [*reference, "-p", "%evt.num", question.filter]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False)
    if done.returncode:
        said = done.stderr[-400:].decode("utf-8", "replace")
        raise RuntimeError(f"the reference ended with {done.returncode} for {question.filter}: {said}")
    found = sorted(number for (number,) in connection.execute(question.query).fetchall())
    return len(found) if [b"%d" % number for number in found] == done.stdout.split() else None


def measure(star: Path, question: Question, reference: Sequence[str], pairs: int) -> bool:
    """Compare, time and print one question; False if the events differ.

    Raises
    ------
    RuntimeError
        If the reference fails.
    """
    connection = connect(star)
    events = agree(connection, question, reference)
    command = [*reference, "-p", "%evt.num", question.filter]
    process = [sys.executable, "-c", NEW_PROCESS, str(Path(__file__).resolve().parent), str(star), question.query]
    runs = [(asked(connection, question), run_to_end(command), run_to_end(process)) for _ in range(pairs)]
    query, whole, fresh = (medians(list(taken)) for taken in zip(*runs, strict=True))
    cells = [
        f"`{question.filter}`",
        "DIFFERENT EVENTS" if events is None else f"{events:,}",
        f"{1000 * query.wall:.0f} ms / {whole.wall:.2f} s",
        f"{1000 * query.cpu:.0f} ms / {whole.cpu:.2f} s",
        f"{whole.wall / query.wall:.0f}",
        f"{whole.cpu / query.cpu:.0f}",
        f"{fresh.wall:.2f} s",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    return events is not None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", default="sysdig", help="command of the reference (default %(default)s)")
    parser.add_argument("--events", type=int, default=10_000_000, metavar="N", help="of the capture (default %(default)s)")
    parser.add_argument("--from", dest="source", metavar="CAPTURE", help="the short capture that is repeated")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="measured runs of each (default %(default)s)")
    parser.add_argument("--keep", metavar="DIRECTORY", help="where the capture is, or is put to be used again")
    options = parser.parse_args(arguments)
    if options.pairs < 1 or options.events < 1 or (options.source and not os.path.isfile(options.source)):
        print("requery.py: no such capture, or nothing to run", file=sys.stderr)
        return 2
    source = options.source or max(map(str, SHARED.glob("*.scap")), key=os.path.getsize, default=None)
    same = True
    with ExitStack() as stack:
        folder = Path(options.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        star = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)), "star")
        try:
            capture = Captures(folder, source, options.events).get("long", "")
            reference = [*program(options.reference), "-r", str(capture)]
            command = [sys.executable, "-m", "scappy.cli.toolbox", "convert", str(capture), str(star), "--to", "parquet"]
            taken = run_to_end(command)
            size = sum(path.stat().st_size for path in star.rglob("*.parquet"))
            print(f"{options.events:,} events, {capture.stat().st_size / 1e6:.0f} MB; converted in {taken.wall:.1f} s "
                  f"({taken.cpu:.1f} s of processor time) to {size / 1e6:.0f} MB\n")  # fmt: skip
            print("| question | events | query / pass | by CPU | times as fast | by CPU | in a new process |")
            print("|---|---|---|---|---|---|---|")
            for question in QUESTIONS:
                same &= measure(star, question, reference, options.pairs)
        except RuntimeError as error:
            print(f"requery.py: {error}", file=sys.stderr)
            return 1
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
