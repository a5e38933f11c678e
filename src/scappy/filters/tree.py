"""The tree that a filter is parsed into.

Every node prints as canonical filter text, which parses to an equal tree; canonical text means the same to
sysdig 0.29.3 wherever that knows the operators. Positions and typed values take no part in comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, TypeAlias

from scapcore.record import Record
from scappy.fields import FieldUse

__all__ = [
    "And",
    "Check",
    "FieldOperand",
    "ListOperand",
    "Literal",
    "Modifier",
    "Network",
    "Node",
    "Not",
    "Operand",
    "Operator",
    "Or",
    "Right",
    "Transformer",
    "TransformerArgument",
    "Val",
    "Value",
    "checks",
    "field_uses",
]


class Operator(Enum):
    """What a check asks; the value is the operator as it is written."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    BCONTAINS = "bcontains"
    STARTSWITH = "startswith"
    BSTARTSWITH = "bstartswith"
    ENDSWITH = "endswith"
    GLOB = "glob"
    IGLOB = "iglob"
    REGEX = "regex"
    IN = "in"
    INTERSECTS = "intersects"
    PMATCH = "pmatch"
    EXISTS = "exists"

    @property
    def takes_list(self) -> bool:
        """True if a list follows: ``in``, ``intersects`` and ``pmatch``."""
        return self in (Operator.IN, Operator.INTERSECTS, Operator.PMATCH)


class Modifier(Enum):
    """How many elements of a list must pass: at least one, every one, exactly one."""

    ANYOF = "anyof"
    ALLOF = "allof"
    ONEOF = "oneof"


class Network(NamedTuple):
    """An IP network.

    Attributes
    ----------
    address : bytes
        4 or 16 bytes; those bits that the prefix does not cover are 0.
    prefix : int
        How many leading bits count.
    """

    address: bytes
    prefix: int


#: Where something stands in the filter makes no difference to what it is.
POSITION = ("position",)

Value: TypeAlias = int | float | bytes | Network

# What prints without quotes: nothing that either dialect could take for anything but a value.
BARE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+-*?[]{}|;&~^#$")


class Literal(Record, uncompared=POSITION):
    """A value as written, its quotes taken off and its escapes resolved.

    Attributes
    ----------
    value : bytes
        UTF-8, or whatever bytes ``\\xHH`` asked for.
    position : int
        Where it begins in the filter.
    """

    value: bytes
    position: int = 0

    def __str__(self) -> str:
        if self.value in (b"<", b">") or (self.value and BARE.issuperset(self.value)):
            return self.value.decode("ascii")
        return self.quoted()

    def quoted(self) -> str:
        """The value in double quotes, with no escapes but those that every dialect reads alike."""
        shown = []
        for character in self.value.decode("utf-8", "surrogateescape"):
            if character in '\\"':
                shown.append("\\" + character)
            elif character == "'" or not character.isprintable():
                shown += [f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape")]
            else:
                shown.append(character)
        return f'"{"".join(shown)}"'


class FieldOperand(Record, uncompared=POSITION):
    """A field, on the left of a check or within a transformer."""

    use: FieldUse
    position: int = 0

    def __str__(self) -> str:
        return str(self.use)


class ListOperand(Record, uncompared=POSITION):
    """A bracketed list among the arguments of a transformer."""

    items: tuple[TransformerArgument, ...]
    position: int = 0

    def __str__(self) -> str:
        return f"({', '.join(argument_text(item) for item in self.items)})"


class Transformer(Record, uncompared=POSITION):
    """A function of fields and texts, such as ``tolower(proc.name)``.

    Attributes
    ----------
    name : str
        One of :data:`TRANSFORMERS`.
    arguments : tuple of FieldOperand, Transformer, Literal or ListOperand
        In the order of the text.
    selector : str or None
        The option letter in brackets behind ``getopt``.
    position : int
        Where it begins in the filter.
    """

    name: str
    arguments: tuple[TransformerArgument, ...]
    selector: str | None = None
    position: int = 0

    def __str__(self) -> str:
        arguments = ", ".join(argument_text(argument) for argument in self.arguments)
        selector = f"[{self.selector}]" if self.selector is not None else ""
        return f"{self.name}({arguments}){selector}"


class Val(Record, uncompared=POSITION):
    """The value of another field of the same event, on the right of a check."""

    operand: FieldOperand
    position: int = 0

    def __str__(self) -> str:
        return f"val({self.operand})"


Operand: TypeAlias = FieldOperand | Transformer
TransformerArgument: TypeAlias = FieldOperand | Transformer | Literal | ListOperand
Right: TypeAlias = tuple[Literal, ...] | Transformer | Val

TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")


def argument_text(argument: TransformerArgument) -> str:
    """A transformer's argument; texts are always quoted there."""
    return argument.quoted() if isinstance(argument, Literal) else str(argument)


class Check(Record, uncompared=("position", "operator_position", "type", "values")):
    """One comparison.

    Attributes
    ----------
    left : FieldOperand or Transformer
        What is compared.
    operator : Operator
        How.
    right : tuple of Literal, Transformer or Val
        What with: no literal for ``exists``, one for most operators, any number for lists.
    modifier : Modifier or None
        How many of the list must pass, for ``startswith anyof (…)`` and the like.
    position : int
        Where the check begins in the filter (for checks of a macro: where the macro is used).
    operator_position : int
        Where its operator begins.
    type : str
        Type code that both sides have; set by the typed check, empty before.
    values : tuple of int, float, bytes or Network
        The literals as values of that type, in the same order; set by the typed check, empty if `right` is
        no tuple. Numbers have been brought into the range of the type, BOOL is 0 or 1, addresses are 4 or 16
        bytes in network order, and texts are bytes.
    """

    left: Operand
    operator: Operator
    right: Right = ()
    modifier: Modifier | None = None
    position: int = 0
    operator_position: int = 0
    type: str = ""
    values: tuple[Value, ...] = ()

    @property
    def use(self) -> FieldUse | None:
        """The field on the left, None if a transformer is around it."""
        return self.left.use if isinstance(self.left, FieldOperand) else None

    @property
    def field_name(self) -> str | None:
        """Name of the field on the left without argument, None if a transformer is around it."""
        return self.left.use.name if isinstance(self.left, FieldOperand) else None

    @property
    def argument(self) -> str | int | None:
        """Argument of the field on the left: a name, an index or None."""
        return self.left.use.argument if isinstance(self.left, FieldOperand) else None

    def __str__(self) -> str:
        start = f"{self.left} {self.operator.value}"
        if self.operator is Operator.EXISTS:
            return start
        if not isinstance(self.right, tuple):
            return f"{start} {self.right}"
        if self.modifier is not None:
            start += " " + self.modifier.value
        elif not self.operator.takes_list:
            return f"{start} {self.right[0]}"
        return f"{start} ({', '.join(str(literal) for literal in self.right)})"


class And(Record):
    """True if every item is; without items it is the empty filter, which every event passes."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(bracketed(item) for item in self.items)


class Or(Record):
    """True if one of two or more items is."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(bracketed(item) for item in self.items)


class Not(Record):
    """True if the item is not."""

    item: Node

    def __str__(self) -> str:
        if isinstance(self.item, Not):
            return f"not ({self.item})"
        return f"not {bracketed(self.item)}"


Node: TypeAlias = And | Or | Not | Check


def bracketed(node: Node) -> str:
    """A node as it stands between ``and`` and ``or``: in brackets even where precedence makes them needless."""
    return f"({node})" if isinstance(node, (And, Or)) else str(node)


def checks(node: Node) -> Iterator[Check]:
    """All checks of a tree from left to right."""
    if isinstance(node, Check):
        yield node
    elif isinstance(node, Not):
        yield from checks(node.item)
    else:
        for item in node.items:
            yield from checks(item)


def field_uses(node: Node) -> Iterator[FieldUse]:
    """Every use of a field in a tree from left to right, those in transformers and ``val()`` included."""
    for check in checks(node):
        yield from uses_of(check.left)
        if isinstance(check.right, Val):
            yield check.right.operand.use
        elif isinstance(check.right, Transformer):
            yield from uses_of(check.right)


def uses_of(operand: TransformerArgument) -> Iterator[FieldUse]:
    """Every use of a field in an operand."""
    if isinstance(operand, FieldOperand):
        yield operand.use
    elif isinstance(operand, Transformer):
        for argument in operand.arguments:
            yield from uses_of(argument)
    elif isinstance(operand, ListOperand):
        for item in operand.items:
            yield from uses_of(item)
