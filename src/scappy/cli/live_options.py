"""The options of the command lines that are about captures of the running system."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scappy.cli.options import Option, UsageError

__all__ = ["LIVE_OPTIONS", "check_live", "ports"]

SNAPLEN = Option("snaplen", "s", "snaplen", "LENGTH", "live: keep so many bytes of the data of each call (80; at most 65000)")
SECONDS = Option("duration", "M", "", "SECONDS", "live: end after so many seconds")
BUFFER = Option("buffer", "", "buffer", "MB", "live: the kernel's buffer for each processor (8; up to 32 with -s above 1024)")
PORTS = Option("ports", "", "ports", "PORTS", "live: keep more data of connections with these ports, as in 53,8080")
PORT_SNAPLEN = Option("port_snaplen", "", "port-snaplen", "LENGTH", "live: how much more (16000)")
LIVE_OPTIONS = (SNAPLEN, SECONDS, BUFFER, PORTS, PORT_SNAPLEN)

NUMBERS = {"snaplen": "-s", "port_snaplen": "--port-snaplen"}
AMOUNTS = {"duration": "-M", "buffer": "--buffer"}
#: What says nothing about a capture that is only being made.
OF_FILES = {"from": "--from", "to": "--to"}
#: What says nothing about one that is there; -s is taken all the same, as sysdig does.
OF_LIVE = {"duration": "-M", "buffer": "--buffer", "ports": "--ports", "port_snaplen": "--port-snaplen"}
MOST_SNAPLEN, MOST_BUFFER = 65000, 1024


def ports(text: str) -> tuple[int, ...]:
    """The ports in a list such as ``53,8080``.

    Raises
    ------
    UsageError
        One is none.
    """
    words = text.replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdecimal() and 0 < int(word) < 65536 for word in words):
        raise UsageError(f"--ports takes ports, as in 53,8080, not {text!r}")
    return tuple(map(int, words))


def check_live(values: Mapping[str, str]) -> None:
    """Check the values of the options.

    Raises
    ------
    UsageError
        If a number is none or out of its range, or an option is about files only.
    """
    for name, letter in NUMBERS.items():
        if not re.fullmatch(r"\d{1,9}", values.get(name, "0")):
            raise UsageError(f"{letter} takes a number of bytes, not {values[name]!r}")
        if "read" not in values and int(values.get(name, "0")) > MOST_SNAPLEN:
            raise UsageError(f"{letter} takes at most {MOST_SNAPLEN} bytes, not {values[name]}")
    for name, letter in AMOUNTS.items():
        if not re.fullmatch(r"\d{1,9}(\.\d+)?", values.get(name, "1")) or not float(values.get(name, "1")):
            raise UsageError(f"{letter} takes a number above 0, not {values[name]!r}")
    if float(values.get("buffer", "1")) > MOST_BUFFER:
        raise UsageError(f"--buffer takes at most {MOST_BUFFER} MB, not {values['buffer']}")
    if "ports" in values:
        ports(values["ports"])
    if "read" in values:
        for name, letter in OF_LIVE.items():
            if name in values:
                raise UsageError(f"{letter} is for live captures, and -r reads a file")
        return
    for name, letter in OF_FILES.items():
        if name in values:
            raise UsageError(f"{letter} is for captures that are read: -r FILE is missing")
