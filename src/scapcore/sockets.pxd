# What socket events do to the tables.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.state cimport FdRow, State, Step

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
cdef void swap_ends(FdRow* fd) noexcept nogil
