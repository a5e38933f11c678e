# Runs filters over batches.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.compare cimport Constants
from scapcore.engine cimport Engine
from scapcore.fields cimport Scope
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.state cimport VerdictCache
from scapcore.text cimport TextContext
from scapcore.transforms cimport Operand

cdef enum NodeKind:
    NODE_AND = 1
    NODE_OR
    NODE_NOT
    NODE_COMPARISON          # one value with constants
    NODE_OPERANDS            # an operand with constants, or two operands
    NODE_ADDRESSES           # fd.ip, fd.net: either end of a connection
    NODE_PORTS               # fd.port, fd.proto
    NODE_ANCESTORS           # proc.aname without index: any ancestor
    NODE_AROUND              # evt.around


cdef struct Node:
    uint8_t kind
    uint8_t scope            # SCOPE_TYPE, SCOPE_THREAD or SCOPE_FD if all is a function of that, else SCOPE_EVENT
    bint running             # sees events in an order that must be kept
    bint watched             # `cache` is known to the pool of rows
    uint32_t cost            # about the time that an event takes
    uint32_t level           # of the scratch space
    Node** children
    uint32_t child_count
    Operand* left
    Operand* right
    Constants constants
    uint64_t time            # of NODE_AROUND
    uint64_t distance
    VerdictCache cache       # by row, or by event type: 0 = not judged yet, 1 = false, 2 = true
    uint8_t absent           # the same for events that have no descriptor at all


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
    cdef bint text_wanted
    cdef bint failed
    cdef Scope scope
    cdef TextContext text
    cdef uint8_t fd_kinds[EVENT_COUNT]   # 0 = works on no descriptor, 1 = does, 2 = a connect
    cdef Node* open_node(self, object plan) except NULL
    cdef Node* open_group(self, uint8_t kind, tuple items) except NULL
    cdef Node* open_comparison(self, object plan) except NULL
    cdef int prepare(self, EventBatch batch) except -1
    cdef void forget(self) noexcept
    cdef uint32_t select(self, EventBatch batch, const uint32_t* rows, uint32_t count,
                         uint32_t* out) except? 0xFFFFFFFF
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
    cdef uint8_t judge_type(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil
    cdef uint8_t judge_row(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil
    cdef bint judge(self, Node* node) noexcept nogil
    cdef bint judge_operands(self, Node* node) noexcept nogil
    cdef bint judge_several(self, Node* node) noexcept nogil
    cdef bint judge_values(self, Node* node, int64_t element) noexcept nogil
    cdef bint judge_ancestors(self, Node* node, int64_t element) noexcept nogil
    cpdef uint32_t run(self, EventBatch batch) except? 0xFFFFFFFF
