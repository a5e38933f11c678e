# Values of fields: what a field use is, where it takes its value from, and the dispatch to the rooms.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer
from scapcore.clock cimport Clock
from scapcore.events cimport Columns, Event
from scapcore.state cimport State

cdef enum:
    ROOM_EVENT = 1           # evt.*, syscall.*
    ROOM_FD = 2              # fd.*
    ROOM_THREAD = 3          # proc.*, thread.*
    ROOM_USER = 4            # user.*, group.*
    ROOM_CONTAINER = 5       # container.*
    ROOM_KUBERNETES = 6      # k8s.*
    ROOM_LINEAGE = 7         # of proc.*: parents, ancestors, leaders of groups and sessions
    ROOM_PROGRAM = 8         # of proc.* and thread.*: the program file, capabilities, arguments
    ROOM_TABLE = 9           # what lies in descriptor tables: fd.types, proc.stdin.*, fdlist.*
    ROOM_PATH = 10           # fs.path.*
    ROOM_NOTICE = 11         # of evt.*: where the event comes from; syslog.*, util.*
    ROOM_ABSENT = 12         # what no capture carries

    SCOPE_EVENT = 1          # the value can differ from event to event
    SCOPE_THREAD = 2         # it is a function of the thread row
    SCOPE_FD = 3             # it is a function of the descriptor row, wherever the event has one
    SCOPE_TYPE = 4           # it is a function of the event type


cdef struct Value:
    uint8_t type             # a PT_ code
    int64_t integer          # integers, flags, booleans, ports, times; bits of unsigned 64-bit ones
    double real              # PT_DOUBLE
    const uint8_t* data      # text, bytes and addresses (4 or 16 bytes in network order)
    uint32_t length
    bint many                # `data` is any number of texts, each with a NUL behind it


cdef struct Field:
    uint16_t code            # within the room
    uint8_t room
    uint8_t scope
    uint8_t type             # a PT_ code; PT_DYN where it follows the argument
    uint8_t format           # a PF_ code
    int32_t index            # number in brackets, -1 = none
    const uint8_t* argument  # text in brackets or after the last dot, NULL = none; owned by FieldUse
    uint32_t argument_length
    uint32_t needs           # NEED_ bits of the state engine
    bint needs_state
    uint64_t previous        # running values of fields such as evt.deltatime
    uint64_t running
    void* owner              # the FieldUse, for what has to ask Python


cdef struct Scope:
    State* state             # NULL while nothing needs state
    Columns* columns
    void* text               # scapcore.text.TextContext, NULL where no text of parameters is asked for
    uint32_t row             # of the event in the batch
    uint32_t thread          # rows of the dimensions, 0 = none
    uint32_t fd
    Event event
    Buffer scratch           # for texts made on the fly; a value that points here dies with the next one
    Clock clock              # of fields that show local time
    bint printing            # names are sanitised when printed, raw in filters


cdef class FieldUse:
    cdef Field field
    cdef readonly str name   # as written, with its argument
    cdef bytes kept          # the argument's bytes
    cdef object given        # the argument as it came

cdef bint extract(Field* field, Scope* scope, Value* value) noexcept nogil
cdef void open_scope(Scope* scope, EventBatch batch) noexcept
cdef void move_scope(Scope* scope, EventBatch batch, uint32_t row) noexcept nogil
cdef void close_scope(Scope* scope) noexcept

# For the rooms
cdef inline bint give_integer(Value* value, uint8_t type, int64_t integer) noexcept nogil:
    value.type = type
    value.integer = integer
    return True

cdef inline bint give_text(Value* value, const uint8_t* data, size_t length) noexcept nogil:
    value.type = 9           # PT_CHARBUF
    value.data = data
    value.length = <uint32_t>length
    return True

cdef inline bint give_real(Value* value, double real) noexcept nogil:
    value.type = 33          # PT_DOUBLE
    value.real = real
    return True

cdef inline bint give_address(Value* value, const uint8_t* data, uint32_t length) noexcept nogil:
    value.type = 40          # PT_IPADDR
    value.data = data
    value.length = length
    return True

cdef bint give_string(Scope* scope, Value* value, uint32_t text) noexcept nogil
cdef bint give_scratch(Scope* scope, Value* value, size_t start) noexcept nogil
