"""Fields whose values no capture carries, or none that is described: they are always missing. Internal to the core.

What plugins say of their events needs the plugin. The state of Mesos and Marathon is in events of type 270 as the
answers of their servers, whose form no known capture shows. Tracers, which spans are made of, are not followed: a
write to ``/dev/null`` stays a write.
"""

__all__ = ["FIELDS"]

SCOPE_TYPE = 4
CHARBUF = 9
PARTS = ("id", "ntags", "nargs", "tags", "tag", "args", "arg")
SPANS = (
    "id time ntags nargs tags tag args arg enterargs enterarg duration duration.quantized duration.human duration.fortag "
    "count count.fortag childcount.fortag idtag rawtime rawparenttime"
)


def row() -> tuple[int, int, int, int, int]:
    """Code, scope, type, format and needs of a value that is always missing."""
    return (0, SCOPE_TYPE, CHARBUF, 0, 0)


#: name: (code, scope, type, format, needs)
FIELDS = {
    name: row()
    for name in (
        "evt.pluginname",
        "evt.plugininfo",
        "mesos.task.name",
        "mesos.task.id",
        "mesos.task.label",
        "mesos.task.labels",
        "mesos.framework.name",
        "mesos.framework.id",
        "marathon.app.name",
        "marathon.app.id",
        "marathon.app.label",
        "marathon.app.labels",
        "marathon.group.name",
        "marathon.group.id",
        *(f"span.{part}" for part in SPANS.split()),
        *(f"evtin.span.{who}{part}" for who in ("", "p.", "s.", "m.") for part in PARTS),
    )
}
