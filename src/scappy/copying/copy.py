"""Copy a capture: all of it, what a filter chooses, a range of time, into one file or several."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scapcore.beginning import Revealer
from scapcore.choice import Choice, copy_events, first_at, first_time, judge_selected, region
from scapcore.dump import DUMP_NEEDS
from scapcore.errors import CorruptCaptureError, ScapError, UnsupportedCaptureError
from scapcore.merge import leading_rows, time_of
from scapcore.write import BlockEncoder
from scappy.blocks import event_blocks
from scappy.copying.checkpoints import Checkpoints
from scappy.copying.head import Head
from scappy.copying.rotation import Rotation
from scappy.output import OutputFile, PathOrFile, check_not_input, told_what_is_kept

if TYPE_CHECKING:
    from scapcore.batch import EventBatch
    from scapcore.reader import Reader
    from scappy.capture import Capture

__all__ = ["CopyResult", "CopySettings", "copy_capture"]

BATCH_EVENTS = 16384
#: Of events as they come; only how close a file's size gets to its limit depends on it.
USUAL_EVENT_BYTES = 256
#: Types of events that tell about containers in JSON.
CONTAINERS = (272, 324)


@dataclass(frozen=True, slots=True)
class CopySettings:
    """How a capture is copied.

    Attributes
    ----------
    compress : str, optional
        ``gzip``, ``zstd`` or ``lz4``.
    begin, end : int, optional
        Only events of this range of time, ns since the epoch, both ends included. What was there before is written
        anew into the tables that the copy begins with.
    count : int, optional
        Stop after so many events. As in sysdig those count that a filter chooses; without one also internal events, which
        are not shown.
    complete : bool
        Whether a filtered copy also holds, not to be shown, the events without which the others would look
        different. A capture that can be read twice is read twice for it; of a stream all events are kept that change
        the tables.
    early : bool
        Whether the filter of a copy that is not complete is asked when sysdig asks it, see
        :class:`scapcore.predicate.Predicate`.
    prune : bool
        Whether processes are left out that have nothing to do with what the filter chooses; for captures that can be
        read twice.
    rotation : Rotation, optional
        Several files.
    mode : int, optional
        Permissions of new files; the default is 0600.
    """

    compress: str | None = None
    begin: int | None = None
    end: int | None = None
    count: int | None = None
    complete: bool = True
    early: bool = False
    prune: bool = False
    rotation: Rotation | None = None
    mode: int | None = None


@dataclass(slots=True)
class CopyResult:
    """What a copy has come to.

    Attributes
    ----------
    events : int
        Events written, with those that are not shown.
    bytes : int
        Size of all files.
    files : list of str
        Their names, in the order of writing.
    lost : int
        With `early`: events that were dropped because the beginning of their calls was.
    damage : CorruptCaptureError or None
        What is wrong with the original.
    """

    events: int = 0
    bytes: int = 0
    files: list[str] = field(default_factory=list)
    lost: int = 0
    damage: CorruptCaptureError | None = None


def copy_capture(capture: Capture, target: PathOrFile, settings: CopySettings | None = None) -> CopyResult:
    """Write a capture, or what its filter chooses of it.

    Parameters
    ----------
    capture : Capture
        What is copied; its filter chooses events.
    target : path or binary file
        Where to. A path appears when the copy is complete.
    settings : CopySettings, optional
        How.

    Returns
    -------
    CopyResult

    Raises
    ------
    ScapError
        The target cannot be written, or is the capture itself; if something had been written, the message names the
        file that holds it.
    UnsupportedCaptureError
        The capture was opened with the newest libraries' view, in which events are others than those of the file.
    CorruptCaptureError
        The capture is damaged and was opened with ``strict=True``; what came before the damage is in the copy.
    KeyboardInterrupt
        Its message names the file that holds what was written.
    """
    settings = settings or CopySettings()
    if capture.is_modern and not capture.is_newest:
        raise UnsupportedCaptureError("a capture is copied as it stands: open it with view='full'")
    check_not_input(target, capture.source_names)
    if settings.rotation is not None and not isinstance(target, (str, os.PathLike)):
        raise ScapError("several files need a path to be named after")
    copier = _Copier(capture, target, settings)
    with told_what_is_kept(copier.give_up):
        copier.run()
        copier.close()
    if copier.result.damage is not None and capture.is_strict:
        raise copier.result.damage
    return copier.result


class _Copier:
    """One copy under way."""

    def __init__(self, capture: Capture, target: PathOrFile, settings: CopySettings) -> None:
        self.settings = settings
        self.target = target
        self.result = CopyResult()
        self._capture = capture
        self._filtered = bool(capture.filter_text)
        self._head = Head()
        if capture.joined is not None:
            self._head.join(capture.joined)
        self._encoder = BlockEncoder(1 << 20)
        self._verdicts = bytearray(BATCH_EVENTS)
        self._output: OutputFile | None = None
        self._number = -1
        self._file_start = 0
        self._file_events = 0
        self._counter = Revealer()
        self._shown = 0
        self._untold = False
        if settings.prune and not (self._filtered and capture.repeatable):
            raise ScapError("leaving out processes needs a filter, and a capture that can be read twice")
        self._choice = None
        if self._filtered and (settings.complete or settings.prune) and capture.repeatable:
            self._choice = self._choose()
        self._kept = self._choice if settings.prune else None
        if not settings.complete:
            self._choice = None
        # A cut needs the tables, as does a filter that is asked on the way.
        self._anew = settings.begin is not None or settings.prune
        self._checkpoints = Checkpoints() if settings.compress == "lz4" and settings.rotation is None else None
        state = self._anew or settings.rotation is not None or self._checkpoints is not None
        if self._choice is None:
            self._reader = capture.reader(state=state, needs=DUMP_NEEDS)
            self._predicate = capture.predicate(early=settings.early and not settings.complete)
        else:
            self._reader = capture.plain_reader(state=state, needs=DUMP_NEEDS)
            self._predicate = None
        self._reader.keeps_passed = True
        if settings.rotation is None:
            self._open(target, 0)

    def _choose(self) -> Choice:
        """The first pass of two: find out what is needed."""
        settings = self.settings
        capture = self._capture
        if settings.begin is not None:
            capture = capture.filter(f"evt.rawtime >= {settings.begin}")
        if settings.end is not None:
            capture = capture.filter(f"evt.rawtime <= {settings.end}")
        choice = Choice()
        reader = capture.reader(state=True)
        predicate = capture.predicate()
        try:
            while reader.advance():
                predicate.run(reader.batch)
                if settings.count is not None:
                    reader.batch.choose(reader.batch.selected[: settings.count - choice.events])
                choice.note(reader.batch)
                if choice.events == settings.count:
                    break
        except CorruptCaptureError:
            pass        # met again by the second pass
        choice.finish()
        return choice

    # -- files

    def _open(self, target: PathOrFile, start: int) -> None:
        if self.settings.rotation is not None:
            check_not_input(target, self._capture.source_names)     # the name is another one for each file
        # While somebody waits for the compression of what happens, the kernel's buffer overflows.
        hurries = self._capture.is_live
        self._output = OutputFile(target, self.settings.compress, mode=self.settings.mode, hurries=hurries)
        self._number += 1
        self._file_start = start
        self._file_events = 0

    def _end_file(self) -> None:
        if self._output is not None:
            self._output.close()
            self.result.bytes += self._output.size
            self.result.files.append(self._output.name)
            self._output = None
            if self.settings.rotation is not None:
                self._forget()

    def _forget(self) -> None:
        """Take away a file that has fallen out of a ring whose names tell times; others have been replaced."""
        assert self.settings.rotation is not None
        most, files = self.settings.rotation.files, self.result.files
        if most and len(files) > most and files[-most - 1] not in files[-most:]:
            with contextlib.suppress(OSError):
                os.unlink(files[-most - 1])

    def _next_file(self, start: int) -> None:
        """Begin the next file of several at the reader's place."""
        rotation = self.settings.rotation
        assert rotation is not None and not isinstance(self.target, io.IOBase)
        self._end_file()
        # What has been opened is not yet there: a name in use is that of a former round.
        path = os.fspath(self.target)  # type: ignore[arg-type]
        self._open(rotation.name(path, self._number + 1, start, self._file_start), start)

    def close(self) -> None:
        """Finish the last file."""
        if self._output is None and self._number < 0 and self.settings.rotation is not None:
            self._next_file(0)
            assert self._output is not None
            self._output.write(self._head.as_it_was())
        if self._checkpoints is not None and self._output is not None:
            self._checkpoints.finish(self._output)
        self._end_file()
        if self._predicate is not None:
            self.result.lost = self._predicate.lost

    def give_up(self) -> str | None:
        """Stop in the middle; the name of the last file that holds what was written."""
        output, self._output = self._output, None
        kept = None
        if output is not None:
            if self._file_events:
                kept = output.keep()
            else:
                output.discard()
        return kept or (self.result.files[-1] if self.result.files else None)

    # -- events

    def run(self) -> None:
        """Copy."""
        reader = self._reader
        begun = False
        try:
            while reader.peek():
                self._take_passed(begun)
                if not begun:
                    if self._anew and self._skip(reader):
                        continue
                    begun = True
                    self._begin(reader)
                else:
                    self._rotate(reader)
                if self._untold:
                    self._tell_objects(reader)
                last = self._shorten(reader)
                if last is None:
                    return
                if self._checkpoints is not None and self._output is not None:
                    self._checkpoints.visit(self._output, self._head, reader, self.result.events)
                reader.process()
                if self._copy(reader) or last:
                    return
        except CorruptCaptureError as error:
            self.result.damage = error
        self._take_passed(begun)
        if not begun and self._output is not None:
            # No event at all, or none in the range of time.
            self._output.write(self._head.anew(reader, self._kept) if self._anew else self._head.as_it_was())

    def _take_passed(self, begun: bool) -> None:
        passed = self._reader.take_passed()
        if passed:
            self._head.take(passed)
            if begun and self._output is not None:
                for data in passed:
                    self._output.write(data)

    def _skip(self, reader: Reader) -> bool:
        """Process what comes before the beginning; False at the first event that belongs to the copy."""
        row = first_at(reader.batch, self.settings.begin or 0)
        if row == 0:
            return False
        if row < len(reader.batch):
            reader.shorten(row)
        reader.process()
        self._head.note(reader.batch)
        return True

    def _begin(self, reader: Reader) -> None:
        """Write what comes before the first event."""
        if self.settings.rotation is not None:
            # What leads a capture may have no time of its own.
            leading = leading_rows(reader.batch)
            first = time_of(reader.batch, min(leading, len(reader.batch) - 1))
            self._next_file(self.settings.rotation.beginning(first))
            # Nor does it count towards the first file, as what other files begin with does not.
            self._file_events = -leading
        assert self._output is not None
        if self._anew or reader.gap_count:
            # A damaged list is of no use to anybody else; what could be read of it is.
            head = None if reader.engine is None else self._head.anew(reader, self._kept)
        else:
            head = None
        self._output.write(self._head.as_it_was() if head is None else head)
        self._untold = self._head.joined

    def _tell_objects(self, reader: Reader) -> None:
        """Tell about objects that were joined, behind the containers with which a capture leads."""
        leading = leading_rows(reader.batch)
        if 0 < leading < len(reader.batch):
            reader.shorten(leading)
        elif not leading:
            told = self._head.told_objects(first_time(reader.batch))
            assert self._output is not None
            self._output.write(told)
            self.result.events += event_blocks(told)
            self._untold = False

    def _rotate(self, reader: Reader) -> None:
        """Begin a new file where one is due before the batch."""
        rotation = self.settings.rotation
        if rotation is None:
            return
        assert self._output is not None
        start = self._file_start
        now = first_time(reader.batch)
        due = bool(rotation.events and self._file_events >= rotation.events)
        if rotation.size:
            due |= self._output.estimate > rotation.size
        if rotation.span and now >= start + rotation.span:
            due = True
            start = rotation.beginning(now)
        if not due:
            return
        self._next_file(start)
        self._output.write(self._head.anew(reader, self._kept))
        if self._head.joined:
            self._output.write(self._head.told_objects(now))

    def _shorten(self, reader: Reader) -> bool | None:
        """Cut the batch where something ends: True if it is the end of the copy, None if that lies before it."""
        settings, rotation = self.settings, self.settings.rotation
        rows = len(reader.batch)
        last = False
        if settings.end is not None:
            wanted = first_at(reader.batch, settings.end + 1)
            if wanted == 0:
                return None
            last = wanted < rows
            rows = wanted
        if self._choice is not None and settings.count is not None:
            left = self._choice.last_number - reader.batch.first_number + 1
            if left <= 0:
                return None
            last |= left <= rows
            rows = min(rows, left)
        if rotation is not None:
            wanted = rows
            if rotation.span:
                wanted = min(wanted, max(first_at(reader.batch, self._file_start + rotation.span), 1))
            if rotation.events:
                wanted = min(wanted, rotation.events - self._file_events)
            if rotation.size:
                assert self._output is not None
                wanted = min(wanted, max((rotation.size - self._output.estimate) // USUAL_EVENT_BYTES, 1))
            last &= wanted == rows
            rows = wanted
        if rows < len(reader.batch):
            reader.shorten(rows)
        return last

    def _copy(self, reader: Reader) -> bool:
        """Write what is wanted of a batch; True if that was the last of it."""
        assert self._output is not None
        batch = reader.batch
        count = self.settings.count
        ended = False
        if self._choice is not None:
            self._choice.judge(batch, self._verdicts)
        else:
            if self._predicate is not None:
                self._predicate.run(batch)
            judge_selected(batch, self._verdicts, self._filtered and self.settings.complete)
            if count is not None:
                if self._predicate is None:
                    self._counter.choose_counted(batch)
                rows = batch.selected
                if self._shown + len(rows) >= count:
                    end = int(rows[count - self._shown - 1]) + 1 if count > self._shown else 0
                    self._verdicts[end : len(batch)] = bytes(len(batch) - end)
                    ended = True
                self._shown += len(rows)
        if self._head.joined:
            written = self._copy_labelled(batch)
        elif self._filtered or reader.batch_lost or ended:
            written = copy_events(self._encoder, batch, self._verdicts)
            if written:
                self._output.write(self._encoder.take())
        else:
            written = len(batch)
            self._output.write(region(batch, reader.batch_end))
        self._file_events += written
        self.result.events += written
        if self.settings.rotation is not None or self._checkpoints is not None:
            self._head.note(batch)
        return ended

    def _copy_labelled(self, batch: EventBatch) -> int:
        """Write what is wanted of a batch, records of containers with labels that tell their pods."""
        import numpy

        assert self._output is not None
        rows = numpy.flatnonzero(numpy.isin(batch.type, CONTAINERS)).tolist()
        verdicts = numpy.frombuffer(self._verdicts, numpy.uint8)[: len(batch)]
        written = 0
        place = 0
        for row in [*rows, len(batch)]:
            part = verdicts.copy()
            part[:place] = part[row:] = 0
            written += copy_events(self._encoder, batch, part)
            if row < len(batch) and verdicts[row]:
                part[:] = 0
                part[row] = verdicts[row]
                alone = BlockEncoder()
                written += copy_events(alone, batch, part)
                self._encoder.append(self._head.labelled(int(batch.type[row]), alone.take()))
            place = row + 1
        if written:
            self._output.write(self._encoder.take())
        return written
