"""The filter language: text → tree → typed tree.

``parse_filter`` does both steps; what it returns is all that a compiler of filters needs to know.
"""

from __future__ import annotations

from .names import FilterNames, load_filter_file
from .parser import parse
from .tree import (
    And,
    Check,
    FieldOperand,
    ListOperand,
    Literal,
    Modifier,
    Network,
    Node,
    Not,
    Operand,
    Operator,
    Or,
    Transformer,
    TransformerArgument,
    Val,
    Value,
    checks,
    field_uses,
)
from .types import allowed_operators, check_types

__all__ = [
    "And",
    "Check",
    "FieldOperand",
    "FilterNames",
    "ListOperand",
    "Literal",
    "Modifier",
    "Network",
    "Node",
    "Not",
    "Operand",
    "Operator",
    "Or",
    "Transformer",
    "TransformerArgument",
    "Val",
    "Value",
    "allowed_operators",
    "check_types",
    "checks",
    "field_uses",
    "load_filter_file",
    "parse",
    "parse_filter",
]


def parse_filter(text: str, names: FilterNames | None = None) -> Node:
    """Parse a filter and check its types.

    Parameters
    ----------
    text : str
        The filter; an empty one lets every event pass.
    names : FilterNames, optional
        Lists and macros that the filter may name.

    Returns
    -------
    Node
        The tree; each :class:`Check` has its type and values.

    Raises
    ------
    FilterError
        If the text is no filter; the error knows the place.

    Examples
    --------
    >>> check = parse_filter("fd.sport in (443, 8443)")
    >>> check.field_name, check.operator, check.values
    ('fd.sport', <Operator.IN: 'in'>, (443, 8443))
    >>> parse_filter("evt.type = opne")
    Traceback (most recent call last):
        ...
    scapcore.errors.FilterError: filter error at position 11: unknown event type opne (did you mean open?)
      evt.type = opne
                 ^
    """
    return check_types(parse(text, names), text)
