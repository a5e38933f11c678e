"""gzip: one or more members, read as one stream as zlib's file layer does (scap format, section 1)."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import Any

from scapcore.errors import CorruptCaptureError, TruncatedCaptureError
from scapcore.source.inputs import Input

__all__ = ["MAGIC", "decode"]

MAGIC = b"\x1f\x8b"
#: wbits of zlib for a gzip header and trailer, window of 32 KiB.
GZIP_FORMAT = 31
#: Bytes decompressed at most in one step, whatever the ratio.
PIECE = 512 * 1024
#: Bytes fed in one step: small at the start of a member, as zlib copies what lies behind the end of a short one.
FIRST_STEP, STEP = 4 * 1024, 64 * 1024


def library() -> Any:
    """The module that inflates."""
    try:
        return import_module("zlib_ng.zlib_ng")
    except ImportError:  # The standard library does the same, at half the speed.
        return import_module("zlib")


def decode(data: Input) -> Generator[bytes, None, None]:
    """Decompress all members; what follows the last one and is not a member is ignored.

    Parameters
    ----------
    data : Input
        At the start of a member.

    Yields
    ------
    bytes
        At most `PIECE` of them.

    Raises
    ------
    TruncatedCaptureError
        The last member has no end.
    CorruptCaptureError
        zlib refuses the data, or a check sum is wrong.
    """
    zlib = library()
    while data.window(2)[:2] == MAGIC:
        yield from _member(data, zlib)


def _member(data: Input, zlib: Any) -> Generator[bytes, None, None]:
    decoder = zlib.decompressobj(wbits=GZIP_FORMAT)
    step = FIRST_STEP
    while not decoder.eof:
        given = data.window()[:step]
        # An error in zlib takes the output of its step with it: the copy is there to get that back.
        before = decoder.copy()
        try:
            piece = decoder.decompress(given, PIECE)
        except zlib.error as error:
            if piece := _salvage(before, given, zlib):
                yield piece
            raise CorruptCaptureError(f"the gzip stream is damaged: {_reason(error)}") from None
        # At the end of a member both may hold what is left, which is the same bytes.
        data.advance(len(given) - len(decoder.unused_data if decoder.eof else decoder.unconsumed_tail))
        step = min(2 * step, STEP)
        if not (given or piece):
            raise TruncatedCaptureError("the gzip stream ends in the middle")
        if piece:
            yield piece


def _salvage(decoder: Any, given: memoryview, zlib: Any) -> bytes:
    """Decompress byte by byte up to the error that lies somewhere in `given`."""
    found = bytearray()
    try:
        for index in range(len(given)):
            found += decoder.decompress(given[index : index + 1])
    except zlib.error:
        pass
    return bytes(found)


def _reason(error: Exception) -> str:
    # zlib says "Error -3 while decompressing data: incorrect data check".
    return str(error).rpartition(": ")[2]
