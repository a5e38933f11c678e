"""What the rules take out is in no byte of what is written, and everything else is still there."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scappy
from scapcore.errors import FilterError, ScapError
from scapcore.schema import event_types
from scapcore.write import BlockEncoder
from scappy.records import Container, File, Machine, Thread, User
from scappy.redaction import Rules, load_rules, redact
from scappy.redaction.classes import PAYLOAD
from scappy.redaction.texts import Scrubber
from scappy.writer import CaptureWriter

SECRET = b"hunter2-SECRET"


def planted() -> bytes:
    """A capture with a secret wherever a text can be."""
    text = SECRET.decode()
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        writer.machine(Machine(cpus=1, hostname=f"node-{text}"))
        writer.user(User(1000, 1000, f"u-{text}", f"/home/{text}", "/bin/sh"))
        writer.thread(
            Thread(
                42, "cat", f"/bin/{text}", exepath=f"/bin/{text}", args=("-n", f"--password={text}", "last"),
                cwd=f"/srv/{text}/", env=("HOME=/root", f"TOKEN={text}", "LANG=C"), cgroups=(f"cpu=/{text}",),
                root=f"/{text}", fds=(File(3, f"/tmp/{text}.txt"),),
            )
        )  # fmt: skip
        writer.container(Container("123456789abc", f"name-{text}", f"image:{text}"))
        time = iter(range(1_000_000, 2_000_000, 1000))
        writer.event("open", ">", next(time), 42, name=f"/etc/{text}", flags=1, mode=0)
        writer.event("open", "<", next(time), 42, fd=4, name=f"/etc/{text}", flags=1, mode=0)
        for _ in range(3):
            writer.event("read", ">", next(time), 42, fd=4, size=100)
            writer.event("read", "<", next(time), 42, res=30, data=b"\x00\xff password " + SECRET + b" and more\n")
        writer.event("execve", ">", next(time), 42, filename=f"/bin/{text}")
        writer.event(
            "execve", "<", next(time), 42, res=0, exe=f"/bin/{text}", args=f"-x\0{text}\0".encode(), tid=42, pid=42, ptid=1,
            cwd=f"/{text}", fdlimit=1024, pgft_maj=0, pgft_min=0, vm_size=0, vm_rss=0, vm_swap=0, comm="cat",
            cgroups=f"cpu=/{text}\0".encode(), env=f"A=1\0B={text}\0C=3\0".encode(), tty=0, pgid=42, loginuid=0,
        )  # fmt: skip
        writer.event("chdir", ">", next(time), 42)
        writer.event("chdir", "<", next(time), 42, res=0, path=f"/var/{text}")
    return target.getvalue()


#: What may stand in a parameter, well formed or not; none has 16 bytes, which may be an IPv6 address.
FORMS = {
    "text": b"%b\0", "unix": b"\1%b", "unix tuple": b"\1" + bytes(16) + b"%b\0", "ipv4": b"\2" + bytes(6) + b"%b",
    "ipv4 tuple": b"\2" + bytes(12) + b"%b", "ipv6": b"\x0a" + bytes(18) + b"%b", "list of descriptors": b"\2\0%b!",
    "raw": b"\0%b", "netlink": b"\x10%b",
}  # fmt: skip


def everywhere(form: bytes) -> bytes:
    """A capture with an event of every type, with the secret in each of its parameters."""
    encoder = BlockEncoder()
    encoder.section_header()
    encoder.machine_info(1, 1, 1, b"node")
    for entry in event_types():
        large = "LARGE_PAYLOAD" in entry.flags
        encoder.event(1000, 1, 0, entry.type, [form % SECRET for _ in range(len(entry.params) + 1)], large=large)
    return encoder.take()


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def headed(*blocks: bytes) -> bytes:
    """A capture that begins with some blocks."""
    encoder = BlockEncoder()
    encoder.section_header()
    encoder.append(b"".join(blocks))
    encoder.event(1000, 1, 0, 80, [])
    return encoder.take()


def redacted(content: Any, rules: Rules, compress: str | None = None) -> tuple[bytes, Any]:
    target = io.BytesIO()
    report = redact(scappy.open(content), target, rules, compress=compress)
    plain = io.BytesIO()
    scappy.open(target.getvalue()).write(plain)
    return plain.getvalue(), report


@pytest.mark.parametrize("compress", [None, "gzip", "lz4"])
@pytest.mark.parametrize("name", ["secrets", "pseudonyms"])
def test_a_secret_is_nowhere(name: str, compress: str | None) -> None:
    content = planted()
    assert content.count(SECRET) > 15
    found, report = redacted(content, Rules(**{name: ("hunter2-[A-Z]+",)}), compress)  # type: ignore[arg-type]
    assert SECRET not in found
    assert sum(report.changed.values()) == content.count(SECRET)
    copy = scappy.open(found)
    assert len(list(copy)) == len(list(scappy.open(content)))
    assert copy.report.is_whole
    event = next(iter(copy.filter("evt.type=read and evt.dir=<")))
    assert event["evt.buflen"] == next(iter(scappy.open(content).filter("evt.type=read and evt.dir=<")))["evt.buflen"]


@pytest.mark.parametrize("form", FORMS)
def test_no_parameter_of_any_event_hides_a_secret(form: str) -> None:
    """Not even one that is of a number in the schema, or that no reader would take for a text."""
    content = everywhere(FORMS[form])
    assert content.count(SECRET) > 1500
    target = io.BytesIO()
    redact(scappy.open(content), target, Rules(secrets=("hunter2-[A-Z]+",)))
    assert SECRET not in target.getvalue()


@pytest.mark.parametrize(("rule", "names"), [("arguments", ("args", "argv")), ("environment", ("env",))])
def test_a_class_is_dropped_from_events_of_every_type(rule: str, names: tuple[str, ...]) -> None:
    encoder = BlockEncoder()
    encoder.section_header()
    for entry in event_types():
        values = [b"a=" + SECRET + b"\0" if parameter.name in names else b"" for parameter in entry.params]
        if any(values):
            encoder.event(1000, 1, 0, entry.type, values, large="LARGE_PAYLOAD" in entry.flags)
    content = encoder.take()
    found, report = redacted(content, Rules(**{rule: "drop"}))  # type: ignore[arg-type]
    assert SECRET not in found
    assert report.changed == {rule: content.count(SECRET)}


def test_records_of_containers_and_clusters_are_dropped() -> None:
    encoder = BlockEncoder()
    encoder.section_header()
    encoder.event(1000, 1, 0, 80, [])
    for kind in (260, 270, 272, 324):
        encoder.event(2000, -1, 0, kind, [SECRET + b"\0"], large=kind == 324)
    encoder.event(3000, -1, 0, 354, [bytes(4), bytes(4), SECRET + b"\0", SECRET + b"\0", SECRET + b"\0", b"\0"])
    found, report = redacted(encoder.take(), Rules(containers="drop"))
    assert SECRET not in found
    assert report.removed == {"records of containers": 4, "records of unknown content between the events": 1}


MACHINE = struct.pack("<IQQ", 1, 1, 1) + b"node".ljust(128, b"\0")
INTERFACE = bytes([10, 0, 2, 15, 255, 255, 255, 0, 10, 0, 2, 255]) + bytes(8)
USER = b"\0" + struct.pack("<II", 1000, 100) + b"".join(struct.pack("<H", len(text)) + text for text in (b"me", b"/h", b"sh"))


@pytest.mark.parametrize(
    "content",
    {
        "an old interface": headed(block(0x205, struct.pack("<HH", 1, 14) + INTERFACE + SECRET)),
        "an interface": headed(block(0x219, struct.pack("<IHH", 38, 1, 14) + INTERFACE + SECRET)),
        "behind an interface": headed(block(0x219, struct.pack("<IHH", 42, 1, 4) + INTERFACE + b"eth0" + SECRET)),
        "an old user": headed(block(0x206, USER + USER[:9] + b"\x0e\0" + SECRET + bytes(4))),
        "behind a user": headed(block(0x220, struct.pack("<I", len(USER) + 18) + USER + SECRET)),
        "behind the users": headed(block(0x220, struct.pack("<I", len(USER) + 4) + USER + struct.pack("<I", 500) + SECRET)),
        "an entry that is cut": headed(block(0x206, USER + bytes(9) + struct.pack("<H", 999) + SECRET)),
        "behind the host": headed(block(0x201, MACHINE[:24] + b"\0" + SECRET + bytes(128 - 19 + 32))),
        "places not used": headed(block(0x201, MACHINE + SECRET.rjust(32, b"\0"))),
        "behind the machine": headed(block(0x201, MACHINE + bytes(32) + SECRET)),
        "a machine that is cut": headed(block(0x201, MACHINE[:20] + SECRET)),
        "an unknown block": headed(block(0x201, MACHINE + bytes(32)), block(0x1234, SECRET)),
    }.items(),
    ids=lambda item: item[0],
)
def test_what_comes_before_the_events(content: tuple[str, bytes]) -> None:
    assert SECRET in content[1]
    found, report = redacted(content[1], Rules(secrets=("hunter2-[A-Z]+",)))
    assert SECRET not in found
    assert report.events == 1
    assert scappy.open(found).report.is_whole


def test_classes_are_dropped() -> None:
    rules = Rules(environment="drop", arguments="drop", users="drop", interfaces="drop", containers="drop", host="drop",
                  payloads=("all",))  # fmt: skip
    found, report = redacted(planted(), rules)
    for text in (b"TOKEN", b"--password", b"u-hunter2", b"name-hunter2", b"node-", b"and more", b"B=hunter"):
        assert text not in found
    assert b"/etc/hunter2" in found
    assert report.remaining["names of files"] > 0
    assert "environments of processes" not in report.remaining
    assert "payloads" not in report.remaining
    assert "left out: 1 lists of users" in str(report)


def test_payloads_by_filter() -> None:
    found, _ = redacted(planted(), Rules(payloads=("fd.name startswith /etc and evt.num < 6",)))
    assert found.count(b"and more") == 2
    assert len(list(scappy.open(found))) == len(list(scappy.open(planted())))


def test_pseudonyms_are_the_same_for_the_same() -> None:
    rules = Rules(pseudonyms=("hunter2-[A-Z]+",), users="pseudonym", host="pseudonym", key=b"key")
    one, _ = redacted(planted(), rules)
    other, _ = redacted(planted(), rules)
    assert one == other
    assert rules.pseudonym(SECRET) in one
    assert Rules(key=b"another").pseudonym(SECRET) != rules.pseudonym(SECRET)


def test_other_arguments_stay() -> None:
    found, _ = redacted(planted(), Rules(secrets=(r"--password=\S+", r"TOKEN=\S+")))
    assert b"last\0" in found
    assert b"LANG=C\0" in found
    assert b"TOKEN" not in found


def test_real_captures_keep_their_events(shared_captures: list[Path]) -> None:
    rules = Rules(secrets=("[Pp]assword[=:][^ ]+",), environment="drop", payloads=("fd.type=ipv4",), users="pseudonym")
    for path in shared_captures:
        if path.stat().st_size > 1_000_000:
            continue
        found, report = redacted(path, rules)
        whole = [(event.ts, event["evt.type"], event["thread.tid"], event["fd.num"]) for event in scappy.open(path)]
        left = [(event.ts, event["evt.type"], event["thread.tid"], event["fd.num"]) for event in scappy.open(found)]
        assert left == whole, path.name
        assert report.damage is None


def test_rules_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("secrets: ['AKIA[0-9A-Z]{16}']\npayloads: all\nenvironment: drop\nkey: mine\n")
    assert load_rules(path) == Rules(("AKIA[0-9A-Z]{16}",), (), ("all",), "drop", key=b"mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("secret: x", "there is no rule 'secret'"),
        ("secrets: '('", "is no regular expression"),
        ("host: maybe", "'maybe' is none of keep, drop, pseudonym"),
        ("payloads: 3", "a list of texts is needed"),
        ("descriptors: {}", "a list of texts is needed"),
        ("processes: [a]", "a text is needed"),
        ("- a", "rules are a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_wrong_rules(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ScapError, match=message):
        load_rules(path)


def test_a_wrong_filter_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FilterError):
        redact(scappy.open(planted()), tmp_path / "x", Rules(payloads=("no.such = 1",)))
    assert list(tmp_path.iterdir()) == []


def calls(*payloads: tuple[int, int, bytes], snapped: bool = False) -> bytes:
    """A capture in which threads of their own processes write: (thread, descriptor, payload)."""
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        for tid in sorted({tid for tid, _, _ in payloads}):
            writer.thread(Thread(tid, f"p{tid}", fds=tuple(File(number, f"/tmp/{number}") for number in range(3, 6))))
        time = iter(range(1_000_000, 10_000_000_000, 1000))
        for tid, number, payload in payloads:
            writer.event("write", ">", next(time), tid, fd=number, size=len(payload))
            writer.event("write", "<", next(time), tid, res=len(payload) + snapped, data=payload)
    return target.getvalue()


class Once(io.RawIOBase):
    """A stream, which can be read once only."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any, /) -> int:
        return self._file.readinto(view)


class TestSecretsOfSeveralCalls:
    RULES = Rules(secrets=("password=[a-z]+",))

    def test_both_parts_are_filled(self) -> None:
        found, report = redacted(calls((1, 3, b"my pass"), (1, 4, b"none"), (2, 3, b"too"), (1, 3, b"word=ab"), (1, 3, b"c. d")),
                                 self.RULES)  # fmt: skip
        payloads = [event["evt.buffer"] for event in scappy.open(found).filter("evt.dir = <")]
        assert payloads == [b"my ****", b"none", b"too", b"*******", b"*. d"]
        assert report.changed == {"secrets: password=[a-z]+": 3}
        assert not report.whole_calls

    def test_letter_by_letter_and_across_batches(self) -> None:
        text = b"the password=abcdef is"
        filler = [(2, 3, b"x")] * 3000
        single = [(1, 3, text[place : place + 1]) for place in range(len(text))]
        found, _ = redacted(calls(*[part for one in single for part in [one, *filler]]), self.RULES)
        written = b"".join(event["evt.buffer"] for event in scappy.open(found).filter("evt.dir = < and proc.pid = 1"))
        assert written == b"the *************** is"

    def test_what_the_capture_holds_in_part_is_followed_by_nothing(self) -> None:
        content = calls((1, 3, b"my pass"), (1, 3, b"word=abc"), snapped=True)
        assert redacted(content, self.RULES)[1].changed == {}

    def test_a_pseudonym_is_cut_like_its_text(self) -> None:
        rules = Rules(pseudonyms=("customer-[0-9]+",), key=b"key")
        found, _ = redacted(calls((1, 3, b"of custo"), (1, 3, b"mer-123 and")), rules)
        payloads = [event["evt.buffer"] for event in scappy.open(found).filter("evt.dir = <")]
        assert b"".join(payloads) == b"of " + rules.pseudonym(b"customer-123") + b" and"

    def test_a_stream_says_that_it_was_not_looked_for(self) -> None:
        target = io.BytesIO()
        report = redact(scappy.open(Once(calls((1, 3, b"my password=abc")))), target, self.RULES)
        assert "not looked for" in str(report)
        assert b"password" not in target.getvalue()


class TestWholeObjects:
    def test_only_some_processes(self) -> None:
        content = calls((1, 3, b"one"), (2, 3, b"two"), (1, 4, b"three"))
        found, report = redacted(content, Rules(processes="proc.name = p1"))
        copy = scappy.open(found)
        assert [event["proc.name"] for event in copy] == ["p1"] * 4
        assert copy.info().threads == 1
        assert b"two" not in found and b"p2" not in found
        assert report.removed["events that have nothing to do with the processes"] == 2

    def test_descriptors(self) -> None:
        content = calls((1, 3, b"one"), (2, 3, b"two"), (1, 4, b"three"))
        found, report = redacted(content, Rules(descriptors=("fd.name = /tmp/3 and proc.pid = 1", "fd.num = 5")))
        copy = scappy.open(found)
        assert [event["evt.buffer"] for event in copy.filter("evt.dir = <")] == [b"two", b"three"]
        assert report.removed == {"descriptors": 3, "events on descriptors": 2}
        assert found.count(b"/tmp/3") == 1 and b"/tmp/5" not in found

    def test_the_beginning_of_a_call_does_not_tell_what_its_end_opened(self) -> None:
        target = io.BytesIO()
        name = f"/home/me/{SECRET.decode()}"
        with CaptureWriter(target) as writer:
            writer.thread(Thread(1, "x"))
            writer.event("open", ">", 1000, 1, name=name, flags=1, mode=0)
            writer.event("open", "<", 2000, 1, fd=4, name=name, flags=1, mode=0)
            writer.event("open", ">", 3000, 1, name="/etc/hosts", flags=1, mode=0)
            writer.event("open", "<", 4000, 1, fd=5, name="/etc/hosts", flags=1, mode=0)
        found, report = redacted(target.getvalue(), Rules(descriptors=("fd.name startswith /home",)))
        assert SECRET not in found
        assert report.removed == {"events on descriptors": 2}
        assert [event["fd.name"] for event in scappy.open(found).filter("evt.dir = <")] == ["/etc/hosts"]

    def test_of_a_stream_neither_is_left_out(self) -> None:
        for rules in (Rules(descriptors=("fd.num = 3",)), Rules(processes="proc.pid = 1")):
            with pytest.raises(ScapError, match="read twice"):
                redact(scappy.open(Once(calls((1, 3, b"one")))), io.BytesIO(), rules)

    def test_of_real_captures(self, shared_captures: list[Path]) -> None:
        for path in shared_captures:
            if path.stat().st_size > 600_000:
                continue
            found, _ = redacted(path, Rules(descriptors=("fd.type = file",)))
            copy = scappy.open(found)
            assert list(copy.filter("fd.type = file and evt.type = close")) == [], path.name
            others = "not fd.type = file and not (evt.type in (open, openat, creat) and evt.dir = >)"
            assert len(list(copy.filter(others))) == len(list(scappy.open(path).filter(others))), path.name


@pytest.mark.parametrize("pattern", [r"^hunter2-[A-Z]+$", r"\bhunter2-[A-Z]+\b", r"(?<!x)hunter2-SECRET"])
def test_patterns_see_each_text_by_itself(pattern: str) -> None:
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        writer.thread(Thread(1, "x", args=("a", SECRET.decode(), "b"), env=(SECRET.decode(),)))
        writer.event("chdir", "<", 1000, 1, res=0, path=SECRET.decode())
    found, report = redacted(target.getvalue(), Rules(secrets=(pattern,)))
    assert SECRET not in found
    assert sum(report.changed.values()) == 3


@given(st.lists(st.binary(max_size=12), max_size=8), st.sampled_from(["a+", "b.", "[^a]b", "ab?", r"a\x00*b"]))
def test_what_is_found_is_what_each_text_holds(texts: list[bytes], pattern: str) -> None:
    texts = [bytes(b"ab\0c"[byte % 4] for byte in text) for text in texts]
    data = bytearray(b"ab".join(texts))
    ends = numpy.cumsum([len(text) + 2 for text in texts], dtype=numpy.int64) - 2
    starts = ends - numpy.array([len(text) for text in texts], numpy.int64)
    classes = numpy.full(len(texts), PAYLOAD, numpy.uint8)
    Scrubber(Rules(secrets=(pattern,))).texts(data, classes, starts, ends)
    expression = re.compile(pattern.encode(), re.DOTALL)
    expected = [expression.sub(lambda found: found[0].translate(bytes([0] + [42] * 255)), text) for text in texts]
    assert [bytes(data[start:end]) for start, end in zip(starts, ends, strict=True)] == expected
