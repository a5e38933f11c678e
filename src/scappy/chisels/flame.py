"""Flame graphs of spans: a page for the program flame-ui."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from scapcore.event import Event
from scappy.chisels.base import Chisel
from scappy.chisels.json_text import json_text

__all__ = ["Flame"]

#: Where flame-ui is served from, and what it wants to be told.
ASSETS = "https://cdn.rawgit.com/draios/flame-ui/master/build/assets"
SETTINGS = {
    "modulePrefix": "flame-ui",
    "environment": "development",
    "baseURL": "/",
    "locationType": "hash",
    "EmberENV": {"FEATURES": {}},
    "APP": {"name": "flame-ui", "version": "0.0.0+3fc5f790"},
    "contentSecurityPolicy": {
        "default-src": "'none'",
        "script-src": "'self' 'unsafe-inline'",
        "style-src": "'self' 'unsafe-inline'",
        "font-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self'",
        "media-src": "'self'",
    },
    "contentSecurityPolicyHeader": "Content-Security-Policy-Report-Only",
    "exportApplicationGlobal": True,
}


def head() -> Iterator[str]:
    """Lines of the page up to the data."""
    inside, deeper = " " * 8, " " * 12
    described = {
        "description": "",
        "viewport": "width=device-width, initial-scale=1",
    }
    yield "<!DOCTYPE html>"
    yield "<html>"
    yield "    <head>"
    yield inside + '<meta charset="utf-8">'
    yield inside + '<meta http-equiv="X-UA-Compatible" content="IE=edge">'
    yield inside + "<title>Flame UI</title>"
    for name, content in described.items():
        yield inside + f'<meta name="{name}" content="{content}">'
    yield from ("", inside)
    settings = quote(json.dumps(SETTINGS, separators=(",", ":")), safe="/+")
    yield f'<meta name="flame-ui/config/environment" content="{settings}" />'
    yield ""
    for sheet in ("vendor", "flame-ui"):
        yield inside + f'<link rel="stylesheet" href="{ASSETS}/{sheet}.css">'
    yield from ("", inside)
    yield "    </head>"
    yield "    <body>"
    yield from (inside, "")
    for script in ("vendor", "flame-ui"):
        yield inside + f'<script src="{ASSETS}/{script}.js"></script>'
    yield from ("", inside, "")
    yield inside + "<script>"
    yield deeper + "window.transactions = {"
    yield ""


def tail() -> Iterator[str]:
    """Lines of the page behind the data."""
    yield " " * 12 + "};"
    yield " " * 8 + "</script>"
    yield "    </body>"
    yield "</html>"
    yield from ("", "")


@dataclass
class Span:
    """A node of the tree of spans: the total time of all of its kind.

    Attributes
    ----------
    total : int
        Nanoseconds from enter to exit.
    count : int
        How many there were; 0 where only parts of it were seen.
    container, program : str
        Of the last one.
    parts : dict of str to Span
        The spans within, by tag.
    """

    total: int = 0
    count: int = 0
    container: str = ""
    program: str = ""
    parts: dict[str, Span] = field(default_factory=dict)

    def add(self, other: Span) -> None:
        """Add the times of another tree."""
        self.total += other.total
        self.count += other.count
        for tag, part in other.parts.items():
            self.parts.setdefault(tag, Span(container=part.container, program=part.program)).add(part)

    def is_complete(self) -> bool:
        """Whether the ends of all spans in it were seen."""
        return self.count > 0 and all(part.is_complete() for part in self.parts.values())

    def data(self, factor: int) -> dict[str, Any]:
        """The tree for the page, times divided by a factor; ``t`` is the time that no part accounts for."""
        inside = sum(part.total for part in self.parts.values())
        longest = max((part.total for part in self.parts.values()), default=0)
        parts = dict(self.parts)
        own = self.total - inside
        extra: dict[str, Any] = {}
        if own < 0:
            # Parts ran side by side: the longest stands for all.
            extra["nconc"] = len(parts)
            parts = {tag: part for tag, part in parts.items() if part.total == longest}
            own = self.total - longest
        return {
            "tt": self.total / factor,
            "ch": {tag: part.data(factor) for tag, part in parts.items()},
            "t": own / factor,
            "cont": self.container,
            "exe": self.program,
            "c": 1,
            **extra,
        }


class Flame(Chisel):
    """Average, shortest and longest transactions of the capture's tracers, as a page with flame graphs."""

    name = "flame"
    description = "Build a page of flame graphs from tracers."
    category = "Performance"
    fields = ("container.name", "proc.exeline")
    filter = "evt.type=tracer"

    def on_capture_start(self) -> None:
        """Begin with no span."""
        self.entered: dict[tuple[int, tuple[str, ...]], int] = {}
        self.trees: dict[int, dict[str, Span]] = {}

    def on_event(self, event: Event) -> None:
        """Note when a span begins; put it into the tree of its transaction when it ends."""
        params = event.params
        identity = int(params.get("id", 0))
        tags = tags_of(params.get("tags", b""))
        if not tags:
            return
        if event.is_enter:
            self.entered[identity, tags] = event.ts
            return
        start = self.entered.pop((identity, tags), None)
        if start is None:
            return
        level = self.trees.setdefault(identity, {})
        for tag in tags:
            span = level.setdefault(tag, Span())
            level = span.parts
        span.total += event.ts - start
        span.count += 1
        span.container = event.get("container.name", "")
        span.program = event.get("proc.exeline", "")

    def transactions(self) -> dict[str, dict[str, Any]]:
        """The three trees of the page."""
        average: dict[str, Span] = {}
        shortest: dict[str, Span] = {}
        longest: dict[str, Span] = {}
        for tree in self.trees.values():
            for tag, span in tree.items():
                if not span.is_complete():
                    continue
                average.setdefault(tag, Span(container=span.container, program=span.program)).add(span)
                if tag not in shortest or span.total < shortest[tag].total:
                    shortest[tag] = span
                if tag not in longest or span.total > longest[tag].total:
                    longest[tag] = span
        return {
            "avg": {tag: span.data(max(span.count, 1)) for tag, span in average.items()},
            "min": {tag: span.data(1) for tag, span in shortest.items()},
            "max": {tag: span.data(1) for tag, span in longest.items()},
        }

    def on_capture_end(self) -> None:
        """Print the page."""
        for line in head():
            self.print(line)
        for name, tree in self.transactions().items():
            self.print(f'"{name}": ' + json_text({"": {"tt": 0, "ch": tree, "t": 0}}) + ",")
        for line in tail():
            self.print(line)

    def result(self) -> object:
        """Dict of the trees ``avg``, ``min`` and ``max``."""
        return self.transactions()


def tags_of(value: object) -> tuple[str, ...]:
    """The tags of a tracer, outermost first."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return tuple(tag for tag in text.rstrip("\0").replace("\0", ".").split(".") if tag)
