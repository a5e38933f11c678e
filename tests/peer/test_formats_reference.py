"""Lines of text, JSON and summaries, byte by byte beside those of the reference ``sysdig``."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.formats import PRESETS, JsonSink, Sink, Summary, TextSink, parse, unescape
from scappy.formats.presets import PLAIN

#: Larger captures are compared by the slow tests only.
QUICK = 150_000

#: Its events have parameters that came after the reference, which leaves them out where we show them.
NEWER = "sysflow__rename__rename.scap"

# Comparisons by name: the format, and options of ours beside the reference's.
LINES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "usual": (PLAIN, {}, ()),
    "containers": (PRESETS["c"], {}, ("-pc",)),
    "pods": (PRESETS["k"], {}, ("-pk",)),
    "mesos": (PRESETS["m"], {}, ("-pm",)),
    "ascii": (PLAIN, {"data": "ascii"}, ("-A",)),
    "hex": (PLAIN, {"data": "hex"}, ("-x",)),
    "hexascii": (PLAIN, {"data": "hexascii"}, ("-X",)),
    "base64": (PLAIN, {"data": "base64"}, ("-b",)),
    "verbose": (PLAIN, {"unlimited": True}, ("-v",)),
    "since the epoch": (PLAIN, {"time": "a"}, ("-t", "a")),
    "since the start": (PLAIN, {"time": "r"}, ("-t", "r")),
    "latency": (PLAIN, {"time": "d"}, ("-t", "d")),
    "difference": (PLAIN, {"time": "D"}, ("-t", "D")),
    "limit": (PLAIN, {"limit": 50}, ("-n", "50")),
}

FORMATS = {
    "literals": "no field at all",
    "columns": "*%12evt.num|%12proc.name|%20evt.type|%2fd.name|%0evt.cpu",
    "dropped": "%evt.num %fd.name",
    "dropped differences": "%evt.num %fd.type %evt.deltatime %evt.deltatime.s %evt.deltatime.ns",
    "joined": r"%proc.namex%evt.argsX\t%evt.arg.fdX%evt.arg[0]X\e[0m\q\\n",
    "times": "*%evt.num %evt.time %evt.time.s %evt.datetime %evt.time.iso8601 %evt.rawtime %evt.rawtime.s %evt.rawtime.ns",
    "spans": "*%evt.num %evt.reltime %evt.reltime.s %evt.reltime.ns %evt.latency %evt.latency.s %evt.latency.ns",
    "results": "*%evt.num %evt.res %evt.rawres %evt.failed %evt.count %evt.is_io %evt.io_dir %evt.buflen",
    "arguments": "*%evt.num %evt.arg.fd %evt.arg.name %evt.arg.flags %evt.arg.data %evt.arg.res %evt.args",
    "raw arguments": "*%evt.num %evt.rawarg.res %evt.rawarg.size %evt.rawarg.name %evt.rawarg.data %evt.rawarg.pid",
    "buffers": "%evt.num %evt.buffer",
    "processes": "*%evt.num %proc.pid %proc.ppid %proc.pname %proc.cmdline %proc.cwd %proc.aname[2] %proc.apid[1]",
    "threads": "*%evt.num %thread.tid %thread.ismain %thread.vtid %thread.cgroups %proc.nthreads",
    "descriptors": "*%evt.num %fd.num %fd.type %fd.typechar %fd.name %fd.directory %fd.filename",
    "addresses": "*%evt.num %fd.cip %fd.sip %fd.lip %fd.rip %fd.cport %fd.sport %fd.lport %fd.rport %fd.l4proto",
    "users": "*%evt.num %user.uid %user.name %user.homedir %user.shell %group.name",
    "container fields": "*%evt.num %container.id %container.name %container.image %container.type %container.privileged",
    "pod fields": "*%evt.num %k8s.pod.name %k8s.pod.id %k8s.ns.name %k8s.pod.labels",
}


def for_json(text: str) -> str:
    """A format without what the reference does wrongly in JSON.

    It cannot turn raw results into JSON, and where there are colours it ends even JSON with an escape sequence.
    """
    return text.replace("%evt.rawarg.res ", "").replace(r"\e[0m", "")


JSON: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "usual": (PLAIN, {}, ()),
    "ascii": (PLAIN, {"data": "ascii"}, ("-A",)),
    "hexascii": (PLAIN, {"data": "hexascii"}, ("-X",)),
    "base64": (PLAIN, {"data": "base64"}, ("-b",)),
    **{
        name: (for_json(text), {}, ("-p", for_json(text)))
        for name, text in FORMATS.items()
        # The reference takes every value twice there, so that its differences are all zero.
        if "deltatime" not in text
    },
}

LINES |= {name: (text, {}, ("-p", text)) for name, text in FORMATS.items()}


@pytest.fixture(autouse=True)
def universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone that the reference runs in."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def output(path: Path, make: Callable[[io.BytesIO], Sink]) -> bytes:
    """What a sink writes for a capture."""
    stream = io.BytesIO()
    sink = make(stream)
    with open_source(path) as source:
        reader = Reader(source, needs=sink.needs, state=sink.needs_state)
        while not sink.finished and reader.advance():
            sink.write(reader.batch)
    sink.close()
    return stream.getvalue()


def compare(captures: list[Path], make: Callable[[io.BytesIO], Sink], reference: Any, options: tuple[str, ...]) -> None:
    """Compare the outputs for all captures; what differs is told by capture and line."""
    different = []
    for path in captures:
        ours, theirs = output(path, make), reference("-r", path, *options).stdout
        if ours != theirs:
            ours_lines, their_lines = ours.split(b"\n"), theirs.split(b"\n")
            pairs = [pair for pair in zip(their_lines, ours_lines, strict=False) if pair[0] != pair[1]]
            told = f"{path.name}: {len(pairs)} of {len(their_lines)} lines differ, ours are {len(ours_lines)}"
            different.append("\n".join([told, *(f"  {line!r:.400}" for line in (pairs[0] if pairs else ()))]))
    assert not different, "\n".join(different)


def chosen(captures: list[Path], quick: bool, text: str = "") -> list[Path]:
    """The small captures, or the others, as far as the reference can show what the format asks for."""
    captures = [path for path in captures if (os.path.getsize(path) <= QUICK) == quick]
    with_arguments = "%evt.args" in text or "%evt.info" in text
    return [path for path in captures if not (with_arguments and path.name == NEWER)]


quick_and_slow = pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["small", "large"])


@quick_and_slow
@pytest.mark.parametrize("name", LINES)
def test_text(name: str, quick: bool, shared_captures: list[Path], reference: Any) -> None:
    text, ours, theirs = LINES[name]
    template = parse(unescape(text))
    captures = chosen(shared_captures, quick, text)
    compare(captures, lambda stream: TextSink(stream, template, **ours), reference, theirs)


@quick_and_slow
@pytest.mark.parametrize("name", JSON)
def test_json(name: str, quick: bool, shared_captures: list[Path], reference: Any) -> None:
    text, ours, theirs = JSON[name]
    template = parse(unescape(text))
    captures = chosen(shared_captures, quick, text)
    compare(captures, lambda stream: JsonSink(stream, template, **ours), reference, ("-j", *theirs))


@quick_and_slow
@pytest.mark.parametrize("limit", [None, 100])
def test_summary(limit: int | None, quick: bool, shared_captures: list[Path], reference: Any) -> None:
    options = () if limit is None else ("-n", str(limit))
    captures = chosen(shared_captures, quick)
    compare(captures, lambda stream: Summary(stream, limit=limit), reference, ("-S", "-q", *options))


def test_the_usual_line_is_the_reference_s(reference: Any) -> None:
    assert reference("-pp").stdout.decode() == PLAIN + "\n"


@pytest.mark.parametrize("text", ["", "%evt.num%", "%evt.num %12", "%evt.num %nosuch.field", "%%evt.num", "%fd.ip"])
def test_what_the_reference_refuses_is_refused(text: str, shared_captures: list[Path], reference: Any) -> None:
    from scapcore.errors import FieldError

    assert reference("-r", shared_captures[0], "-p", text, check=False).returncode != 0
    with pytest.raises(FieldError):
        parse(text)
