# Where the objects of a JSON text are, and what was found in them.

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    MOST_COLUMNS = 40

cdef enum SpotKind:
    SPOT_NONE = 0
    SPOT_TEXT
    SPOT_ESCAPED             # a text that is written with backslashes
    SPOT_NUMBER
    SPOT_TRUE


cdef struct Spot:
    # A value in an object
    int64_t start            # of a text, behind its quotation mark; or the number itself
    int32_t length
    int32_t record           # number of the object
    uint8_t kind


cdef struct Spots:
    # What was found for a column: where it is single one for each object
    Spot* items
    size_t count
    size_t capacity
    bint single


cdef class Outline:
    cdef bytes data
    cdef Spots spots[MOST_COLUMNS]
    cdef int column_count
    cdef readonly object starts
    cdef readonly object ends
    cdef readonly object parents
    cdef object text_of(self, const Spot* spot)
    cdef object value_of(self, const Spot* spot)
    cdef Spots* spots_of(self, int column) except NULL
