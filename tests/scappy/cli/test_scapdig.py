"""The command line: options, exit statuses, messages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scappy.cli.options import Option, UsageError, scan


def scapdig(*words: str | Path, stdin: bytes = b"", module: str = "scapdig") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", f"scappy.cli.{module}", *map(str, words)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"TZ": "CET-1"},
        timeout=120,
    )


OPTIONS = (
    Option("read", "r", "read", "FILE", ""),
    Option("ascii", "A", "print-ascii", "", ""),
    Option("names", "N", "", "", ""),
    Option("format", "p", "print", "FORMAT", ""),
)


@pytest.mark.parametrize(
    ("words", "expected", "rest"),
    [
        (["-NA", "-r", "x", "a", "b"], [("names", ""), ("ascii", ""), ("read", "x")], ["a", "b"]),
        (["-rx", "-pk"], [("read", "x"), ("format", "k")], []),
        (["a", "--read=x=y", "-A"], [("read", "x=y"), ("ascii", "")], ["a"]),
        (["--", "-A"], [], ["-A"]),
        (["-NAp", "%evt.num", "-"], [("names", ""), ("ascii", ""), ("format", "%evt.num")], ["-"]),
    ],
)
def test_scan(words: list[str], expected: list[tuple[str, str]], rest: list[str]) -> None:
    found: list[tuple[str, str]] = []
    assert scan(words, OPTIONS, lambda option, value, following: found.append((option.name, value))) == rest
    assert found == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [(["-Q"], "unknown option -Q"), (["--raed", "x"], "did you mean --read"), (["-r"], "needs a value"),
     (["--print-ascii=1"], "takes no value")],
)  # fmt: skip
def test_scan_refuses(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scan(words, OPTIONS, lambda option, value, following: None)


def test_lines(walkthrough: Path) -> None:
    done = scapdig("-r", walkthrough, "evt.num = 10032")
    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout == (
        b"10032 16:41:39.536703160 0 curl (22370) < connect res=0 tuple=172.17.0.7:46162->10.0.2.15:53 \n"
    )


def test_standard_input(walkthrough: Path) -> None:
    done = scapdig("-r", "-", "-p", "%evt.num %proc.name", "evt.num=10032", stdin=walkthrough.read_bytes())
    assert done.stdout == b"10032 curl\n"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("-r", "missing.scap"), 1, b"No such file"),
        (("--from", "1"), 2, b"-r FILE"),
        (("-r", "CAPTURE", "fd.nme=x"), 2, b"fd.name"),
        (("-r", "CAPTURE", "-p", "%proc.nme"), 2, b"proc.name"),
        (("-r", "CAPTURE", "-c", "ehco_fds"), 1, b"echo_fds"),
        (("-r", "CAPTURE", "-t", "z"), 2, b"-t takes"),
        (("-r", "CAPTURE", "-n", "many"), 2, b"-n takes a number"),
    ],
)
def test_messages(walkthrough: Path, words: tuple[str, ...], status: int, message: bytes) -> None:
    done = scapdig(*[walkthrough if word == "CAPTURE" else word for word in words])
    assert done.returncode == status
    assert message in done.stderr
    assert b"Traceback" not in done.stderr


def test_damage_comes_after_the_lines(walkthrough: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.scap"
    content = walkthrough.read_bytes()
    cut.write_bytes(content[: len(content) // 2 - 1])
    done = scapdig("-r", cut, "-p", "%evt.num")
    whole = scapdig("-r", walkthrough, "-p", "%evt.num")
    assert done.returncode == 1
    assert whole.stdout.startswith(done.stdout) and done.stdout.count(b"\n") > 40000
    assert b"offset" in done.stderr


def test_a_closed_pipe_is_no_traceback(walkthrough: Path) -> None:
    command = f"{sys.executable} -m scappy.cli.scapdig -r {walkthrough} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
    assert done.returncode == 3
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b"scapdig: standard output was closed\n"


def test_info(walkthrough: Path) -> None:
    done = scapdig("info", walkthrough, module="toolbox")
    assert done.returncode == 0
    for text in (b"format       1.2", b"111904 numbered", b"k8s-kubelet", b"event types"):
        assert text in done.stdout


def test_version_and_help() -> None:
    assert scapdig("--version").stdout.startswith(b"scapdig version ")
    assert b"--print-ascii" in scapdig("--help").stdout
    assert b"info FILE" in scapdig("--help", module="toolbox").stdout
    assert scapdig("nothing", module="toolbox").returncode == 2


def test_ranges_of_time(walkthrough: Path) -> None:
    words = ("-r", walkthrough, "-p", "%evt.num", "proc.name=skydns and evt.type=write and evt.dir=<")
    assert scapdig(*words, "--from", "16:41:47.552", "--to", "16:41:47.553").stdout == b"104406\n"
    whole, split = scapdig(*words).stdout, [scapdig(*words, *part).stdout for part in (("--to", "3"), ("--from", "3000000001ns"))]
    assert b"".join(split) == whole


def test_separated_values(walkthrough: Path) -> None:
    words = ("-r", walkthrough, "-p", "%evt.num %proc.name %evt.rawres %fd.name", "evt.num in (10031, 10032)")
    expected = "evt.num,proc.name,evt.rawres,fd.name\n10031,curl,,\n10032,curl,0,172.17.0.7:46162->10.0.2.15:53\n"
    assert scapdig(*words, "--csv").stdout.decode() == expected
    assert scapdig(*words, "--tsv").stdout.decode() == expected.replace(",", "\t")
    assert scapdig(*words, "--csv", "-n", "1").stdout.decode() == "\n".join(expected.splitlines()[:2]) + "\n"


def test_dropped_lines_are_told(walkthrough: Path) -> None:
    done = scapdig("-r", walkthrough, "-p", "%evt.num %fd.name", "evt.num in (10031, 10032) or evt.type = switch")
    assert done.returncode == 0
    assert b"are not shown because a field is missing" in done.stderr
    assert b"missing" not in scapdig("-r", walkthrough, "-p", "*%evt.num %fd.name", "evt.type = switch").stderr


def test_ports_by_name(walkthrough: Path) -> None:
    words = ("-r", walkthrough, "-p", "%fd.name %fd.sproto", "fd.type=ipv4 and fd.sport in (80, 443)")
    plain = set(scapdig(*words).stdout.split())
    named = set(scapdig("-R", *words).stdout.split())
    assert plain and all(re.search(rb"^(.*:)?(80|443)$", text) for text in plain)
    assert named == {re.sub(rb"443$", b"https", re.sub(rb"(^|:)80$", rb"\1http", text)) for text in plain}


def test_calls_whose_beginning_is_dropped_are_told(walkthrough: Path) -> None:
    words = ("evt.type=read and evt.buflen>=1",)
    whole = scapdig("-r", walkthrough, "-d", *words)
    done = scapdig("-r", walkthrough, *words)
    count = whole.stdout.count(b"\n")
    assert count > 0 and whole.stderr == b""
    assert done.stdout == b""
    assert f"scapdig: {count} events are not shown because the filter drops".encode() in done.stderr
    assert scapdig("-r", walkthrough, "--exit-only", *words).stderr == b""


def test_lists_and_macros(walkthrough: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- list: resolvers\n  items: [curl, skydns]\n- macro: asking\n  condition: proc.name in (resolvers)\n")
    words = ("-r", walkthrough, "-p", "%evt.num", "--filter-file", rules)
    expected = scapdig("-r", walkthrough, "-p", "%evt.num", "proc.name in (curl, skydns) and evt.type=connect").stdout
    assert expected and scapdig(*words, "asking and evt.type=connect").stdout == expected
    assert scapdig(*words, "askin and evt.type=connect").returncode == 2


def test_progress_goes_to_standard_error(walkthrough: Path) -> None:
    done = scapdig("-r", walkthrough, "-P", "-p", "%evt.num", "evt.num=10032")
    assert (done.returncode, done.stdout) == (0, b"10032\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(shell: str) -> None:
    done = scapdig("--completion", shell)
    assert done.returncode == 0
    assert b"filter-file" in done.stdout and b"proc.name" in done.stdout
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=done.stdout).returncode == 0


def test_manual() -> None:
    page = scapdig("--man").stdout.decode()
    assert page.startswith('.TH SCAPDIG 1 "" "scappy')
    assert "\\fB\\-\\-filter\\-file\\fR \\fIFILE\\fR" in page
    assert scapdig("--completion", "tcsh").returncode == 2
