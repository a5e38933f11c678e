"""What process events do to the tables (state engine, section 3). Internal to the core."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, strlen

from scapcore.containers cimport find_control_groups, keep_control_groups, resolve_container
from scapcore.events cimport Event, parameter, parameter_integer, parameter_unsigned, text_length
from scapcore.names cimport join_path
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop, text_of

cdef uint64_t CLONE_STALE_TIME = 2 * 1000000000
cdef uint8_t RLIMIT_NOFILE = 7
cdef uint32_t AT_EMPTY_PATH_EXECVEAT = 1


cdef struct CloneLayout:
    uint32_t flags
    uint32_t uid
    uint32_t gid
    uint32_t comm            # 0 where the event has none
    uint32_t cgroups
    uint32_t vtid


cdef CloneLayout clone_layout(uint32_t type) noexcept nogil:
    cdef CloneLayout layout
    layout.comm = 13
    layout.cgroups = 0
    layout.vtid = 0
    if type == SYSCALL_CLONE_11_X:
        layout.flags = 8
        layout.comm = 0
    elif type == SYSCALL_CLONE_16_X or type == SYSCALL_FORK_X or type == SYSCALL_VFORK_X:
        layout.flags = 13
        layout.comm = 0
    elif type == SYSCALL_CLONE_17_X or type == SYSCALL_FORK_17_X or type == SYSCALL_VFORK_17_X:
        layout.flags = 14
    else:
        layout.flags = 15
        layout.cgroups = 14
        layout.vtid = 18
    layout.uid = layout.flags + 1
    layout.gid = layout.flags + 2
    return layout


cdef void text_from(State* state, uint32_t* place, const Event* event, uint32_t index) noexcept nogil:
    """Set a text of a row to a CHARBUF parameter."""
    cdef uint32_t length
    cdef const uint8_t* data = parameter(event, index, &length)
    thread_text(state, place, data, text_length(data, length))


cdef void set_arguments(State* state, uint32_t* place, const uint8_t* data, uint32_t length) noexcept nogil:
    """Keep the NUL-separated arguments as they stand."""
    thread_text(state, place, data, length)


cdef void set_environment(State* state, uint32_t* place, const uint8_t* data, uint32_t length) noexcept nogil:
    """Keep the environment without the run of NULs at its end (scap format, section 4)."""
    while length > 1 and data[length - 1] == 0 and data[length - 2] == 0:
        length -= 1
    if length == 1 and data[0] == 0:
        length = 0
    thread_text(state, place, data, length)


cdef void set_cgroups(State* state, Thread* thread, const uint8_t* data, uint32_t length) noexcept nogil:
    """Store `subsystem=path` strings with the subsystem names as shown (state engine, section 7.1)."""
    cdef uint8_t[8192] shown
    cdef uint32_t used = 0
    cdef uint32_t place = 0
    cdef uint32_t end, sign, name, index
    cdef const char* other
    cdef const ControlGroups* known = find_control_groups(state, data, length)
    if known != NULL:
        thread_text_copy(state, &thread_edit(state, thread).cgroups, known.shown)
        return
    while place < length:
        end = place + text_length(data + place, length - place)
        sign = end
        while sign > place and data[sign - 1] != 61:
            sign -= 1
        if sign == place or used + (end - place) + 12 > sizeof(shown):
            break
        sign -= 1
        name = used
        index = place
        while index < sign:
            if sign - index >= 7 and memcmp(data + index, b"_cgroup", 7) == 0 and used - name == index - place:
                index += 7
                continue
            shown[used] = data[index]
            used += 1
            index += 1
        other = NULL
        if used - name == 4 and memcmp(shown + name, b"perf", 4) == 0:
            other = b"perf_event"
        elif used - name == 3 and memcmp(shown + name, b"mem", 3) == 0:
            other = b"memory"
        elif used - name == 2 and memcmp(shown + name, b"io", 2) == 0:
            other = b"blkio"
        if other != NULL:
            memcpy(shown + name, other, strlen(other))
            used = name + <uint32_t>strlen(other)
        memcpy(shown + used, data + sign, end - sign)
        used += end - sign
        shown[used] = 0
        used += 1
        place = end + 1
    thread_text(state, &thread_edit(state, thread).cgroups, shown, used)
    keep_control_groups(state, data, length, thread_row(state, thread.row).cgroups)


cdef void set_directory(State* state, Thread* thread, const uint8_t* path, uint32_t length) noexcept nogil:
    """Change the working directory of a process; it always ends with a slash."""
    cdef Thread* main = main_thread(state, thread)
    cdef uint8_t[PATH_SIZE + 8] target
    cdef ThreadRow* row
    cdef uint32_t used, base
    if main == NULL:
        return
    row = thread_row(state, main.row)
    # The newest libraries join it to what the thread itself has, which only a main thread does.
    base = thread_row(state, thread.row).cwd if state.modern else row.cwd
    used = join_path(target, text_of(&state.strings, base), length_of(&state.strings, base), path, length,
                     state.modern)
    if used == 0 or target[used - 1] != 47:
        target[used] = 47
        used += 1
    if used == length_of(&state.strings, row.cwd) and memcmp(target, text_of(&state.strings, row.cwd), used) == 0:
        return
    thread_text(state, &thread_edit(state, main).cwd, target, used)


cdef void inherit(State* state, ThreadRow* child, const ThreadRow* parent, bint is_thread) noexcept nogil:
    """What a new thread has from the one that made it."""
    thread_text_copy(state, &child.comm, parent.comm)
    thread_text_copy(state, &child.exe, parent.exe)
    thread_text_copy(state, &child.exepath, parent.exepath)
    thread_text_copy(state, &child.args, parent.args)
    thread_text_copy(state, &child.root, parent.root)
    child.exe_writable = parent.exe_writable
    child.sid = parent.sid
    child.vpgid = parent.vpgid
    child.tty = parent.tty
    child.loginuid = parent.loginuid
    child.pgid = parent.pgid
    child.exe_upper_layer = parent.exe_upper_layer
    child.exe_lower_layer = parent.exe_lower_layer
    child.exe_from_memfd = parent.exe_from_memfd
    child.cap_inheritable = parent.cap_inheritable
    child.cap_permitted = parent.cap_permitted
    child.cap_effective = parent.cap_effective
    child.exe_inode = parent.exe_inode
    child.exe_changed = parent.exe_changed
    child.exe_modified = parent.exe_modified
    child.exe_age = parent.exe_age
    if not is_thread:
        thread_text_copy(state, &child.env, parent.env)


cdef bint is_unknown(State* state, const Thread* thread) noexcept nogil:
    cdef ThreadRow* row = thread_row(state, thread.row)
    return (row.uid == <uint32_t>NO_ID and length_of(&state.strings, row.comm) == 4
            and memcmp(text_of(&state.strings, row.comm), b"<NA>", 4) == 0)


cdef void on_clone_exit(State* state, Step* step) noexcept nogil:
    cdef const Event* event = &step.event
    cdef CloneLayout layout = clone_layout(event.type)
    cdef int64_t child_tid = parameter_integer(event, 0, -1)
    cdef int64_t caller_tid = event.tid
    cdef uint32_t flags = <uint32_t>parameter_unsigned(event, layout.flags, 0)
    cdef int64_t vtid = event.tid
    cdef int64_t vpid = -1
    cdef bint in_container, is_thread
    cdef bint inverted = False
    cdef bint collision = False
    cdef bint unknown_caller
    cdef Thread* caller
    cdef Thread* child
    cdef Thread* main
    cdef ThreadRow* row
    cdef ThreadRow* caller_row
    cdef uint32_t length
    cdef const uint8_t* data
    if child_tid < 0 or event.nparams <= layout.gid:
        return
    if layout.vtid:
        vtid = parameter_integer(event, layout.vtid, event.tid)
        vpid = parameter_integer(event, layout.vtid + 1, -1)
    is_thread = flags & CLONE_THREAD
    in_container = flags & CLONE_CHILD_IN_PIDNS or event.tid != vtid
    if child_tid == 0:
        # The child's side; what is older than two seconds is another thread whose exit was missed.
        if step.thread != NULL:
            row = thread_row(state, step.thread.row)
            if row.clone_time and event.ts - row.clone_time > CLONE_STALE_TIME:
                thread_remove(state, event.tid, True)
                step.thread = NULL
        if step.thread != NULL:
            if in_container:
                row = thread_edit(state, step.thread)
                row.vtid = vtid
                row.vpid = vpid
            return
        inverted = True
        child_tid = event.tid
        caller_tid = parameter_integer(event, 4 if is_thread else 5, -1)
    elif in_container:
        # The parent sees only the id inside the child's name space; the child's own event will tell.
        return
    caller = thread_get(state, caller_tid)
    if caller == NULL:
        return
    child = thread_find(state, child_tid)
    if child != NULL:
        if child.flags & CLONE_INVERTED:
            return
        thread_remove(state, child_tid, True)
        collision = True
        caller = thread_get(state, caller_tid)
        if caller == NULL:
            step.thread = thread_find(state, event.tid)
            return
    unknown_caller = is_unknown(state, caller)
    if unknown_caller:
        thread_remove(state, caller_tid, True)
        collision = True
        caller = thread_get(state, caller_tid)
        if caller == NULL:
            step.thread = thread_find(state, event.tid)
            return
        row = thread_edit(state, caller)
        text_from(state, &row.exe, event, 1)
        if layout.comm:
            text_from(state, &row.comm, event, layout.comm)
        else:
            thread_text_copy(state, &row.comm, row.exe)
        data = parameter(event, 2, &length)
        set_arguments(state, &row.args, data, length)
    child = thread_new(state, child_tid)
    if child == NULL:
        step.thread = thread_find(state, event.tid)
        return
    row = thread_row(state, child.row)
    caller_row = thread_row(state, caller.row)
    row.loginuid = 0xFFFFFFFF
    row.sid = row.vpgid = row.pgid = -1
    row.ptid = caller_tid
    inherit(state, row, caller_row, is_thread)
    if unknown_caller:
        row.loginuid = 0     # what the reference begins with
    row.pid = parameter_integer(event, 4, child_tid)
    if not is_thread:
        row.pid = child_tid
    row.flags = flags | (CLONE_INVERTED if inverted else 0)
    child.flags = row.flags
    child.pid = row.pid
    if not is_thread:
        main = main_thread(state, caller)
        if table_of(state, caller) != NULL:
            table_copy(state, child.fds, table_of(state, caller))
        row = thread_row(state, child.row)
        if main != NULL:
            thread_text_copy(state, &row.cwd, thread_row(state, main.row).cwd)
    text_from(state, &row.exe, event, 1)
    if layout.comm:
        text_from(state, &row.comm, event, layout.comm)
    else:
        thread_text_copy(state, &row.comm, row.exe)
    data = parameter(event, 2, &length)
    set_arguments(state, &row.args, data, length)
    row.fdlimit = parameter_integer(event, 7, 0)
    if event.type != SYSCALL_CLONE_11_X:
        child.pfmajor = parameter_unsigned(event, 8, 0)
        child.pfminor = parameter_unsigned(event, 9, 0)
        child.vmsize = <uint32_t>parameter_unsigned(event, 10, 0)
        child.vmrss = <uint32_t>parameter_unsigned(event, 11, 0)
        child.vmswap = <uint32_t>parameter_unsigned(event, 12, 0)
    row.uid = <uint32_t>parameter_unsigned(event, layout.uid, 0)
    row.gid = <uint32_t>parameter_unsigned(event, layout.gid, 0)
    if in_container:
        row.vtid = vtid
        row.vpid = vpid
    else:
        row.vtid = child.tid
        row.vpid = row.pid
    # The event counts from the start of the machine; without it the machine's own name space is meant.
    row.namespace_start = state.boot_time + (
        parameter_unsigned(event, 20, 0) if layout.vtid and parameter_integer(event, 0, -1) == 0 else 0)
    row.clone_time = event.ts
    if layout.cgroups:
        data = parameter(event, layout.cgroups, &length)
        set_cgroups(state, child, data, length)
        resolve_container(state, child)
    if is_thread:
        main = thread_get(state, child.pid)
        if main != NULL:
            thread_edit(state, main).children += 1
    if collision:
        # The event's own thread may have been the one that was replaced.
        step.thread = thread_find(state, event.tid)


cdef void set_exepath(State* state, Step* step, ThreadRow* row) noexcept nogil:
    """Path of the executable from the enter event, or from what newer exit events say themselves."""
    cdef const Event* event = &step.event
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint32_t length, used, directory_length
    cdef const uint8_t* path
    cdef const uint8_t* base
    cdef int64_t dirfd
    cdef uint32_t fd, flags
    cdef Thread* main
    if event.nparams > 27:
        path = parameter(event, 27, &length)
        used = text_length(path, length)
        if used:
            thread_text(state, &row.exepath, path, used)
            return
    base = text_of(&state.strings, row.cwd)
    directory_length = length_of(&state.strings, row.cwd)
    if event.type == SYSCALL_EXECVEAT_X:
        if not load_enter(state, step):
            return
        path = parameter(&step.enter, 1, &length)
        if length >= 4 and memcmp(path, b"<NA>", 4) == 0:
            thread_text(state, &row.exepath, b"<NA>", 4)
            return
        dirfd = parameter_integer(&step.enter, 0, -1)
        flags = <uint32_t>parameter_unsigned(&step.enter, 2, 0)
        if not (length and path[0] == 47) and dirfd != -100:
            fd = fd_find(state, step.thread, dirfd)
            if fd and length_of(&state.strings, fd_row(state, fd).name) < PATH_SIZE - 1:
                directory_length = length_of(&state.strings, fd_row(state, fd).name)
                memcpy(directory, text_of(&state.strings, fd_row(state, fd).name), directory_length)
                directory[directory_length] = 47
                directory_length += 1
            else:
                directory_length = 9
                memcpy(directory, b"<UNKNOWN>", 9)
            base = directory
            if flags & AT_EMPTY_PATH_EXECVEAT and text_length(path, length) == 0:
                used = join_path(target, base, 0, base, directory_length, state.modern)
                thread_text(state, &row.exepath, target, used)
                return
        else:
            main = main_thread(state, step.thread)
            if main != NULL:
                base = text_of(&state.strings, thread_row(state, main.row).cwd)
                directory_length = length_of(&state.strings, thread_row(state, main.row).cwd)
    elif event.type == SYSCALL_EXECVE_18_X or event.type == SYSCALL_EXECVE_19_X:
        if load_enter(state, step):
            path = parameter(&step.enter, 0, &length)
        elif event.nparams > 30:
            path = parameter(event, 30, &length)
        else:
            return
        if length >= 4 and memcmp(path, b"<NA>", 4) == 0:
            thread_text(state, &row.exepath, b"<NA>", 4)
            return
    else:
        return
    used = join_path(target, base, directory_length, path, length, state.modern)
    thread_text(state, &row.exepath, target, used)


cdef void on_execve_exit(State* state, Step* step) noexcept nogil:
    cdef const Event* event = &step.event
    cdef Thread* thread = step.thread
    cdef ThreadRow* row
    cdef uint32_t length, flags
    cdef uint32_t env = 0
    cdef uint32_t cgroups = 0
    cdef uint32_t comm = 0
    cdef const uint8_t* data
    if thread == NULL or event.nparams < 8 or parameter_integer(event, 0, -1) < 0:
        return
    if event.type == SYSCALL_EXECVE_14_X:
        env = 13
    elif event.type == SYSCALL_EXECVE_15_X:
        comm = 13
        env = 14
    elif event.type != SYSCALL_EXECVE_8_X and event.type != SYSCALL_EXECVE_13_X:
        comm = 13
        cgroups = 14
        env = 15
    row = thread_edit(state, thread)
    text_from(state, &row.exe, event, 1)
    if comm:
        text_from(state, &row.comm, event, comm)
    else:
        thread_text_copy(state, &row.comm, row.exe)
    data = parameter(event, 2, &length)
    set_arguments(state, &row.args, data, length)
    row.pid = parameter_integer(event, 4, row.pid)
    thread.pid = row.pid
    thread.main = NULL
    if row.ptid == -1:
        row.ptid = parameter_integer(event, 5, -1)
    row.fdlimit = parameter_integer(event, 7, 0)
    if event.type != SYSCALL_EXECVE_8_X:
        thread.pfmajor = parameter_unsigned(event, 8, 0)
        thread.pfminor = parameter_unsigned(event, 9, 0)
        thread.vmsize = <uint32_t>parameter_unsigned(event, 10, 0)
        thread.vmrss = <uint32_t>parameter_unsigned(event, 11, 0)
        thread.vmswap = <uint32_t>parameter_unsigned(event, 12, 0)
    if env:
        data = parameter(event, env, &length)
        set_environment(state, &row.env, data, length)
    if cgroups:
        data = parameter(event, cgroups, &length)
        set_cgroups(state, thread, data, length)
        resolve_container(state, thread)
        row = thread_edit(state, thread)
    if cgroups and event.nparams > 16:
        row.tty = <int32_t>parameter_integer(event, 16, 0)
    set_exepath(state, step, row)
    if event.nparams > 17 and (event.type == SYSCALL_EXECVE_19_X or event.type == SYSCALL_EXECVEAT_X):
        row.vpgid = parameter_integer(event, 17, -1)
    if event.nparams > 18:
        row.loginuid = <uint32_t>parameter_unsigned(event, 18, 0xFFFFFFFF)
    if event.nparams > 19:
        flags = <uint32_t>parameter_unsigned(event, 19, 0)
        row.exe_writable = flags & 1
        row.exe_upper_layer = (flags >> 1) & 1
        row.exe_from_memfd = (flags >> 2) & 1
        row.exe_lower_layer = (flags >> 3) & 1
    if event.nparams > 22:
        row.cap_inheritable = parameter_unsigned(event, 20, 0)
        row.cap_permitted = parameter_unsigned(event, 21, 0)
        row.cap_effective = parameter_unsigned(event, 22, 0)
    if event.nparams > 25:
        row.exe_inode = parameter_unsigned(event, 23, 0)
        row.exe_changed = parameter_unsigned(event, 24, 0)
        row.exe_modified = parameter_unsigned(event, 25, 0)
        date_program(row)
    if event.nparams > 26:
        row.uid = <uint32_t>parameter_unsigned(event, 26, row.uid)
    if event.nparams > 28:
        row.pgid = parameter_integer(event, 28, -1)
    if event.nparams > 29:
        row.gid = <uint32_t>parameter_unsigned(event, 29, row.gid)
    flags = row.flags & (CLONE_PIPE_SOURCE | CLONE_PIPE_DESTINATION | CLONE_INVERTED)
    row.flags = flags | CLONE_ACTIVE | CLONE_NAME_CHANGED
    thread.flags = row.flags


cdef void on_process_exit(State* state, Step* step) noexcept nogil:
    """The thread goes when the next event is read, so that this one still shows it."""
    if step.thread == NULL:
        return
    step.thread.flags |= CLONE_CLOSED
    state.remove_tid = step.event.tid
    state.remove_thread = 1


cdef void on_switch(State* state, Step* step) noexcept nogil:
    cdef Thread* main
    if step.thread == NULL or step.event.nparams < 6:
        return
    if not state.needs & (NEED_COUNTERS | NEED_MEMORY):
        # The main thread is looked up all the same, since that makes a stand-in for one that is not known.
        if not is_main(step.thread):
            main_thread(state, step.thread)
        return
    step.thread.pfmajor = parameter_unsigned(&step.event, 1, 0)
    step.thread.pfminor = parameter_unsigned(&step.event, 2, 0)
    main = main_thread(state, step.thread)
    if main != NULL:
        main.vmsize = <uint32_t>parameter_unsigned(&step.event, 3, 0)
        main.vmrss = <uint32_t>parameter_unsigned(&step.event, 4, 0)
        main.vmswap = <uint32_t>parameter_unsigned(&step.event, 5, 0)


cdef void on_memory_exit(State* state, Step* step) noexcept nogil:
    """brk, mmap, munmap."""
    if step.thread == NULL or step.event.nparams < 4 or not state.needs & (NEED_COUNTERS | NEED_MEMORY):
        return
    step.thread.vmsize = <uint32_t>parameter_unsigned(&step.event, 1, 0)
    step.thread.vmrss = <uint32_t>parameter_unsigned(&step.event, 2, 0)
    step.thread.vmswap = <uint32_t>parameter_unsigned(&step.event, 3, 0)


cdef void on_directory_exit(State* state, Step* step) noexcept nogil:
    """chdir, fchdir, getcwd."""
    cdef uint32_t length
    cdef const uint8_t* path
    cdef FdRow* fd
    if step.thread == NULL or parameter_integer(&step.event, 0, -1) < 0:
        return
    if step.event.type == SYSCALL_FCHDIR_X:
        if not step.fd:
            return
        fd = fd_row(state, step.fd)
        set_directory(state, step.thread, text_of(&state.strings, fd.name), length_of(&state.strings, fd.name))
        return
    path = parameter(&step.event, 1, &length)
    set_directory(state, step.thread, path, length)


cdef void on_chroot_exit(State* state, Step* step) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* path
    cdef Thread* main
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint32_t used
    cdef uint32_t cwd
    if step.thread == NULL or parameter_integer(&step.event, 0, -1) != 0:
        return
    path = parameter(&step.event, 1, &length)
    if length and path[0] == 47:
        thread_text(state, &thread_edit(state, step.thread).root, path, text_length(path, length))
    else:
        main = main_thread(state, step.thread)
        if main == NULL:
            return
        cwd = thread_row(state, main.row).cwd
        used = join_path(target, text_of(&state.strings, cwd), length_of(&state.strings, cwd), path, length,
                         state.modern)
        thread_text(state, &thread_edit(state, step.thread).root, target, used)
    resolve_container(state, step.thread)


cdef void take_identity(State* state, Step* step, uint32_t id) noexcept nogil:
    """Set the effective user or group, which of the two the type of the event says."""
    cdef uint32_t type = step.event.type
    cdef ThreadRow* row = thread_row(state, step.thread.row)
    if type == SYSCALL_SETUID_X or type == SYSCALL_SETRESUID_X or type == SYSCALL_SETREUID_X:
        if row.uid != id:
            thread_edit(state, step.thread).uid = id
    elif row.gid != id:
        thread_edit(state, step.thread).gid = id


cdef void on_identity_exit(State* state, Step* step) noexcept nogil:
    """setuid, setgid, setresuid, setresgid, setreuid, setregid, setsid, capset."""
    cdef const Event* source = &step.event
    cdef uint32_t index, id
    cdef uint32_t type = step.event.type
    cdef bint real_effective = (type == SYSCALL_SETRESUID_X or type == SYSCALL_SETRESGID_X)
    cdef ThreadRow* row
    if step.thread == NULL or parameter_integer(&step.event, 0, -1) < 0:
        return
    if type == SYSCALL_SETSID_X:
        thread_edit(state, step.thread).sid = parameter_integer(&step.event, 0, -1)
        return
    if type == SYSCALL_CAPSET_X:
        if step.event.nparams > 3:
            row = thread_edit(state, step.thread)
            row.cap_inheritable = parameter_unsigned(&step.event, 1, 0)
            row.cap_permitted = parameter_unsigned(&step.event, 2, 0)
            row.cap_effective = parameter_unsigned(&step.event, 3, 0)
        return
    if type == SYSCALL_SETREUID_X or type == SYSCALL_SETREGID_X:
        if step.event.nparams < 3:
            return
        index = 2
    elif step.event.nparams > 1:
        index = 2 if real_effective else 1
    elif load_enter(state, step):
        source = &step.enter
        index = 1 if real_effective else 0
    else:
        return
    id = <uint32_t>parameter_unsigned(source, index, 0xFFFFFFFF)
    if id == <uint32_t>NO_ID and index == (2 if source == &step.event else 1):
        return
    take_identity(state, step, id)


cdef void on_limit_exit(State* state, Step* step) noexcept nogil:
    """getrlimit, setrlimit, prlimit of the number of open files."""
    cdef const Event* source = &step.event
    cdef bint other = step.event.type == SYSCALL_PRLIMIT_X
    cdef uint32_t index
    cdef int64_t current, pid
    cdef Thread* thread = step.thread
    if thread == NULL or parameter_integer(&step.event, 0, -1) < 0 or step.event.nparams < 2:
        return
    if step.event.nparams > (6 if other else 3):
        index = 6 if other else 3
    elif load_enter(state, step):
        source = &step.enter
        index = 1 if other else 0
    else:
        return
    if <uint8_t>parameter_unsigned(source, index, 255) != RLIMIT_NOFILE:
        return
    current = parameter_integer(&step.event, 1, -1)
    if other:
        if current == -1:
            return
        pid = parameter_integer(source, index - 1, 0)
        if pid:
            thread = thread_get(state, pid)
    if thread != NULL:
        thread = main_thread(state, thread)
    if thread != NULL and thread_row(state, thread.row).fdlimit != current:
        thread_edit(state, thread).fdlimit = current
