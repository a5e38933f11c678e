"""The package as others get it: a wheel, in a clean environment, without the source tree."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from clean_run import clean_run

from scapcore.probe.compile import MACHINES, has_library, missing

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"

pytestmark = pytest.mark.slow


def test_the_wheel_has_all_files(tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    source = tree / "src"
    for suffix in (".py", ".pyi", ".pxd", ".json", ".lua"):
        wanted = {str(path.relative_to(source)) for path in source.rglob(f"*{suffix}")}
        assert wanted, suffix
        assert wanted - names == set()
    assert {"scapcore/py.typed", "scappy/py.typed"} <= names
    # Constants that are made by the build and that the other .pxd files refer to.
    assert {"scapcore/schema/types.pxd", "scapcore/schema/_tables.h"} <= names
    native = {name.partition(".")[0] for name in names if name.endswith(".so") and ".libs/" not in name}
    wanted = {str(path.relative_to(source).with_suffix("")) for path in source.rglob("*.pyx")}
    if not has_library():
        wanted.remove("scapcore/probe/loader")
    assert native == wanted
    programs = {name for name in names if name.endswith(".bpf.o")}
    assert programs == (set() if missing() else {f"scapcore/probe/probe.{machine}.bpf.o" for machine in MACHINES})
    # What the loader needs comes along: libbpf, and libelf for it.
    bundled = {match[1] for name in names if (match := re.match(r"scappy\.libs/(\w+)\b.*\.so", name))}
    if sys.platform.startswith("linux"):
        assert bundled == ({"libbpf", "libelf"} if has_library() else set())
    assert [name for name in names if name.endswith((".c", ".pyx"))] == []
    folders = {name.split("/")[0].partition("-")[0] for name in names} - {"scappy.libs"}
    assert folders == {"scapcore", "scappy"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rules are those of Linux")
def test_the_wheel_is_one_for_other_machines(wheel: Path) -> None:
    """auditwheel found no library that others would lack, and said so in the name; symbols for debuggers are gone."""
    assert "-manylinux" in wheel.name or "-musllinux" in wheel.name
    assert wheel.stat().st_size < 8_000_000


def test_the_archive_has_what_builds_and_tests_it(files: set[str], archive: Path) -> None:
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    parts = ("src/", "tests/", "docs/", "examples/", "benchmarks/", "tools/")
    wanted = {name for name in files if name.startswith(parts)}
    assert wanted - names == set()
    assert {"pyproject.toml", "setup.py", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "mkdocs.yml"} <= names
    assert [name for name in names if name.endswith((".so", "_tables.h", "types.pxd", ".pyc"))] == []


def test_it_imports(environment: Path, tmp_path: Path) -> None:
    script = "import scappy; print(scappy.__file__)"
    place = clean_run([environment / "python", "-W", "error", "-c", script], tmp_path).strip()
    assert Path(place).is_relative_to(environment.parent)


@pytest.mark.parametrize("program", ["scapdig", "scappy"])
def test_commands_are_there(environment: Path, tmp_path: Path, program: str) -> None:
    said = clean_run([environment / program, "--version"], tmp_path)
    assert said.startswith(program)
    assert clean_run([environment / "python", "-c", "import scappy; print(scappy.__version__)"], tmp_path).strip() in said


def test_it_works(environment: Path, tmp_path: Path) -> None:
    assert clean_run([environment / "python", "-W", "error", SUPPORT / "installed.py"], tmp_path).startswith("scappy ")


def test_all_versions_are_shown(environment: Path, tmp_path: Path) -> None:
    shown = clean_run([environment / "python", "-c", "import scappy; scappy.show_versions()"], tmp_path)
    rows = {line.split()[0]: line.split(None, 1)[1] for line in shown.splitlines()}
    assert {"scappy", "python", "system", "numpy", "zlib-ng", "lz4", "zstandard"} <= set(rows)
    assert rows["numpy"][0].isdigit()
    assert rows["lupa"] == "not installed (extra chisels)"
    assert rows["pyyaml"] == "not installed (extra filters, k8s)"
    assert not {"pytest", "mkdocs-material", "ruff"} & set(rows)


def test_other_packages_can_cimport_the_core(environment: Path, tmp_path: Path) -> None:
    """The example is built and run in the environment: the installed .pxd files and the header are complete."""
    python = environment / "python"
    copy = tmp_path / "counter"
    copy.mkdir()
    for path in (ROOT / "examples" / "cython_counter").iterdir():
        if path.suffix in (".pyx", ".py", ".toml"):
            (copy / path.name).write_bytes(path.read_bytes())
    clean_run([python, "-m", "pip", "install", "--quiet", "setuptools>=77", "cython>=3.1"], tmp_path)
    # All that any module needs: whoever imports one header gets those it refers to.
    (tmp_path / "all.pyx").write_text(
        "".join(
            f"cimport {'.'.join(path.relative_to(ROOT / 'src').with_suffix('').parts)}\n"
            for path in sorted((ROOT / "src" / "scapcore").rglob("*.pxd"))
        )
    )
    clean_run([python, "-m", "cython", "-3", "all.pyx"], tmp_path)
    clean_run([python, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", copy], tmp_path)
    script = """
from collections import Counter
import cython_counter, scappy
from scappy.samples import write_walkthrough
write_walkthrough("capture.scap")
where = "evt.type in (read, connect)"
found = cython_counter.sizes_by_type("capture.scap", where)
counts = Counter(event.type_number for event in scappy.open("capture.scap").filter(where))
assert {kind: count for kind, (count, _) in found.items()} == counts and len(counts) == 4, (found, counts)
everything = cython_counter.sizes_by_type("capture.scap")
assert sum(count for count, _ in everything.values()) == scappy.open("capture.scap").info().shown
assert all(size >= 26 * count for count, size in found.values())
print(len(found))
"""
    assert clean_run([python, "-W", "error", "-c", script], tmp_path).strip() == "4"
