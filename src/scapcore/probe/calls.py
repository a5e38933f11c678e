"""Every system call that has an event of its own, and the events of the scheduler.

The parameters are those of the newest schema (``events.json``), in its order; what they mean is settled there. Calls
that are not listed here become generic events with their number.
"""

from __future__ import annotations

from scapcore.probe.recipes import (
    RESULT,
    Fetch,
    Recipe,
    Step,
    empty,
    fixed,
    number,
    of,
    part,
    result,
    special,
    task_number,
    text,
)

__all__ = ["CALLS", "CLONE", "EVENTS", "EXECVE", "EXIT", "GENERIC", "PAGE_FAULT", "SIGNAL", "SWITCH"]

GENERIC, CLONE, SWITCH, EXIT, SIGNAL, PAGE_FAULT, EXECVE = 1, 223, 152, 186, 232, 290, 293

ZERO, ONE, TWO = (Fetch("STRING", argument) for argument in range(3))
READ = Fetch("INPUT", 1, when="POSITIVE")
WRITTEN = Fetch("OUTPUT", 1, 2)
READ_VECTORS = Fetch("VECTORS", 1, 2, when="POSITIVE", extra=1)
WRITTEN_VECTORS = Fetch("VECTORS", 1, 2)
READ_MESSAGE = Fetch("MESSAGE", 1, when="DONE", extra=1)
WRITTEN_MESSAGE = Fetch("MESSAGE", 1)
OPENED = Fetch("FILE", RESULT, when="DONE")
SOCKET = Fetch("TUPLE", 0, when="DONE")
MEMORY = Fetch("MEMORY")
TASK = Fetch("TASK")

OUT, IN = 0, 1


def call(kind: int, *steps: Step, **rest: object) -> Recipe:
    return Recipe(kind, steps, **rest)  # type: ignore[arg-type]


def user(argument: int, size: int, when: str = "ALWAYS") -> Fetch:
    """So many bytes of user memory."""
    return Fetch("FIXED", argument, when=when, extra=size)


def endpoint(fetch: Fetch, direction: int, name: Fetch | None = None, index: int = 0) -> Step:
    """The two ends of a socket; the far one from `name` if the socket has none."""
    return special("TUPLE", fetch=fetch, second=direction, other=name, other_index=index)


def memory() -> tuple[Step, ...]:
    """Size, resident and swapped part of the address space."""
    return part(MEMORY, 0, 4), part(MEMORY, 4, 4), part(MEMORY, 8, 4)


def open_flags(source: int, fetch: Fetch | None = None, offset: int = 0) -> Step:
    """Flags of an open file, with what only the kernel knows: whether it was created, and its layer of an overlay."""
    return special("OPEN_FLAGS", source, fetch, offset=offset, table="open", other=OPENED)


def open_mode(flags: int, mode: int) -> Step:
    return special("OPEN_MODE", mode, second=flags, table="mode")


def device() -> Step:
    return part(OPENED, 0, 4, transform="DEVICE")


def inode() -> Step:
    return part(OPENED, 8, 8)


def process(task: Fetch) -> tuple[Step, ...]:
    """Parameters that clone and execve have in common, from ``tid`` to ``cgroups``."""
    return (
        task_number(task, "tid", "SIGNED"),
        task_number(task, "pid", "SIGNED"),
        task_number(task, "parent", "SIGNED"),
        empty(),
        task_number(task, "files_limit"),
        task_number(task, "major_faults"),
        task_number(task, "minor_faults"),
        task_number(task, "memory_size"),
        task_number(task, "memory_resident"),
        task_number(task, "memory_swapped"),
        special("TASK_NAME", fetch=task),
        special("GROUPS", fetch=task, index=1),
    )


def cloned(flags: Step) -> tuple[Step, ...]:
    return (
        result(),
        special("EXE", fetch=TASK, index=6),
        special("ARGUMENTS", fetch=TASK, index=6),
        *process(TASK),
        flags,
        task_number(TASK, "user"),
        task_number(TASK, "group_id"),
        task_number(TASK, "virtual_tid", "SIGNED"),
        task_number(TASK, "virtual_pid", "SIGNED"),
        special("NAMESPACE_START", fetch=TASK),
    )


def clone_flags(source: int, fetch: Fetch | None = None, offset: int = 0) -> Step:
    return special("CLONE_FLAGS", source, fetch, offset=offset, size=8, table="clone", other=TASK)


def executed(arguments: Fetch, index: int, environment: Fetch, place: int) -> tuple[Step, ...]:
    """Parameters of execve up to ``gid``."""
    return (
        result(),
        special("EXE", fetch=arguments, index=index),
        special("ARGUMENTS", fetch=arguments, index=index),
        *process(TASK),
        of(environment, place),
        task_number(TASK, "terminal"),
        task_number(TASK, "virtual_group", "SIGNED"),
        task_number(TASK, "login"),
        special("EXE_FLAGS", fetch=TASK),
        task_number(TASK, "inheritable"),
        task_number(TASK, "permitted"),
        task_number(TASK, "effective"),
        task_number(TASK, "exe_inode"),
        task_number(TASK, "exe_changed"),
        task_number(TASK, "exe_modified"),
        task_number(TASK, "user"),
        special("PATH", fetch=TASK, index=8),
        task_number(TASK, "group", "SIGNED"),
        task_number(TASK, "group_id"),
    )


def refused(arguments: int, environment: int) -> tuple[Step, ...]:
    """Parameters of an execve that failed: the task is what it was, the arguments are those that were asked for."""
    return executed(Fetch("STRINGS", arguments), 0, Fetch("STRINGS", environment), 0)


def three_ids(*, told: bool) -> tuple[Step, ...]:
    if told:
        return number(0), number(1), number(2)
    return part(user(0, 4), 0, 4), part(user(1, 4), 0, 4), part(user(2, 4), 0, 4)


def limits(argument: int, when: str = "ALWAYS", otherwise: int = 0, width: int = 8) -> tuple[Step, ...]:
    fetch = user(argument, 2 * width, when)
    return part(fetch, 0, width, otherwise=otherwise), part(fetch, width, width, otherwise=otherwise)


def pair(argument: int, when: str = "ALWAYS") -> Fetch:
    return Fetch("PAIR", argument, when=when)


def two_descriptors(fetch: Fetch) -> tuple[Step, ...]:
    return part(fetch, 0, 4, otherwise=-1, transform="SIGNED"), part(fetch, 4, 4, otherwise=-1, transform="SIGNED")


SEMAPHORES = user(1, 12, "DONE")
RING = user(1, 48)
HOW = user(2, 24)
QUOTA = user(3, 72)
NEVER = -1
POLLED = special("POLLED", fetch=Fetch("POLL", 0, 1), table="poll")

#: What an accepted connection tells.
ACCEPTED = (
    result(),
    endpoint(Fetch("TUPLE", RESULT, when="DONE"), IN),
    special("FULLNESS", fetch=Fetch("BACKLOG", 0, when="DONE")),
    part(Fetch("BACKLOG", 0, when="DONE"), 0, 4),
    part(Fetch("BACKLOG", 0, when="DONE"), 4, 4),
)

#: Recipes by the name of the call.
CALLS: dict[str, Recipe] = {
    # Reading and writing.
    "read": call(7, result(), of(READ), number(0), number(2)),
    "write": call(9, result(), of(WRITTEN), number(0), number(2)),
    "pread64": call(113, result(), of(READ), number(0), number(2), number(3)),
    "pwrite64": call(115, result(), of(WRITTEN), number(0), number(2), number(3)),
    "readv": call(117, result(), result("POSITIVE"), of(READ_VECTORS, offset=4), number(0)),
    "writev": call(119, result(), of(WRITTEN_VECTORS, offset=4), number(0), part(WRITTEN_VECTORS, 0, 4)),
    "preadv": call(121, result(), result("POSITIVE"), of(READ_VECTORS, offset=4), number(0), number(3)),
    "pwritev": call(123, result(), of(WRITTEN_VECTORS, offset=4), number(0), part(WRITTEN_VECTORS, 0, 4), number(3)),
    "process_vm_readv": call(421, result(), number(0), of(READ_VECTORS, offset=4)),
    "process_vm_writev": call(423, result(), number(0), of(Fetch("VECTORS", 1, 2, when="POSITIVE"), offset=4)),
    "splice": call(167, result(), number(0), number(2), number(4), number(5, "splice")),
    "sendfile": call(189, result(), part(user(2, 8)), number(0), number(1), number(3)),
    "copy_file_range": call(333, result(), number(2), number(3), number(0), number(1), number(4)),
    "lseek": call(87, result(), number(0), number(1), number(2)),
    # Sockets.
    "socket": call(19, result(), number(0), number(1), number(2), number(1, "nonblock")),
    "bind": call(21, result(), special("ADDRESS", fetch=Fetch("SOCKADDR", 1, 2)), number(0)),
    "connect": call(
        23,
        result(),
        endpoint(Fetch("TUPLE", 0, when="CONNECTED"), OUT, Fetch("SOCKADDR", 1, 2)),
        number(0),
        special("ADDRESS", fetch=Fetch("SOCKADDR", 1, 2)),
    ),
    "listen": call(25, result(), number(0), number(1)),
    "accept": call(247, *ACCEPTED),
    "accept4": call(389, *ACCEPTED, number(3, "nonblock")),
    "sendto": call(
        31, result(), of(WRITTEN), number(0), number(2), endpoint(SOCKET, OUT, Fetch("SOCKADDR", 4, 5, "DONE"))
    ),
    "recvfrom": call(
        35,
        result(),
        of(READ),
        endpoint(SOCKET, IN, Fetch("OPTION", 4, 5, "DONE")),
        number(0),
        number(2),
    ),
    "sendmsg": call(
        49,
        result(),
        of(WRITTEN_MESSAGE, 0, 4),
        number(0),
        part(WRITTEN_MESSAGE, 0, 4),
        endpoint(SOCKET, OUT, WRITTEN_MESSAGE, 1),
    ),
    "recvmsg": call(
        53,
        result(),
        result("POSITIVE"),
        of(READ_MESSAGE, 0, 4),
        endpoint(SOCKET, IN, READ_MESSAGE, 1),
        of(READ_MESSAGE, 2),
        number(0),
    ),
    "sendmmsg": call(
        51,
        result(),
        number(0),
        part(WRITTEN_MESSAGE, 0, 4),
        of(WRITTEN_MESSAGE, 0, 4),
        endpoint(SOCKET, OUT, WRITTEN_MESSAGE, 1),
        program="MESSAGES",
        before=(SOCKET, WRITTEN_MESSAGE),
    ),
    "recvmmsg": call(
        55,
        result(),
        number(0),
        result("POSITIVE"),
        of(READ_MESSAGE, 0, 4),
        endpoint(SOCKET, IN, READ_MESSAGE, 1),
        of(READ_MESSAGE, 2),
        program="MESSAGES",
        before=(SOCKET, READ_MESSAGE),
    ),
    "shutdown": call(37, result(), number(0), number(1, "shutdown")),
    "getsockname": call(39),
    "getpeername": call(41),
    "socketpair": call(
        43,
        result(),
        *two_descriptors(pair(3, "DONE")),
        part(pair(3, "DONE"), 16),
        part(pair(3, "DONE"), 24),
        number(0),
        number(1),
        number(2),
    ),
    "setsockopt": call(
        45,
        result(),
        number(0),
        number(1, "socket_level"),
        special("OPTION_NAME", table="socket_option"),
        special("OPTION", fetch=Fetch("LENGTH", 3, 4)),
        number(4),
    ),
    "getsockopt": call(
        47,
        result(),
        number(0),
        number(1, "socket_level"),
        special("OPTION_NAME", table="socket_option"),
        special("OPTION", fetch=Fetch("OPTION", 3, 4)),
        part(user(4, 4), 0, 4),
    ),
    # Files by name.
    "open": call(3, result(), of(ZERO), open_flags(1), open_mode(1, 2), device(), inode()),
    "openat": call(
        307,
        result(),
        number(0),
        of(ONE),
        open_flags(2),
        open_mode(2, 3),
        device(),
        inode(),
    ),
    "openat2": call(
        327,
        result(),
        number(0),
        of(ONE),
        open_flags(7, HOW),
        special("OPEN_MODE", 7, HOW, offset=8, second=7, table="mode"),
        part(HOW, 16, table="resolve"),
        device(),
        inode(),
    ),
    "creat": call(
        59,
        result(),
        of(ZERO),
        number(1, "mode"),
        device(),
        inode(),
        special("LAYER", fetch=OPENED),
    ),
    "open_by_handle_at": call(
        337,
        result(),
        number(0),
        open_flags(2),
        special("PATH", fetch=Fetch("FILE_PATH", RESULT, when="DONE")),
        device(),
        inode(),
    ),
    "stat": call(67, result(), of(ZERO)),
    "lstat": call(69, result(), of(ZERO)),
    "fstat": call(71, result(), number(0)),
    "newfstatat": call(419, result(), number(0), of(ONE), number(3, "stat")),
    "access": call(265, result(), of(ZERO), number(1, "access")),
    "rename": call(175, result(), of(ZERO), of(ONE)),
    "renameat": call(177, result(), number(0), of(ONE), number(2), text(3)),
    "renameat2": call(319, result(), number(0), of(ONE), number(2), text(3), number(4)),
    "link": call(309, result(), of(ZERO), of(ONE)),
    "linkat": call(311, result(), number(0), of(ONE), number(2), text(3), number(4, "link")),
    "symlink": call(179, result(), of(ZERO), of(ONE)),
    "symlinkat": call(181, result(), of(ZERO), number(1), of(TWO)),
    "unlink": call(301, result(), of(ZERO)),
    "unlinkat": call(303, result(), number(0), of(ONE), number(2, "unlink")),
    "mkdir": call(277, result(), of(ZERO), number(1)),
    "mkdirat": call(305, result(), number(0), of(ONE), number(2)),
    "rmdir": call(279, result(), of(ZERO)),
    "mknod": call(415, result(), of(ZERO), number(1, "node_mode"), number(2)),
    "mknodat": call(417, result(), number(0), of(ONE), number(2, "node_mode"), number(3)),
    "chmod": call(315, result(), of(ZERO), number(1, "mode")),
    "fchmod": call(317, result(), number(0), number(1, "mode")),
    "fchmodat": call(313, result(), number(0), of(ONE), number(2, "mode")),
    "chown": call(379, result(), of(ZERO), number(1), number(2)),
    "lchown": call(381, result(), of(ZERO), number(1), number(2)),
    "fchown": call(383, result(), number(0), number(1), number(2)),
    "fchownat": call(385, result(), number(0), of(ONE), number(2), number(3), number(4, "owner")),
    "getcwd": call(93, result(), text(0, "DONE")),
    "chdir": call(95, result(), of(ZERO)),
    "fchdir": call(97, result(), number(0)),
    "chroot": call(267, result(), of(ZERO)),
    "mount": call(257, result(), of(ZERO), of(ONE), of(TWO), number(3, transform="MOUNT")),
    "umount2": call(391, result(), of(ZERO), number(1, "unmount")),
    "getdents": call(237, result(), number(0)),
    "getdents64": call(239, result(), number(0)),
    # Descriptors.
    "close": call(5, result(), number(0)),
    "close_range": call(451, result(), number(0), number(1), number(2, "close_range")),
    "dup": call(367, result(), number(0)),
    "dup2": call(363, result(), number(0), number(1)),
    "dup3": call(365, result(), number(0), number(1), number(2, "cloexec")),
    "fcntl": call(151, result(), number(0), number(1, "fcntl"), number(2)),
    "ioctl": call(171, result(), number(0), number(1), number(2)),
    "flock": call(243, result(), number(0), number(1, "flock")),
    "pipe": call(61, result(), *two_descriptors(pair(0)), part(pair(0), 8)),
    "pipe2": call(393, result(), *two_descriptors(pair(0)), part(pair(0), 8), number(1, "pipe")),
    "eventfd": call(63, result(), number(0), fixed(0)),
    "eventfd2": call(397, result(), number(1, "nonblock"), number(0)),
    "signalfd": call(127, result(), number(0), part(user(1, 8), 0, 4), fixed(0)),
    "signalfd4": call(399, result(), number(3, "nonblock"), number(0), part(user(1, 8), 0, 4)),
    "timerfd_create": call(137, result(), number(0), number(1, "nonblock")),
    "inotify_init": call(139, result(), fixed(0)),
    "inotify_init1": call(395, result(), number(0, "nonblock")),
    "memfd_create": call(405, result(), of(ZERO), number(1, "memory_file")),
    "userfaultfd": call(321, result(), number(0)),
    "pidfd_getfd": call(407, result(), number(0), number(1), number(2)),
    "pidfd_open": call(409, result(), number(0), number(1, "pid_file")),
    "epoll_create": call(375, result(), number(0)),
    "epoll_create1": call(377, result(), number(0, "epoll")),
    "epoll_wait": call(79, result(), number(2, signed=True)),
    "poll": call(81, result(), POLLED, number(2, signed=True)),
    "ppoll": call(
        255,
        result(),
        POLLED,
        special("TIME", fetch=user(2, 16), otherwise=NEVER),
        part(user(3, 8), 0, 4),
    ),
    "select": call(83, result()),
    "io_uring_setup": call(
        339,
        result(),
        number(0),
        part(RING, 0, 4),
        part(RING, 4, 4),
        part(RING, 8, 4, table="ring_setup"),
        part(RING, 12, 4),
        part(RING, 16, 4),
        part(RING, 20, 4, table="ring_features"),
    ),
    "io_uring_enter": call(
        341, result(), number(0), number(1), number(2), number(3, "ring_enter"), part(user(4, 8), 0, 4)
    ),
    "io_uring_register": call(343, result(), number(0), number(1), number(2), number(3)),
    "bpf": call(369, result(), number(0)),
    "fsconfig": call(
        373,
        result(),
        number(0),
        number(1),
        text(2),
        special("CONFIG_BYTES", 1, Fetch("LENGTH", 3, 4, "DONE")),
        special("CONFIG_TEXT", 1, Fetch("STRING", 3, when="DONE")),
        number(4),
    ),
    # Memory.
    "brk": call(159, result(), *memory(), number(0)),
    "mmap": call(
        161,
        result(),
        *memory(),
        number(0),
        number(1),
        number(2, "protection"),
        number(3, "map"),
        number(4),
        number(5),
    ),
    "munmap": call(165, result(), *memory(), number(0), number(1)),
    "mprotect": call(329, result(), number(0), number(1), number(2, "protection")),
    "mlock": call(345, result(), number(0), number(1)),
    "mlock2": call(371, result(), number(0), number(1), number(2, "lock")),
    "munlock": call(347, result(), number(0), number(1)),
    "mlockall": call(349, result(), number(0, "lock_all")),
    "munlockall": call(351, result()),
    # Processes.
    "clone": call(CLONE, *cloned(clone_flags(0)), skip_done=True),
    "clone3": call(335, *cloned(clone_flags(7, user(0, 8))), skip_done=True),
    "fork": call(225, *cloned(clone_flags(8)), skip_done=True),
    "vfork": call(227, *cloned(clone_flags(8)), skip_done=True),
    "execve": call(EXECVE, *refused(1, 2), of(ZERO), before=(TASK,), skip_done=True),
    "execveat": call(331, *refused(2, 3), before=(TASK,), skip_done=True),
    "kill": call(129, result(), number(0), number(1)),
    "tkill": call(131, result(), number(0), number(1)),
    "tgkill": call(133, result(), number(0), number(1), number(2)),
    "nanosleep": call(135, result(), special("TIME", fetch=user(0, 16))),
    "futex": call(65, result(), number(0), number(1), number(2)),
    "ptrace": call(
        169,
        result(),
        special("TRACE_ADDRESS", 2),
        special("TRACE_DATA", 3, user(3, 8, "DONE")),
        number(0, "ptrace"),
        number(1),
    ),
    "prctl": call(
        401, result(), number(0), special("CONTROL_TEXT", 1, ONE), special("CONTROL_NUMBER", 1, user(1, 4))
    ),
    "seccomp": call(299, result(), number(0), number(1)),
    "setsid": call(275, result()),
    "setpgid": call(295, result(), number(0), number(1)),
    "setns": call(241, result(), number(0), number(1, "clone")),
    "unshare": call(285, result(), number(0, "clone")),
    "getrlimit": call(141, result(), *limits(1, "DONE", -1), number(0, "limit")),
    "setrlimit": call(143, result(), *limits(1), number(0, "limit")),
    "prlimit64": call(145, result(), *limits(2), *limits(3, "DONE", -1), number(0, signed=True), number(1, "limit")),
    "setuid": call(199, result(), number(0)),
    "setgid": call(201, result(), number(0)),
    "getuid": call(203, result()),
    "geteuid": call(205, result()),
    "getgid": call(207, result()),
    "getegid": call(209, result()),
    "setresuid": call(193, result(), *three_ids(told=True)),
    "setresgid": call(195, result(), *three_ids(told=True)),
    "getresuid": call(211, result(), *three_ids(told=False)),
    "getresgid": call(213, result(), *three_ids(told=False)),
    "setreuid": call(427, result(), number(0), number(1)),
    "setregid": call(429, result(), number(0), number(1)),
    "capset": call(
        353,
        result(),
        task_number(TASK, "inheritable"),
        task_number(TASK, "permitted"),
        task_number(TASK, "effective"),
    ),
    # Others.
    "semget": call(263, result(), number(0), number(1), number(2, "semaphore_get")),
    "semop": call(
        251,
        result(),
        number(2),
        *(
            part(SEMAPHORES, 6 * index + 2 * place, 2, table="semaphore" if place == 2 else "")
            for index in range(2)
            for place in range(3)
        ),
        number(0),
    ),
    "semctl": call(
        253, result(), number(0), number(1), number(2, "semaphore_command"), special("SEMAPHORE_VALUE", 3, second=2)
    ),
    "quotactl": call(
        191,
        result(),
        of(ONE),
        special("QUOTA_PATH", 0, Fetch("STRING", 3)),
        *(special("QUOTA", 0, QUOTA, offset=place) for place in range(10)),
        special("QUOTA_FORMAT", 0, QUOTA, table="quota_format", second=1),
        number(0, "quota_command"),
        number(0, "quota_type"),
        special("QUOTA_ID", 2),
        special("QUOTA_FORMAT", 2, table="quota_format"),
    ),
    "init_module": call(411, result(), of(Fetch("LENGTH", 0, 1)), number(1), of(TWO)),
    "finit_module": call(413, result(), number(0), of(ONE), number(2, "load_module")),
    "delete_module": call(425, result(), of(ZERO), number(1, "unload_module")),
    "keyctl": call(
        453,
        result(),
        number(0),
        *(special("KEY", argument, Fetch("STRING", argument)) for argument in range(1, 4)),
        special("KEY", 4),
    ),
}

#: Recipes of what is no system call, by the kind of the record.
EVENTS: dict[str, Recipe] = {
    "EXEC": call(EXECVE, *executed(TASK, 6, TASK, 7), of(Fetch("STRING")), before=(TASK,)),
    "FORK": call(CLONE, *cloned(clone_flags(8)), before=(TASK,)),
    "EXIT": call(
        EXIT,
        number(0, signed=True),
        special("EXIT_STATUS", 0, second=0),
        special("EXIT_STATUS", 0, second=1),
        special("EXIT_STATUS", 0, second=2),
        number(1),
    ),
    "SWITCH": call(SWITCH, number(0), number(1), number(2), *memory()),
    "SIGNAL": call(SIGNAL, number(1), special("TASK_NUMBER"), number(0)),
    "FAULT": call(PAGE_FAULT, number(0), number(1), number(2, "page_fault")),
}
