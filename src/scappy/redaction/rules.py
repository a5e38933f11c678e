"""Rules of what is taken out of a capture, and the YAML form of them."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scapcore.errors import MissingDependencyError, ScapError

__all__ = ["Rules", "load_rules"]

KEEP, DROP, PSEUDONYM = "keep", "drop", "pseudonym"
#: What may be said of a class of data.
CHOICES = {
    "environment": (KEEP, DROP),
    "arguments": (KEEP, DROP),
    "users": (KEEP, DROP, PSEUDONYM),
    "interfaces": (KEEP, DROP),
    "containers": (KEEP, DROP),
    "host": (KEEP, DROP, PSEUDONYM),
}


@dataclass(frozen=True)
class Rules:
    """What is taken out.

    What is replaced keeps its length. A pseudonym is the same for the same text wherever it stands, and says nothing to
    those who do not have the key.

    Attributes
    ----------
    secrets : tuple of str
        Regular expressions; what they find in any text is filled with asterisks: arguments, environment, payloads, names
        of files, directories, containers.
    pseudonyms : tuple of str
        Regular expressions; what they find becomes a pseudonym.
    payloads : tuple of str
        Filters; what the calls that they choose have read or written is filled. ``all`` is a filter for all of them.
    environment, arguments, users, interfaces, containers, host : str
        ``keep``, ``drop`` and for some ``pseudonym``.
    processes : str
        A filter; only what it chooses is kept, and the processes that matter to that. Everything is, if it is empty.
    descriptors : tuple of str
        Filters; calls on descriptors that they choose are left out, and these descriptors from the lists, where the
        filters see them as those of a call ``close``. For captures that can be read twice.
    key : bytes
        Of the pseudonyms; a random one if it is empty.

    Raises
    ------
    ScapError
        A rule is not understood; the message names it.
    """

    secrets: tuple[str, ...] = ()
    pseudonyms: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()
    environment: str = KEEP
    arguments: str = KEEP
    users: str = KEEP
    interfaces: str = KEEP
    containers: str = KEEP
    host: str = KEEP
    processes: str = ""
    descriptors: tuple[str, ...] = ()
    key: bytes = b""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ScapError(f"rule {name}: {getattr(self, name)!r} is none of {', '.join(choices)}")
        for name in ("secrets", "pseudonyms"):
            for pattern in getattr(self, name):
                compiled(name, pattern)
        if not self.key:
            object.__setattr__(self, "key", os.urandom(32))

    def pseudonym(self, text: bytes) -> bytes:
        """Another text of the same length, always the same for the same one."""
        digest = hmac.new(self.key, text, hashlib.sha256).hexdigest().encode()
        return (digest * (len(text) // len(digest) + 1))[: len(text)]


def compiled(name: str, pattern: str) -> re.Pattern[bytes]:
    """A pattern for bytes; characters beyond ASCII stand for their UTF-8."""
    try:
        return re.compile(pattern.encode("utf-8"), re.DOTALL)
    except re.error as error:
        raise ScapError(f"rule {name}: {pattern!r} is no regular expression: {error}") from None


def load_rules(path: str | os.PathLike[str]) -> Rules:
    """Read rules from a YAML file.

    Parameters
    ----------
    path : str or path
        A mapping with the attributes of :class:`Rules`; the key is a text.

    Raises
    ------
    ScapError
        The file cannot be read, or a rule is not understood.
    MissingDependencyError
        PyYAML is not installed.
    """
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise MissingDependencyError("pyyaml", "filters", "reading rules") from None
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except OSError as error:
        raise ScapError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScapError(f"{os.fspath(path)} is no YAML: {' '.join(str(error).split())}") from error
    return rules_from(content)


def rules_from(content: object) -> Rules:
    """Rules from what a YAML file holds."""
    if not isinstance(content, Mapping):
        raise ScapError("rules are a mapping of names to what is to be done")
    known = {entry.name for entry in fields(Rules)}
    values: dict[str, Any] = {}
    for name, value in content.items():
        if name not in known:
            raise ScapError(f"there is no rule {name!r}: {', '.join(sorted(known))}")
        if name in ("secrets", "pseudonyms", "payloads", "descriptors"):
            found = [value] if isinstance(value, str) else value
            if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
                raise ScapError(f"rule {name}: a list of texts is needed")
            values[name] = tuple(found)
        elif not isinstance(value, str):
            raise ScapError(f"rule {name}: a text is needed, not {value!r}")
        else:
            values[name] = value.encode("utf-8") if name == "key" else value
    return Rules(**values)
