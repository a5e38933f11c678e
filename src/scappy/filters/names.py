"""Lists and macros that filters name, and the reading of them from rule files in the form that Falco uses."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from os import PathLike, fspath
from types import MappingProxyType
from typing import Any

from scapcore.errors import FilterError, MissingDependencyError
from scapcore.record import Record

__all__ = ["FilterNames", "load_filter_file"]


MOST_VALUES = 1_000_000
"""How many values a list may have with those of the lists that it names."""

DEEPEST = 100
"""How deep lists may name lists."""


class FilterNames(Record):
    """Lists and macros.

    Attributes
    ----------
    lists : mapping of str to tuple of str
        Elements of each list: values, or names of other lists. ``proc.name in (shells, vi)`` and
        ``proc.name in shells`` put the elements in. An element in quotes is always a value.
    macros : mapping of str to str
        Filter text of each macro, which stands for itself as a check does.

    Examples
    --------
    >>> from scappy.filters import parse
    >>> names = FilterNames({"shells": ("sh", "bash")}, {"shell": "proc.name in (shells)"})
    >>> print(parse("shell and not proc.pname in (shells, cron)", names))
    proc.name in (sh, bash) and not proc.pname in (sh, bash, cron)
    """

    lists: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    macros: Mapping[str, str] = MappingProxyType({})

    def values(self, name: str, outer: tuple[str, ...] = ()) -> list[bytes] | None:
        """Elements of a list with those of the lists that it names; None if there is no such list.

        Raises
        ------
        FilterError
            If a list contains itself, or grows out of bounds.
        """
        items = self.lists.get(name)
        if items is None:
            return None
        if name in outer:
            raise FilterError(f"the list {name} contains itself: {' → '.join((*outer, name))}")
        if len(outer) > DEEPEST:
            raise FilterError(f"the list {outer[0]} names lists more than {DEEPEST} levels deep")
        values: list[bytes] = []
        for item in items:
            inner = self.values(item, (*outer, name))
            if inner is not None:
                values += inner
                if len(values) > MOST_VALUES:
                    raise FilterError(f"the list {name} holds more than {MOST_VALUES} values")
            elif len(item) >= 2 and item[0] in "'\"" and item[-1] == item[0]:
                values.append(item[1:-1].encode("utf-8", "surrogateescape"))
            else:
                values.append(item.encode("utf-8", "surrogateescape"))
        return values


def load_filter_file(path: str | PathLike[str], base: FilterNames | None = None) -> FilterNames:
    """Read the lists and macros of a YAML file in the form of Falco's rule files.

    Entries ``- list: NAME`` with ``items``, and ``- macro: NAME`` with ``condition``, are taken; rules and
    entries of any other kind are passed over. A later entry replaces an earlier one of the same name, or is added to
    it if it says ``append: true`` or ``override: {items: append}`` (``{condition: append}``).

    Parameters
    ----------
    path : str or path
        The file.
    base : FilterNames, optional
        What earlier files have defined.

    Returns
    -------
    FilterNames
        Lists and macros of `base` and of the file.

    Raises
    ------
    FilterError
        If the file cannot be read, is not YAML, or an entry has the wrong form.
    MissingDependencyError
        If PyYAML is not installed.
    """
    shown = fspath(path)
    try:
        yaml: Any = import_module("yaml")
    except ImportError:
        raise MissingDependencyError("pyyaml", "filters", "reading a file of lists and macros") from None
    try:
        with open(shown, encoding="utf-8") as file:
            entries = yaml.safe_load(file)
    except OSError as error:
        raise FilterError(f"{shown}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise FilterError(f"{shown}: not YAML: {' '.join(str(error).split())}") from None
    lists: dict[str, tuple[str, ...]] = dict(base.lists) if base else {}
    macros: dict[str, str] = dict(base.macros) if base else {}
    if entries is None:
        entries = []
    if not isinstance(entries, list):
        raise FilterError(f"{shown}: a list of entries is expected")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise FilterError(f"{shown}: entry {number} is not a mapping")
        if "list" in entry:
            name = entry_name(shown, number, entry, "list")
            items = entry.get("items", [])
            if not isinstance(items, list) or not all(isinstance(item, (str, int, float)) for item in items):
                raise FilterError(f"{shown}: items of list {name} must be a list of values")
            texts = tuple(item_text(item) for item in items)
            lists[name] = lists.get(name, ()) + texts if appends(entry, "items") else texts
        elif "macro" in entry:
            name = entry_name(shown, number, entry, "macro")
            condition = entry.get("condition")
            if not isinstance(condition, str):
                raise FilterError(f"{shown}: condition of macro {name} must be a text")
            macros[name] = (
                f"{macros[name]} {condition}" if appends(entry, "condition") and name in macros else condition
            )
    return FilterNames(lists, macros)


def entry_name(path: str, number: int, entry: dict[Any, Any], kind: str) -> str:
    """The name that an entry defines."""
    name = entry[kind]
    if not isinstance(name, str) or not name:
        raise FilterError(f"{path}: entry {number}: the name of a {kind} must be a text")
    return name


def item_text(item: str | float) -> str:
    """A list element as filter text; YAML reads ``true`` and numbers as such."""
    return str(item).lower() if isinstance(item, bool) else str(item)


def appends(entry: dict[Any, Any], part: str) -> bool:
    """True if an entry adds to the earlier one of its name."""
    override = entry.get("override")
    return entry.get("append") is True or (isinstance(override, dict) and override.get(part) == "append")
