"""Requests to memcached."""

from __future__ import annotations

from scapcore.event import Event
from scappy.chisels.base import Argument, Chisel

__all__ = ["MemcacheLog"]


class MemcacheLog(Chisel):
    """A line for each get and set."""

    name = "memcachelog"
    description = "Log of the get and set requests to memcached."
    category = "Application"
    arguments = (
        Argument("method", "get or set for these only", optional=True),
        Argument("size", "of set requests, those of at least this size in bytes", int, optional=True),
    )
    fields = ("evt.arg[1]", "evt.datetime")
    filter = "(fd.sport=11211 or proc.name=memcached) and evt.is_io=true"
    printing = True

    method = ""
    size = 0

    def on_capture_start(self) -> None:
        """Begin with nothing."""
        self.found: list[dict[str, object]] = []

    def on_event(self, event: Event) -> None:
        """Print the request, if it is one."""
        words = event.get("evt.arg[1]", "").split(" ")
        if not words[0].startswith(("get", "set")) or len(words) < 2:
            return
        method, key = words[:2]
        size = int(words[4]) if len(words) > 4 and words[4].isdigit() else 0
        if self.method and (method != self.method or (method == "set" and size < self.size)):
            return
        self.print(f"{event['evt.datetime']} method={method} size={size}B key={key}")
        self.found.append({"evt.datetime": event["evt.datetime"], "method": method, "size": size, "key": key})

    def result(self) -> object:
        """List of dict: each request."""
        return self.found
