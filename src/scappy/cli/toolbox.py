"""The command ``scappy``: the toolbox."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import scappy
from scapcore.errors import CorruptCaptureError
from scappy.cli.failures import DAMAGED, damage_lines, guarded
from scappy.cli.options import UsageError
from scappy.cli.rewriting import COMMANDS
from scappy.info import CaptureInfo
from scappy.report import Report

__all__ = ["main"]

USAGE = """Usage: scappy COMMAND …

Commands:
  info FILE          machine, time span, versions, event counts, drops, processes, containers
  info --report FILE what could be read and what not, and how good the capture is
  pods FILE          pods with their traffic, errors and processor time
  k8s snapshot -o FILE
                     the objects of a live cluster, to be joined to captures with --k8s
  capture -w FILE [FILTER]
                     capture the running system until Ctrl-C; capture --help lists the options
  write IN OUT [FILTER]
                     copy a capture, or the part that a filter chooses, with all that is needed to understand it;
                     --compress NAME (gzip, zstd, lz4), --from TIME, --to TIME
  convert IN … OUT --to FORM
                     parquet (a folder of tables), arrow, csv, jsonl, perfetto (a trace for viewers) or pcapng (data of
                     sockets as packets); --where FILTER, --fields LIST, --no-data
  merge IN … -o OUT  several captures as one, in the order of time; --compress NAME
  redact IN OUT --rules FILE
                     take out what others must not see, and report; --compress NAME
  split IN DIR --by container|pod [--k8s FILE]
  split IN DIR --by time|size --every 5m|100MB
                     a capture for each container or pod; --compress NAME

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
        wanted = [word for word in words[1:] if word != "--report"]
        if len(wanted) != 1 or len(words) > 3:
            raise UsageError("info takes one file")
        with scappy.open(wanted[0]) as capture:
            return print_report(capture.report) if "--report" in words else print_info(capture.info())
    if words[0] == "pods":
        from scappy.cli.cluster import pods

        return pods(words[1:])
    if words[0] == "capture":
        from scappy.cli.live import capture as capture_system

        return capture_system(words[1:])
    if words[:2] == ["k8s", "snapshot"]:
        from scappy.cli.cluster import snapshot

        return snapshot(words[2:])
    if words[0] == "convert":
        from scappy.cli.converting import convert

        return convert(words[1:])
    if words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
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
        lines = damage_lines(info.error) if isinstance(info.error, CorruptCaptureError) else [str(info.error)]
        for line in lines:
            print(f"scappy: {line}", file=sys.stderr)
        return DAMAGED
    return 0


def share(lookups: tuple[int, int]) -> str:
    """How many look-ups found nothing."""
    asked, missing = lookups
    return f"{missing} of {asked} not known ({missing / max(asked, 1):.2%})"


def print_report(report: Report) -> int:
    """Print what could be read of a capture; 1 if it is damaged."""
    cut = f"{report.cut_events} transfers lack {report.cut_bytes} bytes; the longest has {report.longest_data}"
    span = (report.last_time - report.first_time) / 10**9
    rows = [
        ("file", report.name),
        ("format", ", ".join(f"{major}.{minor}" for major, minor in report.versions) or "-"),
        ("read", f"{report.bytes_read} bytes, {sum(report.events.values())} events ({report.hidden_events} not shown)"),
        ("span", f"{stamp(report.first_time)} to {stamp(report.last_time)}, {span:.3f} s"),
        ("driver drops", str(report.drops)),
        ("threads", share(report.thread_lookups)),
        ("descriptors", share(report.fd_lookups)),
        ("snaplen", cut if report.cut_events else "no data cut"),
        ("gaps", str(report.gap_count)),
    ]
    for title, text in rows:
        print(f"{title:12} {text}")
    for gap in report.gaps:
        print(f"{'':12} {gap}")
    if report.gap_count > len(report.gaps):
        print(f"{'':12} … and {report.gap_count - len(report.gaps)} more")
    for title, counts in (
        ("events", report.events),
        ("blocks", report.blocks),
        ("skipped: events of unknown type", {f"type {kind}": count for kind, count in report.skipped_events.items()}),
        ("skipped: blocks of unknown type", {f"0x{kind:X}": count for kind, count in report.skipped_blocks.items()}),
    ):
        if counts:
            print(title)
            for name, count in counts.items():
                print(f"{'':12} {count:>9} {name}")
    if report.error is not None:
        sys.stdout.flush()
        print(f"scappy: {report.error}", file=sys.stderr)
    return 0 if report.is_whole else DAMAGED


if __name__ == "__main__":
    from scappy.cli.start import leave

    leave(main())
