"""The walkthrough's capture as a file, which no test changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scappy.samples import write_walkthrough


@pytest.fixture(scope="session")
def walkthrough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walkthrough") / "capture.scap"
    write_walkthrough(path)
    return path
