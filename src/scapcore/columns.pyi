from typing import Any

import numpy
from numpy.typing import NDArray

from scapcore.batch import EventBatch
from scapcore.event import FieldReader
from scapcore.fields import FieldUse

class ColumnBuilder:
    kind: int
    def __init__(self, reader: FieldReader, use: FieldUse) -> None: ...
    def take(self, batch: EventBatch, rows: NDArray[numpy.uint32]) -> None: ...
    def finish(self) -> tuple[NDArray[Any], NDArray[numpy.bool_], list[str] | None]: ...
