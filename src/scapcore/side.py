"""What is seldom asked for, kept as Python objects beside the tables of the state engine. Internal to the core."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from scapcore.cluster import pairs
from scapcore.record import Record

if TYPE_CHECKING:
    from scapcore.cluster import Cluster, Membership

__all__ = ["ContainerDetails", "Directory", "Hints", "Mount", "NEVER", "Probe", "Side"]

#: A time that does not come, ns since the epoch.
NEVER = (1 << 64) - 1

#: What of a container's record may tell its pod.
HINTS = ("name", "labels", "full_id")
#: How names of Docker's containers begin that the older kubelet gave.
POD_NAME = "k8s_"

#: Probes in the order in which a command is compared with them, by key of the record.
PROBES = ("Healthcheck", "LivenessProbe", "ReadinessProbe")


class Mount(Record):
    """A mount of a container."""

    source: str
    destination: str
    mode: str
    writable: bool
    propagation: str

    def __str__(self) -> str:
        return ":".join((self.source, self.destination, self.mode, self.part("rdwr"), self.propagation))

    def part(self, name: str) -> str:
        """One part by its name in the fields."""
        if name == "rdwr":
            return "true" if self.writable else "false"
        return {"source": self.source, "dest": self.destination, "mode": self.mode, "propagation": self.propagation}[name]


class Probe(Record):
    """A command that looks after a container's health."""

    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.program, *self.arguments))


class ContainerDetails(Record):
    """What a container record says beyond names and labels (state engine, section 7.3).

    Attributes
    ----------
    complete : bool
        Whether the record states a successful look-up.
    mounts : tuple of Mount
        In the order of the record.
    probes : mapping of str to Probe
        By key of the record.
    switches : mapping of str to bool
        ``host_pid``, ``host_network`` and ``host_ipc``, where the record has them.
    network_json : str
        What the network plugin returned, empty if unknown.
    pod_labels : mapping of str to str
        Labels of the pod's sandbox.
    sandbox : str
        Full id of the pod's sandbox, empty if unknown.
    address : str
        IPv4 address, empty if unknown.
    """

    complete: bool = False
    mounts: tuple[Mount, ...] = ()
    probes: Mapping[str, Probe] = MappingProxyType({})
    switches: Mapping[str, bool] = MappingProxyType({})
    network_json: str = ""
    pod_labels: Mapping[str, str] = MappingProxyType({})
    sandbox: str = ""
    address: str = ""

    @classmethod
    def of(cls, record: dict[str, Any]) -> ContainerDetails:
        """Read a record; what has a wrong type is passed over."""
        mounts = record.get("Mounts")
        labels = record.get("labels")
        sandbox = text(record.get("pod_sandbox_id"))
        if not sandbox and isinstance(labels, dict):
            sandbox = text(labels.get("io.kubernetes.sandbox.id"))
        pod_labels = record.get("pod_sandbox_labels")
        return cls(
            complete=record.get("lookup_state", 1) == 1,
            mounts=tuple(mount_of(item) for item in mounts if isinstance(item, dict)) if isinstance(mounts, list) else (),
            probes={key: probe for key in PROBES if (probe := probe_of(record.get(key))) is not None},
            switches={
                key: record[key] for key in ("host_pid", "host_network", "host_ipc") if isinstance(record.get(key), bool)
            },
            network_json=text(record.get("cni_json")),
            pod_labels=dict(pairs(pod_labels)),
            sandbox=sandbox,
            address=address_of(record.get("ip")),
        )

    def mount(self, argument: int | str, by: str) -> Mount | None:
        """The mount of an index, or the first whose path fits a pattern.

        Parameters
        ----------
        argument : int or str
            Index from 0, or a pattern as of file names.
        by : str
            The part that the pattern is about: ``source`` or ``dest``.
        """
        if isinstance(argument, int):
            return self.mounts[argument] if 0 <= argument < len(self.mounts) else None
        from fnmatch import fnmatchcase

        return next((mount for mount in self.mounts if fnmatchcase(mount.part(by), argument)), None)

    def probe_with(self, program: str, arguments: tuple[str, ...]) -> int:
        """Number of the probe with that command, from 1 in the order of :data:`PROBES`; 0 if none has it."""
        for number, key in enumerate(PROBES, 1):
            probe = self.probes.get(key)
            if probe is not None and probe == Probe(program, arguments):
                return number
        return 0


NO_DETAILS = ContainerDetails()


class Hints:
    """What a capture says about a container that may tell its pod.

    Attributes
    ----------
    record : dict
        The container's record, empty without one.
    groups : str
        Control groups of one of its threads, NUL-separated, or only what tells the pod in them.
    """

    __slots__ = ("groups", "record")

    def __init__(self, record: dict[str, Any] | None = None, groups: str = "") -> None:
        self.record = {} if record is None else record
        self.groups = groups


class Directory(Protocol):
    """What is known of containers and addresses beside the capture."""

    def of_container(self, container: str, hints: Hints, time: int) -> tuple[Membership | None, int]:
        """What a container is part of at a time in ns since the epoch, and from when on to ask again."""

    def of_address(self, address: bytes, port: int, time: int, server: bool) -> Membership | None:
        """What is behind an end of a connection that was made at a time."""

    def finish(self) -> None:
        """A pass over a capture is at its end."""


class Side:
    """The objects of one pass; rows of containers refer to them by index, 0 means none.

    Attributes
    ----------
    records : list of ContainerDetails
        Of container records.
    pods : list of Membership or None
        What containers were part of.
    directory : Directory or None
        What is known beside the capture.
    next_change : int
        When some container may become part of something else.
    """

    def __init__(self) -> None:
        self.records: list[ContainerDetails] = [NO_DETAILS]
        self.pods: list[Membership | None] = [None]
        self.directory: Directory | None = None
        self.next_change = NEVER
        self._cluster: Cluster | None = None
        self._hints: dict[str, Hints] = {}

    @property
    def cluster(self) -> Cluster:
        """What the events about the cluster told so far; made when the first one comes, as most captures have none."""
        from scapcore.cluster import Cluster

        if self._cluster is None:
            self._cluster = Cluster()
        return self._cluster

    def keep_record(self, record: dict[str, Any]) -> int:
        """Keep the details of a record; their index."""
        details = ContainerDetails.of(record)
        if details == self.records[-1]:
            return len(self.records) - 1
        self.records.append(details)
        return len(self.records) - 1

    def know_record(self, container: str, record: dict[str, Any]) -> None:
        """Remember of the record of a container what may tell its pod."""
        if self.directory is not None:
            self._hints.setdefault(container, Hints()).record = {key: record[key] for key in HINTS if key in record}
        elif text(record.get("name")).startswith(POD_NAME):
            self._hints.setdefault(container, Hints()).record = {"name": record["name"]}
        elif container in self._hints:
            self._hints[container].record = {}

    def know_groups(self, container: str, groups: str) -> bool:
        """Remember what the control groups of a container tell of its pod; False if that is no news."""
        # Most containers are in no pod; of these nothing is kept, and nothing more is imported.
        if "pod" not in groups:
            return False
        from scapcore.pods import pod_of_groups

        uid = pod_of_groups(groups)
        hints = self._hints.setdefault(container, Hints()) if uid else None
        if hints is None or hints.groups:
            return False
        hints.groups = f"pod{uid}"
        return True

    def keep_pod(self, container: str, present: int, time: int) -> int:
        """Index of what a container is part of at a time, which is `present` where nothing has changed."""
        membership = None
        if self.directory is not None:
            # It knows more than events do, which may tell a part of the same.
            hints = self._hints.get(container) or Hints()
            membership, until = self.directory.of_container(container, hints, time)
            self.next_change = min(self.next_change, until)
        if membership is None and self._cluster is not None:
            membership = self._cluster.membership(container)
        if membership is None:
            membership = self._own_pod(container)
        if membership == self.pods[present]:
            return present
        if membership is None:
            return 0
        self.pods.append(membership)
        return len(self.pods) - 1

    def _own_pod(self, container: str) -> Membership | None:
        """The pod of a container as the capture itself tells it."""
        hints = self._hints.get(container)
        if hints is None:
            return None
        from scapcore.pods import own_pod

        return own_pod(text(hints.record.get("name")), hints.groups)


def text(value: object) -> str:
    """A JSON text, empty for anything else."""
    return value if isinstance(value, str) else ""


def mount_of(item: dict[str, Any]) -> Mount:
    """A mount from its JSON object."""
    return Mount(
        text(item.get("Source")),
        text(item.get("Destination")),
        text(item.get("Mode")),
        item.get("RW") is True,
        text(item.get("Propagation")),
    )


def probe_of(item: object) -> Probe | None:
    """A probe from its JSON object; numbers may stand for texts."""
    if not isinstance(item, dict) or not isinstance(item.get("exe"), (str, int, float)):
        return None
    arguments = item.get("args")
    words = arguments if isinstance(arguments, list) else []
    return Probe(str(item["exe"]), tuple(str(word) for word in words if isinstance(word, (str, int, float))))


def address_of(value: object) -> str:
    """An IPv4 address, empty for none."""
    return value if isinstance(value, str) and value != "0.0.0.0" else ""
