from scapcore.batch import EventBatch

class Revealer:
    first_time: int
    last_time: int
    def reveal(self, batch: EventBatch) -> None: ...
    def choose_counted(self, batch: EventBatch, most: int | None = ...) -> int: ...
