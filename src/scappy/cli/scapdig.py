"""The command ``scapdig``: takes the arguments of ``sysdig`` and prints the same lines."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import scappy
from scapcore.errors import FilterError, ScapError
from scappy.capture import Capture
from scappy.cli.failures import guarded
from scappy.cli.options import Option, UsageError, help_text, scan

if TYPE_CHECKING:
    from scappy.formats.template import DataMode, TimeForm

__all__ = ["OPTIONS", "main"]

USAGE = "Usage: scapdig -r FILE [options] [-p FORMAT] [filter]"

OPTIONS = (
    Option("read", "r", "read", "FILE", "read events from FILE; - is standard input"),
    Option("format", "p", "print", "FORMAT", "what to print of an event; c, k, m: presets for containers, Kubernetes, Mesos"),
    Option("ascii", "A", "print-ascii", "", "show only the text of data buffers, with line ends"),
    Option("hex", "x", "print-hex", "", "show data buffers in hexadecimal"),
    Option("hexascii", "X", "print-hex-ascii", "", "show data buffers in hexadecimal and ASCII"),
    Option("base64", "b", "print-base64", "", "show data buffers in base64"),
    Option("verbose", "v", "verbose", "", "show data buffers in full"),
    Option("json", "j", "json", "", "print JSON, an object an event"),
    Option("time", "t", "timetype", "TYPE", "h local time, a since the epoch, r since the start, d latency, D difference"),
    Option("count", "n", "numevents", "N", "stop after N events"),
    Option("summary", "S", "summary", "", "print the most frequent events at the end"),
    Option("quiet", "q", "quiet", "", "print no events"),
    Option("names", "N", "numeric", "", "do not turn numbers into names (nothing does here)"),
    Option("chisel", "c", "chisel", "NAME [ARGS]", "run a chisel; -cl lists them"),
    Option("display", "d", "displayflt", "", "filter for display only (always so here)"),
    Option("snaplen", "s", "snaplen", "LENGTH", "of live captures only"),
    Option("progress", "P", "progress", "", "accepted; reading a file is quick"),
    Option("unbuffered", "", "unbuffered", "", "write each batch of events at once"),
    Option("exit_only", "", "exit-only", "", "show events as the newest tools do"),
    Option("fields", "l", "list", "", "list the fields; with -v also those for tables, and the types"),
    Option("events", "L", "list-events", "", "list the events with their parameters"),
    Option("markdown", "", "list-markdown", "", "list the fields as Markdown"),
    Option("version", "", "version", "", "print the version"),
    Option("help", "h", "help", "", "print this page"),
)

DATA_MODES = ("ascii", "hex", "hexascii", "base64")


@dataclass
class Settings:
    """What the command line asks for."""

    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    data: str = "normal"
    chisels: list[tuple[str, list[str]]] = field(default_factory=list)
    filter: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return guarded("scapdig", lambda: run(words))


def run(words: list[str]) -> int:
    """Read the command line and do what it asks for."""
    settings = read_settings(words)
    if "help" in settings.switches:
        print(help_text(USAGE, OPTIONS))
        return 0
    if "version" in settings.switches:
        print(f"scapdig version {scappy.__version__}")
        return 0
    if settings.switches & {"fields", "events", "markdown"}:
        return print_lists(settings)
    if settings.chisels and settings.chisels[0][0] == "l":
        return list_chisels()
    if "read" not in settings.values:
        raise UsageError("a capture is needed: -r FILE")
    with scappy.open(settings.values["read"], view="exit" if "exit_only" in settings.switches else "full") as capture:
        if settings.filter:
            capture = capture.filter(settings.filter)
        if settings.chisels:
            return run_chisels(capture, settings)
        return print_events(capture, settings)


def read_settings(words: list[str]) -> Settings:
    """The command line as settings."""
    settings = Settings()

    def found(option: Option, value: str, rest: list[str]) -> None:
        if option.name in DATA_MODES:
            settings.data = option.name
        elif option.name == "chisel":
            settings.chisels.append((value, chisel_words(value, rest)))
        elif option.value:
            settings.values[option.name] = value
        else:
            settings.switches.add(option.name)

    settings.filter = " ".join(scan(words, OPTIONS, found))
    time = settings.values.get("time", "h")
    if time not in ("h", "a", "r", "d", "D"):
        raise UsageError(f"-t takes h, a, r, d or D, not {time!r}")
    count = settings.values.get("count")
    if count is not None and not count.isdigit():
        raise UsageError(f"-n takes a number, not {count!r}")
    return settings


def chisel_words(name: str, rest: list[str]) -> list[str]:
    """Take the arguments of a chisel away from the words that follow its name, as sysdig does."""
    from scappy.chisels import chisel_named
    from scappy.filters.plan import compile_filter

    if name == "l":
        return []
    arguments = chisel_named(name).arguments
    if not arguments:
        return []
    if any(not argument.optional for argument in arguments):
        if not rest:
            raise UsageError(f"missing arguments for chisel {name}")
        return shlex.split(rest.pop(0))
    if not rest or rest[0].startswith("-"):
        return []
    try:
        # What is a filter by itself is no argument.
        compile_filter(" ".join(rest))
    except FilterError:
        return shlex.split(rest.pop(0))
    return []


def print_lists(settings: Settings) -> int:
    """Print the fields or events that can be named."""
    from scappy.cli.listing import event_list, field_list, field_list_markdown

    verbose = "verbose" in settings.switches
    if "events" in settings.switches:
        print(event_list())
    elif "markdown" in settings.switches:
        print(field_list_markdown(verbose))
    else:
        print(field_list(verbose))
    return 0


def list_chisels() -> int:
    """Print the chisels with a sentence each, by category."""
    from scappy.chisels import chisel_named, chisel_names

    found = [chisel_named(name) for name in chisel_names()]
    for category in sorted({chisel.category for chisel in found}):
        print(f"Category: {category}")
        for chisel in found:
            if chisel.category == category:
                print(f"  {chisel.name:24} {chisel.description}")
    return 0


def run_chisels(capture: Capture, settings: Settings) -> int:
    """Run the chisels that were asked for."""
    from scappy.chisels import ChiselContext, chisel_named, run_chisels, set_arguments

    chisels = []
    for name, values in settings.chisels:
        chisel = chisel_named(name)()
        set_arguments(chisel, values)
        chisels.append(chisel)
    mode = ("normal", *DATA_MODES).index(settings.data)
    output = sys.stdout.buffer
    context = ChiselContext(output, mode, settings.values.get("format", "")[:1] in ("c", "k", "m"))
    try:
        run_chisels(capture, chisels, context=context)
    finally:
        output.flush()
    return 0


def print_events(capture: Capture, settings: Settings) -> int:
    """Print the events; what was dropped for missing fields is told on standard error."""
    from scappy.formats import PRESETS, JsonSink, Summary, TextSink, parse, unescape
    from scappy.formats.presets import COLOURED, PLAIN

    stream = sys.stdout.buffer
    terminal = sys.stdout.isatty()
    wanted = settings.values.get("format", "p")
    text = PRESETS.get(wanted)
    if wanted == "p":
        text = COLOURED if terminal and "json" not in settings.switches and "format" not in settings.values else PLAIN
    template = parse(unescape(wanted if text is None else text))
    data = cast("DataMode", settings.data)
    time = cast("TimeForm", settings.values.get("time", "h"))
    limit = int(settings.values["count"]) if "count" in settings.values else None
    sinks: list[TextSink | JsonSink | Summary] = []
    if "quiet" not in settings.switches:
        if "json" in settings.switches:
            sinks.append(JsonSink(stream, template, data=data, limit=limit))
        else:
            sinks.append(
                TextSink(
                    stream,
                    template,
                    time=time,
                    data=data,
                    unlimited="verbose" in settings.switches,
                    escape=terminal and settings.data == "normal",
                    limit=limit,
                )
            )
    if "summary" in settings.switches:
        sinks.append(Summary(stream, limit=limit))
    needs = 0
    for sink in sinks:
        needs |= sink.needs
    reader = capture.reader(state=any(sink.needs_state for sink in sinks), needs=needs)
    predicate = capture.predicate()
    error: ScapError | None = None
    while not (sinks and all(sink.finished for sink in sinks)):
        try:
            if not reader.advance():
                break
        except ScapError as found:
            # Everything before the damage is shown first.
            error = found
            break
        if predicate is not None:
            predicate.run(reader.batch)
        for sink in sinks:
            if not sink.finished:
                sink.write(reader.batch)
        if "unbuffered" in settings.switches:
            stream.flush()
    for sink in sinks:
        sink.close()
    stream.flush()
    if error is not None:
        raise error
    return 0


if __name__ == "__main__":
    sys.exit(main())
