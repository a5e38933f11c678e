"""What all tests share: captures and programs from outside, and the watch over errors that nobody raised."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
IGNORED = "Exception ignored"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes, as where CI is set")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What they take is built beside the others.
    items.sort(key=lambda item: "packaging" in item.path.parts)
    if config.getoption("--slow") or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


def absent(what: str) -> None:
    """Fail where everything has to be there, skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI is set")
    pytest.skip(what)


# ---------------------------------------------------------------------------------------------------------
# Captures and programs from outside


@pytest.fixture(scope="session")
def shared_directory() -> Path:
    """The folder of material that lies beside the project: SCAPPY_SHARED, or ``../shared``."""
    folder = Path(os.environ.get("SCAPPY_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        absent("there is no folder of shared captures (SCAPPY_SHARED)")
    return folder


def captures_in(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if ".scap" in path.name)
    if not found:
        absent(f"there are no captures in {folder.name}")
    return found


@pytest.fixture(scope="session")
def shared_captures(shared_directory: Path) -> list[Path]:
    """The captures of older tools (2014 to 2022), sorted by name."""
    return captures_in(shared_directory / "captures")


@pytest.fixture(scope="session")
def newer_captures(shared_directory: Path) -> list[Path]:
    """The captures of the newest tools, sorted by name."""
    return captures_in(shared_directory / "captures-2026")


@pytest.fixture(scope="session")
def all_captures(shared_captures: list[Path], newer_captures: list[Path]) -> list[Path]:
    """Every shared capture."""
    return shared_captures + newer_captures


Reference = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference tool ``sysdig`` as a function.

    ``reference("-r", path, "evt.type=open")`` runs it with ``TZ=UTC`` (or another `zone`) and ``LC_ALL=C.UTF-8``,
    in `folder` if given, and gives the finished process with `stdout` and `stderr` as bytes; a non-zero status is an error unless
    ``check=False``.
    """
    program = shutil.which("sysdig")
    if program is None:
        absent("the reference tool sysdig is not installed")

    def run(
        *arguments: str | os.PathLike[str],
        check: bool = True,
        seconds: float = 120,
        zone: str = "UTC",
        folder: str | os.PathLike[str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        # A sanitizer that is preloaded for our modules is none of its business.
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        environment |= {"TZ": zone, "LC_ALL": "C.UTF-8"}
        command: Sequence[str | os.PathLike[str]] = [program or "", *arguments]
        return subprocess.run(command, capture_output=True, env=environment, timeout=seconds, check=check, cwd=folder)

    return run


# ---------------------------------------------------------------------------------------------------------
# Errors that nobody raised: native code and finalizers can only print them


@pytest.fixture(autouse=True)
def nothing_is_ignored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test during which an exception was reported as ignored."""
    ignored: list[str] = []

    def note(unraisable: Any) -> None:
        # Text only: keeping the objects would bring the dying one back to life.
        ignored.append(f"{unraisable.err_msg or IGNORED} {unraisable.object!r}: {unraisable.exc_value!r}")

    monkeypatch.setattr(sys, "unraisablehook", note)
    yield
    if ignored:
        pytest.fail("exceptions were ignored:\n" + "\n".join(ignored))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that has the words on its standard error, from wherever they came."""
    report = yield
    written = dict(report.sections).get(f"Captured stderr {report.when}", "")
    if report.passed and IGNORED in written:
        report.outcome = "failed"
        report.longrepr = f"{IGNORED!r} on standard error:\n{written}"
    return report
