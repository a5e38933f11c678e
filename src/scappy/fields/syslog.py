"""Fields of messages written to the system log."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["SYSLOG"]

SYSLOG = FieldClass(
    "syslog",
    "Messages that are written to the system log.",
    (
        Field("syslog.facility", "UINT32", "Facility as a number from 0 to 23.", "DEC", modern=False),
        Field("syslog.facility.str", "CHARBUF", "Facility as a word, such as kern, mail or local0.", modern=False),
        Field("syslog.severity", "UINT32", "Severity as a number from 0, the gravest, to 7.", "DEC", modern=False),
        Field("syslog.severity.str", "CHARBUF", "Severity as a word, such as err or info.", modern=False),
        Field("syslog.message", "CHARBUF", "The message without its priority.", modern=False),
    ),
)
