# Byte buffers and strings as text.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.buffer cimport Buffer

cdef enum:
    MODE_NORMAL = 0
    MODE_ASCII = 1        # option -A
    MODE_HEX = 2          # option -x
    MODE_HEXASCII = 3     # option -X
    MODE_BASE64 = 4       # option -b

    NORMAL_LIMIT = 80     # characters of a buffer in normal mode

cdef void put_payload(Buffer* out, const uint8_t* data, uint32_t length, int mode, bint unlimited) noexcept nogil
cdef void put_printable(Buffer* out, const uint8_t* data, size_t length) noexcept nogil
cdef void put_json_text(Buffer* out, const uint8_t* data, size_t length) noexcept nogil
