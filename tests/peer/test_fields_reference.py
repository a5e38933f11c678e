"""Every field that sysdig 0.29.3 knows, on every shared capture: the same texts as it prints."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scappy
from scapcore.reader import Reader
from scapcore.source import open_source
from scappy.fields import FIELDS
from scappy.formats import TextSink, parse

BETWEEN = "<|>"
FIELDS_A_RUN = 24

#: Arguments of fields that need one.
ARGUMENTS = {
    "evt.arg": (".fd", ".name", ".res", ".flags", ".addr", ".exe", "[0]", "[1]"),
    "evt.rawarg": (".res", ".size"),
    "evt.abspath": ("", ".src", ".dst"),
    "proc.apid": ("[0]", "[1]", "[4]"),
    "proc.aname": ("[0]", "[1]", "[3]"),
    "thread.cgroup": (".cpuset", ".memory"),
    "container.mount": ("[0]", "[/*]"),
    "container.mount.source": ("[0]", "[/etc/*]"),
    "container.mount.dest": ("[0]", "[/var/*]"),
    "container.mount.mode": ("[0]",),
    "container.mount.rdwr": ("[0]", "[99]"),
    "container.mount.propagation": ("[0]",),
    "k8s.pod.label": (".app", ".tier"),
}
LABEL = (".app",)
POSITION = ("[0]",)

#: Where the reference is not taken at its word, and why.
EXCEPTIONS = {
    "evt.latency.quantized": "it divides a scale whose width only another program sets",
    "span.duration.quantized": "it divides a scale whose width only another program sets",
    "evt.latency.human": "it repeats the text of the event before where an event has no thread",
    "evt.type.is": "it prints the name of the event behind the value",
    "thread.totexectime": "it stops with an error on captures of many processors",
    "group.gid": "it prints what lies behind a 32-bit number in memory as its upper half",
}
#: Fields of the device: of anything but files it prints that of a file which it has read before.
DEVICE = ("fd.dev", "fd.dev.major", "fd.dev.minor")
#: The same, on single captures.
MISREAD = {"libs__resources__sample.scap": ("proc.tty", "user.loginuid", "user.loginname")}


def forms(name: str) -> tuple[str, ...]:
    """The field with arguments."""
    rule = FIELDS[name].argument
    if rule is None:
        return (name,)
    endings = ARGUMENTS.get(name)
    if endings is None:
        endings = LABEL if name.endswith("label") else POSITION if rule.required else ("",)
    return tuple(name + ending for ending in endings)


def known_to_the_reference() -> list[str]:
    return [
        form
        for name, field in FIELDS.items()
        if field.classic and not field.filter_only and name not in EXCEPTIONS and name not in DEVICE
        for form in forms(name)
    ]


def runs() -> Iterator[list[str]]:
    known = known_to_the_reference()
    # Longer texts of arguments are cut by what other fields have asked for, so that these stand alone.
    for name in ("evt.args", "evt.info"):
        known.remove(name)
        yield [name]
    for first in range(0, len(known), FIELDS_A_RUN):
        yield known[first : first + FIELDS_A_RUN]


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines_of(output: bytes, count: int) -> list[list[bytes]]:
    """The values of each line; a value may hold line ends."""
    rows: list[list[bytes]] = []
    for line in output.split(b"\n"):
        values = line.split(BETWEEN.encode())
        if rows and len(rows[-1]) < count:
            rows[-1][-1] += b"\n" + values[0]
            rows[-1] += values[1:]
        elif line or values != [b""]:
            rows.append(values)
    return rows


def our_lines(path: Path, text: str) -> bytes:
    stream = io.BytesIO()
    sink = TextSink(stream, parse(text))
    with open_source(os.fspath(path)) as source:
        reader = Reader(source, needs=sink.needs, state=sink.needs_state)
        while reader.advance():
            sink.write(reader.batch)
    sink.close()
    return stream.getvalue()


@pytest.mark.parametrize("fields", list(runs()), ids=lambda fields: fields[0])
def test_all_captures(fields: list[str], shared_captures: list[Path], reference: Callable[..., Any]) -> None:
    text = "*%evt.num" + BETWEEN + BETWEEN.join("%" + field for field in fields) + BETWEEN
    wrong: dict[str, int] = {}
    examples: dict[str, str] = {}
    for path in shared_captures:
        theirs = lines_of(reference("-r", path, "-p", text).stdout, len(fields) + 2)
        ours = lines_of(our_lines(path, text), len(fields) + 2)
        assert [row[0] for row in ours] == [row[0] for row in theirs], path.name
        for own, other in zip(ours, theirs, strict=True):
            for field, mine, their in zip(fields, own[1:], other[1:], strict=False):
                if field in ("evt.args", "evt.info"):
                    mine = mine[: len(their)]     # newer captures have parameters that it does not know
                if mine != their and field not in MISREAD.get(path.name, ()):
                    wrong[field] = wrong.get(field, 0) + 1
                    examples.setdefault(field, f"{path.name} {own[0]!r}: {mine!r}, reference {their!r}")
    assert wrong == {}, "\n".join(f"{field}: {count} times, first {examples[field]}" for field, count in wrong.items())


def test_device_of_files(shared_captures: list[Path], reference: Callable[..., Any]) -> None:
    text = "*%evt.num" + BETWEEN + "%fd.type" + BETWEEN + BETWEEN.join("%" + field for field in DEVICE) + BETWEEN
    compared = 0
    for path in shared_captures:
        theirs = lines_of(reference("-r", path, "-p", text).stdout, len(DEVICE) + 3)
        for own, other in zip(lines_of(our_lines(path, text), len(DEVICE) + 3), theirs, strict=True):
            if other[1] in (b"file", b"directory"):
                assert own == other, path.name
                compared += 1
    assert compared > 1000


def test_names_of_ports(shared_captures: list[Path], reference: Callable[..., Any]) -> None:
    text = "*%evt.num %fd.name %fd.cproto %fd.sproto %fd.lproto %fd.rproto %fd.sport %evt.args"
    named = 0
    for path in shared_captures:
        stream = io.BytesIO()
        sink = TextSink(stream, parse(text))
        with scappy.open(path) as capture:
            reader = capture.with_port_names().reader(needs=sink.needs)
            while reader.advance():
                sink.write(reader.batch)
        sink.close()
        theirs = reference("-R", "-r", path, "-p", text).stdout
        if path.name not in MISREAD:     # newer captures have parameters that it does not know
            assert stream.getvalue() == theirs, path.name
        named += theirs.count(b":http ")
    assert named > 100
