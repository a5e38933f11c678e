# How one event lies in memory, and the columns of a batch of events.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from scapcore.schema.tables cimport EVENT_COUNT, SYSCALL_COUNT, EventType, FlagName, Parameter, Span
from scapcore.schema.types cimport GENERIC_E, GENERIC_X

cdef enum:
    FORM_FLAGS = 1          # the block carries 32-bit flags between cpu and header
    FORM_COUNTED = 2        # the header carries the number of parameters (26 bytes, else 22)
    FORM_LARGE = 4          # parameter lengths are 32 bits wide

    MARK_HIDDEN = 1         # counted but not shown
    MARK_FD = 2             # the event itself has a descriptor object (not only its thread's last one)
    MARK_RENAMED = 8         # the event changed the name of its descriptor
    MARK_ERROR = 4          # the event's result was accepted and is an error

    BATCH_EVENTS = 16384    # events of a batch at the most
    BATCH_BYTES = 1 << 26   # a batch ends after this many bytes whatever the count
    NO_PARAMETER = 0xFFFF
    TYPE_KEYS = EVENT_COUNT + 2 * SYSCALL_COUNT

    # What the columns `counters` hold of an event's thread
    COUNTER_VMSIZE = 0      # KiB
    COUNTER_VMRSS = 1
    COUNTER_VMSWAP = 2
    COUNTER_PFMAJOR = 3
    COUNTER_PFMINOR = 4
    COUNTER_SLICE = 5       # of a switch: ns since the former one on the same processor
    COUNTER_SLICES = 6      # of these, all of the thread so far
    COUNTER_OPEN_FDS = 7    # in the table of the main thread
    COUNTER_USER_BEFORE = 8 # of an event that reports resources: what the thread's former one said
    COUNTER_SYSTEM_BEFORE = 9
    COUNTERS = 10


cdef struct Columns:
    uint32_t count
    uint64_t first_time      # of the first event of the capture that counts, ns
    uint64_t first_number    # event number of row 0
    uint64_t base            # offset of `data` in the uncompressed capture
    const uint8_t* data
    uint32_t* offset         # of the event header, from `data`
    uint16_t* type
    uint16_t* nparams
    uint8_t* form
    uint8_t* mark
    # Filled by the state engine:
    uint32_t* thread         # row of the thread dimension, 0 = none
    uint32_t* fd             # row of the descriptor dimension, 0 = none
    uint32_t* table          # number of the descriptor table in use
    int64_t* fd_number       # descriptor that the thread worked on last, -1 = none
    uint64_t* latency        # ns
    uint64_t* counters       # COUNTERS a row
    # What look-ups need that do not go through a row:
    uint32_t container_count # when the batch was done
    uint32_t user_count
    uint32_t* origin         # of kept events: place in the batch that they come from; NULL for whole batches
    void* frozen             # scapcore.history.Frozen, once the engine has gone on; NULL before


cdef struct Event:
    const uint8_t* header
    const uint8_t* lengths
    const uint8_t* values
    const EventType* info
    const Parameter* parameters
    uint64_t ts
    int64_t tid
    uint32_t length          # header, lengths and values
    uint32_t nparams         # in the capture
    uint32_t known           # of these, described by the schema
    uint16_t type
    uint8_t form


cdef inline uint64_t event_number(const Columns* columns, uint32_t row) noexcept nogil:
    return columns.first_number + (columns.origin[row] if columns.origin != NULL else row)


cdef inline uint16_t load16(const uint8_t* place) noexcept nogil:
    cdef uint16_t value
    memcpy(&value, place, 2)
    return value


cdef inline uint32_t load32(const uint8_t* place) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, place, 4)
    return value


cdef inline uint64_t load64(const uint8_t* place) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, place, 8)
    return value


cdef inline uint16_t event_cpu(const Event* event) noexcept nogil:
    return load16(event.header - (6 if event.form & FORM_FLAGS else 2))


cdef inline uint32_t event_block_flags(const Event* event) noexcept nogil:
    return load32(event.header - 4) if event.form & FORM_FLAGS else 0


cdef inline void place_event(Event* event, const uint8_t* header, uint16_t type, uint16_t nparams, uint8_t form,
                             const EventType* types, const Parameter* parameters) noexcept nogil:
    """Point a view at an event whose lengths have been checked."""
    cdef const EventType* info = &types[type]
    event.header = header
    event.ts = load64(header)
    event.tid = <int64_t>load64(header + 8)
    event.length = load32(header + 16)
    event.type = type
    event.form = form
    event.nparams = nparams
    event.info = info
    event.parameters = &parameters[info.first]
    event.known = nparams if nparams < info.nparams else info.nparams
    event.lengths = header + (26 if form & FORM_COUNTED else 22)
    event.values = event.lengths + <size_t>nparams * (4 if form & FORM_LARGE else 2)


cdef inline uint32_t parameter_length(const Event* event, uint32_t index) noexcept nogil:
    if event.form & FORM_LARGE:
        return load32(event.lengths + 4 * <size_t>index)
    return load16(event.lengths + 2 * <size_t>index)


cdef inline const uint8_t* parameter(const Event* event, uint32_t index, uint32_t* length) noexcept nogil:
    """Bytes of a parameter; NULL with length 0 where the event has none at that index."""
    cdef const uint8_t* place = event.values
    cdef uint32_t other
    if index >= event.nparams:
        length[0] = 0
        return NULL
    for other in range(index):
        place += parameter_length(event, other)
    length[0] = parameter_length(event, index)
    return place


cdef inline int64_t signed_integer(const uint8_t* place, uint32_t length, int64_t missing) noexcept nogil:
    """Signed value of an integer of 1, 2, 4 or 8 bytes; `missing` for other lengths."""
    if length == 8:
        return <int64_t>load64(place)
    if length == 4:
        return <int64_t><int>load32(place)
    if length == 2:
        return <int64_t><short>load16(place)
    if length == 1:
        return <int64_t><signed char>place[0]
    return missing


cdef inline int64_t parameter_integer(const Event* event, uint32_t index, int64_t missing) noexcept nogil:
    """Signed value of an integer parameter."""
    cdef uint32_t length
    cdef const uint8_t* place = parameter(event, index, &length)
    return signed_integer(place, length, missing)


cdef inline uint64_t parameter_unsigned(const Event* event, uint32_t index, uint64_t missing) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* place = parameter(event, index, &length)
    if length == 8:
        return load64(place)
    if length == 4:
        return load32(place)
    if length == 2:
        return load16(place)
    if length == 1:
        return place[0]
    return missing


cdef inline uint32_t type_key(const Event* event) noexcept nogil:
    """A number that events share for which every function of the type is the same: the type, for generic events one for each
    system call. 0 where the event must be asked itself."""
    cdef uint32_t code
    if event.type != GENERIC_E and event.type != GENERIC_X:
        return event.type
    code = <uint32_t>(parameter_unsigned(event, 0, 0) & 0xFFFF)
    # Code 0 is what the writer had no code for, which may be told by another parameter.
    return EVENT_COUNT + 2 * code + event.type if 0 < code < SYSCALL_COUNT else 0


cdef inline uint32_t text_length(const uint8_t* place, uint32_t length) noexcept nogil:
    """Bytes before the first NUL."""
    cdef uint32_t index
    for index in range(length):
        if place[index] == 0:
            return index
    return length
