"""Containers that run now, from whoever runs them."""

from __future__ import annotations

import os
import re
import socket
import stat
import warnings
from collections.abc import Callable, Iterable, Sequence

from scapcore.errors import MetadataWarning, MissingDependencyError
from scappy.records import Container

__all__ = ["ContainerList", "container_id"]

#: Where the programs that run containers listen, and what speaks there (type numbers of the state engine's section 7).
DOCKER_SOCKETS = (("/var/run/docker.sock", 0), ("/run/podman/podman.sock", 11))
CRI_SOCKETS = ("/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock", "/run/crio/crio.sock")
IDENTITY = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/[^/]*)?$")

Lister = Callable[[], Iterable[Container]]


def container_id(cgroups: Sequence[str]) -> str:
    """Which container control groups belong to, as readers call it; empty if none.

    Examples
    --------
    >>> container_id(["cpu=/system.slice/docker-" + "ab" * 32 + ".scope"])
    'abababababab'
    >>> container_id(["cpu=/user.slice"])
    ''
    """
    for entry in cgroups:
        found = IDENTITY.search(entry.rpartition("=")[2])
        if found:
            return found[1][:12]
    return ""


def is_socket(path: str) -> bool:
    """Whether somebody listens at a path."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(1)
            asked.connect(path)
            return True
    except OSError:
        return False


def named_socket(variable: str) -> str | None:
    """The Unix socket that the environment names, if it names one."""
    kind, _, path = os.environ.get(variable, "").partition("://")
    return path if kind == "unix" and path else None


class ContainerList:
    """Asks all programs that run containers; what fails is told once, as a warning, and costs no event.

    Parameters
    ----------
    docker : sequence of (str, int), optional
        Paths of sockets that speak Docker's API, and the type of their containers. The default is where they usually are, and
        the one that ``DOCKER_HOST`` names.
    cri : sequence of str, optional
        Paths of sockets of the container runtime interface, likewise with ``CONTAINER_RUNTIME_ENDPOINT``.
    """

    def __init__(self, docker: Sequence[tuple[str, int]] | None = None, cri: Sequence[str] | None = None) -> None:
        named = named_socket("DOCKER_HOST")
        if docker is None:
            docker = DOCKER_SOCKETS if named is None else [(named, 0), *DOCKER_SOCKETS]
        named = named_socket("CONTAINER_RUNTIME_ENDPOINT")
        if cri is None:
            cri = CRI_SOCKETS if named is None else [named, *CRI_SOCKETS]
        # A path may be a link to another one.
        self._docker = list({os.path.realpath(path): (path, kind) for path, kind in reversed(docker)}.values())[::-1]
        self._cri = list({os.path.realpath(path): path for path in reversed(cri)}.values())[::-1]
        self._listers: dict[str, Lister] = {}
        self._told: set[str] = set()
        self._known: set[str] = set()

    @property
    def is_there(self) -> bool:
        """Whether there is anybody to ask."""
        return any(is_socket(path) for path, _ in self._docker) or any(is_socket(path) for path in self._cri)

    def fresh(self, *, quiet: bool = False) -> list[Container]:
        """The containers that were not given before.

        Parameters
        ----------
        quiet : bool
            Whether nobody is warned.
        """
        found = []
        listed: set[str] = set()
        for path, lister in self._present():
            try:
                containers = list(lister())
            except MissingDependencyError as error:
                self._tell(path, str(error), quiet)
                continue
            except Exception as error:
                # Whatever a client library raises: a runtime that does not answer is not worth losing events for.
                self._tell(path, f"containers cannot be asked for at {path}: {error or type(error).__name__}", quiet)
                continue
            for container in containers:
                listed.add(container.id)
                if container.id not in self._known:
                    found.append(container)
        self._known = listed
        return found

    def _tell(self, path: str, message: str, quiet: bool) -> None:
        if not quiet and path not in self._told:
            self._told.add(path)
            warnings.warn(message, MetadataWarning, stacklevel=3)

    def _present(self) -> list[tuple[str, Lister]]:
        from scappy.capturing.cri import list_cri
        from scappy.capturing.docker import list_docker

        present: list[tuple[str, Lister]] = []
        for path, kind in self._docker:
            if is_socket(path):
                present.append((path, lambda path=path, kind=kind: list_docker(path, kind)))  # type: ignore[misc]
        for path in self._cri:
            if is_socket(path):
                present.append((path, lambda path=path: list_cri(path)))  # type: ignore[misc]
        return present
