"""The documentation as a site: it builds without a warning, its links lead somewhere, and it fetches nothing."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import scappy
from scappy.chisels.registry import HOME_OF
from scappy.fields import CLASSES

ROOT = Path(__file__).resolve().parent.parent


class Links(HTMLParser):
    """What a page links to, what it loads, and which places it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        values = {name: value or "" for name, value in attrs}
        self.places.update(value for name, value in values.items() if name in ("id", "name"))
        if "src" in values:
            self.loaded.append(values["src"])
        elif tag == "link" and values.get("rel") != "canonical":
            self.loaded.append(values.get("href", ""))
        elif "href" in values:
            self.targets.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # A note of the theme's makers about another program, on every run.
    environment = dict(os.environ) | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    """All pages with their links."""
    return {path: Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_document_is_a_page(pages: dict[Path, Links], site: Path) -> None:
    names = {str(path.relative_to(site)) for path in pages}
    wanted = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")}
    assert wanted <= names
    assert {"reference/fields.html", "reference/events.html", "reference/chisels.html", "changelog.html"} <= names


def test_every_page_is_in_the_menu(pages: dict[Path, Links], site: Path) -> None:
    menu = {urlsplit(target).path for target in pages[site / "index.html"].targets}
    assert {str(path.relative_to(site)) for path in pages} - menu <= {"404.html", "index.html"}


def test_links_lead_somewhere(pages: dict[Path, Links]) -> None:
    broken = []
    for path, links in pages.items():
        if path.name == "404.html":
            continue    # It is shown anywhere, so its links are those of a server's root.
        for target in links.targets + links.loaded:
            parts = urlsplit(target)
            if parts.scheme:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file() or (parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].places):
                broken.append(f"{path.name}: {target}")
    assert broken == []


def test_nothing_is_fetched(pages: dict[Path, Links]) -> None:
    """Readers' browsers ask no other machine for fonts, scripts or pictures."""
    assert [link for links in pages.values() for link in links.loaded if urlsplit(link).netloc] == []


def test_notebooks_are_pages(site: Path) -> None:
    """With their text, their code and what they show; links to notebooks lead to the pages."""
    for notebook in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        page = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
        pictures = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
        assert pictures and page.count("data:image/png;base64,") == len(pictures)
        assert page.count("language-python") == sum(cell["cell_type"] == "code" for cell in cells)
        for output in outputs:
            if output["output_type"] == "stream":
                assert html.escape("".join(output["text"]).splitlines()[0], quote=False) in page
            elif tables := "".join(output["data"].get("text/html", "")).count("<tr"):
                assert page.count("<tr") >= tables
        assert f'href="{notebook.name}"' in page and (site / "notebooks" / notebook.name).exists()
        assert f'href="notebooks/{notebook.stem}.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_all_fields_and_chisels_are_there(site: Path) -> None:
    fields = (site / "reference" / "fields.html").read_text(encoding="utf-8")
    shown = [field for group in CLASSES for field in group.fields if not field.hidden]
    assert len(shown) > 300
    assert [field.name for field in shown if f"<code>{field.name}" not in fields] == []
    chisels = (site / "reference" / "chisels.html").read_text(encoding="utf-8")
    assert [name for name in HOME_OF if f"<code>{name}</code>" not in chisels] == []


def test_the_api_page_has_docstrings(site: Path) -> None:
    """Also those of native modules, which mkdocstrings has to import."""
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in ("scappy.open", "scappy.capture.Capture.filter", "scapcore.event.Event.params", "scappy.merge"):
        assert f'id="{name}"' in page, name
    listed = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in scappy.__all__ if not name.endswith(("Error", "Warning")) and f".{name}\n" not in listed] == []
    assert "Open a capture; nothing but its first bytes is read until it is used." in page
    assert "Consecutive events of a capture" in page
