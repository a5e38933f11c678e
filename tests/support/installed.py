"""Reading, filtering and printing with what is installed: ``python installed.py``, in any environment with scappy."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import scappy
from scappy.samples import write_walkthrough


def scapdig(*arguments: str) -> str:
    """Standard output of a run of scapdig that must succeed."""
    command = [sys.executable, "-m", "scappy.cli.scapdig", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "capture.scap")
        write_walkthrough(path)
        capture = scappy.open(path)
        # Reading: all events, and their values.
        events = sum(1 for _ in capture)
        assert events > 10_000, events
        # Filtering: on a type, a process and a descriptor.
        where = "evt.type = connect and proc.name = curl and fd.name contains ->"
        chosen = [(event.num, event["proc.name"], event["fd.name"]) for event in capture.filter(where)]
        assert chosen and all(name == "curl" for _, name, _ in chosen), chosen
        table = capture.select(["evt.num", "fd.name"], where=where)
        assert list(table["evt.num"]) == [number for number, _, _ in chosen]
        # Printing: lines, fields of one's own, JSON.
        assert len(scapdig("-r", path).splitlines()) == events
        lines = scapdig("-r", path, "-p", "%evt.num %proc.name %fd.name", where).splitlines()
        assert lines == [f"{number} {name} {text}" for number, name, text in chosen]
        assert len(scapdig("-r", path, "-j", where).splitlines()) == len(chosen)
        # Gzip always works; with zlib-ng it is faster.
        capture.write(path + ".gz", compress="gzip")
        assert sum(1 for _ in scappy.open(path + ".gz")) == events
        capture.close()
        print(f"scappy {scappy.__version__}: {events} events read, {len(chosen)} chosen")


if __name__ == "__main__":
    main()
