"""What is seldom asked for, kept as Python objects beside the tables of the state engine. Internal to the core."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from scapcore.cluster import Cluster, Membership

__all__ = ["ContainerDetails", "Directory", "Hints", "Mount", "NEVER", "Probe", "Side"]

#: A time that does not come, ns since the epoch.
NEVER = (1 << 64) - 1

#: Probes in the order in which a command is compared with them, by key of the record.
PROBES = ("Healthcheck", "LivenessProbe", "ReadinessProbe")


@dataclass(frozen=True)
class Mount:
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


@dataclass(frozen=True)
class Probe:
    """A command that looks after a container's health."""

    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.program, *self.arguments))


@dataclass(frozen=True)
class ContainerDetails:
    """What a container record says beyond names and labels (state engine, section 7.3).

    Attributes
    ----------
    complete : bool
        Whether the record states a successful look-up.
    mounts : tuple of Mount
        In the order of the record.
    probes : dict of str to Probe
        By key of the record.
    switches : dict of str to bool
        ``host_pid``, ``host_network`` and ``host_ipc``, where the record has them.
    network_json : str
        What the network plugin returned, empty if unknown.
    pod_labels : dict of str to str
        Labels of the pod's sandbox.
    sandbox : str
        Full id of the pod's sandbox, empty if unknown.
    address : str
        IPv4 address, empty if unknown.
    """

    complete: bool = False
    mounts: tuple[Mount, ...] = ()
    probes: dict[str, Probe] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    network_json: str = ""
    pod_labels: dict[str, str] = field(default_factory=dict)
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
            pod_labels={key: item if isinstance(item, str) else json.dumps(item) for key, item in sorted(pod_labels.items())}
            if isinstance(pod_labels, dict)
            else {},
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
        return next((mount for mount in self.mounts if fnmatchcase(mount.part(by), argument)), None)

    def probe_with(self, program: str, arguments: tuple[str, ...]) -> int:
        """Number of the probe with that command, from 1 in the order of :data:`PROBES`; 0 if none has it."""
        for number, key in enumerate(PROBES, 1):
            probe = self.probes.get(key)
            if probe is not None and probe == Probe(program, arguments):
                return number
        return 0


NO_DETAILS = ContainerDetails()


@dataclass
class Hints:
    """What a capture says about a container that may tell its pod.

    Attributes
    ----------
    record : dict
        The container's record, empty without one.
    groups : str
        Control groups of one of its threads, NUL-separated.
    """

    record: dict[str, Any] = field(default_factory=dict)
    groups: str = ""


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
        """Remember the record of a container, as far as somebody will ask for it."""
        if self.directory is not None:
            self._hints.setdefault(container, Hints()).record = record

    def know_groups(self, container: str, groups: str) -> bool:
        """Remember the control groups of a container; False if they were known."""
        hints = self._hints.setdefault(container, Hints())
        if hints.groups or not groups:
            return False
        hints.groups = groups
        return True

    def keep_pod(self, container: str, present: int, time: int) -> int:
        """Index of what a container is part of at a time, which is `present` where nothing has changed."""
        membership = self._cluster.membership(container) if self._cluster is not None else None
        if membership is None and self.directory is not None:
            hints = self._hints.setdefault(container, Hints())
            membership, until = self.directory.of_container(container, hints, time)
            self.next_change = min(self.next_change, until)
        if membership == self.pods[present]:
            return present
        if membership is None:
            return 0
        self.pods.append(membership)
        return len(self.pods) - 1


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
