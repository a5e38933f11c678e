"""Captures of several machines, or of parts of the same time, as one."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from scapcore.dump import dump_calls, dump_tables
from scapcore.errors import CorruptCaptureError, ScapError, UnsupportedCaptureError
from scapcore.merge import DISTANCE, copy_run, leading_rows, run_end, time_of
from scapcore.reader import Reader
from scapcore.write import BlockEncoder
from scappy.blocks import EVENTS, blocks_of
from scappy.capture import Capture
from scappy.copying.head import Head
from scappy.copying.lists import INTERFACES, USERS, list_block, list_entries
from scappy.output import OutputFile, PathOrFile, check_not_input, told_what_is_kept

__all__ = ["HOST_STEP", "MergeResult", "merge"]

#: What lies between the thread ids of one machine and the next: more than any kernel gives.
HOST_STEP = DISTANCE
HOST_NAME_LIMIT = 127
FLUSH_SIZE = 1 << 20
NEVER = 1 << 64


@dataclass(slots=True)
class MergeResult:
    """What a merge has come to.

    Attributes
    ----------
    events : int
        Events written.
    hosts : dict of str to int
        What was added to the thread ids of each machine.
    damage : list of CorruptCaptureError
        What is wrong with the originals.
    """

    events: int = 0
    hosts: dict[str, int] = field(default_factory=dict)
    damage: list[CorruptCaptureError] = field(default_factory=list)


class _Part:
    """One capture on its way into the whole."""

    def __init__(self, capture: Capture) -> None:
        self.reader: Reader = capture.reader(state=True)
        self.reader.keeps_passed = True
        self.head = Head()
        self.told: list[bytes] = []
        self.row = 0
        self.rows = 0
        self.shift = 0
        self.damage: CorruptCaptureError | None = None
        self.more = self.peek()

    @property
    def time(self) -> int:
        return time_of(self.reader.batch, self.row)

    def skip(self, rows: int) -> None:
        """Leave out the first events."""
        self.row = rows
        if rows == self.rows:
            self.reader.process()
            self.more = self.peek()

    @property
    def start(self) -> int:
        """When the capture begins; what leads it may be about long before."""
        row = leading_rows(self.reader.batch) if self.more else self.rows
        return time_of(self.reader.batch, row) if row < self.rows else NEVER

    @property
    def host(self) -> tuple[str, int]:
        machine = self.reader.machine
        return str(machine.get("hostname", "")), int(machine.get("boot_time", 0))

    def peek(self) -> bool:
        """Look at the next batch; False at the end."""
        try:
            more = self.reader.peek()
        except CorruptCaptureError as error:
            self.damage = error
            more = False
        passed = self.reader.take_passed()
        self.head.take(passed)
        self.told = [block for data in passed for kind, block in blocks_of(data) if kind in EVENTS]
        self.row, self.rows = 0, len(self.reader.batch) if more else 0
        return more


def merge(captures: Sequence[Capture], target: PathOrFile, *, compress: str | None = None) -> MergeResult:
    """Write several captures as one, in the order of time.

    Thread and process ids of a second machine and of those after it are moved apart: that of the n-th lie
    n times :data:`HOST_STEP` higher, counted from 0. Captures that name the same machine share their ids. What the
    machines say about users of the same id is that of the first.

    Parameters
    ----------
    captures : sequence of Capture
        In the full view, without filters.
    target : path or binary file
        Where to.
    compress : {"gzip", "zstd", "lz4"}, optional

    Returns
    -------
    MergeResult

    Raises
    ------
    ScapError
        There is nothing to merge, or the target cannot be written or is one of the captures; if something had been
        written, the message names the file that holds it.
    UnsupportedCaptureError
        A capture was opened with ``view="exit"``.
    """
    if not captures:
        raise ScapError("there is nothing to merge")
    for capture in captures:
        if capture.is_modern:
            raise UnsupportedCaptureError("captures are merged as they stand: open them with view='full'")
        if capture.filter_text:
            raise ScapError("whole captures are merged; write the parts that filters choose first")
        check_not_input(target, capture.source_names)
    parts = [_Part(capture) for capture in captures]
    # The first of each machine tells what its tables were.
    parts.sort(key=lambda part: part.start)
    output = OutputFile(target, compress)
    with told_what_is_kept(output.keep):
        result = _write(parts, output)
        output.close()
    return result


def _write(parts: list[_Part], output: OutputFile) -> MergeResult:
    result = MergeResult()
    encoder = BlockEncoder(2 * FLUSH_SIZE)
    hosts: dict[tuple[str, int], _Part] = {}
    for part in parts:
        first = hosts.setdefault(part.host, part)
        part.shift = first.shift if first is not part else (len(hosts) - 1) * HOST_STEP
        if first is not part and part.more:
            # The machine's tables are told already, and its calls go on.
            part.skip(leading_rows(part.reader.batch))
        name = part.host[0]
        while first is part and name in result.hosts:
            name += "'"
        if first is part:
            result.hosts[name] = part.shift
    _write_head(list(hosts.values()), encoder)
    queue = [(part.time, index) for index, part in enumerate(parts) if part.more]
    heapq.heapify(queue)
    while queue:
        _, index = heapq.heappop(queue)
        part = parts[index]
        for block in part.told:
            encoder.append(block)
        part.told = []
        end = run_end(part.reader.batch, part.row, queue[0][0]) if queue else part.rows
        copy_run(encoder, part.reader.batch, part.row, end, part.shift)
        result.events += end - part.row
        part.row = end
        if end == part.rows:
            part.reader.process()
            part.more = part.peek()
        if part.more:
            heapq.heappush(queue, (part.time, index))
        if len(encoder) > FLUSH_SIZE:
            output.write(encoder.take())
    output.write(encoder.take())
    result.damage = [part.damage for part in parts if part.damage is not None]
    return result


def _write_head(parts: list[_Part], encoder: BlockEncoder) -> None:
    """One machine out of many, and the tables of all."""
    encoder.section_header()
    machines = [part.reader.machine for part in parts]
    # By their places in it the field `evt.hostname` finds the name of each.
    name = "+".join(str(machine.get("hostname", "")).replace("+", "-") for machine in machines)
    encoder.machine_info(
        max(machine.get("cpus", 1) for machine in machines),
        max(machine.get("memory_bytes", 0) for machine in machines),
        max(machine.get("max_pid", 0) for machine in machines),
        name.encode("utf-8", "surrogateescape")[:HOST_NAME_LIMIT],
    )
    # A list replaces the one before it, so that there can be only one of each. The last user of an id counts, and the
    # first interface stands for addresses that nobody told: both are those of the first machine.
    entries = {INTERFACES: b"", USERS: b""}
    for part in reversed(parts):
        for own, block in part.head.lasting:
            kind, found = list_entries(own, block)
            if kind == INTERFACES:
                entries[kind] = found + entries[kind]
            elif kind:
                entries[kind] += found
    for kind, body in entries.items():
        if body:
            encoder.append(list_block(kind, body))
    for part in parts:
        assert part.reader.engine is not None
        dump_tables(part.reader.engine, encoder, None, part.shift)
        if not part.shift:
            dump_calls(part.reader.engine, encoder)
