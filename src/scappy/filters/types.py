"""The typed check: literal text becomes values of the field's type, and operators must suit the type.

Values are read as sysdig 0.29.3 reads them, so numbers of 8, 16 and 32 bits are cut to their width, a minus sign
wraps unsigned ones, and 64 bits are the limit. Departures, each of them an error or meaningless there:

* A fraction may be compared with a DOUBLE field (``thread.cpu > 0.5``).
* An IPv6 network may have a prefix length (``fd.net = fe80::/10``).
* PID, UID and the like, which only ``evt.rawarg`` has, take numbers.
* A text cannot hold a NUL byte, but bytes can (``evt.buffer contains "\\x00"``).
* An operator that does not suit the type is an error at once, not at the first event that has a value.
* ``<`` and its kin on texts take any value, as they do there; the newest tools want a number.
"""

from __future__ import annotations

import re

from scapcore.errors import FilterError
from scappy.fields import FieldUse

from .tree import (
    And,
    Check,
    FieldOperand,
    ListOperand,
    Literal,
    Network,
    Node,
    Not,
    Operator,
    Or,
    Transformer,
    TransformerArgument,
    Val,
    Value,
)

__all__ = ["allowed_operators", "check_types", "parse_value"]

# Type code: bits, and whether it is signed.
NUMBERS: dict[str, tuple[int, bool]] = {
    **dict.fromkeys(("UINT8", "FLAGS8", "ENUMFLAGS8", "L4PROTO", "SIGTYPE"), (8, False)),
    **dict.fromkeys(("UINT16", "FLAGS16", "ENUMFLAGS16", "SYSCALLID", "PORT"), (16, False)),
    **dict.fromkeys(("UINT32", "FLAGS32", "ENUMFLAGS32", "MODE", "UID", "GID"), (32, False)),
    **dict.fromkeys(("UINT64", "RELTIME", "ABSTIME"), (64, False)),
    "INT8": (8, True),
    "INT16": (16, True),
    **dict.fromkeys(("INT32", "PID32", "FD32"), (32, True)),
    **dict.fromkeys(("INT64", "FD", "PID", "ERRNO"), (64, True)),
}
TEXTS = frozenset(("CHARBUF", "FSPATH", "FSRELPATH"))
ADDRESSES = frozenset(("IPADDR", "IPV4ADDR", "IPV6ADDR"))

EQUAL = frozenset((Operator.EQ, Operator.NE))
ORDER = frozenset((Operator.LT, Operator.LE, Operator.GT, Operator.GE))
SETS = frozenset((Operator.IN, Operator.INTERSECTS))
EXISTS = frozenset((Operator.EXISTS,))
HEXADECIMAL = frozenset((Operator.BCONTAINS, Operator.BSTARTSWITH))
PARTS = frozenset((Operator.CONTAINS, Operator.STARTSWITH, Operator.ENDSWITH))

#: Patterns, compiled when the first value of their kind comes.
DECIMAL = rb"[ \t\n\r\v\f]*([+-]?[0-9]{1,40})"
FRACTION = rb"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?([eE][+-]?[0-9]{1,2})?"
HEX_NUMBER = rb"0[xX][0-9A-Fa-f]{1,16}"
HEX_DIGITS = rb"([0-9A-Fa-f]{2})+"


def check_types(node: Node, text: str = "") -> Node:
    """Give every check its type and its values.

    Parameters
    ----------
    node : Node
        What :func:`scappy.filters.parser.parse` returned.
    text : str, optional
        The text that it was parsed from, for the messages of errors.

    Returns
    -------
    Node
        An equal tree whose checks have `type` and `values`.

    Raises
    ------
    FilterError
        If a value is not of the field's type, or an operator does not suit it.
    """
    if isinstance(node, Check):
        return Typing(text).check(node)
    if isinstance(node, Not):
        return Not(check_types(node.item, text))
    items = tuple(check_types(item, text) for item in node.items)
    return And(items) if isinstance(node, And) else Or(items)


def allowed_operators(type: str, is_list: bool = False) -> frozenset[Operator]:
    """The operators that suit a type.

    Examples
    --------
    >>> Operator.LT in allowed_operators("UINT64"), Operator.GLOB in allowed_operators("UINT64")
    (True, False)
    """
    if is_list:
        return SETS | EXISTS
    if type in NUMBERS:
        return EQUAL | ORDER | SETS | EXISTS
    if type == "BOOL":
        return EQUAL | ORDER | SETS | EXISTS
    if type in TEXTS:
        return frozenset(Operator) - HEXADECIMAL
    if type == "BYTEBUF":
        return EQUAL | PARTS | HEXADECIMAL | SETS | EXISTS
    if type in ADDRESSES or type == "IPNET":
        return EQUAL | SETS | EXISTS
    if type == "DOUBLE":
        return EQUAL | ORDER | EXISTS | {Operator.IN}
    return EXISTS


def field_operators(use: FieldUse) -> frozenset[Operator]:
    """The operators that suit a field: those of its type, or fewer."""
    allowed = allowed_operators(use.type, use.is_list)
    if use.name == "evt.around":
        return frozenset((Operator.EQ,))
    if use.name in ("fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"):
        return EQUAL | SETS | EXISTS
    return allowed


class ValueProblem(Exception):
    """Why a text is no value of a type; becomes a :class:`FilterError` before it leaves this module."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        self.message = message
        self.suggestion = suggestion
        super().__init__(message)


class Typing:
    """The typed check of one comparison.

    Parameters
    ----------
    text : str
        The whole filter, for the messages of errors.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def error(self, message: str, position: int, suggestion: str | None = None) -> FilterError:
        """The error to raise."""
        return FilterError(message, self.text, position, suggestion)

    def check(self, check: Check) -> Check:
        """The check with its type and values."""
        type, is_list = self.operand_type(check.left)
        operator = check.operator
        use = check.use
        if use is not None and use.field.print_only:
            raise self.error(f"{use.name} can be printed but not compared", check.left.position)
        allowed = field_operators(use) if use is not None else allowed_operators(type, is_list)
        if operator not in allowed or (check.modifier is not None and is_list):
            kind = "a list" if is_list else f"of type {type}"
            what = f"{check.modifier.value} lists" if operator in allowed and check.modifier else operator.value
            usable = ", ".join(known.value for known in Operator if known in allowed)
            raise self.error(
                f"{check.left} is {kind} and does not take {what}", check.operator_position, f"it takes {usable}"
            )
        if isinstance(check.right, tuple):
            values = tuple(self.value(check, type, literal) for literal in check.right)
            return check.replaced(type=type, values=values)
        self.compare_fields(check, type, is_list)
        return check.replaced(type=type)

    def value(self, check: Check, type: str, literal: Literal) -> Value:
        """The value that a literal is."""
        try:
            if check.operator in HEXADECIMAL:
                return hex_bytes(literal.value)
            use = check.use
            if use is not None and use.name == "evt.type":
                return event_name(literal.value)
            return parse_value(type, literal.value)
        except ValueProblem as problem:
            raise self.error(problem.message, literal.position, problem.suggestion) from None

    def compare_fields(self, check: Check, type: str, is_list: bool) -> None:
        """Check a comparison with a field or transformer on the right."""
        right = check.right
        assert not isinstance(right, tuple)
        if check.operator in (Operator.PMATCH, Operator.REGEX, *HEXADECIMAL):
            raise self.error(f"{check.operator.value} takes no field on its right", right.position)
        if check.use is not None and check.use.field.no_field_on_right:
            raise self.error(f"{check.use.name} cannot be compared with another field", right.position)
        if isinstance(right, Val):
            use = right.operand.use
            if use.field.no_field_on_right or use.field.print_only:
                raise self.error(f"{use.name} cannot stand in val()", right.operand.position)
            right_type, right_list = use.type, use.is_list
        else:
            right_type, right_list = self.transformer_type(right)
        if right_type != type:
            raise self.error(f"{check.left} is of type {type}, but {right} of type {right_type}", right.position)
        if right_list and check.operator not in SETS:
            raise self.error(f"{right} is a list and needs in or intersects", right.position)

    def operand_type(self, operand: TransformerArgument) -> tuple[str, bool]:
        """Type of an operand, and whether it holds several values."""
        if isinstance(operand, FieldOperand):
            return operand.use.type, operand.use.is_list
        if isinstance(operand, Literal):
            return "CHARBUF", False
        if isinstance(operand, Transformer):
            return self.transformer_type(operand)
        for item in operand.items:
            if self.argument_type(item, "a list")[0] not in TEXTS:
                raise self.error(f"a list must hold texts, which {item} is not", item.position)
        return "CHARBUF", True

    def argument_type(self, argument: TransformerArgument, where: str) -> tuple[str, bool]:
        """Type of what stands within a transformer or a list."""
        if isinstance(argument, FieldOperand):
            field = argument.use.field
            if field.no_transformer or field.print_only:
                raise self.error(f"{field.name} cannot stand in {where}", argument.position)
        return self.operand_type(argument)

    def transformer_type(self, transformer: Transformer) -> tuple[str, bool]:
        """Type of what a transformer gives, after a check of its arguments."""
        name, arguments = transformer.name, transformer.arguments
        types = [self.argument_type(argument, f"{name}()") for argument in arguments]
        if transformer.selector is not None and name != "getopt":
            raise self.error(f"{name}() takes nothing in brackets behind it", transformer.position)
        if name in ("join", "getopt"):
            return self.list_transformer_type(transformer, types)
        if name == "concat":
            if len(arguments) < 2:
                raise self.error("concat() takes two or more arguments", transformer.position)
            for argument, (type, is_list) in zip(arguments, types, strict=True):
                self.want_text(name, argument, type, is_list)
            return "CHARBUF", False
        if len(arguments) != 1:
            raise self.error(f"{name}() takes one argument", transformer.position)
        type, is_list = types[0]
        if name == "len":
            if type not in TEXTS and type != "BYTEBUF" and not is_list:
                raise self.error(
                    f"len() takes a text, bytes or a list, but {arguments[0]} is of type {type}", arguments[0].position
                )
            return "UINT64", False
        if name == "b64" and type == "BYTEBUF":
            return type, is_list
        if type not in TEXTS:
            raise self.error(f"{name}() takes a text, but {arguments[0]} is of type {type}", arguments[0].position)
        return type, is_list

    def list_transformer_type(self, transformer: Transformer, types: list[tuple[str, bool]]) -> tuple[str, bool]:
        """Type of what ``join`` or ``getopt`` gives."""
        name, arguments = transformer.name, transformer.arguments
        if len(arguments) != 2:
            raise self.error(f"{name}() takes two arguments", transformer.position)
        text, several = (0, 1) if name == "join" else (1, 0)
        self.want_text(name, arguments[text], *types[text])
        if not types[several][1] or types[several][0] not in TEXTS:
            message = f"argument {several + 1} of {name}() must be a list of texts"
            raise self.error(message, arguments[several].position, "a list is written in brackets")
        if name == "join":
            return "CHARBUF", False
        if not isinstance(arguments[1], Literal):
            raise self.error("argument 2 of getopt() must be the option letters", arguments[1].position)
        if transformer.selector is not None and len(transformer.selector) != 1:
            raise self.error("getopt() takes one option letter in brackets", transformer.position)
        return "CHARBUF", transformer.selector is None

    def want_text(self, name: str, argument: TransformerArgument, type: str, is_list: bool) -> None:
        """Raise unless an argument is a single text."""
        if type not in TEXTS or is_list or isinstance(argument, ListOperand):
            kind = "a list" if is_list else f"of type {type}"
            raise self.error(f"{name}() takes a text here, but this is {kind}", argument.position)


def parse_value(type: str, text: bytes) -> Value:
    """Turn literal text into a value of a type.

    Parameters
    ----------
    type : str
        Type code of the format without its prefix, such as ``UINT32``.
    text : bytes
        The literal without quotes and escapes.

    Raises
    ------
    ValueProblem
        If the text is no value of that type.

    Examples
    --------
    >>> parse_value("UINT8", b"-1"), parse_value("BOOL", b"true"), parse_value("IPADDR", b"10.0.0.1")
    (255, 1, b'\\n\\x00\\x00\\x01')
    >>> parse_value("IPNET", b"192.168.1.9/16")
    Network(address=b'\\xc0\\xa8\\x00\\x00', prefix=16)
    """
    if type in TEXTS:
        if b"\0" in text:
            raise ValueProblem("a text cannot hold a NUL byte")
        return text
    if type == "BYTEBUF":
        return text
    if type == "PORT":
        return port(text)
    if type in NUMBERS:
        return number(type, text)
    if type == "BOOL":
        if text not in (b"true", b"false"):
            near = text.lower()
            hint = f"did you mean {near.decode()}?" if near in (b"true", b"false") else "it is true or false"
            raise ValueProblem(f"{shown(text)} is not a truth value", hint)
        return int(text == b"true")
    if type == "DOUBLE":
        if re.fullmatch(FRACTION, text) is None:
            raise ValueProblem(f"{shown(text)} is not a valid number")
        return float(text)
    if type in ADDRESSES:
        return address(text)
    if type == "IPNET":
        return network(text)
    raise ValueProblem(f"no value of type {type} can be written in a filter", "it takes exists")


def shown(text: bytes) -> str:
    """A value as it stands in a message."""
    return str(Literal(text))


def number(type: str, text: bytes) -> int:
    """A decimal number, brought into the range of its type."""
    match = re.fullmatch(DECIMAL, text)
    if not text:
        raise ValueProblem("a number is expected")
    if match is None:
        hint = f"write {int(text, 16)}" if re.fullmatch(HEX_NUMBER, text) else None
        raise ValueProblem(f"{shown(text)} is not a valid number", hint)
    value = int(match.group(1))
    bits, signed = NUMBERS[type]
    if not -(1 << 63) <= value < 1 << (63 if signed else 64):
        raise ValueProblem(f"{shown(text)} does not fit into 64 bits")
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def port(text: bytes) -> int:
    """A port by number or by the name of its service; nothing is port 0."""
    if not text:
        return 0
    if text.isdigit():
        return number("PORT", text)
    from scappy.fields.names import nearest, service_port, services

    name = text.decode("utf-8", "replace")
    found = service_port(name) if name.isascii() and "\0" not in name else None
    if found is None:
        near = nearest(name, services())
        raise ValueProblem(f"unknown service {shown(text)}", f"did you mean {' or '.join(near)}?" if near else None)
    return found


def event_name(text: bytes) -> bytes:
    """A name that an event type or a system call has."""
    from scappy.fields.names import event_names, nearest

    name = text.decode("utf-8", "replace")
    if name not in event_names():
        near = nearest(name, event_names())
        raise ValueProblem(f"unknown event type {shown(text)}", f"did you mean {' or '.join(near)}?" if near else None)
    return text


def hex_bytes(text: bytes) -> bytes:
    """Bytes written as pairs of hexadecimal digits."""
    if re.fullmatch(HEX_DIGITS, text) is None:
        raise ValueProblem(f"{shown(text)} is not an even number of hexadecimal digits")
    return bytes.fromhex(text.decode("ascii"))


def packed(text: bytes) -> bytes | None:
    """The bytes of an address, None if it is none; a dot makes it IPv4."""
    import socket  # only addresses need it

    try:
        return socket.inet_pton(socket.AF_INET if b"." in text else socket.AF_INET6, text.decode("ascii"))
    except (OSError, ValueError):
        return None


def address(text: bytes) -> bytes:
    """An IPv4 or IPv6 address."""
    value = packed(text)
    if value is None:
        version = "IPv4" if b"." in text else "IPv6"
        hint = "for a network there are fd.net, fd.cnet and fd.snet" if b"/" in text else None
        raise ValueProblem(f"{shown(text)} is not an {version} address", hint)
    return value


def network(text: bytes) -> Network:
    """A network: an IPv4 address with prefix length, or an IPv6 address with or without one."""
    start, slash, length = text.partition(b"/")
    value = packed(start)
    if value is None:
        raise ValueProblem(f"{shown(text)} is not an IP network", "it is written like 10.0.0.0/8")
    bits = 8 * len(value)
    if not slash:
        if bits == 32:
            raise ValueProblem(f"{shown(text)} lacks a prefix length", f"write {text.decode('ascii')}/32")
        return Network(value, bits)
    if not length.isdigit() or len(length) > 3 or int(length) > bits:
        raise ValueProblem(f"the prefix length of {shown(text)} is not a number from 0 to {bits}")
    prefix = int(length)
    mask = (1 << bits) - (1 << (bits - prefix))
    return Network((int.from_bytes(value, "big") & mask).to_bytes(len(value), "big"), prefix)
