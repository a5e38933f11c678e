"""A chisel written in Lua as one of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scapcore.batch import EventBatch
from scapcore.cursor import EventCursor
from scapcore.errors import ChiselError, FieldError, FilterError, ScapError
from scapcore.event import Event, FieldReader, event_at
from scapcore.reader import Reader
from scapcore.render import Renderer
from scappy.capture import Capture
from scappy.chisels.base import Argument, Chisel
from scappy.chisels.lua.discovery import chisel_directories, find_chisel
from scappy.chisels.lua.host import Host
from scappy.chisels.lua.runtime import Limits, Runtime
from scappy.chisels.lua.views import View
from scappy.fields.compiling import compile_field

__all__ = ["Limits", "LuaChisel", "load_script"]

#: A text in a script that may be the name of a field.
QUOTED = re.compile(rb"""["']([a-z][a-z0-9]*\.[a-z0-9_.]+(?:\[[^\]"']*\])?)["']""")


class DescribesView(ChiselError):
    """A script has no code to run but describes a table."""

    def __init__(self, info: dict[str, Any]) -> None:
        super().__init__("a view cannot take the place of a chisel")
        self.info = info


def load_script(path: Path, *, limits: Limits | None = None, directories: Sequence[str | Path] = ()) -> LuaChisel | View:
    """The chisel or the view in a file; parameters and errors are those of :class:`LuaChisel`."""
    try:
        return LuaChisel(path, limits=limits, directories=directories)
    except DescribesView as view:
        return View(path.stem, view.info)


def plain(value: Any, depth: int = 0) -> Any:
    """A value of Lua as one of Python; tables as dict."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if not hasattr(value, "items") or depth > 8:
        return None
    return {plain(key, depth + 1): plain(item, depth + 1) for key, item in value.items()}


class LuaChisel(Chisel):
    """A chisel written in Lua.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits, optional
        What the script may do.
    directories : sequence of path, optional
        Where other scripts are looked for first.

    Raises
    ------
    ChiselError
        If the script cannot be loaded or is no chisel.
    MissingDependencyError
        Without lupa.
    """

    # What classes of other chisels have, each object of this one has.
    name: str  # type: ignore[misc]
    description: str  # type: ignore[misc]
    category: str  # type: ignore[misc]
    arguments: Sequence[Argument]  # type: ignore[misc]

    def __init__(
        self, path: Path, *, limits: Limits | None = None, directories: Sequence[str | Path] = ()
    ) -> None:
        self.limits = limits or Limits()
        self.directories = directories
        self.capture: Capture | None = None
        self.reader: Reader | None = None
        self.rerun: list[str] | None = None
        self.load(path)

    def load(self, path: Path) -> None:
        """Load a script in place of the present one."""
        self.path = path
        self.places = [path.parent, *chisel_directories(self.directories)]
        self.name = path.stem if path.suffix == ".lua" else path.name
        try:
            self.source = path.read_bytes()
        except OSError as error:
            raise ChiselError(f"can't open file {path}: {error.strerror}") from error
        self.filter = ""
        self.fields: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.replacement: tuple[str, list[str]] | None = None
        self.format: str | None = None
        self.renderer: Renderer | None = None
        self.predicate: object = None
        self.started = False
        self.last_event: Event | None = None
        self.event_values = FieldReader(compile_field)
        self.cursor = EventCursor()
        self.host = Host(self)
        self.runtime = Runtime(self.name, self.host.functions(), self.cursor, self.limits)
        try:
            self.runtime.call("load", self.source, b"@" + str(path).encode("utf-8", "surrogateescape"))
        except ChiselError as error:
            detail = str(error).partition("chisel error: ")[2] or str(error)
            raise ChiselError(f"Failed to load chisel {self.name}: {detail}") from None
        self.description = self.text("short_description") or self.text("description")
        self.__doc__ = self.text("description")
        self.category = self.text("category")
        self.hidden = bool(self.runtime.call("flag", b"hidden"))
        listed = self.runtime.call("arguments")
        if listed is None:
            view = self.runtime.call("view")
            if view is not None:
                raise DescribesView(plain(view))
            raise ChiselError(f"Failed to load chisel {self.name}: args table missing")
        self.arguments = []
        for entry in listed.values():
            name, help_text, kind, optional = (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in entry.values()
            )
            self.arguments.append(Argument(name, help_text, str, bool(optional), kind == "filter"))
        self.calling = bool(self.runtime.call("has", b"on_event"))

    def text(self, name: str) -> str:
        """A text among the globals of the script, empty if there is none."""
        value = self.runtime.call("text", name.encode())
        return value.decode("utf-8", "replace") if value else ""

    def set_argument(self, name: str, value: object) -> None:
        """Note the value of an argument; the script is given it before it begins."""
        self.values.append((name, str(value)))

    def on_init(self) -> None:
        """Give the script its arguments and let it begin; it may call for another script in its place."""
        for _ in range(16):
            for name, value in self.values:
                words = (text.encode("utf-8", "surrogateescape") for text in (name, value))
                if not self.runtime.call("set_argument", *words):
                    raise ChiselError(f"set_arg() for chisel {self.name} failed.")
            accepted = self.runtime.call("on_init")
            if self.replacement is None:
                break
            name, values = self.replacement
            path = find_chisel(name, self.directories)
            if path is None:
                raise ChiselError(f"chisel {name} not found, which {self.name} asks for")
            self.load(path)
            self.give(values)
        else:
            raise ChiselError(f"chisel {self.name}: chisels that replace each other without end")
        if not accepted:
            raise ChiselError(f"init() for chisel {self.name} failed.")
        # Fields that it may ask for later need their columns from the beginning.
        self.fields = [*self.fields, *self.quoted_fields()]

    def give(self, values: Sequence[str]) -> None:
        """Note all arguments at once.

        Raises
        ------
        ChiselError
            If there are too few or too many.
        """
        required = sum(not argument.optional for argument in self.arguments)
        if len(values) < required:
            raise ChiselError(
                f"wrong number of parameters for chisel {self.name}, {required} required, {len(values)} given"
            )
        if len(values) > len(self.arguments):
            raise ChiselError(
                f"too many parameters for chisel {self.name}, {required} required, "
                f"{len(self.arguments) - required} optional, {len(values)} given"
            )
        for argument, value in zip(self.arguments, values, strict=False):
            self.set_argument(argument.name, value)

    def quoted_fields(self) -> Iterator[str]:
        """Fields whose names stand in the script as texts."""
        for name in sorted(set(QUOTED.findall(self.source))):
            try:
                compile_field(name.decode())
            except (FieldError, UnicodeDecodeError):
                continue
            yield name.decode()

    def on_reader(self, capture: Capture, reader: Reader) -> None:
        """Called when the pass begins."""
        self.capture = capture
        self.reader = reader
        self.cursor.set_mode(self.context.mode)

    def start(self) -> None:
        """Tell the script that the capture is open; machine and threads are known by now."""
        self.started = True
        if not self.runtime.call("on_capture_start"):
            raise ChiselError(f"init() for chisel {self.name} failed.")

    def on_batch(self, batch: EventBatch) -> bool:
        """Let the script see the events of a batch."""
        if not self.started:
            before = self.filter
            self.start()
            if self.filter != before:
                self.predicate = self.host.whole_filter().predicate() if self.filter else None
        if self.predicate is not None:
            self.predicate.run(batch)  # type: ignore[attr-defined]
        self.cursor.begin(batch)
        self.host.first_time = self.cursor.first_time
        self.host.enter(batch.first_number)
        self.prepare_renderer()
        ended = False
        try:
            if self.calling or self.format is not None or self.host.interval:
                ended = bool(self.runtime.call("run", self.calling, self.format is not None))
            self.host.last_time = self.cursor.time if ended else self.cursor.last_time
            self.host.last_number = self.cursor.number if ended else self.cursor.last_number
        except ScapError as error:
            self.runtime.last_words()
            if isinstance(error, ChiselError) and "at event" not in str(error) and self.cursor.number:
                raise ChiselError(f"{error} (at event {self.cursor.number})") from error
            raise
        finally:
            self.runtime.leave()
            self.cursor.end()
        # A single event is kept without its batch.
        self.last_event = event_at(batch, self.last_row(batch, ended), self.event_values)
        if ended:
            self.end_capture()
        self.context.output.flush()
        return True

    def last_row(self, batch: EventBatch, ended: bool) -> int:
        """Row of the event that the script saw last, or of the last one of the batch."""
        last = len(batch) - 1
        return min(self.host.last_number - batch.first_number, last) if ended else last

    def prepare_renderer(self) -> None:
        """Make what prints events, if the script has set a format."""
        if self.format is None or self.renderer is not None:
            return
        from scappy.formats import parse

        self.renderer = parse(self.format).renderer(
            json=self.context.json, data=self.host.data_mode(), unlimited=True, time="h"
        )

    def on_capture_end(self) -> None:
        """Tell the script that it is over."""
        if not self.started:
            self.start()
        if self.last_event is not None:
            # The script may look at the last event once more.
            self.cursor.begin(self.last_event.batch)
            self.cursor.go_to(self.last_event.row)
            self.runtime.enter()
        first, last = self.host.first_time, self.host.last_time
        seconds, rest = divmod(last, 1_000_000_000)
        self.runtime.call("on_capture_end", seconds, rest, max(last - first, 0) if first else 0)
        self.runtime.leave()
        self.cursor.end()
        self.last_event = None
        self.host.close()

    def run_again(self, line: str) -> None:
        """Note what is to be run after this run."""
        try:
            self.rerun = shlex.split(line)
        except ValueError as error:
            raise ChiselError(f"chisel {self.name}: {error}: {line}") from None

    def set_filter(self, text: str) -> None:
        """Set what the script wants to see.

        Raises
        ------
        ChiselError
            If the filter cannot be understood.
        """
        from scappy.filters.plan import compile_filter

        if text:
            try:
                compile_filter(text)
            except FilterError as error:
                raise ChiselError(f"invalid filter in chisel {self.name}: {error}") from error
        self.filter = text

