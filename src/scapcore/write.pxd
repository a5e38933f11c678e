# The block writer, for Cython code that encodes without going through Python.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.frames cimport BlockBuffer


cdef int fits(object value, unsigned int bits, bint signed, uint64_t* encoded) except -1
cdef str range_text(object bits, bint signed)
cdef uint64_t integer(object value, str name, unsigned int bits, bint signed) except? 0
cdef int close_event(BlockEncoder target, size_t start, size_t header, bint large) except -1


cdef class BlockEncoder(BlockBuffer):
    cdef put_text(self, object value, str name, Py_ssize_t limit)
    cdef put_address(self, object value, str name, Py_ssize_t size)
    cdef put_descriptor(self, uint8_t kind, list rest)
    cdef int event_prefix(self, uint16_t cpu, uint32_t flags, bint large) except -1
