"""Data that went through sockets as packets: pcapng, for Wireshark and everything else that reads packets.

A capture of system calls has no packets. What programs wrote and read is put behind headers made up from the addresses of
the connection, in order and with growing sequence numbers, so that streams can be followed. Resends, handshakes and the
sizes of real packets are not in the capture, and not in the result.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scapcore.errors import CorruptCaptureError

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.converting.converted import Converted
    from scappy.table import Table

__all__ = ["write_packets"]

FIELDS = ("evt.num", "evt.rawtime", "fd.l4proto", "fd.cip", "fd.cport", "fd.sip", "fd.sport", "fd.is_server", "evt.io_dir",
          "evt.buffer", "evt.rawres", "proc.pid", "proc.name")  # fmt: skip
FILTER = "evt.dir = < and fd.type in (ipv4, ipv6) and evt.is_io = true and evt.buffer exists"

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
LINK_RAW = 101               # IPv4 or IPv6 packets without anything in front
OPTION_COMMENT, OPTION_RESOLUTION = 1, 9
TCP, UDP = 6, 17
PUSH_ACK = 0x18
#: Payload of a packet; what stands before it must fit into 65,535 bytes, too.
MOST_PAYLOAD = 65_000
WRAP = 1 << 32


class End(NamedTuple):
    """One end of a connection: address in network order, and port."""

    address: bytes
    port: int


def write_packets(captures: Sequence[Capture], place: Path, done: Converted) -> None:
    """Write the data of captures as packets.

    Data that one process of the capture wrote and another one read comes once, when it was written.

    Parameters
    ----------
    captures : sequence of Capture
        One after the other.
    place : Path
        The file.
    done : Converted
        Where packets are counted, and damage is noted.
    """
    done.rows["packets"] = 0
    with place.open("wb") as stream:
        stream.write(block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        # Length 0 of what is kept of a packet: all. Time in units of 10 to the power of -9.
        stream.write(block(INTERFACE, struct.pack("<HHI", LINK_RAW, 0, 0) + option(OPTION_RESOLUTION, b"\x09") + option(0, b"")))
        for capture in captures:
            streams = Streams()
            try:
                for table in capture.tables(FIELDS, where=FILTER):
                    for packet in streams.packets(table):
                        stream.write(packet)
                        done.rows["packets"] += 1
            except CorruptCaptureError as error:
                if not error.gaps:
                    raise
                done.damage.append(error)


class Streams:
    """Connections of a capture, each way with the number of the next byte."""

    def __init__(self) -> None:
        self.next: dict[tuple[int, End, End], int] = {}
        self.written: set[tuple[int, End, End]] = set()

    def packets(self, table: Table) -> Iterator[bytes]:
        """Packets of some events."""
        for number, time, protocol, cip, cport, sip, sport, is_server, way, data, result, pid, name in zip(
            *(table.objects(field) for field in FIELDS), strict=True
        ):
            if not data or None in (cip, cport, sip, sport) or protocol not in ("tcp", "udp"):
                continue
            client = End(ipaddress.ip_address(cip).packed, int(cport) & 0xFFFF)
            server = End(ipaddress.ip_address(sip).packed, int(sport) & 0xFFFF)
            if len(client.address) != len(server.address):
                continue
            # Whoever writes sends; the process that has the descriptor is one of the two.
            sends = client if bool(is_server) != (way == "write") else server
            flow = (TCP if protocol == "tcp" else UDP, sends, server if sends is client else client)
            if way == "write":
                self.written.add(flow)
            elif flow in self.written:
                continue
            comment = f"event {number}, {name or '?'} ({pid})".encode()
            yield from self.flow_packets(flow, int(time), data, max(int(result or 0), len(data)), comment)

    def flow_packets(
        self, flow: tuple[int, End, End], time: int, data: bytes, whole: int, comment: bytes
    ) -> Iterator[bytes]:
        """Packets of one transfer, of which the capture may have the first bytes only."""
        place = 0
        while place < len(data):
            piece = data[place : place + MOST_PAYLOAD]
            place += len(piece)
            rest = whole - place if place == len(data) else 0
            # What was cut off is told as the packet's true length, as far as a packet can be long.
            unseen = min(rest, MOST_PAYLOAD - len(piece))
            yield block(PACKET, self.framed(flow, time, piece, unseen, comment))
            self.next[flow] = (self.next.get(flow, 1) + len(piece) + rest) % WRAP

    def framed(self, flow: tuple[int, End, End], time: int, data: bytes, unseen: int, comment: bytes) -> bytes:
        """The body of a packet's block."""
        protocol, source, target = flow
        back = (protocol, target, source)
        size = len(data) + unseen
        if protocol == TCP:
            numbers = self.next.get(flow, 1), self.next.get(back, 1)
            inner = struct.pack(">HHIIBBHHH", source.port, target.port, *numbers, 5 << 4, PUSH_ACK, 0xFFFF, 0, 0)
            at = 16
        else:
            inner = struct.pack(">HHHH", source.port, target.port, 8 + size, 0)
            at = 6
        ends = source.address + target.address
        if not unseen:
            pseudo = ends + struct.pack(">II", len(inner) + size, protocol)
            value = checksum(pseudo + inner + data) or 0xFFFF
            inner = inner[:at] + struct.pack(">H", value) + inner[at + 2 :]
        if len(source.address) == 4:
            outer = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(inner) + size, 0, 0, 64, protocol, 0)
            outer = outer[:10] + struct.pack(">H", checksum(outer + ends)) + ends
        else:
            outer = struct.pack(">IHBB", 6 << 28, len(inner) + size, protocol, 64) + ends
        packet = outer + inner + data
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet), len(packet) + unseen)
        return head + packet + bytes(-len(packet) % 4) + option(OPTION_COMMENT, comment) + option(0, b"")


def checksum(data: bytes) -> int:
    """The checksum of the Internet protocols (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def option(code: int, value: bytes) -> bytes:
    """An option of a block."""
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    """A block with its frame."""
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
