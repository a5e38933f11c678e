"""Commands that take minutes and one processor: they run beside the tests, and get what these leave."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Build"]


class Build:
    """A command that has been started.

    Parameters
    ----------
    command : sequence of str or path
    folder : path
        Where it runs.
    log : path
        Where its output goes.
    environment : mapping
    """

    def __init__(
        self, command: Sequence[str | os.PathLike[str]], folder: Path, log: Path, environment: Mapping[str, str]
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["nice", *command], cwd=folder, env={**environment, "SCAPPY_BUILD_JOBS": "1"}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def finish(self) -> None:
        """Wait for the end, which must be a success."""
        assert self._process.wait(timeout=1500) == 0, self._log.read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
