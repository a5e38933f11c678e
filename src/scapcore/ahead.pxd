# Walking one batch ahead in a thread of its own.

from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport uint64_t

from scapcore.blocks cimport Walk
from scapcore.events cimport Columns
from scapcore.schema.tables cimport EventType


cdef struct Ahead:
    # What the two threads share. It belongs to the walking one while `busy`, else to the reader.
    Walk walk
    Columns columns
    const EventType* types
    uint64_t start           # position at which the walk began
    bint busy
    bint stop
    uint64_t released        # bytes whose pages were given back, and up to where they may be
    uint64_t consumed
    PyThread_type_lock asked     # held until there is something to do
    PyThread_type_lock answered  # held until it has been done


cdef class WalkAhead:
    cdef Ahead shared
    cdef bint started
    cdef int process             # that has the thread; a fork has none
    cdef bint waited             # whether `take` had to wait
    cdef bint releases           # whether the thread gives pages back, too
    cdef bint is_behind(self, uint64_t position) noexcept nogil
    cdef bint begin(self, const Walk* walk, const EventType* types, uint64_t consumed) except -1
    cdef bint take(self, Walk* walk, Columns* columns) noexcept nogil
