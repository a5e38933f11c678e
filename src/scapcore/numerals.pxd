# Numbers in the formats of parameters, written into room that is there already: 20 bytes at least.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from scapcore.buffer cimport Buffer, put_byte, put_octal, put_padded
from scapcore.schema.types cimport PF_10_PADDED_DEC, PF_HEX, PF_OCT


cdef inline uint8_t* write_unsigned(uint8_t* place, uint64_t value) noexcept nogil:
    cdef const char* pairs = (
        b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        b"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899")
    cdef uint8_t digits[40]
    cdef int start = 20
    cdef uint32_t pair
    if value < 10:
        place[0] = <uint8_t>(48 + value)
        return place + 1
    if value < 100:
        memcpy(place, pairs + 2 * value, 2)
        return place + 2
    while value >= 100:
        pair = <uint32_t>(value % 100)
        value //= 100
        start -= 2
        memcpy(&digits[start], pairs + 2 * pair, 2)
    if value >= 10:
        start -= 2
        memcpy(&digits[start], pairs + 2 * value, 2)
    else:
        start -= 1
        digits[start] = <uint8_t>(48 + value)
    memcpy(place, &digits[start], 20)       # whole, because a fixed size is quicker
    return place + (20 - start)


cdef inline void put_decimal(Buffer* out, int64_t value) noexcept nogil:
    """Signed, into room that is there."""
    cdef uint8_t* place = out.data + out.used
    cdef uint64_t size = <uint64_t>value
    if value < 0:
        place[0] = 45
        place += 1
        size = <uint64_t>0 - size
    out.used = write_unsigned(place, size) - out.data


cdef inline void put_hexadecimal(Buffer* out, uint64_t bits) noexcept nogil:
    """Upper case without prefix, into room that is there."""
    cdef const char* signs = b"0123456789ABCDEF"
    cdef uint8_t* place = out.data + out.used
    cdef int shift = 0
    while shift < 60 and bits >> (shift + 4):
        shift += 4
    while shift >= 0:
        place[0] = <uint8_t>signs[(bits >> shift) & 15]
        place += 1
        shift -= 4
    out.used = place - out.data


cdef inline void put_number(Buffer* out, int64_t value, uint64_t bits, int format) noexcept nogil:
    """A number in the format of its parameter; `bits` are those that C's conversions for its type would see."""
    if format == PF_HEX:
        put_hexadecimal(out, bits)
    elif format == PF_OCT:
        if bits:
            put_octal(out, bits)
        else:
            put_byte(out, 48)
    elif format == PF_10_PADDED_DEC:
        if value < 0:
            put_byte(out, 45)
            put_padded(out, <uint64_t>0 - <uint64_t>value, 8)
        else:
            put_padded(out, <uint64_t>value, 9)
    else:
        put_decimal(out, value)


cdef inline uint64_t load_number(const uint8_t* data, uint32_t length, uint32_t width) noexcept nogil:
    """A little-endian number; a capture may hold fewer bytes than its type has."""
    cdef uint64_t value = 0
    memcpy(&value, data, width if length >= width else length)
    return value
