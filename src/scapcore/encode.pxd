# Encoders of event types, for Cython code that encodes without going through Python.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from scapcore.write cimport BlockEncoder


cdef uint8_t number_width(uint8_t kind) noexcept nogil


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
