# The block writer's classes, for Cython code that encodes without going through Python.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


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


cdef class EventEncoder:
    cdef readonly object event_type
    cdef readonly tuple names
    cdef readonly Py_ssize_t parameter_count
    cdef readonly bint large
    cdef uint16_t number
    cdef uint8_t kinds[64]
    cdef list subtypes

    cpdef int encode(
        self, BlockEncoder target, object timestamp, object tid, object cpu, object values, uint32_t flags=*
    ) except -1
    cdef int put_value(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1
    cdef int put_text(self, BlockEncoder target, object value, Py_ssize_t index) except -1
    cdef int put_number(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1
    cdef int put_address(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1
    cdef int put_descriptors(self, BlockEncoder target, object value, Py_ssize_t index) except -1
    cdef int put_dynamic(self, BlockEncoder target, object value, Py_ssize_t index) except -1
    cdef object wrong(self, Py_ssize_t index, str problem)
