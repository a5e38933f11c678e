# Blocks in a growing buffer, for Cython code that fills them without going through Python.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    LIMIT_BLOCK = 0x7FFFFFFF     # bytes of a block that the original reader takes at most


cdef inline void store16(uint8_t* place, uint16_t value) noexcept nogil:
    place[0] = value & 0xFF
    place[1] = value >> 8


cdef inline void store32(uint8_t* place, uint32_t value) noexcept nogil:
    store16(place, value & 0xFFFF)
    store16(place + 2, value >> 16)


cdef inline void store64(uint8_t* place, uint64_t value) noexcept nogil:
    store32(place, value & 0xFFFFFFFFu)
    store32(place + 4, value >> 32)


cdef class BlockBuffer:
    cdef uint8_t* data
    cdef size_t size
    cdef size_t capacity

    cdef int reserve(self, size_t more) except -1
    cdef int put(self, const void* source, size_t count) except -1
    cdef int put_u8(self, uint8_t value) except -1
    cdef int put_u16(self, uint16_t value) except -1
    cdef int put_u32(self, uint32_t value) except -1
    cdef int put_u64(self, uint64_t value) except -1
    cdef size_t begin_block(self, uint32_t block_type) except? 0
    cdef int end_block(self, size_t start) except -1
