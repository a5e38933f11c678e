"""The walkthrough's capture, against what the story prints."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from block_walker import Event, blocks, events

from scapcore.errors import ScapError
from scapcore.schema import event_types
from scappy.samples import calls, write_walkthrough
from scappy.samples.script import Moment, Script, Task, moment

STORY = Path(__file__).resolve().parent.parent / "data" / "walkthrough_lines.txt"
LINE = re.compile(
    r"(?P<num>\d+) (?P<time>[\d:.]+) (?P<cpu>\d) (?P<pod>[\w-]*) \((?P<container>\w{12})\) (?P<proc>\w+) "
    r"\((?P<tid>\d+):\d+\) (?P<dir>[<>]) (?P<type>\w+) ?(?P<args>.*)"
)
LOCAL = timezone(timedelta(hours=1))


@pytest.fixture(scope="module")
def capture() -> bytes:
    target = io.BytesIO()
    assert write_walkthrough(target) == 111904
    return target.getvalue()


@pytest.fixture(scope="module")
def walkthrough(capture: bytes) -> dict[int, Event]:
    return {event.number: event for event in events(capture)}


def story_lines() -> list[re.Match[str]]:
    return [found for line in STORY.read_text().splitlines() if (found := LINE.fullmatch(line))]


def story_payloads() -> list[tuple[int, list[str]]]:
    """The payload lines under each event that has some, without the places that the story leaves out."""
    payloads: dict[int, list[str]] = {}
    number = 0
    for line in STORY.read_text().splitlines():
        if found := LINE.fullmatch(line):
            number = int(found["num"])
        elif line and line != "[...]":
            payloads.setdefault(number, []).append(line)
    return list(payloads.items())


def local_time(event: Event) -> str:
    """As sysdig prints it, one hour east of Greenwich."""
    seconds, fraction = divmod(event.timestamp, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, LOCAL):%H:%M:%S}.{fraction:09d}"


def printable(data: bytes) -> str:
    """As option -A prints data."""
    text = data.replace(b"\r\n", b"\n")
    return "".join(chr(byte) for byte in text if byte == 10 or 32 <= byte < 127)


def payload(event: Event) -> bytes:
    names = [parameter.name for parameter in event_types()[event.type].params]
    return event.parameters[names.index("data")]


def integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def question(message: bytes) -> tuple[bytes, str, int]:
    """Identifier, name and type of a DNS query, which must be one and nothing more."""
    identifier, flags, *counts = struct.unpack_from(">2sH4H", message)
    assert (flags, counts) == (0x0100, [1, 0, 0, 0])
    labels, offset = [], 12
    while message[offset]:
        labels.append(message[offset + 1 : offset + 1 + message[offset]].decode())
        offset += 1 + message[offset]
    kind, family = struct.unpack_from(">HH", message, offset + 1)
    assert family == 1 and offset + 5 == len(message)
    return identifier, ".".join(labels), kind


class TestStory:
    def test_the_story_is_all_there(self) -> None:
        assert len(story_lines()) == 51
        assert len(story_payloads()) == 18

    @pytest.mark.parametrize("line", story_lines(), ids=lambda line: line["num"])
    def test_each_line(self, line: re.Match[str], walkthrough: dict[int, Event]) -> None:
        event = walkthrough[int(line["num"])]
        kind = event_types()[event.type]
        assert local_time(event) == line["time"]
        assert (event.cpu, event.tid) == (int(line["cpu"]), int(line["tid"]))
        assert (kind.name, kind.is_enter) == (line["type"], line["dir"] == ">")
        assert len(event.parameters) <= len(kind.params)
        if result := re.match(r"(?:res|fd)=(-?\d+)", line["args"]):
            assert integer(event.parameters[0]) == int(result[1])
        if size := re.search(r"\bsize=(\d+)", line["args"]):
            assert integer(event.parameters[1]) == int(size[1])
        if (ends := re.search(r"tuple=([\d.]+):(\d+)->([\d.]+):(\d+)", line["args"])) is not None:
            packed = event.parameters[[parameter.name for parameter in kind.params].index("tuple")]
            family, source, source_port, destination, port = struct.unpack("<B4sH4sH", packed)
            assert family == 2
            assert (".".join(map(str, source)), source_port) == (ends[1], int(ends[2]))
            assert (".".join(map(str, destination)), port) == (ends[3], int(ends[4]))

    @pytest.mark.parametrize(("number", "lines"), story_payloads(), ids=lambda value: str(value)[:6])
    def test_each_payload(self, number: int, lines: list[str], walkthrough: dict[int, Event]) -> None:
        event = walkthrough[number]
        shown = printable(payload(event)).split("\n")
        assert integer(event.parameters[0]) == len(payload(event))
        wanted = [line.split(" tuple=")[0] for line in lines]
        assert [line for line in shown if line in wanted] == wanted
        if ports := re.search(r" tuple=::ffff:172\.17\.0\.7:(\d+)->:::53$", lines[-1]):
            mapped = b"\0" * 10 + b"\xff\xff\xac\x11\0\7"
            assert event.parameters[3] == b"\x0a" + mapped + struct.pack("<H", int(ports[1])) + bytes(16) + b"\x35\0"

    def test_each_name_is_asked_for_twice(self, walkthrough: dict[int, Event]) -> None:
        received = [payload(e) for e in walkthrough.values() if (e.tid, e.type) == (17280, 53) and payload(e)]
        asked = [question(message) for message in received]
        name = "backend.critical-app.svc.cluster.local"
        suffixes = [".critical-app.svc.cluster.local", ".svc.cluster.local", ".cluster.local", ".localdomain"]
        expected = [name + suffix for suffix in [*suffixes, ".localdomain", ""] for _ in range(2)]
        assert [question[1] for question in asked] == expected
        assert [question[2] for question in asked] == [1, 28] * 6
        assert asked[6:8] == asked[8:10]
        assert len({identifier for identifier, *_ in asked}) == 10

    def test_upstream_is_silent_twice(self, walkthrough: dict[int, Event]) -> None:
        to_upstream = b"\x08\x08\x08\x08\x35\0"
        connects = [e for e in walkthrough.values() if e.type == 23 and to_upstream in e.parameters[1]]
        assert len(connects) == 6
        attempts = [e for e in walkthrough.values() if e.type == 7 and e.tid in (4639, 4640) and e.number > 10524]
        assert [integer(e.parameters[0]) for e in attempts] == [-11] * 6
        first, second = (walkthrough[number].timestamp for number in (10718, 58215))
        assert 3.99e9 < second - first < 4.01e9
        first, second = (walkthrough[number].timestamp for number in (58294, 104208))
        assert 4.00e9 < second - first < 4.02e9

    def test_resolv_conf_is_read_by_curl_alone(self, walkthrough: dict[int, Event]) -> None:
        opened = [e for e in walkthrough.values() if e.type == 3 and e.parameters[1] == b"/etc/resolv.conf\0"]
        assert [event.tid for event in opened] == [22370]
        following = [e for e in list(walkthrough.values())[opened[0].number :] if e.tid == 22370 and e.type == 7]
        content = payload(following[0])
        assert len(content) == 119
        assert content.splitlines() == [
            b"search critical-app.svc.cluster.local svc.cluster.local cluster.local localdomain",
            b"nameserver 10.0.2.15",
            b"options ndots:5",
        ]

    def test_docker_is_told_the_search_domains(self, walkthrough: dict[int, Event]) -> None:
        told = [e for e in walkthrough.values() if any(b"localdomain" in value for value in e.parameters[:3])]
        create = [e for e in told if b"POST /containers/create" in payload(e)]
        assert [(event.tid, event.type) for event in create] == [(2461, 9), (1411, 7)]
        message = payload(create[0])
        assert f"{len(message) / 1024:.2f}KB" == "2.61KB"
        head, body = message.split(b"\r\n\r\n", 1)
        name = b"k8s_POD.d8dbe16c_client-foobar_critical-app_085ac98f-bd64-11e6-8bdb-028ce2cfb533_9430448e"
        assert head.startswith(b"POST /containers/create?name=" + name + b" HTTP/1.1\r\nHost: docker\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        domains = ["critical-app.svc.cluster.local", "svc.cluster.local", "cluster.local", "localdomain"]
        assert json.loads(body)["HostConfig"]["DnsSearch"] == domains
        assert b'"DnsSearch":' + json.dumps(domains, separators=(",", ":")).encode() + b"," in body

    def test_containers(self, walkthrough: dict[int, Event]) -> None:
        leading = [event for event in walkthrough.values() if event.timestamp == 0]
        assert [event.number for event in leading] == list(range(1, len(leading) + 1))
        containers = {}
        for event in leading:
            content = json.loads(event.parameters[0][:-1])["container"]
            containers[content["id"]] = content
        client, nginx = containers["b3a718d8b339"], containers["730a6f492270"]
        suffix = "client_critical-app_da587b4d-bd5a-11e6-8bdb-028ce2cfb533_bacd01b6"
        assert client["name"] == f"k8s_client.eee910bc_{suffix}"
        assert containers["de7157ba23c4"]["name"] == "k8s-kubelet"
        assert "labels" not in containers["36ae6d09d26e"]
        for content, pod in ((client, "client"), (nginx, "backend-1440326531-csj02")):
            labels = content["labels"]
            assert labels["io.kubernetes.pod.name"] == pod
            assert labels["io.kubernetes.pod.namespace"] == "critical-app"
            assert labels["io.kubernetes.pod.uid"] in content["name"]
            sandbox = containers[labels["io.kubernetes.sandbox.id"][:12]]
            assert sandbox["labels"]["io.kubernetes.container.name"] == "POD"
        backends = {c["labels"]["io.kubernetes.pod.name"] for c in containers.values() if c["image"] == "nginx"}
        assert len(backends) == 3


class TestWhole:
    def test_frames_and_tables(self, capture: bytes) -> None:
        kinds = Counter(kind for kind, _ in blocks(capture))
        assert set(kinds) == {0x0A0D0D0A, 0x201, 0x219, 0x220, 0x215, 0x218, 0x216}
        assert kinds[0x218] == 76

    def test_time_goes_forward(self, walkthrough: dict[int, Event]) -> None:
        times = [event.timestamp for event in walkthrough.values() if event.timestamp]
        assert all(before < after for before, after in pairwise(times))
        assert 9e9 < times[-1] - times[0] < 11e9

    def test_exits_follow_their_enters(self, walkthrough: dict[int, Event]) -> None:
        """A thread is in one system call at a time; what began before the capture may only end."""
        inside: dict[int, int] = {}
        seen: set[int] = set()
        for event in walkthrough.values():
            if event.type in (152, 186, 272):
                continue
            if event.type % 2 == 0:
                assert inside.get(event.tid, -1) == -1, event
                inside[event.tid] = event.type
            else:
                # The child's side of clone has no enter event of its own.
                known = inside.get(event.tid, -1) if event.tid in seen else event.type - 1
                assert known == event.type - 1, event
                inside[event.tid] = -1
            seen.add(event.tid)

    def test_a_cpu_runs_whom_it_was_given_to(self, walkthrough: dict[int, Event]) -> None:
        running: dict[int, int] = {}
        for event in walkthrough.values():
            if event.timestamp:
                assert running.get(event.cpu, event.tid) == event.tid, event
                running[event.cpu] = integer(event.parameters[0]) if event.type == 152 else event.tid

    def test_descriptors_are_open_when_used(self, capture: bytes, walkthrough: dict[int, Event]) -> None:
        """In the threads of the story, whose calls are written by hand."""
        opened: dict[int, set[int]] = defaultdict(set)
        for kind, body in blocks(capture):
            offset = 8
            while kind == 0x218 and len(body) - offset >= 4:
                length, fd = struct.unpack_from("<Iq", body, offset)
                opened[struct.unpack_from("<Q", body)[0]].add(fd)
                offset += length
        owners = {4639: 4617, 4640: 4617, 17280: 4617, 22370: 22369, 2461: 2417, 1411: 1322, 2119: 2103}
        owners |= {tid: tid for tid in (4617, 22369, 7203, 17533)}
        opened[22369] = set(opened[17533])
        closing: dict[int, int] = {}
        for event in walkthrough.values():
            kind = event_types()[event.type]
            if event.tid not in owners:
                continue
            table = opened[owners[event.tid]]
            if kind.is_enter and event.parameters and kind.params[0].name == "fd":
                assert integer(event.parameters[0]) in table, event
                closing[event.tid] = integer(event.parameters[0])
            elif "CREATES_FD" in kind.flags and not kind.is_enter and integer(event.parameters[0]) >= 0:
                table.add(integer(event.parameters[0]))
            elif kind.name == "close" and not kind.is_enter:
                table.remove(closing[event.tid])

    def test_background_keeps_out_of_the_story(self, walkthrough: dict[int, Event]) -> None:
        said = [e for e in walkthrough.values() if e.timestamp and any(b"localdomain" in v for v in e.parameters)]
        assert {event.tid for event in said} <= {17280, 4617, 4639, 4640, 22370, 2461, 1411}
        assert len({event.tid for event in walkthrough.values()}) > 60

    def test_always_the_same(self, capture: bytes) -> None:
        target = io.BytesIO()
        write_walkthrough(target)
        assert target.getvalue() == capture

    def test_compressed(self, capture: bytes, tmp_path: Path) -> None:
        path = tmp_path / "walkthrough.scap.gz"
        write_walkthrough(path, compress="gzip")
        assert path.stat().st_size < 2_500_000 < len(capture) < 13_000_000
        assert gzip.decompress(path.read_bytes()) == capture


class TestScript:
    FIRST, SECOND = Task(1, 0), Task(2, 1)

    def test_moments(self) -> None:
        at = moment("10030 39.536689965")
        assert local_time(Event(1, at.timestamp, 0, 0, 0, ())) == "16:41:39.536689965"
        assert moment("5 8.25").timestamp - moment("5 8.0").timestamp == 250_000_000

    def test_a_thread_that_goes_on_stays_with_its_fixed_events(self) -> None:
        script = Script(Moment(0, 0))
        close, begin, end = calls.close(3), moment("100 1"), moment("200 2")
        script.enter(self.FIRST, close, at="100 1")
        script.run(self.FIRST, close)
        script.run(self.SECOND, close)
        script.run(self.FIRST, close)
        script.leave(self.FIRST, close, at="200 2")
        numbers = [step.number for step in script.place(Moment(300, end.timestamp + 1))]
        assert numbers[:3] == [100, 101, 102]
        assert 140 < numbers[3] < numbers[4] == numbers[3] + 1 < 160
        assert numbers[5:] == [198, 199, 200]
        assert begin.timestamp < end.timestamp

    def test_pauses_and_seconds(self) -> None:
        script = Script(moment("0 0"))
        close = calls.close(3)
        script.run(self.FIRST, close)
        script.pause(until="7.5")
        script.run(self.FIRST, close)
        placed = script.place(moment("1004 10"))
        assert placed[2].timestamp == moment("0 7.5").timestamp
        assert 740 < placed[2].number < 760
        assert placed[3].number == placed[2].number + 1

    def test_too_much_between_two_events(self) -> None:
        script = Script(moment("0 0"))
        script.run(self.FIRST, calls.close(3), calls.close(4))
        with pytest.raises(ScapError, match="4 steps do not fit between events 0 and 4"):
            script.place(moment("4 10"))
