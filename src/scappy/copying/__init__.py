"""Captures made out of captures: copies, slices, rings, merges.

The bytes are copied by :mod:`scapcore.choice`; here it is decided which, and into which file.
"""

from __future__ import annotations

from scappy.copying.copy import CopyResult, CopySettings, copy_capture
from scappy.copying.rotation import Rotation

__all__ = ["CopyResult", "CopySettings", "Rotation", "copy_capture"]
