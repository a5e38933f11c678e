"""Ids of containers, and of pods, in control groups of all runtimes."""

from __future__ import annotations

import pytest
from control_groups import FORMS, Form, capture_of_forms, container_of

import scappy

CAPTURE = capture_of_forms()


@pytest.fixture(scope="module", params=["full", "exit"])
def shown(request: pytest.FixtureRequest) -> dict[str, tuple[str | None, ...]]:
    fields = ("container.id", "container.type", "k8s.pod.id", "k8s.pod.name", "k8s.ns.name")
    events = scappy.open(CAPTURE, view=request.param)
    return {event["proc.name"]: tuple(event[field] for field in fields) for event in events}


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
def test_what_control_groups_tell(shown: dict[str, tuple[str | None, ...]], form: Form) -> None:
    identity, kind, pod, *names = shown[form.name]
    assert identity == container_of(form)
    # Newer libraries have a name for podman.
    assert kind == form.type or (form.name.startswith("podman") and kind == "podman")
    assert pod == form.pod
    assert names == [None, None]


def test_pods_can_be_chosen_by_id() -> None:
    wanted = {form.name for form in FORMS if form.pod and form.pod.startswith("5b57")}
    assert {event["proc.name"] for event in scappy.open(CAPTURE).filter("k8s.pod.id startswith 5b57")} == wanted
