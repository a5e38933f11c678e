"""Captures that carry the objects that were joined to them."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scappy
from scappy.blocks import blocks_of
from scappy.capture import Capture
from scappy.copying import CopySettings, Rotation, copy_capture
from scappy.copying.head import OBJECTS
from scappy.metadata.embedding import embedded, labelled, objects_block, payload_of
from scappy.redaction import Rules, redact
from scappy.samples import walkthrough_snapshot, write_walkthrough

OLD = [
    "k8s.pod.name", "k8s.pod.id", "k8s.pod.labels", "k8s.ns.name", "k8s.ns.id", "k8s.rs.name", "k8s.rc.name", "k8s.svc.name",
    "k8s.svc.id", "k8s.svc.labels", "k8s.deployment.name", "k8s.deployment.id", "k8s.deployment.labels",
]  # fmt: skip
NEW = ["k8s.node.name", "k8s.daemonset.name", "k8s.pod.ip", "k8s.client.pod.name", "k8s.server.svc.name", "k8s.server.ns.name"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bare") / "bare.scap"
    write_walkthrough(path, labels=False)
    return path


@pytest.fixture(scope="module")
def joined(bare: Path) -> Capture:
    return scappy.open(bare).join_kubernetes(walkthrough_snapshot())


def rows(capture: Capture, where: str = "") -> list[tuple[Any, ...]]:
    chosen = capture.filter(where) if where else capture
    return [(event.ts, *(event[name] for name in OLD + NEW)) for event in chosen]


def written(capture: Capture, **options: Any) -> bytes:
    target = io.BytesIO()
    capture.write(target, **options)
    return target.getvalue()


@pytest.mark.parametrize("compress", [None, "zstd", "lz4"])
def test_the_same_fields_without_the_snapshot(joined: Capture, compress: str | None) -> None:
    expected = rows(joined)
    assert sum(bool(row[1]) for row in expected) > 1000
    content = written(joined, compress=compress)
    assert rows(scappy.open(content)) == expected
    # A copy of the copy carries them, too.
    assert rows(scappy.open(written(scappy.open(content)))) == expected


def test_parts_carry_them(joined: Capture, tmp_path: Path) -> None:
    where = "k8s.server.svc.name = backend or k8s.pod.name startswith client"
    expected = rows(joined, where)
    assert len(expected) > 50
    assert rows(scappy.open(written(joined, where=where))) == expected
    times = [event.ts for event in joined]
    begin = times[len(times) // 3]
    content = written(joined, begin=begin)
    others = f"evt.type != container and evt.rawtime >= {begin}"
    assert rows(scappy.open(content), others) == rows(joined, others)
    files = copy_capture(joined, tmp_path / "x", CopySettings(rotation=Rotation(events=30_000))).files
    assert [row for name in files for row in rows(scappy.open(name), "evt.type != container")] == rows(
        joined, "evt.type != container"
    )


def test_the_reference_reads_them(joined: Capture, tmp_path: Path, reference: Callable[..., Any]) -> None:
    path = tmp_path / "joined.scap"
    joined.write(path)
    form = "*%evt.rawtime " + " ".join(f"%{name}" for name in OLD)
    done = subprocess.run(
        [sys.executable, "-m", "scappy.cli.scapdig", "-r", path, "-p", form], capture_output=True, env=os.environ | {"TZ": "UTC"}
    )
    theirs = reference("-r", path, "-p", form).stdout
    assert done.stdout == theirs
    assert theirs.count(b" backend-1440326531-csj02 ") > 10


def test_the_command_line(bare: Path, tmp_path: Path) -> None:
    snapshot, path = tmp_path / "snapshot.json", tmp_path / "joined.scap"
    snapshot.write_text(json.dumps(walkthrough_snapshot()))
    dig = [sys.executable, "-m", "scappy.cli.scapdig"]
    done = subprocess.run([*dig, "-r", bare, "--k8s", snapshot, "-z", "-w", path], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    where = "k8s.deployment.name=backend and evt.type in (recvfrom, accept4)"
    found = subprocess.run([*dig, "-r", path, where], capture_output=True, check=True).stdout
    expected = subprocess.run([*dig, "-r", bare, "--k8s", snapshot, where], capture_output=True, check=True).stdout
    # The events that tell about the objects have numbers.
    assert [line.split(b" ", 1)[1] for line in found.splitlines()] == [line.split(b" ", 1)[1] for line in expected.splitlines()]
    assert found


def test_containers_have_labels(joined: Capture) -> None:
    content = written(joined)
    texts = [block for _, block in blocks_of(content) if b"io.kubernetes.pod.uid" in block]
    assert len(texts) > 3
    # The newest libraries know pods by labels only.
    events = scappy.open(content, view="exit").filter("k8s.pod.name startswith backend")
    assert len(list(events)) > 10


def test_no_secrets_of_objects_are_carried(bare: Path) -> None:
    snapshot = walkthrough_snapshot()
    for item in snapshot["items"]:
        item["metadata"].setdefault("annotations", {})["note"] = "hunter2"
        for container in item.get("spec", {}).get("containers", []):
            container["env"] = [{"name": "TOKEN", "value": "hunter2"}]
    content = written(scappy.open(bare).join_kubernetes(snapshot))
    payload = next(payload_of(block[8:-4]) for kind, block in blocks_of(content) if kind == OBJECTS)
    directory = embedded(objects_block(payload)[8:-4])
    assert directory is not None
    assert "hunter2" not in json.dumps(list(directory.objects.values()))


def test_redaction_leaves_them_out(joined: Capture) -> None:
    content = written(joined)
    target = io.BytesIO()
    report = redact(scappy.open(content), target, Rules(secrets=("backend",), containers="drop"))
    assert report.removed["objects of a cluster"] == 1
    assert b"backend" not in target.getvalue()


@pytest.mark.parametrize(
    "body", [b"", b"scappyk8", b"scappyk8\xff\xff\xff\xff", b"scappyk8\4\0\0\0abcd", b"otherone\4\0\0\0abcd"]
)
def test_damaged_blocks_are_passed_over(bare: Path, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    block = struct.pack("<I", OBJECTS) + length + body + length
    content = bare.read_bytes()
    capture = scappy.open(content[:28] + block + content[28:])
    assert capture.info().events == scappy.open(bare).info().events
    assert [event["k8s.pod.name"] for event in capture.filter("evt.num < 20")] == [
        event["k8s.pod.name"] for event in scappy.open(bare).filter("evt.num < 20")
    ]


def test_strange_records_of_containers_stay(joined: Capture) -> None:
    assert joined.joined is not None
    for block in (b"", b"\0" * 40, b"\0" * 40 + b'{"container": 5}', b"\0" * 40 + b'{"container": {"id": 7}}'):
        assert labelled(joined.joined, 272, block) == block
