"""The live tables as blocks: the process and descriptor lists with which a capture begins that was cut out of another.

Internal to the core. What the format's lists cannot say is said by events that are not to be shown: calls under way are
begun anew, sockets made that nothing was done with, and IPv6 sockets connected, whose roles readers do not find out. Those
of IPv4 sockets are lost where no list holds the socket that listens, as in sysdig's own files.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.choice cimport Choice
from scapcore.dispatch cimport PLAN_NO_THREAD, PLAN_SWITCH, PLAN_USES_FD
from scapcore.engine cimport Engine
from scapcore.events cimport FORM_COUNTED, FORM_LARGE
from scapcore.frames cimport store32
from scapcore.names cimport ipv4_ports, ipv4_server_port, ipv6_server_port, l4_protocol
from scapcore.schema.types cimport (SOCKET_ACCEPT_5_E, SOCKET_ACCEPT_5_X, SOCKET_CONNECT_E, SOCKET_CONNECT_X,
                                    SOCKET_SOCKET_E, SOCKET_SOCKET_X, SYSCALL_FCNTL_E)
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.write cimport BlockEncoder

cdef enum:
    BLOCK_PROCESSES = 0x215
    BLOCK_DESCRIPTORS = 0x218
    LIMIT_PATH = 1024
    LIMIT_ARGUMENTS = 4096
    LIMIT_NAME = 1023
    # Set by readers themselves
    READERS_FLAGS = CLONE_NAME_CHANGED | CLONE_ACTIVE
    STATE_ONLY = 1
    FAMILY_IPV6 = 10
    TUPLE_SIZE = 37


#: What a reader needs so that its tables can be written.
DUMP_NEEDS = NEED_MEMORY


cdef int put_number(BlockEncoder target, const State* state, uint32_t number, uint32_t most) except -1:
    """A text of the dictionary with its length before it."""
    cdef uint32_t length = min(length_of(&state.strings, number), most)
    target.put_u16(<uint16_t>length)
    return target.put(text_of(&state.strings, number), length)


cdef bint is_leaving(const State* state, const Thread* thread) noexcept nogil:
    """True for a thread that the next event will find gone."""
    return (state.remove_thread and thread.tid == state.remove_tid and not state.modern
            and not thread_row(state, thread.row).children)


cdef bint is_wanted(const State* state, const Thread* thread, Choice kept) noexcept:
    return thread != NULL and not is_leaving(state, thread) and (kept is None or kept.keeps(thread.tid))


cdef bint is_closed(const State* state, const Thread* thread, int64_t fd) noexcept nogil:
    cdef uint32_t index
    if thread.tid == state.remove_fd_tid:
        for index in range(state.remove_fd_count):
            if state.remove_fds[index] == fd:
                return True
    return False


cdef uint64_t moved(int64_t id, int64_t shift) noexcept nogil:
    return <uint64_t>(id + shift if id > 0 else id)


cdef int put_thread(BlockEncoder target, State* state, Thread* thread, int64_t shift) except -1:
    """An entry of a process list (scap format, section 4)."""
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef size_t entry = target.size
    # Only the newest tools tell of process groups of the machine.
    cdef bint newer = (row.namespace_start or row.tty or row.pgid > 0 or row.exe_inode or row.exe_from_memfd
                       or row.exe_upper_layer)
    target.put_u32(0)
    target.put_u64(moved(thread.tid, shift))
    target.put_u64(moved(row.pid, shift))
    target.put_u64(moved(row.ptid, shift))
    target.put_u64(<uint64_t>row.sid)
    target.put_u64(<uint64_t>row.vpgid)
    put_number(target, state, row.comm, LIMIT_PATH)
    put_number(target, state, row.exe, LIMIT_PATH)
    put_number(target, state, row.exepath, LIMIT_PATH)
    put_number(target, state, row.args, LIMIT_ARGUMENTS)
    if row.cwd:
        put_number(target, state, row.cwd, LIMIT_PATH)
    else:
        target.put_u16(1)
        target.put_u8(47)
    target.put_u64(<uint64_t>row.fdlimit)
    target.put_u32(row.flags & ~<uint32_t>READERS_FLAGS)
    target.put_u32(row.uid)
    target.put_u32(row.gid)
    target.put_u32(thread.vmsize)
    target.put_u32(thread.vmrss)
    target.put_u32(thread.vmswap)
    target.put_u64(thread.pfmajor)
    target.put_u64(thread.pfminor)
    put_number(target, state, row.env, LIMIT_ARGUMENTS)
    target.put_u64(moved(row.vtid, shift))
    target.put_u64(moved(row.vpid, shift))
    put_number(target, state, row.cgroups, LIMIT_ARGUMENTS)
    put_number(target, state, row.root, LIMIT_PATH)
    if newer:
        target.put_u64(row.namespace_start)
        target.put_u32(<uint32_t>row.tty)
    target.put_u32(row.loginuid)
    target.put_u8(row.exe_writable)
    target.put_u64(row.cap_inheritable)
    target.put_u64(row.cap_permitted)
    target.put_u64(row.cap_effective)
    if newer:
        target.put_u8(row.exe_upper_layer)
        target.put_u64(row.exe_inode)
        target.put_u64(row.exe_changed)
        target.put_u64(row.exe_modified)
        target.put_u8(row.exe_from_memfd)
        target.put_u8(row.exe_lower_layer)
        target.put_u64(<uint64_t>row.pgid)
    store32(target.data + entry, <uint32_t>(target.size - entry))
    return 0


cdef int put_fd(BlockEncoder target, State* state, int64_t number, FdRow* fd, const uint8_t* listening) except -1:
    """An entry of a descriptor list (scap format, section 5)."""
    cdef size_t entry = target.size
    cdef uint8_t type = fd.type
    cdef uint16_t port
    if type == FD_UNKNOWN or type > FD_PIDFD:
        type = FD_UNSUPPORTED
    target.put_u32(0)
    target.put_u64(<uint64_t>number)
    target.put_u64(fd.inode)
    target.put_u8(type)
    if type == FD_IPV4:
        port = ipv4_ports(fd)[1]
        # A reader turns the ends of what a server has accepted: the server's own end stands first in the list.
        if fd.role == ROLE_SERVER and listening[port >> 3] >> (port & 7) & 1:
            target.put(&fd.address[4], 4)
            target.put(&fd.address[0], 4)
            target.put_u16(ipv4_ports(fd)[1])
            target.put_u16(ipv4_ports(fd)[0])
            target.put_u8(fd.address[12])
        else:
            target.put(fd.address, 13)
    elif type == FD_IPV6:
        target.put(fd.address, 37)
    elif type == FD_IPV4_SERVER:
        target.put(fd.address, 7)
    elif type == FD_IPV6_SERVER:
        target.put(fd.address, 19)
    elif type == FD_UNIX:
        target.put(fd.address, 16)
        put_number(target, state, fd.name, LIMIT_NAME)
    elif type == FD_FILE_V2:
        target.put_u32(fd.open_flags)
        put_number(target, state, fd.name, LIMIT_NAME)
        target.put_u32(fd.device)
    else:
        put_number(target, state, fd.name, LIMIT_NAME)
    store32(target.data + entry, <uint32_t>(target.size - entry))
    return 0


cdef void find_listening(State* state, uint8_t* listening) noexcept nogil:
    """Ports on which something listens, as a reader of the lists will find them."""
    cdef uint32_t index, slot
    cdef FdTable* table
    cdef FdRow* fd
    cdef uint16_t port
    memset(listening, 0, 8192)
    for index in range(1, state.live_count):
        if state.live[index] == NULL or not state.live[index].fds.rows.mask:
            continue
        table = state.live[index].fds
        for slot in range(table.rows.mask + 1):
            if table.rows.values[slot]:
                fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
                if fd.type == FD_IPV4_SERVER or fd.type == FD_IPV6_SERVER:
                    port = ipv4_server_port(fd)[0] if fd.type == FD_IPV4_SERVER else ipv6_server_port(fd)[0]
                    listening[port >> 3] |= 1 << (port & 7)


cdef bint is_blank_socket(const FdRow* fd) noexcept nogil:
    """True for a socket that is neither bound nor connected: a list would say that all its addresses are zero."""
    return (fd.type == FD_IPV4 or fd.type == FD_IPV6) and not fd.name and fd.role == ROLE_NONE and not fd.from_list


cdef bint is_connection(const FdRow* fd) noexcept nogil:
    """True for an IPv6 socket that a call has to connect, or to accept, so that its role is known."""
    return (fd.type == FD_IPV6 and not fd.from_list and (
        fd.role == ROLE_CLIENT or (fd.role == ROLE_SERVER and l4_protocol(fd) == L4_TCP)))


cdef int put_fds(BlockEncoder target, State* state, Thread* thread, const uint8_t* listening, int64_t shift) except -1:
    """A descriptor list block."""
    cdef FdTable* table = thread.fds
    cdef FdRow* fd
    cdef size_t start
    cdef uint32_t slot
    if not table.rows.used:
        return 0
    start = target.begin_block(BLOCK_DESCRIPTORS)
    target.put_u64(moved(thread.tid, shift))
    for slot in range(table.rows.mask + 1):
        if table.rows.values[slot] and not is_closed(state, thread, table.rows.keys[slot]):
            fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
            if not is_blank_socket(fd) and not is_connection(fd):
                put_fd(target, state, table.rows.keys[slot], fd, listening)
    return target.end_block(start)


def dump_tables(Engine engine, BlockEncoder target, Choice kept=None, int64_t shift=0):
    """Write the process list and the descriptor lists as they are before the next event.

    Parameters
    ----------
    engine : Engine
        Of the reader that has come to the place.
    target : BlockEncoder
        Where the blocks go.
    kept : Choice, optional
        Knows which threads matter; others are left out.
    shift : int
        What is added to thread ids.

    Returns
    -------
    int
        How many threads were written.
    """
    cdef State* state = &engine.state
    cdef uint8_t[8192] listening
    cdef uint32_t index
    cdef int count = 0
    cdef size_t start = target.begin_block(BLOCK_PROCESSES)
    for index in range(1, state.live_count):
        if is_wanted(state, state.live[index], kept):
            put_thread(target, state, state.live[index], shift)
            count += 1
    target.end_block(start)
    find_listening(state, listening)
    for index in range(1, state.live_count):
        if is_wanted(state, state.live[index], kept):
            put_fds(target, state, state.live[index], listening, shift)
    return count


cdef size_t begin_event(BlockEncoder target, uint64_t time, int64_t tid, uint16_t type, uint32_t nparams,
                        uint32_t size) except? 0:
    """Begin an event that is not shown, up to the lengths of its parameters; where it begins."""
    cdef size_t start = target.size
    target.event_prefix(0, STATE_ONLY, False)
    target.put_u64(time)
    target.put_u64(<uint64_t>tid)
    target.put_u32(26 + 2 * nparams + size)
    target.put_u16(type)
    target.put_u32(nparams)
    return start


cdef int put_kind(BlockEncoder target, const FdRow* fd) except -1:
    """Domain, type and protocol of a socket."""
    cdef uint8_t l4 = l4_protocol(fd)
    target.put_u32(2 if fd.type == FD_IPV4 else 10)
    target.put_u32(3 if l4 == L4_RAW else 1 if l4 == L4_TCP else 2)
    target.put_u32(6 if l4 == L4_TCP else 17 if l4 == L4_UDP else 1 if l4 == L4_ICMP else 255 if l4 == L4_RAW else 2)
    return 0


cdef int put_socket(BlockEncoder target, uint64_t time, int64_t tid, int64_t number, const FdRow* fd,
                    bint enters) except -1:
    """The call that made a socket; `enters`: whether the capture has beginnings of calls."""
    cdef size_t start
    cdef int index
    if enters:
        start = begin_event(target, time, tid, SOCKET_SOCKET_E, 3, 3 * 4)
        for index in range(3):
            target.put_u16(4)
        put_kind(target, fd)
        target.end_block(start)
    start = begin_event(target, time, tid, SOCKET_SOCKET_X, 1 if enters else 4, 8 if enters else 8 + 3 * 4)
    target.put_u16(8)
    if not enters:
        for index in range(3):
            target.put_u16(4)
    target.put_u64(<uint64_t>number)
    if not enters:
        put_kind(target, fd)
    return target.end_block(start)


cdef int put_tuple(BlockEncoder target, const FdRow* fd) except -1:
    """The ends of an IPv6 connection, in the order of a parameter."""
    target.put_u8(FAMILY_IPV6)
    target.put(fd.address, 16)
    target.put(&fd.address[32], 2)
    target.put(&fd.address[16], 16)
    return target.put(&fd.address[34], 2)


cdef int put_connection(BlockEncoder target, uint64_t time, int64_t tid, int64_t number, const FdRow* fd,
                        bint enters) except -1:
    """The call that connected an IPv6 socket, or accepted it."""
    cdef size_t start
    if fd.role == ROLE_CLIENT:
        if enters:
            start = begin_event(target, time, tid, SOCKET_CONNECT_E, 1, 8)
            target.put_u16(8)
            target.put_u64(<uint64_t>number)
            target.end_block(start)
        start = begin_event(target, time, tid, SOCKET_CONNECT_X, 2 if enters else 3, 8 + TUPLE_SIZE + (0 if enters else 8))
        target.put_u16(8)
        target.put_u16(TUPLE_SIZE)
        if not enters:
            target.put_u16(8)
        target.put_u64(0)
        put_tuple(target, fd)
        if not enters:
            target.put_u64(<uint64_t>number)
        return target.end_block(start)
    if enters:
        target.end_block(begin_event(target, time, tid, SOCKET_ACCEPT_5_E, 0, 0))
    start = begin_event(target, time, tid, SOCKET_ACCEPT_5_X, 5, 8 + TUPLE_SIZE + 1 + 4 + 4)
    target.put_u16(8)
    target.put_u16(TUPLE_SIZE)
    target.put_u16(1)
    target.put_u16(4)
    target.put_u16(4)
    target.put_u64(<uint64_t>number)
    put_tuple(target, fd)
    target.put_u8(0)
    target.put_u32(0)
    target.put_u32(0)
    return target.end_block(start)


def dump_sockets(Engine engine, BlockEncoder target, uint64_t time, Choice kept=None):
    """Write the calls that made sockets of which lists cannot tell enough, as events that are not shown.

    Parameters
    ----------
    engine, target, kept
        As for :func:`dump_tables`.
    time : int
        When, ns since the epoch.
    """
    cdef State* state = &engine.state
    cdef FdTable* table
    cdef FdRow* fd
    cdef uint32_t index, slot
    for index in range(1, state.live_count):
        if not is_wanted(state, state.live[index], kept) or not state.live[index].fds.rows.used:
            continue
        table = state.live[index].fds
        for slot in range(table.rows.mask + 1):
            if not table.rows.values[slot] or is_closed(state, state.live[index], table.rows.keys[slot]):
                continue
            fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
            if is_blank_socket(fd):
                put_socket(target, time, state.live[index].tid, table.rows.keys[slot], fd, state.saw_enter)
            elif is_connection(fd):
                if fd.role == ROLE_CLIENT:
                    put_socket(target, time, state.live[index].tid, table.rows.keys[slot], fd, state.saw_enter)
                put_connection(target, time, state.live[index].tid, table.rows.keys[slot], fd, state.saw_enter)


def dump_calls(Engine engine, BlockEncoder target, Choice kept=None):
    """Write the beginnings of the calls that are under way, as events that are not shown.

    Where only the descriptor of a beginning is still known, the event has no other parameter; where not even that, or of an
    fcntl that duplicates nothing, there is none.

    Parameters
    ----------
    engine, target, kept
        As for :func:`dump_tables`.

    Returns
    -------
    int
        How many events were written.
    """
    cdef State* state = &engine.state
    cdef Thread* thread
    cdef uint32_t index
    cdef int count = 0
    cdef size_t start, header
    cdef uint16_t type
    for index in range(1, state.live_count):
        thread = state.live[index]
        # The latency is known once a call has ended.
        if not is_wanted(state, thread, kept) or not thread.enter_time or thread.latency:
            continue
        type = thread.last_type
        if type & 1 or engine.plans[type].bits & (PLAN_NO_THREAD | PLAN_SWITCH):
            continue
        if thread.has_stored and thread.stored_type == type:
            start = target.size
            target.event_prefix(0, STATE_ONLY, thread.stored_form & FORM_LARGE)
            # Counted as all blocks of these kinds are, also where the original was not.
            header = target.size
            target.put(thread.stored, 22)
            target.put_u32(thread.stored_nparams)
            put_rest(target, thread)
            store32(target.data + header + 16, <uint32_t>(target.size - header))
            target.end_block(start)
            count += 1
        # sysdig 0.29.3 looks for the command of an fcntl that is not shown where none is, and crashes.
        elif engine.plans[type].bits & PLAN_USES_FD and type != SYSCALL_FCNTL_E:
            start = target.size
            target.event_prefix(0, STATE_ONLY, False)
            target.put_u64(thread.enter_time)
            target.put_u64(<uint64_t>thread.tid)
            target.put_u32(26 + 2 + 8)
            target.put_u16(type)
            target.put_u32(1)
            target.put_u16(8)
            target.put_u64(<uint64_t>thread.last_fd)
            target.end_block(start)
            count += 1
        elif engine.plans[type].handler == NULL:
            # Nobody looks at its parameters; that it began tells how long the call takes.
            target.end_block(begin_event(target, thread.enter_time, thread.tid, type, 0, 0))
            count += 1
    return count


cdef int put_rest(BlockEncoder target, const Thread* thread) except -1:
    """Lengths and values of a stored event."""
    cdef uint32_t header = 26 if thread.stored_form & FORM_COUNTED else 22
    return target.put(thread.stored + header, thread.stored_length - header)
