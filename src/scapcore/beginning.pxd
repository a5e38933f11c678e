# Which events of a capture count.

from libc.stdint cimport uint32_t, uint64_t

from scapcore.batch cimport EventBatch


cdef struct Beginning:
    bint found
    uint64_t number          # of the first event

cdef void find_beginning(Beginning* beginning, EventBatch batch) noexcept nogil
cdef bint is_counted(const Beginning* beginning, EventBatch batch, uint32_t row) noexcept nogil
