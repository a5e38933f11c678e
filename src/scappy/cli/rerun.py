"""What a chisel may have run after it: ``sysdig.run_app`` of the chisel API."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scapcore.errors import ChiselError
from scappy.cli.options import Option, scan

__all__ = ["MOST_RERUNS", "check_rerun"]

#: Runs that follow from each other.
MOST_RERUNS = 8

#: Options that read and print. Others write files, load code or free a script of its limits.
HARMLESS = set(
    """read format ascii hex hexascii base64 verbose json time count summary quiet names chisel lua display snaplen progress
    csv tsv from to unbuffered exit_only""".split()
)
PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_rerun(words: Sequence[str], options: Sequence[Option]) -> None:
    """Refuse a command line that a script in the sandbox must not have.

    Raises
    ------
    ChiselError
        If it has an option that does more than read and print.
    """

    names: set[str] = set()

    def found(option: Option, value: str, rest: list[str]) -> None:
        names.add(option.name)
        if option.name not in HARMLESS:
            name = f"-{option.short}" if option.short else f"--{option.long}"
            raise ChiselError(f"sysdig.run_app with {name} is not allowed without --chisel-unsafe")
        # A path may be a file of Python; and what stands behind a chisel may be its argument, whatever it looks like.
        if option.name == "chisel" and (not PLAIN_NAME.fullmatch(value) or (rest and rest[0].startswith("-"))):
            raise ChiselError(f"sysdig.run_app with -c {value} is not allowed without --chisel-unsafe")

    scan(words, options, found)
    if "read" not in names:
        raise ChiselError("sysdig.run_app without -r is not allowed without --chisel-unsafe: it would capture this machine")
