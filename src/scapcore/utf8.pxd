# Text that other programs may trust to be UTF-8.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from scapcore.buffer cimport Buffer, put_bytes


cdef inline size_t sequence_length(const uint8_t* place, size_t left) noexcept nogil:
    """Bytes of the character that begins here, 0 if none does (RFC 3629, section 4)."""
    cdef uint8_t first = place[0]
    cdef uint8_t low = 0x80
    cdef uint8_t high = 0xBF
    cdef size_t length, index
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if left < length:
        return 0
    if first == 0xE0:
        low = 0xA0
    elif first == 0xED:
        high = 0x9F
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F
    if place[1] < low or place[1] > high:
        return 0
    for index in range(2, length):
        if place[index] & 0xC0 != 0x80:
            return 0
    return length


cdef inline size_t valid_length(const uint8_t* data, size_t length) noexcept nogil:
    """How many bytes at the beginning are UTF-8."""
    cdef size_t place = 0
    cdef size_t step
    cdef uint64_t eight
    while place < length:
        if length - place >= 8:
            memcpy(&eight, data + place, 8)
            if not eight & <uint64_t>0x8080808080808080ULL:
                place += 8
                continue
        step = sequence_length(data + place, length - place)
        if not step:
            break
        place += step
    return place


cdef inline void put_utf8(Buffer* buffer, const uint8_t* data, size_t length) noexcept nogil:
    """Append a text, each byte that is no part of a character as U+FFFD."""
    cdef size_t fine
    while length:
        fine = valid_length(data, length)
        put_bytes(buffer, data, fine)
        data += fine
        length -= fine
        if length:
            put_bytes(buffer, b"\xEF\xBF\xBD", 3)
            data += 1
            length -= 1
