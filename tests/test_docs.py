"""The documents are true: their examples run, their links lead somewhere, their tables are complete."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import scappy
from scapcore.errors import FilterError, ScapError
from scappy.chisels import chisel_names
from scappy.cli.scapdig import OPTIONS
from scappy.samples import write_walkthrough

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")),
             ROOT / "benchmarks" / "README.md"]  # fmt: skip
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    """Name of the document and text of each block in a language."""
    return [
        (document.name, text)
        for document in DOCUMENTS
        for kind, text in BLOCK.findall(document.read_text(encoding="utf-8"))
        if kind == language
    ]


def commands() -> list[str]:
    found = []
    for _, text in blocks("console"):
        found += [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run: the demo has left its capture there."""
    place = tmp_path_factory.mktemp("examples")
    (place / "demo").mkdir()
    write_walkthrough(str(place / "demo" / "capture.scap"))
    return place


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_there_are_examples() -> None:
    assert len(commands()) >= 3
    assert len(blocks("python")) >= 1


@pytest.mark.parametrize("command", commands())
def test_commands_print_something(command: str, folder: Path) -> None:
    program, *arguments = shlex.split(command)
    module = {"scapdig": "scappy.cli.scapdig", "scappy": "scappy.cli.toolbox"}[program]
    assert run([sys.executable, "-m", module, *arguments], folder).strip()


@pytest.mark.parametrize(("document", "text"), blocks("python"))
def test_python_prints_something(document: str, text: str, folder: Path) -> None:
    assert run([sys.executable, "-W", "error", "-c", text], folder).strip(), document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_all_options_are_described() -> None:
    page = (ROOT / "docs" / "coming-from-sysdig.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(-\w)[ `]", page)) | set(re.findall(r"`(--[\w-]+)[ `]", page))
    for option in OPTIONS:
        assert {f"-{option.short}", f"--{option.long}"} & named, option.long
    known = {f"-{option.short}" for option in OPTIONS} | {f"--{option.long}" for option in OPTIONS}
    assert {name for name in named if name[:2] != "-N"} <= known


def test_all_chisels_are_listed() -> None:
    page = (ROOT / "docs" / "coming-from-sysdig.md").read_text(encoding="utf-8")
    assert [name for name in chisel_names() if f"`{name}`" not in page] == []


def test_all_errors_are_listed() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+Error)`", page, re.MULTILINE))
    public = {name for name in scappy.__all__ if name.endswith("Error")}
    assert listed == public - {"ScapError"}
    assert all(issubclass(getattr(scappy, name), ScapError) for name in listed)


def test_the_filter_error_is_as_shown() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    with pytest.raises(FilterError) as caught:
        scappy.open(b"\x0a\x0d\x0d\x0a").filter("proc.nme = cat")
    assert f"```text\n{caught.value}\n```" in page
