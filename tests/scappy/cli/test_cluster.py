"""The command lines with objects of a cluster beside the capture."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import Script, serving

from scappy import demo
from scappy.samples import walkthrough_snapshot, write_walkthrough, write_walkthrough_snapshot

NETWORK = demo.NETWORK_FILTER
#: The story's three commands, and what they look for by deployment and service.
COMMANDS = (
    ("-pk", "-NA", NETWORK),
    ("-pk", "-NA", NETWORK.replace("k8s.ns.name=critical-app", "k8s.ns.name=critical-app or k8s.svc.name=backend")),
    ("-pk", "-NA", "-c", "echo_fds", demo.FILE_FILTER),
    ("-pk", "-NA", "-c", "echo_fds", f"{demo.FILE_FILTER} and k8s.pod.name=client and k8s.ns.name=critical-app"),
    ("-pk", "-c", "echo_fds", "-NA", demo.SOCKET_FILTER),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("walkthrough")
    write_walkthrough(place / "labels.scap")
    write_walkthrough(place / "bare.scap", labels=False)
    write_walkthrough_snapshot(place / "snapshot.json")
    return place


def run(*words: str | Path, module: str = "scapdig") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scappy.cli.{module}", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TZ": "CET-1"}, check=False)


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words) for words in COMMANDS])
def test_a_snapshot_stands_for_labels(folder: Path, words: tuple[str, ...]) -> None:
    snapshot = folder / "snapshot.json"
    runs = [run("-r", folder / "labels.scap", *words)] if "k8s.svc" not in " ".join(words) else []
    runs += [run("-r", folder / f"{name}.scap", "--k8s", snapshot, *words) for name in ("labels", "bare")]
    assert len(runs[0].stdout.splitlines()) > 5
    assert {(done.stdout, done.stderr, done.returncode) for done in runs} == {(runs[0].stdout, "", 0)}


BACKEND = "container.name contains _backend-1440326531-csj02_critical-app_"
#: Conditions on what Kubernetes knows, and what chooses the same by the names that containers have.
CONDITIONS = {
    "k8s.ns.name=critical-app": "container.name contains _critical-app_",
    "k8s.pod.name=client": "container.name contains _client_critical-app_",
    "k8s.pod.name startswith backend": BACKEND,
    "k8s.deployment.name=backend": BACKEND,
    "k8s.rs.name=backend-1440326531": BACKEND,
    "k8s.svc.name=backend": BACKEND,
}
SECOND = NETWORK.replace("k8s.ns.name=critical-app", "{}")
THIRD = "{} and (fd.name=/etc/resolv.conf or proc.name=nginx)"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(Script(walkthrough_snapshot()["items"])) as url:
        yield url


def without_numbers(text: str) -> str:
    """Lines without the numbers of events, which go on behind those events that tell of the cluster."""
    return re.sub(r"^\d+ (?=\d\d:\d\d:\d\d)", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("place", [0, 1], ids=["second", "third"])
def test_the_same_lines_whatever_tells_of_the_cluster(
    folder: Path, server: str, joined: Path, condition: str, place: int
) -> None:
    """Labels, a snapshot, the API server, and a capture that was written while it was joined."""
    pytest.importorskip("kubernetes")
    arguments = (("-pk", "-NA", SECOND), ("-pk", "-NA", "-c", "echo_fds", THIRD))[place]
    words = (*arguments[:-1], arguments[-1].format(condition))
    wanted = run("-r", folder / "bare.scap", *arguments[:-1], arguments[-1].format(CONDITIONS[condition])).stdout
    assert len(wanted.splitlines()) > 5
    sources: dict[str, tuple[str | Path, ...]] = {
        "a snapshot": ("-r", folder / "bare.scap", "--k8s", folder / "snapshot.json"),
        "labels and a snapshot": ("-r", folder / "labels.scap", "--k8s", folder / "snapshot.json"),
        "a server": ("-k", server, "-r", folder / "bare.scap"),
    }
    if "k8s.svc" not in condition:      # no label says to which services a pod belongs
        sources["labels"] = ("-r", folder / "labels.scap")
    if "deployment" not in condition and "k8s.rs" not in condition and "k8s.svc" not in condition:
        sources["names of containers"] = ("-r", folder / "bare.scap")
    for name, source in sources.items():
        done = run(*source, *words)
        assert (name, done.stdout, done.stderr) == (name, wanted, "")
    written = run("-r", joined, *words)
    assert (without_numbers(written.stdout), written.stderr) == (without_numbers(wanted), "")


@pytest.fixture(scope="module")
def joined(folder: Path) -> Path:
    """The capture without labels, written while it was joined."""
    run("-r", folder / "bare.scap", "--k8s", folder / "snapshot.json", "-w", folder / "joined.scap")
    return folder / "joined.scap"


def test_the_reference_prints_them_too(folder: Path, joined: Path, reference: Callable[..., Any]) -> None:
    for condition in CONDITIONS:
        shown = reference("-r", joined, "-pk", "-A", SECOND.format(condition), zone="CET-1").stdout.decode("utf-8", "replace")
        wanted = run("-r", folder / "bare.scap", "--k8s", folder / "snapshot.json", "-pk", "-NA", SECOND.format(condition))
        assert without_numbers(shown) == without_numbers(wanted.stdout)


def test_conditions_on_service_and_deployment(folder: Path) -> None:
    lines = []
    for condition in ("svc.name=backend", "deployment.name=backend", "rs.name=backend-1440326531", "pod.label.app=backend"):
        arguments = ("-r", folder / "bare.scap", "--k8s", folder / "snapshot.json", "-p", "*%evt.num %k8s.pod.name")
        lines.append(run(*arguments, f"k8s.{condition}").stdout)
    assert len(lines[0].splitlines()) == 39 and set(lines) == {lines[0]}


def test_damage_is_told_and_nothing_is_lost(folder: Path, tmp_path: Path) -> None:
    text = (folder / "snapshot.json").read_text()
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    arguments = ("-r", folder / "bare.scap", "-p", "%evt.num")
    done = run(*arguments, "--k8s", tmp_path / "cut.json")
    assert done.stdout == run(*arguments).stdout
    assert done.returncode == 0
    assert done.stderr.startswith(f"scapdig: {tmp_path}/cut.json: it is damaged or cut in line ")


def test_another_cluster_is_told(folder: Path, tmp_path: Path) -> None:
    other = json.dumps(walkthrough_snapshot()).replace("bd5a-11e6", "bd5a-11e7").replace("docker://", "docker://f")
    other = other.replace("c6a443fd", "c6a443fe")
    (tmp_path / "other.json").write_text(other)
    done = run("-r", folder / "labels.scap", "--k8s", tmp_path / "other.json", "-p", "%evt.num %k8s.pod.name")
    assert "none of the 5 pods that run in the capture is among its 5 pods" in done.stderr
    assert len(done.stdout.splitlines()) > 100


def test_credentials_need_a_server(folder: Path) -> None:
    done = run("-r", folder / "bare.scap", "-K", "token")
    assert (done.returncode, done.stdout) == (2, "")
    assert "-k URL must say whom" in done.stderr


def test_a_snapshot_in_place_of_the_url(folder: Path) -> None:
    words = ("-r", folder / "bare.scap", "-p", "%evt.num", "k8s.svc.name=backend")
    wanted = run("--k8s", folder / "snapshot.json", *words)
    for done in (run("-k", folder / "snapshot.json", *words), run(f"--k8s-api={folder}/snapshot.json", *words)):
        assert (done.stdout, done.stderr) == (wanted.stdout, "") and len(done.stdout.splitlines()) == 39


def test_a_missing_snapshot_is_an_error(folder: Path) -> None:
    done = run("-r", folder / "bare.scap", "--k8s", folder / "none.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("none.json: No such file or directory\n")


def test_writing_chooses_by_what_is_joined(folder: Path, tmp_path: Path) -> None:
    arguments = ("-r", folder / "bare.scap", "--k8s", folder / "snapshot.json")
    done = run(*arguments, "-w", tmp_path / "part.scap", "k8s.deployment.name=backend")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    form = ("-p", "*%k8s.pod.name %evt.type")
    shown = run("-r", tmp_path / "part.scap", *arguments[2:], *form, "evt.type!=container")
    wanted = run(*arguments, *form, "k8s.deployment.name=backend")
    assert shown.stdout == wanted.stdout and len(shown.stdout.splitlines()) == 39
