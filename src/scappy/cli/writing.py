"""The options of ``scapdig`` that write captures."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

from scappy.cli.options import Option, UsageError

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.copying import CopyResult, Rotation

__all__ = ["WRITING_OPTIONS", "check_writing", "write"]

WRITING_OPTIONS = (
    Option("write", "w", "write", "FILE", "write the events to FILE as a capture instead of printing them; - is standard output"),
    Option("compress", "z", "compress", "", "with -w: compress with gzip"),
    Option("codec", "", "compression", "NAME", "with -w: compress with gzip, zstd or lz4"),
    Option("size", "C", "file-size", "MB", "with -w: begin a new file after so many millions of bytes"),
    Option("limit", "W", "limit", "N", "with -C, -G or -e: a ring of the last N files"),
    Option("seconds", "G", "seconds", "SECONDS", "with -w: a new file after so many seconds; its name may hold a time format"),
    Option("events_each", "e", "events", "N", "with -w: begin a new file after N events"),
    Option("fat", "F", "fatfile", "", "with -w: keep, not shown, what is needed to understand the chosen events"),
    Option("proclist", "", "filter-proclist", "", "with -w: leave out processes that have nothing to do with the chosen events"),
)
COUNTS = {"limit": "-W", "events_each": "-e"}
#: Which options mean nothing without -w.
NEED_WRITE = {"compress": "-z", "codec": "--compression", "size": "-C", "limit": "-W", "seconds": "-G",
              "events_each": "-e", "fat": "-F", "proclist": "--filter-proclist"}  # fmt: skip


def check_writing(values: Mapping[str, str], switches: Set[str]) -> None:
    """Check what the options say about each other.

    Raises
    ------
    UsageError
        If a number is none, or an option has nothing to be about.
    """
    for name, letter in COUNTS.items():
        if name in values and not re.fullmatch(r"[1-9]\d*", values[name]):
            raise UsageError(f"{letter} takes a number above 0, not {values[name]!r}")
    for name, letter in {"size": "-C", "seconds": "-G"}.items():
        if name in values and (not re.fullmatch(r"\d+(\.\d+)?", values[name]) or not float(values[name])):
            raise UsageError(f"{letter} takes a number above 0, not {values[name]!r}")
    if "write" not in values:
        for name, letter in NEED_WRITE.items():
            if name in values or name in switches:
                raise UsageError(f"{letter} is for writing: -w FILE is missing")


def rotation(values: Mapping[str, str]) -> Rotation | None:
    """How several files are asked for, None for one."""
    from scappy.copying import Rotation

    if not values.keys() & {"size", "seconds", "events_each"}:
        return None
    return Rotation(
        size=round(float(values.get("size", 0)) * 10**6),
        seconds=float(values.get("seconds", 0)),
        events=int(values.get("events_each", 0)),
        files=int(values.get("limit", 0)),
    )


def write(capture: Capture, values: Mapping[str, str], switches: Set[str]) -> CopyResult:
    """Write what the command line asks for; what the filter loses is told on standard error.

    Parameters
    ----------
    capture : Capture
        With its filter, but without the range of time; of the running system or of a file.
    values, switches : mapping and set
        The options.

    Raises
    ------
    ScapError
        See :func:`scappy.copying.copy_capture`; also where the capture is damaged, once everything is written.
    """
    from scappy.cli.timerange import point_in_time
    from scappy.copying import CopySettings, copy_capture

    begin, end = (
        point_in_time(values[name], lambda: capture.first_time) if name in values else None for name in ("from", "to")
    )
    settings = CopySettings(
        compress=values.get("codec", "gzip" if "compress" in switches else None),
        begin=begin,
        end=end,
        count=int(values["count"]) if "count" in values else None,
        complete="fat" in switches,
        early="display" not in switches,
        prune="proclist" in switches,
        rotation=rotation(values),
    )
    name = values["write"]
    result = copy_capture(capture, sys.stdout.buffer if name == "-" else os.path.expanduser(name), settings)
    if result.lost:
        print(
            f"scapdig: {result.lost} events are not written because the filter drops the beginning of their calls, "
            "as in sysdig; -d or -F keeps them",
            file=sys.stderr,
        )
    if result.damage is not None:
        raise result.damage
    return result
