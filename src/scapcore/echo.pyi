from collections.abc import Sequence
from typing import BinaryIO

from scapcore.batch import EventBatch
from scapcore.event import FieldReader
from scapcore.fields import FieldUse

class Echo:
    def __init__(
        self, reader: FieldReader, fields: Sequence[FieldUse], colors: Sequence[bytes], *, json: bool = False
    ) -> None: ...
    def write_to(self, target: BinaryIO, batch: EventBatch) -> None: ...
