"""Scripts in Lua for tests, run over a capture."""

from __future__ import annotations

import io
from pathlib import Path

import scappy
from scappy.chisels import ChiselContext, run_chisels
from scappy.chisels.lua import Limits, load_script

HEAD = 'description = "a test" short_description = "a test" category = "Misc"\nargs = args or {}\n'


def run_script(source: str, folder: Path, capture: bytes, *, limits: Limits | None = None, **options: object) -> str:
    """What a script prints."""
    path = folder / "script.lua"
    path.write_text(HEAD + source)
    output = io.BytesIO()
    chisel = load_script(path, limits=limits, directories=[folder])
    try:
        run_chisels(scappy.open(capture), [chisel], context=ChiselContext(output, **options))  # type: ignore[arg-type]
    finally:
        printed = output.getvalue().decode()
    return printed
