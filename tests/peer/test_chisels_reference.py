"""Chisels print the lines of the reference's own, on captures of different times."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("command", COMMANDS)
def test_same_lines(command: str, shared_captures: list[Path], reference: Callable[..., object]) -> None:
    name, _, arguments = command.partition(" ")
    words = ["-c", name, *([arguments] if arguments else [])]
    for path in shared_captures:
        if path.name not in CAPTURES:
            continue
        done = reference("-r", path, *words, check=False)
        if done.returncode:  # type: ignore[attr-defined]
            continue
        ours = subprocess.run(
            [sys.executable, "-m", "scappy.cli.scapdig", "-r", path, *words],
            capture_output=True,
            env=os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"},
            timeout=120,
            check=True,
        )
        theirs: list[bytes] = [line.rstrip() for line in done.stdout.splitlines()]  # type: ignore[attr-defined]
        lines = [line.rstrip() for line in ours.stdout.splitlines()]
        assert Counter(lines) == Counter(theirs), path.name
