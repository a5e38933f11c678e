"""What process events do to the tables under the newest libraries' rules (state engine, section 3). Internal to the core.

Every event here is in its newest form, see `convert`; a parameter that an old capture did not have is empty.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from scapcore.containers cimport resolve_container
from scapcore.events cimport Event, parameter, parameter_integer, parameter_unsigned, text_length
from scapcore.families cimport *
from scapcore.names cimport copy_directory, copy_path, join_path
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport strings_drop
from scapcore.threads cimport set_arguments, set_cgroups, set_environment, take_identity, text_from

cdef uint64_t CLONE_STALE_TIME = 2 * 1000000000
cdef uint64_t ALL_CAPABILITIES = ((<uint64_t>1) << 41) - 1
cdef uint8_t RLIMIT_NOFILE = 7
cdef int64_t AT_FDCWD = -100
cdef uint32_t AT_EMPTY_PATH = 1

cdef enum:
    NEWPID = 1 << 6
    PARENT = 1 << 8
    NEWUSER = 1 << 20
    VFORK = 1 << 27

    EPOLL_CLOEXEC = 1        # also of a memfd

    PR_SET_CHILD_SUBREAPER = 36
    PR_GET_CHILD_SUBREAPER = 37


cdef inline bint has(const Event* event, uint32_t index) noexcept nogil:
    """True if a parameter is there and not empty."""
    cdef uint32_t length
    parameter(event, index, &length)
    return length != 0


cdef void name_thread(State* state, ThreadRow* row, const Event* event) noexcept nogil:
    """Executable, name and arguments from a clone or execve."""
    cdef uint32_t length
    cdef const uint8_t* data
    text_from(state, &row.exe, event, 1)
    if has(event, 13):
        text_from(state, &row.comm, event, 13)
    else:
        thread_text_copy(state, &row.comm, row.exe)
    data = parameter(event, 2, &length)
    set_arguments(state, &row.args, data, length)


cdef void set_counters(Thread* thread, const Event* event) noexcept nogil:
    if has(event, 12):
        thread.pfmajor = parameter_unsigned(event, 8, 0)
        thread.pfminor = parameter_unsigned(event, 9, 0)
        thread.vmsize = <uint32_t>parameter_unsigned(event, 10, 0)
        thread.vmrss = <uint32_t>parameter_unsigned(event, 11, 0)
        thread.vmswap = <uint32_t>parameter_unsigned(event, 12, 0)


cdef void take_after(State* state, ThreadRow* row, const ThreadRow* other) noexcept nogil:
    """What a thread has from the one that made it, or from the leader of its group."""
    thread_text_copy(state, &row.exepath, other.exepath)
    thread_text_copy(state, &row.root, other.root)
    row.exe_writable = other.exe_writable
    row.exe_upper_layer = other.exe_upper_layer
    row.exe_lower_layer = other.exe_lower_layer
    row.exe_from_memfd = other.exe_from_memfd
    row.sid = other.sid
    row.vpgid = other.vpgid
    row.pgid = other.pgid
    row.tty = other.tty
    row.loginuid = other.loginuid
    row.cap_inheritable = other.cap_inheritable
    row.cap_permitted = other.cap_permitted
    row.cap_effective = other.cap_effective
    row.exe_inode = other.exe_inode
    row.exe_changed = other.exe_changed
    row.exe_modified = other.exe_modified
    row.exe_age = other.exe_age


cdef void take_process(State* state, Thread* child, Thread* other) noexcept nogil:
    """Descriptors, directory and environment of a new process."""
    cdef FdTable* table = table_of(state, other)
    cdef Thread* main = main_thread(state, other)
    cdef ThreadRow* row = thread_row(state, child.row)
    if table != NULL:
        table_copy(state, child.fds, table)
    if main != NULL:
        thread_text_copy(state, &row.cwd, thread_row(state, main.row).cwd)
    else:
        thread_text(state, &row.cwd, b"./", 2)
    thread_text_copy(state, &row.env, thread_row(state, other.row).env)


cdef Thread* blank_child(State* state, int64_t tid, uint32_t flags) noexcept nogil:
    """A new thread with nothing known yet."""
    cdef Thread* child = family_thread(state, tid)
    cdef ThreadRow* row
    if child == NULL:
        return NULL
    child.reaper = -1
    row = thread_row(state, child.row)
    row.ptid = row.sid = row.vpgid = row.pgid = row.fdlimit = -1
    row.vtid = row.vpid = -1
    row.loginuid = 0xFFFFFFFF
    row.flags = child.flags = flags
    return child


cdef void finish_child(State* state, Step* step, Thread* child) noexcept nogil:
    """What both sides of a clone tell alike."""
    cdef const Event* event = &step.event
    cdef ThreadRow* row = thread_row(state, child.row)
    cdef uint32_t length
    cdef const uint8_t* data
    row.fdlimit = parameter_integer(event, 7, 0)
    set_counters(child, event)
    row.uid = <uint32_t>parameter_unsigned(event, 16, 0)
    row.gid = <uint32_t>parameter_unsigned(event, 17, 0)
    row.clone_time = event.ts
    if not row.namespace_start:
        row.namespace_start = state.boot_time
    if has(event, 14):
        data = parameter(event, 14, &length)
        set_cgroups(state, child, data, length)
        resolve_container(state, child)
    join_family(state, child)


cdef void on_modern_clone(State* state, Step* step) noexcept nogil:
    """clone, clone3, fork and vfork, told by the caller or by the child."""
    cdef int64_t child = parameter_integer(&step.event, 0, -1)
    if child > 0:
        told_by_caller(state, step, child)
    elif child == 0:
        told_by_child(state, step)


cdef void told_by_caller(State* state, Step* step, int64_t child_tid) noexcept nogil:
    cdef const Event* event = &step.event
    cdef int64_t caller_tid = event.tid
    cdef Thread* caller = thread_get(state, caller_tid)
    cdef Thread* child
    cdef ThreadRow* row
    cdef uint32_t flags = <uint32_t>parameter_unsigned(event, 15, 0)
    cdef bint known = True
    cdef bint collision = False
    step.thread = caller
    if caller == NULL:
        return
    if is_invalid(state, caller):
        known = False
        row = thread_edit(state, caller)
        row.pid = caller.pid = parameter_integer(event, 4, -1)
        row.ptid = parameter_integer(event, 5, -1)
        row.vtid = caller_tid
        row.vpid = -1
        if has(event, 19):
            row.vtid = parameter_integer(event, 18, -1)
            row.vpid = parameter_integer(event, 19, -1)
        join_family(state, caller)
    # In a name space the caller knows its child by another id; the child itself will tell.
    if flags & (CLONE_CHILD_IN_PIDNS | NEWPID | PARENT | VFORK) or event.type == SYSCALL_VFORK_20_X \
            or caller_tid != thread_row(state, caller.row).vtid:
        return
    if has_departed(state, child_tid, caller_tid, event.ts):
        return
    child = thread_find(state, child_tid)
    if child != NULL:
        if child.flags & CLONE_INVERTED:
            return
        leave_family(state, child_tid)
        collision = True
        caller = thread_find(state, caller_tid)
        if caller == NULL or child_tid == caller_tid:
            step.thread = caller
            return
    child = blank_child(state, child_tid, flags)
    if child == NULL:
        return
    row = thread_row(state, child.row)
    if flags & CLONE_THREAD:
        row.pid = child.pid = caller.pid
        row.ptid = thread_row(state, caller.row).ptid
        # Threads of a group are taken to share the descriptors of its leader.
        row.flags = child.flags = flags | CLONE_FILES
    else:
        if known:
            take_process(state, child, caller)
        row.pid = child.pid = child_tid
        row.ptid = caller_tid
    row.vtid = child_tid
    row.vpid = row.pid
    name_thread(state, row, event)
    if known:
        take_after(state, row, thread_row(state, caller.row))
    else:
        name_thread(state, thread_edit(state, caller), event)
    finish_child(state, step, child)
    if collision:
        step.thread = thread_find(state, caller_tid)


cdef void told_by_child(State* state, Step* step) noexcept nogil:
    cdef const Event* event = &step.event
    cdef Thread* child
    cdef Thread* other
    cdef ThreadRow* row
    cdef uint32_t flags = <uint32_t>parameter_unsigned(event, 15, 0) | CLONE_INVERTED
    cdef int64_t pid = parameter_integer(event, 4, -1)
    cdef int64_t ptid = parameter_integer(event, 5, -1)
    cdef int64_t vtid = event.tid
    cdef int64_t vpid = -1
    cdef bint leads = not flags & CLONE_THREAD
    cdef bint known
    if step.thread != NULL and thread_row(state, step.thread.row).clone_time:
        if event.ts - thread_row(state, step.thread.row).clone_time < CLONE_STALE_TIME:
            return
        leave_family(state, event.tid)
        step.thread = NULL
    if has(event, 19):
        vtid = parameter_integer(event, 18, -1)
        vpid = parameter_integer(event, 19, -1)
    if not leads:
        flags |= CLONE_FILES
    other = thread_get(state, ptid if leads else pid)
    if other == NULL:
        step.thread = NULL
        return
    known = not is_invalid(state, other)
    if not known and not leads:
        row = thread_edit(state, other)
        row.pid = other.pid = pid
        row.ptid = ptid
        row.vpid = row.vtid = vpid
        join_family(state, other)
    if other.tid == event.tid:
        step.thread = other
        return
    child = blank_child(state, event.tid, flags)
    if child == NULL:
        step.thread = NULL
        return
    row = thread_row(state, child.row)
    row.pid = child.pid = pid
    row.ptid = ptid
    row.vtid = vtid
    row.vpid = vpid
    name_thread(state, row, event)
    if known:
        take_after(state, row, thread_row(state, other.row))
        if leads:
            take_process(state, child, other)
    elif not leads:
        name_thread(state, thread_edit(state, other), event)
    if has(event, 20) and (flags & (CLONE_CHILD_IN_PIDNS | NEWPID) or event.tid != vtid):
        row.namespace_start = state.boot_time + parameter_unsigned(event, 20, 0)
    finish_child(state, step, child)
    step.thread = child


cdef uint32_t directory_for(State* state, Step* step, const uint8_t* path, uint32_t length, int64_t dirfd,
                            uint8_t* target) noexcept nogil:
    """Directory that a path is relative to (state engine, section 8.2), in at most PATH_SIZE + 1 bytes."""
    cdef Thread* main
    cdef uint32_t text, used, row
    if length and path[0] == 47:
        target[0] = 46
        return 1
    if dirfd == AT_FDCWD:
        return directory_of_thread(state, step.thread, target)
    row = fd_find(state, step.thread, dirfd)
    if not row:
        memcpy(target, b"<UNKNOWN>", 9)
        return 9
    text = fd_row(state, row).name
    return copy_directory(state, text, target, True)


cdef uint32_t directory_of_thread(State* state, Thread* thread, uint8_t* target) noexcept nogil:
    """Working directory of a thread's process."""
    cdef Thread* main = main_thread(state, thread)
    cdef uint32_t text, used
    if main == NULL:
        memcpy(target, b"./", 2)
        return 2
    text = thread_row(state, main.row).cwd
    return copy_path(state, text, target)


cdef void keep_exepath(State* state, ThreadRow* row, const uint8_t* path, uint32_t length) noexcept nogil:
    """Set the path of the executable; what the kernel says behind that of a deleted one is left out."""
    if length > 10 and memcmp(path + length - 10, b" (deleted)", 10) == 0:
        length -= 10
    thread_text(state, &row.exepath, path, length)


cdef void set_exepath(State* state, Step* step, ThreadRow* row) noexcept nogil:
    """Path of the executable: what the kernel says, else what the enter event named."""
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint32_t length, used
    cdef uint32_t flags = 0
    cdef const uint8_t* path
    cdef bint missing
    if has(&step.event, 27):
        path = parameter(&step.event, 27, &length)
        keep_exepath(state, row, path, text_length(path, length))
        return
    if not load_enter(state, step):
        return
    if step.enter.type == SYSCALL_EXECVEAT_E:
        path = parameter(&step.enter, 1, &length)
        flags = <uint32_t>parameter_unsigned(&step.enter, 2, 0)
    else:
        path = parameter(&step.enter, 0, &length)
    length = text_length(path, length)
    missing = length == 0 or (length == 4 and memcmp(path, b"<NA>", 4) == 0)
    if step.enter.type == SYSCALL_EXECVEAT_E:
        if missing:
            path = b"<NA>"
            length = 4
        used = directory_for(state, step, path, length, parameter_integer(&step.enter, 0, -1), directory)
        if (missing and not flags & AT_EMPTY_PATH) or (used == 9 and memcmp(directory, b"<UNKNOWN>", 9) == 0):
            keep_exepath(state, row, b"<NA>", 4)
            return
        if flags & AT_EMPTY_PATH:
            path = directory
            length = used
            used = 0
    elif missing:
        keep_exepath(state, row, b"<NA>", 4)
        return
    else:
        used = directory_of_thread(state, step.thread, directory)
    used = join_path(target, directory, used, path, length, True)
    keep_exepath(state, row, target, used)


cdef void close_on_execve(State* state, Thread* thread) noexcept nogil:
    """Descriptors that do not outlive an execve."""
    cdef FdTable* table = table_of(state, thread)
    cdef uint32_t slot = 0
    cdef FdRow* fd
    if table == NULL or not table.rows.mask:
        return
    while slot <= table.rows.mask:
        if table.rows.values[slot]:
            fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
            if fd.open_flags & O_CLOEXEC or (
                    (fd.type == FD_EVENTPOLL or fd.type == FD_MEMFD) and fd.open_flags & EPOLL_CLOEXEC):
                fd_remove(state, thread, table.rows.keys[slot])     # shifts others here: look again
                continue
        slot += 1


cdef void on_modern_execve(State* state, Step* step) noexcept nogil:
    cdef const Event* event = &step.event
    cdef Thread* thread = step.thread
    cdef Thread* other
    cdef Thread* following
    cdef ThreadRow* row
    cdef uint32_t length, flags
    cdef const uint8_t* data
    if thread == NULL or parameter_integer(event, 0, -1) < 0:
        return
    if thread.flags & CLONE_CLOSED:
        # Another thread of the group has taken the place of its dead leader.
        thread.flags &= ~<uint32_t>CLONE_CLOSED
        if thread.group != NULL:
            thread.group.alive += 1
    row = thread_edit(state, thread)
    name_thread(state, row, event)
    row.pid = thread.pid = parameter_integer(event, 4, row.pid)
    if is_invalid(state, thread):
        row.ptid = parameter_integer(event, 5, -1)
        if not thread.flags & CLONE_CHILD_IN_PIDNS:
            row.vtid = thread.tid
            row.vpid = row.pid
        join_family(state, thread)
        row = thread_edit(state, thread)
    row.fdlimit = parameter_integer(event, 7, 0)
    set_counters(thread, event)
    if has(event, 15):
        data = parameter(event, 15, &length)
        set_environment(state, &row.env, data, length)
    if has(event, 14):
        data = parameter(event, 14, &length)
        set_cgroups(state, thread, data, length)
        resolve_container(state, thread)
        row = thread_edit(state, thread)
    if has(event, 16):
        row.tty = <int32_t>parameter_unsigned(event, 16, 0)
    set_exepath(state, step, row)
    if has(event, 17):
        row.vpgid = parameter_integer(event, 17, -1)
    if has(event, 18):
        row.loginuid = <uint32_t>parameter_unsigned(event, 18, 0xFFFFFFFF)
    if has(event, 19):
        flags = <uint32_t>parameter_unsigned(event, 19, 0)
        row.exe_writable = flags & 1
        row.exe_upper_layer = (flags >> 1) & 1
        row.exe_from_memfd = (flags >> 2) & 1
        row.exe_lower_layer = (flags >> 3) & 1
    if has(event, 22):
        row.cap_inheritable = parameter_unsigned(event, 20, 0)
        row.cap_permitted = parameter_unsigned(event, 21, 0)
        row.cap_effective = parameter_unsigned(event, 22, 0)
    if has(event, 25):
        row.exe_inode = parameter_unsigned(event, 23, 0)
        row.exe_changed = parameter_unsigned(event, 24, 0)
        row.exe_modified = parameter_unsigned(event, 25, 0)
        date_program(row)
    if has(event, 26):
        row.uid = <uint32_t>parameter_unsigned(event, 26, 0)
    row.pgid = parameter_integer(event, 28, -1)
    if has(event, 29):
        row.gid = <uint32_t>parameter_unsigned(event, 29, 0)
    close_on_execve(state, thread)
    row.flags = thread.flags & (CLONE_PIPE_SOURCE | CLONE_PIPE_DESTINATION | CLONE_INVERTED)
    row.flags |= CLONE_ACTIVE | CLONE_NAME_CHANGED
    thread.flags = row.flags
    if thread.group == NULL or thread.group.alive <= 1:
        return
    # The other threads of the process are gone.
    other = thread.group.first
    while other != NULL:
        following = other.group_next
        if other != thread and not is_main(other):
            leave_family(state, other.tid)
        other = following


cdef void on_modern_end(State* state, Step* step) noexcept nogil:
    """procexit: the thread goes when the next event is read, so that this one still shows it."""
    cdef Thread* thread = step.thread
    if thread == NULL:
        return
    if thread.group != NULL and not thread.flags & CLONE_CLOSED:
        thread.group.alive -= 1
    thread.flags |= CLONE_CLOSED
    state.remove_tid = step.event.tid
    state.remove_thread = 1
    if thread.children_known and has(&step.event, 4):
        thread.reaper = parameter_integer(&step.event, 4, -1)


cdef void on_modern_limit(State* state, Step* step) noexcept nogil:
    """getrlimit, setrlimit, prlimit of the number of open files."""
    cdef const Event* event = &step.event
    cdef bint other = event.type == SYSCALL_PRLIMIT_X
    cdef Thread* thread = step.thread
    cdef int64_t current = parameter_integer(event, 1, -1)
    cdef int64_t tid
    if parameter_integer(event, 0, -1) < 0 or current == -1:
        return
    if <uint8_t>parameter_unsigned(event, 6 if other else 3, 255) != RLIMIT_NOFILE:
        return
    if other:
        if not has(event, 5):
            return
        tid = parameter_integer(event, 5, 0)
        thread = thread_get(state, tid if tid else event.tid)
        if thread == NULL or is_invalid(state, thread):
            return
    if thread != NULL:
        thread = main_thread(state, thread)
    if thread != NULL and thread_row(state, thread.row).fdlimit != current:
        thread_edit(state, thread).fdlimit = current


cdef void on_modern_identity(State* state, Step* step) noexcept nogil:
    """setuid, setgid, setresuid, setresgid, setreuid, setregid."""
    cdef const Event* event = &step.event
    cdef uint16_t type = event.type
    cdef uint32_t index = 1 if type == SYSCALL_SETUID_X or type == SYSCALL_SETGID_X else 2
    if step.thread == NULL or parameter_integer(event, 0, -1) != 0 or not has(event, index):
        return
    take_identity(state, step, <uint32_t>parameter_unsigned(event, index, 0))


cdef void on_modern_memory(State* state, Step* step) noexcept nogil:
    """brk, mmap, munmap."""
    cdef const Event* event = &step.event
    if step.thread == NULL:
        return
    if has(event, 1):
        step.thread.vmsize = <uint32_t>parameter_unsigned(event, 1, 0)
    if has(event, 3):
        step.thread.vmrss = <uint32_t>parameter_unsigned(event, 2, 0)
        step.thread.vmswap = <uint32_t>parameter_unsigned(event, 3, 0)


cdef void on_modern_namespace(State* state, Step* step) noexcept nogil:
    """unshare and setns: in a user name space of its own a thread may do everything."""
    cdef const Event* event = &step.event
    cdef uint32_t flags = <uint32_t>parameter_unsigned(event, 1 if event.type == SYSCALL_UNSHARE_X else 2, 0)
    cdef ThreadRow* row
    if step.thread == NULL or parameter_integer(event, 0, -1) < 0 or not flags & NEWUSER:
        return
    row = thread_edit(state, step.thread)
    row.cap_inheritable = row.cap_permitted = row.cap_effective = ALL_CAPABILITIES


cdef void on_modern_control(State* state, Step* step) noexcept nogil:
    """prctl: whether a process takes over the orphans among its descendants."""
    cdef const Event* event = &step.event
    cdef uint32_t option = <uint32_t>parameter_unsigned(event, 1, 0)
    if step.thread == NULL or parameter_integer(event, 0, -1) < 0 or step.thread.group == NULL:
        return
    if option == PR_SET_CHILD_SUBREAPER or option == PR_GET_CHILD_SUBREAPER:
        step.thread.group.reaper = parameter_integer(event, 3, 0) != 0
