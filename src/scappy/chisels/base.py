"""What a chisel is: declared arguments, the fields that it needs, and hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from scapcore.batch import EventBatch
from scapcore.event import Event
from scapcore.reader import Reader

if TYPE_CHECKING:
    from scappy.capture import Capture

__all__ = ["Argument", "Chisel", "ChiselContext"]


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
    """

    name: str
    help: str
    type: type = str
    optional: bool = False


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
        Whether output is JSON (``-j``).
    filter : str
        The filter of the run; a chisel may change it before the capture is opened.
    capture_name : str
        Name of the capture.
    """

    output: BinaryIO
    mode: int = 0
    containers: bool = False
    json: bool = False
    filter: str = ""
    capture_name: str = ""


class Chisel:
    """Base of all chisels: hooks that run over the events of a capture.

    Subclasses set the class attributes and define ``on_event`` or, columnar, ``on_batch``.

    Attributes
    ----------
    name : str
        Name on the command line; the class name in snake case by default.
    description : str
        One sentence.
    category : str
        Heading in lists.
    arguments : sequence of Argument
        In the order of the command line.
    fields : sequence of str
        Fields that ``on_event`` asks for.
    filter : str
        Events that it wants to see, besides the filter of the run.
    printing : bool
        Whether payload fields come as they are printed (with the run's output mode) instead of as they are.
    """

    name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    category: ClassVar[str] = "Misc"
    arguments: ClassVar[Sequence[Argument]] = ()
    fields: Sequence[str] = ()
    filter: str = ""
    printing: ClassVar[bool] = False

    context: ChiselContext

    #: Set by a chisel that has seen enough; the run ends then.
    finished: bool = False

    def set_argument(self, name: str, value: object) -> None:
        """Take the value of an argument."""
        setattr(self, name, value)

    def on_reader(self, capture: Capture, reader: Reader) -> None:
        """Called once the pass over the capture begins, before ``on_capture_start``."""

    def on_init(self) -> None:
        """Called once the arguments are set, before the capture is opened."""

    def on_capture_start(self) -> None:
        """Called before the first event."""

    def on_event(self, event: Event) -> None:
        """Called for every event that passes the filters."""

    def on_batch(self, batch: EventBatch) -> bool:
        """Called for every batch; True if it dealt with it, so that ``on_event`` is not called."""
        return False

    def on_capture_end(self) -> None:
        """Called after the last event."""

    def print(self, text: str | bytes, end: bytes = b"\n") -> None:
        """Write a line to the output of the run."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        self.context.output.write(data + end)

    def result(self) -> object:
        """What the chisel found, as data; None where it only prints."""
        return None
