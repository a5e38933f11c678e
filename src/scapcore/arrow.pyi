from collections.abc import Iterable, Iterator, Sequence

from typing_extensions import Buffer

class ArrowType:
    format: bytes
    name: str
    nullable: bool
    children: tuple[ArrowType, ...]
    dictionary: ArrowType | None
    def __init__(
        self,
        format: bytes,
        name: str = "",
        nullable: bool = True,
        children: Sequence[ArrowType] = (),
        dictionary: ArrowType | None = None,
    ) -> None: ...
    def __arrow_c_schema__(self) -> object: ...

class ArrowValues:
    length: int
    null_count: int
    children: tuple[ArrowValues, ...]
    dictionary: ArrowValues | None
    def __init__(
        self,
        length: int,
        null_count: int,
        buffers: Sequence[Buffer | None],
        children: Sequence[ArrowValues] = (),
        dictionary: ArrowValues | None = None,
    ) -> None: ...
    @property
    def nbytes(self) -> int: ...

class RecordBatch:
    """Consecutive rows of a table as columns in Arrow's form."""

    type: ArrowType
    values: ArrowValues
    def __init__(self, type: ArrowType, values: ArrowValues) -> None: ...
    def __len__(self) -> int: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def nbytes(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

class ArrowStream:
    type: ArrowType
    batches: Iterator[RecordBatch]
    error: BaseException | None
    def __init__(self, type: ArrowType, batches: Iterable[RecordBatch] | Iterator[RecordBatch]) -> None: ...
    def capsule(self) -> object: ...
