# The state engine: walks the events of a batch in order and adds the dimension columns.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from scapcore.dispatch cimport TypePlan
from scapcore.events cimport Columns
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.state cimport State


cdef class Engine:
    cdef State state
    cdef TypePlan plans[EVENT_COUNT]
    cdef readonly bint modern
    cdef bint open
    cdef readonly object side
    cdef int join(self, object directory) except -1
    cdef int set_services(self, dict names) except -1
    cdef int set_machine(self, dict machine) except -1
    cdef readonly uint32_t kept          # batches that hold rows while the engine goes on
    cdef str text(self, uint32_t number)
    cdef void apply_side(self, const uint8_t* header, uint16_t nparams, uint8_t form) noexcept nogil
    cdef void process(self, Columns* columns) noexcept nogil
