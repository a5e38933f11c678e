"""Snapshots of a cluster as bytes or Python objects, made into the raw objects that they hold.

A snapshot is what ``kubectl get … -A -o json`` prints: a list of objects, or objects one behind another, as JSON or
YAML. What is damaged is passed over and told, as a capture can be read without it.
"""

from __future__ import annotations

import gc
import json
import os
import re
import stat
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader
from typing import Any

from scapcore.arriving import Arriving
from scapcore.errors import MissingDependencyError, SourceError
from scappy.metadata.keys import Objects, outlined

__all__ = ["RawObjects", "Snapshot", "read_objects", "without_collection"]

#: What can be read as a snapshot.
Snapshot = str | os.PathLike[str] | bytes | Mapping[str, Any] | Iterable[Mapping[str, Any]]

#: Bytes of a file from which on a thread is worth its start, and what such a file begins with.
LARGE = 1 << 20
FIRST_BYTES = re.compile(rb"\s*\{")
GZIP = b"\x1f\x8b"
BLANKS = re.compile(r"[\s,]*")
FIRST = re.compile(r"\s*(\S)")
ITEMS = re.compile(r'"items"\s*:\s*\[')
#: Where an object may begin; the API server and kubectl write this key first.
BEGINNING = re.compile(r'\{\s*"apiVersion"\s*:')
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class RawObjects:
    """The objects of a snapshot as they came.

    Attributes
    ----------
    name : str
        Of the snapshot, for messages.
    objects : sequence of mapping
        Each with its ``kind``.
    problems : list of str
        What is wrong with the snapshot, a sentence each.
    """

    def __init__(
        self, name: str, objects: Sequence[Mapping[str, Any]] = (), problems: Iterable[str] = ()
    ) -> None:
        self.name = name
        self.objects = objects
        self.problems = [*problems]


def read_objects(what: Snapshot) -> RawObjects:
    """Read a snapshot.

    Parameters
    ----------
    what : str, path, bytes, mapping, or iterable of mappings
        A path; the bytes of a file; or objects as Python values, lists of them included.

    Raises
    ------
    SourceError
        If a file cannot be read.
    MissingDependencyError
        If it is YAML and nothing here reads that.

    Examples
    --------
    >>> list(read_objects(b'{"kind": "PodList", "items": [{"metadata": {"name": "web"}}]}').objects)
    [{'metadata': {'name': 'web'}, 'kind': 'Pod'}]
    """
    with without_collection():
        return taken(what)


@contextmanager
def without_collection() -> Iterator[None]:
    """Put garbage collection off: it would look again and again at thousands of objects, none of them garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def taken(what: Snapshot) -> RawObjects:
    """Read a snapshot of any form."""
    if isinstance(what, bytes):
        found = RawObjects("the snapshot")
        from_bytes(found, what)
    elif isinstance(what, (str, os.PathLike)):
        found = RawObjects(os.fspath(what))
        try:
            with open(what, "rb") as source:
                whole = arriving(source)
                data = source.read() if whole is None else b""
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise SourceError(f"{found.name}: {reason}") from error
        if whole is not None:
            found.objects = whole
        else:
            from_bytes(found, data)
    else:
        found = RawObjects("the snapshot")
        found.objects = [item for value in ([what] if isinstance(what, Mapping) else what) for item in unpacked(value)]
    if not found.objects:
        found.problems.append("there are no objects in it")
    return found


def arriving(source: BufferedReader) -> Objects | None:
    """The objects of a large plain JSON file, which is read by another thread; None for what must be read otherwise."""
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size < LARGE or FIRST_BYTES.match(source.peek(64)) is None:
        return None
    content = Arriving(status.st_size)
    reader = threading.Thread(target=content.read, args=(source.fileno(),), name="scappy-snapshot", daemon=True)
    try:
        reader.start()
    except RuntimeError:    # None to be had.
        return None
    try:
        return outlined(content)
    finally:
        reader.join()


def from_bytes(found: RawObjects, data: bytes) -> None:
    """Read the content of a file."""
    if data.startswith(GZIP):
        data = unzipped(found, data)
    whole = outlined(data.removeprefix(BYTE_ORDER_MARKS[0][0]))
    if whole is not None:
        found.objects = whole
        return
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding, "replace")
    first = FIRST.match(text)
    if first is None:
        return
    values = json_values(found, text) if first[1] in ("{", "[") else yaml_values(found, text)
    found.objects = [item for value in values for item in unpacked(value)]


def unzipped(found: RawObjects, data: bytes) -> bytes:
    """The content of gzip members, as far as it can be had."""
    parts = []
    while data.startswith(GZIP):
        inflater = zlib.decompressobj(31)
        try:
            parts.append(inflater.decompress(data))
        except zlib.error as error:
            found.problems.append(f"its compressed data are damaged: {error}")
            # What comes before the damage, by steps small enough to lose little.
            inflater = zlib.decompressobj(31)
            try:
                for place in range(0, len(data), 256):
                    parts.append(inflater.decompress(data[place : place + 256]))
            except zlib.error:
                pass
            break
        if not inflater.eof:
            found.problems.append("its compressed data are cut")
        data = inflater.unused_data
    return b"".join(parts)


def unpacked(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects in a JSON value: lists and messages of a watch are opened."""
    if isinstance(value, list):
        for item in value:
            yield from unpacked(item)
    if not isinstance(value, Mapping):
        return
    kind = value.get("kind")
    items = value.get("items")
    if isinstance(items, list) and (not isinstance(kind, str) or kind.endswith("List")):
        # Items of a typed list, as the API server sends it, do not repeat their kind.
        of = kind[:-4] if isinstance(kind, str) else ""
        for item in items:
            if isinstance(item, Mapping) and "kind" not in item and of:
                item = {**item, "kind": of}
            yield from unpacked(item)
    elif kind is None and isinstance(value.get("object"), Mapping):
        yield from unpacked(value["object"])
    else:
        yield value


def json_values(found: RawObjects, text: str) -> Iterator[object]:
    """Values one behind another; behind damage the next object that can be read."""
    decoder = json.JSONDecoder()
    place = BLANKS.match(text).end()  # type: ignore[union-attr]
    while place < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            where = error.pos if isinstance(error, json.JSONDecodeError) else place
            line = text.count("\n", 0, where) + 1
            found.problems.append(f"it is damaged or cut in line {line}; the objects that can still be read are used")
            yield from rescued(decoder, text, place)
            return
        yield value
        place = BLANKS.match(text, place).end()  # type: ignore[union-attr]


def rescued(decoder: json.JSONDecoder, text: str, place: int) -> Iterator[object]:
    """Whole objects in a damaged text."""
    items = ITEMS.search(text, place)
    kind = re.match(r'[^{]*\{[^{\[]*"kind"\s*:\s*"(\w+)List"', text[place : items.start() if items else place])
    if items is not None:
        place = items.end()
    while True:
        match = BEGINNING.search(text, place) if kind is None else re.compile(r"\{").search(text, place)
        if match is None:
            return
        try:
            value, place = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            place = match.start() + 1
            continue
        if not isinstance(value.get("metadata"), dict):
            continue    # a part of something larger that is broken
        if kind is not None:
            value.setdefault("kind", kind[1])
        if isinstance(value.get("kind"), str):
            yield value


def yaml_values(found: RawObjects, text: str) -> Iterator[object]:
    """The documents of a YAML text up to the first damage."""
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise MissingDependencyError("pyyaml", "k8s", f"reading {found.name} as YAML") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = yaml.load_all(text, Loader=loader)
    try:
        yield from documents
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        found.problems.append(f"it is neither whole JSON nor whole YAML: damaged{where}; what stands before is used")
