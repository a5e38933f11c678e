"""From the name of a field to what takes its values from events."""

from __future__ import annotations

from scapcore.fields import FieldUse

from .registry import lookup

__all__ = ["compile_field"]


def compile_field(name: str) -> FieldUse:
    """A field as text, ready to be taken from events.

    Parameters
    ----------
    name : str
        With its argument, if it has one.

    Raises
    ------
    FieldError
        If there is no such field; the message names the nearest ones.
    """
    use = lookup(name)
    return FieldUse(use.name, use.argument)
