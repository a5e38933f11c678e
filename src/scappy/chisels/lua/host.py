"""What the tables ``chisel`` and ``sysdig`` of a Lua chisel do: the functions that its prelude calls."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from scapcore.errors import ChiselError, FieldError, FilterError, ScapError, SourceError
from scapcore.event import FieldReader
from scapcore.live import live_descriptors, live_thread
from scapcore.reader import Reader
from scapcore.snapshot import Snapshot, containers
from scappy.capture import Capture
from scappy.chisels.lua.discovery import find_module
from scappy.fields import lookup
from scappy.fields.compiling import compile_field

if TYPE_CHECKING:
    from scappy.chisels.lua.chisel import LuaChisel
    from scappy.filters.plan import CompiledFilter
    from scappy.formats.template import DataMode

__all__ = ["Host"]

#: How buffers are shown, by the names of the API; the second is whether events come as JSON.
OUTPUT_FORMATS = {
    "normal": (0, False),
    "json": (0, True),
    "simple": (0, False),
    "ascii": (1, False),
    "hex": (2, False),
    "hexascii": (3, False),
    "base64": (4, False),
    "jsonbase64": (4, True),
}
DATA_MODES = ("normal", "ascii", "hex", "hexascii", "base64")

#: Names of container types by their numbers (state engine, containers).
CONTAINER_TYPES = {
    0: b"docker", 1: b"lxc", 2: b"libvirt_lxc", 3: b"mesos", 4: b"rkt", 6: b"cri", 7: b"containerd", 8: b"cri-o", 9: b"bpm",
}

#: Handle of a field that is always missing.
NO_FIELD = -1

WORD = 1 << 64
MOST_SETTING = 1 << 16
BATCH = 16384


class Host:
    """The side of Python of one Lua chisel.

    Parameters
    ----------
    chisel : LuaChisel
        Whose script calls.
    """

    def __init__(self, chisel: LuaChisel) -> None:
        self.chisel = chisel
        self.first_time = 0
        self.last_time = 0
        self.last_number = 0
        # Bytes read before and after the present batch, and its first event.
        self.read_before = self.read_after = 0
        self.first_number = 0
        self.interval = 0
        self.handles: dict[str, int] = {}
        self.refused: set[str] = set()
        self.peer: tuple[str, int] | None = None
        self.socket: socket.socket | None = None

    def functions(self) -> dict[str, Callable[..., Any]]:
        """What the prelude may call, by name."""
        names = """write write_marked flush complain refuse leave module request_field set_filter set_formatter
            set_interval exec is_live set_global_filter get_filter set_output_format get_output_format is_tty
            is_print_container_data get_evtsource_name get_firstevent_ts get_lastevent_ts get_read_progress run_app log
            udp_setpeername udp_send push_metric get_terminal_size get_machine_info threads containers make_ts add_ts
            subtract_ts"""
        return {name: getattr(self, name) for name in names.split()}

    # Output

    def write(self, data: bytes) -> None:
        """Print bytes."""
        self.chisel.context.output.write(data)

    def write_marked(self, data: bytes) -> None:
        """Print bytes, and the events that the script let pass at their places between them."""
        chisel = self.chisel
        chisel.prepare_renderer()
        self.write(data if chisel.renderer is None else chisel.cursor.render(chisel.renderer, data))

    def flush(self) -> None:
        """Hand on what was printed."""
        self.chisel.context.output.flush()

    def complain(self, data: bytes) -> None:
        """Print to standard error."""
        sys.stderr.write(data.decode("utf-8", "replace"))

    def refuse(self, what: bytes) -> None:
        """Tell once that something is not allowed."""
        name = what.decode()
        if name not in self.refused:
            self.refused.add(name)
            print(f"chisel {self.chisel.name}: {name} is not allowed without --chisel-unsafe", file=sys.stderr)

    def leave(self, status: int) -> None:
        """End the program as the script wishes."""
        self.flush()
        raise ChiselError(f"chisel {self.chisel.name} ended the run with status {int(status)}")

    def log(self, message: bytes, severity: bytes) -> None:
        """Write to the log, which is standard error here for what is grave and nowhere for the rest."""
        if severity in (b"error", b"critical"):
            print(f"{severity.decode()}: {text(message)}", file=sys.stderr)

    def push_metric(self, name: bytes, value: float | None, tags: bytes) -> None:
        """Send a metric as a datagram in the form of statsd, where a peer is set."""
        if self.socket is not None and self.peer is not None and value is not None:
            tail = b"|#" + tags if tags else b""
            self.udp_send(b"%s:%.17g|g%s" % (name, value, tail))

    def udp_setpeername(self, address: bytes, port: bytes) -> bool:
        """Set where datagrams go."""
        try:
            self.peer = (text(address), int(port))
            self.socket = self.socket or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            socket.inet_aton(self.peer[0])
        except (ValueError, OSError) as error:
            raise ChiselError(f"chisel {self.chisel.name}: no address to send to: {error}") from error
        return True

    def udp_send(self, data: bytes) -> bool:
        """Send a datagram; what nobody takes is lost."""
        if self.socket is None or self.peer is None:
            raise ChiselError(f"chisel {self.chisel.name}: sysdig.udp_send() before sysdig.udp_setpeername()")
        try:
            self.socket.sendto(data, self.peer)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of what is open."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    # Settings

    def module(self, name: bytes) -> tuple[bytes, bytes] | None:
        """Source and path of a module."""
        path = find_module(text(name), self.chisel.places)
        if path is None:
            return None
        try:
            return path.read_bytes(), str(path).encode("utf-8", "surrogateescape")
        except OSError as error:
            raise ChiselError(f"chisel {self.chisel.name}: module {text(name)}: {error.strerror}") from error

    def request_field(self, name: bytes) -> tuple[int, int]:
        """Index and kind of a field for the cursor."""
        wanted = setting(name).strip()
        cursor = self.chisel.cursor
        index = self.handles.get(wanted)
        if index is None:
            try:
                lookup(wanted)
            except FieldError as error:
                raise ChiselError(f"chisel requesting nonexistent field {wanted}: {error}") from error
            try:
                use = compile_field(wanted)
            except FieldError:
                # A field whose values no capture has.
                return NO_FIELD, 0
            try:
                index = cursor.add(use)
            except ValueError as error:
                raise ChiselError(f"chisel {self.chisel.name}: {error}") from error
            self.handles[wanted] = index
            self.chisel.fields.append(wanted)
        return index, cursor.kind(index)

    def set_filter(self, filter_text: bytes) -> None:
        """Set the chisel's filter."""
        self.chisel.set_filter(setting(filter_text))

    def set_formatter(self, form: bytes) -> None:
        """Print events in a format."""
        from scappy.formats import PRESETS, unescape
        from scappy.formats.presets import PLAIN

        wanted = setting(form)
        self.chisel.format = PLAIN if wanted in ("", "default") else unescape(PRESETS.get(wanted) or wanted)
        self.chisel.renderer = None

    def set_interval(self, length: float | None, precise: bool) -> None:
        """Ask for intervals."""
        if length is None or not 0 <= length < WORD:
            raise ChiselError(f"chisel {self.chisel.name}: an interval cannot last {length} ns")
        self.interval = int(length)
        self.chisel.cursor.set_interval(self.interval, precise)

    def exec(self, name: bytes, *values: bytes) -> None:
        """Note the chisel that is to take the place of this one."""
        self.chisel.replacement = (text(name), [text(value) for value in values])

    def set_global_filter(self, filter_text: bytes) -> None:
        """Set the filter of the whole run."""
        self.chisel.context.filter = setting(filter_text)
        self.whole_filter()

    def get_filter(self) -> bytes:
        """The filter of the whole run."""
        return self.chisel.context.filter.encode("utf-8", "surrogateescape")

    def whole_filter(self) -> CompiledFilter:
        """The filter of the run and that of the chisel together."""
        from scappy.filters.plan import compile_filter

        parts = [part for part in (self.chisel.context.filter, self.chisel.filter) if part]
        try:
            return compile_filter(" and ".join(f"({part})" for part in parts))
        except FilterError as error:
            raise ChiselError(f"invalid filter in chisel {self.chisel.name}: {error}") from error

    def set_output_format(self, name: bytes) -> None:
        """Choose how buffers are shown, unless the user did."""
        wanted = text(name)
        if wanted not in OUTPUT_FORMATS:
            raise ChiselError(f"chisel {self.chisel.name}: no such output format: {wanted}")
        context = self.chisel.context
        if context.mode == 0 and not context.json:
            context.mode, context.json = OUTPUT_FORMATS[wanted]
            self.chisel.cursor.set_mode(context.mode)

    def get_output_format(self) -> bytes:
        """Whether output is JSON."""
        return b"json" if self.chisel.context.json else b"normal"

    def data_mode(self) -> DataMode:
        """How buffers are shown."""
        return cast("DataMode", DATA_MODES[self.chisel.context.mode])

    def run_app(self, line: bytes) -> None:
        """Note what is to be run after this run."""
        self.chisel.run_again(text(line))

    # What is known

    def is_tty(self) -> bool:
        """Whether output goes to a terminal."""
        return self.chisel.context.terminal

    def is_live(self) -> bool:
        """Whether the capture comes in while it is watched."""
        return self.chisel.context.live

    def get_terminal_size(self) -> tuple[int, int]:
        """Columns and rows of the terminal."""
        if not self.is_tty():
            return -1, -1
        try:
            size = os.get_terminal_size(self.chisel.context.output.fileno())
            return size.columns, size.lines
        except OSError:
            return -1, -1

    def is_print_container_data(self) -> bool:
        """Whether columns of containers were asked for."""
        return self.chisel.context.containers

    def get_evtsource_name(self) -> bytes:
        """Name of the capture."""
        return self.chisel.context.source.encode("utf-8", "surrogateescape")

    def get_firstevent_ts(self) -> bytes:
        """Time of the first event as text."""
        return b"%d" % self.first_time

    def get_lastevent_ts(self) -> bytes:
        """Time of the present event, or of the last one, as text."""
        return b"%d" % (self.chisel.cursor.time or self.last_time)

    def enter(self, first_number: int) -> None:
        """Note how far the reading has come with a new batch."""
        reader = self.chisel.reader
        self.first_number = first_number
        self.read_before = self.read_after
        if reader is not None:
            self.read_after = reader.position if reader.source.mapped is not None else reader.source.position

    def get_read_progress(self) -> float:
        """How much of the capture lies before the event at hand, in percent; 0 where its size is not known."""
        reader = self.chisel.reader
        size = reader.source.size if reader is not None else None
        if not size:
            return 0.0
        cursor = self.chisel.cursor
        share = 1.0
        if cursor.number:
            # A batch is read as a whole; its events are taken to be of one size.
            share = (cursor.number - self.first_number + 1) / max(cursor.last_number - self.first_number + 1, 1)
        return min(100.0 * (self.read_before + share * (self.read_after - self.read_before)) / size, 100.0)

    def get_machine_info(self) -> tuple[int, int, int, bytes]:
        """Processors, memory, highest process id and name of the machine."""
        reader = self.chisel.reader
        if reader is None or not self.chisel.started:
            raise ChiselError("sysdig.get_machine_info() can be used from on_capture_start() on")
        machine = reader.machine
        name = machine.get("hostname", "")
        return (
            int(machine.get("num_cpus", 0)),
            int(machine.get("memory_size_bytes", 0)),
            int(machine.get("max_pid", 0)),
            name if isinstance(name, bytes) else str(name).encode("utf-8", "surrogateescape"),
        )

    def tables(self) -> Reader | None:
        """A reader whose tables are those right after the event at hand.

        Batches are read ahead of the script, so the capture is read again up to there; where it is a stream, the
        tables at the end of the batch have to do.
        """
        chisel = self.chisel
        if chisel.capture is None or chisel.reader is None:
            return None
        number = chisel.cursor.number or self.last_number
        if number == chisel.reader.last_number:
            return chisel.reader
        try:
            reader = Capture.reader(chisel.capture, needs=0)
        except SourceError:
            return chisel.reader
        while reader.last_number < max(number, 1):
            reader.batch_events = min(max(number, 1) - reader.last_number, BATCH)
            try:
                if not reader.advance():
                    break
            except ScapError:
                break
        return reader

    def threads(self, filter_text: bytes, whole: bool, descriptors: bool) -> object:
        """The thread table for the script."""
        from scappy.filters.plan import compile_filter

        runtime = self.chisel.runtime
        reader = self.tables()
        if reader is None or reader.engine is None:
            return runtime.table({})
        engine = reader.engine
        chosen: dict[int, set[int]] | None = None
        if filter_text:
            try:
                compiled = compile_filter(setting(filter_text))
            except FilterError as error:
                raise ChiselError(
                    f"invalid filter argument for get_thread_table in chisel {self.chisel.name}: {error}"
                ) from error
            predicate = compiled.predicate()
            values = FieldReader(compile_field)
            chosen = {}
            for batch in Snapshot(engine, self.last_time, descriptors=True):
                if not predicate.run(batch):
                    continue
                # Values are taken anew for a batch that is held.
                batch.pin()
                for row in batch.selected:
                    tid = cast("int", values.value_of(batch, int(row), "thread.tid"))
                    number = cast("int", values.value_of(batch, int(row), "fd.num"))
                    chosen.setdefault(tid, set()).add(number & 0xFFFFFFFF)
        table: dict[int, Any] = {}
        for tid, _ in sorted(engine.threads()):
            if chosen is not None and tid not in chosen:
                continue
            entry: dict[bytes, Any] = {
                key.encode(): runtime.array(value) if isinstance(value, list) else value
                for key, value in live_thread(engine, tid, whole=whole).items()
            }
            opened = live_descriptors(engine, tid, whole=whole) if descriptors else {}
            entry[b"fdtable"] = {
                number: {key.encode(): value for key, value in fd.items()}
                for number, fd in sorted(opened.items())
                if chosen is None or number in chosen[tid]
            }
            table[tid & 0xFFFFFFFF] = entry
        return runtime.table(table)

    def containers(self) -> object:
        """The containers for the script."""
        reader = self.tables()
        found: list[tuple[str, str, str, int]] = []
        if reader is not None and reader.engine is not None:
            found = containers(reader.engine)
        return self.chisel.runtime.table(
            {
                place: {
                    b"id": raw(identity),
                    b"name": raw(name),
                    b"image": raw(image),
                    b"type": CONTAINER_TYPES.get(kind, b"unknown"),
                }
                for place, (identity, name, image, kind) in enumerate(found, 1)
            }
        )

    # Times

    def make_ts(self, seconds: float, nanoseconds: float) -> bytes:
        """Nanoseconds as text."""
        return b"%d" % ((int(seconds) * 1_000_000_000 + int(nanoseconds)) % WORD)

    def add_ts(self, left: bytes, right: bytes) -> bytes:
        """Sum of two times."""
        return b"%d" % ((number_in(left) + number_in(right)) % WORD)

    def subtract_ts(self, left: bytes, right: bytes) -> bytes:
        """Difference of two times."""
        return b"%d" % ((number_in(left) - number_in(right)) % WORD)


def text(data: bytes) -> str:
    """Bytes of Lua as text; undecodable ones come through."""
    return data.decode("utf-8", "surrogateescape")


def setting(data: bytes) -> str:
    """A filter, format or name of a field, which takes time to understand, so that its length has a limit."""
    if len(data) > MOST_SETTING:
        raise ChiselError(f"a filter, format or field of {len(data)} bytes; {MOST_SETTING} is the most")
    return text(data)


def raw(words: str) -> bytes:
    """Text as bytes of Lua."""
    return words.encode("utf-8", "surrogateescape")


def number_in(data: bytes) -> int:
    """The number at the beginning of a text, 0 if there is none."""
    digits = data.strip()
    end = 0
    while end < len(digits) and digits[end : end + 1].isdigit():
        end += 1
    return int(digits[:end] or b"0")
