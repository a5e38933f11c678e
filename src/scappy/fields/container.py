"""Fields of the container that the process runs in."""

from __future__ import annotations

from .field import Argument, Field, FieldClass

__all__ = ["CONTAINER"]

MOUNT = Argument("index or path (glob)", bracket="either")


def of_container(name: str, sentence: str, type: str = "CHARBUF", format: str = "NA", *, classic: bool = True) -> Field:
    """A field that the newest tools get from a plugin and no longer from their core."""
    return Field(f"container.{name}", type, sentence, format, classic=classic, modern=False)


def mount(name: str, sentence: str) -> Field:
    """A field of one mount, chosen by position or by a path that may hold wildcards."""
    return Field(f"container.{name}", "CHARBUF", sentence, argument=MOUNT, modern=False)


CONTAINER = FieldClass(
    "container",
    "The container that the process runs in.",
    (
        of_container("id", "First 12 characters of the id; host if there is no container."),
        of_container("full_id", "The whole id.", classic=False),
        of_container("name", "Name; host if there is no container."),
        of_container("type", "Runtime, such as docker, cri-o or podman; host if there is no container."),
        of_container("image", "Image as it was asked for."),
        of_container("image.id", "Id of the image."),
        of_container("image.repository", "The image's repository, without tag and digest."),
        of_container("image.tag", "The image's tag."),
        of_container("image.digest", "The image's digest in its registry."),
        of_container("privileged", "True if the container is privileged.", "BOOL"),
        of_container("host_pid", "True if it uses the host's pid namespace.", "BOOL", classic=False),
        of_container("host_network", "True if it uses the host's network namespace.", "BOOL", classic=False),
        of_container("host_ipc", "True if it uses the host's IPC namespace.", "BOOL", classic=False),
        of_container("ip", "Its first IPv4 address.", classic=False),
        of_container("cni.json", "What the network plugin (CNI) returned, as JSON.", classic=False),
        of_container("start_ts", "When it began, in ns since 1970.", "UINT64", "DEC", classic=False),
        of_container("duration", "Its age at the event, in ns.", "RELTIME", "DEC", classic=False),
        of_container("mounts", "All mounts, each as source:destination:mode:writable:propagation."),
        mount("mount", "One mount in the form of container.mounts, by position or source path."),
        mount("mount.source", "Source of a mount, by position or destination path."),
        mount("mount.dest", "Destination of a mount, by position or source path."),
        mount("mount.mode", "Mode of a mount, by position or source path."),
        mount("mount.rdwr", "The word true if a mount can be written to, by position or source path."),
        mount("mount.propagation", "Propagation of a mount, by position or source path."),
        of_container("healthcheck", "Command of the health check; NONE if switched off, N/A if never set."),
        of_container("liveness_probe", "Command of the liveness probe; N/A if never set."),
        of_container("readiness_probe", "Command of the readiness probe; N/A if never set."),
    ),
)
