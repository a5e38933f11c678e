"""Read, filter and query sysdig/Falco ``.scap`` system-call captures.

Examples
--------
``scappy.open("capture.scap")`` gives a :class:`Capture`, which can be iterated, filtered and turned into columns::

    for event in scappy.open("capture.scap").filter("fd.name contains resolv.conf"):
        print(event.num, event["proc.name"], event["fd.name"], event.args)
"""

from __future__ import annotations

from scapcore.errors import (
    ChiselError,
    CorruptCaptureError,
    FieldError,
    FilterError,
    MissingDependencyError,
    ScapError,
    SourceError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.event import Event
from scappy.capture import Capture, open
from scappy.chisels import Chisel
from scappy.table import DictionaryColumn, Table

__version__ = "0.1.0"

__all__ = [
    "Capture",
    "Chisel",
    "ChiselError",
    "CorruptCaptureError",
    "DictionaryColumn",
    "Event",
    "FieldError",
    "FilterError",
    "MissingDependencyError",
    "ScapError",
    "SourceError",
    "Table",
    "TruncatedCaptureError",
    "UnsupportedCaptureError",
    "open",
]
