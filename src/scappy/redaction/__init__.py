"""Take out of captures what others must not see."""

from __future__ import annotations

from scappy.redaction.redact import RedactionReport, redact
from scappy.redaction.rules import Rules, load_rules

__all__ = ["RedactionReport", "Rules", "load_rules", "redact"]
