"""What the rules take out is in no byte of what is written, and everything else is still there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import scappy
from scapcore.errors import FilterError, ScapError
from scappy.records import Container, File, Machine, Thread, User
from scappy.redaction import Rules, load_rules, redact
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
