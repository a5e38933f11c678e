from scapcore.batch import EventBatch

class Survey:
    events: int
    hidden: int
    drops: int
    cut_events: int
    cut_bytes: int
    longest_data: int
    first_time: int
    last_time: int
    def __init__(self) -> None: ...
    @property
    def types(self) -> dict[int, int]: ...
    @property
    def thread_lookups(self) -> tuple[int, int]: ...
    @property
    def fd_lookups(self) -> tuple[int, int]: ...
    def write(self, batch: EventBatch) -> None: ...
