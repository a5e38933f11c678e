"""Domain names of addresses, as far as filters have asked for them. Internal to the core.

A capture holds addresses only. A filter such as ``fd.sip.name = example.org`` looks its name up, and what it has
learned here is what the fields show; nothing else goes to the network.
"""

from __future__ import annotations

__all__ = ["addresses_of", "name_of"]

_addresses: dict[str, tuple[bytes, ...]] = {}
_names: dict[bytes, bytes] = {}


def addresses_of(name: str) -> tuple[bytes, ...]:
    """Addresses of a domain name, 4 or 16 bytes each; empty if it has none or cannot be looked up.

    Examples
    --------
    >>> addresses_of("192.0.2.7")
    (b'\\xc0\\x00\\x02\\x07',)
    """
    known = _addresses.get(name)
    if known is None:
        import socket

        try:
            entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            entries = []
        found = (
            socket.inet_pton(family, str(where[0]).partition("%")[0])
            for family, _, _, _, where in entries
            if family in (socket.AF_INET, socket.AF_INET6)
        )
        known = tuple(dict.fromkeys(found))
        _addresses[name] = known
        for address in known:
            _names.setdefault(address, name.encode("utf-8", "replace"))
    return known


def name_of(address: bytes) -> bytes | None:
    """The name that was looked up and has this address, None if there is none."""
    return _names.get(address)
