"""No compression: the bytes as they are."""

from __future__ import annotations

from collections.abc import Generator

from scapcore.source.inputs import Input

__all__ = ["decode"]


def decode(data: Input) -> Generator[memoryview, None, None]:
    """Give the bytes unchanged, as they arrive."""
    while window := data.window():
        data.advance(len(window))
        yield window
