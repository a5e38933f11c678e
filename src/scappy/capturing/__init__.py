"""Captures of the running system.

The package is not called ``live``, as it would then stand in the way of the function :func:`scappy.live`.
"""

from __future__ import annotations

from scappy.capturing.capture import LiveCapture, live

__all__ = ["LiveCapture", "live"]
