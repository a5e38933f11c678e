"""Spans that programs mark in the capture by writing to ``/dev/null``."""

from __future__ import annotations

from typing import cast

from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.units import SECOND, format_interval

__all__ = ["Tracers"]


class Tracers(Chisel):
    """A line for each span at its end, with tags, time and arguments; spans that never end come last."""

    name = "tracers"
    description = "List the spans that programs mark with tracers."
    category = "Tracers"
    arguments = (Argument("tag", "only spans with this tag at any place", optional=True),)
    fields = ("proc.name", "evt.dir")
    filter = "evt.type=tracer"

    tag = ""

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.open: dict[tuple[object, str], Event] = {}
        self.found: list[dict[str, object]] = []

    def on_event(self, event: Event) -> None:
        """Note a beginning, or tell a span at its end."""
        params = event.params
        tags = joined(params.get("tags"))
        if self.tag and self.tag not in tags.split("."):
            return
        key = params.get("id"), tags
        if event["evt.dir"] == ">":
            self.open[key] = event
            return
        begin = self.open.pop(key, None)
        if begin is not None:
            self.tell(begin, event.ts, joined(params.get("args"), ","))

    def tell(self, begin: Event, end: int | None, more: str = "") -> None:
        """Print a span."""
        params = begin.params
        tags, words = joined(params.get("tags")), joined(params.get("args"), ",")
        words = ",".join(part for part in (words, more) if part)
        duration = None if end is None else max(end - begin.ts, 0)
        seconds, rest = divmod(begin.ts, SECOND)
        took = "open" if duration is None else format_interval(duration)
        process = begin.get("proc.name", "<NA>")
        identity = cast("int", params.get("id"))
        self.found.append(
            {
                "time": begin.ts, "process": process, "tid": begin.tid, "id": identity, "tags": tags,
                "duration": duration, "args": words,
            }
        )
        if self.context.json:
            self.print_object(self.found[-1])
            return
        self.print(f"{seconds}.{rest:09} {process}({begin.tid}) id={identity} {tags} {took} {words}".rstrip())

    def on_capture_end(self) -> None:
        """Tell the spans that have not ended."""
        for begin in self.open.values():
            self.tell(begin, None)

    def result(self) -> object:
        """List of dict: ``time``, ``process``, ``tid``, ``id``, ``tags``, ``duration`` (ns, None if open) and ``args``."""
        return self.found


def joined(value: object, between: str = ".") -> str:
    """A list of a tracer as text; its parts are told apart by their ends or stand in a list."""
    if isinstance(value, bytes):
        value = value.rstrip(b"\0").replace(b"\0", between.encode()).decode("utf-8", "replace")
    if isinstance(value, dict):
        return between.join(f"{name}={item}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return between.join("=".join(map(str, part)) if isinstance(part, (list, tuple)) else str(part) for part in value)
    return "" if value is None else str(value)
