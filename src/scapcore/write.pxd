# The block writer, for Cython code that encodes without going through Python.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef inline void store16(uint8_t* place, uint16_t value) noexcept nogil:
    place[0] = value & 0xFF
    place[1] = value >> 8


cdef inline void store32(uint8_t* place, uint32_t value) noexcept nogil:
    store16(place, value & 0xFFFF)
    store16(place + 2, value >> 16)


cdef inline void store64(uint8_t* place, uint64_t value) noexcept nogil:
    store32(place, value & 0xFFFFFFFFu)
    store32(place + 4, value >> 32)


cdef int fits(object value, unsigned int bits, bint signed, uint64_t* encoded) except -1
cdef str range_text(object bits, bint signed)
cdef uint64_t integer(object value, str name, unsigned int bits, bint signed) except? 0
cdef int close_event(BlockEncoder target, size_t start, size_t header, bint large) except -1


cdef class BlockEncoder:
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
    cdef put_text(self, object value, str name, Py_ssize_t limit)
    cdef put_address(self, object value, str name, Py_ssize_t size)
    cdef put_descriptor(self, uint8_t kind, list rest)
    cdef int event_prefix(self, uint16_t cpu, uint32_t flags, bint large) except -1
