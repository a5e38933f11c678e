"""Patterns that are matched where they can be stopped mean what they mean to the interpreter."""

from __future__ import annotations

import random
from importlib.resources import files

import pytest

lupa = pytest.importorskip("lupa.luajit21")

COMPARE = b"""
local load_patterns, steps = ...
local impl = load_patterns(string, function() end, steps)
local function pack(...)
    local words = {}
    for index = 1, select("#", ...) do
        local word = select(index, ...)
        words[index] = type(word) .. ":" .. tostring(word)
    end
    return table.concat(words, "|")
end
local function all(iterator)
    local words = {}
    for one, two in iterator do
        words[#words + 1] = pack(one, two)
        if #words > 50 then break end
    end
    return table.concat(words, ";")
end
local function try(call)
    local well, result = pcall(call)
    return well and result or "failed"
end
local function results(from, text, pattern, init, replacement, most)
    return table.concat({
        try(function() return pack(from.find(text, pattern, init)) end),
        try(function() return pack(from.match(text, pattern, init)) end),
        try(function() return all(from.gmatch(text, pattern)) end),
        try(function() return pack(from.gsub(text, pattern, replacement, most)) end),
        try(function() return pack(from.gsub(text, pattern, function(one, two) return two or one == "a" and "Z" end)) end),
        try(function() return pack(from.gsub(text, pattern, {a = "Q", b = 1, [""] = "E"})) end),
    }, "\\n")
end
return function(...) return results(string, ...), results(impl, ...) end
"""

ATOMS = (
    "a b . %a %d [ab] [^a] [%w_] %s x %. [a-c] - %b() %f[%a] %f[^%z] []a] [^]] %w %% [%]] [a-] ^ $"
).split()


def pattern_of(chance: random.Random) -> str:
    """A pattern in which every bracket is closed."""
    parts, opened = ["^"] if chance.random() < 0.2 else [], 0
    for _ in range(chance.randint(0, 6)):
        what = chance.random()
        if what < 0.12:
            parts.append("(")
            opened += 1
        elif what < 0.22 and opened and parts[-1] != "(":
            parts.append(")")
            opened -= 1
        elif what < 0.26:
            parts.append("()")
        else:
            parts.append(chance.choice(ATOMS) + chance.choice(["", "", "", "*", "+", "-", "?"]))
    return "".join(parts) + ")" * opened + ("$" if chance.random() < 0.15 else "")


@pytest.mark.parametrize("steps", [0, 2e8], ids=["all here", "what is needed here"])
def test_same_matches(steps: float) -> None:
    runtime = lupa.LuaRuntime(encoding=None)
    patterns = runtime.compile((files("scappy.chisels.lua") / "patterns.lua").read_bytes())
    compare = runtime.compile(COMPARE)(patterns, steps)
    chance = random.Random(20)
    for _ in range(20_000):
        text = "".join(chance.choice("aabbx1 ()._-") for _ in range(chance.randint(0, 10))).encode()
        pattern = pattern_of(chance).encode()
        init = chance.choice([None, None, 1, 2, -1, -3, 0, 20, 3])
        replacement = chance.choice([b"", b"<%0>", b"%1", b"%%", b"y", b"%2"])
        expected, found = compare(text, pattern, init, replacement, chance.choice([None, None, 0, 1, 2]))
        assert found == expected, (text, pattern, init, replacement)
