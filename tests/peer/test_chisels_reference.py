"""Chisels print the lines of the reference's own, on captures of different times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import scapdig_lines

CAPTURES = ("sysflow__client-server__tcp-client-server.scap", "libs__captures__curl_google.scap", "libs__resources__sample.scap")

#: Chisels with their arguments, whose lines do not depend on the order of hash tables.
COMMANDS = (
    "bottlenecks",
    "echo_fds",
    "fdbytes_by proc.name",
    "fdcount_by fd.type",
    "fdtime_by fd.type",
    "fileslower 0",
    "httplog",
    "httptop",
    "iobytes",
    "iobytes_file",
    "iobytes_net",
    "list_login_shells",
    "lscontainers",
    "lsof",
    "netlower 0",
    "netstat",
    "proc_exec_time",
    "ps",
    "scallslower 1",
    "spy_file",
    "spy_ip 127.0.0.1",
    "spy_logs",
    "spy_port 80",
    "spy_syslog",
    "spy_users",
    "stderr",
    "stdin",
    "stdout",
    "topconns",
    "topports_server",
    "topprocs_net",
    "topscalls_time",
)

#: Command lines on which options or a filter change what a chisel sees, or how it shows it.
OPTIONS = (
    ["-n", "300", "-c", "topscalls_time"],
    ["-n", "1200", "-c", "echo_fds"],
    ["-n", "700", "-c", "iobytes"],
    ["-n", "20", "-c", "fdcount_by", "fd.type", "evt.dir=<"],
    ["-c", "echo_fds", "evt.dir=<"],
    ["-c", "topprocs_net", "evt.dir=<"],
    ["-c", "fdbytes_by", "fd.type", "evt.type in (read, recvfrom) and evt.dir=<"],
    ["-j", "-c", "echo_fds"],
    ["-j", "-pc", "-X", "-c", "echo_fds", "fd.type=file"],
    ["-j", "-c", "spy_file"],
    ["-pc", "-c", "scallslower", "0"],
    ["-pc", "-c", "fileslower", "0"],
)


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
def test_same_lines_with_options(words: list[str], shared_captures: list[Path], reference: Callable[..., object]) -> None:
    compare(words, shared_captures, reference)


@pytest.mark.parametrize("command", COMMANDS)
def test_same_lines(command: str, shared_captures: list[Path], reference: Callable[..., object]) -> None:
    name, _, arguments = command.partition(" ")
    compare(["-c", name, *([arguments] if arguments else [])], shared_captures, reference)


def compare(words: list[str], shared_captures: list[Path], reference: Callable[..., object]) -> None:
    """Hold the lines of a command on some captures against those of the reference."""
    for path in shared_captures:
        if path.name not in CAPTURES:
            continue
        done = reference("-r", path, *words, check=False)
        if done.returncode:  # type: ignore[attr-defined]
            continue
        theirs: list[bytes] = [line.rstrip() for line in done.stdout.splitlines()]  # type: ignore[attr-defined]
        lines = [line.rstrip() for line in scapdig_lines("-r", path, *words)]
        assert Counter(lines) == Counter(theirs), path.name
