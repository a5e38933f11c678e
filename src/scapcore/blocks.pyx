"""The walk from block to block: the one place where lengths are checked (scap format, sections 1, 6 and 10).

Internal to the core. What this module lets through can be read without further checks.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.events cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType
from scapcore.schema.types cimport (ASYNCEVENT_E, CATEGORY_INTERNAL, CONTAINER_E, CONTAINER_JSON_2_E, CONTAINER_JSON_E,
                                    GROUP_DELETED_X, INFRASTRUCTURE_EVENT_E, NOTIFICATION_E, USER_ADDED_E)

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define scap_prefetch(place) __builtin_prefetch(place)
    #else
    #define scap_prefetch(place) ((void)0)
    #endif
    """
    void scap_prefetch(const void* place) noexcept nogil

cdef enum:
    SUMMED = 8                       # lengths that are added up at once

cdef uint64_t EVERY_OTHER = 0x0000FFFF0000FFFF
# Masks of the first lengths of four
cdef uint64_t[5] PART = [0, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF]
cdef uint64_t LOOK_AHEAD = 1024  # bytes that are fetched early: where a block ends is only known once it is there
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


cdef bint is_known_block(uint32_t block_type) noexcept nogil:
    if block_type >> 8 != 2 and block_type != BLOCK_SECTION and block_type & 0xFFFF != 0xABCD:
        return False            # most of what is no block ends here, which makes searching quick
    return (is_event_block(block_type) or is_list_block(block_type) or block_type == BLOCK_SECTION
            or block_type == BLOCK_MACHINE or block_type == <uint32_t>BLOCK_MACHINE_EARLY)


cdef bint is_list_block(uint32_t block_type) noexcept nogil:
    return (process_list_version(block_type) > 0 or block_type == BLOCK_FDS_1 or block_type == <uint32_t>BLOCK_FDS_1_EARLY or block_type == BLOCK_FDS_2
            or block_type == BLOCK_INTERFACES_1 or block_type == <uint32_t>BLOCK_INTERFACES_1_EARLY
            or block_type == BLOCK_INTERFACES_2 or block_type == BLOCK_USERS_1
            or block_type == <uint32_t>BLOCK_USERS_1_EARLY or block_type == BLOCK_USERS_2)


cdef uint32_t header_place(uint32_t block_type) noexcept nogil:
    """Where in its block the header of an event begins."""
    if block_type == BLOCK_EVENT_FLAGS_2 or block_type == BLOCK_EVENT_FLAGS_1 or block_type == BLOCK_EVENT_LARGE_FLAGS:
        return 14
    return 10


cdef uint32_t event_end(const uint8_t* block, uint32_t block_type) noexcept nogil:
    """Where in its block an event ends that has been checked; the padding belongs to it."""
    return (header_place(block_type) + load32(block + header_place(block_type) + 16) + 3) & ~<uint32_t>3


cdef bint is_followed(const uint8_t* block, uint64_t rest) noexcept nogil:
    """True if what lies behind a block looks like the next one, or is not there yet."""
    return rest < 8 or (is_known_block(load32(block)) and FRAME <= load32(block + 4) <= PLAUSIBLE_BLOCK)


cdef bint ends_elsewhere(const uint8_t* block, uint32_t length, uint64_t rest) noexcept nogil:
    """True if a whole event stands in a block of which the length is wrong and not its repetition at the end."""
    cdef uint32_t own = event_end(block, load32(block)) + 4
    if own < length and judge_block(block + own, rest - own) == JUDGED_YES:
        return True
    return not is_followed(block + length, rest - length)


cdef int judge_block(const uint8_t* block, uint64_t rest) noexcept nogil:
    """Whether a block of a known kind begins here. Stricter than reading, as any bytes may lie here."""
    cdef uint32_t type, length, header
    if rest < 8:
        return JUDGED_MORE
    type = load32(block)
    length = load32(block + 4)
    if not is_known_block(type) or length < FRAME or length & 3 or length > PLAUSIBLE_FIND:
        return JUDGED_NO
    if is_event_block(type):
        header = header_place(type)
        if length < header + 26:
            return JUDGED_NO
        if type != BLOCK_EVENT_LARGE and type != BLOCK_EVENT_LARGE_FLAGS and length > MAXIMUM_EVENT_BLOCK:
            return JUDGED_NO
        if rest >= header + 20 and load32(block + header + 16) > length - header:
            return JUDGED_NO
    elif type == BLOCK_SECTION and rest >= 12 and load32(block + 8) != MAGIC:
        return JUDGED_NO
    if rest < length:
        return JUDGED_MORE
    return JUDGED_YES if load32(block + length - 4) == length else JUDGED_NO


cdef int find_block(Walk* walk, uint64_t* place, uint32_t sure) noexcept nogil:
    """Look for the next block from a place on, which moves there; `sure` blocks must follow one another, or the end.

    Returns JUDGED_YES; JUDGED_MORE where more bytes must come to tell about the place; JUDGED_NO if there are no more.
    """
    cdef uint64_t next
    cdef uint32_t count
    cdef int judged
    while place[0] + 8 <= walk.end:
        next = place[0]
        count = 0
        while True:
            judged = judge_block(walk.data + next, walk.end - next)
            if judged != JUDGED_YES:
                break
            next += load32(walk.data + next + 4)
            count += 1
            if count >= sure or (next == walk.end and walk.ended):
                return JUDGED_YES
        if judged == JUDGED_MORE and not walk.ended:
            return JUDGED_MORE
        place[0] += 1
    return JUDGED_NO if walk.ended else JUDGED_MORE


cdef int count_parameters(const uint8_t* lengths, uint32_t room, uint32_t most) noexcept nogil:
    """Number of parameters of an event that does not state it: the one whose lengths fit exactly; -1 if none does."""
    cdef uint32_t count = 0
    cdef uint32_t sum = 0
    while sum < room and count < most and 2 * count + 2 <= room:
        sum += 2 + load16(lengths + 2 * count)
        count += 1
    return <int>count if sum == room else -1


cdef inline uint32_t sum_lengths(const uint8_t* lengths, uint32_t count) noexcept nogil:
    """Bytes of `count` lengths and of what they tell, for at most `SUMMED`, of which all must be there to be read.

    Without a loop: how often one is gone through differs from event to event, which processors cannot foresee.
    """
    cdef uint64_t low = load64(lengths) & PART[count if count < 4 else 4]
    cdef uint64_t high = load64(lengths + 8) & PART[count - 4 if count > 4 else 0]
    low = (low & EVERY_OTHER) + (low >> 16 & EVERY_OTHER) + (high & EVERY_OTHER) + (high >> 16 & EVERY_OTHER)
    return 2 * count + <uint32_t>low + <uint32_t>(low >> 32)


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


cdef void walk_plain(Walk* walk, Columns* columns, const EventType* types) noexcept nogil:
    """Append events to the columns for as long as they are of the common forms and nothing is odd about them.

    Whatever is met otherwise stays at the position, for `walk_events` to look at with care.
    """
    # Copies, as any store might otherwise be one to the originals
    cdef Columns out = columns[0]
    cdef const uint8_t* data = walk.data
    cdef const uint8_t* block
    cdef const uint8_t* header
    cdef const uint8_t* lengths
    cdef uint64_t position = walk.position
    cdef uint64_t end = walk.end
    cdef uint64_t start = <uint64_t>(out.data - data)
    cdef uint32_t most = walk.most
    cdef uint32_t row = out.count
    cdef bint modern = walk.modern
    cdef uint32_t block_type, length, before, header_length, event_length, nparams, sum, index
    cdef uint16_t type
    cdef uint8_t mark, form
    cdef int counted
    if walk.leading or walk.lost:
        return
    while row < most and end - position >= FRAME and position - start <= BATCH_BYTES:
        block = data + position
        scap_prefetch(block + LOOK_AHEAD)
        block_type = load32(block)
        length = load32(block + 4)
        header_length = 26
        form = FORM_COUNTED
        before = 2
        if block_type == BLOCK_EVENT_FLAGS_2:
            before = 6
            form = FORM_COUNTED | FORM_FLAGS
        elif block_type == BLOCK_EVENT_1:
            header_length = 22
            form = 0
        elif block_type != BLOCK_EVENT_2:
            break
        if length > MAXIMUM_EVENT_BLOCK or length > end - position or length < FRAME + before + header_length:
            break
        header = block + 8 + before
        event_length = load32(header + 16)
        type = load16(header + 20)
        if (load32(block + length - 4) != length or event_length > length - FRAME - before
                or event_length < header_length or type >= EVENT_COUNT):
            break
        lengths = header + header_length
        if form:
            nparams = load32(header + 22)
            if nparams >= NO_PARAMETER or 2 * nparams > event_length - 26:
                break
            if nparams <= SUMMED and end - position >= <uint64_t>(lengths - block) + 2 * SUMMED:
                sum = sum_lengths(lengths, nparams)
            else:
                sum = 2 * nparams
                for index in range(nparams):
                    sum += load16(lengths + 2 * index)
            if sum > event_length - 26:
                break
        else:
            counted = count_parameters(lengths, event_length - 22, types[type].nparams)
            if counted < 0 or type == NOTIFICATION_E or type == INFRASTRUCTURE_EVENT_E:
                break
            nparams = <uint32_t>counted
        if USER_ADDED_E <= type <= GROUP_DELETED_X and not modern:
            break
        mark = 0
        if (types[type].category == CATEGORY_INTERNAL and not modern) or (before == 6 and load32(header - 4) & STATE_ONLY):
            mark = MARK_HIDDEN
        out.offset[row] = <uint32_t>(header - out.data)
        out.type[row] = type
        out.nparams[row] = <uint16_t>nparams
        out.form[row] = form
        out.mark[row] = mark
        row += 1
        position += length
    walk.events += row - columns.count
    walk.position = position
    columns.count = row


cdef int walk_events(Walk* walk, Columns* columns, const EventType* types) noexcept nogil:
    """Append events to the columns until something else than an event lies at the position; why it stopped.

    ``columns.data`` is where offsets count from; it must not lie behind the position.
    """
    cdef uint64_t start = <uint64_t>(columns.data - walk.data)
    cdef uint64_t rest
    cdef const uint8_t* block
    while True:
        walk_plain(walk, columns, types)
        if walk.lost:
            return WALK_BAD
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
                if walk.block_length > PLAUSIBLE_UNKNOWN and not is_known_block(walk.block_type):
                    bad(walk, "a block of unknown type is too long", "at most 16 MiB")
                    return WALK_BAD
                walk.wanted = walk.block_length
                return WALK_MORE
            return WALK_OTHER
        if columns.count >= walk.most or walk.position - start > BATCH_BYTES:
            return WALK_FULL
        if rest < walk.block_length:
            if walk.block_type != BLOCK_EVENT_LARGE and walk.block_type != BLOCK_EVENT_LARGE_FLAGS \
                    and walk.block_length > MAXIMUM_EVENT_BLOCK:
                bad(walk, "an event block is too long", "at most 65536 bytes")
                return WALK_BAD
            walk.wanted = walk.block_length
            return WALK_MORE
        if load32(block + walk.block_length - 4) != walk.block_length and rest - walk.block_length < 8 and not walk.ended:
            walk.wanted = <uint64_t>walk.block_length + 8   # what follows tells whether the length is right
            return WALK_MORE
        walk.sided = False
        if not place(walk, columns, types, block):
            return WALK_BAD
        if walk.sided and columns.count:
            return WALK_FULL        # it is met again when what came before it has been dealt with
        walk.events += 1
        if load32(block + walk.block_length - 4) != walk.block_length and ends_elsewhere(block, walk.block_length, rest):
            # The event was whole, but its block does not end where it says.
            walk.position += event_end(block, walk.block_type)
            walk.lost = True
            bad(walk, "an event block does not end where it says", "its length at its end, and a block behind it")
        else:
            walk.position += walk.block_length
        if walk.sided:
            return WALK_SIDE
