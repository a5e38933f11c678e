# The blocks that precede the events: machine, interfaces, users, processes, descriptors.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.state cimport State

cdef str load_section(State* state, uint32_t block_type, const uint8_t* body, size_t length, size_t* skipped)
cdef void finish_sections(State* state) noexcept nogil
cdef dict machine_info(const uint8_t* body, size_t length)
cdef bint add_user(State* state, bint group, uint32_t id, uint32_t gid, uint32_t name, uint32_t home,
                   uint32_t shell) noexcept nogil
