"""Times of day and dates as text. Internal to the core.

Local times are those of the zone that TZ names, at the time of the event: what a clock on the wall showed. (The
reference takes the zone's present offset for events of any season.)
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_padded, put_unsigned, reserve

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    cdef struct tm:
        int tm_year
        int tm_mon
        int tm_mday
        long tm_gmtoff
    tm* localtime_r(const time_t* time, tm* result)
    tm* gmtime_r(const time_t* time, tm* result)
    void tzset()

cdef enum:
    STEADY = 900             # no zone changes its offset but at a quarter of an hour

cdef uint64_t SECOND = 1000000000


cdef void clock_open(Clock* clock) noexcept nogil:
    memset(clock, 0, sizeof(Clock))
    clock.second = -1
    tzset()


cdef int64_t local_second(Clock* clock, uint64_t time) noexcept nogil:
    """Seconds since the epoch, moved so that they are local time when read as UTC."""
    cdef int64_t second = <int64_t>(time // SECOND)
    cdef time_t moment = second
    cdef tm parts
    if not clock.begin <= second < clock.end:
        clock.begin = second - second % STEADY
        clock.end = clock.begin + STEADY
        clock.offset = 0
        memset(&parts, 0, sizeof(tm))
        if localtime_r(&moment, &parts) != NULL:
            clock.offset = parts.tm_gmtoff
    return second + clock.offset


cdef inline void set_pair(uint8_t* place, uint32_t value) noexcept nogil:
    place[0] = <uint8_t>(48 + value // 10)
    place[1] = <uint8_t>(48 + value % 10)


cdef void put_fraction(Buffer* buffer, uint64_t time) noexcept nogil:
    """A dot and nine digits."""
    cdef uint32_t rest = <uint32_t>(time % SECOND)
    cdef uint8_t* place
    cdef int digit
    if not reserve(buffer, 10):
        return
    place = buffer.data + buffer.used
    place[0] = 46
    for digit in range(8, 0, -2):
        set_pair(place + digit, rest % 100)
        rest //= 100
    place[1] = <uint8_t>(48 + rest)
    buffer.used += 10


cdef void put_time(Buffer* buffer, Clock* clock, uint64_t time, bint nanoseconds) noexcept nogil:
    """Local time of day, `HH:MM:SS` and nine digits if wanted."""
    cdef int64_t second = local_second(clock, time)
    cdef int64_t rest
    if second != clock.second:
        clock.second = second
        rest = second % 86400
        if rest < 0:
            rest += 86400
        set_pair(&clock.text[0], <uint32_t>(rest // 3600))
        clock.text[2] = 58
        set_pair(&clock.text[3], <uint32_t>(rest % 3600 // 60))
        clock.text[5] = 58
        set_pair(&clock.text[6], <uint32_t>(rest % 60))
    put_bytes(buffer, clock.text, 8)
    if nanoseconds:
        put_fraction(buffer, time)


cdef void put_date(Buffer* buffer, int64_t second) noexcept nogil:
    cdef time_t moment = second
    cdef tm parts
    memset(&parts, 0, sizeof(tm))
    gmtime_r(&moment, &parts)
    put_padded(buffer, <uint64_t>(parts.tm_year + 1900), 4)
    put_byte(buffer, 45)
    put_padded(buffer, <uint64_t>(parts.tm_mon + 1), 2)
    put_byte(buffer, 45)
    put_padded(buffer, <uint64_t>parts.tm_mday, 2)


cdef void put_date_and_time(Buffer* buffer, Clock* clock, uint64_t time, bint nanoseconds) noexcept nogil:
    """Local date and time with a blank between them."""
    put_date(buffer, local_second(clock, time))
    put_byte(buffer, 32)
    put_time(buffer, clock, time, nanoseconds)


cdef void put_iso8601(Buffer* buffer, uint64_t time) noexcept nogil:
    """Date and time in UTC, with nanoseconds and the offset."""
    cdef uint64_t second = time // SECOND
    put_date(buffer, <int64_t>second)
    put_byte(buffer, 84)
    put_padded(buffer, second % 86400 // 3600, 2)
    put_byte(buffer, 58)
    put_padded(buffer, second % 3600 // 60, 2)
    put_byte(buffer, 58)
    put_padded(buffer, second % 60, 2)
    put_fraction(buffer, time)
    put_bytes(buffer, b"+0000", 5)


cdef void put_seconds(Buffer* buffer, uint64_t duration, bint padded) noexcept nogil:
    """Seconds, a dot and the nanoseconds of the rest: nine digits, or as few as there are."""
    put_unsigned(buffer, duration // SECOND)
    if padded:
        put_fraction(buffer, duration)
    else:
        put_byte(buffer, 46)
        put_unsigned(buffer, duration % SECOND)
