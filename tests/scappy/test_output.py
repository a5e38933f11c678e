"""Files that are written: an interrupt at any write leaves one that begins as it should and has no hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scapcore.source import open_source
from scappy.blocks import blocks_of
from scappy.output import OutputFile
from scappy.samples import write_walkthrough


class Interrupted:
    """A file that is interrupted at one of its writes, before, within or behind what it does."""

    def __init__(self, file: Any, at: int, share: float) -> None:
        self.file = file
        self.at = at
        self.share = share

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: memoryview) -> int:
        self.at -= 1
        if self.at:
            return int(self.file.write(data))
        self.file.write(data[: int(len(data) * self.share)])
        raise KeyboardInterrupt


def content(path: str) -> bytes:
    """What a file holds, decompressed."""
    found, piece = b"", bytearray(1 << 20)
    with open_source(path) as source:
        while count := source.readinto(piece):
            found += piece[:count]
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "capture.scap"
    with open(path, "wb") as file:
        write_walkthrough(file)
    return path


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("compress", [None, "gzip", "zstd", "lz4"])
def test_what_is_kept_is_a_capture(original: Path, tmp_path: Path, compress: str | None, at: int, share: float) -> None:
    pieces = [block for _, block in blocks_of(original.read_bytes())]
    assert b"".join(pieces) == original.read_bytes()
    output = OutputFile(tmp_path / "out.scap", compress)
    output._file = Interrupted(output._file, at, share)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        # Enough for several frames of each compression.
        for _ in range(8):
            for piece in pieces:
                output.write(piece)
        output.close()
    kept = output.keep()
    if kept is None:
        assert at == 1 and share < 1
        assert list(tmp_path.iterdir()) == []
        return
    found = content(kept)
    assert found and (b"".join(pieces) * 8).startswith(found)
    assert b"".join(block for _, block in blocks_of(found)) == found
