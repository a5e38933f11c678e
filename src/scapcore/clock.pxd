# Times of day and dates as text.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from scapcore.buffer cimport Buffer


cdef struct Clock:
    int64_t begin            # seconds for which `offset` holds: from here
    int64_t end              # and up to here
    int64_t offset           # of the local time from UTC, seconds
    int64_t second           # the one that `text` shows
    uint8_t text[8]          # HH:MM:SS

cdef void clock_open(Clock* clock) noexcept nogil
cdef void put_time(Buffer* buffer, Clock* clock, uint64_t time, bint nanoseconds) noexcept nogil
cdef void put_date_and_time(Buffer* buffer, Clock* clock, uint64_t time, bint nanoseconds) noexcept nogil
cdef void put_iso8601(Buffer* buffer, uint64_t time) noexcept nogil
cdef void put_seconds(Buffer* buffer, uint64_t duration, bint padded) noexcept nogil
