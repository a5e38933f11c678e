# What the two sides of a cursor agree on: the walk in C, and the functions of the other language.

from libc.stdint cimport uint8_t

cdef enum:
    MOST_FIELDS = 4096

    # What a step led to
    STEP_DONE = 0
    STEP_EVENT = 1
    STEP_INTERVAL = 2

    # What was taken, where it is not the length of a text
    TAKE_MISSING = -1
    TAKE_NUMBER = -2
    TAKE_FALSE = -3
    TAKE_TRUE = -4
    TAKE_LONG = -5


cdef struct Shared:
    double number
    double event
    double seconds
    double nanoseconds
    double cpu
    double delta
    const uint8_t* data
    double length
