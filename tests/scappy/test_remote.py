"""Captures are read from wherever fsspec reaches, and what goes wrong on the way comes as an error of ours."""

from __future__ import annotations

import gzip
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from capture_builder import CaptureBuilder

import scappy
from scappy.cli.scapdig import main
from scappy.remote import expand, is_url


def capture(number: int) -> bytes:
    content = CaptureBuilder().thread(1, "init").file(1, 3, f"/file-{number}")
    return content.event("SYSCALL_CLOSE_E", 3).event("SYSCALL_CLOSE_X", 0).content


def files(what: Any) -> list[object]:
    return [event["fd.name"] for event in scappy.open(what).filter("evt.dir = >")]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An object server on this machine with two captures in it: the URL of their folder."""
    pytest.importorskip("moto.server")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1",
                        "AWS_EC2_METADATA_DISABLED": "true"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    system.mkdir("captures")
    system.pipe("captures/one.scap", capture(1))
    system.pipe("captures/two.scap.gz", gzip.compress(capture(2)))
    yield "s3://captures"
    system.clear_instance_cache()
    server.stop()


@pytest.fixture
def website(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine."""

    class Ranges(SimpleHTTPRequestHandler):
        """Gives parts of files, as archives are read from their end."""

        def do_GET(self) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            path = folder / self.path[1:]
            if asked is None or not path.exists():
                super().do_GET()
                return
            content = path.read_bytes()
            first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            self.wfile.write(content[first : last + 1])

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "one.scap").write_bytes(capture(1))
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("two.scap", capture(2))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_object_store(store: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert files(f"{store}/one.scap") == ["/file-1"]
    assert files(f"{store}/two.scap.gz") == ["/file-2"]
    assert sorted(files(f"{store}/*.scap*")) == ["/file-1", "/file-2"]
    reading = scappy.open(f"{store}/two.scap.gz")
    assert [len(list(reading)), len(list(reading))] == [2, 2]
    assert reading.name == "s3://captures/two.scap.gz"
    assert main(["-r", f"{store}/one.scap", "-p", "%fd.name", "evt.dir = >"]) == 0
    assert capfdbinary.readouterr().out == b"/file-1\n"
    with pytest.raises(scappy.SourceError, match="cannot read s3://captures/three"):
        files(f"{store}/three.scap")
    with pytest.raises(scappy.SourceError, match="nothing matches"):
        files(f"{store}/*.lz4")


def test_the_web_and_archives(website: str, tmp_path: Path) -> None:
    assert files(f"{website}/one.scap") == ["/file-1"]
    assert files(f"zip://two.scap::{website}/all.zip") == ["/file-2"]
    assert files(f"zip://*.scap::{website}/all.zip") == ["/file-2"]
    assert files(f"zip://two.scap::file://{tmp_path}/site/all.zip") == ["/file-2"]
    with pytest.raises(scappy.SourceError, match="cannot read http"):
        files(f"{website}/none.scap")


def test_memory_and_files(tmp_path: Path) -> None:
    with fsspec.open("memory://captures/one.scap", "wb") as stream:
        stream.write(capture(1))
    assert files("memory://captures/one.scap") == ["/file-1"]
    assert expand("memory://captures/*.scap") == ["memory:///captures/one.scap"]
    (tmp_path / "one.scap").write_bytes(capture(1))
    assert files(f"file://{tmp_path}/one.scap") == ["/file-1"]
    assert files(f"file://{tmp_path}/*.scap") == ["/file-1"]


def test_names_of_files_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zip::one").write_bytes(capture(1))
    assert not is_url("zip::one") and not is_url("one.scap") and not is_url(b"s3://") and is_url("zip::other")
    assert files("zip::one") == ["/file-1"]


def test_a_protocol_that_is_not_known() -> None:
    with pytest.raises(scappy.SourceError, match="cannot read carrier://pigeon"):
        files("carrier://pigeon")


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_what_is_missing_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if package == "s3fs":
        # It may have been imported before.
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(scappy.MissingDependencyError, match=r"scappy\[remote\]") as caught:
        files("s3://captures/one.scap")
    assert caught.value.package == package
