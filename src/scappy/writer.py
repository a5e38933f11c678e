"""Make captures: :class:`CaptureWriter` takes records and events and writes what sysdig would have written."""

from __future__ import annotations

import difflib
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scapcore.encode import EventEncoder
from scapcore.errors import ScapError
from scapcore.schema import EventType, event_types
from scapcore.write import BlockEncoder
from scappy.output import OutputFile, PathOrFile
from scappy.records import Container, Group, Interface, Machine, Thread, User

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CaptureWriter", "find_event_type"]

_FLUSH_SIZE = 1 << 18
_CONTAINER_JSON, _CONTAINER_JSON_LARGE = 272, 324
_NORMAL_TEXT_LIMIT = 65400
_MAY_BE_EMPTY = frozenset(("CHARBUF", "FSPATH", "FSRELPATH", "BYTEBUF", "SOCKADDR", "SOCKTUPLE", "FDLIST", "DYN"))


@cache
def _by_name() -> dict[tuple[str, str], EventType]:
    """Event types by name and direction: constant names, and for plain names the newest pair that has it."""
    found: dict[tuple[str, str], EventType] = {}
    plain: dict[tuple[str, str], EventType] = {}
    for entry in event_types():
        direction = ">" if entry.is_enter else "<"
        found[entry.id, direction] = entry
        if "UNUSED" in entry.flags:
            continue
        former = plain.get((entry.name, direction))
        if former is None or "OLD_VERSION" in former.flags or "OLD_VERSION" not in entry.flags:
            plain[entry.name, direction] = entry
    return {**found, **plain}


def find_event_type(kind: int | str, direction: str) -> EventType:
    """The event type that a program means.

    Parameters
    ----------
    kind : int or str
        Its number; its constant name, such as ``SYSCALL_EXECVE_16_X``; or its printed name, such as ``execve``,
        which stands for the newest event of that name that sysdig 0.29.3 knows.
    direction : {">", "<"}
        Enter or exit.

    Raises
    ------
    ScapError
        There is no such type, or its direction is the other one.

    Examples
    --------
    >>> find_event_type("open", "<").type, find_event_type("SYSCALL_EXECVE_16_X", "<").type
    (3, 231)
    """
    if direction not in (">", "<"):
        raise ScapError(f"{direction!r} is not a direction: > is enter, < is exit")
    if isinstance(kind, int):
        if not 0 <= kind < len(event_types()):
            raise ScapError(f"there is no event type {kind}")
        entry = event_types()[kind]
        if entry.is_enter != (direction == ">"):
            raise ScapError(f"event type {kind} ({entry.id}) is not of direction {direction}")
        return entry
    named = _by_name().get((kind, direction))
    if named is None:
        names = sorted({name for name, side in _by_name() if side == direction})
        near = difflib.get_close_matches(str(kind), names, 3)
        raise ScapError(f"there is no event {direction} {kind}" + (f"; near: {', '.join(near)}" if near else ""))
    return named


class CaptureWriter:
    """Writes one capture: records first, then events.

    Parameters
    ----------
    target : str, os.PathLike or binary file
        Where the capture goes. A path appears only when the writer is closed; a file object is written to as
        the capture grows, and left open.
    compress : {None, "gzip", "zstd", "lz4"}
        Compression of the file.
    mode : int, optional
        Permissions of a new file; the default is those of the file that is replaced, or 0600.

    Raises
    ------
    ScapError
        The target cannot be written.

    Notes
    -----
    All of :meth:`machine`, :meth:`interface`, :meth:`user`, :meth:`group` and :meth:`thread` must come before the
    first event, because a reader takes what follows the events for a second capture. Leaving the ``with`` block by
    an exception discards the file.

    Examples
    --------
    >>> import io
    >>> target = io.BytesIO()
    >>> with CaptureWriter(target) as writer:
    ...     writer.machine(Machine(cpus=2, hostname="node1"))
    ...     writer.thread(Thread(42, "cat", "/bin/cat"))
    ...     writer.event("open", ">", 1_000, 42)
    ...     writer.event("open", "<", 2_000, 42, fd=3, name="/etc/hosts", flags=1, mode=0)
    >>> target.getvalue()[:4].hex()
    '0a0d0d0a'
    """

    def __init__(self, target: PathOrFile, compress: str | None = None, *, mode: int | None = None) -> None:
        self._output = OutputFile(target, compress, mode=mode)
        self._blocks = BlockEncoder()
        self._encoders: dict[tuple[int, int], EventEncoder] = {}
        self._machine = Machine()
        self._interfaces: list[Interface] = []
        self._users: list[User] = []
        self._groups: list[Group] = []
        self._threads: list[Thread] = []
        self._begun = False
        self._closed = False
        self._events = 0

    @property
    def events(self) -> int:
        """How many events have been written; the last one's number, counted as readers do."""
        return self._events

    def machine(self, machine: Machine) -> None:
        """Set the machine."""
        self._before_events("the machine")
        self._machine = machine

    def interface(self, interface: Interface) -> None:
        """Add a network interface."""
        self._before_events("an interface")
        self._interfaces.append(interface)

    def user(self, user: User) -> None:
        """Add a user."""
        self._before_events("a user")
        self._users.append(user)

    def group(self, group: Group) -> None:
        """Add a group."""
        self._before_events("a group")
        self._groups.append(group)

    def thread(self, thread: Thread) -> None:
        """Add a thread that exists when the capture begins, with its file descriptors."""
        self._before_events("a thread")
        self._threads.append(thread)

    def container(self, container: Container, timestamp: int = 0, tid: int = 0, cpu: int = 0) -> None:
        """Write a container as a JSON event.

        Containers that exist when the capture begins come before all other events, with the defaults of time,
        thread and CPU; later ones are shown by readers as events of their own.

        Parameters
        ----------
        container : Container
        timestamp : int, default 0
            Nanoseconds since the epoch.
        tid : int, default 0
        cpu : int, default 0
        """
        text = container.json()
        large = len(text.encode("utf-8", "surrogateescape")) > _NORMAL_TEXT_LIMIT
        self.event(_CONTAINER_JSON_LARGE if large else _CONTAINER_JSON, ">", timestamp, tid, cpu, json=text)

    def encoder(self, kind: int | str, direction: str, parameter_count: int | None = None) -> EventEncoder:
        """An encoder to use with :meth:`write`, for programs that write many events of one type.

        Parameters
        ----------
        kind, direction
            As in :func:`find_event_type`.
        parameter_count : int, optional
            How many parameters its events have; the default is what sysdig 0.29.3 knows.
        """
        return EventEncoder(find_event_type(kind, direction), parameter_count)

    def write(
        self, encoder: EventEncoder, timestamp: int, tid: int, cpu: int, values: Any, block_flags: int = 0
    ) -> None:
        """Write an event from its values in order.

        Parameters
        ----------
        encoder : scapcore.encode.EventEncoder
            Of :meth:`encoder`.
        timestamp : int
            Nanoseconds since the epoch.
        tid : int
        cpu : int
        values : sequence
            One for each of ``encoder.names``.
        block_flags : int, default 0
            Bit 0: apply to the state, but do not show.

        Raises
        ------
        ScapError
            A value does not fit; the message names the parameter.
        """
        if not self._begun:
            self._begin()
        encoder.encode(self._blocks, timestamp, tid, cpu, values, block_flags)
        self._events += 1
        if len(self._blocks) > _FLUSH_SIZE:
            self._flush()

    def event(
        self,
        kind: int | str,
        direction: str,
        timestamp: int,
        tid: int,
        cpu: int = 0,
        /,
        *,
        parameter_count: int | None = None,
        block_flags: int = 0,
        **parameters: Any,
    ) -> None:
        """Write an event from parameters by name.

        Parameters
        ----------
        kind, direction
            As in :func:`find_event_type`.
        timestamp : int
            Nanoseconds since the epoch.
        tid : int
        cpu : int, default 0
        parameter_count : int, optional
            How many parameters the event has. The default reaches to the last one given, so that an event of an
            older writer, with fewer, needs nothing special.
        block_flags : int, default 0
            Bit 0: apply to the state, but do not show.
        **parameters
            Values by the names in :func:`scapcore.schema.event_types`. One that is left out in the middle is empty
            if its size may vary, and an error otherwise.

        Raises
        ------
        ScapError
            A parameter is unknown, missing, out of range or of the wrong type; the message names it.
        """
        entry = find_event_type(kind, direction)
        names = [parameter.name for parameter in entry.params]
        unknown = [name for name in parameters if name not in names]
        if unknown:
            raise ScapError(
                f"event {direction} {entry.name} has no parameter {unknown[0]!r}: {', '.join(names) or 'it has none'}"
            )
        given = max((names.index(name) + 1 for name in parameters), default=0)
        count = given if parameter_count is None else parameter_count
        if given > count:
            raise ScapError(
                f"event {direction} {entry.name}: parameter {names[given - 1]!r} is beyond the {count} asked for"
            )
        key = entry.type, count
        if key not in self._encoders:
            self._encoders[key] = EventEncoder(entry, count)
        values = []
        for parameter in entry.params[:count]:
            if parameter.name not in parameters and parameter.type not in _MAY_BE_EMPTY:
                raise ScapError(f"event {direction} {entry.name}: parameter {parameter.name!r} is missing")
            values.append(parameters.get(parameter.name))
        self.write(self._encoders[key], timestamp, tid, cpu, values, block_flags)

    def copy(self, source: bytes | bytearray | memoryview, offsets: Any) -> None:
        """Write event blocks of another capture, byte for byte.

        Parameters
        ----------
        source : bytes-like
            Bytes that contain the blocks.
        offsets : array of int64, shape (n,)
            Where the wanted blocks begin.

        Raises
        ------
        ScapError
            There is no whole block at one of the offsets.
        """
        if not self._begun:
            self._begin()
        self._blocks.append_selected(source, offsets)
        self._events += len(offsets)
        self._flush()

    def close(self) -> None:
        """Finish the capture; its file appears under its name. Closing again does nothing."""
        if self._closed:
            return
        try:
            if not self._begun:
                self._begin()
            self._flush()
        except BaseException:
            self.discard()
            raise
        self._end()
        self._output.close()

    def discard(self) -> None:
        """Give up: no file appears, and one that was there before stays as it was."""
        if not self._closed:
            self._end()
            self._output.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _before_events(self, what: str) -> None:
        if self._begun or self._closed:
            raise ScapError(f"{what} must be given before the first event")

    def _begin(self) -> None:
        """Write the section header and the tables, in the order of sysdig's own files."""
        if self._closed:
            raise ScapError("the capture is closed")
        self._begun = True
        blocks, machine = self._blocks, self._machine
        blocks.section_header()
        blocks.machine_info(
            machine.cpus,
            machine.memory,
            machine.highest_pid,
            machine.hostname.encode("utf-8", "surrogateescape"),
            machine.boot_time,
        )
        if self._interfaces:
            blocks.interface_list(interface.packed() for interface in self._interfaces)
        if self._users or self._groups:
            blocks.user_list((user.packed() for user in self._users), (group.packed() for group in self._groups))
        blocks.process_list(thread.packed() for thread in self._threads)
        for thread in self._threads:
            blocks.fd_list(thread.tid, (descriptor.packed() for descriptor in thread.fds))
        self._threads.clear()

    def _end(self) -> None:
        # Not begun again, so that a late event meets the check there and the fast path has only one.
        self._closed = True
        self._begun = False

    def _flush(self) -> None:
        self._output.write(self._blocks.take())
