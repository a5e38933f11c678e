"""The commands of the toolbox that make captures out of captures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import scappy
from scapcore.errors import CorruptCaptureError
from scappy.cli.failures import DAMAGED, damage_lines
from scappy.cli.options import Option, UsageError, scan

__all__ = ["COMMANDS"]

COMPRESS = Option("compress", "", "compress", "NAME", "gzip, zstd or lz4")
BEGIN = Option("from", "", "from", "TIME", "begin there")
END = Option("to", "", "to", "TIME", "end there")
OUTPUT = Option("output", "o", "output", "FILE", "where to")
RULES = Option("rules", "", "rules", "FILE", "what is taken out, YAML")
BY = Option("by", "", "by", "WHAT", "container or pod")


def read_words(words: Sequence[str], options: Sequence[Option]) -> tuple[list[str], dict[str, str]]:
    """The words that are no options, and the values of those that are."""
    values: dict[str, str] = {}

    def found(option: Option, value: str, rest: list[str]) -> None:
        values[option.name] = value

    return scan(words, options, found), values


def damaged(errors: Sequence[CorruptCaptureError]) -> int:
    """Tell what is wrong with what was read; the exit status."""
    for error in errors:
        for line in damage_lines(error):
            print(f"scappy: {line}", file=sys.stderr)
    return DAMAGED if errors else 0


def write(words: Sequence[str]) -> int:
    """``scappy write``."""
    from scappy.cli.timerange import point_in_time
    from scappy.copying import CopySettings, copy_capture

    names, values = read_words(words, (COMPRESS, BEGIN, END))
    if len(names) < 2:
        raise UsageError("write takes what is read and what is written")
    with scappy.open(names[0]) as capture:
        begin, end = (
            point_in_time(values[name], lambda: capture.first_time) if name in values else None for name in ("from", "to")
        )
        chosen = capture.filter(" ".join(names[2:])) if len(names) > 2 else capture
        result = copy_capture(chosen, names[1], CopySettings(compress=values.get("compress"), begin=begin, end=end))
    print(f"{result.events} events, {result.bytes} bytes")
    return damaged([result.damage] if result.damage is not None else [])


def merge(words: Sequence[str]) -> int:
    """``scappy merge``."""
    from scappy.copying.merge import merge as merge_captures

    names, values = read_words(words, (COMPRESS, OUTPUT))
    if not names or "output" not in values:
        raise UsageError("merge takes captures, and -o FILE")
    captures = [scappy.open(name) for name in names]
    result = merge_captures(captures, values["output"], compress=values.get("compress"))
    print(f"{result.events} events")
    for host, shift in result.hosts.items():
        print(f"{host or '(no name)'}: thread ids {'as they were' if not shift else f'moved by {shift}'}")
    return damaged(result.damage)


def redact(words: Sequence[str]) -> int:
    """``scappy redact``."""
    from scappy.redaction import load_rules
    from scappy.redaction import redact as redact_capture

    names, values = read_words(words, (COMPRESS, RULES))
    if len(names) != 2 or "rules" not in values:
        raise UsageError("redact takes what is read, what is written, and --rules FILE")
    rules = load_rules(values["rules"])
    with scappy.open(names[0]) as capture:
        report = redact_capture(capture, names[1], rules, compress=values.get("compress"))
    print(report)
    return damaged([report.damage] if report.damage is not None else [])


def split(words: Sequence[str]) -> int:
    """``scappy split``."""
    from scappy.copying.split import split as split_capture

    names, values = read_words(words, (COMPRESS, BY))
    if len(names) != 2 or "by" not in values:
        raise UsageError("split takes a capture, a directory, and --by container or --by pod")
    with scappy.open(names[0]) as capture:
        results = split_capture(capture, names[1], values["by"], compress=values.get("compress"))
    for value, result in results.items():
        print(f"{result.files[0]}: {result.events} events of {value}")
    return damaged([result.damage for result in results.values() if result.damage is not None][:1])


#: The commands by name.
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"write": write, "merge": merge, "redact": redact, "split": split}
