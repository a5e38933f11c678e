"""The walk from block to block: the one place where lengths are checked (scap format, sections 1, 6 and 10).

Internal to the core. What this module lets through can be read without further checks.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.events cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType
from scapcore.schema.types cimport (ASYNCEVENT_E, CATEGORY_INTERNAL, CONTAINER_E, CONTAINER_JSON_2_E, CONTAINER_JSON_E,
                                    GROUP_DELETED_X, INFRASTRUCTURE_EVENT_E, NOTIFICATION_E, USER_ADDED_E)

cdef uint32_t STATE_ONLY = 1
cdef uint32_t SURPLUS = 3    # early writers of two event types state a length that is too large by this


cdef bint is_event_block(uint32_t block_type) noexcept nogil:
    return (block_type == BLOCK_EVENT_2 or block_type == BLOCK_EVENT_FLAGS_2 or block_type == BLOCK_EVENT_1
            or block_type == BLOCK_EVENT_FLAGS_1 or block_type == BLOCK_EVENT_LARGE
            or block_type == BLOCK_EVENT_LARGE_FLAGS or block_type == <uint32_t>BLOCK_EVENT_1_EARLY)


cdef int process_list_version(uint32_t block_type) noexcept nogil:
    """Version of a process list block, 0 for any other block."""
    if block_type == BLOCK_PROCESSES_1 or block_type == <uint32_t>BLOCK_PROCESSES_1_EARLY:
        return 1
    if block_type == BLOCK_PROCESSES_2 or block_type == <uint32_t>BLOCK_PROCESSES_2_EARLY:
        return 2
    if block_type == BLOCK_PROCESSES_3 or block_type == <uint32_t>BLOCK_PROCESSES_3_EARLY:
        return 3
    if BLOCK_PROCESSES_4 <= block_type <= BLOCK_PROCESSES_9:
        return <int>(block_type - BLOCK_PROCESSES_4) + 4
    return 0


cdef int count_parameters(const uint8_t* lengths, uint32_t room, uint32_t most) noexcept nogil:
    """Number of parameters of an event that does not state it: the largest whose lengths fit exactly; -1 if none."""
    cdef int count
    cdef uint32_t index, sum
    for count in range(most, -1, -1):
        if <uint32_t>count * 2 > room:
            continue
        sum = <uint32_t>count * 2
        for index in range(<uint32_t>count):
            sum += load16(lengths + 2 * index)
        if sum == room:
            return count
    return -1


cdef bint bad(Walk* walk, const char* problem, const char* expected) noexcept nogil:
    walk.problem = problem
    walk.expected = expected
    return False


cdef bint place(Walk* walk, Columns* columns, const EventType* types, const uint8_t* block) noexcept nogil:
    """Check one event block that lies whole in memory and append it to the columns; False if it is damaged."""
    cdef uint32_t block_type = walk.block_type
    cdef uint32_t body = walk.block_length - FRAME
    cdef uint8_t form = 0
    cdef uint32_t before = 2
    cdef uint32_t header_length = 26
    cdef uint32_t event_length, nparams, index, width, row
    cdef uint64_t sum
    cdef uint16_t type
    cdef int counted
    cdef const uint8_t* header
    cdef const uint8_t* lengths
    if block_type == BLOCK_EVENT_FLAGS_2 or block_type == BLOCK_EVENT_FLAGS_1 or block_type == BLOCK_EVENT_LARGE_FLAGS:
        form |= FORM_FLAGS
        before = 6
    if block_type == BLOCK_EVENT_LARGE or block_type == BLOCK_EVENT_LARGE_FLAGS:
        form |= FORM_LARGE
    elif walk.block_length > MAXIMUM_EVENT_BLOCK:
        return bad(walk, "an event block is too long", "at most 65536 bytes")
    if block_type == BLOCK_EVENT_1 or block_type == BLOCK_EVENT_FLAGS_1 or block_type == <uint32_t>BLOCK_EVENT_1_EARLY:
        header_length = 22
    else:
        form |= FORM_COUNTED
    if body < before + header_length:
        return bad(walk, "an event block is too short for its header", "a cpu number and an event header")
    header = block + 8 + before
    event_length = load32(header + 16)
    type = load16(header + 20)
    if event_length < header_length:
        return bad(walk, "an event is shorter than its own header", "an event length that covers the header")
    if event_length > body - before:
        if not form & FORM_COUNTED and (type == NOTIFICATION_E or type == INFRASTRUCTURE_EVENT_E) \
                and event_length - SURPLUS <= body - before and event_length - SURPLUS >= header_length:
            event_length -= SURPLUS
        else:
            return bad(walk, "an event is longer than its block", "an event length within the block")
    elif not form & FORM_COUNTED and (type == NOTIFICATION_E or type == INFRASTRUCTURE_EVENT_E) \
            and event_length - SURPLUS >= header_length:
        event_length -= SURPLUS
    walk.events += 1
    if type >= EVENT_COUNT:
        walk.unknown_events += 1
        walk.unknown_types[type] += 1
        return True
    lengths = header + header_length
    if form & FORM_COUNTED:
        nparams = load32(header + 22)
        width = 4 if form & FORM_LARGE else 2
        if nparams >= NO_PARAMETER or <uint64_t>nparams * width > event_length - header_length:
            return bad(walk, "an event has more parameters than bytes", "a length for each parameter")
        sum = <uint64_t>nparams * width
        if width == 2:
            for index in range(nparams):
                sum += load16(lengths + 2 * index)
        else:
            for index in range(nparams):
                sum += load32(lengths + 4 * <size_t>index)
        if sum > event_length - header_length:
            return bad(walk, "the parameters of an event are longer than the event", "lengths that fit together")
    else:
        counted = count_parameters(lengths, event_length - header_length, types[type].nparams)
        if counted < 0:
            return bad(walk, "the parameters of an event do not add up to its length", "lengths that fit exactly")
        nparams = <uint32_t>counted
    if USER_ADDED_E <= type <= GROUP_DELETED_X and not walk.modern:
        # To the tools whose numbers the classic view keeps, users and groups that came with containers are no events.
        walk.sided = True
        walk.side = header
        walk.side_nparams = <uint16_t>nparams
        walk.side_form = form
        return True
    row = columns.count
    columns.offset[row] = <uint32_t>(header - columns.data)
    columns.type[row] = type
    columns.nparams[row] = <uint16_t>nparams
    columns.form[row] = form
    columns.mark[row] = 0
    if walk.leading:
        # The state events at the start describe what was there before the capture began: counted, never shown.
        if type == CONTAINER_E or type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E \
                or USER_ADDED_E <= type <= GROUP_DELETED_X or (walk.modern and type == ASYNCEVENT_E):
            columns.mark[row] = MARK_HIDDEN
        else:
            walk.leading = False
    # The newest tools show what the older ones keep to themselves.
    if (types[type].category == CATEGORY_INTERNAL and not walk.modern) or (form & FORM_FLAGS and load32(header - 4) & STATE_ONLY):
        columns.mark[row] |= MARK_HIDDEN
    columns.count = row + 1
    return True


cdef int walk_events(Walk* walk, Columns* columns, const EventType* types) noexcept nogil:
    """Append events to the columns until something else than an event lies at the position; why it stopped.

    ``columns.data`` is where offsets count from; it must not lie behind the position.
    """
    cdef uint64_t start = <uint64_t>(columns.data - walk.data)
    cdef uint64_t rest
    cdef const uint8_t* block
    while True:
        rest = walk.end - walk.position
        if rest == 0:
            return WALK_END
        if rest < 8:
            walk.wanted = 8
            return WALK_MORE
        block = walk.data + walk.position
        walk.block_type = load32(block)
        walk.block_length = load32(block + 4)
        if walk.block_length < FRAME:
            bad(walk, "a block is shorter than its own frame", "a length of at least 12")
            return WALK_BAD
        if not is_event_block(walk.block_type):
            if rest < walk.block_length:
                walk.wanted = walk.block_length
                return WALK_MORE
            return WALK_OTHER
        if columns.count >= BATCH_EVENTS or walk.position - start > BATCH_BYTES:
            return WALK_FULL
        if rest < walk.block_length:
            if walk.block_type != BLOCK_EVENT_LARGE and walk.block_type != BLOCK_EVENT_LARGE_FLAGS \
                    and walk.block_length > MAXIMUM_EVENT_BLOCK:
                bad(walk, "an event block is too long", "at most 65536 bytes")
                return WALK_BAD
            walk.wanted = walk.block_length
            return WALK_MORE
        walk.sided = False
        if not place(walk, columns, types, block):
            return WALK_BAD
        if walk.sided:
            if columns.count:
                walk.events -= 1    # it is met again when what came before it has been dealt with
                return WALK_FULL
            walk.position += walk.block_length
            return WALK_SIDE
        walk.position += walk.block_length
