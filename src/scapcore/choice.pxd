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
    cdef Bits told           # what told of memory before chosen events
    cdef int64_t told_thread # the last thread for which that was kept, and nothing newer was told since
    cdef IntegerMap begun    # thread id -> low bits of the number of its last enter event
    cdef IntegerMap faults   # thread id -> the same of the event that last told of its page faults
    cdef IntegerMap memory   # thread id -> the same of its memory; that of a process is its main thread's
    cdef IntegerMap kept     # thread ids that matter -> 1
    cdef IntegerMap processes    # thread id -> process id, of threads that changed something
    cdef readonly uint64_t events
    cdef readonly uint64_t first_number
    cdef readonly uint64_t last_number
    cdef uint64_t other_number   # of the last event that is not about a container
    cdef uint32_t last_row   # of the thread dimension, whose thread was the last to be kept
    cpdef bint keeps(self, int64_t tid) noexcept
    cdef IntegerMap parents         # thread id: id of its parent
    cdef IntegerMap ended           # ids that were named and are in no table
    cdef IntegerMap duplicating     # thread id: 1 if its last fcntl duplicates a descriptor, else 2
    cdef bint duplicates(self, EventBatch batch, uint32_t row, int64_t tid) noexcept nogil
    cdef int keep_ended(self, int64_t tid) except -1
    cdef bint keep_thread(self, State* state, uint32_t row) noexcept nogil
    cdef bint need_last(self, Bits* found, IntegerMap* last, int64_t id, uint64_t number) noexcept nogil
    cdef bint note_memory(self, uint16_t type, int64_t tid, int64_t pid, uint64_t number) noexcept nogil
    cdef bint keep_named(self, EventBatch batch, uint32_t row) noexcept nogil


cdef bint is_container(uint16_t type) noexcept nogil
cdef uint32_t put_event(uint8_t* place, const uint8_t* header, uint8_t form, bint hidden) noexcept nogil
