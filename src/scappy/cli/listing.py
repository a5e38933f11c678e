"""Lists of the fields and events that filters and formats can name, from the registry and the schema."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from scapcore.schema import EventType, event_types
from scappy.fields import CLASSES, Field

__all__ = ["event_list", "field_list", "field_list_markdown"]

WIDTH = 79
INDENT = 28

#: What stands behind a field's sentence where a mark of its declaration is set.
MARKS = (
    ("filter_only", "filters only"),
    ("print_only", "output only"),
    ("table_only", "made for tables"),
    ("deprecated", "deprecated"),
)


def written(field: Field) -> str:
    """A field with the place of its argument."""
    rule = field.argument
    if rule is None:
        return field.name
    form = f".<{rule.meaning}>" if rule.dotted and not rule.bracket else f"[<{rule.meaning}>]"
    if rule.dotted and rule.bracket:
        form = ".<name>"
    return field.name + (form if rule.required else f"[{form}]" if form.startswith(".") else form)


def remarks(field: Field, verbose: bool) -> str:
    """What else is to be known about a field, in brackets."""
    found = [text for mark, text in MARKS if getattr(field, mark)]
    if field.is_list:
        found.append("a list")
    if verbose:
        found.insert(0, field.type)
        if not field.classic:
            found.append("not known to sysdig 0.29")
        if not field.modern:
            found.append("not in the core of the newest libraries")
    return f" ({', '.join(found)})" if found else ""


def field_list(verbose: bool = False) -> str:
    """The fields by class, wrapped for a terminal.

    Parameters
    ----------
    verbose : bool, optional
        Also fields that lists leave out, the types of all, and which generation of tools knows them.

    Examples
    --------
    >>> print(field_list().splitlines()[0])
    Fields of evt: the event itself: its number, time, type, arguments and outcome.
    """
    lines: list[str] = []
    for group in CLASSES:
        shown = [field for field in group.fields if verbose or not field.hidden]
        if not shown:
            continue
        sentence = group.sentence[0].lower() + group.sentence[1:]
        if lines:
            lines.append("")
        lines += [*textwrap.wrap(f"Fields of {group.name}: {sentence}", WIDTH), ""]
        for field in shown:
            lines += entry(written(field), field.sentence + remarks(field, verbose))
    return "\n".join(lines)


def entry(head: str, text: str) -> Iterator[str]:
    """A name and, in a column of its own, what it is."""
    wrapped = textwrap.wrap(text, WIDTH - INDENT)
    if len(head) >= INDENT - 1:
        yield head
        head = ""
    yield f"{head:{INDENT}}{wrapped[0]}"
    for line in wrapped[1:]:
        yield " " * INDENT + line


def field_list_markdown(verbose: bool = False) -> str:
    """The fields as Markdown: a heading and a table for each class.

    Examples
    --------
    >>> field_list_markdown().splitlines()[0]
    '## evt'
    """
    lines: list[str] = []
    for group in CLASSES:
        shown = [field for field in group.fields if verbose or not field.hidden]
        if not shown:
            continue
        lines += [f"## {group.name}", "", group.sentence, "", "| Field | Type | Meaning |", "|---|---|---|"]
        for field in shown:
            text = (field.sentence + remarks(field, False)).replace("|", "\\|")
            lines.append(f"| `{written(field)}` | {field.type} | {text} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def event_list() -> str:
    """The events with their parameters: direction, name, and the type and name of each parameter.

    Examples
    --------
    >>> "< close(ERRNO res, FD fd)" in event_list().splitlines()
    True
    """
    lines = []
    for event in event_types():
        if event.name and not is_placeholder(event):
            sign = "<" if event.type & 1 else ">"
            parameters = ", ".join(f"{parameter.type} {parameter.name}" for parameter in event.params)
            lines.append(f"{sign} {event.name}({parameters})")
    return "\n".join(dict.fromkeys(lines))


def is_placeholder(event: EventType) -> bool:
    """True for the halves of events that happen at one moment, and never occur."""
    return event.name.startswith("NA") and not event.params
