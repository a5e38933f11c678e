"""Scripts in Lua: what they are told about events, and how they are loaded, called and listed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from lua_scripts import HEAD, run_script

import scappy
from scappy.chisels import ChiselContext, run_chisels
from scappy.chisels.lua import Limits, load_script
from scappy.cli.scapdig import main

pytest.importorskip("lupa")


@pytest.mark.parametrize("way", ["native", "foreign", "trusted"])
def test_values(way: str, tmp_path: Path, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "foreign":
        # As where the interpreter keeps its functions hidden.
        monkeypatch.setattr("scappy.chisels.lua.runtime.native_library", lambda: None)
    source = """
        local fields = {}
        function on_init()
            local names = {"evt.num", "proc.name", "evt.is_io_read", "fd.cip", "evt.rawarg.res", "evt.buffer", "k8s.pod.name"}
            for index, name in ipairs(names) do fields[index] = chisel.request_field(name) end
            chisel.set_filter("evt.type=read and evt.dir=< and fd.type=ipv4")
            return true
        end
        function on_event()
            for index = 1, 7 do
                local value = evt.field(fields[index])
                print(type(value), type(value) == "string" and #value or value)
            end
            print(evt.get_num(), evt.get_type(), evt.get_cpuid(), evt.get_ts())
            return true
        end
    """
    lines = run_script(source, tmp_path, small, limits=Limits(trusted=way == "trusted")).splitlines()
    assert lines == [
        "number\t5", "string\t5", "boolean\ttrue", "string\t8", "number\t49", "string\t49", "nil\tnil",
        "5\tread\t0\t1700000000\t201000000",
    ]


@pytest.mark.parametrize("trusted", [False, True])
def test_printed_events_stand_between_the_lines(trusted: bool, tmp_path: Path, small: bytes) -> None:
    source = """
        function on_init()
            chisel.set_event_formatter("event %evt.num")
            chisel.set_filter("evt.num>=2 and evt.num<=4")
            return true
        end
        function on_event()
            print("before " .. evt.get_num())
            return evt.get_num() ~= 2
        end
    """
    expected = "before 2\nbefore 3\nevent 3\nbefore 4\nevent 4\n"
    assert run_script(source, tmp_path, small, limits=Limits(trusted=trusted)) == expected


def test_intervals_and_the_end(tmp_path: Path, small: bytes) -> None:
    source = """
        function on_init() chisel.set_interval_s(1) return true end
        function on_interval(seconds, nanoseconds, delta) print(seconds, nanoseconds, delta) return true end
        function on_capture_end(seconds, nanoseconds, delta) print("end", seconds, nanoseconds, delta, evt.get_num()) end
    """
    assert run_script(source, tmp_path, small).splitlines() == [
        "1700000001\t100000000\t0",
        "1700000003\t100000000\t2000000000",
        "1700000004\t100000000\t1000000000",
        "end\t1700000004\t100000000\t4000000000\t19",
    ]


def test_progress_grows(tmp_path: Path, small: bytes) -> None:
    source = """
        local last = -1
        function on_event()
            local now = sysdig.get_read_progress()
            if now <= last or now > 100 then print("from", last, "to", now) end
            last = now
        end
        function on_capture_end() print(last > 90) end
    """
    path = tmp_path / "small.scap"
    path.write_bytes(small)
    script = tmp_path / "script.lua"
    script.write_text(HEAD + source)
    output = io.BytesIO()
    run_chisels(scappy.open(path), [load_script(script)], context=ChiselContext(output))
    assert output.getvalue() == b"true\n"


def test_tables_at_an_event(tmp_path: Path, small: bytes) -> None:
    source = """
        function on_event()
            if evt.get_num() == 3 then
                local threads = sysdig.get_thread_table()
                print(threads[201].comm, threads[200].fdtable[4].cip, threads[101].args[1])
                print(#sysdig.get_container_table(), sysdig.get_container_table()[1].name)
                local found = sysdig.get_thread_table("fd.name contains httpd.log")
                for tid, thread in pairs(found) do for number in pairs(thread.fdtable) do print(tid, number) end end
                sysdig.end_capture()
            end
        end
    """
    lines = run_script(source, tmp_path, small).splitlines()
    assert lines[:2] == ["worker\t10.0.0.9\t/etc/hosts", "1\tweb"]
    assert sorted(lines[2:]) == ["200\t5", "201\t5"]


def test_modules_and_other_chisels(tmp_path: Path, small: bytes) -> None:
    (tmp_path / "helper.lua").write_text("local module = {} function module.twice(x) return 2 * x end return module")
    (tmp_path / "other.lua").write_text(
        'description = "other" args = {{name = "word", description = "", argtype = "string"}}\n'
        'local helper = require "helper"\n'
        "function on_set_arg(name, value) print(name, value, helper.twice(21)) return true end\n"
    )
    assert run_script('function on_init() chisel.exec("other", "a b") end', tmp_path, small) == "word\ta b\t42\n"


def test_several_chisels_in_one_pass(tmp_path: Path, small: bytes) -> None:
    for name, kind in (("one", "read"), ("two", "write")):
        (tmp_path / f"{name}.lua").write_text(
            HEAD + f'function on_init() chisel.set_filter("evt.type={kind}") return true end\n'
            "local n = 0 function on_event() n = n + 1 end\n"
            f'function on_capture_end() print("{name}", n) end\n'
        )
    output = io.BytesIO()
    chisels = [load_script(tmp_path / "one.lua"), "topscalls", load_script(tmp_path / "two.lua")]
    results = run_chisels(scappy.open(small), chisels, context=ChiselContext(output))
    assert results[1][0] == {"evt.type": "read", "evt.count": 8}
    assert [line for line in output.getvalue().split(b"\n") if line[:3] in (b"one", b"two")] == [b"one\t8", b"two\t6"]


VIEW = """
view_info = {
    id = "calls", name = "Calls", description = "Calls by process.", view_type = "table", filter = "evt.type!=procinfo",
    use_defaults = true,
    columns = {
        {name = "NA", field = "thread.tid", is_key = true},
        {name = "NA", field = "proc.pid", is_groupby_key = true},
        {name = "CALLS", field = "evt.count", aggregation = "SUM", groupby_aggregation = "SUM", is_sorting = true},
        {name = "BYTES", field = "evt.buflen", aggregation = "SUM", groupby_aggregation = "SUM"},
        {name = "WHERE", field = "container.name", tags = {"containers"}},
        {name = "Command", field = "proc.name", colsize = 0},
    },
}
"""


def test_view(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "v_calls.lua"
    path.write_text(VIEW)
    output = io.BytesIO()
    (found,) = run_chisels(scappy.open(small), [load_script(path)], context=ChiselContext(output))
    # A thread counts once more, as it is at the end; the command is over by then.
    assert found[:2] == [
        {"CALLS": 8, "BYTES": 1600, "Command": "cat"}, {"CALLS": 8, "BYTES": 118, "Command": "httpd"}
    ]
    assert output.getvalue().decode().splitlines()[0].split() == ["CALLS", "BYTES", "Command"]
    output = io.BytesIO()
    run_chisels(scappy.open(small), [load_script(path)], context=ChiselContext(output, json=True, containers=True))
    data = json.loads(output.getvalue())["slices"][0]
    assert data["info"]["drillDownKeyField"] == "proc.pid"
    assert [column["name"] for column in data["info"]["legend"]] == ["CALLS", "BYTES", "WHERE", "Command"]


def test_list_and_description(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shown.lua").write_text('description = "long" short_description = "brief" category = "Mine" args = {}')
    (tmp_path / "hidden.lua").write_text('description = "long" category = "Mine" args = {} hidden = true')
    (tmp_path / "broken.lua").write_text("error('no')")
    (tmp_path / "v_calls.lua").write_text(VIEW)
    assert main(["--chisel-dir", str(tmp_path), "-cl"]) == 0
    printed = capsys.readouterr().out
    assert "Category: Mine\n--------------\nshown               brief\n" in printed
    assert "v_calls             Calls\n" in printed
    assert "hidden" not in printed
    assert "broken" not in printed
    assert main(["--chisel-dir", str(tmp_path), "-i", "shown"]) == 0
    assert "brief\n\nlong\n\nArgs:\n(None)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]), ("'a b' c", ["a b", "c"]), ("a '' b", ["a", "", "b"]), ("''", [""]), (" a ", ["a"]),
        ("`it's` x", ["it's", "x"]),
    ],
)
def test_words_of_arguments(text: str, expected: list[str]) -> None:
    from scappy.cli.scapdig import split_words

    assert split_words("any", text) == expected
