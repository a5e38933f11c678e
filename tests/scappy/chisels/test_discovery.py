"""Where chisels come from: folders, files and other packages."""

from __future__ import annotations

from pathlib import Path

import pytest

import scappy
from scappy.chisels import chisel_named, chisel_names, run_chisels

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


def test_package_with_an_entry_point(tmp_path: Path, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site"
    about = folder / "scappy_counting-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scappy-counting\nVersion: 1.0\n")
    entries = ["[scappy.chisels]", "counting = scappy_counting:Counting", "odd = scappy_counting:scappy", ""]
    (about / "entry_points.txt").write_text("\n".join(entries))
    (folder / "scappy_counting.py").write_text(SOURCE.format(title="Counting", name="counting"))
    monkeypatch.syspath_prepend(folder)
    assert "counting" in chisel_names()
    assert scappy.run_chisels(scappy.open(small), ["counting", "topscalls"], quiet=True)[0] == 18
    with pytest.raises(scappy.ChiselError, match="odd .* is no chisel"):
        chisel_named("odd")
