"""What a script in Lua cannot do: reach files, processes and addresses, or take all time and memory."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from lua_scripts import HEAD, run_script

import scappy
from scappy.chisels import ChiselContext, run_chisels
from scappy.chisels.lua import Limits, load_script
from scappy.cli.rerun import check_rerun
from scappy.cli.scapdig import OPTIONS

pytest.importorskip("lupa")

LIMITS = Limits(seconds=0.2, memory=32 << 20)

TIME, MEMORY, STACK = "took more than 0.2 s", "more memory than it may have", "stack overflow"

#: Bodies of on_event, and what the error says.
ATTACKS = {
    "endless loop": ("while true do end", TIME),
    "loop in pcall": ("while true do pcall(function() while true do end end) end", TIME),
    "loop in a handler": ("xpcall(function() while true do end end, function() while true do end end)", TIME),
    "loop in coroutines": ("while true do pcall(coroutine.wrap(function() while true do end end)) end", TIME),
    "loop that yields": (
        "local f = coroutine.wrap(function() while true do coroutine.yield() end end) while true do f() end", TIME
    ),
    "loop in a metamethod": ("print(setmetatable({}, {__tostring = function() while true do end end}))", TIME),
    "loop of the collector": ("while true do collectgarbage() end", TIME),
    "loop of the host": ("while true do pcall(sysdig.get_thread_table) end", TIME),
    "exit in pcall": ("while true do pcall(os.exit, 0) end", TIME),
    "loop in a string's metatable": ("getmetatable('').__index = function() while true do end end return ('x').y", TIME),
    "repetitions": ("return ('a'):rep(3000):find('.-.-.-.-.-b')", TIME),
    "choices": ("return ('a'):rep(200):find(('a?'):rep(100) .. ('a'):rep(100) .. 'b')", TIME),
    "repetitions of gsub": ("return ('a'):rep(30000):gsub('a*a*a*b', '')", TIME),
    "repetitions of gmatch": ("for x in ('a'):rep(3000):gmatch('(.-)(.-)(.-)(.-)b') do end", TIME),
    "long texts": ("local s = ('a'):rep(5e6) while true do s:find(('a'):rep(50) .. 'b', 1, true) end", TIME),
    "shifting": ("local t = {} while true do table.insert(t, 1, 1) end", TIME),
    "a long text": ("return #('x'):rep(5e8)", MEMORY),
    "a growing text": ("local s = 'x' while true do s = s .. s end", MEMORY),
    "a growing table": ("local t = {} while true do t[#t + 1] = {} end", MEMORY),
    "a long list": ("local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1000) end return table.concat(t)", MEMORY),
    "memory in pcall": ("while true do pcall(function() local s = 'x' while true do s = s .. s end end) end", TIME),
    "recursion": ("local function f() return 1 + f() end f()", STACK),
    "recursion through gsub": ("local function f() return 1 .. ('x'):gsub('x', f) end f()", STACK),
    "recursion through sort": ("local function f() table.sort({2, 1}, f) return true end f()", STACK),
    "recursion through coroutines": ("local function f() return 1 + coroutine.wrap(f)() end f()", STACK),
    "recursion through tostring": (
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return 1 .. tostring(t) end print(t)", STACK
    ),
    "recursion through an environment": (
        "local function f() setfenv(1, setmetatable({}, {__index = function() return 1 + f() end})) return nothing end f()",
        STACK,
    ),
    "brackets": ("assert(loadstring('return ' .. ('('):rep(1e5) .. 1 .. (')'):rep(1e5)))", "too many syntax levels"),
    "a long filter": ("chisel.set_filter(('evt.num=1 or '):rep(1e5) .. 'evt.num=1')", "65536 is the most"),
    "a long format": ("chisel.set_event_formatter(('%evt.num'):rep(1e5))", "65536 is the most"),
    "many fields": ("for i = 1, 1e5 do chisel.request_field('evt.arg[' .. i .. ']') end", "no more than 4096 fields"),
    "a yield to the host": ("coroutine.yield()", "yield across C-call boundary|outside a coroutine"),
    "an error that is no text": ("error({})", "without a message"),
    "a long date": ("os.date(('%c'):rep(1e5))", "too long a format"),
}


@pytest.mark.parametrize(("body", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_attacks_end(body: str, expected: str, tmp_path: Path, small: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(scappy.ChiselError, match=expected):
        run_script(f"function on_event() {body} end", tmp_path, small, limits=LIMITS)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "source", ["while true do end", "function on_init() while true do end end", "function on_capture_start() while 1 do end end"]
)
def test_every_callback_is_watched(source: str, tmp_path: Path, small: bytes) -> None:
    with pytest.raises(scappy.ChiselError, match=TIME):
        run_script(source, tmp_path, small, limits=LIMITS)


def test_intervals_are_watched(tmp_path: Path, small: bytes) -> None:
    source = """
        function on_init() chisel.set_precise_interval_ns(1) return true end
        function on_interval() return true end
    """
    with pytest.raises(scappy.ChiselError, match=TIME):
        run_script(source, tmp_path, small, limits=LIMITS)


#: Expressions that must be nil or false, or fail.
REFUSED = (
    "io.open('/etc/passwd')", "io.popen('id')", "io.lines('/etc/passwd')", "io.input", "io.output", "io.tmpfile",
    "os.remove('/nowhere')", "os.rename('/nowhere', '/elsewhere')", "os.tmpname()", "os.getenv('HOME')", "os.setlocale",
    "dofile", "loadfile", "module", "newproxy", "python", "jit", "ffi", "string.dump", "package.loadlib", "package.loaders",
    "package.loaded.ffi", "package.loaded.jit", "package.loaded['jit.util']", "debug.getupvalue", "debug.getregistry",
    "debug.sethook", "debug.getmetatable", "debug.getlocal", "debug.setmetatable", "debug.getinfo", "debug.getfenv",
    "require('ffi')", "require('jit')", "require('jit.util')", "require('../secret')", "require('/etc/passwd')",
    "require('lupa')", "loadstring('\\27LJ\\2')", "load(function() return '\\27LJ\\2' end)", "setmetatable('', {})",
    "evt.field(1)", "getfenv(evt.field).host", "getfenv(2).cursor",
)


@pytest.mark.parametrize("expression", REFUSED)
def test_nothing_beyond_the_api(expression: str, tmp_path: Path, small: bytes) -> None:
    source = f"""
        local once = false
        local function value() return {expression} end
        function on_init() print(select(2, pcall(value)) or 'refused', (pcall(value))) return true end
    """
    printed = run_script(source, tmp_path, small)
    assert printed.startswith("refused\t") or printed.endswith("\tfalse\n"), printed


def test_processes_are_refused(tmp_path: Path, small: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "made"
    assert run_script(f"print(os.execute('touch {target}'))", tmp_path, small) == "1\n"
    assert not target.exists()
    assert "os.execute is not allowed without --chisel-unsafe" in capsys.readouterr().err


def test_trusted_scripts_may(tmp_path: Path, small: bytes) -> None:
    target = tmp_path / "made"
    source = f"""
        local file = io.open('{target}', 'w')
        file:write('hello') file:close()
        print(require('ffi') ~= nil, os.getenv('HOME') ~= nil)
    """
    assert run_script(source, tmp_path, small, limits=Limits(trusted=True)) == "true\ttrue\n"
    assert target.read_text() == "hello"


def test_handles_are_checked(tmp_path: Path, small: bytes) -> None:
    source = """
        function on_event()
            for _, handle in ipairs({-5, -2, 4096, 1e308, -1e308, 0 / 0, 1 / 0, 2 ^ 31, 2 ^ 53, {}, "1", true}) do
                local well, problem = pcall(evt.field, handle)
                if well or not problem:find("request_field") then print(handle, well, problem) end
            end
            if evt.field() ~= nil or evt.field(nil) ~= nil or evt.field(4000) ~= nil then print("a value") end
            sysdig.end_capture()
        end
    """
    assert run_script(source, tmp_path, small) == ""


def test_errors_of_the_host_are_words(tmp_path: Path, small: bytes) -> None:
    source = """
        for _, call in ipairs({chisel.set_filter, chisel.request_field, sysdig.set_output_format, sysdig.make_ts}) do
            print(type(select(2, pcall(call, "((("))))
        end
    """
    assert run_script(source, tmp_path, small) == "string\n" * 4


def test_the_world_may_be_broken(tmp_path: Path, small: bytes) -> None:
    source = """
        getmetatable("").__concat = 1
        for name in pairs(_G) do if name ~= "_G" then _G[name] = nil end end
        args, description = {}, "broken"
        function on_event() return true end
    """
    assert run_script(source, tmp_path, small) == ""


def test_prints_before_a_failure_are_kept(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "script.lua"
    path.write_text(HEAD + "function on_event() print(evt.get_num()) if evt.get_num() == 3 then error('three') end end")
    output = io.BytesIO()
    with pytest.raises(scappy.ChiselError, match=r"script chisel error: .*three \(at event 3\)"):
        run_chisels(scappy.open(small), [load_script(path)], context=ChiselContext(output))
    assert output.getvalue() == b"2\n3\n"


@pytest.mark.parametrize(
    "line", ["--chisel-unsafe -c x", "-r x --filter-file y", "-c /tmp/x.py", "-c x.py", "-r x -c a -i", "--chisel-dir /tmp"]
)
def test_later_runs_keep_to_the_sandbox(line: str) -> None:
    with pytest.raises(scappy.ChiselError, match="not allowed without --chisel-unsafe"):
        check_rerun(line.split(), OPTIONS)


def test_later_runs_that_only_print() -> None:
    check_rerun("-r x.scap -A -p %evt.num -n 5 -c echo_fds proc.name=x".split(), OPTIONS)
