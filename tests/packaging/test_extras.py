"""What works with NumPy only, and how the absence of everything else is told."""

from __future__ import annotations

import ast
import json
import re
from importlib import metadata
from pathlib import Path

import pytest
from clean_run import clean_run

SUPPORT = Path(__file__).resolve().parents[1] / "support"
#: Extras that nothing in scappy asks for by name: all of them, those of its developers, what the notebooks of the
#: documentation plot with, and one that only makes faster.
WITHOUT_ERROR = {"all", "docs", "test", "notebook", "gzip"}
#: Extras that are missed only where another one is there: gcsfs is asked for by fsspec.
BEHIND_OTHERS = {"gcs": "remote"}

#: For each extra a line that needs it.
USES = {
    "arrow": "capture.select(['evt.num']).to_arrow()",
    "chisels": "scappy.run_chisels(capture, ['dns'])",
    "dask": "read_captures('capture.scap', columns=['evt.num'])",
    "duckdb": "capture.select(['evt.num']).to_duckdb()",
    "filters": "load_filter_file('lists.yaml')",
    "k8s": "ask_cluster()",
    "live": "interfaces()",
    "lz4": "sum(1 for _ in scappy.open(b'\\x04\\x22\\x4d\\x18' + bytes(20)))",
    "pandas": "capture.select(['evt.num']).to_pandas()",
    "polars": "capture.select(['evt.num']).to_polars()",
    "progress": "progress()",
    "remote": "scappy.open('s3://bucket/capture.scap')",
    "zstd": "sum(1 for _ in scappy.open(b'\\x28\\xb5\\x2f\\xfd' + bytes(20)))",
}

SCRIPT = """
import json, sys
import scappy
from scappy.capturing.network import interfaces
from scappy.dask import read_captures
from scappy.filters import load_filter_file
from scappy.samples import write_walkthrough

open("lists.yaml", "w").write("- list: shells\\n  items: [bash]\\n")
write_walkthrough("capture.scap")
capture = scappy.open("capture.scap")

def ask_cluster():
    from scappy.metadata.client import fetch_objects
    fetch_objects("https://localhost:1")

def progress():
    from scappy.cli.progress import followed
    with followed(capture.reader(), True):
        pass

found = {}
for extra, use in json.loads(sys.argv[1]).items():
    try:
        eval(use)
    except scappy.MissingDependencyError as error:
        found[extra] = [error.extra, error.package, str(error)]
    except scappy.ScapError as error:
        found[extra] = ["", "", repr(error)]
    else:
        found[extra] = ["", "", "nothing was missing"]
print(json.dumps(found))
"""


def extras() -> dict[str, set[str]]:
    """Extras of the installed distribution, with the packages they bring."""
    found: dict[str, set[str]] = {}
    for requirement in metadata.requires("scappy") or []:
        if match := re.match(r"([\w.-]+).*extra\s*==\s*['\"]([\w-]+)['\"]", requirement):
            found.setdefault(match[2], set()).add(match[1])
    return found


def test_every_extra_is_looked_at() -> None:
    assert set(extras()) - WITHOUT_ERROR - set(BEHIND_OTHERS) == set(USES)


def test_all_means_all() -> None:
    [requirement] = [text for text in metadata.requires("scappy") or [] if re.search(r"extra\s*==\s*['\"]all['\"]", text)]
    named = re.search(r"\[([^\]]*)\]", requirement)
    assert named is not None
    assert set(named[1].split(",")) == set(extras()) - {"all", "docs", "test"}


def test_messages_name_extras_that_exist() -> None:
    """Also those that the test below does not provoke."""
    source = Path(__file__).resolve().parents[2] / "src"
    known = extras()
    seen = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingDependencyError":
                package, extra = node.args[:2]
                if isinstance(package, ast.Constant) and isinstance(extra, ast.Constant):
                    assert package.value in known[str(extra.value)], path
                    seen.add(extra.value)
    assert {"chisels", "filters", "k8s", "lz4", "zstd"} <= seen


@pytest.mark.slow
def test_it_works_with_numpy_only(numpy_environment: Path, tmp_path: Path) -> None:
    listed = json.loads(clean_run([numpy_environment / "python", "-m", "pip", "list", "--format", "json"], tmp_path))
    assert {entry["name"] for entry in listed} - {"pip", "setuptools", "wheel"} == {"numpy", "scappy"}
    said = clean_run([numpy_environment / "python", "-W", "error", SUPPORT / "installed.py"], tmp_path)
    assert said.startswith("scappy ")


@pytest.mark.slow
def test_absence_is_named(numpy_environment: Path, tmp_path: Path) -> None:
    found = json.loads(clean_run([numpy_environment / "python", "-c", SCRIPT, json.dumps(USES)], tmp_path))
    known = extras()
    for extra, (named, package, message) in found.items():
        assert named == extra, message
        assert package in known[extra]
        assert f"pip install 'scappy[{extra}]'" in message
