"""What the command lines do with objects of a cluster: join them, list pods, take snapshots."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from scapcore.errors import ScapError, SourceError
from scappy.cli.cluster_options import CREDENTIALS, SERVER, SNAPSHOT
from scappy.cli.options import Option, UsageError, help_text, scan
from scappy.metadata import Directory, RawObjects, read_objects

if TYPE_CHECKING:
    from scappy.capture import Capture
    from scappy.metadata.pods import PodUsage

__all__ = ["POD_OPTIONS", "SNAPSHOT_OPTIONS", "join", "pods", "snapshot"]

#: Where sysdig looks if its options do not say.
SERVER_VARIABLE, CREDENTIALS_VARIABLE = "SYSDIG_K8S_API", "SYSDIG_K8S_API_CERT"
#: Stands for a URL where the kubeconfig, or the account of the pod that this runs in, is to count.
CONFIGURED = "auto"

HELP = Option("help", "h", "help", "", "print this page")
POD_OPTIONS = (SNAPSHOT, SERVER, CREDENTIALS, HELP)
SNAPSHOT_OPTIONS = (Option("output", "o", "output", "FILE", "write there; - is standard output"), SERVER, CREDENTIALS, HELP)


def fetched(values: dict[str, str]) -> RawObjects:
    """The objects of a live cluster."""
    from scappy.metadata.client import Credentials, fetch_objects

    server = values.get("server") or os.environ.get(SERVER_VARIABLE) or CONFIGURED
    credentials = values.get("credentials") or os.environ.get(CREDENTIALS_VARIABLE)
    return fetch_objects(None if server == CONFIGURED else server, Credentials.of(credentials) if credentials else None)


def join(capture: Capture, program: str, values: dict[str, str]) -> Capture:
    """The capture with the objects in a file, or else of a live cluster, as far as options ask for one.

    What is wrong with them is told on standard error. A server that cannot be asked costs its objects only.
    """

    def warn(text: str) -> None:
        print(f"{program}: {text}", file=sys.stderr)

    server = values.get("server", "")
    # In place of the URL a snapshot may stand, as in `-k snapshot.json`.
    snapshot = values.get("k8s") or (server if os.path.isfile(server) else "")
    if snapshot:
        return capture.join_kubernetes(Directory(read_objects(snapshot), warn))
    if "credentials" in values and "server" not in values and not os.environ.get(SERVER_VARIABLE):
        raise UsageError("-K says who asks; -k URL must say whom")
    if "server" not in values and "credentials" not in values:
        return capture
    try:
        raw = fetched(values)
    except SourceError as error:
        warn(f"{error}; the capture is read without the objects of its cluster")
        return capture
    return capture.join_kubernetes(Directory(raw, warn))


def read(words: list[str], options: tuple[Option, ...]) -> tuple[dict[str, str], list[str]]:
    """The values of options, and what is no option."""
    values: dict[str, str] = {}

    def found(option: Option, value: str, rest: list[str]) -> None:
        values[option.name] = value

    left = scan(words, options, found)
    return values, left


def snapshot(words: list[str]) -> int:
    """Take a snapshot of a live cluster."""
    values, left = read(words, SNAPSHOT_OPTIONS)
    if "help" in values:
        print(help_text("Usage: scappy k8s snapshot -o FILE [options]", SNAPSHOT_OPTIONS))
        return 0
    if left or "output" not in values:
        raise UsageError("k8s snapshot takes -o FILE")
    raw = fetched(values)
    for problem in raw.problems:
        print(f"scappy: {raw.name}: {problem}", file=sys.stderr)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": raw.objects}, indent=1)
    if values["output"] == "-":
        print(text)
        return 0
    # Nothing is there unless all of it is.
    part = values["output"] + ".part"
    try:
        with open(part, "w", encoding="utf-8") as target:
            target.write(text + "\n")
        os.replace(part, values["output"])
    except OSError as error:
        raise SourceError(f"{values['output']}: {error.strerror}") from error
    return 0


def pods(words: list[str]) -> int:
    """List the pods of a capture with what they did."""
    import scappy
    from scappy.metadata.pods import pod_usage

    values, left = read(words, POD_OPTIONS)
    if "help" in values:
        print(help_text("Usage: scappy pods FILE [options] [filter]", POD_OPTIONS))
        return 0
    if not left:
        raise UsageError("pods takes a file")
    with scappy.open(left[0]) as opened:
        capture = join(opened, "scappy", values)
        found, error = pod_usage(capture.filter(" ".join(left[1:])) if len(left) > 1 else capture)
    print_pods(found)
    if isinstance(error, ScapError):
        sys.stdout.flush()
        raise error
    return 0


def print_pods(found: list[PodUsage]) -> None:
    """A table of pods."""
    rows = [("NAMESPACE", "POD", "EVENTS", "RECEIVED", "SENT", "ERRORS", "CPU")]
    for pod in found:
        numbers = (str(pod.events), size_text(pod.received), size_text(pod.sent), str(pod.errors), f"{pod.cpu / 10**9:.3f}s")
        rows.append((pod.namespace or "-", pod.name, *numbers))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True)]
        texts += [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
        print("  ".join(texts).rstrip())


def size_text(count: int) -> str:
    """A number of bytes for people."""
    if count < 1024:
        return f"{count}B"
    power = min((count.bit_length() - 1) // 10, 4)
    return f"{count / 1024**power:.1f}{'KMGT'[power - 1]}iB"
