"""How the programs begin and end.

A filter over a small capture is mostly start-up, and of the time of any start most goes into importing modules. What a
run does not need must therefore not be imported at the top of a module that every run imports; import it in the
function that needs it.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import scappy
from scappy.samples import write_walkthrough

#: Modules that take long to import, and those that somebody once imported without need.
SLOW = {
    "argparse", "asyncio", "bz2", "copy", "dataclasses", "datetime", "difflib", "inspect", "ipaddress", "logging", "lz4", "lzma",
    "numpy", "pathlib", "random", "shutil", "socket", "subprocess", "tempfile", "urllib.parse", "yaml", "zlib_ng", "zstandard",
    "scappy.chisels", "scappy.copying", "scappy.metadata", "scappy.records", "scappy.samples", "scappy.table",
}  # fmt: skip
#: Imported by nobody, so that the process may end at once, see scappy.cli.start.
AT_EXIT = {"atexit"}

#: As the scripts that pip installs.
AS_PROGRAM = "from scappy.cli.start import scapdig; scapdig()"
#: The same with the interpreter's ordinary end.
AS_FUNCTION = "import sys; from scappy.cli.scapdig import main; sys.exit(main())"


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / "capture.scap"
    write_walkthrough(path)
    return path


def python(script: str, *words: str | Path, output: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, words)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, timeout=120)


@pytest.mark.parametrize(
    "use",
    [
        "from scappy.cli.scapdig import main; assert main(['-r', path, '-n', '3', 'fd.name contains etc']) == 0",
        "from scappy.cli.scapdig import main; assert main(['-r', path, '-n', '3', 'evt.type = open']) == 0",
        "import scappy; next(iter(scappy.open(path).filter('proc.name != none and evt.type = open')))",
    ],
    ids=["a filter on files", "a filter on types", "the Python API"],
)
def test_a_start_imports_nothing_slow(capture: Path, use: str) -> None:
    script = f"""
        import sys

        before = set(sys.modules)    # what the interpreter itself imports, which differs
        path = sys.argv[1]
        {use}
        print(*sorted(set(sys.modules) - before), file=sys.stderr)
    """
    done = python(script, capture)
    assert done.returncode == 0, done.stderr.decode()
    imported = set(done.stderr.decode().split())
    assert "scapcore.reader" in imported
    assert imported & (SLOW | AT_EXIT) == set(), "import it in the function that needs it"


@pytest.mark.parametrize(
    "words",
    [
        ("-r", "CAPTURE", "-n", "1000"),
        ("-r", "CAPTURE", "evt.type=opne"),
        ("-r", "CAPTURE", "-S", "-q"),
        ("-r", "nowhere.scap"),
        ("--nothing",),
        ("--help",),
    ],
    ids=lambda words: " ".join(words),
)
@pytest.mark.parametrize("output", ["a pipe", "a full disk"])
def test_the_quick_end_looks_like_the_ordinary_one(capture: Path, words: tuple[str, ...], output: str) -> None:
    """Nothing is lost, and what cannot be written is complained about in the same words."""
    words = tuple(str(capture) if word == "CAPTURE" else word for word in words)
    found = []
    for script in (AS_FUNCTION, AS_PROGRAM):
        if output == "a full disk":
            with open("/dev/full", "wb") as full:
                done = python(script, *words, output=full.fileno())
        else:
            done = python(script, *words)
        found.append((done.returncode, done.stdout, done.stderr))
    assert found[0] == found[1]
    assert found[0][0] in (0, 1, 2, 120)


def test_a_written_capture_is_whole(capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.scap"
    assert python(AS_PROGRAM, "-r", capture, "-w", target).returncode == 0
    assert target.read_bytes() == capture.read_bytes()


def test_the_end_is_ordinary_where_something_waits_for_it() -> None:
    script = """
        import {module}
        {wait}
        from scappy.cli.start import scapdig
        scapdig()
    """
    late = script.format(module="atexit", wait="atexit.register(print, 'the end')")
    assert python(late, "--version").stdout.endswith(b"\nthe end\n")
    wait = "threading.Timer(0.5, print, ('the end',)).start()"
    assert python(script.format(module="threading", wait=wait), "--version").stdout.endswith(b"\nthe end\n")


def test_garbage_is_looked_for_again_when_the_program_runs() -> None:
    script = """
        import gc
        import scappy.cli.toolbox
        scappy.cli.toolbox.main = lambda: print(gc.isenabled(), gc.get_freeze_count() > 1000) or 7
        from scappy.cli.start import toolbox
        toolbox()
    """
    done = python(script)
    assert (done.returncode, done.stdout) == (7, b"True True\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
def test_streams_may_be_closed_before_the_start(capture: Path, tmp_path: Path, closed: str) -> None:
    copy = tmp_path / "copy.scap"
    command = f'exec "$0" -m scappy.cli.scapdig -r "$1" -w "$2" {closed}'
    done = subprocess.run(["/bin/sh", "-c", command, sys.executable, capture, copy], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list(scappy.open(copy))) == len(list(scappy.open(capture)))
    command = f'exec "$0" -m scappy.cli.scapdig -r "$1" {closed}'
    done = subprocess.run(["/bin/sh", "-c", command, sys.executable, capture], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) == (not closed.startswith(">"))
