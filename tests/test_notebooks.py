"""The notebooks run on the demo's capture, show what they show in the documentation, and what they show is HTML without holes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from capture_builder import CaptureBuilder

import scappy
from scappy.samples import write_walkthrough

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs" / "notebooks").glob("*.ipynb"))

# In a process of its own, as kernels warn of things that are not ours.
RUN = """
import nbformat, sys
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def outputs(path: Path) -> list[list[str]]:
    """Of each cell of code, the kinds of output, and its text where that is all there is."""
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            found.append([kind(output) for output in cell["outputs"]])
    return found


def kind(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return f"{output['name']}: {''.join(output['text'])}"
    data = output.get("data", {})
    if "image/png" in data:
        return "a picture"
    # What is shown as HTML may name objects in memory in its other form.
    return "".join(data["text/html" if "text/html" in data else "text/plain"]) if data else output["output_type"]


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"walkthrough", "who-talks-to-whom", "slow-file-reads"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_show_what_they_show(path: Path, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    write_walkthrough(tmp_path / "demo" / "capture.scap")
    command = [sys.executable, "-c", RUN, str(path), "run.ipynb"]
    zone = os.environ | {"TZ": "UTC"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=zone)
    assert done.returncode == 0, done.stderr[-2000:]
    shown, stored = outputs(tmp_path / "run.ipynb"), outputs(path)
    assert any("a picture" in cell for cell in stored)
    for new, old in zip(shown, stored, strict=True):
        # Tables of libraries look different from one version to the next; ours and printed lines do not.
        assert len(new) == len(old)
        assert [text for text in new if ours(text)] == [text for text in old if ours(text)]


def ours(text: str) -> bool:
    return text == "a picture" or text.startswith(("stdout: ", "stderr: ", "error", "<div><p><strong>", "<table><tbody>"))


def hostile() -> scappy.Capture:
    """A capture whose names are markup."""
    content = CaptureBuilder().thread(1, "<b>").file(1, 3, "/<script>alert(1)</script>")
    for _ in range(20):
        content.event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0)
    return scappy.open(content.content)


def test_captures_and_tables_as_html() -> None:
    capture = hostile()
    selection = capture.select(["evt.num", "proc.name", "fd.name"], where="evt.dir = >")
    fresh = selection._repr_html_()
    assert selection.rows == 20
    shown = [capture._repr_html_(), fresh, selection._repr_html_(), next(capture.tables(["fd.name"]))._repr_html_(),
             next(iter(capture))._repr_html_(), capture.filter("evt.num < 3")._repr_html_()]  # fmt: skip
    for html in shown:
        assert "<script>" not in html and "<b>" not in html
        assert html.count("<tr>") <= 12
    assert all("&lt;script&gt;" in html for html in shown[:5])
    assert "the first 10 events" in shown[0] and "the first rows" in shown[1] and "20 rows" in shown[2]
    assert "where evt.num &lt; 3" in shown[5] and "the first 2 events" in shown[5]


def test_a_stream_is_not_used_up_by_being_shown() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    capture = scappy.open(Pipe(CaptureBuilder().thread(1, "init").event("SYSCALL_CLOSE_E", 3).content))
    assert "not read yet" in capture._repr_html_()
    assert "not read yet" in capture.select(["evt.num"])._repr_html_()
    assert len(list(capture)) == 1
