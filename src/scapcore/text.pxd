# Event parameters as text.

cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer
from scapcore.events cimport Columns, Event
from scapcore.history cimport History
from scapcore.state cimport State


cdef struct TextContext:
    State* state
    Columns* columns
    History history
    int mode                 # of byte buffers, see payload.pxd
    bint unlimited           # no limit of 80 characters: option -v, -j, or a chisel runs
    bint modern
    size_t storage           # room that the reference has for a raw text by now


cdef struct LogMessage:
    # What a program wrote to the system log
    uint32_t priority        # facility * 8 + severity
    const uint8_t* text
    uint32_t length


cdef bint read_log_message(State* state, const Columns* columns, const Event* event, uint32_t row,
                           LogMessage* message) noexcept nogil

cdef void text_open(TextContext* context, int mode, bint unlimited) noexcept nogil
cdef void text_begin(TextContext* context, State* state, Columns* columns) noexcept nogil
cdef void text_close(TextContext* context) noexcept nogil

cdef void put_arguments(Buffer* out, TextContext* context, const Event* event, uint32_t row) noexcept nogil
cdef void put_info(Buffer* out, TextContext* context, const Event* event, uint32_t row) noexcept nogil
cdef bint put_argument(Buffer* out, TextContext* context, const Event* event, uint32_t row,
                       uint32_t index) noexcept nogil
cdef bint put_raw_and_resolved(Buffer* raw, Buffer* resolved, TextContext* context, const Event* event, uint32_t row,
                               uint32_t index) noexcept nogil
cdef int parameter_index(const Event* event, const char* name, size_t length) noexcept nogil


@cython.final
cdef class ArgumentText:
    cdef TextContext context
    cdef Buffer out
    cdef uint64_t serial
    cdef Event event
    cdef bint place(self, EventBatch batch, Py_ssize_t row) except False
    cdef bytes take(self)
