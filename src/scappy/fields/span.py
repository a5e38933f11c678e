"""Fields of tracer spans: sections of a program marked by writes to /dev/null."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["SPAN"]

TAG = Argument("index (may be negative)", bracket="position")
ARGUMENT = Argument("name or index", dotted="text", bracket="position")
DEPTH = Argument("tag depth", bracket="position")


def of_span(
    name: str, type: str, sentence: str, format: str = "NA", *, argument: Argument | None = None, table: bool = False
) -> Field:
    """A field of spans; newer tools have dropped them all."""
    return Field(
        f"span.{name}",
        type,
        sentence,
        format,
        argument,
        table_only=table,
        hidden=table,
        deprecated=True,
        modern=False,
    )


SPAN = FieldClass(
    "span",
    "Spans: sections that a program marks while it runs.",
    (
        of_span("id", "INT64", "Id that both marks of the span share.", "ID"),
        of_span("time", "CHARBUF", "Time of day of the mark, with nanoseconds."),
        of_span("ntags", "UINT32", "How many tags it has.", "DEC"),
        of_span("nargs", "UINT32", "How many arguments it has.", "DEC"),
        of_span("tags", "CHARBUF", "All tags with dots between them."),
        of_span("tag", "CHARBUF", "One tag by position, from the end if negative.", argument=TAG),
        of_span("args", "CHARBUF", "All arguments, each as name=value."),
        of_span("arg", "CHARBUF", "One argument by name or position.", argument=ARGUMENT),
        of_span("enterargs", "CHARBUF", "All arguments of the opening mark."),
        of_span("enterarg", "CHARBUF", "One argument of the opening mark by name or position.", argument=ARGUMENT),
        of_span("duration", "RELTIME", "Time between the two marks in ns; on closing marks only.", "DEC"),
        of_span("duration.quantized", "UINT64", "Step of span.duration on a logarithmic scale.", "DEC", table=True),
        of_span("duration.human", "CHARBUF", "span.duration with a unit that suits its size."),
        of_span(
            "duration.fortag",
            "RELTIME",
            "span.duration of spans with as many tags.",
            "DEC",
            argument=DEPTH,
            table=True,
        ),
        of_span("count", "UINT64", "1 on closing marks.", "DEC", table=True),
        of_span("count.fortag", "UINT64", "1 on closing marks with as many tags.", "DEC", argument=DEPTH, table=True),
        of_span(
            "childcount.fortag",
            "UINT64",
            "1 on closing marks with one tag more.",
            "DEC",
            argument=DEPTH,
            table=True,
        ),
        of_span("idtag", "CHARBUF", "Key made of the id and the tag at a depth.", argument=DEPTH, table=True),
        of_span("rawtime", "CHARBUF", "When the span began, as digits.", table=True),
        of_span("rawparenttime", "CHARBUF", "When the span around it began, as digits.", table=True),
    ),
)
