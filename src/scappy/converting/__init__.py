"""Captures as something else: a star of Parquet files, flat files of columns, traces for viewers, packets."""

from __future__ import annotations

from scappy.converting.convert import FORMS, convert
from scappy.converting.converted import Converted

__all__ = ["FORMS", "Converted", "convert"]
