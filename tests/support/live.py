"""Captures of a program that runs, and what strace says about the same run."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scapcore.probe import Probe, available
from scapcore.schema import event_types, syscall_names

HERE = Path(__file__).resolve().parent

#: Names of events whose calls have another one.
CALLS = {"pread": "pread64", "pwrite": "pwrite64", "prlimit": "prlimit64", "mmap2": "mmap"}
NUMBERS = {"ERRNO", "FD", "PID", "INT8", "INT16", "INT32", "INT64"}


def need_probe() -> None:
    """Skip where the running system cannot be captured."""
    reason = available()
    if reason is not None:
        pytest.skip(reason)


@dataclass(frozen=True)
class Told:
    """One event of a stream."""

    time: int
    tid: int
    cpu: int
    type: int
    raw: dict[str, bytes]

    @property
    def name(self) -> str:
        """Name of the system call, also of generic events; of other events their own."""
        if self.type == 1:
            return syscall_names(modern=True)[int.from_bytes(self.raw["ID"], "little")]
        name = event_types(modern=True)[self.type].name
        return CALLS.get(name, name)

    def number(self, parameter: str) -> int:
        entry = next(entry for entry in event_types(modern=True)[self.type].params if entry.name == parameter)
        return int.from_bytes(self.raw[parameter], "little", signed=entry.type in NUMBERS)

    def text(self, parameter: str) -> str:
        return self.raw[parameter].rstrip(b"\0").decode()


def told(blocks: bytes) -> list[Told]:
    """Events of event blocks; every length has to add up."""
    found = []
    at = 0
    while at < len(blocks):
        kind, length = struct.unpack_from("<II", blocks, at)
        assert kind == 0x216 and length % 4 == 0 and length <= 65536
        assert struct.unpack_from("<I", blocks, at + length - 4)[0] == length
        cpu, time, tid, size, number, count = struct.unpack_from("<HQqIHI", blocks, at + 8)
        lengths = struct.unpack_from(f"<{count}H", blocks, at + 36)
        place = at + 36 + 2 * count
        assert 26 + 2 * count + sum(lengths) == size and 0 <= length - 14 - size < 4
        parameters = event_types(modern=True)[number].params
        assert len(parameters) == count
        raw = {}
        for parameter, width in zip(parameters, lengths, strict=True):
            raw[parameter.name] = blocks[place : place + width]
            place += width
        found.append(Told(time, tid, cpu, number, raw))
        at += length
    return found


def compile_program(folder: Path, name: str, sources: Path = HERE, options: Sequence[str] = ("-O1", "-pthread")) -> Path:
    """A program of this folder or another one, compiled."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler")
    target = folder / name
    source = sources / f"{name}.c"
    subprocess.run([compiler, *options, "-w", str(source), "-o", str(target)], check=True, timeout=60)
    return target


def capture(command: Sequence[str | Path], *, seconds: float = 60, **options: Any) -> tuple[bytes, dict[str, Any]]:
    """Event blocks of a command and its children, from its execve on, and the counts."""
    gate, open_gate = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os, sys; os.read({gate}, 1); os.execvp(sys.argv[1], sys.argv[1:])", *command],
        pass_fds=(gate,),
        stdout=subprocess.DEVNULL,
    )
    os.close(gate)
    blocks = bytearray()
    try:
        with Probe(pids=[process.pid], **options) as probe:
            os.write(open_gate, b"x")
            deadline = time.monotonic() + seconds
            while process.poll() is None:
                blocks += probe.read(0.1)
                assert time.monotonic() < deadline, "the command takes too long"
        while more := probe.read(0):
            blocks += more
        return bytes(blocks), probe.statistics()
    finally:
        os.close(open_gate)
        process.kill()
        process.wait()


LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$")
RESULT = re.compile(r"\)\s+= (0x[0-9a-f]+|-?\d+|\?)(?: (E[A-Z0-9]+))?")


@dataclass(frozen=True)
class Traced:
    """A call as strace has it."""

    tid: int
    name: str
    text: str
    result: int | None
    error: str | None


def traced(path: Path) -> dict[int, list[Traced]]:
    """The calls that strace saw end, in order, of each thread that it followed."""
    found: dict[int, list[Traced]] = {}
    begun: dict[int, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found.setdefault(int(line.split()[0]), [])
        match = LINE.match(line)
        if match is None or " +++ " in line or " --- " in line:
            continue
        tid, name, rest = int(match[1]), match[2], match[3]
        if rest.endswith("<unfinished ...>"):
            begun[tid] = rest.removesuffix("<unfinished ...>")
            continue
        if "<... " in line:
            rest = begun.pop(tid, "") + rest
        outcome = list(RESULT.finditer(rest))
        if not outcome or outcome[-1][1] == "?":
            continue
        found[tid].append(Traced(tid, name, rest, int(outcome[-1][1], 0), outcome[-1][2]))
    return found
