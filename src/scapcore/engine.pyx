"""The state engine: walks the events of a batch in order and adds the dimension columns.

The rules, step by step, are those of the state engine's description, sections 1 and 2; what each event does to the
tables stands in `threads`, `descriptors`, `sockets` and `containers`.
"""

cimport cython
from cpython.ref cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from scapcore.containers cimport container_thread, on_cluster_event, on_container_event, refresh_pods
from scapcore.descriptors cimport *
from scapcore.events cimport *
from scapcore.families cimport leave_family, note_departure
from scapcore.hashing cimport map_slot
from scapcore.schema.tables cimport (EVENT_COUNT, EventType, Parameter, events_classic, events_modern,
                                     parameters_classic, parameters_modern)
from scapcore.schema.types cimport *
from scapcore.sections cimport add_user
from scapcore.sockets cimport *
from scapcore.sockets_modern cimport on_modern_connect, on_modern_transfer
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, text_of
from scapcore.threads cimport *
from scapcore.threads_modern cimport *

from scapcore.side import Side

cdef int64_t CANCELED_FD = INT64_MAX


cdef bint makes_no_thread(uint16_t type) noexcept nogil:
    """True for events whose thread is looked up but never invented."""
    return (type == SYSCALL_CLONE_11_X or type == SYSCALL_CLONE_16_X or type == SYSCALL_CLONE_17_X
            or type == SYSCALL_CLONE_20_X or type == SYSCALL_FORK_X or type == SYSCALL_FORK_17_X
            or type == SYSCALL_FORK_20_X or type == SYSCALL_VFORK_X or type == SYSCALL_VFORK_17_X
            or type == SYSCALL_VFORK_20_X or type == SYSCALL_CLONE3_X or type == SCHEDSWITCH_6_E)


cdef bint has_no_thread(uint16_t type) noexcept nogil:
    """True for events of the capture itself, which belong to no thread."""
    return (type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E or type == USER_ADDED_E or type == USER_DELETED_E
            or type == GROUP_ADDED_E or type == GROUP_DELETED_E or type == PLUGINEVENT_E or type == ASYNCEVENT_E)


cdef void run_delayed(State* state, uint64_t ts) noexcept nogil:
    """What the former event left to be done, so that it could still be shown whole."""
    cdef Thread* thread
    cdef uint32_t index
    if state.remove_thread:
        state.remove_thread = 0
        if state.modern:
            note_departure(state, state.remove_tid, ts)
            leave_family(state, state.remove_tid)
        else:
            thread_remove(state, state.remove_tid, False)
    if state.remove_fd_count:
        thread = thread_get(state, state.remove_fd_tid)
        if thread != NULL:
            for index in range(state.remove_fd_count):
                fd_remove(state, thread, state.remove_fds[index])
        state.remove_fd_count = 0


cdef void store_enter(State* state, Step* step) noexcept nogil:
    """Keep a copy of an enter event until its exit."""
    cdef Thread* thread = step.thread
    cdef uint32_t length = step.event.length
    cdef uint32_t end
    cdef uint8_t* grown
    if thread == NULL:
        return
    # What the schema's lengths cover; a capture's event may state more.
    end = <uint32_t>(step.event.values - step.event.header)
    cdef uint32_t index
    for index in range(step.event.nparams):
        end += parameter_length(&step.event, index)
    if length > STORED_SIZE or end > STORED_SIZE:
        return
    if end > thread.stored_capacity:
        grown = <uint8_t*>realloc(thread.stored, end + 64)
        if grown == NULL:
            state.failed = 1
            return
        thread.stored = grown
        thread.stored_capacity = end + 64
    memcpy(thread.stored, step.event.header, end)
    thread.stored_length = end
    thread.stored_type = step.event.type
    thread.stored_nparams = <uint16_t>step.event.nparams
    thread.stored_form = step.event.form
    thread.has_stored = 1


cdef void find_subjects(State* state, Step* step, const uint8_t* exit_fd) noexcept nogil:
    """Find the thread and the descriptor that an event is about (state engine, section 2)."""
    cdef Event* event = &step.event
    cdef Thread* thread
    cdef uint32_t flags = event.info.flags
    cdef FdTable* table
    cdef uint32_t* place
    cdef uint8_t first
    step.thread = NULL
    step.fd = 0
    step.error = 0
    if flags & EF_SKIPPARSERESET or has_no_thread(event.type):
        return
    if makes_no_thread(event.type) or (state.modern and event.type == PROCEXIT_1_E):
        thread = thread_find(state, event.tid)
    else:
        thread = thread_get(state, event.tid)
    step.thread = thread
    if thread == NULL or event.type == SCHEDSWITCH_6_E:
        return
    if not event.type & 1:
        thread.last_fd = -1
        thread.last_type = event.type
        thread.latency = 0
        thread.enter_time = event.ts
        if flags & EF_USES_FD:
            thread.last_fd = parameter_integer(event, 0, -1)
            step.fd = fd_find(state, thread, thread.last_fd)
        return
    if thread.enter_time:
        thread.latency = event.ts - thread.enter_time
    thread.stored_valid = event.type == thread.last_type + 1 or (
        state.modern and event.type == SYSCALL_EXECVE_19_X and thread.last_type == SYSCALL_EXECVEAT_E)
    if not thread.stored_valid:
        if not state.modern and <int>event.nparams <= event.info.reference:
            return
        # An exit event of the newer kind tells by itself what the enter event used to tell.
        thread.last_fd = -1
        thread.latency = 0
    first = exit_fd[event.type]
    if event.known and parameter_integer(event, 0, 0) < 0 and (
            (state.modern and flags & EF_FROM_SYSCALL) or (not state.modern and is_result(event.parameters[0].name))):
        step.error = 1
    if not flags & EF_USES_FD:
        return
    if event.type == SYSCALL_COPY_FILE_RANGE_X:
        thread.last_fd = parameter_integer(event, 1, -1)
    elif thread.last_fd == -1 and first != 255 and first < event.nparams and (
            state.modern or not thread.stored_valid):
        thread.last_fd = parameter_integer(event, first, -1)
    step.fd = fd_find(state, thread, thread.last_fd)
    if step.fd:
        table = table_of(state, thread)
        place = map_slot(&table.rows, thread.last_fd)
        if place[0] & FD_CLOSE_CANCELED:
            place[0] &= ~<uint32_t>FD_CLOSE_CANCELED
            state.remove_fds[0] = CANCELED_FD
            state.remove_fd_count = 1
            state.remove_fd_tid = thread.tid


cdef bint is_result(const char* name) noexcept nogil:
    return (name[0] == 114 and name[1] == 101 and name[2] == 115 and name[3] == 0) or (
        name[0] == 102 and name[1] == 100 and name[2] == 0)


cdef bint apply_modern(State* state, Step* step) noexcept nogil:
    """Change the tables where the newest libraries' rules are others; False if they are the same."""
    cdef uint16_t type = step.event.type
    cdef uint32_t length
    if type == SYSCALL_OPEN_E or type == SYSCALL_CREAT_E or type == SYSCALL_OPENAT_2_E or type == SYSCALL_OPENAT2_E \
            or type == SYSCALL_EXECVE_19_E or type == SYSCALL_EXECVEAT_E or type == SOCKET_CONNECT_E:
        parameter(&step.event, 0, &length)
        if length or type == SYSCALL_EXECVEAT_E or type == SOCKET_CONNECT_E:
            store_enter(state, step)
    elif not type & 1:
        if type == PROCEXIT_1_E:
            on_modern_end(state, step)
        elif type == SCHEDSWITCH_6_E:
            if parameter(&step.event, 5, &length) != NULL and length:
                on_switch(state, step)
        else:
            return False
    elif type == SYSCALL_READ_X or type == SYSCALL_READV_X or type == SYSCALL_PREAD_X or type == SYSCALL_PREADV_X \
            or type == SOCKET_RECV_X or type == SOCKET_RECVFROM_X or type == SOCKET_RECVMSG_X \
            or type == SOCKET_RECVMMSG_X or type == SYSCALL_WRITE_X or type == SYSCALL_WRITEV_X \
            or type == SYSCALL_PWRITE_X or type == SYSCALL_PWRITEV_X or type == SOCKET_SEND_X \
            or type == SOCKET_SENDTO_X or type == SOCKET_SENDMSG_X or type == SOCKET_SENDMMSG_X:
        on_modern_transfer(state, step)
    elif type == SYSCALL_CLONE_20_X or type == SYSCALL_FORK_20_X or type == SYSCALL_VFORK_20_X \
            or type == SYSCALL_CLONE3_X:
        on_modern_clone(state, step)
    elif type == SYSCALL_EXECVE_19_X or type == SYSCALL_EXECVEAT_X:
        on_modern_execve(state, step)
    elif type == SOCKET_CONNECT_X:
        on_modern_connect(state, step)
    elif type == SYSCALL_PIDFD_GETFD_X:
        on_pidfd_getfd_exit(state, step)
    elif type == SOCKET_GETSOCKOPT_X:
        pass
    elif type == SYSCALL_GETRLIMIT_X or type == SYSCALL_SETRLIMIT_X or type == SYSCALL_PRLIMIT_X:
        on_modern_limit(state, step)
    elif type == SYSCALL_BRK_4_X or type == SYSCALL_MMAP_X or type == SYSCALL_MMAP2_X or type == SYSCALL_MUNMAP_X:
        on_modern_memory(state, step)
    elif type == SYSCALL_SETUID_X or type == SYSCALL_SETGID_X or type == SYSCALL_SETRESUID_X \
            or type == SYSCALL_SETRESGID_X or type == SYSCALL_SETREUID_X or type == SYSCALL_SETREGID_X:
        on_modern_identity(state, step)
    elif type == SYSCALL_UNSHARE_X or type == SYSCALL_SETNS_X:
        on_modern_namespace(state, step)
    elif type == SYSCALL_PRCTL_X:
        on_modern_control(state, step)
    else:
        return False
    return True


cdef bint apply(State* state, Step* step) noexcept nogil:
    """Change the tables as an event says; False if it is not to be shown."""
    cdef uint16_t type = step.event.type
    if state.modern and apply_modern(state, step):
        return True
    if type == SYSCALL_OPEN_E or type == SYSCALL_CREAT_E or type == SYSCALL_OPENAT_E or type == SYSCALL_OPENAT_2_E \
            or type == SYSCALL_OPENAT2_E or type == SOCKET_SOCKET_E or type == SYSCALL_EVENTFD_E \
            or type == SYSCALL_CHDIR_E or type == SYSCALL_FCHDIR_E or type == SOCKET_SHUTDOWN_E \
            or type == SYSCALL_GETRLIMIT_E or type == SYSCALL_SETRLIMIT_E or type == SYSCALL_PRLIMIT_E \
            or type == SOCKET_SENDMSG_E or type == SYSCALL_SENDFILE_E or type == SYSCALL_SETRESUID_E \
            or type == SYSCALL_SETRESGID_E or type == SYSCALL_SETUID_E or type == SYSCALL_SETGID_E \
            or type == SYSCALL_EXECVE_18_E or type == SYSCALL_EXECVE_19_E or type == SYSCALL_EXECVEAT_E \
            or type == SYSCALL_SETPGID_E:
        store_enter(state, step)
    elif type == SOCKET_SENDTO_E:
        on_sendto_enter(state, step)
        store_enter(state, step)
    elif type == SYSCALL_FCNTL_E:
        if parameter_unsigned(&step.event, 1, 0) == 1 or parameter_unsigned(&step.event, 1, 0) == 26:
            store_enter(state, step)
    elif type == SYSCALL_READ_X or type == SYSCALL_WRITE_X or type == SOCKET_RECV_X or type == SOCKET_SEND_X \
            or type == SOCKET_RECVFROM_X or type == SOCKET_RECVMSG_X or type == SOCKET_SENDTO_X \
            or type == SOCKET_SENDMSG_X or type == SYSCALL_READV_X or type == SYSCALL_WRITEV_X \
            or type == SYSCALL_PREAD_X or type == SYSCALL_PWRITE_X or type == SYSCALL_PREADV_X \
            or type == SYSCALL_PWRITEV_X:
        on_transfer_exit(state, step)
    elif type == SYSCALL_OPEN_X or type == SYSCALL_CREAT_X or type == SYSCALL_OPENAT_X or type == SYSCALL_OPENAT_2_X \
            or type == SYSCALL_OPENAT2_X or type == SYSCALL_OPEN_BY_HANDLE_AT_X:
        on_open_exit(state, step)
    elif type == SYSCALL_CLONE_11_X or type == SYSCALL_CLONE_16_X or type == SYSCALL_CLONE_17_X \
            or type == SYSCALL_CLONE_20_X or type == SYSCALL_FORK_X or type == SYSCALL_FORK_17_X \
            or type == SYSCALL_FORK_20_X or type == SYSCALL_VFORK_X or type == SYSCALL_VFORK_17_X \
            or type == SYSCALL_VFORK_20_X or type == SYSCALL_CLONE3_X:
        on_clone_exit(state, step)
    elif type == SYSCALL_EXECVE_8_X or type == SYSCALL_EXECVE_13_X or type == SYSCALL_EXECVE_14_X \
            or type == SYSCALL_EXECVE_15_X or type == SYSCALL_EXECVE_16_X or type == SYSCALL_EXECVE_17_X \
            or type == SYSCALL_EXECVE_18_X or type == SYSCALL_EXECVE_19_X or type == SYSCALL_EXECVEAT_X:
        on_execve_exit(state, step)
    elif type == PROCEXIT_E or type == PROCEXIT_1_E:
        on_process_exit(state, step)
    elif type == SYSCALL_PIPE_X or type == SYSCALL_PIPE2_X:
        on_pipe_exit(state, step)
    elif type == SOCKET_SOCKET_X:
        on_socket_exit(state, step)
    elif type == SOCKET_BIND_X:
        on_bind_exit(state, step)
    elif type == SOCKET_CONNECT_E:
        on_connect_enter(state, step)
    elif type == SOCKET_CONNECT_X:
        on_connect_exit(state, step)
    elif type == SOCKET_ACCEPT_X or type == SOCKET_ACCEPT_5_X or type == SOCKET_ACCEPT4_X \
            or type == SOCKET_ACCEPT4_5_X or type == SOCKET_ACCEPT4_6_X:
        on_accept_exit(state, step)
    elif type == SYSCALL_CLOSE_E:
        on_close_enter(state, step)
    elif type == SYSCALL_CLOSE_X:
        on_close_exit(state, step)
    elif type == SYSCALL_CLOSE_RANGE_X:
        on_close_range_exit(state, step)
    elif type == SYSCALL_FCNTL_X:
        on_fcntl_exit(state, step)
    elif type == SYSCALL_DUP_X or type == SYSCALL_DUP_1_X or type == SYSCALL_DUP2_X or type == SYSCALL_DUP3_X:
        on_dup_exit(state, step)
    elif type == SYSCALL_EVENTFD_X or type == SYSCALL_EVENTFD2_X:
        on_special_exit(state, step, FD_EVENT)
    elif type == SYSCALL_SIGNALFD_X or type == SYSCALL_SIGNALFD4_X:
        on_special_exit(state, step, FD_SIGNALFD)
    elif type == SYSCALL_TIMERFD_CREATE_X:
        on_special_exit(state, step, FD_TIMERFD)
    elif type == SYSCALL_INOTIFY_INIT_X or type == SYSCALL_INOTIFY_INIT1_X:
        on_special_exit(state, step, FD_INOTIFY)
    elif type == SYSCALL_EPOLL_CREATE_X or type == SYSCALL_EPOLL_CREATE1_X:
        on_special_exit(state, step, FD_EVENTPOLL)
    elif type == SYSCALL_MEMFD_CREATE_X:
        on_special_exit(state, step, FD_MEMFD)
    elif type == SYSCALL_PIDFD_OPEN_X:
        on_special_exit(state, step, FD_PIDFD)
    elif type == SYSCALL_BPF_2_X:
        on_special_exit(state, step, FD_BPF)
    elif type == SYSCALL_USERFAULTFD_X:
        on_special_exit(state, step, FD_USERFAULTFD)
    elif type == SYSCALL_IO_URING_SETUP_X:
        on_special_exit(state, step, FD_IO_URING)
    elif type == SOCKET_SOCKETPAIR_X:
        on_socketpair_exit(state, step)
    elif type == SOCKET_GETSOCKOPT_X:
        on_getsockopt_exit(state, step)
    elif type == SYSCALL_CHDIR_X or type == SYSCALL_FCHDIR_X or type == SYSCALL_GETCWD_X:
        on_directory_exit(state, step)
    elif type == SYSCALL_CHROOT_X:
        on_chroot_exit(state, step)
    elif type == SYSCALL_GETRLIMIT_X or type == SYSCALL_SETRLIMIT_X or type == SYSCALL_PRLIMIT_X:
        on_limit_exit(state, step)
    elif type == SCHEDSWITCH_6_E:
        on_switch(state, step)
    elif type == SYSCALL_BRK_4_X or type == SYSCALL_MMAP_X or type == SYSCALL_MMAP2_X or type == SYSCALL_MUNMAP_X:
        on_memory_exit(state, step)
    elif type == SYSCALL_SETUID_X or type == SYSCALL_SETGID_X or type == SYSCALL_SETRESUID_X \
            or type == SYSCALL_SETRESGID_X or type == SYSCALL_SETREUID_X or type == SYSCALL_SETREGID_X \
            or type == SYSCALL_SETSID_X or type == SYSCALL_CAPSET_X:
        on_identity_exit(state, step)
    elif type == CONTAINER_E or type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E:
        return on_container_event(state, step)
    elif type == K8S_E:
        on_cluster_event(state, step)
    elif type == USER_ADDED_E or type == GROUP_ADDED_E:
        on_user_added(state, step)
    return True


cdef uint32_t keep_parameter(State* state, const Event* event, uint32_t index) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* data = parameter(event, index, &length)
    return strings_add(&state.strings, data, text_length(data, length))


cdef void on_user_added(State* state, Step* step) noexcept nogil:
    """A user or group that a capture tells of; those of containers are not the host's."""
    cdef const Event* event = &step.event
    cdef uint32_t length
    cdef const uint8_t* container
    cdef bint group = event.type == GROUP_ADDED_E
    container = parameter(event, 2 if group else 5, &length)
    if text_length(container, length):
        return
    if group:
        add_user(state, True, <uint32_t>parameter_unsigned(event, 0, 0), 0, keep_parameter(state, event, 1), 0, 0)
    else:
        add_user(state, False, <uint32_t>parameter_unsigned(event, 0, 0), <uint32_t>parameter_unsigned(event, 1, 0),
                 keep_parameter(state, event, 2), keep_parameter(state, event, 3), keep_parameter(state, event, 4))


cdef void on_slice(State* state, Step* step) noexcept nogil:
    """Time since the former switch on the same processor, which the thread that leaves has had."""
    cdef uint32_t cpu = event_cpu(&step.event)
    cdef uint64_t* grown
    cdef uint32_t capacity
    state.slice = 0
    if cpu >= state.switch_capacity:
        capacity = cpu + 64
        grown = <uint64_t*>realloc(state.switch_times, capacity * sizeof(uint64_t))
        if grown == NULL:
            state.failed = 1
            return
        memset(grown + state.switch_capacity, 0, (capacity - state.switch_capacity) * sizeof(uint64_t))
        state.switch_times = grown
        state.switch_capacity = capacity
    if state.switch_times[cpu]:
        state.slice = step.event.ts - state.switch_times[cpu]
    state.switch_times[cpu] = step.event.ts


cdef void fill_counters(State* state, Step* step, Thread* thread, uint64_t* counters) noexcept nogil:
    """Running values of a thread right after an event."""
    cdef Thread* main
    cdef bint switched = step.event.type == SCHEDSWITCH_1_E or step.event.type == SCHEDSWITCH_6_E
    counters[COUNTER_VMSIZE] = thread.vmsize
    counters[COUNTER_VMRSS] = thread.vmrss
    counters[COUNTER_VMSWAP] = thread.vmswap
    counters[COUNTER_PFMAJOR] = thread.pfmajor
    counters[COUNTER_PFMINOR] = thread.pfminor
    if switched:
        thread.slices += state.slice
    counters[COUNTER_SLICE] = state.slice if switched else 0
    counters[COUNTER_SLICES] = thread.slices
    main = thread_find(state, thread.pid) if thread.pid != thread.tid else thread
    counters[COUNTER_OPEN_FDS] = main.fds.rows.used if main != NULL else 0
    counters[COUNTER_USER_BEFORE] = thread.user_time
    counters[COUNTER_SYSTEM_BEFORE] = thread.system_time
    if step.event.type == PROCINFO_E:
        thread.user_time = parameter_unsigned(&step.event, 0, 0)
        thread.system_time = parameter_unsigned(&step.event, 1, 0)


@cython.no_gc      # what it holds never refers back, and the tables are asked until the last batch has gone
cdef class Engine:
    """The tables of one pass over a capture. Internal to the core.

    Parameters
    ----------
    needs : int
        Which costly columns to fill: bits NEED_LATENCY, NEED_COUNTERS, NEED_LINKS, NEED_CHANGES.
    modern : bool
        The rules of the newest libraries instead of those of sysdig 0.29.3.
    """

    def __cinit__(self, uint32_t needs, bint modern):
        cdef uint32_t type, index
        cdef const EventType* info
        cdef const Parameter* parameters
        memset(&self.state, 0, sizeof(State))
        self.modern = modern
        self.state.needs = needs
        self.state.modern = modern
        self.state.types = events_modern if modern else events_classic
        self.state.parameters = parameters_modern if modern else parameters_classic
        self.open = True
        self.side = Side()
        if not state_open(&self.state):
            raise MemoryError
        self.state.side = <void*><PyObject*>self.side
        for type in range(EVENT_COUNT):
            info = &self.state.types[type]
            parameters = &self.state.parameters[info.first]
            self.exit_fd[type] = 255
            for index in range(info.nparams):
                if parameters[index].type == PT_FD and (index > 0 or not type & 1):
                    self.exit_fd[type] = <uint8_t>index
                    break
        if modern:
            type = SYSCALL_SPLICE_X
            self.exit_fd[type] = 2      # the one that is written to

    def __dealloc__(self):
        if self.open:
            state_close(&self.state)

    cdef int set_machine(self, dict machine) except -1:
        """Take over what fields say about the machine."""
        cdef bytes name = machine.get("hostname", "").encode("utf-8", "replace")
        self.state.hostname = strings_add(&self.state.strings, <const uint8_t*><char*>name, len(name))
        self.state.boot_time = machine.get("boot_time", 0)
        return 0

    def threads(self):
        """Threads that are alive now: set of (thread id, process id)."""
        cdef uint32_t index
        found = set()
        for index in range(1, self.state.live_count):
            if self.state.live[index] != NULL:
                found.add((self.state.live[index].tid, self.state.live[index].pid))
        return found

    def rows(self):
        """Rows of the thread and of the descriptor dimension that are in use: tuple of (int, int)."""
        return (self.state.threads.count - 1 - self.state.threads.free_count,
                self.state.fds.count - 1 - self.state.fds.free_count)

    def containers(self):
        """Containers known so far, the newest record of each: list of (id, name)."""
        cdef uint32_t index
        cdef ContainerRow* row
        found = {}
        for index in range(1, self.state.container_count):
            row = &self.state.containers[index]
            found[self.text(row.id)] = self.text(row.name)
        return list(found.items())

    cdef str text(self, uint32_t number):
        """A text of the dictionary."""
        return text_of(&self.state.strings, number)[:length_of(&self.state.strings, number)].decode("utf-8", "replace")

    cdef void apply_side(self, const uint8_t* header, uint16_t nparams, uint8_t form) noexcept nogil:
        """Apply an event that takes no number."""
        cdef Step step
        step.thread = NULL
        step.fd = 0
        place_event(&step.event, header, load16(header + 20), nparams, form, self.state.types, self.state.parameters)
        apply(&self.state, &step)

    cdef void process(self, Columns* columns) noexcept nogil:
        """Fill the state columns of a batch."""
        cdef State* state = &self.state
        cdef Step step
        cdef Thread* thread
        cdef uint32_t index, row
        cdef uint16_t type
        cdef FdTable* table
        for index in range(columns.count):
            type = columns.type[index]
            state.index = index
            state.number = columns.first_number + index
            place_event(&step.event, columns.data + columns.offset[index], type, columns.nparams[index],
                        columns.form[index], state.types, state.parameters)
            if state.remove_thread or state.remove_fd_count:
                run_delayed(state, step.event.ts)
            if state.cluster_changed:
                refresh_pods(state)
            if state.needs & NEED_COUNTERS and (type == SCHEDSWITCH_1_E or type == SCHEDSWITCH_6_E):
                on_slice(state, &step)
            if not state.saw_enter and not type & 1 and events_modern[type].flags & EF_OLD_VERSION:
                state.saw_enter = True
            find_subjects(state, &step, self.exit_fd)
            if not apply(state, &step):
                columns.mark[index] |= MARK_HIDDEN
            if step.thread != NULL and type & 1:
                step.thread.has_stored = 0
                step.thread.stored_valid = 0
            # The columns
            if step.fd:
                columns.mark[index] |= MARK_FD
                if fd_row(state, step.fd).born == state.number and fd_row(state, step.fd).name_changed:
                    columns.mark[index] |= MARK_RENAMED
            if step.error:
                columns.mark[index] |= MARK_ERROR
            columns.fd[index] = 0
            columns.table[index] = 0
            if (type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E) and not state.modern:
                columns.thread[index] = container_thread(state, state.container_count - 1)
                columns.fd_number[index] = -1
                if state.needs & NEED_LATENCY:
                    columns.latency[index] = 0
                if state.needs & NEED_COUNTERS:
                    memset(columns.counters + <size_t>index * COUNTERS, 0, COUNTERS * sizeof(uint64_t))
                continue
            thread = step.thread if step.thread != NULL else thread_find(state, step.event.tid)
            if thread == NULL:
                columns.thread[index] = 0
                columns.fd_number[index] = -1
                if state.needs & NEED_LATENCY:
                    columns.latency[index] = 0
                if state.needs & NEED_COUNTERS:
                    memset(columns.counters + <size_t>index * COUNTERS, 0, COUNTERS * sizeof(uint64_t))
                    if type == SCHEDSWITCH_1_E or type == SCHEDSWITCH_6_E:
                        columns.counters[<size_t>index * COUNTERS + COUNTER_SLICE] = state.slice
                continue
            if state.needs & NEED_LINKS and thread.checked != state.epoch:
                refresh_links(state, thread, 0)
            columns.thread[index] = thread.row
            columns.fd_number[index] = thread.last_fd
            if step.event.info.flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
                row = step.fd
                if not row and thread.last_fd != -1:
                    row = fd_find(state, thread, thread.last_fd)
                columns.fd[index] = row
            if state.needs & NEED_CHANGES:
                table = table_of(state, thread)
                columns.table[index] = table.number if table != NULL else 0
            if state.needs & NEED_LATENCY:
                columns.latency[index] = thread.latency if step.thread != NULL else 0
            if state.needs & NEED_COUNTERS:
                fill_counters(state, &step, thread, columns.counters + <size_t>index * COUNTERS)
