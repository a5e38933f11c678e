# Values as parameters of events have them.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from scapcore.probe.layout cimport probe_task


cdef inline uint32_t tagged(uint8_t* target, uint8_t tag, uint64_t value, uint32_t width) noexcept nogil:
    """A number behind the index of its type."""
    target[0] = tag
    memcpy(target + 1, &value, width)
    return 1 + width


cdef uint32_t put_text(uint8_t* target, const uint8_t* source, uint32_t length, uint32_t room) noexcept nogil
cdef uint32_t put_address(uint8_t* target, const uint8_t* source, uint32_t length) noexcept nogil
cdef uint32_t put_tuple(
    uint8_t* target, const uint8_t* piece, uint32_t length, const uint8_t* name, uint32_t name_length, bint inbound
) noexcept nogil
cdef uint32_t put_path(uint8_t* target, const uint8_t* piece, uint32_t length, uint32_t room) noexcept nogil
cdef bint is_writable(const probe_task* task) noexcept nogil
cdef bint is_small_option(uint64_t name) noexcept nogil
