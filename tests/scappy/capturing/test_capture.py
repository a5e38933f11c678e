"""What is said where live capture was left out of the build."""

from __future__ import annotations

import platform
import sys

import pytest

import scappy


@pytest.mark.parametrize(
    ("system", "words"), [("Darwin", "Linux only, not on Darwin"), ("Linux", "without clang and libbpf")]
)
def test_a_build_without_probe_is_told(system: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setitem(sys.modules, "scapcore.probe", None)
    with pytest.raises(scappy.LiveCaptureError, match=words):
        scappy.live()
