"""What socket events do to the tables under the newest libraries' rules (state engine, section 5). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_hex, release
from scapcore.events cimport Event, load16, load64, parameter, parameter_integer, text_length
from scapcore.names cimport *
from scapcore.schema.types cimport *
from scapcore.sockets cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop

cdef int64_t EINPROGRESS = 115
cdef uint32_t LONGEST_PATH = 108


cdef bint is_tuple(const uint8_t* data, uint32_t length) noexcept nogil:
    """True for a tuple parameter that is as long as its family needs."""
    if length == 0:
        return False
    if data[0] == 2:
        return length >= 13
    if data[0] == 10:
        return length >= 37
    if data[0] == 1:
        return length >= 18 and data[length - 1] == 0
    return True


cdef bint is_address(const uint8_t* data, uint32_t length) noexcept nogil:
    """The same of an address parameter."""
    if length == 0:
        return False
    if data[0] == 2:
        return length >= 7
    if data[0] == 10:
        return length >= 19
    if data[0] == 1:
        return length >= 2 and data[length - 1] == 0
    return True


cdef void rename(State* state, FdRow* fd, const uint8_t* name, size_t length) noexcept nogil:
    cdef uint32_t old = fd.name
    fd.name = strings_add(&state.strings, name, length)
    if fd.name != old:
        state.renamed = state.number
    strings_drop(&state.strings, old)


cdef void rename_plain(State* state, FdRow* fd, const uint8_t* path, uint32_t length) noexcept nogil:
    """Name a unix socket by a path, up to its NUL."""
    rename(state, fd, path, text_length(path, length))


cdef void rename_unix(State* state, FdRow* fd, const uint8_t* data, const uint8_t* path, uint32_t length) noexcept nogil:
    """Name a unix socket by the pointers of a tuple and a path."""
    cdef Buffer buffer
    memset(&buffer, 0, sizeof(Buffer))
    put_hex(&buffer, load64(data + 1), 1, False)
    put_bytes(&buffer, b"->", 2)
    put_hex(&buffer, load64(data + 9), 1, False)
    put_byte(&buffer, 32)
    put_bytes(&buffer, path, text_length(path, length))
    rename(state, fd, buffer.data, buffer.used)
    release(&buffer)


cdef void set_destination(State* state, FdRow* fd, const uint8_t* data, uint32_t length) noexcept nogil:
    """What the address of a connect says where there is no tuple."""
    if data[0] == 2:
        fd.type = FD_IPV4
        memcpy(ipv4_destination(fd), data + 1, 4)
        ipv4_ports(fd)[1] = load16(data + 5)
    elif data[0] == 10 and is_mapped(data + 1):
        fd.type = FD_IPV4
        memcpy(ipv4_destination(fd), data + 13, 4)
        ipv4_ports(fd)[1] = load16(data + 17)
    elif data[0] == 10:
        fd.type = FD_IPV6
        ipv6_ports(fd)[1] = load16(data + 17)
        memcpy(ipv6_destination(fd), data + 1, 16)


cdef void on_modern_connect(State* state, Step* step) noexcept nogil:
    cdef const Event* event = &step.event
    cdef int64_t result = parameter_integer(event, 0, -1)
    cdef uint32_t length, enter_length, exit_length
    cdef const uint8_t* data
    cdef const uint8_t* enter = NULL
    cdef const uint8_t* address
    cdef const uint8_t* path
    cdef uint8_t[40] copy
    cdef FdRow* fd
    cdef bint changed, trusted
    if step.thread == NULL or not step.fd or (result < 0 and result != -EINPROGRESS):
        return
    fd = fd_edit(state, step)
    fd.connected = 1
    enter_length = 0
    if load_enter(state, step):
        enter = parameter(&step.enter, 1, &enter_length)
        if not is_address(enter, enter_length):
            enter = NULL
    data = parameter(event, 1, &length)
    if length == 0:
        # So with a fast open, which is told before there is a tuple.
        if enter != NULL:
            set_destination(state, fd, enter, enter_length)
        return
    if not is_tuple(data, length):
        return
    address = parameter(event, 3, &exit_length)
    # A caller may change the address while the kernel works on it; where the tuple has it from the caller, that of
    # the enter event is what the kernel has seen.
    trusted = enter == NULL or not is_address(address, exit_length) or enter[0] != data[0] or address[0] != data[0]
    if data[0] == 2 or data[0] == 10:
        memcpy(copy, data, 37 if data[0] == 10 else 13)
        if not trusted and data[0] == 2 and memcmp(data + 7, address + 1, 6) == 0:
            memcpy(copy + 7, enter + 1, 6)
        elif not trusted and data[0] == 10 and memcmp(data + 19, address + 1, 18) == 0:
            memcpy(copy + 19, enter + 1, 18)
        if data[0] == 10 and not (is_mapped(copy + 1) and is_mapped(copy + 19)):
            fd.type = FD_IPV6
            changed = set_tuple(fd, copy, 37, True)
        else:
            fd.type = FD_IPV4
            changed = set_tuple(fd, copy, 37 if data[0] == 10 else 13, True)
        if changed and fd.role == ROLE_SERVER and fd.type == FD_IPV4 and l4_protocol(fd) == L4_UDP:
            swap_ends(fd)
        set_name(state, fd, NAME_ENDS, NULL, 0)
    else:
        if fd.type != FD_UNIX or data[0] != 1:
            return
        path = data + 17
        length -= 17
        exit_length = text_length(address + 1, exit_length - 1) if not trusted else 0
        if not trusted and exit_length == text_length(path, length) and memcmp(path, address + 1, exit_length) == 0:
            path = enter + 1
            length = enter_length - 1
        set_unix(fd, data, 17)
        rename_unix(state, fd, data, path, length)
    if fd.role == ROLE_NONE:
        fd.role = ROLE_CLIENT


cdef bint take_tuple(State* state, FdRow* fd, const uint8_t* data, uint32_t length) noexcept nogil:
    """Take over the tuple of a transfer; False if it says nothing new."""
    if data[0] == 1:
        fd.type = FD_UNIX
        set_unix(fd, data, length)
        return True
    if data[0] == 2:
        if fd.type == FD_IPV4_SERVER:
            ipv4_protocol(fd)[0] = ipv4_server_protocol(fd)[0]
        fd.type = FD_IPV4
    elif data[0] == 10 and is_mapped(data + 1) and is_mapped(data + 19):
        fd.type = FD_IPV4
    if (data[0] == 2 or data[0] == 10) and not set_tuple(fd, data, length, True):
        return False
    complete_tuple(state, fd)
    return True


cdef void on_modern_transfer(State* state, Step* step) noexcept nogil:
    """The read and write families."""
    cdef const Event* event = &step.event
    cdef uint16_t type = event.type
    cdef bint reads = event.info.flags & EF_READS_FROM_FD
    cdef int64_t result = parameter_integer(event, 0, -1)
    cdef FdRow* fd
    cdef uint32_t length
    cdef uint32_t index = 4
    cdef const uint8_t* data
    if step.thread == NULL or result < 0:
        return
    data = parameter(event, 4, &length)
    if not step.fd and length and (data[0] == 2 or data[0] == 10) and (
            type == SOCKET_SEND_X or type == SOCKET_SENDTO_X or type == SOCKET_SENDMSG_X):
        # The call that made the socket was missed; what is sent with an address is taken to be UDP.
        add_socket(state, step, parameter_integer(event, 2, -1), data[0], 2, 17)
    if not step.fd:
        return
    fd = fd_row(state, step.fd)
    if (fd.type == FD_IPV4 or fd.type == FD_IPV6) and not fd.connected:
        fd = fd_edit(state, step)
        fd.connected = 1
    if type == SOCKET_RECVFROM_X:
        index = 2
    elif type == SOCKET_RECVMSG_X:
        index = 3
    elif type != SOCKET_RECVMMSG_X and type != SOCKET_RECV_X and type != SOCKET_SEND_X and type != SOCKET_SENDTO_X \
            and type != SOCKET_SENDMSG_X and type != SOCKET_SENDMMSG_X:
        return
    if length_of(&state.strings, fd.name) and fd.type == FD_IPV4 and l4_protocol(fd) == L4_TCP:
        return
    data = parameter(event, index, &length)
    if not is_tuple(data, length) or unchanged(fd, data, length, True):
        return
    fd = fd_edit(state, step)
    if not take_tuple(state, fd, data, length):
        return
    if fd.type == FD_IPV4 or fd.type == FD_IPV6:
        name_by_role(state, step, fd, reads)
    elif data[0] == 1:
        rename_unix(state, fd, data, data + 17, length - 17)
    else:
        set_name(state, fd, NAME_TUPLE, data, length)
