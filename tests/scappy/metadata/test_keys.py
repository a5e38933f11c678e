"""Objects in a text are found by the same things as the same objects as Python values."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from cluster_objects import api_object, endpoint_slice, pod, service

from scappy.metadata.keys import MANY, ONE, Keys, Objects, keys_of, outlined
from scappy.samples import walkthrough_snapshot

ENDED = {"state": {"terminated": {"containerID": "docker://" + "e" * 64}}, "lastState": {}}
OBJECTS: list[dict[str, Any]] = [
    *walkthrough_snapshot()["items"],
    pod("web", "a" * 64, ip="10.1.0.5", spec={"hostNetwork": True}, annotations={"kubernetes.io/config.hash": "f" * 32}),
    pod("job", status={"podIPs": [{"ip": "10.1.0.6"}, {"ip": "fd00::6"}], "initContainerStatuses": [ENDED]}),
    service("web", "10.3.0.1", ports=[{"port": 80, "nodePort": 30080}], status={"loadBalancer": {"ingress": [{"ip": "::1"}]}}),
    endpoint_slice("web", 80, {"addresses": ["10.1.0.5"], "targetRef": {"uid": "pod-web"}}),
    api_object("Endpoints", "old", subsets=[{"notReadyAddresses": [{"ip": "10.1.0.7", "targetRef": {"uid": "pod-x"}}]}]),
    api_object("Node", "node1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}),
]


def keys(objects: Objects | list[dict[str, Any]]) -> Keys:
    return objects.keys if isinstance(objects, Objects) else keys_of(objects)


def told(objects: Objects | list[dict[str, Any]]) -> dict[str, Any]:
    found = keys(objects)
    return {
        name: sorted(zip(*getattr(found, name), strict=True), key=repr) if name in MANY else getattr(found, name)
        for name in (*ONE, *MANY)
    }


def asked(objects: Objects | list[dict[str, Any]]) -> list[Any]:
    """What is found by all texts, and who has none."""
    found = keys(objects)
    answers: list[Any] = []
    for name in (*ONE, *MANY):
        values = getattr(found, name)[1] if name in MANY else getattr(found, name)
        texts = sorted({text.rpartition("://")[2] for text in values if isinstance(text, str)} | {"", "nobody"})
        answers.append([name, found.without(name), found.shared(name), found.shared(name, short=True)])
        answers += [(text, found.find(name, text), found.find_short(name, text[:12])) for text in texts]
        if name in ONE:
            answers += [found.text(name, number) for number in range(len(objects))]
    return answers


def from_text(objects: list[dict[str, Any]], indent: int | None = None) -> Objects:
    found = outlined("\n".join(json.dumps(item, indent=indent) for item in objects).encode())
    assert found is not None
    return found


@pytest.mark.parametrize("indent", [None, 4])
def test_the_same_from_text_and_values(indent: int | None) -> None:
    found = from_text(OBJECTS, indent)
    assert told(found) == told(OBJECTS)
    assert asked(found) == asked(OBJECTS)
    assert list(found) == OBJECTS == found[:] and found[-1] == OBJECTS[-1]
    # Nothing is wanted for which there is no object here.
    assert [name for name, values in told(OBJECTS).items() if not any(values)] == ["wrapped"]


def strange(value: Any, chance: random.Random) -> Any:
    """A copy in which something is of another type."""
    if chance.random() < 0.03:
        return chance.choice([None, 3, -3, 0.5, True, False, "", "text", [], {}, [3], [{}], {"a": 3}, {"a": {"id": 1}}, 10**20])
    if isinstance(value, dict):
        return {key: strange(item, chance) for key, item in value.items()}
    return [strange(item, chance) for item in value] if isinstance(value, list) else value


def test_the_same_of_strange_objects() -> None:
    chance = random.Random(6)
    for _ in range(200):
        objects = [item for item in (strange(item, chance) for item in OBJECTS) if isinstance(item, dict)]
        objects = [{**item, "kind": item["kind"] if isinstance(item.get("kind"), str) else "Pod"} for item in objects]
        found = from_text(objects)
        assert asked(found) == asked(objects)
        assert told(found) == told(objects)


def test_items_of_typed_lists_have_their_kind() -> None:
    text = b'{"items": [{"metadata": {"name": "a"}}, {"kind": "Node"}, {"kind": 3}], "kind": "PodList"}{"kind": "Service"}'
    found = outlined(text)
    assert found is not None
    assert [item["kind"] for item in found] == ["Pod", "Node", "Pod", "Service"]


@pytest.mark.parametrize(
    "text", [b'{"kind": "Thing", "items": [{}]}', b'{"type": "ADDED", "object": {"kind": "Pod"}}', b"[{}]", b'{"kind":']
)
def test_other_forms_are_left_to_the_parser(text: bytes) -> None:
    assert outlined(text) is None
