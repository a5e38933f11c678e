from collections.abc import Callable
from typing import Any

from scapcore.batch import EventBatch
from scapcore.damage import Gap
from scapcore.engine import Engine
from scapcore.errors import CorruptCaptureError
from scapcore.side import Directory
from scapcore.source import Source

class BlockReader:
    """The part of a reader that knows blocks."""

    def __init__(
        self,
        source: Source,
        modern: bool,
        strict: bool,
        with_state: bool,
        needs: int,
        services: dict[tuple[int, int], bytes] | None,
        directory: Directory | None,
        embedded: Callable[[bytes], Directory | None] | None,
    ) -> None: ...
    @property
    def source(self) -> Source: ...
    @property
    def batch(self) -> EventBatch: ...
    @property
    def engine(self) -> Engine | None: ...
    @property
    def machine(self) -> dict[str, Any]: ...
    @property
    def versions(self) -> list[tuple[int, int]]: ...
    @property
    def blocks(self) -> dict[int, int]: ...
    @property
    def gaps(self) -> list[Gap]: ...
    @property
    def gap_count(self) -> int: ...
    @property
    def strict(self) -> bool: ...
    @property
    def damage(self) -> CorruptCaptureError | None: ...
    @property
    def modern(self) -> bool: ...
    @property
    def unknown_types(self) -> dict[int, int]: ...
    keeps_passed: bool
    def take_passed(self) -> list[bytes]: ...
