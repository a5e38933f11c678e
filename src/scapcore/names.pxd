# Texts of addresses, tuples and paths, shared by the state engine and by what prints.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.buffer cimport Buffer
from scapcore.state cimport FdRow, State

cdef enum:
    ADDRESS_SIZE = 64        # bytes of room for the text of an address

cdef uint32_t address_text(const uint8_t* address, uint32_t length, char* text) noexcept nogil
cdef void put_ipv4(Buffer* buffer, const uint8_t* address) noexcept nogil
cdef void put_ipv6(Buffer* buffer, const uint8_t* address) noexcept nogil
cdef bint is_mapped(const uint8_t* address) noexcept nogil
cdef void put_port(Buffer* buffer, const State* state, uint8_t protocol, uint16_t port) noexcept nogil
cdef void put_socket_address(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* data,
                             uint32_t length) noexcept nogil
cdef void put_socket_tuple(Buffer* buffer, const State* state, uint8_t protocol, const uint8_t* data,
                           uint32_t length) noexcept nogil
cdef void put_socket_name(Buffer* buffer, const State* state, const FdRow* fd) noexcept nogil
cdef void put_listed_name(Buffer* buffer, const State* state, const FdRow* fd) noexcept nogil
cdef uint32_t copy_path(const State* state, uint32_t text, uint8_t* target) noexcept nogil
cdef uint32_t copy_directory(const State* state, uint32_t text, uint8_t* target, bint modern) noexcept nogil
cdef uint32_t join_path(uint8_t* target, const uint8_t* base, uint32_t base_length, const uint8_t* path,
                        uint32_t path_length, bint modern) noexcept nogil
cdef uint32_t join_whole_path(uint8_t* target, const uint8_t* base, uint32_t base_length, const uint8_t* path,
                              uint32_t path_length, bint modern) noexcept nogil

# Layouts of FdRow.address. They lie over one another as in the reference, where a socket that turns from a
# server into a connected one keeps the former bytes; so the same odd addresses come out.
cdef inline uint8_t* ipv4_source(FdRow* fd) noexcept nogil:
    return &fd.address[0]

cdef inline uint8_t* ipv4_destination(FdRow* fd) noexcept nogil:
    return &fd.address[4]

cdef inline uint16_t* ipv4_ports(FdRow* fd) noexcept nogil:
    return <uint16_t*>&fd.address[8]

cdef inline uint8_t* ipv4_protocol(FdRow* fd) noexcept nogil:
    return &fd.address[12]

cdef inline uint16_t* ipv4_server_port(FdRow* fd) noexcept nogil:
    return <uint16_t*>&fd.address[4]

cdef inline uint8_t* ipv4_server_protocol(FdRow* fd) noexcept nogil:
    return &fd.address[6]

cdef inline uint8_t* ipv6_source(FdRow* fd) noexcept nogil:
    return &fd.address[0]

cdef inline uint8_t* ipv6_destination(FdRow* fd) noexcept nogil:
    return &fd.address[16]

cdef inline uint16_t* ipv6_ports(FdRow* fd) noexcept nogil:
    return <uint16_t*>&fd.address[32]

cdef inline uint8_t* ipv6_protocol(FdRow* fd) noexcept nogil:
    return &fd.address[36]

cdef inline uint16_t* ipv6_server_port(FdRow* fd) noexcept nogil:
    return <uint16_t*>&fd.address[16]

cdef inline uint8_t* ipv6_server_protocol(FdRow* fd) noexcept nogil:
    return &fd.address[18]

cdef inline uint8_t l4_protocol(const FdRow* fd) noexcept nogil:
    """Protocol of an IP socket, L4_NA for anything else."""
    if fd.type == 3:
        return fd.address[12]
    if fd.type == 5:
        return fd.address[6]
    if fd.type == 4:
        return fd.address[36]
    if fd.type == 6:
        return fd.address[18]
    return 1
