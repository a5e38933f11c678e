"""Fields of descriptors (``fd.*``; state engine, section 6). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

from scapcore.buffer cimport put_byte, put_bytes, put_sanitized, put_signed, put_unsigned
from scapcore.events cimport MARK_RENAMED, load32, parameter, parameter_integer, text_length
from scapcore.fields cimport *
from scapcore.fields_thread cimport ancestor
from scapcore.names cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

from scapcore import domains

# name: (code, scope, type, format, needs)
FIELDS = {
    "fd.num": (FD_NUM, SCOPE_EVENT, PT_INT64, PF_ID, 0),
    "fd.type": (FD_TYPE, SCOPE_FD, PT_CHARBUF, PF_DEC, 0),
    "fd.typechar": (FD_TYPECHAR, SCOPE_FD, PT_CHARBUF, PF_DEC, 0),
    "fd.name": (FD_NAME, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.directory": (FD_DIRECTORY_NAME, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.filename": (FD_FILENAME, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.ip": (FD_IP, SCOPE_FD, PT_IPADDR, PF_NA, 0),
    "fd.cip": (FD_CIP, SCOPE_FD, PT_IPADDR, PF_NA, 0),
    "fd.sip": (FD_SIP, SCOPE_FD, PT_IPADDR, PF_NA, 0),
    "fd.lip": (FD_LIP, SCOPE_EVENT, PT_IPADDR, PF_NA, NEED_LINKS),
    "fd.rip": (FD_RIP, SCOPE_EVENT, PT_IPADDR, PF_NA, NEED_LINKS),
    "fd.port": (FD_PORT, SCOPE_FD, PT_PORT, PF_DEC, 0),
    "fd.cport": (FD_CPORT, SCOPE_FD, PT_PORT, PF_DEC, 0),
    "fd.sport": (FD_SPORT, SCOPE_FD, PT_PORT, PF_DEC, 0),
    "fd.lport": (FD_LPORT, SCOPE_EVENT, PT_PORT, PF_DEC, NEED_LINKS),
    "fd.rport": (FD_RPORT, SCOPE_EVENT, PT_PORT, PF_DEC, NEED_LINKS),
    "fd.l4proto": (FD_L4PROTO, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.sockfamily": (FD_SOCKFAMILY, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.is_server": (FD_IS_SERVER, SCOPE_EVENT, PT_BOOL, PF_NA, NEED_LINKS),
    "fd.uid": (FD_UID, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.containername": (FD_CONTAINERNAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.containerdirectory": (FD_CONTAINERDIRECTORY, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.proto": (FD_PROTO, SCOPE_FD, PT_PORT, PF_NA, 0),
    "fd.cproto": (FD_CPROTO, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.sproto": (FD_SPROTO, SCOPE_FD, PT_CHARBUF, PF_NA, 0),
    "fd.lproto": (FD_LPROTO, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS),
    "fd.rproto": (FD_RPROTO, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS),
    "fd.net": (FD_NET, SCOPE_FD, PT_IPNET, PF_NA, 0),
    "fd.cnet": (FD_CNET, SCOPE_FD, PT_IPNET, PF_NA, 0),
    "fd.snet": (FD_SNET, SCOPE_FD, PT_IPNET, PF_NA, 0),
    "fd.lnet": (FD_LNET, SCOPE_EVENT, PT_IPNET, PF_NA, NEED_LINKS),
    "fd.rnet": (FD_RNET, SCOPE_EVENT, PT_IPNET, PF_NA, NEED_LINKS),
    "fd.connected": (FD_CONNECTED, SCOPE_FD, PT_BOOL, PF_NA, 0),
    "fd.name_changed": (FD_NAME_CHANGED, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "fd.dev": (FD_DEV, SCOPE_FD, PT_INT32, PF_HEX, 0),
    "fd.dev.major": (FD_DEV_MAJOR, SCOPE_FD, PT_INT32, PF_DEC, 0),
    "fd.dev.minor": (FD_DEV_MINOR, SCOPE_FD, PT_INT32, PF_DEC, 0),
    "fd.ino": (FD_INO, SCOPE_FD, PT_INT64, PF_DEC, 0),
    "fd.nameraw": (FD_NAME_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.is_upper_layer": (FD_IS_UPPER_LAYER, SCOPE_FD, PT_BOOL, PF_NA, 0),
    "fd.is_lower_layer": (FD_IS_LOWER_LAYER, SCOPE_FD, PT_BOOL, PF_NA, 0),
    "fd.cip.name": (FD_CIP_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.sip.name": (FD_SIP_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fd.lip.name": (FD_LIP_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS),
    "fd.rip.name": (FD_RIP_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS),
}

cdef const char* TYPE_NAMES[22]
TYPE_NAMES[:] = [b"<NA>", b"file", b"directory", b"ipv4", b"ipv6", b"ipv4", b"ipv6", b"pipe", b"unix", b"event", b"<NA>",
                 b"signalfd", b"eventpoll", b"inotify", b"timerfd", b"netlink", b"file", b"bpf", b"userfaultfd",
                 b"io_uring", b"memfd", b"pidfd"]
cdef const char* TYPE_SIGNS = b"ofd4646pueXslitnfburmP"
cdef const char* PROTOCOLS[6]
PROTOCOLS[:] = [b"<NA>", b"<NA>", b"tcp", b"udp", b"icmp", b"raw"]


cdef const char* fd_type_name(uint8_t type) noexcept nogil:
    return TYPE_NAMES[type if type < 22 else 0]


cdef uint8_t fd_type_sign(uint8_t type) noexcept nogil:
    return <uint8_t>TYPE_SIGNS[type] if type < 22 else 63


cdef bint is_fd_special(Scope* scope) noexcept nogil:
    """True where a value is not a function of the descriptor row: it is missing, or a connect failed."""
    return not scope.fd or (scope.event.type == SOCKET_CONNECT_X and not scope.state.modern
                            and parameter_integer(&scope.event, 0, 0) < 0)


cdef int fd_ends(FdRow* fd, const uint8_t** addresses, unsigned short* ports, int* width) noexcept nogil:
    """Both ends of an IP socket, or the one of a server socket; how many there are."""
    if fd.type == FD_IPV4:
        addresses[0] = ipv4_source(fd)
        addresses[1] = ipv4_destination(fd)
        ports[0] = ipv4_ports(fd)[0]
        ports[1] = ipv4_ports(fd)[1]
        width[0] = 4
        return 2
    if fd.type == FD_IPV6:
        addresses[0] = ipv6_source(fd)
        addresses[1] = ipv6_destination(fd)
        ports[0] = ipv6_ports(fd)[0]
        ports[1] = ipv6_ports(fd)[1]
        width[0] = 16
        return 2
    if fd.type == FD_IPV4_SERVER:
        addresses[0] = ipv4_source(fd)
        ports[0] = ipv4_server_port(fd)[0]
        width[0] = 4
        return 1
    if fd.type == FD_IPV6_SERVER:
        addresses[0] = ipv6_source(fd)
        ports[0] = ipv6_server_port(fd)[0]
        width[0] = 16
        return 1
    return 0


cdef bint is_local(Scope* scope, const uint8_t* address, int width) noexcept nogil:
    """True if an address is this machine's, as the event's container sees it (state engine, section 6)."""
    cdef State* state = scope.state
    cdef ThreadRow* thread
    cdef ContainerRow* container
    cdef uint32_t index
    thread = thread_row(state, scope.thread)
    if width == 16:
        # A network is taken to be the first half of the address; containers have no IPv6 addresses of their own here.
        for index in range(state.interface6_count if not thread.container_id else 0):
            if memcmp(state.interfaces6[index].address, address, 8) == 0:
                return True
        return False
    if thread.container:
        container = &state.containers[thread.container]
        if container.ip:
            if load32(address) == container.ip:
                return True
        else:
            for index in range(1, scope.columns.container_count):
                if state.containers[index].ip == load32(address):
                    return True
    for index in range(state.interface_count):
        if state.interfaces[index].address == load32(address):
            return True
    return False


cdef bint put_created_name(Scope* scope) noexcept nogil:
    """Name that a failed call would have given; False for events that give none."""
    cdef uint32_t type = scope.event.type
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint32_t length, used, text, fd
    cdef const uint8_t* path
    cdef ThreadRow* main
    cdef int64_t dirfd
    cdef bint at = type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X
    if not type & 1:
        return False
    if type == SOCKET_ACCEPT_X or type == SOCKET_ACCEPT_5_X or type == SOCKET_ACCEPT4_X or type == SOCKET_ACCEPT4_5_X \
            or type == SOCKET_CONNECT_X or (type == SOCKET_ACCEPT4_6_X and scope.state.modern):
        path = parameter(&scope.event, 1, &length)
        put_socket_tuple(&scope.scratch, scope.state, l4_protocol(fd_row(scope.state, scope.fd)), path, length)
        return True
    if type == SYSCALL_OPENAT_X:
        return False
    if not at and type != SYSCALL_OPEN_X and type != SYSCALL_CREAT_X:
        return True
    path = parameter(&scope.event, 2 if at else 1, &length)
    if not at and length and path[0] == 47:
        put_sanitized(&scope.scratch, path, text_length(path, length))
        return True
    dirfd = parameter_integer(&scope.event, 1, -1) if at else -100
    used = 0
    if length and path[0] == 47:
        pass
    elif dirfd == -100:
        main = ancestor(scope, thread_row(scope.state, scope.thread), 0)
        if main != NULL:
            used = copy_path(scope.state, main.cwd, directory)
    else:
        fd = scope.fd
        if fd:
            text = fd_row(scope.state, fd).name
            used = copy_directory(scope.state, text, directory, scope.state.modern)
        else:
            memcpy(directory, b"<UNKNOWN>", 9)
            used = 9
    used = join_path(target, directory, used, path, length, scope.state.modern)
    put_bytes(&scope.scratch, target, used)
    return True


cdef void put_container(Scope* scope) noexcept nogil:
    cdef uint32_t text = thread_row(scope.state, scope.thread).container_id
    put_bytes(&scope.scratch, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))
    put_byte(&scope.scratch, 58)


cdef size_t cut_directory(const uint8_t* name, size_t length) noexcept nogil:
    """Length of the directory part; 0 where it is the root."""
    cdef size_t place = length
    while place and name[place - 1] != 47:
        place -= 1
    if place <= 1:
        return 0
    return length if place == length else place - 1


cdef bint give_name(Field* field, Scope* scope, Value* value) noexcept nogil:
    """fd.name, fd.directory, fd.filename and the two with the container's id in front."""
    cdef uint16_t code = field.code
    cdef FdRow* fd = fd_row(scope.state, scope.fd)
    cdef bint whole = code == FD_NAME or code == FD_CONTAINERNAME
    cdef bint with_container = code == FD_CONTAINERNAME or code == FD_CONTAINERDIRECTORY
    cdef bint file, made
    cdef size_t start = scope.scratch.used
    cdef size_t begin, length, cut
    cdef const uint8_t* name
    if with_container:
        put_container(scope)
    begin = scope.scratch.used
    made = is_fd_special(scope) if whole else not scope.fd
    if made:
        if code == FD_FILENAME:
            # The reference asks for an enter event here, which never has a name.
            return False
        if not put_created_name(scope):
            return False
        file = True
    else:
        file = fd.type == FD_FILE or fd.type == FD_FILE_V2
        if not whole and not file and not (fd.type == FD_DIRECTORY and code != FD_FILENAME):
            return False
        name = text_of(&scope.state.strings, fd.name)
        length = length_of(&scope.state.strings, fd.name)
        if code == FD_NAME and not (scope.printing and not scope.state.modern):
            return give_text(value, name, length)
        if scope.printing and not scope.state.modern:
            put_sanitized(&scope.scratch, name, length)
        else:
            put_bytes(&scope.scratch, name, length)
    if whole:
        return give_scratch(scope, value, start)
    name = scope.scratch.data + begin
    length = scope.scratch.used - begin
    if code == FD_FILENAME:
        cut = length
        while cut and name[cut - 1] != 47:
            cut -= 1
        if cut == 0:
            return give_text(value, b"/", 1)
        if cut == length:
            cut = 0
        return give_text(value, name + cut, length - cut)
    if file:
        cut = cut_directory(name, length)
        scope.scratch.used = begin + cut
        if cut == 0:
            put_byte(&scope.scratch, 47)
    return give_scratch(scope, value, start)


cdef uint8_t created_sign(uint32_t type) noexcept nogil:
    """Type character by the call alone, where there is no descriptor."""
    type |= 1
    if type == SYSCALL_OPEN_X or type == SYSCALL_OPENAT_X or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X \
            or type == SYSCALL_CREAT_X:
        return 102
    if type == SOCKET_SOCKET_X or type == SOCKET_ACCEPT_X or type == SOCKET_ACCEPT_5_X or type == SOCKET_ACCEPT4_X \
            or type == SOCKET_ACCEPT4_5_X:
        return 52
    if type == SYSCALL_PIPE_X:
        return 112
    if type == SYSCALL_EVENTFD_X:
        return 101
    if type == SYSCALL_SIGNALFD_X:
        return 115
    if type == SYSCALL_TIMERFD_CREATE_X:
        return 116
    if type == SYSCALL_INOTIFY_INIT_X:
        return 105
    return 111


cdef bint give_sign(Scope* scope, Value* value, uint8_t sign) noexcept nogil:
    cdef size_t start = scope.scratch.used
    put_byte(&scope.scratch, sign)
    return give_scratch(scope, value, start)


cdef bint give_port_text(Scope* scope, Value* value, bint given, uint16_t port) noexcept nogil:
    cdef size_t start = scope.scratch.used
    if given:
        put_port(&scope.scratch, scope.state, l4_protocol(fd_row(scope.state, scope.fd)), port)
    return give_scratch(scope, value, start)


cdef bint give_domain(Scope* scope, Value* value, bytes address) noexcept:
    """Name of an address, as far as somebody has asked for that name."""
    cdef bytes name = domains.name_of(address)
    cdef size_t start = scope.scratch.used
    if name is None:
        return False
    put_bytes(&scope.scratch, <const char*>name, len(name))
    return give_scratch(scope, value, start)


cdef bint give_raw_name(Scope* scope, Value* value) noexcept nogil:
    """The path as the program wrote it, slashes in a row made one; empty for what has no path."""
    cdef uint32_t type = scope.event.type
    cdef size_t start = scope.scratch.used
    cdef const uint8_t* data
    cdef uint32_t length, index, text
    if scope.fd:
        text = fd_row(scope.state, scope.fd).raw_name
        data = text_of(&scope.state.strings, text)
        length = length_of(&scope.state.strings, text)
    elif type == SYSCALL_OPEN_X or type == SYSCALL_CREAT_X or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X:
        data = parameter(&scope.event, 1 if type == SYSCALL_OPEN_X or type == SYSCALL_CREAT_X else 2, &length)
        length = text_length(data, length)
    else:
        return False
    for index in range(length):
        if not (index and data[index] == 47 and data[index - 1] == 47):
            put_byte(&scope.scratch, data[index])
    return give_scratch(scope, value, start)


cdef bint extract_fd(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef FdRow* fd
    cdef const uint8_t* addresses[2]
    cdef uint16_t ports[2]
    cdef int width = 0
    cdef int count, end
    cdef uint8_t protocol
    cdef uint32_t value_bits
    cdef size_t start
    if scope.state == NULL or not scope.thread:
        return False
    if not scope.event.info.flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
        return False
    if code == FD_NUM:
        return give_integer(value, PT_INT64, scope.columns.fd_number[scope.row])
    if code == FD_NAME or code == FD_CONTAINERNAME or code == FD_DIRECTORY_NAME or code == FD_CONTAINERDIRECTORY \
            or code == FD_FILENAME:
        return give_name(field, scope, value)
    if code == FD_TYPECHAR:
        return give_sign(scope, value, fd_type_sign(fd_row(scope.state, scope.fd).type) if scope.fd
                         else created_sign(scope.event.type))
    if code == FD_UID:
        start = scope.scratch.used
        put_signed(&scope.scratch, thread_row(scope.state, scope.thread).tid)
        put_signed(&scope.scratch, scope.columns.fd_number[scope.row])
        return give_scratch(scope, value, start)
    if code == FD_NAME_RAW:
        return give_raw_name(scope, value)
    if not scope.fd:
        return False
    fd = fd_row(scope.state, scope.fd)
    if code == FD_TYPE:
        return give_text(value, <const uint8_t*>fd_type_name(fd.type), strlen(fd_type_name(fd.type)))
    if code == FD_CONNECTED:
        return give_integer(value, PT_BOOL, fd.connected)
    if code == FD_NAME_CHANGED:
        return give_integer(value, PT_BOOL, scope.columns.mark[scope.row] & MARK_RENAMED != 0)
    if code == FD_DEV or code == FD_DEV_MAJOR or code == FD_DEV_MINOR:
        value_bits = fd.device
        if code == FD_DEV_MAJOR:
            value_bits = (value_bits & 0xFFF00) >> 8
        elif code == FD_DEV_MINOR:
            value_bits = (value_bits & 0xFF) | ((value_bits >> 12) & 0xFFF00)
        return give_integer(value, PT_INT32, <int64_t><int>value_bits)
    if code == FD_INO:
        return give_integer(value, PT_INT64, <int64_t>fd.inode)
    if code == FD_IS_UPPER_LAYER:
        return give_integer(value, PT_BOOL, fd.open_flags >> 15 & 1)
    if code == FD_IS_LOWER_LAYER:
        return give_integer(value, PT_BOOL, fd.open_flags >> 16 & 1)
    count = fd_ends(fd, addresses, ports, &width)
    if FD_CIP_NAME <= code <= FD_RIP_NAME:
        if count != 2 or fd.role == ROLE_NONE:
            return False
        end = 0 if code == FD_CIP_NAME else 1
        if code == FD_LIP_NAME or code == FD_RIP_NAME:
            end = 0 if is_local(scope, addresses[0], width) else 1
            if code == FD_RIP_NAME:
                end = 1 - end
        with gil:
            return give_domain(scope, value, addresses[end][:width])
    if code == FD_L4PROTO:
        protocol = l4_protocol(fd)
        if count != 1 and fd.role == ROLE_NONE and protocol != L4_RAW:
            return give_text(value, b"<NA>", 4)
        return give_text(value, <const uint8_t*>PROTOCOLS[protocol if protocol < 6 else 0],
                         strlen(PROTOCOLS[protocol if protocol < 6 else 0]))
    if code == FD_SOCKFAMILY:
        if count:
            return give_text(value, b"ip", 2)
        if fd.type == FD_UNIX:
            return give_text(value, b"unix", 4)
        return False
    if code == FD_IS_SERVER:
        if count == 1:
            return give_integer(value, PT_BOOL, 1)
        if count == 2:
            return give_integer(value, PT_BOOL, is_local(scope, addresses[1], width))
        return give_integer(value, PT_BOOL, 0)
    if code == FD_CPORT or code == FD_CPROTO:
        # The reference gives a port of 0 to whatever has a role but no client's end.
        if fd.role == ROLE_NONE:
            return False
        if code == FD_CPORT:
            return give_integer(value, PT_PORT, ports[0] if count == 2 else 0)
        return give_port_text(scope, value, count == 2, ports[0])
    if count == 0:
        return False
    if code == FD_SPORT:
        if count == 1:
            return give_integer(value, PT_PORT, ports[0])
        return give_integer(value, PT_PORT, ports[1]) if fd.role != ROLE_NONE else False
    if code == FD_SPROTO:
        if count == 1:
            return give_port_text(scope, value, False, 0)
        return give_port_text(scope, value, True, ports[1]) if fd.role != ROLE_NONE else False
    if fd.role == ROLE_NONE:
        return False
    if code == FD_SIP or code == FD_SNET:
        return give_address(value, addresses[count - 1], width)
    if code == FD_CIP or code == FD_CNET:
        return give_address(value, addresses[0], width) if count == 2 else False
    if count == 1:
        return False
    end = 0 if is_local(scope, addresses[0], width) else 1
    if code == FD_RIP or code == FD_RNET or code == FD_RPORT or code == FD_RPROTO:
        end = 1 - end
    if code == FD_LIP or code == FD_RIP or code == FD_LNET or code == FD_RNET:
        return give_address(value, addresses[end], width)
    if code == FD_LPORT or code == FD_RPORT:
        return give_integer(value, PT_PORT, ports[end])
    if code == FD_LPROTO or code == FD_RPROTO:
        return give_port_text(scope, value, True, ports[end])
    return False
