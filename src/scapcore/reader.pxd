# From blocks to batches.

from libc.stdint cimport uint32_t, uint64_t

from scapcore.ahead cimport WalkAhead
from scapcore.batch cimport EventBatch
from scapcore.block_reader cimport BlockReader
from scapcore.blocks cimport Walk
from scapcore.schema.tables cimport EventType


cdef class Reader(BlockReader):
    cdef uint64_t first_time         # 0 until an event that counts
    cdef readonly uint64_t batch_end # offset behind the batch's last block in the uncompressed capture
    cdef readonly bint batch_lost    # the last block of the batch states a wrong length
    cdef bint batch_leading          # no event but the state's own had been met before the batch
    cdef WalkAhead ahead             # None while it would not be worth a thread
    cdef bint may_walk_ahead
    cdef bint handed_over            # whether the thread gives pages back
    cdef uint64_t share              # bytes that the reader walks over before the thread's part begins
    cdef uint32_t shares_missed      # times that there seemed to be no place for it
    cpdef bint advance(self) except -1
    cpdef bint peek(self) except -1
    cpdef int shorten(self, uint32_t rows) except -1
    cpdef int process(self) except -1
    cdef bint gather(self) except -1
    cdef bint gathered(self) noexcept
    cdef int walk_ahead(self) except -1
    cdef int begin_ahead(self, const Walk* walk, uint64_t consumed) except -1
    cdef bint share_walk(self, EventBatch batch, const EventType* types) except -1
    cdef EventBatch blank_batch(self)
    cdef void place_batch(self, EventBatch batch)
    cdef void deliver(self, EventBatch batch) except *
    cdef void find_first_time(self, EventBatch batch) noexcept
