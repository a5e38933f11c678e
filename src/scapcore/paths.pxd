# How columns come by their values.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum Path:
    # How the value at an event is found
    PATH_EVENT = 1           # it must be taken there
    PATH_TYPE                # it is the same for all events of a type
    PATH_THREAD              # ... of a thread row
    PATH_FD                  # ... of a descriptor row
    PATH_NUMBER              # it stands in a column, or in the event's header
    PATH_TIME
    PATH_TID
    PATH_CPU


cdef struct Known:
    # The value for one type or row
    uint64_t number
    uint32_t stamp           # of the batch in which it was found
    uint8_t present
