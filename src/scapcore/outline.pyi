from array import array
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["ANY", "ELEMENTS", "Outline", "outline"]

ELEMENTS: Final = "[]"
ANY: Final = "*"

class Outline:
    starts: array[int]
    ends: array[int]
    parents: array[int]
    columns: list[Any]
    def __init__(self, starts: array[int], ends: array[int], parents: array[int], columns: list[Any]) -> None: ...

def outline(data: bytes, columns: Sequence[tuple[bool, Sequence[tuple[str, ...]]]]) -> Outline | None: ...
