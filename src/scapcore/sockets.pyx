"""What socket events do to the tables (state engine, section 5). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from scapcore.buffer cimport Buffer, release
from scapcore.events cimport Event, load16, load32, parameter, parameter_integer, parameter_unsigned, text_length
from scapcore.names cimport *
from scapcore.schema.types cimport *
from scapcore.sockets_modern cimport is_address, is_tuple, rename_plain, rename_unix
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop

cdef int64_t EINPROGRESS = 115
cdef uint8_t[16] ZERO = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
cdef uint8_t[4] LOOPBACK = [127, 0, 0, 1]

cdef void set_name(State* state, FdRow* fd, int how, const uint8_t* data, uint32_t length) noexcept nogil:
    """Name a socket by an address or tuple parameter, or by its own ends."""
    cdef Buffer buffer
    cdef uint32_t old = fd.name
    memset(&buffer, 0, sizeof(Buffer))
    if how == NAME_ADDRESS:
        put_socket_address(&buffer, state, l4_protocol(fd), data, length)
    elif how == NAME_TUPLE:
        put_socket_tuple(&buffer, state, l4_protocol(fd), data, length)
    else:
        put_socket_name(&buffer, state, fd)
    fd.name = strings_add(&state.strings, buffer.data, buffer.used)
    if fd.name != old:
        state.renamed = state.number
    strings_drop(&state.strings, old)
    release(&buffer)


cdef void swap_bytes(uint8_t* one, uint8_t* other, int count) noexcept nogil:
    cdef int index
    cdef uint8_t value
    for index in range(count):
        value = one[index]
        one[index] = other[index]
        other[index] = value


cdef void swap_ends(FdRow* fd) noexcept nogil:
    if fd.type == FD_IPV4:
        swap_bytes(ipv4_source(fd), ipv4_destination(fd), 4)
        swap_bytes(<uint8_t*>ipv4_ports(fd), <uint8_t*>(ipv4_ports(fd) + 1), 2)
    else:
        swap_bytes(ipv6_source(fd), ipv6_destination(fd), 16)
        swap_bytes(<uint8_t*>ipv6_ports(fd), <uint8_t*>(ipv6_ports(fd) + 1), 2)


cdef bint set_ends(FdRow* fd, uint8_t* source, uint8_t* destination, uint16_t* ports, int width, bint same_type,
                   const uint8_t* new_source, uint16_t new_source_port, const uint8_t* new_destination,
                   uint16_t new_destination_port, bint overwrite) noexcept nogil:
    """Write a tuple into a socket; False if it is there already, in either direction (section 5.5)."""
    cdef bint changed = False
    if same_type:
        if (memcmp(source, new_source, width) == 0 and ports[0] == new_source_port
                and memcmp(destination, new_destination, width) == 0 and ports[1] == new_destination_port):
            return False
        if (memcmp(source, new_destination, width) == 0 and ports[0] == new_destination_port
                and memcmp(destination, new_source, width) == 0 and ports[1] == new_source_port):
            return False
    if memcmp(source, new_source, width):
        memcpy(source, new_source, width)
        changed = True
    if ports[0] != new_source_port:
        ports[0] = new_source_port
        changed = True
    if memcmp(destination, ZERO, width) == 0 or (overwrite and memcmp(destination, new_destination, width)):
        memcpy(destination, new_destination, width)
        changed = True
    if ports[1] == 0 or (overwrite and ports[1] != new_destination_port):
        ports[1] = new_destination_port
        changed = True
    return changed


cdef bint set_tuple(FdRow* fd, const uint8_t* data, uint32_t length, bint overwrite) noexcept nogil:
    """Write an IP tuple parameter into a socket, turning mapped addresses into IPv4; False if nothing changed."""
    cdef bint same
    if data[0] == 2 and length >= 13:
        same = fd.type == FD_IPV4
        fd.type = FD_IPV4
        return set_ends(fd, ipv4_source(fd), ipv4_destination(fd), ipv4_ports(fd), 4, same, data + 1, load16(data + 5),
                        data + 7, load16(data + 11), overwrite)
    if data[0] == 10 and length >= 37:
        if is_mapped(data + 1) and is_mapped(data + 19):
            same = fd.type == FD_IPV4
            fd.type = FD_IPV4
            return set_ends(fd, ipv4_source(fd), ipv4_destination(fd), ipv4_ports(fd), 4, same, data + 13,
                            load16(data + 17), data + 31, load16(data + 35), overwrite)
        same = fd.type == FD_IPV6
        return set_ends(fd, ipv6_source(fd), ipv6_destination(fd), ipv6_ports(fd), 16, same, data + 1, load16(data + 17),
                        data + 19, load16(data + 35), overwrite)
    return False


cdef void set_unix(FdRow* fd, const uint8_t* data, uint32_t length) noexcept nogil:
    """The two kernel pointers of a unix tuple; of anything shorter what there is, as the reference reads on."""
    cdef uint32_t count = length - 1 if length - 1 < 16 else 16
    memset(fd.address, 0, 16)
    memcpy(fd.address, data + 1, count)


cdef void infer_ipv4(State* state, uint8_t* target, const uint8_t* peer) noexcept nogil:
    """The interface's address that most likely talks to a peer (section 5.4); zero when there is none."""
    cdef uint32_t index
    cdef uint32_t address = load32(peer)
    cdef uint32_t found = 0
    for index in range(state.interface_count):
        if state.interfaces[index].address == address:
            memcpy(target, &state.interfaces[index].address, 4)
            return
    for index in range(state.interface_count):
        if not (state.interfaces[index].address ^ address) & state.interfaces[index].netmask:
            memcpy(target, &state.interfaces[index].address, 4)
            return
    for index in range(state.interface_count):
        if state.interfaces[index].address != load32(LOOPBACK):
            found = state.interfaces[index].address
            break
    memcpy(target, &found, 4)


cdef void infer_ipv6(State* state, uint8_t* target, const uint8_t* peer) noexcept nogil:
    cdef uint32_t index
    cdef int byte
    cdef bint inside
    cdef uint8_t[16] loopback
    memset(loopback, 0, 16)
    loopback[15] = 1
    for index in range(state.interface6_count):
        if memcmp(state.interfaces6[index].address, peer, 16) == 0:
            memcpy(target, peer, 16)
            return
    for index in range(state.interface6_count):
        # A network is taken to be the first half of the address.
        if memcmp(state.interfaces6[index].address, peer, 8) == 0:
            memcpy(target, state.interfaces6[index].address, 16)
            return
    for index in range(state.interface6_count):
        if memcmp(state.interfaces6[index].address, loopback, 16):
            memcpy(target, state.interfaces6[index].address, 16)
            return
    memset(target, 0, 16)


cdef void fill_from_interfaces(State* state, FdRow* fd) noexcept nogil:
    """Put the likely local address where a tuple has none (section 5.4)."""
    cdef uint8_t[16] inferred
    cdef uint8_t* source
    cdef uint8_t* destination
    cdef uint16_t* ports
    cdef int width
    if fd.type == FD_IPV4:
        source = ipv4_source(fd)
        destination = ipv4_destination(fd)
        ports = ipv4_ports(fd)
        width = 4
    elif fd.type == FD_IPV6:
        source = ipv6_source(fd)
        destination = ipv6_destination(fd)
        ports = ipv6_ports(fd)
        width = 16
    else:
        return
    if memcmp(source, ZERO, width) and memcmp(destination, ZERO, width):
        return
    if memcmp(source, ZERO, width):
        source = destination
        destination = ipv4_source(fd) if width == 4 else ipv6_source(fd)
    if width == 4:
        infer_ipv4(state, inferred, destination)
    else:
        infer_ipv6(state, inferred, destination)
    if memcmp(inferred, destination, width) == 0 and ports[0] == ports[1]:
        return
    memcpy(source, inferred, width)


cdef uint32_t add_socket(State* state, Step* step, int64_t fd, uint32_t domain, uint32_t type, uint32_t protocol) noexcept nogil:
    cdef uint32_t row = fd_new(state)
    cdef FdRow* entry
    cdef uint8_t l4 = L4_UNKNOWN
    cdef bint raw = type == 3
    if not row:
        return 0
    entry = fd_row(state, row)
    if domain == 1:
        entry.type = FD_UNIX
    elif domain == 2 or domain == 10:
        entry.type = FD_IPV4 if domain == 2 else FD_IPV6
        if protocol == 6:
            l4 = L4_RAW if raw else L4_TCP
        elif protocol == 17:
            l4 = L4_RAW if raw else L4_UDP
        elif protocol == 1:
            l4 = L4_RAW if raw else L4_ICMP
        elif protocol == 255:
            l4 = L4_RAW
        elif protocol == 0:
            if type & 0xFF == 1:
                l4 = L4_TCP
            elif type & 0xFF == 2:
                l4 = L4_UDP
        if domain == 2:
            ipv4_protocol(entry)[0] = l4
        else:
            ipv6_protocol(entry)[0] = l4
    elif domain == 16:
        entry.type = FD_NETLINK
    else:
        entry.type = FD_UNKNOWN
    step.fd = fd_add(state, step.thread, fd, row)
    return step.fd


cdef void on_socket_exit(State* state, Step* step) noexcept nogil:
    cdef const Event* source = &step.event
    cdef uint32_t first
    cdef int64_t fd = parameter_integer(&step.event, 0, -1)
    if step.thread == NULL or fd < 0:
        return
    if step.event.nparams > 3:
        first = 1
    elif load_enter(state, step):
        source = &step.enter
        first = 0
    else:
        return
    add_socket(state, step, fd, <uint32_t>parameter_unsigned(source, first, 0),
               <uint32_t>parameter_unsigned(source, first + 1, 0), <uint32_t>parameter_unsigned(source, first + 2, 0))
    if step.fd and step.event.nparams > 4:
        fd_row(state, step.fd).open_flags = <uint32_t>parameter_unsigned(&step.event, 4, 0)


cdef void on_socketpair_exit(State* state, Step* step) noexcept nogil:
    cdef uint32_t row
    cdef uint64_t[2] pointers
    cdef int index
    if step.thread == NULL or step.event.nparams < 5 or parameter_integer(&step.event, 0, -1) < 0:
        return
    if state.modern and parameter_integer(&step.event, 1, -1) == parameter_integer(&step.event, 2, -1):
        step.fd = 0
        return
    pointers[0] = parameter_unsigned(&step.event, 3, 0)
    pointers[1] = parameter_unsigned(&step.event, 4, 0)
    for index in range(1, 3):
        row = fd_new(state)
        if not row:
            return
        fd_row(state, row).type = FD_UNIX
        memcpy(fd_row(state, row).address, pointers, 16)
        step.fd = fd_add(state, step.thread, parameter_integer(&step.event, index, -1), row)


cdef void on_bind_exit(State* state, Step* step) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* data
    cdef FdRow* fd
    cdef uint16_t port
    cdef uint8_t l4
    if not step.fd or parameter_integer(&step.event, 0, -1) < 0:
        return
    data = parameter(&step.event, 1, &length)
    if length == 0 or (state.modern and not is_address(data, length)):
        return
    fd = fd_edit(state, step)
    if data[0] == 2 and length >= 7:
        port = load16(data + 5)
        if port:
            fd.type = FD_IPV4_SERVER
            l4 = ipv4_protocol(fd)[0]
            memcpy(ipv4_source(fd), data + 1, 4)
            ipv4_server_port(fd)[0] = port
            ipv4_server_protocol(fd)[0] = l4
            fd.role = ROLE_SERVER
    elif data[0] == 10 and length >= 19:
        port = load16(data + 17)
        if port:
            l4 = ipv6_protocol(fd)[0]
            if is_mapped(data + 1):
                fd.type = FD_IPV4_SERVER
                ipv4_server_protocol(fd)[0] = l4
                memcpy(ipv4_source(fd), data + 13, 4)
                ipv4_server_port(fd)[0] = port
            else:
                fd.type = FD_IPV6_SERVER
                ipv6_server_port(fd)[0] = port
                memcpy(ipv6_source(fd), data + 1, 16)
                l4 = ipv6_protocol(fd)[0]
                ipv6_server_protocol(fd)[0] = l4
            fd.role = ROLE_SERVER
    if state.modern and data[0] == 1:
        rename_plain(state, fd, data + 1, length - 1)
    else:
        set_name(state, fd, NAME_ADDRESS, data, length)


cdef void connect_address(State* state, Step* step, const uint8_t* data, uint32_t length) noexcept nogil:
    """What the address of a connect says before its result is known."""
    cdef FdRow* fd
    if not step.fd or length == 0:
        return
    fd = fd_edit(state, step)
    if data[0] == 2 and length >= 7:
        fd.type = FD_IPV4
        memcpy(ipv4_destination(fd), data + 1, 4)
        ipv4_ports(fd)[1] = load16(data + 5)
    elif data[0] == 10 and length >= 19:
        if is_mapped(data + 1):
            fd.type = FD_IPV4
            memcpy(ipv4_destination(fd), data + 13, 4)
            ipv4_ports(fd)[1] = load16(data + 17)
        else:
            fd.type = FD_IPV6
            ipv6_ports(fd)[1] = load16(data + 17)
            memcpy(ipv6_destination(fd), data + 1, 16)
    else:
        set_name(state, fd, NAME_ADDRESS, data, length)
        set_unix(fd, data, length)


cdef void on_connect_enter(State* state, Step* step) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* data
    if step.event.nparams < 2:
        return
    data = parameter(&step.event, 1, &length)
    connect_address(state, step, data, length)


cdef void on_connect_exit(State* state, Step* step) noexcept nogil:
    cdef int64_t result = parameter_integer(&step.event, 0, -1)
    cdef uint32_t length
    cdef const uint8_t* data
    cdef FdRow* fd
    cdef bint changed
    if not step.fd or (result < 0 and result != -EINPROGRESS):
        return
    if step.event.nparams > 3:
        data = parameter(&step.event, 3, &length)
        connect_address(state, step, data, length)
    data = parameter(&step.event, 1, &length)
    fd = fd_edit(state, step)
    fd.connected = 1
    if length == 0:
        return
    if data[0] == 2 or data[0] == 10:
        if data[0] == 10 and length >= 37 and not (is_mapped(data + 1) and is_mapped(data + 19)):
            # The reference sets the type first, so that an equal tuple counts as unchanged.
            fd.type = FD_IPV6
        else:
            fd.type = FD_IPV4
        changed = set_tuple(fd, data, length, False)
        if changed and fd.role == ROLE_SERVER and l4_protocol(fd) == L4_UDP:
            swap_ends(fd)
        set_name(state, fd, NAME_ENDS, NULL, 0)
    else:
        set_name(state, fd, NAME_TUPLE, data, length)
        set_unix(fd, data, length)
    if fd.role == ROLE_NONE:
        fd.role = ROLE_CLIENT


cdef void on_accept_exit(State* state, Step* step) noexcept nogil:
    cdef int64_t number = parameter_integer(&step.event, 0, -1)
    cdef uint32_t length, row
    cdef const uint8_t* data
    cdef FdRow* fd
    if step.thread == NULL or number < 0:
        return
    step.thread.last_fd = number
    data = parameter(&step.event, 1, &length)
    if state.modern and not is_tuple(data, length):
        return
    if length == 0 or not (data[0] == 1 or data[0] == 2 or data[0] == 10):
        return
    row = fd_new(state)
    if not row:
        return
    fd = fd_row(state, row)
    if data[0] == 1:
        fd.type = FD_UNIX
        set_unix(fd, data, length)
    else:
        fd.type = FD_IPV6 if data[0] == 10 else FD_IPV4
        set_tuple(fd, data, length, state.modern)
        if fd.type == FD_IPV4:
            ipv4_protocol(fd)[0] = L4_TCP
        else:
            ipv6_protocol(fd)[0] = L4_TCP
    if state.modern and data[0] == 1:
        rename_unix(state, fd, data, data + 17, length - 17)
    else:
        set_name(state, fd, NAME_TUPLE, data, length)
    if step.event.type == SOCKET_ACCEPT4_6_X:
        fd.open_flags = <uint32_t>parameter_unsigned(&step.event, 5, 0) & O_CLOEXEC
    fd.role = ROLE_SERVER
    fd.connected = 1
    step.fd = fd_add(state, step.thread, number, row)


cdef bint port_in_use(State* state, Thread* thread, uint16_t port, bint as_source) noexcept nogil:
    """True if a process has an IPv4 entry with that source port, or one bound to it as a destination."""
    cdef FdTable* table = table_of(state, thread)
    cdef uint32_t slot
    cdef FdRow* fd
    if table == NULL or not table.rows.mask:
        return False
    for slot in range(table.rows.mask + 1):
        if not table.rows.values[slot]:
            continue
        fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
        if fd.type == FD_IPV4:
            if ipv4_ports(fd)[0 if as_source else 1] == port:
                return True
        elif fd.type == FD_IPV4_SERVER and not as_source:
            if ipv4_server_port(fd)[0] == port:
                return True
    return False


cdef void complete_tuple(State* state, FdRow* fd) noexcept nogil:
    """What the tuple of a transfer leaves open: a protocol that nobody named is UDP."""
    if fd.type == FD_IPV4 and ipv4_protocol(fd)[0] == L4_UNKNOWN:
        ipv4_protocol(fd)[0] = L4_UDP
    elif fd.type == FD_IPV6 and ipv6_protocol(fd)[0] == L4_UNKNOWN:
        ipv6_protocol(fd)[0] = L4_UDP
    fill_from_interfaces(state, fd)


cdef bint update_tuple(State* state, FdRow* fd, const uint8_t* data, uint32_t length) noexcept nogil:
    """Take over the tuple of a transfer; False if it says nothing new."""
    cdef uint32_t old
    if length == 0:
        return False
    if data[0] == 1:
        fd.type = FD_UNIX
        set_unix(fd, data, length)
        return True
    if data[0] == 2:
        if fd.type == FD_IPV4_SERVER:
            ipv4_protocol(fd)[0] = ipv4_server_protocol(fd)[0]
        if not set_tuple(fd, data, length, False):
            return False
    elif data[0] == 10:
        if not set_tuple(fd, data, length, False):
            return False
    complete_tuple(state, fd)
    return True


cdef void on_transfer_exit(State* state, Step* step) noexcept nogil:
    """The read and write families."""
    cdef const Event* source = &step.event
    cdef uint32_t type = step.event.type
    cdef bint reads = step.event.info.flags & EF_READS_FROM_FD
    cdef FdRow* fd
    cdef int index = -1
    cdef uint32_t length
    cdef const uint8_t* data
    cdef uint8_t l4
    if not step.fd or parameter_integer(&step.event, 0, -1) < 0:
        return
    fd = fd_row(state, step.fd)
    if (fd.type == FD_IPV4 or fd.type == FD_IPV6) and not fd.connected:
        fd = fd_edit(state, step)
        fd.connected = 1
    if type == SOCKET_RECVFROM_X:
        index = 2
    elif type == SOCKET_RECVMSG_X:
        index = 3
    elif type == SOCKET_SENDTO_X or type == SOCKET_SENDMSG_X:
        index = 2
        if step.event.nparams > 4:
            index = 4
    if index < 0:
        return
    l4 = l4_protocol(fd)
    if length_of(&state.strings, fd.name) and l4 == L4_TCP and (fd.type == FD_IPV4 or fd.type == FD_IPV6):
        return
    if not reads and index == 2:
        if not load_enter(state, step):
            return
        source = &step.enter
    data = parameter(source, index, &length)
    if length == 0 or unchanged(fd, data, length, False):
        return
    fd = fd_edit(state, step)
    if not update_tuple(state, fd, data, length):
        return
    if fd.type == FD_IPV4 or fd.type == FD_IPV6:
        name_by_role(state, step, fd, reads)
    else:
        set_name(state, fd, NAME_TUPLE, data, length)


cdef bint unchanged(FdRow* fd, const uint8_t* data, uint32_t length, bint overwrite) noexcept nogil:
    """True if a socket holds that tuple already, so that most datagrams make no new row."""
    cdef FdRow copy
    if data[0] == 1:
        return False
    if fd.type != FD_IPV4 and fd.type != FD_IPV6:
        return False
    memcpy(&copy, fd, sizeof(FdRow))
    return not set_tuple(&copy, data, length, overwrite) and copy.type == fd.type


cdef void guess_role(State* state, Step* step, FdRow* fd, bint incoming) noexcept nogil:
    # The ports are read where an IPv4 tuple has them, whatever the type, as the reference does.
    if port_in_use(state, step.thread, ipv4_ports(fd)[1], False):
        if port_in_use(state, step.thread, ipv4_ports(fd)[0], True):
            fd.role = ROLE_SERVER if incoming else ROLE_CLIENT
        else:
            fd.role = ROLE_SERVER
    else:
        fd.role = ROLE_CLIENT


cdef void name_by_role(State* state, Step* step, FdRow* fd, bint incoming) noexcept nogil:
    """Put the client's end of a socket's tuple first and name the socket by it."""
    if fd.role == ROLE_NONE:
        guess_role(state, step, fd, incoming)
    if fd.role == (ROLE_CLIENT if incoming else ROLE_SERVER):
        swap_ends(fd)
    set_name(state, fd, NAME_ENDS, NULL, 0)


cdef void on_sendto_enter(State* state, Step* step) noexcept nogil:
    """A sendto on an unknown descriptor: the socket call was missed, so it is taken to be UDP."""
    cdef uint32_t length
    cdef const uint8_t* data
    cdef int64_t fd = parameter_integer(&step.event, 0, -1)
    if step.fd or step.thread == NULL or fd < 0:
        return
    data = parameter(&step.event, 2, &length)
    if length and (data[0] == 2 or data[0] == 10):
        add_socket(state, step, fd, data[0], 2, 17)


cdef void on_getsockopt_exit(State* state, Step* step) noexcept nogil:
    cdef Thread* main
    cdef int64_t fd
    if step.thread == NULL or step.event.nparams < 2:
        return
    fd = parameter_integer(&step.event, 1, -1)
    main = main_thread(state, step.thread)
    step.fd = fd_find(state, main, fd) if main != NULL else 0
    step.thread.last_fd = fd
