# What the live tables held right after an event of the present batch.

from libc.stdint cimport int64_t, uint32_t

from scapcore.state cimport State


cdef struct HistoryKey:
    int64_t key
    uint32_t table
    uint32_t head        # first change of the key in the batch, 0 = an empty place
    uint32_t cursor      # first change that the last question did not reach, 0 = it reached all
    uint32_t since       # event of the change before the cursor


cdef struct History:
    State* state
    HistoryKey* keys     # open addressing
    uint32_t capacity
    uint32_t mask        # of the part in use, 0 while the batch has no index
    bint indexed


cdef void history_begin(History* history, State* state) noexcept nogil
cdef void history_close(History* history) noexcept nogil
cdef uint32_t thread_as_of(History* history, int64_t tid, uint32_t event) noexcept nogil
cdef uint32_t fd_as_of(History* history, uint32_t table, int64_t fd, uint32_t event) noexcept nogil
