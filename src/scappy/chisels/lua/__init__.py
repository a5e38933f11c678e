"""Chisels written in Lua, run unmodified."""

from __future__ import annotations

from scappy.chisels.lua.chisel import Limits, LuaChisel, load_script
from scappy.chisels.lua.discovery import chisel_directories, find_chisel, lua_chisel_names

__all__ = ["Limits", "LuaChisel", "chisel_directories", "find_chisel", "load_script", "lua_chisel_names"]
