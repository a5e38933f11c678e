"""The options and commands that write captures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scappy


def run(module: str, *words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", f"scappy.cli.{module}", *map(str, words)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"TZ": "UTC"},
        timeout=120,
    )


def scapdig(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run("scapdig", *words, stdin=stdin)


@pytest.mark.parametrize(
    ("words", "compression"),
    [((), None), (("-z",), "gzip"), (("--compression", "zstd"), "zstd"), (("--compression=lz4",), "lz4")],
)
def test_a_copy(walkthrough: Path, tmp_path: Path, words: tuple[str, ...], compression: str | None) -> None:
    target = tmp_path / "x"
    done = scapdig("-r", walkthrough, "-w", target, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert scappy.open(target).compression == compression
    assert scapdig("-r", target).stdout == scapdig("-r", walkthrough).stdout


def test_standard_input_and_output(walkthrough: Path) -> None:
    content = walkthrough.read_bytes()
    done = scapdig("-r", "-", "-w", "-", stdin=content)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == content


def test_what_comes_in_by_a_redirection_is_not_replaced(walkthrough: Path, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(walkthrough.read_bytes())
    with open(path, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "scappy.cli.scapdig", "-r", "-", "-w", str(path), "evt.type=open"],
            stdin=file,
            capture_output=True,
        )
    assert done.returncode == 1
    assert b"is the capture that is read" in done.stderr
    assert path.read_bytes() == walkthrough.read_bytes()


def test_a_range_of_time(walkthrough: Path, tmp_path: Path) -> None:
    target = tmp_path / "x"
    assert scapdig("-r", walkthrough, "-w", target, "--from", "+1", "--to", "+1.5").returncode == 0
    form = "*%evt.rawtime %evt.type %proc.name"
    expected = scapdig("-r", walkthrough, "--from", "+1", "--to", "+1.5", "-p", form).stdout
    assert expected
    assert scapdig("-r", target, "-p", form).stdout == expected


def test_a_fat_copy_has_the_same_lines(walkthrough: Path, tmp_path: Path) -> None:
    target = tmp_path / "x"
    where = "evt.type=read and evt.dir=<"
    form = "*%evt.rawtime %proc.name %fd.name %evt.args"
    assert scapdig("-r", walkthrough, "-F", "-w", target, where).returncode == 0
    assert scapdig("-r", target, "-p", form).stdout == scapdig("-r", walkthrough, "-d", "-p", form, where).stdout
    thin = tmp_path / "thin"
    done = scapdig("-r", walkthrough, "-w", thin, "evt.type=read and evt.buflen>=10")
    assert b"are not written because the filter drops the beginning" in done.stderr
    assert thin.stat().st_size < target.stat().st_size


def test_a_ring(walkthrough: Path, tmp_path: Path) -> None:
    assert scapdig("-r", walkthrough, "-w", tmp_path / "r", "-C", "0.3", "-W", "3", "-z").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r0", "r1", "r2"]
    assert scapdig("-r", tmp_path / "r*", "-n", "3").stdout.count(b"\n") == 3


def test_a_time_in_the_name(walkthrough: Path, tmp_path: Path) -> None:
    assert scapdig("-r", walkthrough, "-w", tmp_path / "at-%H%M%S.scap", "-G", "60").returncode == 0
    first = scapdig("-r", walkthrough, "-n", "1", "-p", "%evt.time.s").stdout.decode().strip().replace(":", "")
    assert [path.name for path in tmp_path.iterdir()] == [f"at-{first}.scap"]


def test_a_chisel_beside(walkthrough: Path, tmp_path: Path) -> None:
    done = scapdig("-r", walkthrough, "-w", tmp_path / "x", "-c", "topprocs_cpu")
    assert done.returncode == 0
    assert b"CPU%" in done.stdout
    assert (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-z"], "-z is for writing"),
        (["-w", "x", "-C", "0"], "-C takes a number above 0"),
        (["-w", "x", "-e", "many"], "-e takes a number above 0"),
        (["-w", "x", "-C", "1", "-W", "-1"], "-W takes a number above 0"),
    ],
)
def test_wrong_options(walkthrough: Path, words: list[str], message: str) -> None:
    done = scapdig("-r", walkthrough, *words)
    assert done.returncode == 2
    assert message in done.stderr.decode()


def test_an_unknown_compression(walkthrough: Path, tmp_path: Path) -> None:
    done = scapdig("-r", walkthrough, "-w", tmp_path / "x", "--compression", "rar")
    assert done.returncode == 1
    assert b"is not a compression" in done.stderr


def test_the_toolbox(walkthrough: Path, tmp_path: Path) -> None:
    part, whole, clean = tmp_path / "part", tmp_path / "whole", tmp_path / "clean"
    assert b"events" in run("toolbox", "write", walkthrough, part, "--compress", "gzip", "proc.name=curl").stdout
    assert run("toolbox", "merge", part, walkthrough, "-o", whole).returncode == 0
    rules = tmp_path / "rules.yaml"
    rules.write_text("secrets: [resolv]\n")
    done = run("toolbox", "redact", walkthrough, clean, "--rules", rules)
    assert b"secrets: resolv" in done.stdout
    assert b"resolv" not in clean.read_bytes()
    assert run("toolbox", "split", walkthrough, tmp_path / "parts", "--by", "pod").returncode == 0
    assert list((tmp_path / "parts").iterdir())
    for words in (["write", part], ["merge", part], ["redact", part, clean], ["split", part, "x"]):
        assert run("toolbox", *words).returncode == 2


def test_split_into_equal_parts(walkthrough: Path, tmp_path: Path) -> None:
    done = run("toolbox", "split", walkthrough, tmp_path / "parts", "--by", "time", "--every", "1s", "--compress", "zstd")
    assert done.returncode == 0
    assert f"events in {len(list((tmp_path / 'parts').iterdir()))} files" in done.stdout.decode()
    assert run("toolbox", "split", walkthrough, tmp_path / "more", "--by", "size", "--every", "1.5MB").returncode == 0
    for words in (["--by", "time"], ["--by", "pod", "--every", "5s"], ["--by", "size", "--every", "0"],
                  ["--by", "size", "--every", "5 parsecs"], ["--by", "moon"]):  # fmt: skip
        done = run("toolbox", "split", walkthrough, tmp_path / "none", *words)
        assert done.returncode == 2
        assert b"--" in done.stderr
    assert not (tmp_path / "none").exists()
