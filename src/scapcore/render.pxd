# Lines of text from the events of batches.

from cython cimport final
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.beginning cimport Beginning
from scapcore.buffer cimport Buffer
from scapcore.clock cimport Clock
from scapcore.fields cimport Field, FieldUse, Scope, Value
from scapcore.text cimport TextContext


cdef struct Segment:
    const uint8_t* before    # what stands before the value
    uint32_t before_length
    uint32_t width           # of the column, 0 = as wide as the value
    uint8_t source           # where the value comes from
    uint8_t format           # a PF_ code
    uint8_t type             # PT_ code that the value is taken for, 0 = its own
    bint running             # must be taken from every event, also if the line is dropped
    bint multiline           # line ends and tabs in the value are meant
    uint64_t previous        # time stamp of the last event, for differences
    Field* field


@final
cdef class Renderer:
    cdef readonly uint32_t needs
    cdef readonly bint needs_state
    cdef readonly object limit
    cdef readonly uint64_t lines     # written so far
    cdef readonly uint64_t dropped   # events without a line because a value was missing
    cdef readonly uint64_t events    # counted towards the limit
    cdef Segment* segments
    cdef uint32_t segment_count
    cdef const uint8_t* tail         # what stands behind the last value, with the line's end
    cdef uint32_t tail_length
    cdef bint keep_missing
    cdef bint json
    cdef bint escape
    cdef bint writing                # a target has a view of `out`
    cdef Beginning beginning
    cdef uint64_t most               # the limit as a number
    cdef list kept                   # owners of what segments point to
    cdef Buffer out
    cdef Scope scope
    cdef TextContext text
    cdef Clock clock
    cdef int lay_out(self, list segments, str time, bint multiline) except -1
    cdef int set_source(self, Segment* segment, FieldUse use, str time) except -1
    cdef int begin(self, EventBatch batch) except -1
    cdef int write_pieces(self, target, EventBatch batch) except -1
    cdef uint32_t fill(self, EventBatch batch, uint32_t position, size_t enough) noexcept nogil
    cdef bint put_line(self, EventBatch batch, uint32_t row) noexcept nogil
    cdef bint put_segment(self, Segment* segment) noexcept nogil
    cdef bint put_time_segment(self, Segment* segment) noexcept nogil

cdef bint put_value(Buffer* out, const Value* value, uint8_t format) noexcept nogil
cdef bint put_json_value(Buffer* out, const Value* value, uint8_t format) noexcept nogil
