# One parameter's value as text.

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from scapcore.buffer cimport Buffer
from scapcore.events cimport Event
from scapcore.text cimport TextContext

cdef enum:
    RESERVED = 128           # room for a label, a number and a few signs, asked for once a parameter

cdef size_t render(Buffer* out, TextContext* context, const Event* event, uint32_t row, uint32_t index,
                   const uint8_t* data, uint32_t length) noexcept nogil
cdef void put_data(Buffer* out, TextContext* context, const uint8_t* data, uint32_t length) noexcept nogil
