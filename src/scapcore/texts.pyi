from typing import Any

import numpy
from numpy.typing import NDArray

from scapcore.batch import EventBatch

_Places = NDArray[numpy.int64]

def texts_of(batch: EventBatch, verdicts: Any) -> tuple[bytearray, _Places, _Places, _Places, _Places]: ...
def fill_texts(data: bytearray, starts: _Places, ends: _Places, blank: bool = False) -> int: ...
