from typing import Final

from scapcore.cursor import EventCursor

FUNCTIONS: Final[tuple[str, ...]]

def bind(*addresses: int) -> None: ...

class LuaCalls:
    """The functions of one cursor for one interpreter. Internal to the library."""

    def __init__(self, cursor: EventCursor) -> None: ...
    @property
    def address(self) -> int: ...
    def leave(self) -> None: ...
