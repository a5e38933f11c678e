from scapcore.event import FieldReader
from scapcore.fields import FieldUse

class ArrowColumn:
    format: bytes
    held: int
    def __init__(self, reader: FieldReader, use: FieldUse, layout: str, format: bytes) -> None: ...
