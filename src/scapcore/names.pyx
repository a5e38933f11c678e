"""Texts of addresses, tuples and paths (state engine, sections 6, 8 and 9). Internal to the core."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, strlen

from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_hex, put_sanitized, put_signed, put_text, put_unsigned
from scapcore.events cimport load16, load64, text_length
from scapcore.state cimport (FD_IPV4, FD_IPV4_SERVER, FD_IPV6, FD_IPV6_SERVER, FdRow, L4_ICMP, L4_RAW, L4_TCP, L4_UDP,
                             PATH_SIZE, PORTS, State)
from scapcore.strings cimport length_of, text_of

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int family, const void* source, char* target, unsigned int size)
    enum:
        AF_INET
        AF_INET6

cdef uint8_t[12] MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
cdef uint8_t[16] ZERO = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


cdef bint is_mapped(const uint8_t* address) noexcept nogil:
    """True for an IPv4 address in IPv6 form; the address of all zeros counts too (scap format, 6.3)."""
    return memcmp(address, MAPPED, 12) == 0 or memcmp(address, ZERO, 16) == 0


cdef void put_ipv4(Buffer* buffer, const uint8_t* address) noexcept nogil:
    cdef int index
    for index in range(4):
        if index:
            put_byte(buffer, 46)
        put_unsigned(buffer, address[index])


cdef uint32_t address_text(const uint8_t* address, uint32_t length, char* text) noexcept nogil:
    """Write an address of 4 or 16 bytes into ADDRESS_SIZE bytes; its length, 0 if it is none."""
    if (length != 4 and length != 16) or inet_ntop(AF_INET if length == 4 else AF_INET6, address, text, ADDRESS_SIZE) == NULL:
        return 0
    return <uint32_t>strlen(text)


cdef void put_ipv6(Buffer* buffer, const uint8_t* address) noexcept nogil:
    cdef char text[ADDRESS_SIZE]
    put_bytes(buffer, text, address_text(address, 16, text))


cdef void put_port(Buffer* buffer, const State* state, uint8_t protocol, uint16_t port) noexcept nogil:
    """A port as number, or as name where these are wanted and the service is known."""
    cdef uint32_t text = 0
    if state != NULL and state.services != NULL:
        text = state.services[(1 if protocol == L4_TCP else 2 if protocol == L4_UDP else 0) * PORTS + port]
    if text:
        put_bytes(buffer, text_of(&state.strings, text), length_of(&state.strings, text))
    else:
        put_unsigned(buffer, port)


cdef void put_end(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* address, uint16_t port,
                  bint wide) noexcept nogil:
    if wide:
        put_ipv6(buffer, address)
    else:
        put_ipv4(buffer, address)
    put_byte(buffer, 58)
    put_port(buffer, state, protocol, port)


cdef void put_ends(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* source, uint16_t source_port,
                   const uint8_t* destination, uint16_t destination_port, bint wide) noexcept nogil:
    put_end(buffer, state, protocol, source, source_port, wide)
    put_bytes(buffer, b"->", 2)
    put_end(buffer, state, protocol, destination, destination_port, wide)


cdef void put_socket_address(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* data,
                             uint32_t length) noexcept nogil:
    """Text of a SOCKADDR parameter."""
    if length == 0:
        put_bytes(buffer, b"NULL", 4)
    elif data[0] == 1:
        put_sanitized(buffer, data + 1, text_length(data + 1, length - 1))
    elif data[0] == 2:
        if length == 7:
            put_end(buffer, state, protocol, data + 1, load16(data + 5), False)
        else:
            put_bytes(buffer, b"INVALID IPv4", 12)
    elif data[0] == 10:
        if length == 19:
            put_end(buffer, state, protocol, data + 1, load16(data + 17), True)
        else:
            put_bytes(buffer, b"INVALID IPv6", 12)
    else:
        put_bytes(buffer, b"family ", 7)
        put_signed(buffer, <signed char>data[0])


cdef void put_socket_tuple(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* data,
                           uint32_t length) noexcept nogil:
    """Text of a SOCKTUPLE parameter; it shows ports whatever the protocol."""
    if length == 0:
        put_bytes(buffer, b"NULL", 4)
    elif data[0] == 2:
        if length == 13:
            put_ends(buffer, state, protocol, data + 1, load16(data + 5), data + 7, load16(data + 11), False)
        else:
            put_bytes(buffer, b"INVALID IPv4", 12)
    elif data[0] == 10:
        if length != 37:
            put_bytes(buffer, b"INVALID IPv6", 12)
        elif is_mapped(data + 1) and is_mapped(data + 19):
            put_ends(buffer, state, protocol, data + 13, load16(data + 17), data + 31, load16(data + 35), False)
        else:
            put_ends(buffer, state, protocol, data + 1, load16(data + 17), data + 19, load16(data + 35), True)
    elif data[0] == 1 and length >= 17:
        put_hex(buffer, load64(data + 1), 1, False)
        put_bytes(buffer, b"->", 2)
        put_hex(buffer, load64(data + 9), 1, False)
        put_byte(buffer, 32)
        put_sanitized(buffer, data + 17, text_length(data + 17, length - 17))
    else:
        put_bytes(buffer, b"family ", 7)
        put_signed(buffer, <signed char>data[0])


cdef void put_socket_name(Buffer* buffer, const State* state, const FdRow* fd) noexcept nogil:
    """Name of a connected IP socket from its addresses."""
    cdef FdRow* row = <FdRow*>fd
    cdef uint8_t protocol = l4_protocol(fd)
    cdef bint ports = protocol == L4_TCP or protocol == L4_UDP
    if fd.type == FD_IPV4:
        if ports:
            put_ends(buffer, state, protocol, ipv4_source(row), ipv4_ports(row)[0],
                     ipv4_destination(row), ipv4_ports(row)[1], False)
        elif protocol == L4_ICMP or protocol == L4_RAW:
            put_ipv4(buffer, ipv4_source(row))
            put_bytes(buffer, b"->", 2)
            put_ipv4(buffer, ipv4_destination(row))
        else:
            put_bytes(buffer, b"<unknown>", 9)
    elif fd.type == FD_IPV6:
        if ports:
            if is_mapped(ipv6_source(row)) and is_mapped(ipv6_destination(row)):
                # The reference takes the ports from where an IPv4 tuple has them.
                put_ends(buffer, state, protocol, ipv6_source(row) + 12, ipv4_ports(row)[0], ipv6_destination(row) + 12,
                         ipv4_ports(row)[1], False)
            else:
                put_ends(buffer, state, protocol, ipv6_source(row), ipv6_ports(row)[0],
                         ipv6_destination(row), ipv6_ports(row)[1], True)
        elif protocol == L4_ICMP:
            put_ipv6(buffer, ipv6_source(row))
            put_bytes(buffer, b"->", 2)
            put_ipv6(buffer, ipv6_destination(row))
        else:
            put_bytes(buffer, b"<unknown>", 9)


cdef void put_listed_name(Buffer* buffer, const State* state, const FdRow* fd) noexcept nogil:
    """Name of a socket of the capture's descriptor lists: with ports whatever the protocol."""
    cdef FdRow* row = <FdRow*>fd
    cdef uint8_t protocol = l4_protocol(fd)
    if fd.type == FD_IPV4:
        put_ends(buffer, state, protocol, ipv4_source(row), ipv4_ports(row)[0],
                 ipv4_destination(row), ipv4_ports(row)[1], False)
    elif fd.type == FD_IPV6:
        put_ends(buffer, state, protocol, ipv6_source(row), ipv6_ports(row)[0],
                 ipv6_destination(row), ipv6_ports(row)[1], True)
    elif fd.type == FD_IPV4_SERVER:
        put_end(buffer, state, protocol, ipv4_source(row), ipv4_server_port(row)[0], False)
    elif fd.type == FD_IPV6_SERVER:
        put_end(buffer, state, protocol, ipv6_source(row), ipv6_server_port(row)[0], True)


cdef uint32_t parent_of(const uint8_t* target, uint32_t used) noexcept nogil:
    """Length of a path without its last component."""
    if used <= 1:
        return used
    used -= 1
    while used > 0 and target[used - 1] != 47:
        used -= 1
    return used


cdef uint32_t copy_path(const State* state, uint32_t text, uint8_t* target) noexcept nogil:
    """Copy a path of the dictionary, cut to PATH_SIZE bytes; its length."""
    cdef uint32_t used = length_of(&state.strings, text)
    if used > PATH_SIZE:
        used = PATH_SIZE
    memcpy(target, text_of(&state.strings, text), used)
    return used


cdef uint32_t copy_directory(const State* state, uint32_t text, uint8_t* target, bint modern) noexcept nogil:
    """The same of a directory and a slash behind it; the newest libraries add none to an empty name nor a second one."""
    cdef uint32_t used = copy_path(state, text, target)
    if modern and (not used or target[used - 1] == 47):
        return used
    target[used] = 47
    return used + 1


cdef uint32_t join_path(uint8_t* target, const uint8_t* base, uint32_t base_length, const uint8_t* path,
                        uint32_t path_length, bint modern) noexcept nogil:
    """Join a path to a directory into `target` (PATH_SIZE bytes); its length (state engine, section 8.1).

    `path` may end at a NUL before `path_length`.
    """
    cdef uint32_t used
    cdef const char* too_long
    if <uint64_t>base_length + path_length + 1 > PATH_SIZE:
        too_long = b"/DIR_TOO_LONG/FILENAME_TOO_LONG" if modern else b"/PATH_TOO_LONG"
        used = <uint32_t>strlen(too_long)
        memcpy(target, too_long, used)
        return used
    return join_whole_path(target, base, base_length, path, path_length, modern)


cdef uint32_t join_whole_path(uint8_t* target, const uint8_t* base, uint32_t base_length, const uint8_t* path,
                              uint32_t path_length, bint modern) noexcept nogil:
    """The same without a limit, into a target of as many bytes as both lengths together.

    The classic rules see ``.`` and ``..`` anywhere, the modern ones only at the start of a component.
    """
    cdef uint32_t end = text_length(path, path_length)
    cdef uint32_t used = 0
    cdef uint32_t place = 0
    cdef uint8_t sign, second, third
    if path_length and path[0] != 47:
        memcpy(target, base, base_length)
        used = base_length
    while place < end:
        sign = path[place]
        second = path[place + 1] if place + 1 < end else 0
        third = path[place + 2] if place + 2 < end else 0
        if not modern and not 0x20 <= sign <= 0x7E:
            target[used] = 46
            used += 1
            place += 1
        elif sign == 46 and (not modern or used == 0 or target[used - 1] == 47):
            if second == 46 and (third == 47 or third == 0):
                used = parent_of(target, used)
                place += 3 if third == 47 else 2
            elif second == 46:
                target[used] = 46
                target[used + 1] = 46
                used += 2
                place += 2
            elif second == 47:
                place += 2
            elif second == 0:
                place += 1
            else:
                target[used] = sign
                used += 1
                place += 1
        elif sign == 47 and used > 0 and target[used - 1] == 47:
            place += 1
        else:
            target[used] = sign
            used += 1
            place += 1
    if used > 1 and target[used - 1] == 47:
        used -= 1
    return used
