# The tree that a plan becomes.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from scapcore.compare cimport Constants
from scapcore.fields cimport SCOPE_EVENT
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.state cimport VerdictCache
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
    const uint8_t* possible  # by event type: 0 if no event of that type passes; NULL = not known
    Node** children
    uint32_t child_count
    Operand* left
    Operand* right
    Constants constants
    uint64_t time            # of NODE_AROUND
    uint64_t distance
    VerdictCache cache       # by row, or by event type and system call: 0 = not judged yet, 1 = false, 2 = true
    uint8_t absent           # the same for events that have no descriptor at all
    uint8_t entered[EVENT_COUNT]     # the same for enter events that know no descriptor, by type


cdef struct Demand:
    uint32_t needs           # NEED_ bits of the state engine
    bint state               # the engine has to run
    bint text                # texts of parameters are looked at


cdef inline bint is_cached(const Node* node) noexcept nogil:
    """True where a node is run by its cache of verdicts."""
    return node.scope != SCOPE_EVENT and not node.running


cdef Node* open_node(object plan, list kept, Demand* demand) except NULL
cdef void close_node(Node* node) noexcept nogil
cdef uint32_t count_nodes(const Node* node) noexcept nogil
cdef uint32_t place_node(Node* node, uint32_t level, Node** caching, uint32_t* count) noexcept nogil
