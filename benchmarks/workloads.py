"""What is timed beside the reference: the commands of both programs, and the captures that they read."""

from __future__ import annotations

import sys
from typing import NamedTuple

__all__ = ["COLUMNS", "WORKLOADS", "Workload"]

#: Columns of the workload that ends in a DataFrame.
COLUMNS = ("evt.num", "evt.rawtime", "evt.type", "evt.dir", "evt.cpu", "thread.tid", "proc.name", "fd.name")
THREE = ("evt.num", "proc.name", "fd.name")

# What both sides print of a DataFrame, so that it can be compared.
DIGEST = """
print(len(table), table["evt.num"].sum(), table["thread.tid"].sum(), table["evt.rawtime"].max(), sep="\\n")
print(*sorted(f"{name} {count}" for name, count in table["proc.name"].value_counts().iter_rows()), sep="\\n")
"""

SELECT = f"""
import sys, polars, scappy
table = scappy.open(sys.argv[1]).select({COLUMNS!r}).to_polars()
table = table.with_columns(polars.col("evt.rawtime").cast(polars.Int64))
{DIGEST}"""

READ_TABLE = f"""
import sys, polars
table = polars.read_csv(
    sys.stdin.buffer, separator="\\t", has_header=False, new_columns={list(COLUMNS)!r}, null_values="<NA>", quote_char=None
)
{DIGEST}"""

ITERATE = f"""
import sys, scappy
for event in scappy.open(sys.argv[1]):
    values = [event[name] for name in {THREE!r}]
"""

WALK = """
import sys
from scapcore.reader import Reader
from scapcore.source import open_source
reader = Reader(open_source(sys.argv[1]), state=False)
while reader.advance():
    pass
"""


class Workload(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    title : str
    arguments : tuple of str
        Of both programs, behind ``-r CAPTURE``.
    events : str
        Which capture: ``long``, ``short`` (where the reference prints every event) or ``tiny``.
    suffix : str
        How the capture is compressed: ``""``, ``.gz``, ``.lz4`` or ``.zst``. The reference reads the last two only when
        they have been decompressed into a file, which counts.
    numbered : bool
        Whether lines begin with the number of the event.
    script : str
        A Python program that takes our part instead, with the capture as its argument.
    pipe : str
        A Python program into which the reference prints.
    lines : bool
        Whether both print the same lines.
    """

    title: str
    arguments: tuple[str, ...]
    events: str = "long"
    suffix: str = ""
    numbered: bool = True
    script: str = ""
    pipe: str = ""
    lines: bool = True

    def ours(self, tool: list[str], capture: str) -> list[str]:
        """The command of ours."""
        if self.script:
            return [sys.executable, "-c", self.script, capture]
        return [*tool, "-r", capture, *self.arguments]

    def theirs(self, reference: list[str], capture: str, plain: str) -> list[str]:
        """The command of the reference; `plain` is where it may decompress the capture to."""
        if self.pipe:
            steps = 'capture=$1 python=$2 program=$3; shift 3; "$@" | "$python" -c "$program"'
            return ["/bin/sh", "-c", steps, "sh", capture, sys.executable, self.pipe,
                    *reference, "-r", capture, *self.arguments]  # fmt: skip
        if self.suffix in (".lz4", ".zst"):
            program = "lz4" if self.suffix == ".lz4" else "zstd"
            steps = f'capture=$1 plain=$2; shift 2; {program} -dcf "$capture" > "$plain" && "$@"'
            return ["/bin/sh", "-c", steps, "sh", capture, plain, *reference, "-r", plain, *self.arguments]
        return [*reference, "-r", capture, *self.arguments]


NUMBERS = ("-p", "%evt.num")
TYPE = "evt.type=execve"
FD = "fd.name contains resolv"
PROCESS = "proc.name=curl and evt.type=read"
PAYLOAD = "evt.buffer contains localdomain"
EITHER = "evt.type=connect or fd.name contains resolv or proc.name=curl"

WORKLOADS = (
    Workload(f"`{TYPE}`, numbers", (*NUMBERS, TYPE)),
    Workload(f"`{FD}`", (FD,)),
    Workload(f"`{PROCESS}`", (PROCESS,)),
    Workload(f"`{PAYLOAD}`, numbers", (*NUMBERS, PAYLOAD)),
    Workload(f"`{PAYLOAD}`", (PAYLOAD,)),
    Workload(f"`{EITHER}`, numbers", (*NUMBERS, EITHER)),
    Workload(f"gzip, `{FD}`", (FD,), suffix=".gz"),
    Workload(f"LZ4, `{FD}`", (FD,), suffix=".lz4"),
    Workload(f"zstd, `{FD}`", (FD,), suffix=".zst"),
    Workload("default lines", (), events="short"),
    Workload("`-p` with three fields", ("-p", " ".join(f"%{name}" for name in THREE)), events="short"),
    Workload("`-j`", ("-j",), events="short", numbered=False),
    Workload("`-c topscalls`", ("-c", "topscalls"), numbered=False),
    Workload("`-c topprocs_file`", ("-c", "topprocs_file"), numbered=False),
    Workload("`-c echo_fds`", ("-c", "echo_fds"), numbered=False),
    Workload("`for event in capture`, three fields", ("-p", " ".join(f"*%{name}" for name in THREE)),
             script=ITERATE, lines=False),
    Workload("`select` of eight columns", ("-p", "*" + "\t".join(f"%{name}" for name in COLUMNS)),
             script=SELECT, pipe=READ_TABLE, numbered=False),
    Workload("a tiny capture", (), events="tiny"),
)  # fmt: skip
