from collections.abc import Sequence
from typing import Literal, Protocol, final, type_check_only

from scapcore.batch import EventBatch
from scapcore.fields import FieldUse

@type_check_only
class Target(Protocol):
    def write(self, piece: memoryview, /) -> object: ...

@final
class Renderer:
    @property
    def needs(self) -> int: ...
    @property
    def needs_state(self) -> bool: ...
    @property
    def limit(self) -> int | None: ...
    @property
    def lines(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def events(self) -> int: ...
    def __init__(
        self,
        segments: Sequence[bytes | tuple[FieldUse | None, int, bytes]],
        *,
        keep_missing: bool = False,
        json: bool = False,
        time: Literal["h", "a", "r", "d", "D"] = "h",
        data: Literal["normal", "ascii", "hex", "hexascii", "base64"] = "normal",
        unlimited: bool = False,
        escape: bool = False,
        limit: int | None = None,
    ) -> None: ...
    @property
    def finished(self) -> bool: ...
    def render(self, batch: EventBatch) -> bytes: ...
    def write_to(self, target: int | Target, batch: EventBatch) -> None: ...
