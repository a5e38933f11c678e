from scapcore.choice import Choice
from scapcore.engine import Engine
from scapcore.write import BlockEncoder

DUMP_NEEDS: int

def dump_tables(
    engine: Engine, target: BlockEncoder, kept: Choice | None = None, shift: int = 0
) -> int: ...
def dump_calls(engine: Engine, target: BlockEncoder, kept: Choice | None = None) -> int: ...
def dump_sockets(engine: Engine, target: BlockEncoder, time: int, kept: Choice | None = None) -> None: ...
