"""Writes _numbers.h: the schema's code of each system call beside the numbers that the kernel's headers give it.

On x86-64 there are two: one for programs of 64 bits and one for those of 32.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Of the younger kinds of calls: with wider ids of users, wider lengths, wider times.
ENDINGS = ("32", "64", "_64", "_time64")


def generate() -> str:
    content = json.loads((HERE.parent / "schema" / "syscalls.json").read_bytes())
    entries = [(entry["code"], entry["name"]) for entry in content["syscalls"] if entry["name"].isidentifier()]

    def table(name: str, calls: list[tuple[int, str]]) -> list[str]:
        lines = [f"static const struct {{ int code, number; const char *name; }} {name}[] = {{"]
        for code, call in calls:
            lines += [f"#ifdef __NR_{call}", f'\t{{{code}, __NR_{call}, "{call}"}},', "#endif"]
        return [*lines, "\t{-1, -1, 0}", "};"]

    # Of some calls there are two kinds for programs of 32 bits; where the schema knows but one it stands for both.
    known = {call for _, call in entries}
    others = [(code, call + ending) for code, call in entries for ending in ENDINGS if call + ending not in known]

    return "\n".join(
        [
            "/* Made by generate.py from syscalls.json. */",
            # Both headers define the same names, so one table is done before the other begins.
            "#ifdef __x86_64__",
            "#include <asm/unistd_32.h>",
            "#endif",
            *table("probe_compat_numbers", entries + others),
            *(f"#undef __NR_{call}" for _, call in entries),
            "#include <asm/unistd.h>",
            *table("probe_call_numbers", entries),
            "",
        ]
    )


def main() -> None:
    target = HERE / "_numbers.h"
    text = generate()
    if not target.exists() or target.read_text(encoding="ascii") != text:
        target.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
