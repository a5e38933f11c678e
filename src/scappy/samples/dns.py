"""DNS messages of the walkthrough, as they go over the wire (RFC 1035)."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

__all__ = ["AAAA", "CODE_NAME_ERROR", "CODE_NO_ERROR", "CODE_SERVER_FAILURE", "A", "answer", "query"]

A, AAAA, SOA, INTERNET = 1, 28, 6, 1
CODE_NO_ERROR, CODE_SERVER_FAILURE, CODE_NAME_ERROR = 0, 2, 3

_RECURSION_DESIRED = 0x0100
_RESPONSE = 0x8000
_AUTHORITATIVE = 0x0400
_RECURSION_AVAILABLE = 0x0080
_QUESTION_NAME = 0xC00C  # a pointer to the name that follows the header
_HEADER = struct.Struct(">2sHHHHH")


def encode_name(name: str) -> bytes:
    """A domain name as labels, each after its length.

    Examples
    --------
    >>> encode_name("svc.cluster.local").hex(" ", 1)
    '03 73 76 63 07 63 6c 75 73 74 65 72 05 6c 6f 63 61 6c 00'
    """
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query(identifier: bytes, name: str, kind: int) -> bytes:
    """A question for one name.

    Parameters
    ----------
    identifier : bytes
        The two bytes that tell its answer; printable ones show in ASCII output.
    name : str
    kind : int
        :data:`A` or :data:`AAAA`.
    """
    header = _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0)
    return header + encode_name(name) + struct.pack(">HH", kind, INTERNET)


def answer(question: bytes, code: int = CODE_NO_ERROR, address: str | None = None) -> bytes:
    """The answer to `question`: an address, or the start of authority of the cluster's zone, or a bare failure."""
    flags = _RESPONSE | _RECURSION_DESIRED | _RECURSION_AVAILABLE | code
    if code == CODE_SERVER_FAILURE:
        return _HEADER.pack(question[:2], flags, 1, 0, 0, 0) + question[_HEADER.size :]
    flags |= _AUTHORITATIVE
    if address is not None:
        record = struct.pack(">HHHIH", _QUESTION_NAME, A, INTERNET, 30, 4) + IPv4Address(address).packed
        return _HEADER.pack(question[:2], flags, 1, 1, 0, 0) + question[_HEADER.size :] + record
    content = encode_name("ns.dns.cluster.local") + encode_name("hostmaster.skydns.local")
    content += struct.pack(">IIIII", 1481209200, 28800, 7200, 604800, 60)
    record = encode_name("cluster.local") + struct.pack(">HHIH", SOA, INTERNET, 60, len(content)) + content
    return _HEADER.pack(question[:2], flags, 1, 0, 1, 0) + question[_HEADER.size :] + record
