"""Fields of the pod that the process runs in and of what Kubernetes built the pod from."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["K8S"]

LABEL = Argument("label name", dotted="text", bracket="text")


def pod(name: str, sentence: str, *, argument: Argument | None = None, classic: bool = True) -> Field:
    """A field of the pod."""
    return Field(f"k8s.pod.{name}", "CHARBUF", sentence, argument=argument, classic=classic, modern=False)


PARTS = (
    ("name", "Name", None),
    ("id", "Unique id", None),
    ("label", "One label", LABEL),
    ("labels", "All labels, each as key:value,", None),
)


def owner(kind: str, what: str, *, name_deprecated: bool = True) -> tuple[Field, ...]:
    """Name, id and labels of something that the pod belongs to."""
    return tuple(
        Field(
            f"k8s.{kind}.{part}",
            "CHARBUF",
            f"{sentence} of the {what} that the pod belongs to.",
            argument=argument,
            deprecated=part != "name" or name_deprecated,
            modern=False,
        )
        for part, sentence, argument in PARTS
    )


def joined(prefix: str, what: str, *, address: bool = False) -> tuple[Field, ...]:
    """What only objects of the cluster tell that were joined to the capture."""
    parts = (*PARTS, ("ip", "Address", None)) if address else PARTS
    return tuple(
        Field(f"k8s.{prefix}.{part}", "CHARBUF", f"{sentence} of the {what}.", argument=argument, classic=False, modern=False)
        for part, sentence, argument in parts
    )


#: What may stand behind an address, and whether it has addresses of its own.
BEHIND = (
    ("pod", "pod", True),
    ("ns", "namespace of the pod or service", False),
    ("svc", "services", True),
    ("node", "node", True),
    ("deployment", "deployment of the pod", False),
    ("rs", "replica set of the pod", False),
    ("rc", "replication controller of the pod", False),
    ("daemonset", "daemon set of the pod", False),
    ("statefulset", "stateful set of the pod", False),
    ("job", "job of the pod", False),
    ("cronjob", "cron job of the pod's job", False),
)


def behind(end: str, field: str) -> tuple[Field, ...]:
    """What is behind one end of a connection."""
    return tuple(
        declared
        for word, what, address in BEHIND
        for declared in joined(f"{end}.{word}", f"{what} behind {field}", address=address)
    )


K8S = FieldClass(
    "k8s",
    "The Kubernetes pod that the process runs in.",
    (
        pod("name", "Name of the pod."),
        pod("id", "Older name of k8s.pod.uid."),
        pod("uid", "Unique id of the pod.", classic=False),
        pod("sandbox_id", "First 12 characters of the id of the pod's sandbox.", classic=False),
        pod("full_sandbox_id", "The whole id of the pod's sandbox.", classic=False),
        pod("label", "One label of the pod.", argument=LABEL),
        pod("labels", "All labels of the pod, each as key:value."),
        pod("ip", "First IPv4 address of the pod.", classic=False),
        pod("cni.json", "What the network plugin (CNI) returned for the pod, as JSON.", classic=False),
        *owner("rc", "replication controller"),
        *owner("svc", "service"),
        *owner("ns", "namespace", name_deprecated=False),
        *owner("rs", "replica set"),
        *owner("deployment", "deployment"),
        *joined("svc", "service that the pod belongs to", address=True)[-1:],
        *joined("daemonset", "daemon set that the pod belongs to"),
        *joined("statefulset", "stateful set that the pod belongs to"),
        *joined("job", "job that the pod belongs to"),
        *joined("cronjob", "cron job that the pod's job belongs to"),
        *joined("node", "node that the pod runs on", address=True),
        *behind("client", "fd.cip"),
        *behind("server", "fd.sip"),
    ),
)
