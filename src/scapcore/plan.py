"""What a filter asks, as data: the form in which the core takes filters.

A plan is a tree of conditions; :class:`scapcore.predicate.Predicate` runs it over batches. Texts have become values
of the fields' types before, so nothing here refers to the filter language.
"""

from __future__ import annotations

from typing import TypeAlias

from scapcore.record import Record

__all__ = [
    "Around",
    "Comparison",
    "Condition",
    "Conjunction",
    "Disjunction",
    "FieldOperand",
    "ListOperand",
    "Negation",
    "Operand",
    "TextOperand",
    "TransformerOperand",
    "Value",
]

Value: TypeAlias = int | float | bytes | tuple[bytes, int]


class FieldOperand(Record):
    """The value of a field.

    Attributes
    ----------
    name : str
        Name of the field without argument.
    argument : str, int or None
        What stands in brackets or behind the name.
    """

    name: str
    argument: str | int | None = None


class TextOperand(Record):
    """A text that stands in the filter."""

    value: bytes


class ListOperand(Record):
    """Several texts; missing if one of them is."""

    items: tuple[Operand, ...]


class TransformerOperand(Record):
    """A function of other operands.

    Attributes
    ----------
    name : str
        ``tolower``, ``toupper``, ``b64``, ``basename``, ``len``, ``concat``, ``join`` or ``getopt``.
    arguments : tuple of Operand
        In the order in which they are written.
    selector : bytes or None
        The option letter of ``getopt``.
    """

    name: str
    arguments: tuple[Operand, ...]
    selector: bytes | None = None


Operand: TypeAlias = FieldOperand | TextOperand | ListOperand | TransformerOperand


class Comparison(Record):
    """One comparison; false where a side is missing.

    Attributes
    ----------
    left : Operand
        What is compared.
    operator : str
        As the filter language writes it.
    values : tuple of int, float, bytes, or (bytes, int)
        What it is compared with; a pair is the address and prefix length of a network.
    right : Operand or None
        What it is compared with instead of `values`.
    quantifier : str or None
        ``anyof``, ``allof`` or ``oneof``: how many of `values` must pass.
    """

    left: Operand
    operator: str
    values: tuple[Value, ...] = ()
    right: Operand | None = None
    quantifier: str | None = None


class Around(Record):
    """True for events near a time.

    Attributes
    ----------
    time : int
        Nanoseconds since the epoch.
    distance : int
        Nanoseconds on either side.
    """

    time: int
    distance: int


class Conjunction(Record):
    """True if every item is; without items always."""

    items: tuple[Condition, ...]


class Disjunction(Record):
    """True if one of the items is."""

    items: tuple[Condition, ...]


class Negation(Record):
    """True if the item is not."""

    item: Condition


Condition: TypeAlias = Comparison | Around | Conjunction | Disjunction | Negation
