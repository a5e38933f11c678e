"""Records of the probe to event blocks."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.probe.layout cimport (
    PROBE_CALLS,
    probe_recipe,
    probe_record,
    probe_row,
    probe_step,
    probe_table,
)


cdef enum:
    # Calls of 64 bits, those of 32 bits, and other kinds of records.
    RECIPES = 2 * PROBE_CALLS + 16
    PIECES = 24

#: What one event may take in the output, with its block.
cdef enum:
    EVENT_ROOM = 70000


cdef class Decoder:
    cdef probe_recipe recipes[RECIPES]
    cdef uint16_t codes[PROBE_CALLS]
    #: Of calls of 32-bit programs.
    cdef uint16_t compat_codes[PROBE_CALLS]
    cdef probe_step* steps
    cdef probe_row* rows
    cdef probe_table* tables
    #: Added to times since boot.
    cdef int64_t epoch
    # The record at hand.
    cdef const probe_record* record
    cdef const uint8_t* pieces[PIECES]
    cdef uint32_t lengths[PIECES]
    cdef uint64_t convert(self, uint32_t table, uint64_t value) noexcept nogil
    cdef uint64_t number(self, const probe_step* step) noexcept nogil
    cdef uint32_t parameter(self, const probe_step* step, uint8_t* target, uint32_t room) noexcept nogil
    cdef uint32_t quota(self) noexcept nogil
    cdef uint64_t quota_limit(self, uint32_t place, const uint8_t* piece, uint32_t length) noexcept nogil
    cdef uint32_t encode(self, const probe_record* record, uint32_t length, uint16_t cpu, uint8_t* target) noexcept nogil
    cdef uint32_t gap(self, uint64_t time, uint16_t cpu, uint16_t kind, uint32_t count, uint8_t* target) noexcept nogil
