# From bytes to batches.

from libc.stdint cimport uint32_t, uint64_t

from scapcore.batch cimport Chunk, EventBatch
from scapcore.blocks cimport Walk
from scapcore.engine cimport Engine


cdef class Reader:
    cdef readonly object source
    cdef readonly EventBatch batch   # the present one; reused unless somebody else keeps it
    cdef readonly Engine engine      # None while nothing asks for state
    cdef readonly dict machine
    cdef readonly list versions
    cdef readonly dict blocks        # count of blocks other than events by type
    cdef readonly bint modern
    cdef Walk walk
    cdef Chunk chunk
    cdef uint32_t needs
    cdef bint with_state
    cdef bint started                # a section header has been seen
    cdef bint in_events              # events of the present section have been seen
    cdef bint finished
    cdef public uint32_t most        # events of a batch at the most; may be changed between batches
    cdef uint64_t base               # offset of the chunk in the uncompressed capture
    cdef uint64_t next_number
    cdef uint64_t first_time         # 0 until an event that counts
    cdef object error                # to be raised once what came before it is delivered
    cpdef bint advance(self) except -1
    cdef bint fill(self) except -1
    cdef bint take_block(self) except -1
    cdef bint start_section(self) except -1
    cdef int first_block(self) except -1
    cdef EventBatch blank_batch(self)
    cdef void place_batch(self, EventBatch batch)
    cdef void deliver(self, EventBatch batch) except *
    cdef void end_of_bytes(self) except *
    cdef void cut(self, EventBatch batch, bint leading) noexcept
    cdef void find_first_time(self, EventBatch batch) noexcept
