"""What the chisels print, and what they find as data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scappy
from scappy.chisels import chisel_named, chisel_names

Run = Callable[..., tuple[list[str], Any]]
RULE = "-" * 80


def table(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["topprocs_file"], [["1.56KB", "cat", "101"], ["17B", "httpd", "200"], ["5B", "bash", "100"]]),
        (["topprocs_net"], [["101B", "httpd", "200"]]),
        (["topprocs_errors"], [["1", "cat", "101"]]),
        (["topfiles_bytes"], [["1.56KB", "/etc/hosts"], ["17B", "/var/log/httpd.log"], ["5B", "/dev/tty1"]]),
        (["topfiles_time"], [["7.00ms", "/etc/hosts"], ["20us", "/var/log/httpd.log"], ["10us", "/dev/tty1"]]),
        (["topfiles_errors"], [["1", "/etc/hosts"]]),
        (["topconns"], [["101B", "tcp", "10.0.0.9:40000->10.0.0.5:80"]]),
        (["topports_server"], [["101B", "80"]]),
        (["topcontainers_net"], [["101B", "web"]]),
        (["topcontainers_file"], [["17B", "web"]]),
        (["fdbytes_by", "proc.name"], [["1.56KB", "cat"], ["118B", "httpd"], ["5B", "bash"]]),
        (["fdtime_by", "fd.type"], [["7.03ms", "file"], ["3.00ms", "ipv4"]]),
    ],
)
def test_tables(run: Run, words: list[str], expected: list[list[str]]) -> None:
    lines, found = run(*words)
    assert lines[1] == RULE
    assert table(lines[2:]) == expected
    assert len(found) == len(expected)


def test_calls_count_what_is_not_shown_otherwise(run: Run) -> None:
    lines, found = run("topscalls")
    assert table(lines[2:]) == [["8", "read"], ["6", "write"], ["3", "procinfo"], ["1", "procexit"]]
    assert found[0] == {"evt.type": "read", "evt.count": 8}


def test_processor_time_is_a_share_of_the_capture(run: Run) -> None:
    lines, _ = run("topprocs_cpu")
    # 50 and 5 hundredths in the four seconds between the first and the last event.
    assert table(lines[2:]) == [["13.75%", "httpd", "200"]]


def test_container_columns(run: Run) -> None:
    lines, _ = run("topprocs_net", containers=True)
    assert lines[0].split() == ["Bytes", "Process", "Host_pid", "Container_pid", "container.name"]
    assert table(lines[2:]) == [["101B", "httpd", "200", "200", "web"]]


def test_json(run: Run) -> None:
    lines, _ = run("topports_server", json=True)
    found = json.loads("\n".join(lines))
    assert found["data"] == [["80", 101]]
    assert found["ts"] == "1700000004000000000"
    assert [item and item["name"] for item in found["info"]] == ["fd.sport", None, "evt.rawarg.res"]


def test_descriptors_by_key(run: Run) -> None:
    lines, found = run("fdcount_by", "proc.name")
    assert lines == ["httpd\t2", "cat\t1", "bash\t1"]
    assert found[0] == {"proc.name": "httpd", "count": 2}


def test_bytes_in_each_second(run: Run) -> None:
    lines, found = run("iobytes")
    assert [re.sub(r"^..:..:..", "", line) for line in lines] == [
        " in:149 out:17 tot:166",
        " in:0 out:57 tot:57",
        " in:1500 out:0 tot:1500",
    ]
    assert [row["in"] for row in found] == [149, 0, 1500]
    assert [row["out"] for row in run("iobytes_net")[1]] == [0, 52, 0]


def test_standard_output(run: Run) -> None:
    assert run("stdout")[0] == ["done", ""]
    assert run("stdin")[0] == []


def test_conversations(run: Run) -> None:
    lines, _ = run("spy_port", "80", "disable_colors")
    assert lines[0] == "------ Read 49B"
    assert lines[2] == "------ Write 52B"
    lines, _ = run("spy_ip", "10.0.0.9")
    assert lines[0] == "\x1b[31m------ Read 49B"
    assert run("spy_ip", "10.0.0.77")[0] == ["\x1b[0m"]


def test_files(run: Run) -> None:
    lines, _ = run("spy_file", "W")
    assert [line.split(" ", 1)[1] for line in lines if "(" in line] == ["httpd(200) W 17B /var/log/httpd.log "]
    assert len([line for line in run("spy_file", "R", "/etc/hosts")[0] if "cat(101) R" in line]) == 2


def test_log_lines(run: Run) -> None:
    assert run("spy_logs")[0] == ["httpd /var/log/httpd.log warn: a", "httpd /var/log/httpd.log error: b"]
    lines, _ = run("spy_logs", terminal=True)
    assert lines == ["\x1b[33m httpd /var/log/httpd.log warn: a", "\x1b[31m httpd /var/log/httpd.log error: b", "\x1b[0m"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["fileslower", "3"], [["cat", "read", "4", "/etc/hosts"]]),
        (["fileslower", "2.9"], [["cat", "read", "3", "/etc/hosts"], ["cat", "read", "4", "/etc/hosts"]]),
        (["netlower", "1"], [["httpd", "write", "2", "10.0.0.9:40000->10.0.0.5:80"]]),
        (["scallslower", "1.5"], [["cat", "3", "read"], ["httpd", "2", "write"], ["cat", "4", "read"]]),
    ],
)
def test_slow_calls(run: Run, words: list[str], expected: list[list[str]]) -> None:
    lines, found = run(*words)
    assert [line.split()[2:] for line in lines[2:]] == expected
    assert [row["latency_ms"] for row in found] == [int(next(cell for cell in row if cell.isdigit())) for row in expected]


def test_colours_tell_containers(run: Run) -> None:
    lines, _ = run("scallslower", "1.5")
    assert [line[:5] for line in lines[2:]] == ["\x1b[32m", "\x1b[34m", "\x1b[32m"]
    assert run("scallslower", "1.5", "disable_color")[0][2][:1] == "2"


def test_slowest_calls(run: Run) -> None:
    lines, found = run("bottlenecks")
    assert [call["latency"] for call in found] == [4_000_000, 3_000_000, 2_000_000, 1_000_000, 20_000, 10_000, 5_000]
    assert lines[0].endswith("> read fd=3(<f>/etc/hosts) size=100 ")
    assert " 0.004000000 cat (101) < read res=1500 data=" in lines[1]


def test_http(run: Run) -> None:
    lines, found = run("httplog")
    assert len(lines) == 1
    assert lines[0].endswith("< method=GET url=shop/search response_code=404 latency=901ms size=7B")
    assert (found[0]["container"], found[0]["code"]) == ("web", 404)
    lines, found = run("httplog", "unanswered", where="evt.type=read")
    assert lines[0].endswith("< method=GET url=shop/search unanswered")
    assert table(run("httptop")[0][2:]) == [["1", "GET", "shop/search"]]
    assert table(run("httptop", "time")[0][2:]) == [["901ms", "GET", "shop/search"]]
    with pytest.raises(scappy.ChiselError, match="nonsense is none of"):
        run("httptop", "nonsense")


def test_processes(run: Run) -> None:
    lines, found = run("ps")
    assert table(lines)[0] == ["TID", "PID", "USER", "VIRT", "RES", "FDLIMIT", "CMD"]
    assert ["200", "200", "root", "2.00M", "1024.00KB", "64", "httpd"] in table(lines)
    assert [row["tid"] for row in found] == [1, 100, 101, 200, 201]
    # With a filter: those that have a descriptor of that kind; threads share those of their process.
    assert [row["command"] for row in run("ps", "fd.type=ipv4")[1]] == ["httpd", "worker"]


def test_tables_are_those_of_the_first_event(run: Run) -> None:
    assert 101 in [row["tid"] for row in run("ps", where="evt.type=procexit")[1]]
    last = run("ps", where="evt.num>1000000")
    assert last == (["empty capture or no event matching the filter"], [])


def test_descriptors(run: Run) -> None:
    lines, found = run("lsof", "fd.name contains /etc")
    assert lines[1].split() == ["cat", "101", "101", "root", "3", "file", "/etc/hosts"]
    assert len(found) == 1
    # 2 of the shell, 1 of the command, and 4 of the server twice, for its two threads.
    assert len(run("lsof")[1]) == 11


def test_connections(run: Run) -> None:
    lines, _ = run("netstat", "proc.name=httpd")
    assert table(lines[1:]) == [
        ["tcp", "0.0.0.0:80", "0.0.0.0:*", "LISTEN", "200/200/httpd"],
        ["tcp", "10.0.0.5:80", "10.0.0.9:40000", "ESTABLISHED", "200/200/httpd"],
    ]


def test_containers(run: Run) -> None:
    lines, found = run("lscontainers")
    assert table(lines)[2:] == [["docker", "apache", "web", "abababababab"]]
    assert found == [{"id": "ab" * 6, "name": "web", "image": "apache", "type": "docker"}]
    assert '  name = "web",' in run("lscontainers", "desc")[0]


def test_pages_of_flame_graphs_are_whole(run: Run) -> None:
    lines, found = run("flame")
    assert lines[0] == "<!DOCTYPE html>"
    assert lines.index("</html>") > lines.index('"avg": {')
    assert found == {"avg": {}, "min": {}, "max": {}}


def test_heat_maps_need_a_terminal(run: Run) -> None:
    with pytest.raises(scappy.ChiselError, match="spectrogram needs a terminal"):
        run("spectrogram")
    lines, _ = run("spectrogram", "1000", terminal=True, width=60)
    rows = [line for line in lines if "\x1b[48;5;22m" in line or "\x1b[48;5;28m" in line]
    assert rows and any("|1.00us" in line for line in lines)
    assert any("|900ms" in line or "|500ms" in line for line in run("subsecoffset", terminal=True)[0])


def test_around_asks_for_a_second_run(small: bytes, run: Run) -> None:
    with pytest.raises(scappy.ChiselError, match="needs a filter"):
        run("around", "out.scap")
    lines, found = run("around", "out.scap", "100", where="evt.failed=true")
    assert lines[0].endswith(" cat(101)")
    assert found == [{"time": 1_700_000_003_100_005_000, "tid": 101}]


@pytest.mark.parametrize(
    ("words", "where", "expected"),
    [
        (["around", "OUT 50"], "evt.failed=true", {101}),
        (["spy_logs", "OUT"], "", {200}),
        (["spy_logs", "OUT 100"], "evt.buffer contains error", {200}),
    ],
)
def test_events_around_are_saved(small: bytes, tmp_path: Path, words: list[str], where: str, expected: set[int]) -> None:
    source, target = tmp_path / "small.scap", tmp_path / "around.scap"
    source.write_bytes(small)
    words = [word.replace("OUT", str(target)) for word in words]
    command = [sys.executable, "-m", "scappy.cli.scapdig", "-r", str(source), "-c", *words, *([where] if where else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(target) in done.stdout or "Writing events for" in done.stdout
    saved = list(scappy.open(target))
    assert {event.tid for event in saved} == expected
    whole = [event for event in scappy.open(source) if event.tid in expected]
    assert 0 < len(saved) <= len(whole)


def test_every_chisel_is_described() -> None:
    for name in chisel_names():
        chisel = chisel_named(name)
        assert chisel.name == name
        assert chisel.description.endswith(".")
        assert chisel.__doc__
        for argument in chisel.arguments:
            assert hasattr(chisel, argument.name), (name, argument.name)


def test_damage_shows_what_came_before(small: bytes, run: Run) -> None:
    with pytest.raises(scappy.TruncatedCaptureError):
        run("topscalls", capture=small[:-5])


def test_tables_are_shown_each_second_where_the_capture_comes_in(run: Callable[..., Any]) -> None:
    printed, found = run("topscalls", terminal=True, live=True)
    screens = "\n".join(printed).split("\x1b[2J\x1b[1;1H")[1:]
    # A screen at the first event of each new second, and what came after it.
    assert [len(screen.splitlines()) - 2 for screen in screens] == [2, 1, 2, 1]
    assert found == [{"evt.type": "procexit", "evt.count": 1}]


def test_tables_are_plain_elsewhere(run: Callable[..., Any]) -> None:
    for terminal in (True, False):
        printed, _ = run("topscalls", terminal=terminal)
        assert "\x1b" not in "".join(printed)
