#!/usr/bin/env python3
"""Make a long capture from a short one, for benchmarks.

usage: make_capture.py [--events N] [--from CAPTURE] OUTPUT

What stands before the first real event (section header, tables, containers and users) is written once. Then the
events follow again and again, each copy's time stamps later by the span of the original plus a nanosecond, until the
output has exactly N events (3,000,000 by default). The input may be plain or gzip; without one the walkthrough's
capture of `scappy.samples` is taken. The input is held in memory, the output is written as it is made.
"""

from __future__ import annotations

import argparse
import gzip
import io
import struct
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy
from numpy.typing import NDArray

SECTION_HEADER = 0x0A0D0D0A
#: Block type: bytes between the start of the body and the event header (CPU number, and flags in some).
EVENT_BLOCKS = {0x204: 2, 0x208: 6, 0x216: 2, 0x217: 6, 0x221: 2, 0x222: 6, 0x8010ABCD: 2}
FRAME = 12
EVENT_HEADER = 22
#: Events that tell what existed before the capture began.
LEADING_NAMES = {"container", "useradded", "userdeleted", "groupadded", "groupdeleted"}


class Capture(NamedTuple):
    """A capture cut into what is written once and what is repeated.

    Attributes
    ----------
    head : bytes
        All blocks before the first event to repeat.
    head_events : int
        Events among them.
    body : ndarray of uint8, shape (size,)
        Event blocks to repeat.
    ends : ndarray of int64, shape (events,)
        Where in `body` each block ends.
    stamps : ndarray of int64, shape (events,)
        Where in `body` each time stamp begins.
    """

    head: bytes
    head_events: int
    body: NDArray[numpy.uint8]
    ends: NDArray[numpy.int64]
    stamps: NDArray[numpy.int64]


def leading_types() -> frozenset[int]:
    """Numbers of the event types that state what existed before the capture began."""
    from scapcore.schema import event_types

    return frozenset(entry.type for entry in event_types() if entry.name in LEADING_NAMES)


def cut(data: bytes) -> Capture:
    """Find the event blocks of a capture.

    Raises
    ------
    ValueError
        It is no single whole capture.
    """
    if data[:4] != struct.pack("<I", SECTION_HEADER):
        raise ValueError("not a plain or gzip capture")
    leading = leading_types()
    frame = struct.Struct("<II")
    kind_at = struct.Struct("<H")
    position = body_start = head_events = 0
    ends: list[int] = []
    stamps: list[int] = []
    while position < len(data):
        if len(data) - position < FRAME:
            raise ValueError(f"the capture is cut at offset {position}")
        block_type, length = frame.unpack_from(data, position)
        if length < FRAME or length > len(data) - position:
            raise ValueError(f"the block at offset {position} has the wrong length {length}")
        end = position + length
        if block_type in EVENT_BLOCKS:
            header = position + 8 + EVENT_BLOCKS[block_type]
            if header + EVENT_HEADER > end - 4:
                raise ValueError(f"the event at offset {position} is too short")
            if ends or kind_at.unpack_from(data, header + 20)[0] not in leading:
                ends.append(end - body_start)
                stamps.append(header - body_start)
            else:
                head_events += 1
        elif ends:
            raise ValueError(f"block 0x{block_type:X} at offset {position} stands among the events")
        if not ends:
            body_start = end
        position = end
    if not ends:
        raise ValueError("the capture has no events to repeat")
    body = numpy.frombuffer(data, numpy.uint8)[body_start:]
    return Capture(data[:body_start], head_events, body, numpy.array(ends), numpy.array(stamps))


def replicate(capture: Capture, events: int, output: BinaryIO) -> None:
    """Write a capture of exactly `events` events.

    Parameters
    ----------
    capture : Capture
    events : int
        Not fewer than stand before the repeated ones.
    output : binary file

    Raises
    ------
    ValueError
        `events` is too small, or the time stamps would not fit.
    """
    left = events - capture.head_events
    if left < 0:
        raise ValueError(f"{events} events are fewer than the {capture.head_events} containers and users at the start")
    output.write(capture.head)
    # Time stamps are not aligned, so they are taken and put back byte by byte.
    places = capture.stamps[:, None] + numpy.arange(8)
    stamps = numpy.ascontiguousarray(capture.body[places]).view("<u8").ravel()
    step = int(stamps.max() - stamps.min()) + 1
    copies = -(-left // len(stamps))
    if int(stamps.max()) + copies * step >= 1 << 64:
        raise ValueError("the time stamps of the last copy do not fit into 64 bits")
    body = capture.body.copy()
    for copy in range(copies):
        body[places] = (stamps + numpy.uint64(copy * step)).view(numpy.uint8).reshape(-1, 8)
        wanted = min(left, len(stamps))
        output.write(body[: capture.ends[wanted - 1]])
        left -= wanted


def read_input(path: str | None) -> bytes:
    """Uncompressed bytes of a capture; of the walkthrough's if there is no path."""
    if path is None:
        from scappy.samples import write_walkthrough

        sample = io.BytesIO()
        write_walkthrough(sample)
        return sample.getvalue()
    data = Path(path).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000_000, metavar="N", help="how many (default %(default)s)")
    parser.add_argument("--from", dest="source", metavar="CAPTURE", help="the capture to replicate")
    parser.add_argument("output", help="the file to write")
    options = parser.parse_args(arguments)
    try:
        capture = cut(read_input(options.source))
        with open(options.output, "wb") as output:
            replicate(capture, options.events, output)
    except (OSError, EOFError, ValueError) as error:
        print(f"make_capture.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
