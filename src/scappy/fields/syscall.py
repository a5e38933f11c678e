"""The field that is about system calls only."""

from __future__ import annotations

from .field import Field, FieldClass

__all__ = ["SYSCALL"]

SYSCALL = FieldClass(
    "syscall",
    "System calls, as distinct from other events.",
    (Field("syscall.type", "CHARBUF", "Name of the system call; missing on events that are none."),),
)
