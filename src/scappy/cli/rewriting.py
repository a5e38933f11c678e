"""The commands of the toolbox that make captures out of captures."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence

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
BY = Option("by", "", "by", "WHAT", "container, pod, time or size")
EVERY = Option("every", "", "every", "AMOUNT", "of time or bytes in a file")
SNAPSHOT = Option("k8s", "", "k8s", "FILE", "objects of the cluster, for pods")
TIMES = {"s": 1, "m": 60, "h": 3600, "": 1}
SIZES = {"": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


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


def amount(text: str, units: Mapping[str, int]) -> float:
    """A number with its unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text)
    if not found or found[2] not in units or not float(found[1]):
        raise UsageError(f"--every: {text!r} is no number above 0 with one of the units {', '.join(filter(None, units))}")
    return float(found[1]) * units[found[2]]


def split(words: Sequence[str]) -> int:
    """``scappy split``."""
    from scappy.copying.split import split as split_capture
    from scappy.copying.split import split_evenly

    names, values = read_words(words, (COMPRESS, BY, EVERY, SNAPSHOT))
    if len(names) != 2 or "by" not in values:
        raise UsageError("split takes a capture, a directory, and --by container, pod, time or size")
    by, compress = values["by"], values.get("compress")
    if by not in ("container", "pod", "time", "size"):
        raise UsageError(f"--by takes container, pod, time or size, not {by!r}")
    if ("every" in values) != (by in ("time", "size")):
        raise UsageError("--every belongs to --by time and --by size: 30s, 5m, 100MB")
    with scappy.open(names[0]) as capture:
        if by == "time":
            parts = split_evenly(capture, names[1], seconds=amount(values["every"], TIMES), compress=compress)
        elif by == "size":
            parts = split_evenly(capture, names[1], size=round(amount(values["every"], SIZES)), compress=compress)
        else:
            joined = capture.join_kubernetes(values["k8s"]) if "k8s" in values else capture
            results = split_capture(joined, names[1], by, compress=compress)
            for value, result in results.items():
                print(f"{result.files[0]}: {result.events} events of {value}")
            return damaged([result.damage for result in results.values() if result.damage is not None][:1])
    print(f"{parts.events} events in {len(parts.files)} files, {parts.bytes} bytes")
    return damaged([parts.damage] if parts.damage is not None else [])


#: The commands by name.
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"write": write, "merge": merge, "redact": redact, "split": split}
