"""The command ``scapdig``: takes the arguments of ``sysdig`` and prints the same lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, cast

import scappy
from scapcore.errors import ChiselError, FilterError, ScapError
from scappy.capture import Capture
from scappy.cli.cluster_options import CREDENTIALS, SERVER, SNAPSHOT
from scappy.cli.display import DisplayFilter
from scappy.cli.failures import guarded
from scappy.cli.live_options import LIVE_OPTIONS, check_live
from scappy.cli.options import Option, UsageError, help_text, scan
from scappy.cli.writing import WRITING_OPTIONS, check_writing, write

if TYPE_CHECKING:
    from scappy.chisels import Chisel
    from scappy.filters import FilterNames
    from scappy.formats.template import DataMode, TimeForm

__all__ = ["OPTIONS", "main"]

USAGE = "Usage: scapdig [-r FILE] [options] [-p FORMAT] [filter]"

OPTIONS = (
    Option("read", "r", "read", "FILE", "read events from FILE; - is standard input. Without it the running system is captured"),
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
    Option("port_names", "R", "", "", "show the names of ports, as this machine knows them"),
    Option("names", "N", "numeric", "", "do not turn numbers into names (nothing does here)"),
    Option("chisel", "c", "chisel", "NAME [ARGS]", "run a chisel; -cl lists them"),
    Option("chisel_info", "i", "chisel-info", "NAME", "describe a chisel and its arguments"),
    Option("lua", "", "lua", "", "take chisels written in Lua before others of the same name"),
    Option("unsafe", "", "chisel-unsafe", "", "let Lua chisels use files, processes and all libraries, without limits"),
    Option("chisel_dir", "", "chisel-dir", "DIR", "look for chisels in DIR, too; can be given several times"),
    Option("display", "d", "displayflt", "", "ask the filter after the tables are brought up to date: calls stay whole"),
    Option("progress", "P", "progress", "", "show on standard error how much has been read"),
    Option("csv", "", "csv", "", "print the fields of the format as comma-separated values"),
    Option("tsv", "", "tsv", "", "print the fields of the format separated by tabs"),
    Option("from", "", "from", "TIME", "begin there: +2.5, 300ms, 16:41:39, 2016-12-08 16:41:39"),
    Option("to", "", "to", "TIME", "end there"),
    Option("filter_file", "", "filter-file", "FILE", "lists and macros for the filter, YAML in Falco's form"),
    Option("strict", "", "strict", "", "stop at the first damaged place instead of going on behind it"),
    Option("unbuffered", "", "unbuffered", "", "write each batch of events at once"),
    Option("exit_only", "", "exit-only", "", "show events as the newest tools do"),
    SNAPSHOT,
    SERVER,
    CREDENTIALS,
    Option("fields", "l", "list", "", "list the fields; with -v also those for tables, and the types"),
    Option("events", "L", "list-events", "", "list the events with their parameters"),
    Option("markdown", "", "list-markdown", "", "list the fields as Markdown"),
    *WRITING_OPTIONS,
    *LIVE_OPTIONS,
    Option("completion", "", "completion", "SHELL", "print a completion script for bash, zsh or fish"),
    Option("manual", "", "man", "", "print the man page as roff source"),
    Option("version", "", "version", "", "print the version"),
    Option("help", "h", "help", "", "print this page"),
)

NOTES = """
Without -r what happens on this machine is shown as it happens, which root may see; Ctrl-C ends it.

A filter selects events: fields, operators and values, joined by and, or, not and brackets; and binds tighter than or.

The exit status is 0 when all went well, 1 if the capture cannot be read or is damaged (what can be
read is printed), 2 for a wrong command line, filter or field, 3 if the output was closed, 130 after an interrupt.
"""

DATA_MODES = ("ascii", "hex", "hexascii", "base64")


class Settings:
    """What the command line asks for."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.switches: set[str] = set()
        self.data = "normal"
        self.chisels: list[Chisel] = []
        self.directories: list[str] = []
        self.filter = ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return guarded("scapdig", lambda: run(words))


def run(words: list[str], reruns: int = 0) -> int:
    """Read the command line and do what it asks for; `reruns` is how many chisels led here."""
    settings = read_settings(words)
    if "help" in settings.switches:
        print(help_text(USAGE, OPTIONS))
        return 0
    if "version" in settings.switches:
        print(f"scapdig version {scappy.__version__}")
        return 0
    if settings.switches & {"fields", "events", "markdown"}:
        return print_lists(settings)
    if "manual" in settings.switches or "completion" in settings.values:
        return print_generated(settings)
    if "list" in settings.switches:
        return list_chisels(settings)
    if "chisel_info" in settings.values:
        return describe_chisel(settings.values["chisel_info"], settings)
    check_writing(settings.values, settings.switches)
    check_live(settings.values)
    view: Literal["full", "exit"] = "exit" if "exit_only" in settings.switches else "full"
    if "read" not in settings.values:
        from scappy.cli.live import watched

        if "write" in settings.values and (settings.chisels or "summary" in settings.switches):
            raise UsageError("what is captured can be written or shown, not both: write it and read the file")
        # What is printed line by line would only be longer by them.
        times = bool(settings.chisels) or "write" in settings.values
        fields = shown_fields(settings)
        with watched("scapdig", settings.values, settings.filter, names(settings), fields, times) as live:
            return show(live, settings, reruns)
    with scappy.open(settings.values["read"], view=view, strict="strict" in settings.switches) as opened:
        return show(filtered(opened, settings), settings, reruns)


def show(capture: Capture, settings: Settings, reruns: int) -> int:
    """Do what is asked for with a capture that has its filter."""
    if not settings.values.keys().isdisjoint(("k8s", "server", "credentials")):
        from scappy.cli.cluster import join

        capture = join(capture, "scapdig", settings.values)
    if "write" in settings.values:
        write(capture, settings.values, settings.switches)
        if not settings.chisels and "summary" not in settings.switches:
            return 0
        settings.switches.add("quiet")
    if "port_names" in settings.switches:
        capture = capture.with_port_names()
    if not settings.values.keys().isdisjoint(("from", "to")):
        from scappy.cli.timerange import range_filter

        whole = capture
        times = range_filter(settings.values.get("from"), settings.values.get("to"), lambda: whole.first_time)
        capture = capture.filter(times)
    if settings.chisels:
        return run_chisels(capture, settings, reruns)
    return print_events(capture, settings)


def shown_fields(settings: Settings) -> list[str] | None:
    """Names of the fields that will be looked at besides those of the filter; None if nobody can say."""
    from scappy.formats import parse

    if "write" in settings.values:
        return None if "fat" in settings.switches else []
    if settings.chisels:
        return None
    compared = {"d": ["evt.latency"], "D": ["evt.deltatime"]}.get(settings.values.get("time", "h"), [])
    return [*compared, *(column.use.name for column in parse(template_text(settings)).columns)]


def names(settings: Settings) -> FilterNames | None:
    """Lists and macros for the filter, if there is a file with them."""
    if "filter_file" not in settings.values:
        return None
    from scappy.filters import load_filter_file

    return load_filter_file(settings.values["filter_file"])


def filtered(capture: Capture, settings: Settings) -> Capture:
    """The capture with the filter that was asked for."""
    return capture.filter(settings.filter, names=names(settings)) if settings.filter else capture


def print_generated(settings: Settings) -> int:
    """Print what is made from the declarations: the man page or a completion script."""
    from scappy.cli.manual import completion, manual
    from scappy.fields import FIELDS

    if "manual" in settings.switches:
        sentence = "print and search system-call captures as sysdig does"
        print(manual("scapdig", scappy.__version__, sentence, USAGE.removeprefix("Usage: "), OPTIONS, NOTES), end="")
    else:
        print(completion(settings.values["completion"], "scapdig", OPTIONS, sorted(FIELDS)), end="")
    return 0


def read_settings(words: list[str]) -> Settings:
    """The command line as settings."""
    settings = Settings()
    # Which chisel a name means must be known where it stands.
    settings.switches.update(name for name, word in (("lua", "--lua"), ("unsafe", "--chisel-unsafe")) if word in words)

    def found(option: Option, value: str, rest: list[str]) -> None:
        if option.name in DATA_MODES:
            settings.data = option.name
        elif option.name == "chisel":
            if value == "l":
                settings.switches.add("list")
            else:
                settings.chisels.append(take_chisel(value, rest, settings))
        elif option.name == "chisel_dir":
            settings.directories.append(value)
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


def take_chisel(name: str, rest: list[str], settings: Settings) -> Chisel:
    """A chisel by name; its arguments are taken away from the words that follow, as sysdig does.

    They are one word of the command line, parted at blanks.
    """
    from scappy.chisels import set_arguments

    chisel = named(name, settings)
    arguments = chisel.arguments
    word = ""
    if any(not argument.optional for argument in arguments):
        if not rest:
            raise UsageError(f"missing arguments for chisel {name}")
        word = rest.pop(0)
    # What is a filter by itself is no argument, unless a filter is what the chisel takes.
    elif (
        arguments
        and rest
        and not rest[0].startswith("-")
        and ((len(arguments) == 1 and arguments[0].is_filter) or not is_filter(rest))
    ):
        word = rest.pop(0)
    set_arguments(chisel, split_words(name, word))
    return chisel


def named(name: str, settings: Settings) -> Chisel:
    """The chisel that a name means."""
    from scappy.chisels.making import make_chisel

    switches = settings.switches
    return make_chisel(name, settings.directories, lua_first="lua" in switches, trusted="unsafe" in switches)


def is_filter(words: list[str]) -> bool:
    """Whether words are a filter together."""
    from scappy.filters.plan import compile_filter

    try:
        compile_filter(" ".join(words))
    except FilterError:
        return False
    return True


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


def split_words(name: str, text: str) -> list[str]:
    """The values in a word; in single or backward quotes they may hold blanks, or nothing."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    for letter in text:
        if letter in "'`" and quote in ("", letter):
            quote = "" if quote else letter
            word = word or ""
        elif letter == " " and not quote:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + letter
    if quote:
        raise UsageError(f"a quote is not closed in the arguments of chisel {name}")
    return words if word is None else [*words, word]


def list_chisels(settings: Settings) -> int:
    """Print the chisels with a sentence each, by category; those in Lua where no other has the name."""
    from scappy.chisels import chisel_named, chisel_names

    directories = settings.directories
    found: dict[str, tuple[str, str]] = {}
    for name in chisel_names(directories):
        chisel = chisel_named(name, directories)
        found[name] = chisel.category, chisel.description
    listed = lua_chisels(settings)
    found = found | listed if "lua" in settings.switches else listed | found
    for category in sorted({category for category, _ in found.values()}):
        print(f"\nCategory: {category}\n{'-' * (10 + len(category))}")
        for name, (home, description) in sorted(found.items()):
            if home == category:
                print(f"{name:19} {description}")
    return 0


def lua_chisels(settings: Settings) -> dict[str, tuple[str, str]]:
    """Category and sentence of the scripts in Lua by name; those that cannot be loaded or want to be hidden are left out."""
    from scapcore.errors import MissingDependencyError
    from scappy.chisels.lua import Limits, load_script, lua_chisel_names

    found = {}
    for name, path in lua_chisel_names(settings.directories):
        try:
            # To be listed, a script needs no more than a moment and little memory.
            script = load_script(path, limits=Limits(seconds=2, memory=64 << 20), directories=settings.directories)
        except MissingDependencyError:
            return {}
        except ChiselError:
            continue
        if script.description and not script.hidden:
            found[name] = script.category or "Misc", script.description
    return found


def describe_chisel(name: str, settings: Settings) -> int:
    """Print what a chisel does and which arguments it takes."""
    import inspect

    chisel = named(name, settings)
    print(f"\nCategory: {chisel.category}\n{'-' * (10 + len(chisel.category))}")
    print(f"{chisel.name:19} {chisel.description}\n\n{inspect.cleandoc(chisel.__doc__ or '')}\n\nArgs:")
    if not chisel.arguments:
        print("(None)")
    for argument in chisel.arguments:
        kind = "filter" if argument.is_filter else "string" if argument.type is str else argument.type.__name__
        print(f"[{kind}] {argument.name} - {argument.help}{' (optional)' if argument.optional else ''}")
    return 0


def run_chisels(capture: Capture, settings: Settings, reruns: int) -> int:
    """Run the chisels that were asked for, and then what they ask for."""
    import shutil

    from scappy.chisels import ChiselContext, run_chisels
    from scappy.cli.rerun import MOST_RERUNS, check_rerun

    output = sys.stdout.buffer
    context = ChiselContext(
        output,
        mode=("normal", *DATA_MODES).index(settings.data),
        containers=settings.values.get("format", "")[:1] in ("c", "k", "m"),
        json="json" in settings.switches,
        terminal=sys.stdout.isatty(),
        width=shutil.get_terminal_size().columns,
        # What comes through a pipe may be recorded just now; a file is read to its end at once.
        live=sys.stdout.isatty() and not capture.repeatable,
        filter=settings.filter,
        limit=limit_of(settings),
        early="display" not in settings.switches,
    )
    try:
        run_chisels(capture, settings.chisels, context=context)
    finally:
        output.flush()
    tell_of_lost(context.lost)
    status = 0
    for chisel in settings.chisels:
        words = getattr(chisel, "rerun", None)
        if words is None:
            continue
        # Only scripts in Lua have limits.
        limits = getattr(chisel, "limits", None)
        if limits is not None and not limits.trusted:
            check_rerun(words, OPTIONS)
        if reruns >= MOST_RERUNS:
            raise ChiselError(f"chisel {chisel.name}: runs that follow each other without end")
        status = run(words, reruns + 1)
    return status


def limit_of(settings: Settings) -> int | None:
    """After how many events to stop."""
    return int(settings.values["count"]) if "count" in settings.values else None


def tell_of_lost(count: int) -> None:
    """Tell of events that the filter would have chosen in whole calls."""
    if count:
        print(
            f"scapdig: {count} events are not shown because the filter drops the beginning of their calls, "
            "as in sysdig; -d shows them",
            file=sys.stderr,
        )


def template_text(settings: Settings) -> str:
    """The format of a line."""
    from scappy.formats import PRESETS, unescape
    from scappy.formats.presets import COLOURED, PLAIN

    wanted = settings.values.get("format", "p")
    text = PRESETS.get(wanted)
    if wanted == "p":
        coloured = sys.stdout.isatty() and "json" not in settings.switches and "format" not in settings.values
        text = COLOURED if coloured else PLAIN
    return unescape(wanted if text is None else text)


def print_events(capture: Capture, settings: Settings) -> int:
    """Print the events; what was dropped for missing fields is told on standard error."""
    from scappy.cli.progress import followed
    from scappy.formats import JsonSink, Sink, Summary, TextSink, parse

    stream = sys.stdout.buffer
    terminal = sys.stdout.isatty()
    template = parse(template_text(settings))
    data = cast("DataMode", settings.data)
    time = cast("TimeForm", settings.values.get("time", "h"))
    limit = limit_of(settings)
    late = "display" in settings.switches
    # Only what counts events looks at those that are not shown.
    counted = not late and settings.switches.isdisjoint(("csv", "tsv")) and (limit is not None or "summary" in settings.switches)
    predicate = capture.predicate(early=not late, counted=counted)
    display = None
    if predicate is not None and late:
        display = DisplayFilter(predicate, limit)
        limit = None
    sinks: list[Sink] = []
    counting: list[Sink] = []
    lines: TextSink | JsonSink | None = None
    if "quiet" not in settings.switches and ("csv" in settings.switches or "tsv" in settings.switches):
        from scappy.formats.separated import SeparatedSink

        sinks.append(SeparatedSink(stream, template, delimiter="," if "csv" in settings.switches else "\t", limit=limit))
    elif "quiet" not in settings.switches:
        if "json" in settings.switches:
            lines = JsonSink(stream, template, data=data, limit=limit)
        else:
            lines = TextSink(
                stream,
                template,
                time=time,
                data=data,
                unlimited=not settings.switches.isdisjoint(("verbose", "exit_only")),
                escape=terminal and settings.data == "normal",
                limit=limit,
            )
        sinks.append(lines)
    if "summary" in settings.switches:
        counting.append(Summary(stream, limit=limit))
        sinks += counting
    needs = 0
    for sink in sinks:
        needs |= sink.needs
    reader = capture.reader(state=any(sink.needs_state for sink in sinks), needs=needs)
    error: ScapError | None = None
    shown = 0
    with followed(reader, "progress" in settings.switches) as step:
        while not (display.finished if display is not None else sinks and all(sink.finished for sink in sinks)):
            try:
                if not reader.advance():
                    break
            except ScapError as found:
                # Everything before the damage is shown first.
                error = found
                break
            if display is not None:
                display.count(reader.batch)
                for sink in counting:
                    sink.write(reader.batch)
                display.choose(reader.batch)
            elif predicate is not None:
                predicate.run(reader.batch)
            for sink in sinks:
                if not sink.finished and not (display is not None and sink in counting):
                    sink.write(reader.batch)
            if not sinks and limit is not None:
                shown += len(reader.batch.selected)
                if shown >= limit:
                    break
            # What comes through a pipe may be happening just now.
            if "unbuffered" in settings.switches or not capture.repeatable:
                stream.flush()
            step()
    for sink in sinks:
        sink.close()
    stream.flush()
    tell_of_lost(0 if predicate is None else predicate.lost)
    if lines is not None and lines.dropped:
        print(
            f"scapdig: {lines.dropped} events are not shown because a field is missing; "
            "begin the format with * to show them",
            file=sys.stderr,
        )
    error = error or reader.damage      # met before the reading was ended by a limit
    if error is not None:
        raise error
    return 0


if __name__ == "__main__":
    from scappy.cli.start import leave

    leave(main())
