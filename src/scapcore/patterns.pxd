# Shell patterns.

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t


cdef inline uint8_t folded(uint8_t byte) noexcept nogil:
    return byte + 32 if 65 <= byte <= 90 else byte


cdef bint glob_match(const uint8_t* pattern, size_t pattern_length, const uint8_t* text, size_t length,
                     bint fold) noexcept nogil
