"""Sums of captures by pods."""

from __future__ import annotations

import io

import pytest
from control_groups import FORMS, POD, STATIC, capture_of_forms

import scappy
from scappy.metadata.pods import pod_usage
from scappy.samples import walkthrough_snapshot, write_walkthrough


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("joined", [True, False])
def test_pods_of_the_walkthrough(labels: bool, joined: bool) -> None:
    """By labels, or by the names of containers, or by a snapshot."""
    target = io.BytesIO()
    write_walkthrough(target, labels=labels)
    capture = scappy.open(target.getvalue())
    found, error = pod_usage(capture.join_kubernetes(walkthrough_snapshot()) if joined else capture)
    assert error is None
    assert [(pod.namespace, pod.name) for pod in found] == [
        ("kube-system", "k8s-master-10.0.2.15"), ("critical-app", "client"), ("critical-app", "backend-1440326531-csj02"),
    ]  # fmt: skip
    backend = found[-1]
    assert (backend.events, backend.received, backend.sent, backend.errors) == (39, 102, 238, 1)
    assert (found[0].received, found[0].sent) > (found[1].received, found[1].sent)


def test_pods_that_have_an_id_only() -> None:
    found, _ = pod_usage(scappy.open(capture_of_forms()))
    processes = sum(form.pod == POD for form in FORMS)
    assert [(pod.namespace, pod.name, pod.errors) for pod in found] == [("", POD, processes), ("", STATIC, 1)]
