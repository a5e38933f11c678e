"""What is said where the running system cannot be captured."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from scapcore.errors import LiveCaptureError
from scapcore.probe import Probe, available, probe
from scapcore.probe import compile as compile_probe
from scapcore.probe.compile import has_header, has_library, left_out, missing


def built() -> bool:
    return available() is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("system", "Darwin", "Linux only, not on Darwin"),
        ("machine", "riscv64", "not on riscv64"),
        ("release", "5.4.0-42-generic", "Linux 5.8 or newer; this is 5.4.0"),
        ("release", "nonsense", "needs Linux"),
    ],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    if name == "release" and not built():
        pytest.skip(available() or "")
    monkeypatch.setattr(platform, name, lambda: value)
    reason = available()
    assert reason is not None and words in reason
    with pytest.raises(LiveCaptureError, match=words.split(";")[0]):
        Probe().start()


def test_a_build_without_the_program_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not built():
        pytest.skip(available() or "")
    monkeypatch.setattr(probe, "object_path", lambda: tmp_path / "none")
    assert "clang" in (available() or "")


def test_a_build_without_the_loader_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not built():
        pytest.skip(available() or "")
    monkeypatch.setitem(sys.modules, "scapcore.probe.loader", None)
    assert "libbpf" in (available() or "")


def test_missing_type_information_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not built():
        pytest.skip(available() or "")
    monkeypatch.setattr(probe, "TYPES", tmp_path / "none")
    assert "CONFIG_DEBUG_INFO_BTF" in (available() or "")


@pytest.mark.parametrize(
    ("held", "enough"),
    [(0, False), (1 << 21, True), (1 << 39, False), (1 << 38, False), (1 << 39 | 1 << 38, True)],
)
def test_rights(monkeypatch: pytest.MonkeyPatch, held: int, enough: bool) -> None:
    if not built():
        pytest.skip(available() or "")
    monkeypatch.setattr(probe, "_capabilities", lambda: held)
    reason = available()
    assert (reason is None) == enough
    assert enough or "CAP_BPF and CAP_PERFMON" in (reason or "")


def test_a_program_that_is_none_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not built():
        pytest.skip(available() or "")
    wrong = tmp_path / "wrong.o"
    wrong.write_bytes(b"\x7fELF" + bytes(100))
    monkeypatch.setattr(probe, "object_path", lambda: wrong)
    with pytest.raises(LiveCaptureError, match="cannot be opened"):
        Probe().start()


def test_rights_that_are_missing_are_named_by_another_user() -> None:
    """For real: without any capability."""
    if not built():
        pytest.skip(available() or "")
    command = [
        sys.executable,
        "-c",
        "import os; from scapcore.probe import available, Probe; os.setuid(65534); print(available())",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "CAP_BPF and CAP_PERFMON" in done.stdout


def test_headers_are_looked_for() -> None:
    assert has_header("stdio.h")
    assert has_header("limits.h", "CHAR_BIT == 8") and not has_header("limits.h", "CHAR_BIT == 9")
    assert not has_header("there/is/no/such/header.h")


@pytest.fixture
def libbpf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The C compiler finds libbpf in this version and no other; before 0.6 it did not tell its version."""
    (tmp_path / "bpf").mkdir()
    major = "" if request.param is None else f"#define LIBBPF_MAJOR_VERSION {request.param}\n"
    (tmp_path / "bpf" / "libbpf.h").write_text(major)
    monkeypatch.setenv("CC", f"{os.environ.get('CC', 'cc')} -I{tmp_path}")


@pytest.mark.parametrize(("libbpf", "enough"), [(None, False), (0, False), (1, True), (2, True)], indirect=["libbpf"])
@pytest.mark.usefixtures("libbpf")
def test_an_old_libbpf_is_as_good_as_none(enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert has_library() == enough
    assert left_out("loader") == (not enough) and not left_out("rings")
    assert ("libbpf 1.0" in missing()) != enough


def test_elsewhere_nothing_of_the_probe_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert left_out("loader") and left_out("rings") and left_out("decode")
    assert missing() == "it works on Linux only"


@pytest.mark.parametrize("libbpf", [0], indirect=True)
@pytest.mark.usefixtures("libbpf")
@pytest.mark.parametrize(("wanted", "code"), [("required", 1), ("", 0)])
def test_a_build_for_others_fails_without_live_capture(wanted: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAPPY_PROBE", wanted)
    done = subprocess.run([sys.executable, compile_probe.__file__], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "libbpf 1.0 or newer" in done.stderr
