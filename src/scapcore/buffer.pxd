# A growing run of bytes, and numbers as text.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen


cdef struct Buffer:
    uint8_t* data
    size_t used
    size_t capacity
    bint failed            # memory was out; what was appended since then is lost


cdef inline bint reserve(Buffer* buffer, size_t more) noexcept nogil:
    """Make room for `more` bytes."""
    cdef size_t capacity
    cdef uint8_t* grown
    if buffer.capacity - buffer.used >= more:
        return True
    capacity = buffer.capacity * 2 if buffer.capacity else 256
    while capacity - buffer.used < more:
        capacity *= 2
    grown = <uint8_t*>realloc(buffer.data, capacity)
    if grown == NULL:
        buffer.failed = True
        return False
    buffer.data = grown
    buffer.capacity = capacity
    return True


cdef inline void release(Buffer* buffer) noexcept nogil:
    free(buffer.data)
    buffer.data = NULL
    buffer.used = 0
    buffer.capacity = 0


cdef inline void put_bytes(Buffer* buffer, const void* data, size_t length) noexcept nogil:
    if length and reserve(buffer, length):
        memcpy(buffer.data + buffer.used, data, length)
        buffer.used += length


cdef inline void put_text(Buffer* buffer, const char* text) noexcept nogil:
    put_bytes(buffer, text, strlen(text))


cdef inline void put_byte(Buffer* buffer, uint8_t value) noexcept nogil:
    if reserve(buffer, 1):
        buffer.data[buffer.used] = value
        buffer.used += 1


cdef inline void put_unsigned(Buffer* buffer, uint64_t value) noexcept nogil:
    cdef uint8_t digits[20]
    cdef int place = 20
    while True:
        place -= 1
        digits[place] = <uint8_t>(48 + value % 10)
        value //= 10
        if value == 0:
            break
    put_bytes(buffer, &digits[place], 20 - place)


cdef inline void put_padded(Buffer* buffer, uint64_t value, int width) noexcept nogil:
    """Decimal, with zeros on the left up to a width of at most 20."""
    cdef uint8_t digits[20]
    cdef int place = 20
    while value or place > 20 - width:
        place -= 1
        digits[place] = <uint8_t>(48 + value % 10)
        value //= 10
    put_bytes(buffer, &digits[place], 20 - place)


cdef inline void put_signed(Buffer* buffer, int64_t value) noexcept nogil:
    if value < 0:
        put_byte(buffer, 45)
        put_unsigned(buffer, <uint64_t>0 - <uint64_t>value)
    else:
        put_unsigned(buffer, <uint64_t>value)


cdef inline void put_hex(Buffer* buffer, uint64_t value, int width, bint upper) noexcept nogil:
    """Hexadecimal without prefix, at least `width` digits."""
    cdef const char* signs = b"0123456789ABCDEF" if upper else b"0123456789abcdef"
    cdef uint8_t digits[16]
    cdef int place = 16
    while value or place > 16 - width or place == 16:
        place -= 1
        digits[place] = <uint8_t>signs[value & 15]
        value >>= 4
    put_bytes(buffer, &digits[place], 16 - place)


cdef inline void put_octal(Buffer* buffer, uint64_t value) noexcept nogil:
    """Octal with a leading zero, as C's ``%#o``."""
    cdef uint8_t digits[24]
    cdef int place = 24
    while value:
        place -= 1
        digits[place] = <uint8_t>(48 + (value & 7))
        value >>= 3
    place -= 1
    digits[place] = 48
    put_bytes(buffer, &digits[place], 24 - place)


cdef inline void put_sanitized(Buffer* buffer, const uint8_t* data, size_t length) noexcept nogil:
    """Only the printable ASCII characters (state engine, section 8.3)."""
    cdef size_t index
    cdef size_t used
    if not reserve(buffer, length):
        return
    used = buffer.used
    for index in range(length):
        buffer.data[used] = data[index]
        used += 0x20 <= data[index] <= 0x7E
    buffer.used = used
