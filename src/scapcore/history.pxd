# What the live tables held right after an event of a batch.

from libc.stdint cimport int64_t, uint32_t

from scapcore.events cimport Columns
from scapcore.state cimport Change, State


cdef struct HistoryKey:
    int64_t key
    uint32_t table
    uint32_t taken       # 0 = an empty place
    uint32_t head        # first change of the key in the batch, 0 = none
    uint32_t cursor      # first change that the last question did not reach, 0 = it reached all
    uint32_t since       # event of the change before the cursor
    uint32_t live        # of a frozen history: row at the end of the batch


cdef struct Frozen:
    # The history of a kept batch, as far as its own events can ask for it; each row in it is counted once
    HistoryKey* keys
    uint32_t mask
    uint32_t used
    Change* changes
    uint32_t change_count
    uint32_t* origin     # as in Columns, whose memory it is


cdef struct History:
    State* state
    Frozen* frozen       # NULL while the batch is the engine's present one
    HistoryKey* keys     # open addressing
    uint32_t capacity
    uint32_t mask        # of the part in use, 0 while the batch has no index
    bint indexed


cdef void history_begin(History* history, State* state, Columns* columns) noexcept nogil
cdef void history_close(History* history) noexcept nogil
cdef uint32_t thread_as_of(History* history, int64_t tid, uint32_t event) noexcept nogil
cdef uint32_t fd_as_of(History* history, uint32_t table, int64_t fd, uint32_t event) noexcept nogil
cdef Frozen* freeze(State* state, Columns* columns) noexcept nogil
cdef void thaw(State* state, Frozen* frozen) noexcept nogil
