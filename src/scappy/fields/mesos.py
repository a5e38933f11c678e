"""Fields of Mesos tasks and Marathon applications."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["MARATHON", "MESOS"]

LABEL = Argument("label name", dotted="text", bracket="text")


def parts(prefix: str, what: str, *, labels: bool) -> tuple[Field, ...]:
    """Name, id and labels of one thing."""
    rows: list[tuple[str, str, Argument | None]] = [("name", "Name", None), ("id", "Id", None)]
    if labels:
        rows += [("label", "One label", LABEL), ("labels", "All labels, each as key:value,", None)]
    return tuple(
        Field(
            f"{prefix}.{part}",
            "CHARBUF",
            f"{sentence} of the {what}.",
            argument=argument,
            deprecated=True,
            modern=False,
        )
        for part, sentence, argument in rows
    )


MESOS = FieldClass(
    "mesos",
    "The Mesos task that the process runs in.",
    parts("mesos.task", "task", labels=True) + parts("mesos.framework", "task's framework", labels=False),
)

MARATHON = FieldClass(
    "marathon",
    "The Marathon application that the process runs in.",
    parts("marathon.app", "application", labels=True) + parts("marathon.group", "application's group", labels=False),
)
