"""Pods, and what made them, by what the capture itself tells."""

from __future__ import annotations

import io
from typing import Any

import pytest

import scappy
from scapcore.pods import own_pod, owner_by_labels
from scappy.records import Container, Thread
from scappy.writer import CaptureWriter

UID = "5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533"
HASHED = {"pod-template-hash": "1440326531"}


@pytest.mark.parametrize(
    ("word", "pod", "labels", "name"),
    [
        ("deployment", "web-1440326531-csj02", HASHED, "web"),
        ("rs", "web-1440326531-csj02", HASHED, "web-1440326531"),
        ("deployment", "a-b-c-1440326531-csj02", HASHED, "a-b-c"),
        ("deployment", "web-1440326531-csj02", {}, None),
        ("deployment", "web-1440326531", HASHED, None),
        ("deployment", "web-144-csj02", HASHED, None),
        ("deployment", "-1440326531-csj02", HASHED, None),
        ("deployment", "1440326531-csj02", HASHED, None),
        ("rs", "web-csj02", {"pod-template-hash": ""}, None),
        ("statefulset", "db-0", {"statefulset.kubernetes.io/pod-name": "db-0"}, "db"),
        ("statefulset", "db-0", {"statefulset.kubernetes.io/pod-name": "db-1"}, None),
        ("statefulset", "db-x", {"statefulset.kubernetes.io/pod-name": "db-x"}, None),
        ("daemonset", "logs-x7k2p", {"pod-template-generation": "1"}, "logs"),
        ("daemonset", "logs", {"pod-template-generation": "1"}, None),
        ("daemonset", "logs-x7k2p", {"controller-revision-hash": "1"}, None),
        ("job", "nightly-1-x7k2p", {"job-name": "nightly-1"}, "nightly-1"),
        ("job", "nightly-1-x7k2p", {"batch.kubernetes.io/job-name": "nightly-2", "job-name": "nightly-1"}, "nightly-2"),
        ("job", "nightly-1-x7k2p", {"job-name": ""}, None),
        ("svc", "web-1440326531-csj02", HASHED, None),
        ("ns", "web-1440326531-csj02", HASHED, None),
    ],
)
def test_owners_by_labels(word: str, pod: str, labels: dict[str, str], name: str | None) -> None:
    assert owner_by_labels(word, pod, labels) == name


@pytest.mark.parametrize(
    ("name", "groups", "told"),
    [
        (f"k8s_main.1_web_shop_{UID}_0", "", ("web", UID, "shop")),
        (f"k8s_main.1_web_shop_{UID}_0", "cpu=/kubepods/pod" + "a" * 32, ("web", UID, "shop")),
        ("k8s_main_web_shop", "", None),
        (f"k8s_main_web_shop_{UID}_0_1", "", None),
        ("", f"cpu=/kubepods/pod{UID}/x", (None, UID, None)),
        ("", f"cpu=/kubepods/pod{UID[:-1]}/x", None),
        ("", "cpu=/podman", None),
    ],
)
def test_pods_by_names_and_control_groups(name: str, groups: str, told: tuple[str | None, ...] | None) -> None:
    found = own_pod(name, groups)
    assert (found and tuple(found.value(*part) for part in (("pod", "name"), ("pod", "id"), ("ns", "name")))) == told


def capture(*containers: Container, groups: str = "cpu=/docker/" + "ab" * 32) -> scappy.Capture:
    """A process in a container, which is told before the second of its three events; then come the others."""
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        writer.thread(Thread(60, "web", "web", ptid=1, vtid=1, vpid=1, cgroups=(groups,)))
        for number in range(3):
            writer.event("close", ">", 1000 + number, 60, 0, fd=9)
            writer.event("close", "<", 1000 + number, 60, 0, res=-9)
            for container in containers[:1] if number == 0 else containers[1:] if number == 1 else ():
                writer.container(container, timestamp=1000 + number)
    return scappy.open(target.getvalue())


def shown(known: scappy.Capture, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(event[field] for field in fields) for event in known.filter("evt.type=close and evt.dir=<")]


def test_a_name_counts_when_it_is_told() -> None:
    known = capture(Container("ab" * 6, f"k8s_main.1_web_shop_{UID}_0", "image"))
    assert shown(known, "k8s.pod.name", "k8s.ns.name", "k8s.pod.id") == [(None,) * 3, *[("web", "shop", UID)] * 2]
    assert len(list(known.filter("k8s.pod.name=web and k8s.ns.name=shop and evt.type=close"))) == 4


def test_control_groups_count_from_the_start() -> None:
    known = capture(Container("ab" * 6, "main", "image"), groups=f"cpu=/kubepods/pod{UID}/{'ab' * 32}")
    assert shown(known, "k8s.pod.id", "k8s.pod.name", "container.name") == [
        (UID, None, None), *[(UID, None, "main")] * 2
    ]  # fmt: skip


def test_labels_go_before_names() -> None:
    own = {"io.kubernetes.pod.name": "other", "io.kubernetes.pod.namespace": "bakery"}
    known = capture(Container("ab" * 6, f"k8s_main.1_web_shop_{UID}_0", "image", labels=own))
    assert shown(known, "k8s.pod.name", "k8s.ns.name", "k8s.pod.id")[1] == ("other", "bakery", UID)


def test_owners_of_pods_with_labels() -> None:
    own = {"io.kubernetes.pod.name": "web-1440326531-csj02", "io.kubernetes.sandbox.id": "cd" * 32}
    sandbox = Container("cd" * 6, "sandbox", "pause", labels={"pod-template-hash": "1440326531", "app": "web"})
    known = capture(Container("ab" * 6, "main", "image", labels=own), sandbox)
    fields = ("k8s.rs.name", "k8s.deployment.name", "k8s.deployment.id", "k8s.svc.name")
    told = shown(known, *fields)
    assert (told[0], told[2]) == ((None,) * 4, ("web-1440326531", "web", None, None))
