# Dictionary of byte strings with reference counts: equal texts have equal numbers.

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef struct Text:
    uint8_t* data          # followed by a NUL that does not count
    uint32_t length
    uint32_t references
    uint64_t hash


cdef struct Strings:
    Text* rows             # row 0 is the empty text and never freed
    uint32_t count
    uint32_t capacity
    uint32_t free_row      # head of the list of free rows, chained through `length`
    uint32_t* slots        # open addressing: row numbers, 0 = empty
    uint32_t mask
    uint32_t used


cdef bint strings_open(Strings* strings) noexcept nogil
cdef void strings_close(Strings* strings) noexcept nogil
cdef uint32_t strings_add(Strings* strings, const uint8_t* data, size_t length) noexcept nogil
cdef void strings_drop_last(Strings* strings, uint32_t row) noexcept nogil


cdef inline void strings_keep(Strings* strings, uint32_t row) noexcept nogil:
    strings.rows[row].references += 1


cdef inline void strings_drop(Strings* strings, uint32_t row) noexcept nogil:
    if row:
        strings.rows[row].references -= 1
        if strings.rows[row].references == 0:
            strings_drop_last(strings, row)


cdef inline const uint8_t* text_of(const Strings* strings, uint32_t row) noexcept nogil:
    return strings.rows[row].data


cdef inline uint32_t length_of(const Strings* strings, uint32_t row) noexcept nogil:
    return strings.rows[row].length
