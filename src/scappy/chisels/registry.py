"""The chisels by name: those that come along, those of other packages, and those in folders of the user."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from scapcore.errors import ChiselError
from scappy.chisels.base import Chisel

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ENTRY_POINTS", "chisel_named", "chisel_names"]

#: Packages bring chisels by entry points of this group: the name is the chisel's, the object its class.
ENTRY_POINTS = "scappy.chisels"

#: The chisels that come along by the module that holds them, imported when one of them is asked for.
BUILT_IN = {
    "around": "around",
    "bottlenecks": "bottlenecks",
    "connections": "conns",
    "data": "spy_file spy_ip spy_logs spy_port spy_syslog stderr stdin stdout",
    "dns": "dns",
    "echo_fds": "echo_fds",
    "flame": "flame",
    "heat_maps": "spectrogram subsecoffset",
    "http": "httplog httptop",
    "memcache": "memcachelog",
    "shells": "list_login_shells shellshock_detect spy_users",
    "slow": "fileslower netlower proc_exec_time scallslower",
    "tables": "lscontainers lsof netstat ps",
    "top": (
        "fdbytes_by fdcount_by fdtime_by topconns topcontainers_cpu topcontainers_error topcontainers_file "
        "topcontainers_net topfiles_bytes topfiles_errors topfiles_time topports_server topprocs_cpu topprocs_errors "
        "topprocs_file topprocs_net topscalls topscalls_time"
    ),
    "totals": "iobytes iobytes_file iobytes_net",
    "tracers": "tracers",
}
HOME_OF = {name: f"scappy.chisels.{module}" for module, names in BUILT_IN.items() for name in names.split()}


def chisel_names(directories: Sequence[str | Path] = ()) -> list[str]:
    """Names of all chisels.

    Parameters
    ----------
    directories : sequence of path
        Folders to look in before ``~/.chisels``.

    Raises
    ------
    ChiselError
        If a file in a folder cannot be loaded.
    """
    found = {*HOME_OF, *(entry.name for entry in entries())}
    for path in files_in(directories):
        found.update(chisel.name for chisel in chisels_in(load_file(path)))
    return sorted(found)


def chisel_named(name: str, directories: Sequence[str | Path] = ()) -> type[Chisel]:
    """The class of a chisel: from a folder, of those that come along, or from another package, in this order.

    A package that happens to be installed does not change what a well-known name means; a folder of the user may.

    Parameters
    ----------
    name : str
        Its name, or the path of a Python file that holds one.
    directories : sequence of path
        Folders to look in before ``~/.chisels``.

    Raises
    ------
    ChiselError
        If there is none of that name, and the message names the nearest ones; or if it cannot be loaded.
    """
    if name.endswith(".py"):
        for chisel in chisels_in(load_file(Path(name))):
            return chisel
        raise ChiselError(f"there is no chisel in {name}")
    # A file of that name first, so that the others need not be run.
    files = sorted(files_in(directories), key=lambda path: path.stem != name)
    for path in files:
        if path.stem == name or name not in HOME_OF:
            for chisel in chisels_in(load_file(path)):
                if chisel.name == name:
                    return chisel
    if name in HOME_OF:
        for chisel in chisels_in(import_module(HOME_OF[name])):
            if chisel.name == name:
                return chisel
    for entry in entries():
        if entry.name == name:
            return load_entry(entry)
    names = chisel_names(directories)
    near = difflib.get_close_matches(name, names, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(names)}"
    raise ChiselError(f"chisel {name} not found{hint}")


def entries() -> Iterator[EntryPoint]:
    """The entry points of other packages."""
    from importlib.metadata import entry_points  # not at the top: it takes long to load

    yield from entry_points(group=ENTRY_POINTS)


def files_in(directories: Sequence[str | Path]) -> Iterator[Path]:
    """The Python files in the folders of the user."""
    for directory in (*directories, Path.home() / ".chisels"):
        folder = Path(directory)
        if folder.is_dir():
            yield from sorted(folder.glob("*.py"))


def load_file(path: Path) -> ModuleType:
    """Run a Python file as a module of its own, once."""
    module_name = f"scappy.chisels.user.{path.resolve()}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ChiselError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[module_name]
        raise ChiselError(f"the chisel {path} cannot be loaded: {problem!r}") from problem
    return module


def load_entry(entry: EntryPoint) -> type[Chisel]:
    """The chisel of an entry point."""
    try:
        found = entry.load()
    except Exception as problem:
        raise ChiselError(f"the chisel {entry.name} ({entry.value}) cannot be loaded: {problem!r}") from problem
    if not (isinstance(found, type) and issubclass(found, Chisel)):
        raise ChiselError(f"the entry point {entry.name} ({entry.value}) is no chisel")
    return found


def chisels_in(module: ModuleType) -> Iterator[type[Chisel]]:
    """The chisels that a module defines."""
    for item in vars(module).values():
        if isinstance(item, type) and issubclass(item, Chisel) and item.__module__ == module.__name__ and item.name:
            yield item
