"""The package as others get it: a wheel, in a clean environment, without the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def run(command: list[str | os.PathLike[str]], folder: Path) -> str:
    """Standard output of a command that must succeed; nothing of this run's Python leaks into it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has or would add: no build results come along."""
    copy = tmp_path_factory.mktemp("tree")
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the requirements that pyproject.toml states."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, tree], folder)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of a clean environment into which the wheel was installed with what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", folder], folder)
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel], folder)
    return folder / "bin"


def test_the_wheel_has_all_files(tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = tree / "src"
    for suffix in (".py", ".pyi", ".pxd", ".json"):
        wanted = {str(path.relative_to(source)) for path in source.rglob(f"*{suffix}")}
        assert wanted, suffix
        assert wanted - names == set()
    assert {"scapcore/py.typed", "scappy/py.typed"} <= names
    # Constants that are made by the build and that the other .pxd files refer to.
    assert "scapcore/schema/types.pxd" in names
    native = {name.partition(".")[0] for name in names if name.endswith(".so")}
    assert native == {str(path.relative_to(source).with_suffix("")) for path in source.rglob("*.pyx")}
    assert [name for name in names if name.endswith((".c", ".pyx"))] == []
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"scapcore", "scappy"}


def test_it_imports(environment: Path, tmp_path: Path) -> None:
    script = "import scappy; print(scappy.__file__)"
    place = run([environment / "python", "-W", "error", "-c", script], tmp_path).strip()
    assert Path(place).is_relative_to(environment.parent)


@pytest.mark.parametrize("program", ["scapdig", "scappy"])
def test_commands_are_there(environment: Path, tmp_path: Path, program: str) -> None:
    said = run([environment / program, "--version"], tmp_path)
    assert said.startswith(program)
    assert run([environment / "python", "-c", "import scappy; print(scappy.__version__)"], tmp_path).strip() in said


def test_it_works(environment: Path, tmp_path: Path) -> None:
    script = "from scappy.samples import write_walkthrough; write_walkthrough('capture.scap')"
    run([environment / "python", "-c", script], tmp_path)
    lines = run([environment / "scapdig", "-r", "capture.scap", "-n", "3"], tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == ["18", "19", "20"]


def test_cython_finds_the_declarations(environment: Path, tmp_path: Path) -> None:
    """Others can cimport the core: the installed .pxd files are complete."""
    run([environment / "python", "-m", "pip", "install", "--quiet", "cython>=3.1"], tmp_path)
    (tmp_path / "user.pyx").write_text(
        "from scapcore.batch cimport EventBatch\nfrom scapcore.reader cimport Reader\n\n"
        "def count(Reader reader):\n    return reader.batch.columns.count\n"
    )
    run([environment / "python", "-m", "cython", "-3", "user.pyx"], tmp_path)
    assert (tmp_path / "user.c").stat().st_size > 10_000
