"""Programs run as on another machine: nothing of this run's Python leaks into them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["clean_environment", "clean_run"]


def clean_environment() -> dict[str, str]:
    """The environment without this Python's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return environment | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def clean_run(command: list[str | os.PathLike[str]], folder: Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
