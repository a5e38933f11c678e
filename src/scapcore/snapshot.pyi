from collections.abc import Iterator

from scapcore.batch import EventBatch
from scapcore.engine import Engine

class Snapshot(Iterator[EventBatch]):
    """The live tables as batches of imaginary events."""

    def __init__(self, engine: Engine, time: int, *, descriptors: bool = ...) -> None: ...
    def __next__(self) -> EventBatch: ...

def containers(engine: Engine) -> list[tuple[str, str, str, int]]: ...
