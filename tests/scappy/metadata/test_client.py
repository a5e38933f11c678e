"""A live API server: pages, patience, refusals; and that it tells the same as kubectl's output."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from api_server import Script, serving
from cluster_objects import api_object, pod
from cryptography.hazmat.primitives import serialization

from scapcore.errors import MissingDependencyError, SourceError
from scappy.metadata import Directory, read_objects
from scappy.metadata.client import Credentials, fetch_objects
from scappy.samples import walkthrough_snapshot, write_walkthrough

pytest.importorskip("kubernetes")
# The client's own modules warn at times; what scappy does must not.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:kubernetes", "ignore::DeprecationWarning:dateutil")

PODS = [pod(f"web-{number}", f"{number:064x}") for number in range(25)]
QUICK: dict[str, Any] = {"timeouts": (2.0, 0.3), "pauses": (0.0, 0.0)}


def names(found: Any, kind: str = "Pod") -> list[str]:
    return [item["metadata"]["name"] for item in found.objects if item["kind"] == kind]


def test_all_pages_are_read() -> None:
    script = Script([api_object("Namespace", "shop"), *PODS])
    with serving(script) as url:
        found = fetch_objects(url, page=10)
    assert names(found) == [item["metadata"]["name"] for item in PODS]
    assert names(found, "Namespace") == ["shop"]
    assert script.asked["pods"] == 3
    assert (found.name, found.problems) == (url, [])


def test_a_list_that_went_stale_begins_anew() -> None:
    script = Script(PODS)
    script.troubles["pods"] = [200, 410]
    with serving(script) as url:
        assert len(names(fetch_objects(url, page=10, **QUICK))) == 25
    assert script.asked["pods"] == 5
    script.troubles["pods"] = [410, 410, 410]
    with serving(script) as url, pytest.raises(SourceError, match="410 Gone, again and again"):
        fetch_objects(url, **QUICK)


def test_a_list_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(PODS)
    monkeypatch.setattr(script, "page", lambda *_: {"items": PODS[:1], "metadata": {"continue": "again"}})
    with serving(script) as url, pytest.raises(SourceError, match="goes round in circles"):
        fetch_objects(url, **QUICK)


@pytest.mark.parametrize("content", [[], "pods", {"items": None}, {"items": {}}, {"kind": "Status"}])
def test_answers_of_another_form(monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    script = Script(PODS)
    monkeypatch.setattr(script, "page", lambda *_: content)
    with serving(script) as url, pytest.raises(SourceError, match="something that is no list"):
        fetch_objects(url, **QUICK)


def test_items_of_wrong_types_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(PODS)
    items = [*PODS, None, 3, "pod", [PODS[0]], {}, {"metadata": 3}, {"spec": [], "metadata": {"annotations": 1}}]
    monkeypatch.setattr(script, "page", lambda *_: {"items": items, "metadata": []})
    warnings: list[str] = []
    with serving(script) as url:
        known = Directory(fetch_objects(url, **QUICK), warnings.append)
    assert len(known.objects) == len(PODS)
    assert any("without id or name" in text for text in warnings)


@pytest.mark.parametrize("trouble", [500, 503, 429, 1.0])
def test_patience(trouble: int | float) -> None:
    script = Script(PODS)
    script.troubles["pods"] = [trouble, trouble]
    with serving(script) as url:
        assert len(names(fetch_objects(url, **QUICK))) == 25
    script.troubles["pods"] = [trouble] * 3
    with serving(script) as url, pytest.raises(SourceError, match=str(trouble) if trouble != 1.0 else "timed out"):
        fetch_objects(url, **QUICK)


def test_what_is_not_needed_may_be_refused() -> None:
    script = Script(PODS)
    script.troubles["cronjobs"] = [403]
    script.troubles["jobs"] = [404]
    with serving(script) as url:
        found = fetch_objects(url, **QUICK)
    assert len(names(found)) == 25
    assert [problem.partition(": ")[0] for problem in found.problems] == [
        "no objects of the kind Job",
        "no objects of the kind CronJob",
    ]


def test_no_server() -> None:
    with serving(Script([])) as url:
        pass
    with pytest.raises(SourceError, match=f"^{url}: it cannot be reached: "):
        fetch_objects(url, **QUICK)


@pytest.mark.parametrize("server", ["ftp://host", "host:8080", "", "http://"])
def test_no_url(server: str) -> None:
    with pytest.raises(SourceError, match="begins with http"):
        fetch_objects(server)


def test_tokens_and_passwords(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    with serving(Script(PODS, "Bearer secret")) as url:
        assert len(names(fetch_objects(url, Credentials.of(str(tmp_path / "token"))))) == 25
        with pytest.raises(SourceError, match="401"):
            fetch_objects(url)
    basic = "Basic " + base64.b64encode(b"admin:pass").decode()
    with serving(Script(PODS, basic)) as url:
        found = fetch_objects(url.replace("://", "://admin:pass@"))
        assert len(names(found)) == 25
        assert "pass" not in found.name


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of an authority, a client and a stranger, and keys, one of them with a password."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    for name, issuer in (("server", authority), ("client", authority), ("stranger", other)):
        issued = issuer.issue_cert("127.0.0.1" if name == "server" else f"{name}@example.com")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    key = serialization.load_pem_private_key((folder / "client.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (folder / "locked.key").write_bytes(locked)
    return folder


class TestCertificates:
    @pytest.fixture
    def url(self, files: Path) -> Iterator[str]:
        """A server that asks for a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files / "server.pem", files / "server.key")
        context.load_verify_locations(files / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        with serving(Script(PODS), context) as url:
            yield url

    @pytest.mark.parametrize("key", ["client.key", "locked.key#secret"])
    def test_a_known_client(self, files: Path, url: str, key: str) -> None:
        credentials = Credentials.of(f"{files}/client.pem:{files}/{key}:{files}/ca.pem")
        assert len(names(fetch_objects(url, credentials))) == 25

    @pytest.mark.parametrize(
        "text", ["stranger.pem:stranger.key:ca.pem", "client.pem:client.key:other.pem", "client.pem:client.key",
                 "client.pem:stranger.key:ca.pem", "client.pem:locked.key#wrong:ca.pem"],
    )  # fmt: skip
    def test_others_are_refused(self, files: Path, url: str, text: str) -> None:
        parts = [f"{files}/{part}" for part in text.split(":")]
        with pytest.raises(SourceError) as caught:
            fetch_objects(url, Credentials.of(":".join(parts)), **QUICK)
        assert "secret" not in str(caught.value) and len(str(caught.value)) < 500

    def test_without_a_certificate(self, files: Path, url: str, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("x")
        with pytest.raises(SourceError):
            fetch_objects(url, Credentials(token=str(tmp_path / "token"), authority=str(files / "ca.pem")), **QUICK)


def test_the_account_of_a_pod(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a kubeconfig: the address in the environment, token and authority in files."""
    from kubernetes.config import incluster_config

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.pem", files / "server.key")
    (tmp_path / "token").write_text("secret")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(files / "ca.pem"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with serving(Script(PODS, "Bearer secret"), context) as url:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", url.rpartition(":")[2])
        assert len(names(fetch_objects())) == 25
        (tmp_path / "token").write_text("another")
        with pytest.raises(SourceError, match="401"):
            fetch_objects()


@pytest.mark.parametrize("text", ["a:b:c:d", ":b", "a:"])
def test_wrong_credentials(text: str) -> None:
    with pytest.raises(SourceError, match="credentials are"):
        Credentials.of(text)


def test_credentials_that_are_not_there() -> None:
    with pytest.raises(SourceError, match="no-such-token: no such file"):
        fetch_objects("http://127.0.0.1:1", Credentials.of("no-such-token"))


def test_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    with pytest.raises(MissingDependencyError, match=r"scappy\[k8s\]"):
        fetch_objects("http://127.0.0.1:1")


def test_no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SourceError, match="no cluster is configured"):
        fetch_objects()
    assert capsys.readouterr() == ("", "")


def test_secrets_stay_behind() -> None:
    told = pod("web", "a" * 64, spec={"containers": [{"name": "c", "env": [{"name": "KEY", "value": "secret"}]}]})
    told["metadata"]["managedFields"] = [{"manager": "secret"}]
    with serving(Script([told])) as url:
        assert "secret" not in json.dumps(fetch_objects(url).objects)


# At the shell


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("walkthrough")
    write_walkthrough(place / "bare.scap", labels=False)
    write_walkthrough(place / "labels.scap")
    return place


def run(*words: str | Path, module: str = "scapdig", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scappy.cli.{module}", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


@pytest.fixture(scope="module")
def live() -> Any:
    with serving(Script(walkthrough_snapshot()["items"])) as url:
        yield url


def test_a_live_server_stands_for_labels(folder: Path, live: str) -> None:
    arguments = ("-pk", "-NA", "k8s.ns.name=critical-app and fd.type in (ipv4, ipv6)")
    wanted = run("-r", folder / "labels.scap", *arguments)
    assert len(wanted.stdout.splitlines()) > 20
    for done in (
        run("-k", live, "-r", folder / "bare.scap", *arguments),
        run("-k", "auto", "-r", folder / "bare.scap", *arguments, KUBECONFIG=kubeconfig(folder, live)),
    ):
        assert (done.stdout, done.stderr) == (wanted.stdout, "")


def kubeconfig(folder: Path, url: str) -> str:
    """A file that names a server as kubectl wants it."""
    path = folder / "config"
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here", "users": [{"name": "me", "user": {}}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return str(path)


def test_without_a_server_the_capture_is_read(folder: Path) -> None:
    done = run("-k", "http://127.0.0.1:1", "-r", folder / "bare.scap", "-p", "%evt.num", "evt.num=10030")
    assert (done.stdout, done.returncode) == ("10030\n", 0)
    assert done.stderr.startswith("scapdig: http://127.0.0.1:1: it cannot be reached: ")
    assert len(done.stderr.splitlines()) == 1 and "the capture is read without" in done.stderr


def test_a_snapshot_is_taken(folder: Path, live: str) -> None:
    path = folder / "taken.json"
    done = run("k8s", "snapshot", "-o", path, "-k", live, module="toolbox")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert {item["metadata"]["uid"] for item in read_objects(path).objects} == {
        item["metadata"]["uid"] for item in walkthrough_snapshot()["items"]
    }
    assert not (folder / "taken.json.part").exists()
    done = run("pods", folder / "bare.scap", "--k8s", path, module="toolbox")
    assert done.stdout == run("pods", folder / "labels.scap", module="toolbox").stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["kube-system", "k8s-master-10.0.2.15"], ["critical-app", "client"], ["critical-app", "backend-1440326531-csj02"],
    ]  # fmt: skip


def test_no_snapshot_of_no_server(folder: Path) -> None:
    done = run("k8s", "snapshot", "-o", folder / "none.json", "-k", "http://127.0.0.1:1", module="toolbox")
    assert done.returncode == 1 and "cannot be reached" in done.stderr
    assert not (folder / "none.json").exists()


def test_kubectl_reads_the_same_server(tmp_path: Path, live: str) -> None:
    program = shutil.which("kubectl")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("kubectl is not installed, and CI is set")
        pytest.skip("kubectl is not installed")
    kinds = "namespaces,nodes,pods,services,endpointslices,replicasets,deployments"
    environment = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": "/dev/null"}
    done = subprocess.run(
        [program, "--server", live, "get", kinds, "-A", "-o", "json"], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = {item["metadata"]["uid"] for item in walkthrough_snapshot()["items"]}
    warnings: list[str] = []
    assert set(Directory(read_objects(done.stdout), warnings.append).objects) <= wanted
    assert {item["metadata"]["uid"] for item in read_objects(done.stdout).objects} == wanted
    assert warnings == []
