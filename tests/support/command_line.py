"""The command ``scapdig`` in a process of its own, in the zone and the language that the reference runs in."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["scapdig_lines"]


def scapdig_lines(*words: str | os.PathLike[str]) -> list[bytes]:
    """What the command prints, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "scappy.cli.scapdig", *words],
        capture_output=True,
        env=os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"},
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()
