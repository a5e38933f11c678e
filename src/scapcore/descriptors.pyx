"""What events on files and other plain descriptors do to the tables (state engine, section 4). Internal to the core."""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from scapcore.buffer cimport Buffer, put_signed, put_text, release
from scapcore.events cimport Event, parameter, parameter_integer, parameter_unsigned, text_length
from scapcore.hashing cimport hash_bytes, map_slot
from scapcore.names cimport copy_directory, copy_path, join_path
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop, strings_keep, text_of
from scapcore.threads_modern cimport directory_for, directory_of_thread

cdef int64_t AT_FDCWD = -100
# Bits of open flags for the layers of an overlay mount
cdef uint32_t UPPER_LAYER = 1 << 15
cdef uint32_t LOWER_LAYER = 1 << 16
cdef int64_t CANCELED_FD = INT64_MAX
cdef uint32_t ANY_CLOEXEC = O_CLOEXEC | 1           # the second is that of an epoll instance or a memfd
cdef uint32_t ADDED_FLAGS = 0xFFFFC000              # open flags that only the exit event knows


cdef enum:
    # How the path of a call becomes the name of its descriptor
    NAMED_BY_CALLER = 1
    NAMED_AT = 2
    NAMED_BY_HANDLE = 3


cdef uint32_t directory_of(State* state, Step* step, const uint8_t* path, uint32_t length, int64_t dirfd,
                           uint8_t* target) noexcept nogil:
    """Directory that a path of an *at call is relative to (state engine, section 8.2)."""
    cdef Thread* main
    cdef uint32_t text, used
    if length and path[0] == 47:
        target[0] = 46
        return 1
    if dirfd == AT_FDCWD:
        main = main_thread(state, step.thread)
        if main == NULL:
            return 0
        text = thread_row(state, main.row).cwd
        return copy_path(state, text, target)
    # The reference makes the directory the event's own descriptor, also if the call then fails.
    step.fd = fd_find(state, step.thread, dirfd)
    if not step.fd:
        memcpy(target, b"<UNKNOWN>", 9)
        return 9
    text = fd_row(state, step.fd).name
    return copy_directory(state, text, target, state.modern)


cdef bint is_given(const uint8_t* name, uint32_t length) noexcept nogil:
    """True for a path that a driver could read from the caller."""
    return length != 0 and not (length >= 6 and memcmp(name, b"(NULL)", 6) == 0 and (length == 6 or name[6] == 0))


cdef inline uint32_t entered(uint32_t flags, uint32_t before) noexcept nogil:
    """Flags of an open by its enter event, with what only the exit event knows."""
    return before | (flags & ADDED_FLAGS)


cdef bint is_opening(State* state, uint32_t row, const uint8_t* name, uint32_t length, uint32_t flags, uint32_t device,
                     uint64_t inode) noexcept nogil:
    """Whether a descriptor's row says just what an event says."""
    cdef const FdRow* fd = fd_row(state, row)
    cdef uint32_t known = length_of(&state.strings, fd.raw_name)
    if fd.open_flags != flags or fd.device != device or fd.inode != inode or known > length:
        return False
    return memcmp(text_of(&state.strings, fd.raw_name), name, known) == 0 and (known == length or name[known] == 0)


cdef void on_open_exit(State* state, Step* step) noexcept nogil:
    """open, creat, openat, openat2, open_by_handle_at."""
    cdef const Event* event = &step.event
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint32_t type = event.type
    cdef uint32_t flags = 0
    cdef uint32_t creation
    cdef uint32_t device = 0
    cdef uint64_t inode = 0
    cdef uint32_t length, other_length, used, row, count
    cdef const uint8_t* name
    cdef const uint8_t* other
    cdef int64_t dirfd = AT_FDCWD
    cdef int64_t fd
    cdef bint has_enter, kept
    cdef uint64_t hash = 0
    cdef uint32_t base = 0
    cdef Opening* opening
    cdef uint32_t place
    cdef Thread* main
    cdef FdRow* entry
    if step.thread == NULL:
        return
    has_enter = load_enter(state, step)
    fd = parameter_integer(event, 0, -1)
    count = step.enter.nparams if has_enter else 0
    if type == SYSCALL_OPEN_X:
        name = parameter(event, 1, &length)
        flags = <uint32_t>parameter_unsigned(event, 2, 0)
        device = <uint32_t>parameter_unsigned(event, 4, 0)
        inode = parameter_unsigned(event, 5, 0)
        if count >= 2:
            other = parameter(&step.enter, 0, &other_length)
            if is_given(other, other_length):
                name = other
                length = other_length
                flags = entered(flags, <uint32_t>parameter_unsigned(&step.enter, 1, 0))
    elif type == SYSCALL_CREAT_X:
        name = parameter(event, 1, &length)
        device = <uint32_t>parameter_unsigned(event, 3, 0)
        inode = parameter_unsigned(event, 4, 0)
        creation = <uint32_t>parameter_unsigned(event, 5, 0)
        flags = UPPER_LAYER if creation & 1 else LOWER_LAYER if creation & 2 else 0
        if count >= 1:
            other = parameter(&step.enter, 0, &other_length)
            if is_given(other, other_length):
                name = other
                length = other_length
    elif type == SYSCALL_OPENAT_X:
        if not has_enter:
            return
        name = parameter(&step.enter, 1, &length)
        flags = <uint32_t>parameter_unsigned(&step.enter, 2, 0)
        dirfd = parameter_integer(&step.enter, 0, -1)
    elif type == SYSCALL_OPEN_BY_HANDLE_AT_X:
        name = parameter(event, 3, &length)
        flags = <uint32_t>parameter_unsigned(event, 2, 0)
        device = <uint32_t>parameter_unsigned(event, 4, 0)
        inode = parameter_unsigned(event, 5, 0)
    else:
        dirfd = parameter_integer(event, 1, -1)
        name = parameter(event, 2, &length)
        flags = <uint32_t>parameter_unsigned(event, 3, 0)
        if type == SYSCALL_OPENAT_2_X:
            device = <uint32_t>parameter_unsigned(event, 5, 0)
            inode = parameter_unsigned(event, 6, 0)
        else:
            device = <uint32_t>parameter_unsigned(event, 6, 0)
            inode = parameter_unsigned(event, 7, 0)
        if count >= 3:
            other = parameter(&step.enter, 1, &other_length)
            if is_given(other, other_length):
                name = other
                length = other_length
                flags = entered(flags, <uint32_t>parameter_unsigned(&step.enter, 2, 0))
                dirfd = parameter_integer(&step.enter, 0, -1)
    if state.modern and not length:
        name = b"<NA>"
        length = 4
    creation = NAMED_BY_CALLER if type == SYSCALL_OPEN_X or type == SYSCALL_CREAT_X else \
        NAMED_BY_HANDLE if type == SYSCALL_OPEN_BY_HANDLE_AT_X else NAMED_AT
    # Programs open the same files again and again; what came out is kept as long as it depends on nothing else.
    opening = NULL
    main = NULL
    kept = creation == NAMED_AT and length and name[0] == 47
    if not kept and dirfd == AT_FDCWD:
        main = main_thread(state, step.thread)
        if main != NULL:
            base = thread_row(state, main.row).cwd
            kept = creation != NAMED_BY_HANDLE
    if kept and not (state.modern and creation == NAMED_AT and event.nparams < 2):
        if fd < 0:
            return
        hash = hash_bytes(name, length)
        for place in range(2):
            # Two places, so that two files that are opened in turn do not always push each other out.
            opening = &state.openings[(hash ^ place) & (OPENINGS - 1)]
            if opening.hash == hash and opening.row and opening.directory == base and opening.length == length \
                    and opening.rule == creation and is_opening(state, opening.row, name, length, flags, device, inode):
                fd_row(state, opening.row).references += 1
                state.renamed = state.number
                step.fd = fd_add(state, step.thread, fd, opening.row)
                return
            if not opening.row:
                break
    if state.modern:
        used = 0
        if creation == NAMED_BY_CALLER:
            used = directory_of_thread(state, step.thread, directory)
        elif creation == NAMED_AT and event.nparams > 1:
            used = directory_for(state, step, name, length, dirfd, directory)
    elif creation != NAMED_AT:
        # Unlike the *at calls these need the directory even for an absolute path, for the rule on length.
        used = copy_path(state, thread_row(state, main.row).cwd, directory) if main != NULL else 0
    else:
        used = directory_of(state, step, name, length, dirfd, directory)
    used = join_path(target, directory, used, name, length, state.modern)
    if fd < 0:
        return
    row = fd_new(state)
    if not row:
        return
    entry = fd_row(state, row)
    entry.type = FD_DIRECTORY if flags & O_DIRECTORY else FD_FILE_V2
    entry.open_flags = flags
    entry.device = device
    entry.inode = inode
    entry.name = strings_add(&state.strings, target, used)
    entry.raw_name = strings_add(&state.strings, name, text_length(name, length))
    if entry.name:
        state.renamed = state.number
    if opening != NULL and entry.name and entry.raw_name:
        fd_row_drop(state, opening.row)
        strings_drop(&state.strings, opening.directory)
        entry.references += 1
        strings_keep(&state.strings, base)
        opening.hash = hash
        opening.row = row
        opening.directory = base
        opening.length = length
        opening.rule = creation
    step.fd = fd_add(state, step.thread, fd, row)


cdef void on_close_enter(State* state, Step* step) noexcept nogil:
    if step.place != NULL:
        step.place[0] |= FD_CLOSING


cdef void remove_later(State* state, Thread* thread, int64_t fd) noexcept nogil:
    """Take a descriptor out when the next event is read, so that this one still shows it."""
    if state.remove_fd_count < 4:
        state.remove_fds[state.remove_fd_count] = fd
        state.remove_fd_count += 1
    state.remove_fd_tid = thread.tid


cdef void on_close_exit(State* state, Step* step) noexcept nogil:
    if step.thread == NULL or not step.fd:
        return
    if parameter_integer(&step.event, 0, -1) >= 0:
        remove_later(state, step.thread, step.thread.last_fd)
    elif step.place != NULL:
        step.place[0] &= ~<uint32_t>FD_CLOSING


cdef uint32_t with_flags(State* state, uint32_t row, uint32_t flags) noexcept nogil:
    """A copy of a descriptor with other open flags."""
    cdef uint32_t number = fd_copy(state, row)
    if number:
        fd_row(state, number).open_flags = flags
    return number


cdef void close_on_execve(State* state, FdTable* table, uint32_t slot) noexcept nogil:
    """Mark a descriptor so that it does not outlive an execve."""
    cdef uint32_t old = table.rows.values[slot] & FD_ROW_MASK
    cdef uint32_t number
    if fd_row(state, old).open_flags & O_CLOEXEC:
        return
    number = with_flags(state, old, fd_row(state, old).open_flags | O_CLOEXEC)
    if number:
        log_change(state, table.number, table.rows.keys[slot], old)
        table.rows.values[slot] = number
        fd_row_drop(state, old)


cdef void on_close_range_exit(State* state, Step* step) noexcept nogil:
    cdef FdTable* table
    cdef int64_t first, last, fd
    cdef uint32_t slot
    cdef uint32_t closing = 4       # CLOSE_RANGE_CLOEXEC
    if step.thread == NULL or step.event.nparams < 4 or parameter_integer(&step.event, 0, -1) < 0:
        return
    if parameter_unsigned(&step.event, 3, 0) & closing and not state.modern:
        return
    table = table_of(state, step.thread)
    if table == NULL or not table.rows.mask:
        return
    first = <int64_t><uint32_t>parameter_unsigned(&step.event, 1, 0)
    last = <int64_t><uint32_t>parameter_unsigned(&step.event, 2, 0)
    slot = 0
    while slot <= table.rows.mask:
        fd = table.rows.keys[slot]
        if table.rows.values[slot] and first <= fd <= last:
            if parameter_unsigned(&step.event, 3, 0) & closing:
                close_on_execve(state, table, slot)
                slot += 1
                continue
            fd_remove(state, step.thread, fd)   # shifts others into this place: look at it again
        else:
            slot += 1


cdef uint32_t add_typed(State* state, Step* step, int64_t fd, int type) noexcept nogil:
    cdef uint32_t row = fd_new(state)
    if not row:
        return 0
    fd_row(state, row).type = <uint8_t>type
    step.fd = fd_add(state, step.thread, fd, row)
    return step.fd


cdef void on_pipe_exit(State* state, Step* step) noexcept nogil:
    cdef uint64_t inode
    cdef int index
    if step.thread == NULL or step.event.nparams < 4 or parameter_integer(&step.event, 0, -1) < 0:
        return
    inode = parameter_unsigned(&step.event, 3, 0)
    for index in range(1, 3):
        if add_typed(state, step, parameter_integer(&step.event, index, -1), FD_FIFO):
            fd_row(state, step.fd).inode = inode
            fd_row(state, step.fd).open_flags = <uint32_t>parameter_unsigned(&step.event, 4, 0)


cdef void share(State* state, Step* step, int64_t fd) noexcept nogil:
    """Give the event's descriptor a second number; the row is the same, since rows never change."""
    fd_row(state, step.fd).references += 1
    step.fd = fd_add(state, step.thread, fd, step.fd)


cdef void share_modern(State* state, Step* step, int64_t fd, bint closes) noexcept nogil:
    """The same where it matters whether the descriptor outlives an execve, as the first number's flag does not go over."""
    cdef uint32_t old = fd_row(state, step.fd).open_flags
    cdef uint32_t flags = (old & ~ANY_CLOEXEC) | (O_CLOEXEC if closes else 0)
    if flags == old:
        share(state, step, fd)
    else:
        step.fd = fd_add(state, step.thread, fd, with_flags(state, step.fd, flags))


cdef void on_pidfd_getfd_exit(State* state, Step* step) noexcept nogil:
    """A descriptor of another process, found by the name of the one that stands for that process."""
    cdef const Event* event = &step.event
    cdef int64_t fd = parameter_integer(event, 0, -1)
    cdef uint32_t holder, wanted, length, place
    cdef const uint8_t* name
    cdef int64_t pid = 0
    cdef Thread* other
    if step.thread == NULL or fd < 0:
        return
    holder = fd_find(state, step.thread, parameter_integer(event, 1, -1))
    if not holder or fd_row(state, holder).type != FD_PIDFD:
        return
    name = text_of(&state.strings, fd_row(state, holder).name)
    length = length_of(&state.strings, fd_row(state, holder).name)
    for place in range(6, length):      # behind /proc/
        if not 48 <= name[place] <= 57 or place > 24:
            return
        pid = pid * 10 + name[place] - 48
    other = thread_find(state, pid)
    if other == NULL:
        return
    wanted = fd_find(state, other, parameter_integer(event, 2, -1))
    if wanted:
        step.fd = wanted
        share_modern(state, step, fd, True)


cdef void on_dup_exit(State* state, Step* step) noexcept nogil:
    """dup, dup2, dup3."""
    cdef int64_t result = parameter_integer(&step.event, 0, -1)
    cdef uint32_t bit = 0
    if step.thread == NULL or result < 0 or (state.modern and not step.fd):
        return
    if result == 0:
        bit = CLONE_PIPE_DESTINATION
    elif result == 1:
        bit = CLONE_PIPE_SOURCE
    if bit and not step.thread.flags & bit:
        step.thread.flags |= bit
        thread_edit(state, step.thread).flags |= bit
    if state.modern:
        share_modern(state, step, result, step.event.type == SYSCALL_DUP3_X
                     and parameter_unsigned(&step.event, 3, 0) & O_CLOEXEC != 0)
    elif step.fd:
        share(state, step, result)


cdef void on_fcntl_exit(State* state, Step* step) noexcept nogil:
    """fcntl with one of the two commands that make a descriptor; of the modern rules also that which sets its flag."""
    cdef int64_t result = parameter_integer(&step.event, 0, -1)
    cdef uint64_t command
    cdef uint64_t duplicate = 1         # F_DUPFD
    cdef uint64_t duplicate_close = 26  # F_DUPFD_CLOEXEC
    cdef uint64_t set_flag = 3          # F_SETFD
    cdef uint32_t flags
    if step.thread == NULL or result < 0 or not step.fd:
        return
    if step.event.nparams > 2:
        command = parameter_unsigned(&step.event, 2, 0)
    elif load_enter(state, step):
        command = parameter_unsigned(&step.enter, 1, 0)
    else:
        return
    if state.modern and command == set_flag:
        flags = fd_row(state, step.fd).open_flags & ~ANY_CLOEXEC
        if parameter_unsigned(&step.event, 3, 0) & 1:
            flags |= O_CLOEXEC
        if flags != fd_row(state, step.fd).open_flags:
            fd_edit(state, step).open_flags = flags
    elif state.modern and (command == duplicate or command == duplicate_close):
        share_modern(state, step, result, command == duplicate_close)
    elif command == duplicate or command == duplicate_close:
        share(state, step, result)


cdef void on_special_exit(State* state, Step* step, int type) noexcept nogil:
    """Calls that make a descriptor of a kind of its own: eventfd, signalfd, epoll_create, memfd_create, …"""
    cdef int64_t fd = parameter_integer(&step.event, 0, -1)
    cdef uint32_t length
    cdef const uint8_t* name
    cdef Buffer buffer
    if step.thread == NULL or fd < 0:
        return
    if not add_typed(state, step, fd, type):
        return
    if step.event.type == SYSCALL_EVENTFD2_X or step.event.type == SYSCALL_INOTIFY_INIT1_X \
            or step.event.type == SYSCALL_SIGNALFD4_X:
        fd_row(state, step.fd).open_flags = <uint32_t>parameter_unsigned(&step.event, 1, 0)
    elif type == FD_TIMERFD or type == FD_MEMFD or type == FD_PIDFD:
        fd_row(state, step.fd).open_flags = <uint32_t>parameter_unsigned(&step.event, 2, 0)
    elif step.event.type == SYSCALL_EPOLL_CREATE1_X and parameter_unsigned(&step.event, 1, 0) & 1:
        fd_row(state, step.fd).open_flags = O_CLOEXEC
    if type == FD_MEMFD:
        name = parameter(&step.event, 1, &length)
        fd_row(state, step.fd).name = strings_add(&state.strings, name, text_length(name, length))
    elif type == FD_PIDFD:
        buffer.data = NULL
        buffer.used = buffer.capacity = 0
        buffer.failed = False
        put_text(&buffer, b"/proc/")
        put_signed(&buffer, parameter_integer(&step.event, 1, 0))
        fd_row(state, step.fd).name = strings_add(&state.strings, buffer.data, buffer.used)
        release(&buffer)
