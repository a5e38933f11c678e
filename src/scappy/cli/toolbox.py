"""The command ``scappy``: the toolbox."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import scappy
from scappy.cli.failures import DAMAGED, guarded
from scappy.cli.options import UsageError
from scappy.info import CaptureInfo

__all__ = ["main"]

USAGE = """Usage: scappy COMMAND …

Commands:
  info FILE          machine, time span, versions, event counts, drops, processes, containers

  --version          print the version
  --help             print this page"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return guarded("scappy", lambda: dispatch(words))


def dispatch(words: list[str]) -> int:
    """Find the command and run it."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if words[0] == "--version":
        print(f"scappy {scappy.__version__}")
        return 0
    if words[0] == "info":
        if len(words) != 2:
            raise UsageError("info takes one file")
        with scappy.open(words[1]) as capture:
            return print_info(capture.info())
    raise UsageError(f"unknown command {words[0]}")


def stamp(nanoseconds: int) -> str:
    """A time stamp as UTC."""
    if not nanoseconds:
        return "-"
    moment = datetime.fromtimestamp(nanoseconds // 10**9, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds % 10**9:09d} UTC"


def print_info(info: CaptureInfo) -> int:
    """Print a first look at a capture; 1 if the capture is damaged."""
    versions = ", ".join(f"{major}.{minor}" for major, minor in info.versions) or "-"
    machine = info.machine
    span = (info.last_time - info.first_time) / 10**9
    rows = [
        ("file", info.name + (f" ({info.compression})" if info.compression else "")),
        ("format", versions),
        ("host", str(machine.get("hostname") or "-")),
        ("machine", f"{machine['cpus']} CPUs, {int(str(machine['memory_bytes'])) >> 20} MiB" if machine else "-"),
        ("first event", stamp(info.first_time)),
        ("last event", stamp(info.last_time)),
        ("span", f"{span:.3f} s"),
        ("events", f"{info.events} numbered, {info.shown} shown, {info.event_blocks} blocks"),
        ("drops", str(info.drops)),
        ("processes", f"{info.processes} ({info.threads} threads)"),
        ("containers", str(len(info.containers))),
    ]
    for title, text in rows:
        print(f"{title:12} {text}")
    for identity, name in info.containers:
        print(f"{'':12} {identity} {name}")
    if info.types:
        print("event types")
        for name, count in list(info.types.items())[:20]:
            print(f"{'':12} {count:>9} {name}")
        if len(info.types) > 20:
            print(f"{'':12} … and {len(info.types) - 20} more")
    if info.blocks:
        print("blocks")
        for name, count in info.blocks.items():
            print(f"{'':12} {count:>9} {name}")
    if info.unknown_types:
        print("skipped: events of unknown type")
        for kind, count in info.unknown_types.items():
            print(f"{'':12} {count:>9} type {kind}")
    if info.error is not None:
        sys.stdout.flush()
        print(f"scappy: {info.error}", file=sys.stderr)
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
