# The frames of a capture: numbers of blocks, and the walk from block to block.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.events cimport Columns
from scapcore.schema.tables cimport EventType

cdef enum:
    BLOCK_SECTION = 0x0A0D0D0A
    BLOCK_MACHINE = 0x201
    BLOCK_PROCESSES_1 = 0x202
    BLOCK_FDS_1 = 0x203
    BLOCK_EVENT_1 = 0x204
    BLOCK_INTERFACES_1 = 0x205
    BLOCK_USERS_1 = 0x206
    BLOCK_PROCESSES_2 = 0x207
    BLOCK_EVENT_FLAGS_1 = 0x208
    BLOCK_PROCESSES_3 = 0x209
    BLOCK_PROCESSES_4 = 0x210
    BLOCK_PROCESSES_9 = 0x215
    BLOCK_EVENT_2 = 0x216
    BLOCK_EVENT_FLAGS_2 = 0x217
    BLOCK_FDS_2 = 0x218
    BLOCK_INTERFACES_2 = 0x219
    BLOCK_USERS_2 = 0x220
    BLOCK_EVENT_LARGE = 0x221
    BLOCK_EVENT_LARGE_FLAGS = 0x222

    MAGIC = 0x1A2B3C4D
    FRAME = 12               # type, length, trailer
    MAXIMUM_EVENT_BLOCK = 65536 + 64

    # From before the first public release (scap format, section 2)
    BLOCK_PROCESSES_1_EARLY = 0x8000ABCD
    BLOCK_FDS_1_EARLY = 0x8001ABCD
    BLOCK_MACHINE_EARLY = 0x8002ABCD
    BLOCK_EVENT_1_EARLY = 0x8010ABCD
    BLOCK_INTERFACES_1_EARLY = 0x8011ABCD
    BLOCK_USERS_1_EARLY = 0x8012ABCD
    BLOCK_PROCESSES_2_EARLY = 0x8013ABCD
    BLOCK_PROCESSES_3_EARLY = 0x8014ABCD

    WALK_FULL = 0            # the batch can take no more
    WALK_OTHER = 1           # a whole block that is no event lies at the position
    WALK_MORE = 2            # the bytes end within the block at the position
    WALK_BAD = 3             # the block at the position contradicts the format
    WALK_END = 4             # no byte is left
    WALK_SIDE = 5            # an event that changes the tables but takes no number was passed

    # Lengths that are believed without a look at the end: of known kinds, of unknown ones, of what is searched for.
    PLAUSIBLE_BLOCK = 1 << 28
    PLAUSIBLE_UNKNOWN = 1 << 24
    PLAUSIBLE_FIND = 1 << 20

    JUDGED_NO = 0            # no block begins here
    JUDGED_YES = 1           # a whole one does
    JUDGED_MORE = 2          # only more bytes can tell


cdef struct Walk:
    const uint8_t* data
    uint64_t position        # from `data`
    uint64_t end
    bint ended               # no more bytes will come
    uint32_t most            # events of a batch
    uint64_t wanted          # of WALK_MORE: bytes of the block at the position, 8 if not even its frame is there
    uint32_t block_type
    uint32_t block_length
    const char* problem      # of WALK_BAD
    const char* expected
    uint64_t events          # event blocks met, unknown types included
    uint64_t unknown_events
    uint32_t* unknown_types  # 65536 counters
    bint leading             # no event but the state's own has been met
    bint modern              # numbers are given as the newest libraries give them
    bint lost                # the position is at no block: the former one stated a wrong length
    bint sided
    const uint8_t* side      # of WALK_SIDE: the event's header
    uint16_t side_nparams
    uint8_t side_form


cdef bint is_event_block(uint32_t block_type) noexcept nogil
cdef bint is_list_block(uint32_t block_type) noexcept nogil
cdef int process_list_version(uint32_t block_type) noexcept nogil
cdef int judge_block(const uint8_t* block, uint64_t rest) noexcept nogil
cdef int find_block(Walk* walk, uint64_t* place, uint32_t sure) noexcept nogil
cdef void walk_plain(Walk* walk, Columns* columns, const EventType* types) noexcept nogil
cdef int walk_events(Walk* walk, Columns* columns, const EventType* types) noexcept nogil
