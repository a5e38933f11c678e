"""Names that arguments and values of fields must come from: event types, event parameters, services."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from scapcore import schema
from scapcore.schema.names import known_names

__all__ = ["event_names", "nearest", "parameter_types", "port_names", "service_port", "services"]

# Bits of the types that hold numbers, by which the widest is found.
NUMBER_BITS = {
    **dict.fromkeys(("INT8", "UINT8", "FLAGS8", "ENUMFLAGS8", "L4PROTO", "SIGTYPE"), 8),
    **dict.fromkeys(("INT16", "UINT16", "FLAGS16", "ENUMFLAGS16", "PORT", "SYSCALLID"), 16),
    **dict.fromkeys(("INT32", "UINT32", "FLAGS32", "ENUMFLAGS32", "MODE", "UID", "GID", "PID32", "FD32", "BOOL"), 32),
    **dict.fromkeys(("INT64", "UINT64", "FD", "PID", "ERRNO", "RELTIME", "ABSTIME"), 64),
}
TEXTS = {"CHARBUF", "FSPATH", "FSRELPATH"}
ADDRESSES = {"IPV4ADDR", "IPV6ADDR"}
# The types that no filter value can be written for.
OPAQUE = {"SOCKADDR", "SOCKTUPLE", "FDLIST", "SIGSET", "DYN"}


def nearest(word: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The known names most like a word that is not known, best first.

    Examples
    --------
    >>> nearest("opne", ["open", "close", "pipe"])
    ('open',)
    """
    from difflib import SequenceMatcher, get_close_matches  # only mistakes need it

    close = get_close_matches(word, list(known), count, 0.65)
    likeness = [SequenceMatcher(None, word, name).ratio() for name in close]
    # What is much less like it than the best would only distract.
    return tuple(name for name, ratio in zip(close, likeness, strict=True) if ratio > likeness[0] - 0.08)


@cache
def event_names() -> frozenset[str]:
    """Every name that ``evt.type`` can have, in the words of the classic and of the newest tools."""
    return known_names()


def family(type: str) -> str:
    """Number, text or something else: types of one family can be compared with the same values."""
    if type in NUMBER_BITS:
        return "number"
    if type in TEXTS:
        return "text"
    return "address" if type in ADDRESSES else type


@cache
def parameter_types() -> dict[str, str]:
    """Type that ``evt.rawarg`` takes for each name of an event parameter.

    Several events use one name for parameters of different types. The first of them that a filter value can
    be written for decides between number, text, bytes and address; among numbers the widest type counts.

    Examples
    --------
    >>> types = parameter_types()
    >>> types["res"], types["size"], types["name"]
    ('ERRNO', 'UINT64', 'FSPATH')
    """
    chosen: dict[str, str] = {}
    for modern in (False, True):
        for event in schema.event_types(modern):
            for parameter in event.params:
                name, type = parameter.name, parameter.type
                before = chosen.get(name)
                wider = NUMBER_BITS.get(type, 0) > NUMBER_BITS.get(before or "", 64)
                if before is None or wider or (before in OPAQUE and type not in OPAQUE):
                    chosen[name] = type
                elif before != type and family(before) == family(type) == "address":
                    chosen[name] = "IPADDR"
    return chosen


#: What everybody means by these names; small machines, such as containers, have no ``/etc/services``.
WELL_KNOWN_SERVICES = {
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "pop3": 110,
    "ntp": 123,
    "imap2": 143,
    "snmp": 161,
    "ldap": 389,
    "https": 443,
    "syslog": 514,
    "ldaps": 636,
    "imaps": 993,
    "mysql": 3306,
    "postgresql": 5432,
    "redis": 6379,
    "http-alt": 8080,
}


@cache
def services() -> dict[str, int]:
    """Port of each service name in ``/etc/services``, and of the best known ones that are not in there."""
    ports: dict[str, int] = {}
    for name, port, _ in listed_services():
        ports.setdefault(name, port)
    return WELL_KNOWN_SERVICES | ports


def port_names() -> dict[tuple[int, int], bytes]:
    """Name of each service by port and protocol: 0 for any, 1 for TCP, 2 for UDP.

    Examples
    --------
    >>> port_names()[80, 1]
    b'http'
    """
    names: dict[tuple[int, int], bytes] = {}
    for name, port, protocol in listed_services():
        for number in (0, {"tcp": 1, "udp": 2}.get(protocol, 0)):
            names.setdefault((port, number), name.encode("utf-8", "surrogateescape"))
    for name, port in WELL_KNOWN_SERVICES.items():
        for number in range(3):
            names.setdefault((port, number), name.encode())
    return names


def listed_services() -> list[tuple[str, int, str]]:
    """Name, port and protocol of the lines of ``/etc/services``."""
    found = []
    try:
        with open("/etc/services", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words = line.partition("#")[0].split()
                number, _, protocol = words[1].partition("/") if len(words) > 1 else ("", "", "")
                if number.isascii() and number.isdigit():
                    found += [(name, int(number), protocol) for name in (words[0], *words[2:])]
    except OSError:
        pass
    return found


def service_port(name: str) -> int | None:
    """Port of a service, such as 443 for ``https``; None if this machine does not know the name."""
    import socket  # only named ports need it

    try:
        return socket.getservbyname(name)
    except (OSError, ValueError):
        return services().get(name)
