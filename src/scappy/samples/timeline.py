"""Story and background in one capture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scappy.output import PathOrFile
from scappy.samples import cluster, processes, scenes
from scappy.samples.background import Background, Happening
from scappy.samples.script import Moment, Placed, Script, moment
from scappy.writer import CaptureWriter

__all__ = ["write_walkthrough"]

_BEGIN = moment(f"{len(cluster.CONTAINERS)} 38.694210553")
_END = moment("111904 48.418063217")

#: While one thread of the story has a CPU for less than this, in ns, nothing else runs there.
_UNDISTURBED = 300_000


def _weave(placed: list[Placed], background: Background, end: Moment) -> Iterator[Happening]:
    """The story's events with background in all the numbers between them."""
    number, timestamp = _BEGIN
    before: Placed | None = None
    for step in placed:
        gap = step.number - number - 1
        if gap:
            near = before is not None and before.task == step.task and step.timestamp - timestamp < _UNDISTURBED
            spared = step.task.cpu if near else None
            yield from background.fill(gap, timestamp, step.timestamp, spared, (step.task.cpu, step.task.tid))
        background.seize(step.task.cpu, step.task.tid)
        yield Happening(step.timestamp, step.task.cpu, step.task.tid, step.half)
        number, timestamp, before = step.number, step.timestamp, step
    yield from background.fill(end.number - number, timestamp, end.timestamp)


def write_walkthrough(target: PathOrFile, compress: str | None = None, *, labels: bool = True) -> int:
    """Write the capture of the troubleshooting story.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        Where it goes; a path appears only when the capture is complete.
    compress : {None, "gzip", "zstd", "lz4"}
        Compression of the file.
    labels : bool
        Whether containers carry the labels that tell their pods. Without them the names of pods must come from
        elsewhere, such as :func:`scappy.samples.walkthrough_snapshot`.

    Returns
    -------
    int
        How many events it holds.

    Raises
    ------
    ScapError
        The target cannot be written.

    Examples
    --------
    >>> import io
    >>> write_walkthrough(io.BytesIO())
    111904
    """
    script = Script(_BEGIN)
    scenes.tell(script)
    placed = script.place(_END)
    with CaptureWriter(target, compress) as writer:
        writer.machine(cluster.MACHINE)
        for interface in cluster.INTERFACES:
            writer.interface(interface)
        for user in cluster.USERS:
            writer.user(user)
        for group in cluster.GROUPS:
            writer.group(group)
        for thread in processes.threads():
            writer.thread(thread)
        for container in cluster.CONTAINERS:
            writer.container(container if labels else replace(container, labels={}))
        for timestamp, cpu, tid, half in _weave(placed, Background(), _END):
            writer.write(half.encoder, timestamp, tid, cpu, half.values)
    return writer.events
