from collections.abc import Iterable

from scapcore.frames import BlockBuffer

PROCESS_FIELDS: tuple[str, ...]
NEWEST_PROCESS_FIELDS: tuple[str, ...]

class BlockEncoder(BlockBuffer):
    def section_header(self, minor: int = 2, options: bytes = b"") -> None: ...
    def machine_info(
        self, cpus: int, memory: int, highest_pid: int, hostname: bytes, boot_time: int = 0, flags: int = 0
    ) -> None: ...
    def interface_list(self, entries: Iterable[tuple[bytes, bytes, bytes, int, bytes]]) -> None: ...
    def user_list(
        self, users: Iterable[tuple[int, int, bytes, bytes, bytes]], groups: Iterable[tuple[int, bytes]]
    ) -> None: ...
    def process_list(self, entries: Iterable[tuple[int | bytes, ...]]) -> None: ...
    def fd_list(self, tid: int, entries: Iterable[tuple[int | bytes, ...]]) -> None: ...
    def event(
        self,
        timestamp: int,
        tid: int,
        cpu: int,
        number: int,
        parameters: Iterable[bytes],
        flags: int = 0,
        large: bool = False,
    ) -> None: ...
    def copy_event(
        self, event: bytes | bytearray | memoryview, cpu: int, flags: int = 0, large: bool = False
    ) -> None: ...
