from scapcore.batch import EventBatch

class Revealer:
    def reveal(self, batch: EventBatch) -> None: ...
