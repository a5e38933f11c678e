# Runs filters over batches.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.engine cimport Engine
from scapcore.fields cimport Scope
from scapcore.hashing cimport IntegerMap
from scapcore.nodes cimport Node
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.text cimport TextContext


cdef struct Level:
    uint32_t* rest           # rows that are still to be looked at
    uint32_t* hits           # rows that the present child chose
    uint8_t* chosen          # by row: 1 if a child has chosen it


cdef class Predicate:
    cdef readonly uint32_t needs
    cdef readonly bint needs_state
    cdef list kept                       # what the nodes point into
    cdef Node* root
    cdef Node** caching                  # the nodes that are run by their caches
    cdef uint32_t caching_count
    cdef Level* levels
    cdef uint32_t level_count
    cdef Engine engine                   # whose rows the caches are about
    cdef bint begun
    cdef bint text_wanted                # texts of parameters are looked at
    cdef bint failed
    cdef bint early
    cdef bint counted
    cdef readonly uint64_t lost          # events not chosen because of that
    cdef uint8_t forgetful[EVENT_COUNT]  # types of events that are looked at for that
    cdef IntegerMap remembered           # threads whose last enter event was chosen
    cdef Scope scope
    cdef TextContext text
    cdef uint8_t fd_kinds[EVENT_COUNT]   # 0 = works on no descriptor, 1 = does, 2 = a connect
    cdef int prepare(self, EventBatch batch) except -1
    cdef void forget(self) noexcept
    cdef uint32_t select(self, EventBatch batch, const uint32_t* rows, uint32_t count,
                         uint32_t* out) except? 0xFFFFFFFF
    cdef uint32_t forget_calls(self, EventBatch batch, uint32_t* out, uint32_t count) except? 0xFFFFFFFF
    cdef uint32_t forget_dropped(self, EventBatch batch, const uint32_t* chosen, uint32_t count,
                                 uint32_t* changed) noexcept nogil
    cdef uint32_t run_all(self, EventBatch batch, uint32_t* out) noexcept nogil
    cdef uint32_t run_node(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                           uint32_t* out) noexcept nogil
    cdef uint32_t run_types(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                            uint32_t* out) noexcept nogil
    cdef uint32_t run_threads(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                              uint32_t* out) noexcept nogil
    cdef uint32_t run_fds(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                          uint32_t* out) noexcept nogil
    cdef uint32_t run_events(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                             uint32_t* out) noexcept nogil
    cdef uint32_t run_or(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                         uint32_t* out) noexcept nogil
    cdef uint32_t run_not(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                          uint32_t* out) noexcept nogil
    cdef uint8_t judge_fd(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil
    cdef uint8_t judge_type(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil
    cdef uint8_t judge_row(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil
    cdef bint judge(self, Node* node) noexcept nogil
    cdef bint judge_operands(self, Node* node) noexcept nogil
    cdef bint judge_several(self, Node* node) noexcept nogil
    cdef bint judge_values(self, Node* node, int64_t element) noexcept nogil
    cdef bint judge_ancestors(self, Node* node, int64_t element) noexcept nogil
    cpdef uint32_t run(self, EventBatch batch) except? 0xFFFFFFFF
