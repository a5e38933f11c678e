"""The house rules that a program can check: who imports whom, what importing does, what files may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"

#: From the lowest to the highest; a layer may import itself and what is below.
LAYERS = ("scapcore", "scappy", "scappy.cli")

#: Cython's `from a.b cimport c`, `cimport a.b, c.d` and the Python forms, at the start of a line.
CYTHON_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+c?import\b|c?import[ \t]+([\w., \t]+))", re.MULTILINE)

MOST_LINES = 800
#: Longer for a reason; a module that has become shorter must leave this list.
LONG_MODULES: set[str] = set()

# Written so that this file does not hold what it looks for.
REGISTRY_HOSTS = re.compile(r"\b(py[p]i\.org|python[h]osted\.org|np[m]js\.(?:org|com)|deb\.debia[n]\.org)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])(/wor[k]/[\w.]|/tm[p]/(?:w-|venv|ref|bash_jobs|brief))")


def python_imports(path: Path, name: str) -> Iterator[str]:
    """Full names of the modules that a Python file imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            # `from scappy import cli` imports a module as well.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def cython_imports(path: Path) -> Iterator[str]:
    for match in CYTHON_IMPORT.finditer(path.read_text(encoding="utf-8")):
        if match[1]:
            yield match[1]
        else:
            yield from (entry.split()[0] for entry in match[2].split(",") if entry.strip())


def layer(name: str) -> int | None:
    """Index of the layer that a module belongs to; None for modules of others."""
    places = [index for index, prefix in enumerate(LAYERS) if name == prefix or name.startswith(prefix + ".")]
    return max(places, default=None)


def wrong_imports(root: Path) -> list[str]:
    wrong = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".py", ".pyi", ".pyx", ".pxd"):
            continue
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        own = layer(name)
        if own is None:
            continue
        cython = path.suffix in (".pyx", ".pxd")
        for imported in cython_imports(path) if cython else python_imports(path, name):
            other = layer(imported)
            if other is not None and other > own:
                wrong.append(f"{path.relative_to(root)} imports {imported}")
    return wrong


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_imports_point_one_way() -> None:
    assert wrong_imports(SOURCE) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("scapcore/reader.pyx", "from scappy.capture import Capture"),
        ("scapcore/reader.pxd", "cimport scappy.capture"),
        ("scapcore/reader.py", "def late():\n    import scappy\n"),
        ("scappy/capture.py", "from scappy.cli import scapdig"),
        ("scappy/capture.py", "from . import cli"),
        ("scappy/fields/evt.py", "from ..cli.scapdig import main"),
    ],
)
def test_a_wrong_import_is_seen(tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    assert len(wrong_imports(tmp_path)) >= 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("scappy/cli/scapdig.py", "import scappy\nfrom scapcore.errors import ScapError\nfrom .. import capture\n"),
        ("scappy/capture.pyx", "from scapcore.batch cimport EventBatch\n"),
    ],
)
def test_a_right_import_is_not_blamed(tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    assert wrong_imports(tmp_path) == []


def test_importing_does_nothing_else() -> None:
    """No output, threads, open files, signal handlers or changed settings; nothing big comes along."""
    script = """
        import os, signal, sys, threading, warnings, locale, logging
        import numpy  # has threads of its own, and is what everybody who imports scappy has

        def world():
            return {
                "threads": len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0,
                "python threads": threading.active_count(),
                "files": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else [],
                "environment": dict(os.environ),
                "folder": os.getcwd(),
                "path": list(sys.path),
                "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
                "warnings": list(warnings.filters),
                "locale": locale.setlocale(locale.LC_ALL),
                "log": list(logging.getLogger().handlers),
                "hooks": [sys.excepthook, sys.unraisablehook, sys.displayhook],
            }

        before = world()
        import scappy
        after = world()
        assert before == after, {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        heavy = {"pandas", "polars", "pyarrow", "duckdb", "asyncio", "http.client", "argparse", "scappy.cli"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_modules_are_not_too_long() -> None:
    long = {
        str(path.relative_to(ROOT))
        for folder in ("src", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd") and path.name != "types.pxd"
        and len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    assert long - LONG_MODULES == set(), f"more than {MOST_LINES} lines"
    assert {name for name in LONG_MODULES - long if (ROOT / name).exists()} == set(), "short enough by now"


@pytest.mark.parametrize("pattern", [REGISTRY_HOSTS, MACHINE_PATHS], ids=["registry hosts", "paths of one machine"])
def test_files_hold_nothing_local(pattern: re.Pattern[str]) -> None:
    found = []
    for path in tracked_files():
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRY_HOSTS, "see https://py" + "pi.org/project"),
        (REGISTRY_HOSTS, "files.python" + "hosted.org"),
        (MACHINE_PATHS, "in /wor" + "k/main/src"),
        (MACHINE_PATHS, '"/tm' + 'p/venv/bin"'),
    ],
)
def test_local_things_are_seen(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)
