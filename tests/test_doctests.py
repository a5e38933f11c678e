"""The examples in docstrings hold, in Python and in native modules alike."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import scapcore
import scappy

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    found = []
    for package in (scapcore, scappy):
        found.append(package.__name__)
        found += [entry.name for entry in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return found


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """Docstrings with examples; Cython lists those of native modules in ``__test__``."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    # What is listed there may be found a second time as an attribute.
    found = {tuple(example.source for example in test.examples): test for test in finder.find(module)}
    return [test for sources, test in found.items() if sources]


def test_every_module_is_found() -> None:
    names = modules()
    assert {"scapcore.errors", "scapcore.reader", "scappy.fields.proc", "scappy.cli.scapdig"} <= set(names)


@pytest.mark.parametrize("name", modules())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report: list[str] = []
    for test in examples(importlib.import_module(name)):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_a_wrong_native_example_would_be_seen() -> None:
    """Native modules do bring their examples along."""
    native = [name for name in modules() if not str(importlib.import_module(name).__file__).endswith(".py")]
    assert native
    assert any(examples(importlib.import_module(name)) for name in native)
