"""The native modules under the compilers' sanitizers."""

from __future__ import annotations

import os

import pytest
from build import Build


@pytest.mark.slow
@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="this is the sanitized run")
def test_nothing_is_found(sanitized: Build) -> None:
    sanitized.finish()
