"""What the site gets besides the pages in this folder: pages made from registries and notebooks, and files from elsewhere.

mkdocs calls the functions whose names begin with ``on_``. Links between documents are those of the repository, so that
they work there as well; here they are changed to where the site has the file.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from scapcore.schema import event_types
from scappy.chisels.registry import BUILT_IN, chisel_named
from scappy.cli.listing import is_placeholder, remarks, written
from scappy.fields import CLASSES, Field

ROOT = Path(__file__).resolve().parent.parent

#: Documents of the repository that are pages of the site.
PAGES = {"README.md": None, "CHANGELOG.md": "changelog.md", "benchmarks/README.md": "benchmarks.md"}
#: Where links to documents lead that are no pages.
INSTEAD = {"README.md": "index.md"}
#: Files that pages link to, shown as they are.
SHOWN = (
    "LICENSE",
    "examples/noisy_files.py",
    "examples/cython_counter/cython_counter.pyx",
    "examples/cython_counter/setup.py",
    "examples/cython_counter/pyproject.toml",
)

#: Types of the format in words; a type that is not here is shown by its name.
TYPES = {
    "ABSTIME": "time",
    "BOOL": "true or false",
    "BYTEBUF": "bytes",
    "CHARBUF": "text",
    "DOUBLE": "number",
    "DYN": "as the parameter",
    "FSPATH": "path",
    "FSRELPATH": "path",
    "IPADDR": "address",
    "IPNET": "network",
    "PORT": "port",
    "RELTIME": "duration",
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), "number"),
    **dict.fromkeys(("PID", "FD", "ERRNO"), "number"),
}

LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def cell(text: str) -> str:
    """Text that stands in a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def field_row(field: Field) -> str:
    """A row of the list of fields."""
    anchor = field.name.replace(".", "-")
    notes = remarks(field, True).removeprefix(f" ({field.type}").removeprefix(", ").removesuffix(")")
    text = field.sentence + (f" ({notes})" if notes else "")
    return f'| <span id="{anchor}"></span>`{written(field)}` | {TYPES.get(field.type, field.type)} | {cell(text)} |'


def fields_page() -> str:
    """All fields, from the registry that the filters use."""
    lines = [
        "# Fields",
        "",
        "Every field can be named in filters, in formats (`-p`, `%proc.name`), in `event[…]` and in `select`. This page is made",
        "from the registry of the version that it belongs to; `scapdig -l` prints the same.",
        "",
    ]
    shown = [(group, [field for field in group.fields if not field.hidden]) for group in CLASSES]
    lines += [f"{sum(len(fields) for _, fields in shown)} fields:", ""]
    lines += [f"[`{group.name}`](#{group.name})" for group, fields in shown if fields]
    for group, fields in shown:
        if fields:
            lines += ["", f"## {group.name} {{ #{group.name} }}", "", group.sentence, ""]
            lines += ["| field | type | meaning |", "|---|---|---|", *map(field_row, fields)]
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """All events with their parameters, from the schema that is built into the core."""
    lines = [
        "# Events",
        "",
        "Each system call is two events, one when it is entered (`>`) and one when it returns (`<`); `evt.type` is the name,",
        "`evt.arg.NAME` a parameter. Some names stand here several times: captures of different ages describe the call",
        "differently, and all are read. This page is made from the schema; `scapdig -L` prints the same.",
        "",
        "| | event | parameters |",
        "|---|---|---|",
    ]
    rows = []
    for event in event_types():
        if event.name and not is_placeholder(event):
            parameters = ", ".join(f"`{parameter.name}` {parameter.type}" for parameter in event.params)
            rows.append(f"| `{'<' if event.type & 1 else '>'}` | `{event.name}` | {parameters} |")
    return "\n".join([*lines, *dict.fromkeys(rows)]) + "\n"


def chisels_page() -> str:
    """All chisels that come along, from their classes."""
    classes = [chisel_named(name) for names in BUILT_IN.values() for name in names.split()]
    lines = [
        "# Chisels",
        "",
        "Small programs over the events: `scapdig -r FILE -c NAME [ARGUMENTS] [FILTER]`, or `scappy.run_chisels` from Python.",
        "This page is made from the chisels themselves; `scapdig -i NAME` prints the same.",
    ]
    for category in sorted({chisel.category for chisel in classes}):
        lines += ["", f"## {category}", "", "| chisel | what it shows | arguments |", "|---|---|---|"]
        for chisel in sorted((entry for entry in classes if entry.category == category), key=lambda entry: entry.name):
            arguments = ", ".join(f"`{one.name}`{' (optional)' if one.optional else ''}" for one in chisel.arguments)
            lines.append(f"| `{chisel.name}` | {cell(chisel.description)} | {arguments} |")
    return "\n".join(lines) + "\n"


def fenced(language: str, text: str) -> str:
    """A block of code that may hold fences itself."""
    fence = max(re.findall("`{3,}", text), default="``") + "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def output_block(output: dict[str, Any]) -> str:
    """What a cell has printed or shown, in its richest form; notebooks keep texts whole or as lists of lines."""
    if output["output_type"] == "stream":
        return fenced("text", "".join(output["text"]))
    data = {kind: "".join(content) for kind, content in output["data"].items()}
    if "image/png" in data:
        picture = data["image/png"].replace("\n", "")
        return f'<div class="output"><img alt="what the cell above draws" src="data:image/png;base64,{picture}"></div>'
    if "text/html" in data:
        return f'<div class="output">{data["text/html"]}</div>'
    return fenced("text", data["text/plain"])


def notebook_page(notebook: Path) -> str:
    """A notebook as a page, with the outputs that are stored in it."""
    blocks = ["---\nhide: [toc]\n---"]     # their tables take the room
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            blocks.append(source)
            continue
        blocks.append(fenced("python", source))
        blocks += [output_block(output) for output in cell["outputs"]]
    # As HTML, for links to notebooks lead to their pages.
    blocks.append(f'<a href="{notebook.name}" download>The notebook itself</a>')
    return "\n\n".join(blocks) + "\n"


#: Pages that are made when the site is built.
MADE: dict[str, Callable[[], str]] = {
    "reference/fields.md": fields_page,
    "reference/events.md": events_page,
    "reference/chisels.md": chisels_page,
    **{f"notebooks/{path.stem}.md": partial(notebook_page, path) for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb"))},
}


def places() -> dict[str, str]:
    """For each file of the repository that the site has, its path there."""
    found = {path: page for path, page in PAGES.items() if page}
    found |= INSTEAD
    found |= {f"docs/{page[:-3]}.ipynb": page for page in MADE if page.startswith("notebooks/")}
    found |= {path: path + ".txt" if path == "LICENSE" else path for path in SHOWN}
    return found


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what does not lie in this folder."""
    for path, make in MADE.items():
        files.append(File.generated(config, path, content=make()))
    for path, page in places().items():
        if path not in INSTEAD and page not in MADE:
            files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Change links of the repository to links of the site, but for those in blocks of code."""
    here = page.file.src_uri
    source = {target: path for path, target in PAGES.items()}.get(here, f"docs/{here}")
    known = places()

    def changed(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        place = known.get(target)
        if place is None and target.startswith("docs/"):
            place = target.removeprefix("docs/")
        if place is None:
            return match[0]
        return match[1] + posixpath.relpath(place, posixpath.dirname(here) or ".") + match[3]

    parts: list[Any] = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(changed, part) for part in parts)
