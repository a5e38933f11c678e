"""Capture the running system: :func:`scappy.live`."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from scapcore.errors import LiveCaptureError
from scapcore.source import stream_source
from scappy.capture import Capture
from scappy.capturing.companions import Companion, ContainerWatch, ProcessorTimes
from scappy.capturing.containers import ContainerList
from scappy.capturing.control_groups import groups_of_others
from scappy.capturing.first_state import first_state
from scappy.capturing.prefilter import WantedThreads, kept_types, wanted_threads, wanted_types
from scappy.capturing.proc import Proc
from scappy.capturing.stream import Early, EventSource, LiveStream

if TYPE_CHECKING:
    from scapcore.source import Source
    from scappy.filters import FilterNames
    from scappy.filters.plan import CompiledFilter
    from scappy.records import Thread

__all__ = ["LiveCapture", "live"]

SNAPLEN, MOST_SNAPLEN = 80, 65000
#: The kernel's buffer for each processor, the one for much data, from which snaplen on, and of which part of the memory.
BUFFER, LARGE_BUFFER, MUCH_DATA, MEMORY_PART = 8 << 20, 32 << 20, 1024, 64


class LiveCapture(Capture):
    """What happens on this machine, as a capture that can be read once and ends when it is told to.

    Events have been gathered since it was made. Leaving a ``with`` block takes the probe out of the kernel.
    """

    def __init__(self, stream: LiveStream, source: Source, *, modern: bool, where: CompiledFilter | None) -> None:
        super().__init__(source, modern=modern, where=where)
        self._stream = stream

    @property
    def is_newest(self) -> bool:
        return True

    @property
    def is_live(self) -> bool:
        return True

    @property
    def lost(self) -> int:
        """Events that were lost so far because they were not read in time; the capture tells when, as ``drop`` events."""
        return self._stream.lost

    def stop(self) -> None:
        """Let the capture end: whoever reads gets what has happened until now, and then the end."""
        self._stream.stop()

    def close(self) -> None:
        self._stream.stop()
        super().close()
        self._stream.close()


def probe_module() -> Any:
    """The probe, as far as this installation has one.

    Raises
    ------
    LiveCaptureError
        It was left out when the package was built.
    """
    try:
        return import_module("scapcore.probe")
    except ImportError:
        if platform.system() != "Linux":
            raise LiveCaptureError(f"live capture works on Linux only, not on {platform.system()}") from None
        raise LiveCaptureError(
            "this installation of scappy has no probe: it was built on a machine without clang and libbpf"
        ) from None


def make_probe(snaplen: int, more: Mapping[str, Any]) -> EventSource:
    """A probe, not started.

    Raises
    ------
    LiveCaptureError
        This system or this user cannot have one; the message says what is missing.
    """
    module = probe_module()
    reason = module.available()
    if reason is not None:
        raise LiveCaptureError(reason)
    probe: EventSource = module.Probe(snaplen, **more)
    return probe


def usual_buffer(snaplen: int) -> int:
    """Size of the buffer for each processor, unless somebody asks for another one."""
    if snaplen <= MUCH_DATA:
        return BUFFER
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(BUFFER, min(LARGE_BUFFER, memory // MEMORY_PART // (os.cpu_count() or 1)))


def live(
    *,
    snaplen: int = SNAPLEN,
    where: str | None = None,
    duration: float | None = None,
    ports: Sequence[int] = (),
    port_snaplen: int | None = None,
    buffer_bytes: int | None = None,
    view: Literal["full", "exit"] = "exit",
    names: FilterNames | None = None,
    fields: Iterable[str] | None = None,
    containers: bool = True,
    processor_times: bool = False,
) -> LiveCapture:
    """Capture the running system from now on, through eBPF; our own process is left out.

    Parameters
    ----------
    snaplen : int
        Bytes of data that are kept of each read and write, at most 65,000.
    where : str, optional
        A filter. The kernel leaves out what can neither pass it nor change how something else looks, so that it costs less
        than :meth:`Capture.filter`; ``evt.num`` and times since the event before count what is left.
    duration : float, optional
        Seconds after which the capture ends by itself.
    ports : sequence of int
        TCP and UDP ports of which more data is kept.
    port_snaplen : int, optional
        How much.
    buffer_bytes : int, optional
        Size of the kernel's buffer for each processor. Events that find it full are lost, and counted. The default is 8
        MiB, and with a snaplen above 1,024 up to 32 MiB, as long as all of them take no more than a 64th of the memory.
    view : {"full", "exit"}
        The names and rules of sysdig 0.29.3, or those of the newest libraries, in whose form the events come.
    names : FilterNames, optional
        Lists and macros that the filter may name.
    fields : iterable of str, optional
        All fields that will be asked of the events; with a filter the kernel can leave out more if it knows them.
    containers : bool
        Whether Docker, Podman and the container runtimes of Kubernetes are asked for names, images and labels.
    processor_times : bool
        Whether an event each second tells how much processor time each busy thread has had, for ``thread.cpu``.

    Returns
    -------
    LiveCapture
        It can be read once. :meth:`LiveCapture.stop` ends it.

    Raises
    ------
    LiveCaptureError
        There is no way to capture here; the message says what is missing: root or capabilities, kernel, probe.
    FilterError
        The filter cannot be understood.
    MissingDependencyError
        A package is missing: ``pip install 'scappy[live]'``.

    Warns
    -----
    MetadataWarning
        Containers run here, but cannot be asked for.
    """
    if not 0 <= snaplen <= MOST_SNAPLEN:
        raise LiveCaptureError(f"a snaplen is between 0 and {MOST_SNAPLEN} bytes, not {snaplen}")
    compiled = None
    if where:
        from scappy.filters.plan import compile_filter

        compiled = compile_filter(where, names)
    more: dict[str, Any] = {"ports": tuple(ports)}
    types = wanted_types(compiled.tree if compiled is not None else None, fields, modern=view == "exit")
    if types is not None:
        more["types"] = types
    if port_snaplen is not None:
        more["port_snaplen"] = port_snaplen
    more["buffer_bytes"] = usual_buffer(snaplen) if buffer_bytes is None else buffer_bytes
    threads = None
    if compiled is not None:
        threads = wanted_threads(compiled.tree)
        always = kept_types(compiled.tree, fields, modern=view == "exit")
        if threads is not None:
            more["choice"] = choice_of(threads, always)
    probe = make_probe(snaplen, more)
    probe.start()
    return attach(
        probe,
        threads=threads,
        duration=duration,
        where=compiled,
        modern=view == "exit",
        containers=containers,
        processor_times=processor_times,
    )


def choice_of(threads: WantedThreads, always: Collection[int]) -> Any:
    """What the probe has to know to leave out other threads."""
    make = probe_module().Choice
    if threads.field == "container.id":
        identities = [value for value in threads.values if isinstance(value, bytes)]
        return make("group", groups_of_others(Proc(), identities), always)
    kind = {"proc.name": "name", "proc.pid": "process", "thread.tid": "thread"}[threads.field]
    return make(kind, threads.values, always)


def attach(
    probe: EventSource,
    *,
    threads: WantedThreads | None = None,
    duration: float | None = None,
    where: CompiledFilter | None = None,
    modern: bool = True,
    containers: bool = True,
    processor_times: bool = False,
) -> LiveCapture:
    """The capture that a started probe makes, which is stopped if that fails."""
    early = Early(probe)
    try:
        listed = ContainerList() if containers else None
        known = listed.fresh() if listed is not None and listed.is_there else []
        # What we do is left out, but not that we are there: programs that we start have a parent.
        proc = Proc()

        def meet(thread: Thread) -> None:
            if threads is not None and threads.excludes(thread) and thread.tid is not None:
                probe.set_aside(thread.tid)

        head = first_state(proc, containers=known, breathe=early.breathe, met=meet)
        companions: list[Companion] = []
        if listed is not None:
            companions.append(ContainerWatch(listed))
        if processor_times:
            companions.append(ProcessorTimes(proc, os.getpid()))
        stream = LiveStream(probe, head, early.pieces, seconds=duration, companions=companions)
    except BaseException:
        probe.stop()
        raise
    return LiveCapture(stream, stream_source(stream), modern=modern, where=where)
