"""What the events of each type do to the tables: one handler a type, and what is looked up before it runs.

The tables are filled once for each engine; the engine's loop then asks no type by name. Facts: state engine,
sections 1 to 7. Internal to the core.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from scapcore.containers cimport on_cluster_event, on_container_event
from scapcore.descriptors cimport *
from scapcore.events cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType, Parameter, events_modern
from scapcore.schema.types cimport *
from scapcore.sections cimport add_user
from scapcore.sockets cimport *
from scapcore.sockets_modern cimport on_modern_connect, on_modern_transfer
from scapcore.state cimport *
from scapcore.strings cimport strings_add
from scapcore.threads cimport *
from scapcore.threads_modern cimport *


cdef enum:
    # Numbers of the format, not of the system
    F_DUPFD = 1
    F_DUPFD_CLOEXEC = 26


# What is looked up


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


cdef bint is_result(const char* name) noexcept nogil:
    return (name[0] == 114 and name[1] == 101 and name[2] == 115 and name[3] == 0) or (
        name[0] == 102 and name[1] == 100 and name[2] == 0)



# Handlers that are not about threads or descriptors


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


cdef void on_duplicating_enter(State* state, Step* step) noexcept nogil:
    """fcntl: only the commands that make a descriptor are of use at the exit."""
    if parameter_unsigned(&step.event, 1, 0) == F_DUPFD or parameter_unsigned(&step.event, 1, 0) == F_DUPFD_CLOEXEC:
        store_enter(state, step)


cdef void on_addressed_enter(State* state, Step* step) noexcept nogil:
    on_sendto_enter(state, step)
    store_enter(state, step)


cdef void on_container(State* state, Step* step) noexcept nogil:
    if not on_container_event(state, step):
        step.hidden = 1


cdef void on_special(State* state, Step* step) noexcept nogil:
    on_special_exit(state, step, special_type(step.event.type))


cdef uint8_t special_type(uint16_t type) noexcept nogil:
    """Type of the descriptor that a call makes which makes nothing else, 0 for other calls."""
    if type == SYSCALL_EVENTFD_X or type == SYSCALL_EVENTFD2_X:
        return FD_EVENT
    if type == SYSCALL_SIGNALFD_X or type == SYSCALL_SIGNALFD4_X:
        return FD_SIGNALFD
    if type == SYSCALL_TIMERFD_CREATE_X:
        return FD_TIMERFD
    if type == SYSCALL_INOTIFY_INIT_X or type == SYSCALL_INOTIFY_INIT1_X:
        return FD_INOTIFY
    if type == SYSCALL_EPOLL_CREATE_X or type == SYSCALL_EPOLL_CREATE1_X:
        return FD_EVENTPOLL
    if type == SYSCALL_MEMFD_CREATE_X:
        return FD_MEMFD
    if type == SYSCALL_PIDFD_OPEN_X:
        return FD_PIDFD
    if type == SYSCALL_BPF_2_X:
        return FD_BPF
    if type == SYSCALL_USERFAULTFD_X:
        return FD_USERFAULTFD
    if type == SYSCALL_IO_URING_SETUP_X:
        return FD_IO_URING
    return FD_UNKNOWN


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


# The newest libraries' rules, where they differ


cdef void store_named_enter(State* state, Step* step) noexcept nogil:
    """Keep an enter event that names a file."""
    cdef uint32_t length
    parameter(&step.event, 0, &length)
    if length:
        store_enter(state, step)


cdef void on_modern_switch(State* state, Step* step) noexcept nogil:
    cdef uint32_t length
    if parameter(&step.event, 5, &length) != NULL and length:
        on_switch(state, step)


# The tables


cdef void handle(TypePlan* plans, Handler handler, const uint16_t* types, size_t size) noexcept nogil:
    """Give some types their handler."""
    cdef size_t index
    for index in range(size // sizeof(uint16_t)):
        plans[types[index]].handler = handler


cdef void fill_classic(TypePlan* plans) noexcept nogil:
    """The rules of sysdig 0.29.3."""
    cdef uint16_t[23] types_0 = [SYSCALL_OPEN_E, SYSCALL_CREAT_E, SYSCALL_OPENAT_E, SYSCALL_OPENAT_2_E,
        SYSCALL_OPENAT2_E, SOCKET_SOCKET_E, SYSCALL_EVENTFD_E, SYSCALL_CHDIR_E, SYSCALL_FCHDIR_E, SOCKET_SHUTDOWN_E,
        SYSCALL_GETRLIMIT_E, SYSCALL_SETRLIMIT_E, SYSCALL_PRLIMIT_E, SOCKET_SENDMSG_E, SYSCALL_SENDFILE_E,
        SYSCALL_SETRESUID_E, SYSCALL_SETRESGID_E, SYSCALL_SETUID_E, SYSCALL_SETGID_E, SYSCALL_EXECVE_18_E,
        SYSCALL_EXECVE_19_E, SYSCALL_EXECVEAT_E, SYSCALL_SETPGID_E]
    cdef uint16_t[1] types_1 = [SOCKET_SENDTO_E]
    cdef uint16_t[1] types_2 = [SYSCALL_FCNTL_E]
    cdef uint16_t[14] types_3 = [SYSCALL_READ_X, SYSCALL_WRITE_X, SOCKET_RECV_X, SOCKET_SEND_X, SOCKET_RECVFROM_X,
        SOCKET_RECVMSG_X, SOCKET_SENDTO_X, SOCKET_SENDMSG_X, SYSCALL_READV_X, SYSCALL_WRITEV_X, SYSCALL_PREAD_X,
        SYSCALL_PWRITE_X, SYSCALL_PREADV_X, SYSCALL_PWRITEV_X]
    cdef uint16_t[6] types_4 = [SYSCALL_OPEN_X, SYSCALL_CREAT_X, SYSCALL_OPENAT_X, SYSCALL_OPENAT_2_X,
        SYSCALL_OPENAT2_X, SYSCALL_OPEN_BY_HANDLE_AT_X]
    cdef uint16_t[11] types_5 = [SYSCALL_CLONE_11_X, SYSCALL_CLONE_16_X, SYSCALL_CLONE_17_X, SYSCALL_CLONE_20_X,
        SYSCALL_FORK_X, SYSCALL_FORK_17_X, SYSCALL_FORK_20_X, SYSCALL_VFORK_X, SYSCALL_VFORK_17_X,
        SYSCALL_VFORK_20_X, SYSCALL_CLONE3_X]
    cdef uint16_t[9] types_6 = [SYSCALL_EXECVE_8_X, SYSCALL_EXECVE_13_X, SYSCALL_EXECVE_14_X, SYSCALL_EXECVE_15_X,
        SYSCALL_EXECVE_16_X, SYSCALL_EXECVE_17_X, SYSCALL_EXECVE_18_X, SYSCALL_EXECVE_19_X, SYSCALL_EXECVEAT_X]
    cdef uint16_t[2] types_7 = [PROCEXIT_E, PROCEXIT_1_E]
    cdef uint16_t[2] types_8 = [SYSCALL_PIPE_X, SYSCALL_PIPE2_X]
    cdef uint16_t[1] types_9 = [SOCKET_SOCKET_X]
    cdef uint16_t[1] types_10 = [SOCKET_BIND_X]
    cdef uint16_t[1] types_11 = [SOCKET_CONNECT_E]
    cdef uint16_t[1] types_12 = [SOCKET_CONNECT_X]
    cdef uint16_t[5] types_13 = [SOCKET_ACCEPT_X, SOCKET_ACCEPT_5_X, SOCKET_ACCEPT4_X, SOCKET_ACCEPT4_5_X,
        SOCKET_ACCEPT4_6_X]
    cdef uint16_t[1] types_14 = [SYSCALL_CLOSE_E]
    cdef uint16_t[1] types_15 = [SYSCALL_CLOSE_X]
    cdef uint16_t[1] types_16 = [SYSCALL_CLOSE_RANGE_X]
    cdef uint16_t[1] types_17 = [SYSCALL_FCNTL_X]
    cdef uint16_t[4] types_18 = [SYSCALL_DUP_X, SYSCALL_DUP_1_X, SYSCALL_DUP2_X, SYSCALL_DUP3_X]
    cdef uint16_t[1] types_19 = [SOCKET_SOCKETPAIR_X]
    cdef uint16_t[1] types_20 = [SOCKET_GETSOCKOPT_X]
    cdef uint16_t[3] types_21 = [SYSCALL_CHDIR_X, SYSCALL_FCHDIR_X, SYSCALL_GETCWD_X]
    cdef uint16_t[1] types_22 = [SYSCALL_CHROOT_X]
    cdef uint16_t[3] types_23 = [SYSCALL_GETRLIMIT_X, SYSCALL_SETRLIMIT_X, SYSCALL_PRLIMIT_X]
    cdef uint16_t[1] types_24 = [SCHEDSWITCH_6_E]
    cdef uint16_t[4] types_25 = [SYSCALL_BRK_4_X, SYSCALL_MMAP_X, SYSCALL_MMAP2_X, SYSCALL_MUNMAP_X]
    cdef uint16_t[8] types_26 = [SYSCALL_SETUID_X, SYSCALL_SETGID_X, SYSCALL_SETRESUID_X, SYSCALL_SETRESGID_X,
        SYSCALL_SETREUID_X, SYSCALL_SETREGID_X, SYSCALL_SETSID_X, SYSCALL_CAPSET_X]
    cdef uint16_t[3] types_27 = [CONTAINER_E, CONTAINER_JSON_E, CONTAINER_JSON_2_E]
    cdef uint16_t[2] types_28 = [USER_ADDED_E, GROUP_ADDED_E]
    cdef uint16_t[14] types_29 = [SYSCALL_EVENTFD_X, SYSCALL_EVENTFD2_X, SYSCALL_SIGNALFD_X, SYSCALL_SIGNALFD4_X,
        SYSCALL_TIMERFD_CREATE_X, SYSCALL_INOTIFY_INIT_X, SYSCALL_INOTIFY_INIT1_X, SYSCALL_EPOLL_CREATE_X,
        SYSCALL_EPOLL_CREATE1_X, SYSCALL_MEMFD_CREATE_X, SYSCALL_PIDFD_OPEN_X, SYSCALL_BPF_2_X,
        SYSCALL_USERFAULTFD_X, SYSCALL_IO_URING_SETUP_X]
    cdef uint16_t[1] types_30 = [K8S_E]
    handle(plans, store_enter, types_0, sizeof(types_0))
    handle(plans, on_addressed_enter, types_1, sizeof(types_1))
    handle(plans, on_duplicating_enter, types_2, sizeof(types_2))
    handle(plans, on_transfer_exit, types_3, sizeof(types_3))
    handle(plans, on_open_exit, types_4, sizeof(types_4))
    handle(plans, on_clone_exit, types_5, sizeof(types_5))
    handle(plans, on_execve_exit, types_6, sizeof(types_6))
    handle(plans, on_process_exit, types_7, sizeof(types_7))
    handle(plans, on_pipe_exit, types_8, sizeof(types_8))
    handle(plans, on_socket_exit, types_9, sizeof(types_9))
    handle(plans, on_bind_exit, types_10, sizeof(types_10))
    handle(plans, on_connect_enter, types_11, sizeof(types_11))
    handle(plans, on_connect_exit, types_12, sizeof(types_12))
    handle(plans, on_accept_exit, types_13, sizeof(types_13))
    handle(plans, on_close_enter, types_14, sizeof(types_14))
    handle(plans, on_close_exit, types_15, sizeof(types_15))
    handle(plans, on_close_range_exit, types_16, sizeof(types_16))
    handle(plans, on_fcntl_exit, types_17, sizeof(types_17))
    handle(plans, on_dup_exit, types_18, sizeof(types_18))
    handle(plans, on_socketpair_exit, types_19, sizeof(types_19))
    handle(plans, on_getsockopt_exit, types_20, sizeof(types_20))
    handle(plans, on_directory_exit, types_21, sizeof(types_21))
    handle(plans, on_chroot_exit, types_22, sizeof(types_22))
    handle(plans, on_limit_exit, types_23, sizeof(types_23))
    handle(plans, on_switch, types_24, sizeof(types_24))
    handle(plans, on_memory_exit, types_25, sizeof(types_25))
    handle(plans, on_identity_exit, types_26, sizeof(types_26))
    handle(plans, on_container, types_27, sizeof(types_27))
    handle(plans, on_user_added, types_28, sizeof(types_28))
    handle(plans, on_special, types_29, sizeof(types_29))
    handle(plans, on_cluster_event, types_30, sizeof(types_30))


cdef void fill_modern(TypePlan* plans) noexcept nogil:
    """What the newest libraries do in other ways."""
    cdef uint16_t[5] types_0 = [SYSCALL_OPEN_E, SYSCALL_CREAT_E, SYSCALL_OPENAT_2_E, SYSCALL_OPENAT2_E,
        SYSCALL_EXECVE_19_E]
    cdef uint16_t[2] types_1 = [SYSCALL_EXECVEAT_E, SOCKET_CONNECT_E]
    cdef uint16_t[1] types_2 = [PROCEXIT_1_E]
    cdef uint16_t[1] types_3 = [SCHEDSWITCH_6_E]
    cdef uint16_t[16] types_4 = [SYSCALL_READ_X, SYSCALL_READV_X, SYSCALL_PREAD_X, SYSCALL_PREADV_X, SOCKET_RECV_X,
        SOCKET_RECVFROM_X, SOCKET_RECVMSG_X, SOCKET_RECVMMSG_X, SYSCALL_WRITE_X, SYSCALL_WRITEV_X, SYSCALL_PWRITE_X,
        SYSCALL_PWRITEV_X, SOCKET_SEND_X, SOCKET_SENDTO_X, SOCKET_SENDMSG_X, SOCKET_SENDMMSG_X]
    cdef uint16_t[4] types_5 = [SYSCALL_CLONE_20_X, SYSCALL_FORK_20_X, SYSCALL_VFORK_20_X, SYSCALL_CLONE3_X]
    cdef uint16_t[2] types_6 = [SYSCALL_EXECVE_19_X, SYSCALL_EXECVEAT_X]
    cdef uint16_t[1] types_7 = [SOCKET_CONNECT_X]
    cdef uint16_t[1] types_8 = [SYSCALL_PIDFD_GETFD_X]
    cdef uint16_t[1] types_9 = [SOCKET_GETSOCKOPT_X]
    cdef uint16_t[3] types_10 = [SYSCALL_GETRLIMIT_X, SYSCALL_SETRLIMIT_X, SYSCALL_PRLIMIT_X]
    cdef uint16_t[4] types_11 = [SYSCALL_BRK_4_X, SYSCALL_MMAP_X, SYSCALL_MMAP2_X, SYSCALL_MUNMAP_X]
    cdef uint16_t[6] types_12 = [SYSCALL_SETUID_X, SYSCALL_SETGID_X, SYSCALL_SETRESUID_X, SYSCALL_SETRESGID_X,
        SYSCALL_SETREUID_X, SYSCALL_SETREGID_X]
    cdef uint16_t[2] types_13 = [SYSCALL_UNSHARE_X, SYSCALL_SETNS_X]
    cdef uint16_t[1] types_14 = [SYSCALL_PRCTL_X]
    handle(plans, store_named_enter, types_0, sizeof(types_0))
    handle(plans, store_enter, types_1, sizeof(types_1))
    handle(plans, on_modern_end, types_2, sizeof(types_2))
    handle(plans, on_modern_switch, types_3, sizeof(types_3))
    handle(plans, on_modern_transfer, types_4, sizeof(types_4))
    handle(plans, on_modern_clone, types_5, sizeof(types_5))
    handle(plans, on_modern_execve, types_6, sizeof(types_6))
    handle(plans, on_modern_connect, types_7, sizeof(types_7))
    handle(plans, on_pidfd_getfd_exit, types_8, sizeof(types_8))
    handle(plans, NULL, types_9, sizeof(types_9))
    handle(plans, on_modern_limit, types_10, sizeof(types_10))
    handle(plans, on_modern_memory, types_11, sizeof(types_11))
    handle(plans, on_modern_identity, types_12, sizeof(types_12))
    handle(plans, on_modern_namespace, types_13, sizeof(types_13))
    handle(plans, on_modern_control, types_14, sizeof(types_14))


cdef void make_plans(TypePlan* plans, const EventType* types, const Parameter* all_parameters, bint modern) noexcept nogil:
    """Fill the plans of all types."""
    cdef uint32_t type, index
    cdef const EventType* info
    cdef const Parameter* parameters
    cdef TypePlan* plan
    memset(plans, 0, EVENT_COUNT * sizeof(TypePlan))
    fill_classic(plans)
    if modern:
        fill_modern(plans)
    for type in range(EVENT_COUNT):
        plan = &plans[type]
        info = &types[type]
        parameters = &all_parameters[info.first]
        plan.exit_fd = NO_FD
        for index in range(info.nparams):
            if parameters[index].type == PT_FD and (index > 0 or not type & 1):
                plan.exit_fd = <uint8_t>index
                break
        if info.flags & EF_SKIPPARSERESET or has_no_thread(<uint16_t>type):
            plan.bits |= PLAN_NO_THREAD
        if makes_no_thread(<uint16_t>type) or (modern and type == PROCEXIT_1_E):
            plan.bits |= PLAN_NO_STAND_IN
        if type == SCHEDSWITCH_6_E:
            plan.bits |= PLAN_SWITCH
        if info.flags & EF_USES_FD:
            plan.bits |= PLAN_USES_FD
        if info.flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
            plan.bits |= PLAN_HAS_FD
        if not type & 1 and events_modern[type].flags & EF_OLD_VERSION:
            plan.bits |= PLAN_OLD_ENTER
        if type & 1 and info.nparams:
            if modern and info.flags & EF_FROM_SYSCALL or not modern and is_result(parameters[0].name):
                plan.bits |= PLAN_RESULT
        if not modern and (type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E):
            plan.bits |= PLAN_CONTAINER
    if modern:
        type = SYSCALL_SPLICE_X
        plans[type].exit_fd = 2      # the one that is written to
    type = SYSCALL_COPY_FILE_RANGE_X
    plans[type].bits |= PLAN_SECOND_FD
    if not modern:
        for type in range(EVENT_COUNT):
            plan = &plans[type]
            plan.common = common_kind(plan, type)
            plan.error_mark = MARK_ERROR if plan.bits & PLAN_RESULT else 0


cdef uint8_t common_kind(const TypePlan* plan, uint32_t type) noexcept nogil:
    """How events of a type are dealt with where nothing is odd about them, under the rules of sysdig 0.29.3."""
    if plan.handler == on_switch and plan.bits & PLAN_SWITCH:
        return COMMON_SWITCH
    if plan.bits & (PLAN_SWITCH | PLAN_NO_THREAD | PLAN_SECOND_FD | PLAN_CONTAINER):
        return COMMON_NOT
    if type & 1 and not plan.bits & PLAN_USES_FD and plan.bits & PLAN_HAS_FD:
        return COMMON_NOT
    if plan.handler == NULL:
        return COMMON_CALL
    if plan.handler == on_transfer_exit and not (type == SOCKET_RECVFROM_X or type == SOCKET_RECVMSG_X
                                                 or type == SOCKET_SENDTO_X or type == SOCKET_SENDMSG_X):
        return COMMON_TRANSFER
    return COMMON_NOT
