"""What a field is: a name, a type, one sentence, and the argument that it may take."""

from __future__ import annotations

from scapcore.record import Record

__all__ = ["Argument", "Field", "FieldClass"]


class Argument(Record):
    """How a field takes its argument.

    Attributes
    ----------
    meaning : str
        What the argument says, in two or three words.
    dotted : str
        What may follow a dot, as in ``evt.arg.flags``: ``parameter`` (the name of an event parameter), ``event``
        (name or number of an event type), ``side`` (``src`` or ``dst``), ``text`` (anything), or empty for nothing.
    bracket : str
        What may stand in brackets, as in ``evt.arg[0]``: ``index`` (from 0), ``position`` (may be negative),
        ``text``, ``either`` (an index, or else text), or empty for nothing.
    required : bool
        False if the field means something without its argument.
    """

    meaning: str
    dotted: str = ""
    bracket: str = ""
    required: bool = True


class Field(Record):
    """A value that can be asked of an event.

    Attributes
    ----------
    name : str
        Full name without argument, such as ``proc.aname``.
    type : str
        Type code of the capture format without prefix, such as ``CHARBUF``; ``DYN`` if it follows the argument.
    sentence : str
        What the field holds.
    format : str
        How it is printed: ``NA`` (the natural form of the type), ``DEC``, ``10_PADDED_DEC``, ``HEX``, ``ID`` or ``DIR``.
    argument : Argument or None
        The argument rule; None if the field takes no argument.
    is_list : bool
        True if it holds several values at once, so that only ``in``, ``intersects`` and ``exists`` apply.
    filter_only, print_only : bool
        True if it cannot be printed, or cannot stand in a filter.
    table_only : bool
        True if it was made for sums in tables.
    hidden : bool
        True if lists of fields leave it out.
    no_field_on_right : bool
        True if it cannot be compared with another field, and cannot stand in ``val()``.
    no_transformer : bool
        True if no transformer can be put around it.
    deprecated : bool
        True if newer tools advise against it or have dropped it.
    classic, modern : bool
        True if sysdig 0.29.3, or the core of the newest libraries, knows the field. Fields of containers and
        Kubernetes are no longer in that core but come with plugins under the same names.
    classic_type, classic_format : str or None
        Type and format in sysdig 0.29.3 where they differ.
    """

    name: str
    type: str
    sentence: str
    format: str = "NA"
    argument: Argument | None = None
    is_list: bool = False
    filter_only: bool = False
    print_only: bool = False
    table_only: bool = False
    hidden: bool = False
    no_field_on_right: bool = False
    no_transformer: bool = False
    deprecated: bool = False
    classic: bool = True
    modern: bool = True
    classic_type: str | None = None
    classic_format: str | None = None

    @property
    def field_class(self) -> str:
        """Name of the class: what stands before the first dot."""
        return self.name.partition(".")[0]


class FieldClass(Record):
    """The fields about one kind of thing.

    Attributes
    ----------
    name : str
        What their names begin with, such as ``proc``.
    sentence : str
        What they tell about.
    fields : tuple of Field
        In the order of the documentation.
    """

    name: str
    sentence: str
    fields: tuple[Field, ...]
