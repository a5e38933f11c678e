"""Byte buffers as text in the modes of the options -A, -x, -X and -b, and strings as JSON (state engine, section 10).

Internal to the core.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_sanitized, reserve

cdef const char* HEX_DIGITS = b"0123456789abcdef"
cdef const char* BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef uint64_t EACH_BYTE = 0x0101010101010101


cdef inline bint is_printable(uint8_t value) noexcept nogil:
    return <uint8_t>(value - 0x20) < 0x5F


cdef inline uint64_t unprintable(uint64_t word) noexcept nogil:
    """Zero if all eight bytes are printable ASCII characters."""
    return (((word - EACH_BYTE * 0x20) & ~word) | (word + EACH_BYTE) | word) & (EACH_BYTE * 0x80)


cdef void put_printable(Buffer* out, const uint8_t* data, size_t length) noexcept nogil:
    """Only the printable ASCII characters; quick where there are no others."""
    cdef size_t place = 0
    cdef uint64_t word
    cdef bint clean = True
    while clean and place + 8 <= length:
        memcpy(&word, data + place, 8)
        clean = unprintable(word) == 0
        place += 8
    while clean and place < length:
        clean = is_printable(data[place])
        place += 1
    if clean:
        put_bytes(out, data, length)
    else:
        put_sanitized(out, data, length)


cdef void put_dotted(Buffer* out, const uint8_t* data, uint32_t length) noexcept nogil:
    """One character per byte, a dot for each that cannot be printed."""
    cdef uint32_t index
    cdef uint8_t* target
    cdef uint8_t value
    if not reserve(out, length):
        return
    target = out.data + out.used
    for index in range(length):
        value = data[index]
        target[index] = value if <uint8_t>(value - 0x20) < 0x5F else 46
    out.used += length


cdef void put_lines(Buffer* out, const uint8_t* data, uint32_t length) noexcept nogil:
    """Printable characters and line ends, behind a line end of its own; CR LF is one line end."""
    cdef uint32_t index
    cdef uint8_t* target
    cdef uint8_t value
    if not reserve(out, <size_t>length + 1):
        return
    target = out.data + out.used
    target[0] = 10
    target += 1
    for index in range(length):
        value = data[index]
        if is_printable(value):
            target[0] = value
            target += 1
        elif value == 13 or (value == 10 and index and data[index - 1] != 13):
            target[0] = 10
            target += 1
    out.used = target - out.data


cdef void put_dump(Buffer* out, const uint8_t* data, uint32_t length, bint characters) noexcept nogil:
    """A hexadecimal dump of 16 bytes a line, with the characters at the right if wanted."""
    cdef uint32_t start, index, count
    cdef int shift
    cdef uint8_t* target
    for start in range(0, length, 16):
        # Line end, tab, prefix, offset, eight groups, two blanks, 16 characters and the last line end
        if not reserve(out, 96):
            return
        target = out.data + out.used
        memcpy(target, b"\n\t0x", 4)
        target += 4
        shift = 12
        while start >> shift >= 16:
            shift += 4
        while shift >= 0:
            target[0] = <uint8_t>HEX_DIGITS[(start >> shift) & 15]
            target += 1
            shift -= 4
        target[0] = 58
        target += 1
        count = length - start if length - start < 16 else 16
        for index in range(count):
            if not index & 1:
                target[0] = 32
                target += 1
            target[0] = <uint8_t>HEX_DIGITS[data[start + index] >> 4]
            target[1] = <uint8_t>HEX_DIGITS[data[start + index] & 15]
            target += 2
        if characters:
            # Whole missing groups are filled up, half a group is not.
            index = 5 * (8 - (count + 1) // 2) + 2
            memset(target, 32, index)
            target += index
            for index in range(count):
                target[0] = data[start + index] if is_printable(data[start + index]) else 46
                target += 1
        out.used = target - out.data
    put_byte(out, 10)


cdef void put_base64(Buffer* out, const uint8_t* data, uint32_t length) noexcept nogil:
    cdef uint32_t index, word
    cdef uint32_t rest
    cdef uint8_t* target
    if not reserve(out, (<size_t>length + 2) // 3 * 4):
        return
    target = out.data + out.used
    for index in range(0, length, 3):
        rest = length - index
        word = <uint32_t>data[index] << 16
        if rest > 1:
            word |= <uint32_t>data[index + 1] << 8
        if rest > 2:
            word |= data[index + 2]
        target[0] = <uint8_t>BASE64_DIGITS[word >> 18]
        target[1] = <uint8_t>BASE64_DIGITS[(word >> 12) & 63]
        target[2] = <uint8_t>BASE64_DIGITS[(word >> 6) & 63] if rest > 1 else 61
        target[3] = <uint8_t>BASE64_DIGITS[word & 63] if rest > 2 else 61
        target += 4
    out.used = target - out.data


cdef void put_payload(Buffer* out, const uint8_t* data, uint32_t length, int mode, bint unlimited) noexcept nogil:
    """A byte buffer in one of the output modes; an empty one gives nothing in all of them."""
    if length == 0:
        return
    if mode == MODE_NORMAL:
        if unlimited or length <= NORMAL_LIMIT:
            put_dotted(out, data, length)
        else:
            put_dotted(out, data, NORMAL_LIMIT - 3)
            put_bytes(out, b"...", 3)
    elif mode == MODE_ASCII:
        put_lines(out, data, length)
    elif mode == MODE_BASE64:
        put_base64(out, data, length)
    else:
        put_dump(out, data, length, mode == MODE_HEXASCII)


cdef uint32_t take_character(const uint8_t* data, size_t length, size_t* place) noexcept nogil:
    """Decode one UTF-8 character and step behind it; U+FFFD for what is no character.

    Where a sequence is cut by the end of the text only its first byte is consumed, and continuation bytes are not
    checked: both as in the JSON library of the reference, so that its output is met byte by byte.
    """
    cdef uint32_t first = data[place[0]]
    cdef size_t rest = length - place[0]
    cdef const uint8_t* at = data + place[0]
    cdef uint32_t value
    place[0] += 1
    if first < 0x80:
        return first
    if first < 0xE0:
        if rest < 2:
            return 0xFFFD
        place[0] += 1
        value = (first & 0x1F) << 6 | (at[1] & 0x3F)
        return value if value >= 0x80 else 0xFFFD
    if first < 0xF0:
        if rest < 3:
            return 0xFFFD
        place[0] += 2
        value = (first & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F)
        return 0xFFFD if value < 0x800 or 0xD800 <= value <= 0xDFFF else value
    if first < 0xF8:
        if rest < 4:
            return 0xFFFD
        place[0] += 3
        value = (first & 0x07) << 18 | (at[1] & 0x3F) << 12 | (at[2] & 0x3F) << 6 | (at[3] & 0x3F)
        return value if value >= 0x10000 else 0xFFFD
    return 0xFFFD


cdef inline void put_escape(Buffer* out, uint32_t unit) noexcept nogil:
    cdef uint8_t* target
    cdef int shift
    if not reserve(out, 6):
        return
    target = out.data + out.used
    target[0] = 92
    target[1] = 117
    target += 2
    for shift in range(12, -1, -4):
        target[0] = <uint8_t>HEX_DIGITS[(unit >> shift) & 15]
        target += 1
    out.used += 6


cdef inline uint64_t zeros(uint64_t word) noexcept nogil:
    """Zero if none of eight bytes is zero."""
    return (word - EACH_BYTE) & ~word & (EACH_BYTE * 0x80)


cdef inline bint is_plain(const uint8_t* data) noexcept nogil:
    """True if the next eight bytes stand for themselves in JSON."""
    cdef uint64_t word
    memcpy(&word, data, 8)
    return (unprintable(word) | zeros(word ^ EACH_BYTE * 34) | zeros(word ^ EACH_BYTE * 92)) == 0


cdef void put_json_text(Buffer* out, const uint8_t* data, size_t length) noexcept nogil:
    """A string as JSON with its quotes, all in ASCII, as the reference's -j writes it."""
    cdef size_t place = 0
    cdef size_t start
    cdef uint32_t character
    cdef uint8_t value
    put_byte(out, 34)
    while place < length:
        start = place
        while place + 8 <= length and is_plain(data + place):
            place += 8
        while place < length and 0x20 <= data[place] < 0x80 and data[place] != 34 and data[place] != 92:
            place += 1
        put_bytes(out, data + start, place - start)
        if place == length:
            break
        value = data[place]
        if value == 34 or value == 92:
            put_byte(out, 92)
            put_byte(out, value)
            place += 1
        elif value == 8 or value == 9 or value == 10 or value == 12 or value == 13:
            put_byte(out, 92)
            put_byte(out, <uint8_t>b"btn-fr"[value - 8])
            place += 1
        else:
            character = take_character(data, length, &place)
            if character >= 0x10000:
                character -= 0x10000
                put_escape(out, 0xD800 + ((character >> 10) & 0x3FF))
                put_escape(out, 0xDC00 + (character & 0x3FF))
            else:
                put_escape(out, character)
    put_byte(out, 34)
