"""Templates of lines: what a format string such as ``*%evt.num %12proc.name`` says."""

from __future__ import annotations

import re
from typing import Literal

from scapcore import fields
from scapcore.errors import FieldError
from scapcore.record import Record
from scapcore.render import Renderer
from scappy.fields import FIELDS, FieldUse, lookup_prefix

__all__ = ["WIDEST", "Column", "DataMode", "Template", "TimeForm", "parse", "unescape"]

#: What ``evt.outputtime`` shows: the time of day, seconds since the epoch, seconds since the first event, latency, or
#: the difference to the event before.
TimeForm = Literal["h", "a", "r", "d", "D"]

#: How data buffers are shown.
DataMode = Literal["normal", "ascii", "hex", "hexascii", "base64"]

#: The widest column that a format can ask for, in bytes.
WIDEST = 1 << 16

#: Classes of fields whose values no capture holds.
EMPTY_CLASSES = frozenset(("mesos", "marathon"))

ESCAPES = {"n": "\n", "t": "\t", "e": "\x1b", "\\": "\\"}
DIGITS = re.compile(r"[0-9]*")


class Column(Record):
    """A field in a template.

    Attributes
    ----------
    use : FieldUse
        The field with its argument.
    width : int
        Width of the column in bytes, 0 if it is as wide as the value.
    name : str
        The field as written; its key in JSON.
    """

    use: FieldUse
    width: int
    name: str


class Template(Record):
    """A format, understood.

    Attributes
    ----------
    text : str
        The format as written.
    parts : tuple of str or Column
        What a line is made of.
    keep_missing : bool
        True if a line is printed also where values are missing, with ``<NA>`` for them.
    """

    text: str
    parts: tuple[str | Column, ...]
    keep_missing: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields."""
        return tuple(part for part in self.parts if isinstance(part, Column))

    @property
    def is_coloured(self) -> bool:
        """True if the text around the fields holds escape sequences, so that colours must be reset at the end."""
        return any("\x1b" in part for part in self.parts if isinstance(part, str))

    def renderer(
        self,
        *,
        json: bool = False,
        time: TimeForm = "h",
        data: DataMode = "normal",
        unlimited: bool = False,
        escape: bool = False,
        limit: int | None = None,
    ) -> Renderer:
        """What turns the events of one pass into lines; options as for :class:`scapcore.render.Renderer`.

        Raises
        ------
        FieldError
            If a field cannot be taken from captures.
        """
        segments: list[bytes | tuple[fields.FieldUse | None, int, bytes]] = []
        for part in self.parts:
            if isinstance(part, str):
                segments.append(to_bytes(part))
            else:
                segments.append((native_use(part.use), part.width, to_bytes(part.name)))
        return Renderer(
            segments,
            keep_missing=self.keep_missing,
            json=json,
            time=time,
            data=data,
            unlimited=unlimited,
            escape=escape,
            limit=limit,
        )


def to_bytes(text: str) -> bytes:
    """Text as it is written; undecodable bytes of a command line come through."""
    return text.encode("utf-8", "surrogateescape")


def native_use(use: FieldUse) -> fields.FieldUse | None:
    """The use of a field in the core; None for fields that have no value in any capture."""
    if use.field.field_class in EMPTY_CLASSES:
        return None
    return fields.FieldUse(use.name, use.argument)


def unescape(text: str) -> str:
    r"""Replace what a shell user writes for line ends (``\n``), tabs (``\t``), escapes (``\e``) and backslashes.

    Examples
    --------
    >>> unescape(r"%evt.num\t%evt.type\q")
    '%evt.num\t%evt.type\\q'
    """
    return re.sub(r"\\([nte\\])", lambda match: ESCAPES[match[1]], text)


def parse(text: str) -> Template:
    """Understand a format.

    A leading ``*`` keeps lines with missing values. ``%`` begins a field, with digits between for a column of that
    width; the field ends where the longest known name, with its argument, ends. There is no escape for ``%``.

    Raises
    ------
    FieldError
        If the format is empty, a field is unknown or cannot be printed, or something is missing behind a ``%``.

    Examples
    --------
    >>> template = parse("*%evt.num %12proc.name!")
    >>> template.keep_missing, [part if isinstance(part, str) else (part.name, part.width) for part in template.parts]
    (True, [('evt.num', 0), ' ', ('proc.name', 12), '!'])
    >>> parse("%evt.nun")
    Traceback (most recent call last):
        ...
    scapcore.errors.FieldError: in the format at position 1: unknown field evt.nun; did you mean evt.num?
    """
    if not text:
        raise FieldError("the format is empty")
    keep_missing = text.startswith("*")
    parts: list[str | Column] = []
    position = int(keep_missing)
    while position < len(text):
        sign = text.find("%", position)
        if sign != position:
            literal = text[position:] if sign < 0 else text[position:sign]
            parts.append(literal)
            position += len(literal)
            continue
        column, position = parse_column(text, sign + 1)
        parts.append(column)
    return Template(text, tuple(parts), keep_missing)


def parse_column(text: str, start: int) -> tuple[Column, int]:
    """The field whose sign stands before `start`, and the position behind it."""
    match = DIGITS.match(text, start)
    begin = match.end() if match else start
    if begin == len(text):
        what = "a number" if begin > start else "%"
        raise FieldError(f"in the format at position {start - 1}: it cannot end with {what}")
    digits = text[start:begin]
    if len(digits.lstrip("0")) > 5 or int(digits or 0) > WIDEST:
        raise FieldError(f"in the format at position {start}: a column cannot be {digits} wide")
    try:
        use, end = lookup_prefix(text, begin)
    except FieldError as error:
        raise FieldError(f"in the format at position {begin}: {error}") from None
    if FIELDS[use.name].filter_only:
        raise FieldError(f"in the format at position {begin}: {use.name} can stand in filters only")
    return Column(use, int(digits or 0), text[begin:end]), end
