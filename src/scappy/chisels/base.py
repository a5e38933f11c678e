"""What a chisel is: declared arguments, the fields that it needs, and hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from scapcore.batch import EventBatch
from scapcore.event import Event

if TYPE_CHECKING:
    from scapcore.engine import Engine
    from scapcore.reader import Reader
    from scappy.capture import Capture

__all__ = ["Argument", "Chisel", "ChiselContext"]

COLORS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "reset": 0}


@dataclass(frozen=True)
class Argument:
    """An argument that a chisel takes.

    Attributes
    ----------
    name : str
        Name of the attribute of the chisel that gets the value.
    help : str
        One sentence.
    type : type
        ``str``, ``int`` or ``float``.
    optional : bool
        Whether it may be left out; the chisel's class attribute of that name is the default.
    is_filter : bool
        Whether the value is a filter, so that it may look like the filter of the command line.
    """

    name: str
    help: str
    type: type = str
    optional: bool = False
    is_filter: bool = False


@dataclass
class ChiselContext:
    """What a chisel may know of the run.

    Attributes
    ----------
    output : binary file
        Where printed lines go.
    mode : int
        How payloads are shown: 0 normal, 1 ASCII, 2 hexadecimal, 3 hexadecimal and ASCII, 4 base64.
    containers : bool
        Whether container columns were asked for (``-pc``, ``-pk``).
    json : bool
        Whether tables, and data that are printed by themselves, are wanted as JSON (``-j``).
    terminal : bool
        Whether the output is a terminal.
    width : int
        Columns of the terminal.
    live : bool
        Whether the capture comes in while it is watched on a terminal: tables are shown anew each second then.
    filter : str
        The filter of the run; in ``on_init`` a chisel may change it.
    source : str
        Name of the capture.
    limit : int or None
        Events that pass the filter of the run, after which it ends (``-n``).
    early : bool
        Whether the filter of the run is asked as sysdig does, before it looks at what an event changes: calls whose
        beginning it drops are forgotten.
    lost : int
        Events so far that the filter would have chosen if their calls had not been forgotten.
    first_time, last_time : int
        Time stamps (ns) of the first and the last event so far, whether or not the filters let them through; 0 before the
        first.
    engine : Engine or None
        The live tables, for chisels that show them.
    """

    output: BinaryIO
    mode: int = 0
    containers: bool = False
    json: bool = False
    terminal: bool = False
    width: int = 80
    live: bool = False
    filter: str = ""
    source: str = ""
    limit: int | None = None
    early: bool = False
    lost: int = 0
    first_time: int = 0
    last_time: int = 0
    engine: Engine | None = None
    ended: bool = False


class Chisel:
    """Base of all chisels: hooks that run over the events of a capture.

    Subclasses set the class attributes and define ``on_event`` or, columnar, ``on_batch``.

    Attributes
    ----------
    name : str
        Name on the command line.
    description : str
        One sentence.
    category : str
        Heading in lists.
    arguments : sequence of Argument
        In the order of the command line.
    fields : sequence of str
        Fields that the chisel asks for.
    filter : str
        Events that it wants to see, besides the filter of the run.
    interval : int
        Nanoseconds of capture time between calls of ``on_interval``; 0 for none. Slots begin at multiples of it.
    printing : bool
        Whether payload fields come as they are printed (with the run's output mode) instead of as they are.
    ascii : bool
        Whether payloads come as plain text where the run asks for no other form, nor for JSON.
    point_in_time : bool
        Whether it shows the tables at the first event that it sees, which is its end; other chisels of the run go on.
    """

    name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    category: ClassVar[str] = "Misc"
    arguments: ClassVar[Sequence[Argument]] = ()
    fields: Sequence[str] = ()
    filter: str = ""
    interval: int = 0
    printing: ClassVar[bool] = False
    ascii: ClassVar[bool] = False
    point_in_time: ClassVar[bool] = False

    context: ChiselContext

    def set_argument(self, name: str, value: object) -> None:
        """Take the value of an argument."""
        setattr(self, name, value)

    def on_reader(self, capture: Capture, reader: Reader) -> None:
        """Called when the pass over the capture begins, before ``on_capture_start``."""

    def on_init(self) -> None:
        """Called once the arguments are set, before the capture is opened."""

    def on_capture_start(self) -> None:
        """Called before the first event."""

    def on_event(self, event: Event) -> None:
        """Called for every event that passes the filters."""

    def on_batch(self, batch: EventBatch) -> bool:
        """Called for every batch; True if it dealt with it, so that ``on_event`` is not called.

        ``batch.selected`` are the rows that pass the filters. With an interval a batch can come in several parts.
        """
        return False

    def on_interval(self, time: int, delta: int) -> None:
        """Called before the first event of a new slot of time.

        Parameters
        ----------
        time : int
            Time stamp of that event, ns since the epoch.
        delta : int
            Nanoseconds since the former call; 0 for the first one.
        """

    def on_capture_end(self) -> None:
        """Called after the last event."""

    def end_capture(self) -> None:
        """Let the run end with the event under way; for ``on_event``."""
        self.context.ended = True

    def print(self, text: str | bytes, end: bytes = b"\n") -> None:
        """Write a line to the output of the run."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        self.context.output.write(data + end)

    def print_object(self, row: Mapping[str, object]) -> None:
        """Write a row as an object of JSON, in a line of its own."""
        import json

        self.print(json.dumps(row, default=str))

    def color(self, name: str) -> str:
        """Escape sequence of a colour; nothing where the argument ``disable_color`` says so.

        Colours do not depend on the terminal, as in the original chisels.
        """
        return "" if getattr(self, "disable_color", "") in COLOR_OFF else f"\x1b[{COLORS[name]}m"

    def result(self) -> object:
        """What the chisel found, as data; None where it only prints."""
        return None


#: Values of the argument ``disable_color`` that turn colours off; both spellings are in use.
COLOR_OFF = ("disable_color", "disable_colors")
#: The argument itself.
DISABLE_COLOR = Argument("disable_color", "the word disable_color turns colours off", optional=True)
