class Decoder:
    def __init__(
        self,
        recipes: dict[int, tuple[int, int, bytes]],
        flags: list[tuple[list[tuple[int, int, int]], bool, int]],
        epoch: int = 0,
    ) -> None: ...
    def decode(self, record: bytes, cpu: int = 0) -> bytes: ...
