"""Every script of the reference's package runs unmodified, wherever the reference itself can run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from scappy.chisels.lua.discovery import INSTALLED

pytest.importorskip("lupa")
pytestmark = pytest.mark.slow

CAPTURES = ("sysflow__client-server__tcp-client-server.scap", "libs__captures__curl_google.scap")

#: Scripts that others load; by themselves they are no chisels.
MODULES = {"ansiterminal", "common", "dkjson"}
#: Scripts that the reference cannot run either, and why.
BROKEN = {
    "http": "it is a module without arguments",
    "shellshock_detect": "its filter mixes and and or",
    "spectrogram": "it wants a terminal",
    "statsd": "it is a module without arguments",
    "subsecoffset": "it wants a terminal",
    "v_cpus": "its table has another name",
}
#: Arguments of scripts that want some.
ARGUMENTS = {
    "around": "x.scap 10",
    "fdbytes_by": "fd.type",
    "fdcount_by": "fd.type",
    "fdtime_by": "fd.type",
    "fileslower": "1",
    "netlower": "1",
    "scallslower": "1",
    "spy_ip": "127.0.0.1",
    "spy_port": "80",
    "table_generator": "evt.type Type evt.count Count evt.type!=switch 10 none",
    "tracers_2_statsd": "127.0.0.1 8125",
}
#: Scripts that write files of their own.
WRITING = {"udp_extract"}

#: How much of the output must be the same, in percent, where ties come in an order that is not fixed.
LINES = {"flame": 80, "table_generator": 75, "wsysdig_summary": 30}
#: Tables whose rows are the first of many that tie: only the numbers in front are the same each time.
TIED = {"topfiles_bytes", "topprocs_cpu", "topscalls"}


def scripts() -> list[str]:
    return sorted(path.stem for path in Path(INSTALLED).glob("*.lua")) or ["none"]


@pytest.fixture
def captures(shared_captures: list[Path]) -> list[Path]:
    return [path for path in shared_captures if path.name in CAPTURES]


def ours(path: Path, words: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "scappy.cli.scapdig", "-r", path, "--lua", *words],
        capture_output=True, env=environment, cwd=folder, timeout=120, check=False,
    )


def same_lines(one: bytes, other: bytes, words: int | None = None) -> float:
    """Share of the lines, or of their first words, that both have, in percent."""

    def compared(line: bytes) -> bytes:
        return line.rstrip() if words is None else b" ".join(line.split()[:words])

    left, right = (Counter(compared(line) for line in text.splitlines()) for text in (one, other))
    most = max(left.total(), right.total())
    return 100 * (left & right).total() / most if most else 100


def test_there_are_scripts(reference: Callable[..., object]) -> None:
    assert len(scripts()) > 90


@pytest.mark.parametrize("name", [name for name in scripts() if not name.startswith("v_")])
def test_chisel(name: str, captures: list[Path], reference: Callable[..., object], tmp_path: Path) -> None:
    arguments = ["-c", name, *([ARGUMENTS[name]] if name in ARGUMENTS else [])]
    for path in captures:
        expected = reference("-r", path, *arguments, check=False, folder=tmp_path)
        found = ours(path, [*arguments, *(["--chisel-unsafe"] if name in WRITING else [])], tmp_path)
        if name in MODULES or name in BROKEN:
            assert expected.returncode, f"the reference runs {name}"  # type: ignore[attr-defined]
            assert found.returncode in (1, 2)
            assert b"Traceback" not in found.stderr
            continue
        if expected.returncode:  # type: ignore[attr-defined]
            assert found.returncode, f"the reference cannot run {name}"
        else:
            assert (found.returncode, found.stderr) == (0, b"")
            words = 1 if name in TIED else None
            assert same_lines(found.stdout, expected.stdout, words) >= LINES.get(name, 95)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name in scripts() if name.startswith("v_")])
def test_view(name: str, captures: list[Path], reference: Callable[..., object], tmp_path: Path) -> None:
    viewer = shutil.which("csysdig")
    identity = re.search(r'^\s*id\s*=\s*"(.+?)"', (Path(INSTALLED) / f"{name}.lua").read_text(), re.MULTILINE)
    for path in captures:
        text = ours(path, ["-c", name], tmp_path)
        found = ours(path, ["-j", "-c", name], tmp_path)
        if name in BROKEN:
            assert found.returncode == 1
            assert b"args table missing" in found.stderr
            continue
        assert (found.returncode, found.stderr) == (0, b"")
        assert (text.returncode, text.stderr) == (0, b"")
        rows = json.loads(found.stdout)["slices"][-1]["count"]
        assert len(text.stdout.splitlines()) == rows + 2
        # A spectrogram has as many rows as the terminal has columns.
        if viewer is None or identity is None or "spectro" in name:
            continue
        done = subprocess.run(
            [viewer, "-r", path, "-v", identity[1], "-j"],
            capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | {"TZ": "UTC"}, timeout=120, check=False,
        )
        assert json.loads(done.stdout)["slices"][-1]["count"] == rows
