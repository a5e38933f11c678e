"""What is installed: the lines that belong into a report of a fault."""

from __future__ import annotations

import platform
import re
import sys
from importlib import import_module, metadata
from typing import TextIO

__all__ = ["show_versions", "versions"]

#: A requirement as metadata has it: the name, and the extra that asks for it if one does.
REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*\bextra\s*==\s*['\"]([\w.-]+)['\"])?")
#: Extras for those who work on scappy itself, and the one that is all others.
NOT_FOR_USERS = {"all", "docs", "test"}


def packages() -> dict[str, str]:
    """Names of the packages that scappy can use, and what for: ``""`` if always, else the extras, with commas between.

    Empty where scappy was not installed but put on the path.
    """
    try:
        requirements = metadata.requires("scappy") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        match = REQUIREMENT.match(requirement)
        if match is None or match[1] == "scappy" or match[2] in NOT_FOR_USERS:
            continue
        extras = found.setdefault(match[1], [])
        if match[2]:
            extras.append(match[2])
    # What is needed in any case may be asked for by an extra, too.
    always = {match[1] for text in requirements if (match := REQUIREMENT.match(text)) and not match[2]}
    return {name: "" if name in always else ",".join(extras) for name, extras in found.items()}


def versions() -> dict[str, str | None]:
    """Versions of scappy, Python, the system and every package that scappy can use.

    Returns
    -------
    dict of str to (str or None)
        By name, in the order in which they are shown; None stands for what is not installed.

    Examples
    --------
    >>> list(versions())[:3]
    ['scappy', 'python', 'system']
    """
    scappy = import_module("scappy")
    build = "free-threaded" if not getattr(sys, "_is_gil_enabled", lambda: True)() else ""
    found: dict[str, str | None] = {
        "scappy": scappy.__version__,
        "python": " ".join(filter(None, [platform.python_version(), platform.python_implementation(), build])),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()).strip() or None,
    }
    for name in sorted({"numpy", *packages()}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def show_versions(file: TextIO | None = None) -> None:
    """Print what is installed, for reports of faults.

    Parameters
    ----------
    file : text file, optional
        Where to; the default is standard output.

    Examples
    --------
    >>> show_versions()
    scappy ...
    python ...
    system ...
    """
    extras = packages()
    found = versions()
    width = max(map(len, found))
    for name, version in found.items():
        missing = f"not installed (extra {extras[name].replace(',', ', ')})" if extras.get(name) else "not installed"
        print(f"{name:{width}}  {version or missing}", file=file)
