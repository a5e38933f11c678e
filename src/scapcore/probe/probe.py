"""The probe as Python sees it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scapcore.errors import LiveCaptureError
from scapcore.probe.calls import SWITCH
from scapcore.probe.choice import Choice
from scapcore.probe.rings import Rings
from scapcore.probe.tables import TRACEPOINTS, build_tables

if TYPE_CHECKING:
    from typing_extensions import Self

    from scapcore.probe.loader import Loader

__all__ = ["Probe", "available"]

#: The kernel's type information, from which the probe learns where its structures have their fields.
TYPES = Path("/sys/kernel/btf/vmlinux")
MACHINES = {"x86_64": "x86", "aarch64": "arm64"}
OLDEST = (5, 8)
#: Inode of the first namespace of processes (PROC_PID_INIT_INO).
FIRST_NAMESPACE = 0xEFFFFFFC
MOST_PAYLOAD = 65000
MOST_PORTS = 16

_ADMINISTRATOR, _PERFMON, _BPF = 21, 38, 39


def object_path() -> Path:
    """Where the compiled program for this machine is, if it was built."""
    return Path(__file__).with_name(f"probe.{MACHINES.get(platform.machine(), platform.machine())}.bpf.o")


def _kernel_version() -> tuple[int, int]:
    numbers = platform.release().split("-")[0].split(".")
    try:
        return int(numbers[0]), int(numbers[1])
    except (IndexError, ValueError):
        return (0, 0)


def _capabilities() -> int:
    """The effective capabilities of this process, as bits; none if they cannot be found out."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    except OSError:
        pass
    return 0


def _own_namespace() -> tuple[int, int]:
    """Device and inode of the namespace that numbers this process; zeros if it is that of the kernel."""
    try:
        found = os.stat("/proc/self/ns/pid")
    except OSError:
        return 0, 0
    return (0, 0) if found.st_ino == FIRST_NAMESPACE else (found.st_dev, found.st_ino)


def available() -> str | None:
    """Why the running system cannot be captured, or None if it can.

    Nothing is loaded to find out, so a kernel that refuses the program for another reason is met only by
    :meth:`Probe.start`.

    Returns
    -------
    str or None
        One sentence without a full stop.

    Examples
    --------
    >>> reason = available()
    >>> reason is None or len(reason) > 0
    True
    """
    if platform.system() != "Linux":
        return f"live capture works on Linux only, not on {platform.system()}"
    if platform.machine() not in MACHINES:
        return f"live capture works on x86-64 and arm64, not on {platform.machine()}"
    try:
        import scapcore.probe.loader  # noqa: F401
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            return "scappy was built without live capture: libbpf's headers were missing (on Debian: libbpf-dev)"
        return f"the loader of the probe does not load: {error}"
    if not object_path().exists():
        return "scappy was built without live capture: clang was missing (on Debian: clang libbpf-dev)"
    if _kernel_version() < OLDEST:
        return f"live capture needs Linux {OLDEST[0]}.{OLDEST[1]} or newer; this is {platform.release()}"
    if not TYPES.exists():
        return f"the kernel tells nothing of its types: {TYPES} is missing (built without CONFIG_DEBUG_INFO_BTF)"
    held = _capabilities()
    if not held >> _ADMINISTRATOR & 1 and not (held >> _BPF & 1 and held >> _PERFMON & 1):
        return "live capture needs root, or the capabilities CAP_BPF and CAP_PERFMON"
    return None


class Probe:
    """Capture of the running system, as event blocks.

    Parameters
    ----------
    snaplen : int, default 80
        Bytes of payload that are kept of each read, write, send and receive, at most 65,000.
    ports : sequence of int
        Up to 16 TCP or UDP ports; of sockets with one of them at either end `port_snaplen` bytes are kept.
    port_snaplen : int, default 16000
        See `ports`; not used if there are none.
    buffer_bytes : int, default 8 MiB
        Size of the ring buffer of each CPU, rounded up to a power of two of at least a page.
    types : collection of int, optional
        Event types wanted, by their numbers in the schema (an exit event, or a kernel event such as 152, a switch).
        None is all but page faults (290), which are too many to come unasked. System calls that are told
        only as generic events are wanted if 1 is.
    pids, tids : collection of int, optional
        Processes or threads wanted, as the first namespace numbers them; None is all.
    follow : bool, default True
        Children of those in `pids` and `tids` belong to them.
    comms : collection of str, optional
        Names of threads wanted (``proc.name`` as the kernel has it: 15 bytes).
    cgroups : collection of int, optional
        Inode numbers of the control groups (version 2) wanted.
    choice : Choice, optional
        Threads of which everything is wanted; of others the tables only are kept up. `pids`, `tids`, `comms` and
        `cgroups` in contrast leave out everything of others.
    own_process_excluded : bool, default True
        What this process does is left out, as it would feed on itself.

    Raises
    ------
    LiveCaptureError
        At :meth:`start`, if the system cannot be captured; the message says what is missing.
    ValueError
        An argument is out of its range.

    Notes
    -----
    An event that finds its ring full is lost; :meth:`lost` counts them, and the stream tells of each gap
    by a pair of drop events (148 at the last time before, 149 at the first after), whose parameter is how many
    events of that CPU are missing.

    Different kinds of filters all have to agree.

    Calls that do not return (``exit_group``, a successful ``execve``, a thread that is killed) have the events of the
    scheduler instead: 186, 293. Of one call at most 128 messages (``sendmmsg``, ``recvmmsg``) are told, and the rest counts as
        lost; and the data of at most 128 parts (``writev`` and the like), texts up to 4,095 bytes, arguments and environment up
    to 4,096 bytes each. Calls of 32-bit programs are told like those of others on x86-64, but without control data of
    messages; on arm64 they are generic events.
    """

    def __init__(
        self,
        snaplen: int = 80,
        *,
        ports: Sequence[int] = (),
        port_snaplen: int = 16000,
        buffer_bytes: int = 8 << 20,
        types: Collection[int] | None = None,
        pids: Collection[int] | None = None,
        tids: Collection[int] | None = None,
        follow: bool = True,
        comms: Collection[str] | None = None,
        cgroups: Collection[int] | None = None,
        choice: Choice | None = None,
        own_process_excluded: bool = True,
    ) -> None:
        for name, value in (("snaplen", snaplen), ("port_snaplen", port_snaplen)):
            if not 0 <= value <= MOST_PAYLOAD:
                raise ValueError(f"{name} is between 0 and {MOST_PAYLOAD}, not {value}")
        if len(ports) > MOST_PORTS or any(not 0 < port < 65536 for port in ports):
            raise ValueError(f"at most {MOST_PORTS} ports between 1 and 65535, not {list(ports)}")
        if not 4096 <= buffer_bytes <= 1 << 30:
            raise ValueError(f"buffer_bytes is between 4096 and 2^30, not {buffer_bytes}")
        by_kind = {"process": pids, "thread": tids, "name": comms, "group": None}
        if choice is not None and by_kind[choice.kind] is not None:
            raise ValueError(f"threads are chosen by {choice.kind} in two ways")
        self.snaplen = snaplen
        self.ports = tuple(ports)
        self.port_snaplen = port_snaplen
        self.buffer_bytes = max(os.sysconf("SC_PAGESIZE"), 1 << (buffer_bytes - 1).bit_length())
        self.types = None if types is None else frozenset(types)
        self.pids = pids
        self.tids = tids
        self.follow = follow
        self.comms = comms
        self.cgroups = cgroups
        self.choice = choice
        self.own_process_excluded = own_process_excluded
        self._loader: Loader | None = None
        self._rings: Rings | None = None
        self._last: dict[str, Any] = {}

    def start(self) -> None:
        """Load the program into the kernel and attach it; events from here on are in the stream.

        Raises
        ------
        LiveCaptureError
            The system cannot be captured.
        """
        if self._loader is not None:
            return
        reason = available()
        if reason is not None:
            raise LiveCaptureError(reason)
        from scapcore.probe.loader import Loader

        always = self.choice.always if self.choice is not None else ()
        tables = build_tables(self.types, always)
        loader = Loader(str(object_path()), self.buffer_bytes)
        try:
            loader.set_settings(
                own_process=os.getpid() if self.own_process_excluded else 0,
                own_namespace=_own_namespace(),
                snaplen=self.snaplen,
                ports=self.ports,
                port_snaplen=self.port_snaplen,
                page_kilobytes=os.sysconf("SC_PAGESIZE") // 1024,
                by_process=self.pids is not None,
                by_thread=self.tids is not None,
                by_name=self.comms is not None,
                by_group=self.cgroups is not None,
                follow=self.follow,
                choice=self.choice.number if self.choice is not None else 0,
                all_switches=SWITCH in always,
            )
            loader.load()
            for number, entry in tables.calls.items():
                loader.put("calls", number.to_bytes(4, "little"), entry)
            chosen: tuple[tuple[str, list[bytes]], ...] = (
                ("processes", [pid.to_bytes(4, "little") for pid in self.pids or ()]),
                ("threads", [tid.to_bytes(4, "little") for tid in self.tids or ()]),
                ("names", [name.encode()[:15].ljust(16, b"\0") for name in self.comms or ()]),
                ("groups", [group.to_bytes(8, "little") for group in self.cgroups or ()]),
            )
            if self.choice is not None:
                chosen += ((self.choice.table, self.choice.keys()),)
            for name, keys in chosen:
                for key in keys:
                    loader.put(name, key, b"\1")
            self._rings = Rings(loader.rings(), self.buffer_bytes, tables.recipes, tables.flags)
            chosen_only = self.follow and (self.pids is not None or self.tids is not None)
            for program, kind in TRACEPOINTS.items():
                if tables.wants(kind) or chosen_only and kind in tables.needed:
                    loader.attach(program)
            loader.attach("on_sys_exit")
        except BaseException:
            self._rings = None
            loader.close()
            raise
        self._loader = loader

    def set_aside(self, tid: int) -> None:
        """A thread that was there before is not chosen, unless the program has seen it execute something else meanwhile.

        Parameters
        ----------
        tid : int
            Its number. Threads that nobody sets aside are chosen until they execute a program.
        """
        if self._loader is not None and self.choice is not None and self.choice.is_noted:
            self._loader.put_new("choices", tid.to_bytes(4, "little"), b"\0")

    def read(self, timeout_seconds: float, limit_bytes: int = 1 << 20) -> bytes:
        """Whole event blocks, in the order of time.

        Parameters
        ----------
        timeout_seconds : float
            How long to wait if there are no events.
        limit_bytes : int, default 1 MiB
            No more is added once this is reached.

        Returns
        -------
        bytes
            Blocks as a capture has them (block 0x216); empty if nothing came in time. After :meth:`stop`, what
            was still in the rings; empty once they are drained.

        Raises
        ------
        LiveCaptureError
            The probe was not started.
        """
        if self._rings is None:
            raise LiveCaptureError("the probe was not started")
        deadline = time.monotonic() + timeout_seconds
        wait = 0.001
        while True:
            blocks = self._rings.read(limit_bytes, self._loader is None)
            if blocks or self._loader is None:
                return blocks
            left = deadline - time.monotonic()
            if left <= 0:
                return b""
            time.sleep(min(wait, left))
            wait = min(wait * 1.5, 0.02)

    def lost(self) -> list[int]:
        """How many events each CPU has lost since the start, by CPU number.

        Examples
        --------
        >>> Probe().lost()
        []
        """
        return list(self.statistics().get("lost", []))

    def statistics(self) -> dict[str, Any]:
        """Counts since the start.

        Returns
        -------
        dict
            ``seen`` and ``lost``, lists by CPU number: events that the program has told, and those among them
            that found their ring full; ``read``, events handed out; ``bytes``, bytes of their blocks. Empty before
            :meth:`start`.
        """
        if self._loader is not None and self._rings is not None:
            seen, lost = self._loader.counters()
            self._last = {"seen": seen, "lost": lost}
        if self._rings is not None:
            self._last |= {"read": self._rings.events, "bytes": self._rings.written}
        return self._last

    def stop(self) -> None:
        """Detach the program. What the rings still hold can be read."""
        if self._loader is None:
            return
        loader, rings = self._loader, self._rings
        loader.detach()
        self.statistics()
        if rings is not None:
            rings.note_losses(self._last["lost"])
        self._loader = None
        loader.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self.stop()
