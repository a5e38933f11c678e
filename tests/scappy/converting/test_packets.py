"""Packets made of what went through sockets: another program takes them apart and finds the same streams."""

from __future__ import annotations

import ipaddress
import struct
from collections import defaultdict
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scappy
from scappy.converting import convert
from scappy.converting.packets import FILTER, TCP, UDP, End, Streams, checksum

Flow = tuple[str, str, int, str, int]


@pytest.fixture(scope="module")
def capture(walkthrough: Path) -> scappy.Capture:
    return scappy.open(walkthrough)


def packets(path: Path) -> list[tuple[float, dpkt.ip.IP | dpkt.ip6.IP6]]:
    with path.open("rb") as stream:
        return [
            (time, dpkt.ip.IP(data) if data[0] >> 4 == 4 else dpkt.ip6.IP6(data)) for time, data in dpkt.pcapng.Reader(stream)
        ]


def test_streams_are_those_of_the_programs(capture: scappy.Capture, tmp_path: Path) -> None:
    result = convert(capture, tmp_path / "o.pcapng", "pcapng")
    found = packets(tmp_path / "o.pcapng")
    assert len(found) == result.rows["packets"] > 100

    sent: defaultdict[Flow, bytes] = defaultdict(bytes)
    for _, packet in found:
        inner = packet.data
        name = "tcp" if isinstance(inner, dpkt.tcp.TCP) else "udp"
        source, target = (str(ipaddress.ip_address(address)) for address in (packet.src, packet.dst))
        sent[name, source, inner.sport, target, inner.dport] += bytes(inner.data)

    written: defaultdict[Flow, bytes] = defaultdict(bytes)
    read: defaultdict[Flow, bytes] = defaultdict(bytes)
    for event in capture.filter(FILTER):
        ends = [(event["fd.cip"], event["fd.cport"]), (event["fd.sip"], event["fd.sport"])]
        if event["fd.l4proto"] not in ("tcp", "udp") or None in ends[0] + ends[1]:
            continue
        writes = event["evt.io_dir"] == "write"
        if event["fd.is_server"] == writes:
            ends.reverse()
        (written if writes else read)[(event["fd.l4proto"], *ends[0], *ends[1])] += event["evt.buffer"]
    expected = {flow: data for flow, data in {**read, **written}.items() if data}
    assert dict(sent) == expected
    assert any(b"HTTP/1.1 200" in data for data in sent.values())


def test_numbers_go_on_and_checksums_hold(capture: scappy.Capture, tmp_path: Path) -> None:
    convert(capture, tmp_path / "o.pcapng", "pcapng")
    nexts: dict[tuple[bytes, int, bytes, int], int] = {}
    times = []
    whole = 0
    for time, packet in packets(tmp_path / "o.pcapng"):
        times.append(time)
        if isinstance(packet, dpkt.ip.IP):
            assert checksum(bytes(packet)[:20]) == 0
        inner = packet.data
        if packet.len == len(bytes(packet)) and isinstance(packet, dpkt.ip.IP):
            whole += 1
            pseudo = packet.src + packet.dst + struct.pack(">II", len(bytes(inner)), packet.p)
            assert checksum(pseudo + bytes(packet)[20:]) == 0
        if isinstance(inner, dpkt.tcp.TCP):
            flow = packet.src, inner.sport, packet.dst, inner.dport
            assert inner.seq >= nexts.get(flow, 1)
            nexts[flow] = inner.seq + len(inner.data)
    assert whole
    assert times == sorted(times)


@given(st.binary(min_size=1, max_size=70_000), st.integers(0, 200_000), st.sampled_from([TCP, UDP]), st.sampled_from([4, 16]))
def test_any_transfer_is_whole_packets(data: bytes, more: int, protocol: int, width: int) -> None:
    streams = Streams()
    flow = (protocol, End(bytes(range(width)), 1000), End(bytes(width), 80))
    found = b""
    for block in streams.flow_packets(flow, 1_700_000_000_123_456_789, data, len(data) + more, b"x"):
        kind, length, _, high, low, kept, original = struct.unpack("<IIIIIII", block[:28])
        assert (kind, length) == (6, len(block)) and block[-4:] == block[4:8] and len(block) % 4 == 0
        assert high << 32 | low == 1_700_000_000_123_456_789
        packet = block[28 : 28 + kept]
        outer = 20 if width == 4 else 40
        stated = struct.unpack(">H", packet[2:4])[0] if width == 4 else struct.unpack(">H", packet[4:6])[0] + 40
        assert stated == original <= 65_535
        found += packet[outer + (20 if protocol == TCP else 8) :]
    assert found == data
    assert streams.next[flow] == (1 + len(data) + more) % (1 << 32)
