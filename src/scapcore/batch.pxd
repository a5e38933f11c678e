# A batch of events as columns, and what keeps its bytes alive.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.engine cimport Engine
from scapcore.events cimport Columns, Event


cdef class Chunk:
    cdef uint8_t* data
    cdef size_t capacity
    cdef size_t used
    cdef object owner        # of bytes that are not our own
    cdef Py_buffer view
    cdef bint viewed
    cdef bint grow(self, size_t capacity) except False


cdef class EventBatch:
    cdef Columns columns
    cdef readonly Chunk chunk
    cdef readonly Engine engine
    cdef uint32_t needs
    cdef bint pinned
    cdef uint32_t* selection         # rows that a filter chose
    cdef uint32_t selected_count
    cdef bint has_selection
    cdef void place(self, Event* event, uint32_t row) noexcept nogil
    cdef void clear(self) noexcept
    cpdef void pin(self)
    cpdef void select_all(self)
