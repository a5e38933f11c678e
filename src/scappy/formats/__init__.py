"""Output formats: templates of lines, and the sinks that take batches and write text, JSON or a summary."""

from __future__ import annotations

from .json import JsonSink
from .presets import PRESETS
from .sink import RenderedSink, Sink
from .summary import Summary
from .template import Column, Template, parse, unescape
from .text import TextSink

__all__ = [
    "PRESETS",
    "Column",
    "JsonSink",
    "RenderedSink",
    "Sink",
    "Summary",
    "Template",
    "TextSink",
    "parse",
    "unescape",
]
