"""Compiles the program of the probe for every machine that it knows, if clang and libbpf's headers are there.

With SCAPPY_PROBE=required in the environment a build fails where they are not: packages for others are built that way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MACHINES = ("x86", "arm64")
SOURCES = ("probe.bpf.c", "choice.h", "kernel.h", "maps.h", "pieces.h", "record.h", "task.h")


def compiler() -> str | None:
    """The newest clang, or None."""
    names = [os.environ.get("CLANG", ""), "clang", *(f"clang-{version}" for version in range(21, 11, -1))]
    return next((found for name in names if name and (found := shutil.which(name))), None)


def has_header(path: str, condition: str = "1") -> bool:
    """Whether the C compiler finds a header, and a condition of the preprocessor holds behind it."""
    command = [*os.environ.get("CC", "cc").split(), "-E", "-x", "c", "-"]
    program = f"#include <{path}>\n#if !({condition})\n#error\n#endif\n"
    try:
        done = subprocess.run(command, input=program.encode(), capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def has_library() -> bool:
    """Whether libbpf is there with its headers, and new enough: 1.0 changed how errors are told."""
    return has_header("bpf/libbpf.h", "LIBBPF_MAJOR_VERSION >= 1")


def left_out(module: str) -> bool:
    """Whether a native module of this folder is not built here: off Linux none is, and the loader needs libbpf."""
    return not sys.platform.startswith("linux") or (module == "loader" and not has_library())


def header_folders() -> list[str]:
    """Where the kernel's own headers for this machine are (Debian keeps them apart)."""
    command = [*os.environ.get("CC", "cc").split(), "-print-multiarch"]
    try:
        triplet = subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip()
    except OSError:
        triplet = ""
    return [f"-I/usr/include/{triplet}"] if triplet else []


def missing() -> str:
    """What live capture lacks to be built here, in words; empty if nothing."""
    if not sys.platform.startswith("linux"):
        return "it works on Linux only"
    wanted = {"clang": compiler() is not None, "libbpf 1.0 or newer with its headers": has_library()}
    return " and ".join(name for name, found in wanted.items() if not found)


def main() -> None:
    reason = missing()
    if reason:
        if os.environ.get("SCAPPY_PROBE") == "required":
            sys.exit(f"live capture is required (SCAPPY_PROBE), but cannot be built: {reason}")
        print(f"live capture is left out: {reason}", file=sys.stderr)
        return
    for machine in MACHINES:
        target = HERE / f"probe.{machine}.bpf.o"
        if target.exists() and all((HERE / name).stat().st_mtime <= target.stat().st_mtime for name in SOURCES):
            continue
        command = [str(compiler()), "-g", "-O2", "-target", "bpf", "-mcpu=v3", f"-D__TARGET_ARCH_{machine}", "-Wall"]
        # Paths of the build machine are nobody's business, and would make each build another.
        command += [*header_folders(), "-fdebug-prefix-map=" + str(HERE) + "=.", "-c", "probe.bpf.c"]
        done = subprocess.run([*command, "-o", str(target)], cwd=HERE, capture_output=True, text=True)
        if done.returncode:
            target.unlink(missing_ok=True)
            said = f"the probe is not compiled for {machine}:\n{done.stderr}"
            if os.environ.get("SCAPPY_PROBE") == "required":
                sys.exit(said)
            print(said, file=sys.stderr)


if __name__ == "__main__":
    main()
