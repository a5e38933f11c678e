# What socket events do to the tables under the newest libraries' rules.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.state cimport FdRow, State, Step

cdef void on_modern_connect(State* state, Step* step) noexcept nogil
cdef void on_modern_transfer(State* state, Step* step) noexcept nogil
cdef bint is_tuple(const uint8_t* data, uint32_t length) noexcept nogil
cdef bint is_address(const uint8_t* data, uint32_t length) noexcept nogil
cdef void rename_plain(State* state, FdRow* fd, const uint8_t* path, uint32_t length) noexcept nogil
cdef void rename_unix(State* state, FdRow* fd, const uint8_t* data, const uint8_t* path, uint32_t length) noexcept nogil
