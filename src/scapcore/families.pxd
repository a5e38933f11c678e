# Thread groups, parents and orphans under the newest libraries' rules.

from libc.stdint cimport int64_t, uint64_t

from scapcore.state cimport State, Thread

cdef bint is_invalid(State* state, const Thread* thread) noexcept nogil
cdef void join_family(State* state, Thread* thread) noexcept nogil
cdef void leave_family(State* state, int64_t tid) noexcept nogil
cdef Thread* family_thread(State* state, int64_t tid) noexcept nogil
cdef void note_departure(State* state, int64_t tid, uint64_t ts) noexcept nogil
cdef bint has_departed(State* state, int64_t tid, int64_t ptid, uint64_t ts) noexcept nogil
