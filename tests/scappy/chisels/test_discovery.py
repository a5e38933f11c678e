"""Where chisels come from: folders, files and other packages."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scappy
from scappy.chisels import ChiselContext, chisel_named, chisel_names, run_chisels

PACKAGE = Path(__file__).resolve().parents[2] / "support" / "packages" / "scappy-counting"

SOURCE = '''
import scappy


class {title}(scappy.Chisel):
    """Counts events."""

    name = "{name}"
    description = "Counts events."

    def on_capture_start(self):
        self.count = 0

    def on_event(self, event):
        self.count += 1

    def result(self):
        return self.count
'''


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_folder_of_the_user(home: Path, small: bytes) -> None:
    (home / ".chisels").mkdir()
    (home / ".chisels" / "mine.py").write_text(SOURCE.format(title="Mine", name="mine"))
    assert "mine" in chisel_names()
    assert run_chisels(scappy.open(small), ["mine"], quiet=True) == [18]


def test_other_folders_come_first(tmp_path: Path, small: bytes) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "topscalls.py").write_text(SOURCE.format(title="Other", name="topscalls"))
    assert chisel_named("topscalls", [folder]).__name__ == "Other"
    assert chisel_named("topscalls").__name__ == "TopCalls"
    assert chisel_named(str(folder / "topscalls.py")).__name__ == "Other"


def test_a_file_that_fails_is_told(home: Path) -> None:
    (home / ".chisels").mkdir()
    (home / ".chisels" / "broken.py").write_text("1 / 0\n")
    with pytest.raises(scappy.ChiselError, match=r"broken\.py cannot be loaded: ZeroDivisionError"):
        chisel_named("broken")
    # Others are found without it.
    assert chisel_named("ps").name == "ps"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package ``scappy-counting`` installed."""
    folder = tmp_path_factory.mktemp("site")
    # What is built beside a source is left there.
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / PACKAGE.name)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", folder, source], check=True, timeout=120)
    return folder


def test_package_with_an_entry_point(site: Path, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)
    assert "counting" in chisel_names()
    counted, _ = scappy.run_chisels(scappy.open(small), [("counting", "4"), "topscalls"], quiet=True)
    assert counted == {"cat": 7, "httpd": 9}


def test_package_on_the_command_line(site: Path, small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "small.scap"
    path.write_bytes(small)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}

    def scapdig(*words: str) -> str:
        command = [sys.executable, "-m", "scappy.cli.scapdig", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    assert scapdig("-r", str(path), "-c", "counting", "4") == "7 cat\n9 httpd\n"
    assert "Category: Tests\n---------------\ncounting            Counts the events of each process." in scapdig("-cl")


def test_entry_points_that_are_no_chisels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "site" / "scappy_odd-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scappy-odd\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[scappy.chisels]\nodd = scappy:open\ngone = scappy_gone:Gone\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(scappy.ChiselError, match="odd .* is no chisel"):
        chisel_named("odd")
    with pytest.raises(scappy.ChiselError, match="gone .* cannot be loaded"):
        chisel_named("gone")


def test_scripts_in_lua_by_name(tmp_path: Path, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lupa")
    (tmp_path / "mine.lua").write_text('description = "mine" args = {} function on_event() print(evt.get_num()) end')
    monkeypatch.chdir(tmp_path)
    output = io.BytesIO()
    assert run_chisels(scappy.open(small), ["mine"], context=ChiselContext(output)) == [None]
    assert output.getvalue().startswith(b"2\n3\n")
