from scapcore.batch import EventBatch
from scapcore.plan import Condition

class Predicate:
    """Selects events of batches by a condition."""

    lost: int
    def __init__(
        self, plan: Condition, *, text_mode: int = ..., unlimited: bool = ..., early: bool = ...
    ) -> None: ...
    def run(self, batch: EventBatch) -> int: ...
