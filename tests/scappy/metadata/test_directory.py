"""Containers and addresses find their pods, services and workloads, at the right time."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from cluster_objects import Object, api_object, endpoint_slice, pod, service

from scapcore.side import NEVER, Hints
from scappy.metadata import Directory, read_objects
from scappy.metadata.keys import Objects
from scappy.metadata.objects import time_of

UID = "5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533"
HASH = "c6a443fd7470d526a9d9fbded1a75153"
NOW = time_of("2020-06-01T00:00:00Z")


@pytest.fixture(autouse=True, params=["values", "text"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects come as Python values, or in a text, of which only what is asked for becomes values."""
    monkeypatch.setitem(FORM, "is text", request.param == "text")


FORM = {"is text": False}


def directory(*objects: Object) -> tuple[Directory, list[str]]:
    warnings: list[str] = []
    what: Any = json.dumps({"items": objects}).encode() if FORM["is text"] else objects
    raw = read_objects(what)
    assert isinstance(raw.objects, Objects) == FORM["is text"]
    return Directory(raw, warnings.append), warnings


def record(**parts: Any) -> Hints:
    return Hints(parts)


def labels(**parts: str) -> Hints:
    return Hints({"labels": {f"io.kubernetes.pod.{key}": value for key, value in parts.items()}})


@pytest.mark.parametrize(
    ("container", "hints", "found"),
    [
        ("a" * 12, Hints(), "web"),
        ("a" * 64, Hints(), "web"),
        ("x", record(full_id="a" * 64), "web"),
        ("x", labels(uid=UID), "api"),
        ("x", labels(uid=HASH), "static"),
        ("x", Hints(groups=f"cpu=/kubepods/burstable/pod{UID}/{'b' * 64}\0"), "api"),
        ("x", Hints(groups=f"0=/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/crio-{'b' * 64}.scope\0"), "api"),
        ("x", Hints(groups=f"cpu=/kubepods/pod{HASH}/{'b' * 64}\0"), "static"),
        ("x", record(name=f"k8s_main_api_shop_{UID}_0"), "api"),
        ("x", record(name=f"k8s_POD.b2390301_api_shop_{UID}_6fbd6235"), "api"),
        ("x", labels(name="web", namespace="shop"), "web"),
        ("x", labels(name="web", namespace="other"), None),
        ("x", labels(name="web", namespace="shop", uid="of an earlier pod of that name"), None),
        ("x", record(name="k8s_main_api_shop"), None),
        ("x", record(labels=[1], name=3, full_id={}), None),
        ("x", Hints(groups="cpu=/docker/" + "b" * 64), None),
        ("b" * 12, Hints(), None),
    ],
)  # fmt: skip
def test_pods_of_containers(container: str, hints: Hints, found: str | None) -> None:
    static = pod("static", uid="mirror", annotations={"kubernetes.io/config.mirror": HASH})
    known, warnings = directory(pod("web", "a" * 64), pod("api", uid=UID), static)
    membership, until = known.of_container(container, hints, NOW)
    assert (membership.value("pod", "name") if membership else None) == found
    assert until == NEVER
    assert warnings == []


def test_owners_are_followed() -> None:
    deployment = api_object("Deployment", "web", labels={"tier": "front"})
    replicas = api_object("ReplicaSet", "web-1", owner=deployment)
    schedule = api_object("CronJob", "nightly")
    job = api_object("Job", "nightly-1", owner=schedule)
    lost = api_object("StatefulSet", "db", uid="gone")
    known, _ = directory(
        deployment, replicas, schedule, job, api_object("DaemonSet", "logs"),
        api_object("Namespace", "shop", labels={"team": "red"}),
        api_object("Node", "node1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}),
        pod("web-1-x", "a" * 64, owner=replicas, ip="10.1.0.5"), pod("nightly-1-x", "b" * 64, owner=job),
        pod("logs-x", "c" * 64, owner=api_object("DaemonSet", "logs")), pod("db-0", "d" * 64, owner=lost),
    )  # fmt: skip

    def value(container: str, field: str, argument: str = "") -> str | None:
        membership, _ = known.of_container(container * 12, Hints(), NOW)
        assert membership is not None
        return membership.value(*field.split("."), argument)

    assert value("a", "rs.name") == "web-1"
    assert value("a", "deployment.name") == "web"
    assert value("a", "deployment.label", "tier") == "front"
    assert value("a", "deployment.labels") == "tier:front"
    assert value("a", "ns.label", "team") == "red"
    assert value("a", "pod.ip") == "10.1.0.5"
    assert (value("a", "node.name"), value("a", "node.ip")) == ("node1", "10.0.0.1")
    assert value("a", "job.name") is None
    assert (value("b", "job.name"), value("b", "cronjob.name")) == ("nightly-1", "nightly")
    assert value("c", "daemonset.name") == "logs"
    # What is not in the snapshot is known by what refers to it.
    assert (value("d", "statefulset.name"), value("d", "statefulset.id")) == ("db", "gone")


def test_services_by_selector_and_by_endpoints() -> None:
    known, _ = directory(
        pod("web", "a" * 64, ip="10.1.0.5", labels={"app": "web", "tier": "front"}),
        service("first", selector={"app": "web"}), service("second", selector={"app": "web", "tier": "front"}),
        service("third", selector={"app": "web", "tier": "back"}), service("foreign", selector={"app": "web"}, namespace="other"),
        service("by-hand"), service("by-address"), service("empty"),
        endpoint_slice("by-hand", 80, {"addresses": ["10.1.0.5"], "targetRef": {"kind": "Pod", "uid": "pod-web"}}),
        api_object("Endpoints", "by-address", subsets=[{"addresses": [{"ip": "10.1.0.5"}]}]),
    )  # fmt: skip
    membership, _ = known.of_container("a" * 12, Hints(), NOW)
    assert membership is not None
    assert membership.value("svc", "name") == "first, second, by-hand, by-address"


def test_controllers_by_selector_where_no_owner_is_named() -> None:
    known, _ = directory(
        pod("web", "a" * 64, labels={"app": "web"}),
        api_object("ReplicationController", "web", spec={"selector": {"app": "web"}}),
        api_object("Deployment", "web", spec={"selector": {"matchLabels": {"app": "web"}}}),
    )
    membership, _ = known.of_container("a" * 12, Hints(), NOW)
    assert membership is not None
    assert (membership.value("rc", "name"), membership.value("deployment", "name")) == ("web", "web")


def test_services_count_while_they_exist() -> None:
    known, _ = directory(
        pod("web", "a" * 64, labels={"app": "web"}),
        service("early", selector={"app": "web"}, created="2020-01-01T00:00:00Z", deletionTimestamp="2020-02-01T00:00:00Z"),
        service("late", selector={"app": "web"}, created="2020-03-01T00:00:00Z"),
    )
    seen = []
    time = time_of("2019-01-01T00:00:00Z")
    while time != NEVER:
        membership, time = known.of_container("a" * 12, Hints(), time)
        assert membership is not None
        seen.append(membership.value("svc", "name"))
    assert seen == [None, "early", None, "late"]


ENDS = (
    pod("old", ip="10.1.0.5", created="2020-01-01T00:00:00Z", deletionTimestamp="2020-02-01T00:00:00Z"),
    pod("done", ip="10.1.0.5", created="2020-02-02T00:00:00Z",
        status={"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"finishedAt": "2020-03-01T00:00:00Z"}}}]}),
    pod("new", ip="10.1.0.5", created="2020-03-02T00:00:00Z", labels={"app": "web"}, status={"podIPs": [{"ip": "fd00::5"}]},
        spec={"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}),
    pod("on-host", ip="10.0.0.1", spec={"hostNetwork": True}),
    api_object("Node", "node1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}),
    api_object("Namespace", "shop"),
    service("web", "10.3.0.10", {"app": "web"}, [{"port": 80, "targetPort": "http", "nodePort": 30080}]),
    service("metrics", "10.3.0.11", {"app": "web"}, [{"port": 9090}]),
    service("api", "10.3.0.1"),
    endpoint_slice("api", 6443, {"addresses": ["10.0.0.1"]}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "port", "time", "pod_name", "services"),
    [
        ("10.1.0.5", 0, "2020-01-15T00:00:00Z", "old", None),
        ("10.1.0.5", 0, "2020-02-01T12:00:00Z", None, None),
        ("10.1.0.5", 0, "2020-02-15T00:00:00Z", "done", None),
        ("10.1.0.5", 0, "2020-03-01T12:00:00Z", None, None),
        ("10.1.0.5", 0, "2020-06-01T00:00:00Z", "new", "web, metrics"),
        ("10.1.0.5", 8080, "2020-06-01T00:00:00Z", "new", "web"),
        ("10.1.0.5", 9090, "2020-06-01T00:00:00Z", "new", "metrics"),
        ("10.1.0.5", 22, "2020-06-01T00:00:00Z", "new", "web, metrics"),
        ("fd00::5", 8080, "2020-06-01T00:00:00Z", "new", "web"),
        ("::ffff:10.1.0.5", 8080, "2020-06-01T00:00:00Z", "new", "web"),
        ("10.1.0.5", 0, "2019-06-01T00:00:00Z", None, None),
        ("10.3.0.10", 80, "2020-06-01T00:00:00Z", None, "web"),
        ("10.0.0.1", 6443, "2020-06-01T00:00:00Z", None, "api"),
        ("10.0.0.1", 30080, "2020-06-01T00:00:00Z", None, "web"),
        ("10.0.0.1", 22, "2020-06-01T00:00:00Z", None, None),
        ("192.0.2.1", 80, "2020-06-01T00:00:00Z", None, None),
    ],
)
def test_addresses(address: str, port: int, time: str, pod_name: str | None, services: str | None) -> None:
    known, warnings = directory(*ENDS)
    assert warnings == []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(2):
        membership = known.of_address(socket.inet_pton(family, address), port, time_of(time), True)
        assert (membership.value("pod", "name") if membership else None) == pod_name
        assert (membership.value("svc", "name") if membership else None) == services
        if services:
            assert membership is not None and membership.value("ns", "name") == "shop"
        if address == "10.0.0.1":
            assert membership is not None and membership.value("node", "name") == "node1"


def test_what_is_wrong_is_told_once_for_all() -> None:
    bare = [api_object("Pod", f"bare{number}") for number in range(5)]
    known, warnings = directory(
        *bare, pod("web", "a" * 64, uid="one"), pod("other", "a" * 64, uid="one"),
        pod("second", "c" * 64), pod("third", "c" * 64, created="2021-01-01T00:00:00Z"),
        {"kind": "Pod", "metadata": {"name": "no-id"}}, {"kind": "Pod", "metadata": None}, {"kind": "Pod"}, {"kind": 3},
    )  # fmt: skip
    assert [text.removeprefix("the snapshot: ") for text in warnings] == [
        "3 objects without id or name: no-id, Pod, Pod",
        "1 id of several objects, of which the last counts: one",
        "5 pods without status, found neither by container nor by address: shop/bare0, shop/bare1, shop/bare2, …",
        "1 container of several pods, of which the newest counts: cccccccccccc",
    ]
    membership, _ = known.of_container("c" * 12, Hints(), NOW)
    assert membership is not None and membership.value("pod", "name") == "third"


@pytest.mark.parametrize("length", [12, 64])
def test_of_several_pods_of_a_container_the_newest_counts(length: int) -> None:
    years = {"one": 2020, "two": 2022, "three": 2021, "last": 2022}
    known, warnings = directory(*(pod(name, "c" * 64, created=f"{year}-01-01T00:00:00Z") for name, year in years.items()))
    membership, _ = known.of_container("c" * length, Hints(), NOW)
    assert membership is not None and membership.value("pod", "name") == "last"
    assert warnings == ["the snapshot: 3 containers of several pods, of which the newest counts: " + ", ".join(["c" * 12] * 3)]


def test_objects_of_one_name_are_told_apart_by_namespace_and_kind() -> None:
    services = [service("web", uid=f"web{number}", namespace=f"shop{number}") for number in range(3)]
    known, _ = directory(*services, pod("web", "c" * 64))
    index = known._index
    assert [thing.component.uid for thing in index.named("svc", "shop1", "web")] == ["web1"]
    assert index.named("svc", "shop", "web") == index.named("svc", "", "web") == []
    index.named("pod", "shop", "web").clear()       # whoever asks may change the list
    assert [thing.word for thing in index.named("pod", "shop", "web")] == ["pod"]


def test_a_later_version_of_an_object_is_no_mistake() -> None:
    known, warnings = directory(
        pod("web", "a" * 64, resourceVersion="2", labels={"app": "new"}), pod("web", "a" * 64, resourceVersion="1")
    )
    membership, _ = known.of_container("a" * 12, Hints(), NOW)
    assert membership is not None and membership.value("pod", "labels") == "app:new"
    assert warnings == []


@pytest.mark.parametrize("versions", [("9" * 5000, "1" + "0" * 5000), ("\u00b2", "1"), ("9", "10"), ("x", "1"), ("", "")])
def test_versions_that_are_no_numbers(versions: tuple[str, str]) -> None:
    first, last = (pod("web", "a" * 64, resourceVersion=version, labels={"v": version[:2]}) for version in versions)
    known, _ = directory(first, last)
    membership, _ = known.of_container("a" * 12, Hints(), NOW)
    assert membership is not None and membership.value("pod", "label", "v") == versions[1][:2]


def test_another_cluster_is_told_at_the_end() -> None:
    known, warnings = directory(pod("web", "a" * 64))
    known.of_container("b" * 12, Hints(), NOW)
    known.finish()
    assert warnings == []       # nothing says that it is a pod
    known.of_container("c" * 12, labels(uid=UID), NOW)
    known.finish()
    known.finish()
    assert len(warnings) == 1 and "none of the 1 pods that run in the capture" in warnings[0]


def test_wrong_types_are_passed_over() -> None:
    wrong: list[Any] = [None, 3, "text", [], {}, [3], [{}], {"a": 3}, True]
    for value in wrong:
        objects = []
        for item in (*ENDS, api_object("ReplicaSet", "rs")):
            for part in ("spec", "status", "endpoints", "ports", "subsets"):
                objects.append({**item, part: value})
            for key in item["metadata"]:
                objects.append({**item, "metadata": {**item["metadata"], key: value}})
            for part in ("spec", "status"):
                for key in item.get(part, {}):
                    objects.append({**item, part: {**item[part], key: value}})
        known, _ = directory(*objects)
        known.of_address(bytes((10, 1, 0, 5)), 80, NOW, True)
        known.of_address(bytes((10, 0, 0, 1)), 80, NOW, True)
        known.of_container("x", labels(uid="pod-new"), NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:00:01Z", 1.0), ("1970-01-01T01:00:01+01:00", 1.0), ("1970-01-01t00:00:01.25z", 1.25), ("2020", 0),
     ("1970-13-01T00:00:01Z", 0), (None, 0), ("1969-01-01T00:00:00Z", 0)],
)  # fmt: skip
def test_times(text: Any, seconds: float) -> None:
    assert time_of(text) == seconds * 10**9


def behind(known: Directory, address: str, port: int, time: str = "2020-06-01T00:00:00Z") -> dict[str, str | None]:
    membership = known.of_address(socket.inet_pton(socket.AF_INET, address), port, time_of(time), True)
    words = ("pod", "svc", "deployment", "rs", "node")
    return {word: membership.value(word, "name") if membership else None for word in words}


def test_services_tell_what_made_their_pods_where_that_is_one_thing() -> None:
    web, api = (api_object("Deployment", name) for name in ("web", "api"))
    old, new = (api_object("ReplicaSet", f"web-{name}", owner=web) for name in ("old", "new"))
    other = api_object("ReplicaSet", "api-1", owner=api)
    known, _ = directory(
        web, api, old, new, other,
        pod("a", ip="10.1.0.1", labels={"app": "web"}, owner=old, created="2020-01-01T00:00:00Z",
            deletionTimestamp="2020-05-01T00:00:00Z"),
        pod("b", ip="10.1.0.2", labels={"app": "web"}, owner=new, created="2020-03-01T00:00:00Z"),
        pod("c", ip="10.1.0.3", labels={"app": "api"}, owner=other),
        service("web", "10.3.0.1", {"app": "web"}, [{"port": 80}]),
        service("by-hand", "10.3.0.2", ports=[{"port": 80}]),
        endpoint_slice("by-hand", 80, {"addresses": ["10.1.0.3"]}),
        service("all", "10.3.0.3", ports=[{"port": 80}]),
        endpoint_slice("all", 80, {"addresses": ["10.1.0.2"]}, {"addresses": ["10.1.0.3"], "targetRef": {"uid": "pod-c"}}),
        service("none", "10.3.0.4", {"app": "nothing"}),
    )  # fmt: skip
    def told(address: str, time: str = "2020-06-01T00:00:00Z") -> tuple[str | None, ...]:
        found = behind(known, address, 80, time)
        return found["svc"], found["deployment"], found["rs"]

    assert told("10.3.0.1", "2020-02-01T00:00:00Z") == ("web", "web", "web-old")
    assert told("10.3.0.1", "2020-04-01T00:00:00Z") == ("web", "web", None)
    assert told("10.3.0.1", "2020-06-01T00:00:00Z") == ("web", "web", "web-new")
    assert told("10.3.0.2") == ("by-hand", "api", "api-1")
    assert told("10.3.0.3") == ("all", None, None)
    assert told("10.3.0.4") == ("none", None, None)


def test_pods_with_their_nodes_network_are_found_by_their_ports() -> None:
    known, _ = directory(
        api_object("Node", "node1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}),
        api_object("Node", "node2", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]}),
        pod("proxy", ip="10.0.0.1", spec={"hostNetwork": True, "containers": [{"ports": [{"containerPort": 9100}]}]}),
        pod("mapped", ip="10.1.0.9", spec={"containers": [{"ports": [{"containerPort": 80, "hostPort": 8080}]}]}),
    )
    assert behind(known, "10.0.0.1", 9100)["pod"] == "proxy"
    assert behind(known, "10.0.0.1", 8080)["pod"] == "mapped"
    assert behind(known, "10.0.0.1", 80)["pod"] is None
    assert behind(known, "10.0.0.1", 80)["node"] == "node1"
    assert behind(known, "10.0.0.2", 9100)["pod"] is None
