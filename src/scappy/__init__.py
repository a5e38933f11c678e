"""Read, filter and query sysdig/Falco ``.scap`` system-call captures.

Examples
--------
``scappy.open("capture.scap")`` gives a :class:`Capture`, which can be iterated, filtered and turned into columns::

    for event in scappy.open("capture.scap").filter("fd.name contains resolv.conf"):
        print(event.num, event["proc.name"], event["fd.name"], event.args)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scapcore.errors import (
        ChiselError,
        CorruptCaptureError,
        DamageWarning,
        FieldError,
        FilterError,
        LiveCaptureError,
        MetadataWarning,
        MissingDependencyError,
        ScapError,
        SourceError,
        TruncatedCaptureError,
        UnsupportedCaptureError,
    )
    from scapcore.event import Event
    from scappy.capture import Capture, open
    from scappy.capturing.capture import live
    from scappy.chisels import Chisel, run_chisels
    from scappy.copying.merge import merge
    from scappy.redaction import load_rules, redact
    from scappy.selection import Selection
    from scappy.table import DictionaryColumn, Table
    from scappy.versions import show_versions
    from scappy.writer import CaptureWriter

__version__ = "0.1.0"

__all__ = [
    "Capture",
    "CaptureWriter",
    "Chisel",
    "ChiselError",
    "CorruptCaptureError",
    "DamageWarning",
    "DictionaryColumn",
    "Event",
    "FieldError",
    "FilterError",
    "LiveCaptureError",
    "MetadataWarning",
    "MissingDependencyError",
    "ScapError",
    "Selection",
    "SourceError",
    "Table",
    "TruncatedCaptureError",
    "UnsupportedCaptureError",
    "live",
    "load_rules",
    "merge",
    "open",
    "redact",
    "run_chisels",
    "show_versions",
]

#: Where each public name lives; it is imported when it is first asked for, so that the command lines start quickly.
HOMES = {
    "Capture": "scappy.capture",
    "open": "scappy.capture",
    "Chisel": "scappy.chisels",
    "run_chisels": "scappy.chisels",
    "CaptureWriter": "scappy.writer",
    "DictionaryColumn": "scappy.table",
    "live": "scappy.capturing.capture",
    "load_rules": "scappy.redaction",
    "merge": "scappy.copying.merge",
    "redact": "scappy.redaction",
    "Selection": "scappy.selection",
    "show_versions": "scappy.versions",
    "Table": "scappy.table",
    "Event": "scapcore.event",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOMES.get(name, "scapcore.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
