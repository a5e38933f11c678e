"""The documents are true: their examples run, their links lead somewhere, their tables are complete."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
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


def test_queries_find_something(folder: Path) -> None:
    """Every recipe, on the star of the demo's capture."""
    from scappy.converting import convert

    if not (folder / "demo" / "star").exists():
        convert(scappy.open(folder / "demo" / "capture.scap"), folder / "demo" / "star", "parquet")
    connection = duckdb.connect()
    queries = 0
    for document, text in blocks("sql"):
        for query in text.replace("'demo/", f"'{folder}/demo/").split(";\n"):
            if query.startswith("create"):
                connection.execute(query)
            elif query.strip():
                queries += 1
                assert connection.execute(query).fetchall(), f"{document}: {query}"
    assert queries >= 7


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


#: What `sysdig --help` of 0.29.3 lists.
OPTIONS_OF_SYSDIG = """
-A -b -B -c -C -d -D -e -E -F -G -h -H -i -I -Il -j -k -K -l -L -m -M -n -p -P -q -r -R -s -S -t -T -U -v -w -W -x -X -z
--bpf --cri --cri-timeout --debug --exclude-users --filter-proclist --force-tracers-capture --input --large-environment
--libs-version --list-markdown --mesos-api --node-name --page-faults --plugin --plugin-config-file --suppress-comm
--unbuffered --version
"""
TAKEN, NOT_TAKEN = "## Arguments\n", "## Arguments of sysdig that scapdig does not take\n"


def section(page: str, heading: str) -> str:
    """What stands between a heading and the next one of its kind."""
    return page.partition(heading)[2].partition("\n## ")[0]


def test_every_option_of_sysdig_is_spoken_of() -> None:
    """Flag by flag; what is said not to be taken is an error indeed."""
    page = (ROOT / "docs" / "coming-from-sysdig.md").read_text(encoding="utf-8")
    known = {f"-{option.short}" for option in OPTIONS} | {f"--{option.long}" for option in OPTIONS} | {"-h", "--version"}
    for option in OPTIONS_OF_SYSDIG.split():
        in_part = section(page, TAKEN if option in known else NOT_TAKEN)
        assert re.search(rf"`{option}[ `]", in_part) or option in known, option
        assert (option in known) != bool(re.search(rf"`{option}[ `]", section(page, NOT_TAKEN))), option


def test_all_options_are_described() -> None:
    page = section((ROOT / "docs" / "coming-from-sysdig.md").read_text(encoding="utf-8"), TAKEN)
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
