"""The formats that have names (state engine, section 11)."""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["COLOURED", "PLAIN", "PRESETS"]


def line(process: str, container: str = "") -> str:
    """A line about one event, with what tells the process."""
    return f"*%evt.num %evt.outputtime %evt.cpu {container}{process} %evt.dir %evt.type %evt.info"


def container_line(name: str) -> str:
    """A line that names the container, too."""
    return line("%proc.name (%thread.tid:%thread.vtid)", f"%{name} (%container.id) ")


#: The usual line.
PLAIN = line("%proc.name (%thread.tid)")

#: The usual line on a terminal; ``\e`` stands for the escape character, see :func:`scappy.formats.unescape`.
COLOURED = (
    r"*%evt.num %evt.outputtime %evt.cpu \e[01;32m%proc.name\e[00m (\e[01;36m%proc.pid\e[00m.%thread.tid) "
    r"%evt.dir \e[01;34m%evt.type\e[00m %evt.info"
)

#: Formats by the short and long words of the option -p.
PRESETS = MappingProxyType(
    {
        word: format
        for words, format in (
            (("c", "container"), container_line("container.name")),
            (("k", "kubernetes"), container_line("k8s.pod.name")),
            (("m", "mesos"), container_line("mesos.task.name")),
        )
        for word in words
    }
)
