"""All fields by name, and the reading of a field with its argument out of text."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType

from scapcore.errors import FieldError
from scapcore.record import Record

from .container import CONTAINER
from .evt import EVT
from .evtin import EVTIN
from .fd import FD
from .fdlist import FDLIST
from .field import Argument, Field, FieldClass
from .fs import FS
from .group import GROUP
from .k8s import K8S
from .mesos import MARATHON, MESOS
from .proc import PROC
from .span import SPAN
from .syscall import SYSCALL
from .syslog import SYSLOG
from .thread import THREAD
from .user import USER
from .util import UTIL

__all__ = ["CLASSES", "FIELDS", "ArgumentKind", "FieldProblem", "FieldUse", "lookup", "resolve"]

CLASSES: tuple[FieldClass, ...] = (
    EVT,
    SYSCALL,
    PROC,
    THREAD,
    USER,
    GROUP,
    FD,
    FS,
    FDLIST,
    SYSLOG,
    CONTAINER,
    K8S,
    MESOS,
    MARATHON,
    SPAN,
    EVTIN,
    UTIL,
)

FIELDS: MappingProxyType[str, Field] = MappingProxyType(
    {field.name: field for field_class in CLASSES for field in field_class.fields}
)


BLANKS = " \t\n\r\v\f"


class ArgumentKind(Enum):
    """What the argument of a field is."""

    NONE = "none"
    NAME = "name"
    INDEX = "index"


class FieldUse(Record):
    """A field as it stands in a filter or a format: with its argument.

    Attributes
    ----------
    field : Field
        The declaration.
    argument : str, int or None
        A name, an index (0 or more, save for tags of spans), or None.
    argument_kind : ArgumentKind
        Which of these.
    type : str
        Type of the values: that of the field, or for ``evt.rawarg`` that of the parameter.
    """

    field: Field
    argument: str | int | None
    argument_kind: ArgumentKind
    type: str

    @property
    def name(self) -> str:
        """Name of the field without argument."""
        return self.field.name

    @property
    def is_list(self) -> bool:
        """True if there are several values at once."""
        return self.field.is_list

    def __str__(self) -> str:
        rule = self.field.argument
        if rule is None or self.argument is None:
            return self.field.name
        text = str(self.argument)
        # What ends a field name in a filter can stand in brackets only.
        bracket_only = rule.bracket == "text" and any(character in BLANKS + "()[]!=<>,'\"" for character in text)
        if rule.dotted and not bracket_only and (self.argument_kind is ArgumentKind.NAME or not rule.bracket):
            return f"{self.field.name}.{text}"
        if any(character in BLANKS + "[]()'\"" for character in text):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{self.field.name}[{text}]"


class FieldProblem(Record):
    """Why a text is no field.

    Attributes
    ----------
    message : str
        What is wrong.
    offset : int
        Where in the text.
    nearest : tuple of str
        What may have been meant, best first.
    """

    message: str
    offset: int = 0
    nearest: tuple[str, ...] = ()

    @property
    def suggestion(self) -> str | None:
        """The nearest names as a question."""
        return f"did you mean {' or '.join(self.nearest)}?" if self.nearest else None


def lookup(text: str) -> FieldUse:
    """Read a field with its argument.

    The longest known name at the beginning of the text is the field, what is left is its argument: after a dot
    (``evt.arg.flags``) or in brackets (``proc.aname[2]``), as the field wants it.

    Parameters
    ----------
    text : str
        The field, without blanks around it.

    Raises
    ------
    FieldError
        If there is no such field, or its argument is missing, superfluous or of the wrong kind.

    Examples
    --------
    >>> lookup("proc.aname[2]").argument
    2
    >>> lookup("k8s.pod.label.app").argument
    'app'
    >>> lookup("proc.nme")
    Traceback (most recent call last):
        ...
    scapcore.errors.FieldError: unknown field proc.nme; did you mean proc.name or proc.sname or proc.pname?
    """
    found = resolve(text)
    if isinstance(found, FieldProblem):
        suggestion = found.suggestion
        raise FieldError(f"{found.message}; {suggestion}" if suggestion else found.message)
    return found


def resolve(text: str) -> FieldUse | FieldProblem:
    """Do what :func:`lookup` does, but return what is wrong instead of raising it."""
    name = longest_name(text)
    if name is None:
        return unknown(text)
    field = FIELDS[name]
    rest = text[len(name) :]
    rule = field.argument
    if not rest:
        if rule is None or not rule.required:
            return FieldUse(field, None, ArgumentKind.NONE, field.type)
        return FieldProblem(f"{name} needs an argument: {usage(field, rule)}", len(text))
    if rule is None:
        # A longer name may have been meant, as in proc.cmdline.
        if rest[0] == ".":
            return unknown(text)
        return FieldProblem(f"{name} takes no argument", len(name))
    if rest[0] == ".":
        if not rule.dotted:
            return FieldProblem(f"{name} takes its argument otherwise: {usage(field, rule)}", len(name))
        return dotted(field, rule, rest[1:])
    if not rule.bracket:
        return FieldProblem(f"{name} takes its argument otherwise: {usage(field, rule)}", len(name))
    return bracketed(field, rule, rest)


def longest_name(text: str) -> str | None:
    """The longest known name that the text is, or that a dot or bracket follows in it."""
    end = len(text)
    bracket = text.find("[")
    if bracket >= 0:
        if text[:bracket] in FIELDS:
            return text[:bracket]
        end = bracket
    while end > 0:
        if text[:end] in FIELDS:
            return text[:end]
        end = text.rfind(".", 0, end)
    return None


def unknown(text: str) -> FieldProblem:
    """The problem of a name that no field has."""
    from .names import nearest

    stem = text.partition("[")[0]
    return FieldProblem(f"unknown field {text}", 0, nearest(stem, FIELDS))


def usage(field: Field, rule: Argument) -> str:
    """How a field with argument is written."""
    examples = {"parameter": ".name", "event": ".open", "side": ".src", "text": ".name"}
    forms = [field.name + examples[rule.dotted]] if rule.dotted else []
    if rule.bracket:
        forms.append(field.name + ("[name]" if rule.bracket == "text" else "[0]"))
    return " or ".join(forms)


def dotted(field: Field, rule: Argument, argument: str) -> FieldUse | FieldProblem:
    """The use of a field with what follows its dot."""
    at = len(field.name) + 1
    if not argument:
        return FieldProblem(f"{field.name} needs an argument: {usage(field, rule)}", at)
    kind, value, type = ArgumentKind.NAME, argument, field.type
    if rule.dotted == "parameter":
        from .names import nearest, parameter_types

        types = parameter_types()
        if argument not in types:
            near = tuple(f"{field.name}.{name}" for name in nearest(argument, types))
            return FieldProblem(f"unknown event argument {argument}", at, near)
        if type == "DYN":
            type = types[argument]
    elif rule.dotted == "event":
        from .names import event_names, nearest

        if argument.isascii() and argument.isdigit() and len(argument) <= 9:
            return FieldUse(field, int(argument), ArgumentKind.INDEX, type)
        if argument not in event_names():
            near = tuple(f"{field.name}.{name}" for name in nearest(argument, event_names()))
            return FieldProblem(f"unknown event type {argument}", at, near)
    elif rule.dotted == "side" and argument not in ("src", "dst"):
        return FieldProblem(f"{field.name} takes .src or .dst", at)
    return FieldUse(field, value, kind, type)


def bracketed(field: Field, rule: Argument, rest: str) -> FieldUse | FieldProblem:
    """The use of a field with what stands in its brackets; `rest` begins with the opening one."""
    at = len(field.name) + 1
    if not rest.endswith("]"):
        return FieldProblem(f"the bracket after {field.name} is not closed", len(field.name))
    text = rest[1:-1]
    quoted = len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]
    if quoted:
        text = unquoted(text)
    elif any(character in "[]'\"" for character in text):
        return FieldProblem(f"the argument of {field.name} must be quoted", at)
    if not text:
        return FieldProblem(f"{field.name} needs an argument: {usage(field, rule)}", at)
    sign = rule.bracket == "position" and text[0] == "-"
    digits = text[1:] if sign else text
    if digits.isascii() and digits.isdigit() and rule.bracket != "text":
        # An index has 32 bits, but the time of evt.around has 64.
        limit = 1 << (64 if field.type == "UINT64" else 31)
        number = int(text) if len(text) <= 20 else limit
        if -limit <= number < limit:
            return FieldUse(field, number, ArgumentKind.INDEX, field.type)
        return FieldProblem(f"the index {text} is too large", at)
    if rule.bracket in ("text", "either"):
        return FieldUse(field, text, ArgumentKind.NAME, field.type)
    return FieldProblem(f"{field.name} takes a decimal index in its brackets, not {text}", at)


def unquoted(text: str) -> str:
    """What stands between quotes; a backslash quotes the character after it."""
    characters = []
    escaped = False
    for character in text[1:-1]:
        if character == "\\" and not escaped:
            escaped = True
        else:
            characters.append(character)
            escaped = False
    return "".join(characters)
