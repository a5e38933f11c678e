"""Whole command lines beside those of the reference: what options mean together and with filters."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import scapdig_lines

#: One with internal events between the others, one with containers.
CAPTURES = ("libs__resources__sample.scap", "sysflow__client-server__tcp-client-server.scap")

COMMANDS = (
    # Internal events are not shown, but count.
    "-n 600 evt.dir=>",
    "-n 600 -p '%evt.num %fd.name' evt.dir=<",
    "-j -n 600 'not proc.name=bash'",
    "-S -n 600 evt.type!=read",
    "-S -q evt.dir=>",
    # So does what a filter for display leaves out.
    "-d -n 600 evt.type=openat",
    "-d -n 600 -p '%evt.num %evt.res %fd.name' 'evt.dir=< and fd.num>=0'",
    "-d -S evt.type=read",
    "-d -S -q -n 600 evt.type=read",
    "-d -q evt.type=read",
    "-d -j -A -n 600 evt.is_io=true",
    "-p '*%evt.num %evt.abspath %evt.abspath.src %evt.abspath.dst'",
    "-p '*%evt.num %fdlist.nums %fdlist.names %fdlist.sports'",
    "-p '*%evt.num %evt.abspath' 'evt.abspath contains /'",
    "-p '*%evt.num %evt.rawarg.addr' 'evt.type in (brk, mmap, munmap)'",
    "-t d -p '*%evt.num %evt.outputtime %evt.latency'",
    "-R -p '%evt.num %fd.name %fd.sport %fd.cport' fd.num>=0",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_same_lines(command: str, shared_captures: list[Path], reference: Callable[..., Any]) -> None:
    words = shlex.split(command)
    for path in shared_captures:
        if path.name not in CAPTURES:
            continue
        theirs = reference("-r", path, *words).stdout.splitlines()
        assert scapdig_lines("-r", path, *words) == theirs, path.name
