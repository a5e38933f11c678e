"""Where the bytes of a capture come from: a mapped file, memory, or a stream that may be compressed.

`open_source` takes whatever a user has (a path, ``"-"`` for standard input, bytes, a binary file) and
gives a `Source`. What it finds there is told by the first bytes, never by a name: gzip (scap format, section 1),
zstd and LZ4 frames are taken apart on the way; everything else is passed through unchanged.

Examples
--------
>>> import gzip
>>> with open_source(gzip.compress(b"a capture")) as source:
...     buffer = bytearray(16)
...     source.compression, buffer[: source.readinto(buffer)]
('gzip', bytearray(b'a capture'))
"""

from __future__ import annotations

from scapcore.source.base import Compression, Source
from scapcore.source.chain import ChainSource
from scapcore.source.opening import open_source, stream_source

__all__ = ["ChainSource", "Compression", "Source", "open_source", "stream_source"]
