class Rings:
    def __init__(
        self,
        rings: list[tuple[int, int]],
        size: int,
        recipes: dict[int, tuple[int, int, bytes]],
        flags: list[tuple[list[tuple[int, int, int]], bool, int]],
    ) -> None: ...
    events: int
    written: int
    def read(self, limit_bytes: int, everything: bool = False) -> bytes: ...
    def note_losses(self, lost: list[int]) -> None: ...
