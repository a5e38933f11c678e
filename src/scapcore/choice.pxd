# What a first pass over a capture found out about the events that a copy needs.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.hashing cimport IntegerMap
from scapcore.state cimport State


cdef struct Bits:
    uint8_t* data
    uint64_t size            # in bytes


cdef class Choice:
    cdef Bits chosen
    cdef Bits needed         # beginnings of chosen ends
    cdef IntegerMap begun    # thread id -> low bits of the number of its last enter event
    cdef IntegerMap kept     # thread ids that matter -> 1
    cdef IntegerMap processes    # thread id -> process id, of threads that changed something
    cdef readonly uint64_t events
    cdef readonly uint64_t first_number
    cdef readonly uint64_t last_number
    cdef uint64_t other_number   # of the last event that is not about a container
    cdef uint32_t last_row   # of the thread dimension, whose thread was the last to be kept
    cpdef bint keeps(self, int64_t tid) noexcept
    cdef bint keep_thread(self, State* state, uint32_t row) noexcept nogil
    cdef bint keep_named(self, EventBatch batch, uint32_t row) noexcept nogil


cdef bint is_container(uint16_t type) noexcept nogil
cdef uint32_t put_event(uint8_t* place, const uint8_t* header, uint8_t form, bint hidden) noexcept nogil
