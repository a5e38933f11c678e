"""Objects of a cluster joined to captures: fields, filters, validity in time, and that no event is lost."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_objects import Object, api_object, endpoint_slice, pod, service

import scappy
from scapcore.errors import MetadataWarning
from scappy.fields import FIELDS
from scappy.records import Container, Socket, SocketTuple, Thread
from scappy.samples import walkthrough_snapshot, write_walkthrough
from scappy.writer import CaptureWriter

START = 1_590_969_600_000_000_000        # 2020-06-01
SECOND = 10**9
UID = "5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533"
LATE_UID = "da587b4d-bd5a-11e6-8bdb-028ce2cfb533"
WEB, LATE, BATCH = "ab" * 32, "cd" * 32, "ef" * 32
PODS = "cpu=/kubepods/burstable/pod"


def stamp(second: int) -> str:
    return f"2020-06-01T00:00:{second:02}Z"


def capture() -> bytes:
    """Twenty seconds: pod `web` from the start, a client that talks to it, and a container that comes later."""
    target = io.BytesIO()
    cloned = {"res": 0, "exe": "late", "args": b"", "tid": 80, "pid": 80, "ptid": 1, "cwd": "", "fdlimit": 9, "pgft_maj": 0,
              "pgft_min": 0, "vm_size": 0, "vm_rss": 0, "vm_swap": 0, "comm": "late", "flags": 0, "uid": 0, "gid": 0,
              "vtid": 1, "vpid": 1, "cgroups": f"{PODS}{LATE_UID}/{LATE}".encode() + b"\0"}  # fmt: skip
    with CaptureWriter(target) as writer:
        served = Socket(3, SocketTuple("10.1.0.9", 40000, "10.1.0.5", 8080))
        asked = Socket(4, SocketTuple("10.1.0.9", 40001, "10.3.0.10", 80))
        writer.thread(Thread(60, "web", "web", ptid=1, vtid=1, vpid=1, cgroups=(f"{PODS}{UID}/{WEB}",), fds=(served,)))
        writer.thread(Thread(61, "batch", "batch", ptid=1, vtid=1, vpid=1, cgroups=(f"cpu=/docker/{BATCH}",)))
        writer.thread(Thread(70, "curl", "curl", ptid=1, fds=(served, asked)))
        writer.container(Container(LATE[:12], "late", "late"))
        for second in range(20):
            time = START + second * SECOND
            for tid, fd in ((60, 3), (61, 5), (70, 3), (70, 4)):
                if tid == 61:
                    writer.event("close", ">", time, tid, 0, fd=fd)
                    writer.event("close", "<", time, tid, 0, res=-9)
                else:
                    writer.event("write", ">", time, tid, 0, fd=fd, size=1)
                    writer.event("write", "<", time, tid, 0, res=1, data=b"x")
            if second == 10:
                writer.event("SYSCALL_CLONE_20_X", "<", time, 80, 0, **cloned)
            if second > 10:
                ends = SocketTuple("10.1.0.9", 41000 + second, "10.1.0.5", 8080)
                writer.event("socket", ">", time, 80, 0, domain=2, type=1, proto=0)
                writer.event("socket", "<", time, 80, 0, fd=7)
                writer.event("connect", ">", time, 80, 0, fd=7)
                writer.event("connect", "<", time, 80, 0, res=0, tuple=ends)
                writer.event("close", ">", time, 80, 0, fd=7)
                writer.event("close", "<", time, 80, 0, res=0)
    return target.getvalue()


def objects() -> list[Object]:
    deployment = api_object("Deployment", "web", labels={"a": "1"})
    replicas = api_object("ReplicaSet", "web-1", owner=deployment, labels={"a": "2"})
    schedule = api_object("CronJob", "nightly", labels={"a": "3"})
    job = api_object("Job", "nightly-1", owner=schedule, labels={"a": "4"})
    sets = [api_object(kind, kind.lower(), labels={"a": kind}) for kind in ("DaemonSet", "StatefulSet")]
    node = api_object("Node", "node1", labels={"a": "5"}, status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]})
    front = pod("front", ip="10.1.0.9", owner=sets[0], created=stamp(0))
    web = pod("web-1-x", WEB, uid=UID, ip="10.1.0.5", owner=replicas, labels={"app": "web", "a": "6"}, created=stamp(0))
    # Only its control groups tell of this one, although a record comes before.
    late = pod("late", uid=LATE_UID, created=stamp(10), owner=sets[1])
    batch = pod("nightly-1-x", BATCH, owner=job)
    return [
        api_object("Namespace", "shop", labels={"a": "7"}),
        node, deployment, replicas, schedule, job, *sets, front, web, late, batch,
        api_object("ReplicationController", "old", labels={"a": "8"}),
        service("web", "10.3.0.10", {"app": "web"}, [{"port": 80, "targetPort": 8080}], labels={"a": "9"}),
        service("short", "10.3.0.11", {"app": "web"}, created=stamp(5), deletionTimestamp=stamp(15)),
    ]  # fmt: skip


CAPTURE = capture()

#: field, process, value at the first event of the process.
VALUES = (
    ("k8s.pod.name", "web", "web-1-x"), ("k8s.pod.id", "web", UID), ("k8s.pod.uid", "web", UID),
    ("k8s.pod.ip", "web", "10.1.0.5"),
    ("k8s.pod.label.app", "web", "web"), ("k8s.pod.label[a]", "web", "6"), ("k8s.pod.labels", "web", "a:6, app:web"),
    ("k8s.ns.name", "web", "shop"), ("k8s.ns.id", "web", "namespace-shop"), ("k8s.ns.label.a", "web", "7"),
    ("k8s.ns.labels", "web", "a:7"), ("k8s.rs.name", "web", "web-1"), ("k8s.rs.label.a", "web", "2"),
    ("k8s.deployment.name", "web", "web"), ("k8s.deployment.id", "web", "deployment-web"),
    ("k8s.deployment.labels", "web", "a:1"),
    ("k8s.svc.name", "web", "web"), ("k8s.svc.id", "web", "service-web"), ("k8s.svc.ip", "web", "10.3.0.10"),
    ("k8s.svc.label.a", "web", "9"), ("k8s.svc.labels", "web", "a:9"), ("k8s.rc.name", "web", None),
    ("k8s.node.name", "web", "node1"), ("k8s.node.id", "web", "node-node1"), ("k8s.node.ip", "web", "10.0.0.1"),
    ("k8s.node.label.a", "web", "5"), ("k8s.node.labels", "web", "a:5"),
    ("k8s.job.name", "batch", "nightly-1"), ("k8s.job.id", "batch", "job-nightly-1"), ("k8s.job.label.a", "batch", "4"),
    ("k8s.job.labels", "batch", "a:4"), ("k8s.cronjob.name", "batch", "nightly"), ("k8s.cronjob.id", "batch", "cronjob-nightly"),
    ("k8s.cronjob.label.a", "batch", "3"), ("k8s.cronjob.labels", "batch", "a:3"), ("k8s.svc.name", "batch", None),
    ("k8s.statefulset.name", "late", "statefulset"), ("k8s.statefulset.id", "late", "statefulset-statefulset"),
    ("k8s.statefulset.label.a", "late", "StatefulSet"), ("k8s.statefulset.labels", "late", "a:StatefulSet"),
    ("k8s.daemonset.name", "late", None), ("k8s.daemonset.id", "web", None), ("k8s.daemonset.labels", "web", None),
    ("k8s.daemonset.label.a", "web", None), ("k8s.pod.name", "curl", None), ("k8s.svc.name", "curl", None),
    ("k8s.client.pod.name", "curl", "front"), ("k8s.client.daemonset.name", "curl", "daemonset"),
    ("k8s.client.daemonset.label.a", "curl", "DaemonSet"), ("k8s.client.svc.name", "curl", None),
    ("k8s.server.pod.name", "curl", "web-1-x"), ("k8s.server.pod.ip", "curl", "10.1.0.5"), ("k8s.server.svc.name", "curl", "web"),
    ("k8s.server.svc.ip", "curl", "10.3.0.10"), ("k8s.server.ns.name", "curl", "shop"), ("k8s.server.ns.labels", "curl", "a:7"),
    ("k8s.server.deployment.label.a", "curl", "1"), ("k8s.server.rs.name", "curl", "web-1"),
    ("k8s.server.pod.name", "batch", None),
    ("k8s.server.svc.name", "batch", None),
)  # fmt: skip


@pytest.fixture(scope="module", params=["full", "exit"])
def joined(request: pytest.FixtureRequest) -> scappy.Capture:
    return scappy.open(CAPTURE, view=request.param).join_kubernetes(objects())


@pytest.fixture(scope="module")
def firsts(joined: scappy.Capture) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in joined:
        found.setdefault(event["proc.name"], event)
    return found


@pytest.mark.parametrize(("field", "process", "value"), VALUES, ids=[f"{field} {process}" for field, process, _ in VALUES])
def test_value(firsts: dict[str, Any], field: str, process: str, value: str | None) -> None:
    assert firsts[process][field] == value


def test_every_field_can_be_asked_for(joined: scappy.Capture) -> None:
    names = [
        name + (".a" if field.argument else "") for name, field in FIELDS.items() if re.match("k8s\\.", name)
    ]
    table = joined.select(["evt.num", *names])
    assert len(table["evt.num"]) > 80
    for name in names:
        assert sum(1 for _ in joined.filter(f"{name} exists")) <= len(table["evt.num"])


def count(capture: scappy.Capture, text: str) -> int:
    """Events that a filter chooses, of pairs the second."""
    return len(capture.select(["evt.num"], where=f"({text}) and evt.dir=<")["evt.num"])


def test_filters_choose_by_what_was_joined(joined: scappy.Capture) -> None:
    assert count(joined, "k8s.deployment.name=web") == 20
    assert count(joined, "k8s.node.name=node1 and proc.name=batch") == 20
    assert count(joined, "k8s.server.svc.name=web and proc.name=curl") == 40
    assert count(joined, "k8s.server.svc.name=web and k8s.pod.name exists") == 20 + 9 * 2
    assert count(joined, "k8s.client.pod.name=front and proc.name=web") == 20


def test_services_come_and_go(joined: scappy.Capture) -> None:
    chosen = joined.filter("k8s.svc.name contains short and proc.name=web and evt.dir=<")
    assert [(event["evt.rawtime"] - START) // SECOND for event in chosen] == list(range(5, 15))


def test_addresses_are_used_again() -> None:
    change = [
        pod("late", uid=LATE_UID),
        pod("web", WEB, uid=UID),
        pod("old", ip="10.1.0.5", created=stamp(0), deletionTimestamp=stamp(15)),
        pod("new", ip="10.1.0.5", created=stamp(16)),
    ]
    known = scappy.open(CAPTURE).join_kubernetes(change)

    def seconds(text: str) -> set[int]:
        return {(event["evt.rawtime"] - START) // SECOND for event in known.filter(text + " and proc.name=late")}

    assert seconds("k8s.server.pod.name=old") == {11, 12, 13, 14}
    assert seconds("k8s.server.pod.name=new") == {16, 17, 18, 19}
    assert 15 not in seconds("k8s.server.pod.name exists")


def test_without_a_snapshot_these_fields_are_missing() -> None:
    plain = scappy.open(CAPTURE)
    assert count(plain, "k8s.node.name exists or k8s.server.svc.name exists or k8s.pod.name exists") == 0


def test_joining_keeps_what_the_capture_was(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_text(json.dumps(objects()))
    plain = scappy.open(CAPTURE)
    known = plain.filter("proc.name=web").join_kubernetes(tmp_path / "snapshot.json").filter("evt.type=write")
    assert len(known.select(["evt.num"])["evt.num"]) == 40
    assert count(plain, "k8s.pod.name exists") == 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (b'{"kind": "List", "items": [', "damaged or cut in line 1|there are no objects in it"),
        (b"", "there are no objects in it"),
        ([pod("web", "9" * 64)], "none of the 2 pods that run in the capture"),
        ([api_object("Pod", "web", uid=UID)], "1 pod without status"),
        ([pod("one", uid="x"), pod("two", uid="x"), pod("web", WEB)], "1 id of several objects"),
    ],
)
def test_what_is_wrong_costs_no_event(what: Any, message: str) -> None:
    events = len(scappy.open(CAPTURE).select(["evt.num"])["evt.num"])
    with pytest.warns(MetadataWarning, match=message):
        known = scappy.open(CAPTURE).join_kubernetes(what)
        assert len(known.select(["evt.num", "k8s.pod.name"])["evt.num"]) == events


FILTERS: tuple[str, ...] = (
    "k8s.ns.name=critical-app", "k8s.pod.name=client", "k8s.svc.name=backend", "k8s.deployment.name=backend",
    "k8s.rs.name contains backend", "k8s.pod.label.app=backend", "k8s.ns.name exists",
)  # fmt: skip


@pytest.fixture(scope="module")
def walkthrough() -> Callable[[bool], scappy.Capture]:
    written = {}
    for labels in (True, False):
        target = io.BytesIO()
        write_walkthrough(target, labels=labels)
        written[labels] = target.getvalue()
    return lambda labels: scappy.open(written[labels])


@pytest.mark.parametrize("text", FILTERS)
def test_the_walkthrough_with_and_without_labels(walkthrough: Callable[[bool], scappy.Capture], text: str) -> None:
    fields = ["evt.num", "k8s.pod.name", "k8s.ns.name", "k8s.pod.labels"]
    snapshot = walkthrough_snapshot()
    with_labels = walkthrough(True).join_kubernetes(snapshot).select(fields, where=text)
    without = walkthrough(False).join_kubernetes(snapshot).select(fields, where=text)
    assert len(with_labels["evt.num"]) > 20
    for name in fields:
        assert list(with_labels[name]) == list(without[name])


def test_slices_lead_to_services_without_selectors() -> None:
    known = scappy.open(CAPTURE).join_kubernetes(
        [service("outside"), endpoint_slice("outside", 8080, {"addresses": ["10.1.0.5"]})]
    )
    assert count(known, "k8s.server.svc.name=outside and proc.name=curl") == 20
