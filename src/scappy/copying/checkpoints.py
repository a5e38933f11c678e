"""Places in an LZ4 file at which reading can begin, made while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scapcore.choice import latest_time
from scapcore.source.checkpoints import Checkpoint, checkpoint_frame, index_frame
from scappy.blocks import event_blocks

if TYPE_CHECKING:
    from scapcore.reader import Reader
    from scappy.copying.head import Head
    from scappy.output import OutputFile

__all__ = ["Checkpoints"]

#: Uncompressed bytes between two of them, at least; a checkpoint takes about as much as the start of a capture.
DISTANCE = 1 << 23
#: And so many times the size of the last one, so that a long list of processes does not fill the file.
TIMES_LAST = 32


class Checkpoints:
    """Writes checkpoints into a file, and their list at its end."""

    def __init__(self) -> None:
        self._made: list[Checkpoint] = []
        self._place: int | None = None
        self._size = 0
        self._latest = 0

    def visit(self, output: OutputFile, head: Head, reader: Reader, written: int) -> None:
        """Make a checkpoint before the reader's next batch, which was looked at only, if it is time for one.

        Parameters
        ----------
        output : OutputFile
            What is written.
        head : Head
            Knows what lists cannot say.
        reader : Reader
            With state.
        written : int
            How many events were written before.
        """
        position = reader.batch_end
        if self._place is None:
            self._place = position
        elif position - self._place >= max(DISTANCE, TIMES_LAST * self._size):
            blocks = head.anew(reader)
            told = event_blocks(blocks)
            if written > told:
                output.flush()
                start = output.size
                output.put_raw(checkpoint_frame(blocks))
                self._made.append(Checkpoint(start, output.size, written + 1, self._latest))
            self._place = position
            self._size = len(blocks)
        self._latest = max(self._latest, latest_time(reader.batch))

    def finish(self, output: OutputFile) -> None:
        """Write the list."""
        if self._made:
            output.flush()
            output.put_raw(index_frame(self._made))
