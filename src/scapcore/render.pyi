from collections.abc import Sequence
from typing import Final, Literal, Protocol

from scapcore.batch import EventBatch
from scapcore.fields import FieldUse

OUTPUT_TIMES: Final[dict[str, int]]
DATA_MODES: Final[dict[str, int]]

class Target(Protocol):
    def write(self, piece: memoryview, /) -> object: ...

class Renderer:
    needs: int
    needs_state: bool
    limit: int | None
    lines: int
    dropped: int
    events: int
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

def json_text(text: bytes) -> bytes: ...
