"""What a capture itself tells of the pod that a container is part of, beside labels. Internal to the core."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scapcore.cluster import Component, Membership

__all__ = ["TELLING", "own_pod", "owner_by_labels", "pod_of_groups", "pod_of_name"]

#: The pod's id in the path of a control group, where systemd writes other dashes; that of a static pod has none.
GROUP_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])")
#: How the older kubelet named containers of Docker: container, pod, name space, pod's id, attempt.
DOCKER_NAME = re.compile(r"k8s_[^_]+_([^_]+)_([^_]+)_([^_]+)_[^_]+")

#: Labels that controllers give to their pods.
HASH, ORDERED, GENERATION = "pod-template-hash", "statefulset.kubernetes.io/pod-name", "pod-template-generation"
JOBS = ("batch.kubernetes.io/job-name", "job-name")
TELLING = (HASH, ORDERED, GENERATION, *JOBS)
#: What makes the names of pods different, behind that of what made them.
RANDOM = re.compile(r"(?<=.)-[a-z0-9]{5}$")
ORDINAL = re.compile(r"(?<=.)-\d+$")


def pod_of_groups(groups: str) -> str:
    """Id of the pod in the paths of control groups, empty if there is none.

    Examples
    --------
    >>> pod_of_groups("0=/kubepods.slice/kubepods-pod5b57a1f2_bd5a_11e6_8bdb_028ce2cfb533.slice/crio-ab.scope")
    '5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533'
    """
    found = GROUP_POD.search(groups)
    return found[1].replace("_", "-") if found else ""


def pod_of_name(name: str) -> tuple[str, str, str] | None:
    """Name, name space and id of the pod in the name of a container.

    Examples
    --------
    >>> pod_of_name("k8s_nginx.28ee2ec4_web-csj02_shop_5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533_490607f5")
    ('web-csj02', 'shop', '5b57a1f2-bd5a-11e6-8bdb-028ce2cfb533')
    """
    found = DOCKER_NAME.fullmatch(name)
    return (found[1], found[2], found[3]) if found else None


def own_pod(name: str, groups: str) -> Membership | None:
    """The pod of a container by its name, or only the pod's id by its control groups.

    Parameters
    ----------
    name : str
        Of the container.
    groups : str
        Control groups of one of its threads, NUL-separated.
    """
    told = pod_of_name(name)
    if told is not None:
        return Membership(Component(told[0], told[2], told[1]), {}, told[1])
    uid = pod_of_groups(groups)
    return Membership(Component("", uid), {}) if uid else None


def owner_by_labels(word: str, pod: str, labels: Mapping[str, str]) -> str | None:
    """Name of what made a pod, as far as the labels tell it that controllers give to their pods.

    Parameters
    ----------
    word : str
        What is asked for, as in the names of fields.
    pod : str
        Name of the pod.
    labels : mapping of str to str
        Of the pod, at least those of :data:`TELLING` that it has.

    Examples
    --------
    >>> owner_by_labels("deployment", "web-1440326531-csj02", {"pod-template-hash": "1440326531"})
    'web'
    """
    if word in ("rs", "deployment"):
        # Deployments give the label, and it ends the name of their replica set, to which that adds five signs.
        made = f"-{labels.get(HASH, '')}"
        replicas = RANDOM.sub("", pod)
        if len(made) == 1 or replicas in (pod, made) or not replicas.endswith(made):
            return None
        return replicas if word == "rs" else replicas.removesuffix(made)
    if word == "statefulset":
        return ORDINAL.sub("", pod) if labels.get(ORDERED) == pod and ORDINAL.search(pod) else None
    if word == "daemonset":
        known = GENERATION in labels and RANDOM.search(pod)
        return RANDOM.sub("", pod) if known else None
    if word == "job":
        return labels.get(JOBS[0]) or labels.get(JOBS[1]) or None
    return None
