from typing import Any

from scapcore.batch import EventBatch

def texts_of(batch: EventBatch, verdicts: Any) -> tuple[bytearray, list[tuple[int, int, int, int]]]: ...
