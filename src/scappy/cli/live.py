"""Captures of the running system at the command line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from scapcore.errors import MetadataWarning
from scappy.cli.live_options import LIVE_OPTIONS, check_live, ports
from scappy.cli.options import Option, UsageError, help_text, scan

if TYPE_CHECKING:
    from scappy.capturing import LiveCapture
    from scappy.filters import FilterNames

__all__ = ["capture", "watched"]

USAGE = "Usage: scappy capture -w FILE [options] [filter]"
OPTIONS = (
    Option("write", "w", "write", "FILE", "where to; - is standard output"),
    Option("compress", "z", "compress", "", "compress with gzip"),
    Option("codec", "", "compression", "NAME", "compress with gzip, zstd or lz4"),
    Option("count", "n", "numevents", "N", "stop after N events"),
    *LIVE_OPTIONS,
    Option("help", "h", "help", "", "print this page"),
)
MEGABYTE = 1 << 20


@contextmanager
def watched(
    program: str,
    values: Mapping[str, str],
    text: str,
    names: FilterNames | None = None,
    fields: Sequence[str] | None = None,
    processor_times: bool = False,
) -> Iterator[LiveCapture]:
    """The running system as a capture, which Ctrl-C and SIGTERM end in an orderly way; a second Ctrl-C ends the program.

    What was lost is told on standard error when it is over.

    Parameters
    ----------
    program : str
        Stands before messages.
    values : mapping
        Of the options.
    text : str
        The filter.
    names : FilterNames, optional
        Lists and macros for it.
    fields : sequence of str, optional
        Fields that are looked at, see :func:`scappy.live`.
    processor_times : bool
        Whether processor times are told, see there.
    """
    from scappy.capturing import live

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", MetadataWarning)
        opened = live(
            snaplen=int(values.get("snaplen", 80)),
            where=text or None,
            duration=float(values["duration"]) if "duration" in values else None,
            ports=ports(values["ports"]) if "ports" in values else (),
            port_snaplen=int(values["port_snaplen"]) if "port_snaplen" in values else None,
            buffer_bytes=round(float(values["buffer"]) * MEGABYTE) if "buffer" in values else None,
            names=names,
            fields=fields,
            processor_times=processor_times,
        )
    for warning in told:
        print(f"{program}: {warning.message}", file=sys.stderr)
    with opened, ended_by_signals(opened):
        yield opened
    if opened.lost:
        print(
            f"{program}: {opened.lost} events were lost because they came too fast; a larger buffer (--buffer), a filter or a "
            "smaller snaplen (-s) helps",
            file=sys.stderr,
        )


@contextmanager
def ended_by_signals(opened: LiveCapture) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end a capture, so that what was gathered is dealt with to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield       # signals are the main thread's business
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, frame: FrameType | None) -> None:
        opened.stop()
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def capture(words: Sequence[str]) -> int:
    """``scappy capture``."""
    from scappy.copying import CopySettings, copy_capture

    values: dict[str, str] = {}

    def found(option: Option, value: str, rest: list[str]) -> None:
        values[option.name] = value

    text = " ".join(scan(words, OPTIONS, found))
    if "help" in values:
        print(help_text(USAGE, OPTIONS))
        return 0
    if "write" not in values:
        raise UsageError("capture takes -w FILE")
    if not values.get("count", "1").isdecimal():
        raise UsageError(f"-n takes a number, not {values['count']!r}")
    check_live(values)
    settings = CopySettings(
        compress=values.get("codec", "gzip" if "compress" in values else None),
        count=int(values["count"]) if "count" in values else None,
    )
    target = sys.stdout.buffer if values["write"] == "-" else os.path.expanduser(values["write"])
    with watched("scappy", values, text, processor_times=True) as opened:
        result = copy_capture(opened, target, settings)
    print(f"{result.events} events, {result.bytes} bytes", file=sys.stderr)
    return 0
