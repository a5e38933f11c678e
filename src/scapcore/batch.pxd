# A batch of events as columns, and what keeps its bytes alive.

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.engine cimport Engine
from scapcore.events cimport Columns, Event


cdef class Chunk:
    cdef uint8_t* data
    cdef size_t capacity
    cdef size_t used
    cdef Py_buffer view
    cdef bint viewed
    cdef bint grow(self, size_t capacity) except False


cdef class EventBatch:
    cdef Columns columns
    cdef readonly Chunk chunk
    cdef readonly Engine engine
    cdef uint32_t needs
    cdef bint pinned
    cdef uint64_t serial             # another one whenever the batch holds something else
    cdef PyObject* places            # the first of those that look at single events; borrowed
    cdef uint32_t place_count
    cdef uint32_t* selection         # rows that a filter chose
    cdef uint32_t selected_count
    cdef bint has_selection
    cdef void place(self, Event* event, uint32_t row) noexcept nogil
    cdef void clear(self) noexcept
    cdef void hold_rows(self) noexcept
    cdef bint require(self, uint32_t needs) except False
    cpdef bint pin(self) except False
    cdef bint keep_places(self) except False
    cdef bint take_rows(self, EventBatch whole, list places) except False
    cpdef void select_all(self)
    cdef bytes rows(self)


cdef class EventPlace:
    cdef readonly EventBatch batch
    cdef readonly uint32_t row
    cdef PyObject* before            # neighbours among the places of the batch; borrowed
    cdef PyObject* behind
    cdef void enter(self, EventBatch batch, uint32_t row) noexcept
    cdef void leave(self) noexcept
