# Values of one field in one of Arrow's layouts.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from scapcore.arrow cimport ArrowValues
from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer
from scapcore.event cimport FieldReader
from scapcore.fields cimport FieldUse, Value
from scapcore.paths cimport Known
from scapcore.schema.tables cimport EVENT_COUNT, EventType
from scapcore.strings cimport Strings


cdef struct Piece:
    # A payload where it stands
    const uint8_t* data
    uint32_t length
    uint8_t present


cdef struct Way:
    # How events of a type come to their values
    uint32_t by_row          # all bits if they share that of their row, where they have one
    uint32_t alone           # 1 if one without a row must be asked itself, not once for all of its type


cdef class ArrowColumn:
    cdef FieldReader reader
    cdef FieldUse use
    cdef int layout
    cdef int path
    cdef readonly bytes format
    cdef bint utf8
    cdef bint signed_only        # numbers must not have the highest bit
    cdef uint8_t* values         # numbers, codes, offsets or views
    cdef size_t width            # bytes of one of these
    cdef uint8_t* present        # NULL while no value was missing
    cdef size_t count
    cdef size_t capacity
    cdef size_t usual            # capacity that the former record batch needed
    cdef Known* known            # by type or row
    cdef uint32_t known_capacity
    cdef uint32_t stamp
    cdef Way ways[EVENT_COUNT]         # by event type
    cdef uint32_t base           # where the values of types stand among those of rows
    cdef Strings texts
    cdef object dictionary       # of the texts, as long as none is added
    cdef uint32_t dictionary_count
    cdef Buffer bytes            # of layouts with bytes
    cdef Buffer items            # offsets of the items of lists
    cdef size_t item_count
    cdef list windows
    cdef Piece* pieces
    cdef size_t piece_capacity
    cdef readonly size_t held    # bytes that the next record batch keeps or looks at
    cdef bint failed
    cdef bint room(self, size_t more) except False
    cdef void miss(self, size_t index) noexcept nogil
    cdef bint begin(self, EventBatch batch) except False
    cdef void settle(self, const EventType* types) noexcept
    cdef void next_stamp(self) noexcept
    cdef const uint8_t* text_at(self, const Value* value, char* address, size_t* length) noexcept nogil
    cdef bint find(self, EventBatch batch, uint32_t row, uint64_t* number) noexcept nogil
    cdef void put(self, size_t index, bint found, uint64_t number) noexcept nogil
    cdef Known* know(self, EventBatch batch, uint32_t row, uint32_t key) noexcept nogil
    cdef void put_alone(self, EventBatch batch, uint32_t row, size_t index) noexcept nogil
    cdef void take_by_type(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef void take_by_thread(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef void take_by_fd(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef void take_plain(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef void drop_beyond(self, size_t start) noexcept nogil
    cdef void take_bytes(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef void put_items(self, const uint8_t* text, size_t length) noexcept nogil
    cdef void find_pieces(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil
    cdef bint take_views(self, EventBatch batch, const uint32_t* rows, size_t size) except False
    cdef bint take(self, EventBatch batch, const uint32_t* rows, size_t size) except False
    cdef object bitmap(self, size_t* missing)
    cdef ArrowValues texts_now(self)
    cdef ArrowValues finish(self)
    cdef int put_items_end(self) except -1
