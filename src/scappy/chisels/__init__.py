"""Chisels: small programs that run over the events of a capture."""

from __future__ import annotations

from scappy.chisels.base import Argument, Chisel, ChiselContext
from scappy.chisels.registry import chisel_named, chisel_names
from scappy.chisels.runner import run_chisels, set_arguments

__all__ = ["Argument", "Chisel", "ChiselContext", "chisel_named", "chisel_names", "run_chisels", "set_arguments"]
