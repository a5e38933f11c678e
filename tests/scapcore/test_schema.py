"""The two ways to the schema, compiled tables and files, say the same."""

from __future__ import annotations

from scapcore.schema import event_types, syscall_names
from scapcore.schema.names import known_names


def test_names_of_events() -> None:
    names: set[str] = set()
    for modern in (False, True):
        names.update(event.name for event in event_types(modern))
        names.update(syscall_names(modern).values())
    assert known_names() == names
