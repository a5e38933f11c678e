# What socket events do to the tables.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from scapcore.state cimport FdRow, State, Step

cdef enum:
    NAME_ADDRESS = 1
    NAME_TUPLE = 2
    NAME_ENDS = 3

cdef void on_socket_exit(State* state, Step* step) noexcept nogil
cdef void on_socketpair_exit(State* state, Step* step) noexcept nogil
cdef void on_bind_exit(State* state, Step* step) noexcept nogil
cdef void on_connect_enter(State* state, Step* step) noexcept nogil
cdef void on_connect_exit(State* state, Step* step) noexcept nogil
cdef void on_accept_exit(State* state, Step* step) noexcept nogil
cdef void on_transfer_exit(State* state, Step* step) noexcept nogil
cdef void on_sendto_enter(State* state, Step* step) noexcept nogil
cdef void on_getsockopt_exit(State* state, Step* step) noexcept nogil
cdef void fill_from_interfaces(State* state, FdRow* fd) noexcept nogil
cdef void complete_tuple(State* state, FdRow* fd) noexcept nogil
cdef void swap_ends(FdRow* fd) noexcept nogil
cdef void set_name(State* state, FdRow* fd, int how, const uint8_t* data, uint32_t length) noexcept nogil
cdef void set_unix(FdRow* fd, const uint8_t* data, uint32_t length) noexcept nogil
cdef bint set_tuple(FdRow* fd, const uint8_t* data, uint32_t length, bint overwrite) noexcept nogil
cdef uint32_t add_socket(State* state, Step* step, int64_t fd, uint32_t domain, uint32_t type, uint32_t protocol) noexcept nogil
cdef bint unchanged(FdRow* fd, const uint8_t* data, uint32_t length, bint overwrite) noexcept nogil
cdef void name_by_role(State* state, Step* step, FdRow* fd, bint incoming) noexcept nogil
