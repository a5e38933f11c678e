"""What a conversion came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from scapcore.errors import CorruptCaptureError

__all__ = ["Converted"]


@dataclass
class Converted:
    """What was written.

    Attributes
    ----------
    rows : dict of str to int
        By table, packets or slices: how many.
    damage : list of CorruptCaptureError
        Of captures that could be read in part only; what can be read of them was converted.
    """

    rows: dict[str, int] = field(default_factory=dict)
    damage: list[CorruptCaptureError] = field(default_factory=list)
