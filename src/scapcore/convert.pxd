# Old forms of events made into the newest ones, a batch at a time.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from scapcore.batch cimport Chunk, EventBatch
from scapcore.buffer cimport Buffer
from scapcore.events cimport Columns, Event
from scapcore.hashing cimport IntegerMap


cdef struct Pending:
    int64_t tid
    uint8_t* owned           # a copy of its own, made at the end of a batch
    uint32_t capacity
    uint32_t offset          # while `place` is not PLACE_OWNED: of the header in the batch or in the new bytes
    uint16_t type
    uint16_t nparams
    uint8_t form
    uint8_t place
    uint8_t listed           # among those to be copied at the end of the batch


cdef class Converter:
    cdef IntegerMap by_tid   # thread id -> number in `pending`
    cdef Pending* pending
    cdef uint32_t pending_count
    cdef uint32_t pending_capacity
    cdef uint32_t* free_numbers
    cdef uint32_t free_count
    cdef uint32_t* recent    # numbers of those that were stored in this batch
    cdef uint32_t recent_count
    cdef uint16_t* chosen    # what to do with each row of a batch
    cdef Chunk chunk         # the newest forms of the present batch
    cdef Buffer out
    cdef bint failed
    cdef void convert(self, EventBatch batch) except *
    cdef bint choose(self, Columns* columns) noexcept nogil
    cdef void compact(self, Columns* columns) noexcept nogil
    cdef void rewrite(self, Columns* columns) noexcept nogil
    cdef uint32_t copy(self, const Event* event) noexcept nogil
    cdef uint32_t build(self, const Event* event, const uint8_t* data, uint16_t rule, uint8_t* form) noexcept nogil
    cdef void put_container(self, const Event* event) noexcept nogil
    cdef bint find_enter(self, int64_t tid, uint16_t type, const uint8_t* data, Event* enter) noexcept nogil
    cdef void forget(self, int64_t tid) noexcept nogil
    cdef void store(self, const Event* event, uint32_t offset, uint8_t place) noexcept nogil
    cdef void settle(self, const uint8_t* data) noexcept nogil
