# What calls came to; the codes are those of all fields of events.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport strlen

from scapcore.events cimport Event
from scapcore.fields cimport Field, Scope, Value, give_text
from scapcore.state cimport FdRow

cdef enum Code:
    EVT_NUM = 1
    EVT_TIME
    EVT_TIME_S
    EVT_TIME_ISO
    EVT_DATETIME
    EVT_DATETIME_S
    EVT_RAWTIME
    EVT_RAWTIME_S
    EVT_RAWTIME_NS
    EVT_RELTIME
    EVT_RELTIME_S
    EVT_RELTIME_NS
    EVT_LATENCY
    EVT_LATENCY_S
    EVT_LATENCY_NS
    EVT_LATENCY_HUMAN
    EVT_DELTATIME
    EVT_DELTATIME_S
    EVT_DELTATIME_NS
    EVT_OUTPUTTIME
    EVT_DIR
    EVT_TYPE
    EVT_TYPE_IS
    SYSCALL_TYPE
    EVT_CATEGORY
    EVT_CPU
    EVT_ARGS
    EVT_ARG
    EVT_RAWARG
    EVT_INFO
    EVT_BUFFER
    EVT_BUFLEN
    EVT_RES
    EVT_RAWRES
    EVT_FAILED
    EVT_IS_IO
    EVT_IS_IO_READ
    EVT_IS_IO_WRITE
    EVT_IO_DIR
    EVT_IS_WAIT
    EVT_WAIT_LATENCY
    EVT_IS_SYSLOG
    EVT_COUNT
    EVT_COUNT_ERROR
    EVT_COUNT_ERROR_FILE
    EVT_COUNT_ERROR_NET
    EVT_COUNT_ERROR_MEMORY
    EVT_COUNT_ERROR_OTHER
    EVT_COUNT_EXIT
    EVT_COUNT_PROCINFO
    EVT_COUNT_THREADINFO
    EVT_AROUND
    EVT_ABSPATH
    EVT_BUFLEN_IN
    EVT_BUFLEN_OUT
    EVT_BUFLEN_FILE
    EVT_BUFLEN_FILE_IN
    EVT_BUFLEN_FILE_OUT
    EVT_BUFLEN_NET
    EVT_BUFLEN_NET_IN
    EVT_BUFLEN_NET_OUT
    EVT_IS_OPEN_READ
    EVT_IS_OPEN_WRITE
    EVT_IS_OPEN_EXEC
    EVT_IS_OPEN_CREATE


cdef inline bint is_modern(const Scope* scope) noexcept nogil:
    return scope.state != NULL and scope.state.modern


cdef inline bint give_c_text(Value* value, const char* text) noexcept nogil:
    return give_text(value, <const uint8_t*>text, strlen(text))

cdef FdRow* own_fd(Scope* scope) noexcept nogil
cdef const char* category_name(Scope* scope) noexcept nogil
cdef int result_index(const Event* event, bint modern) noexcept nogil
cdef bint give_result(Scope* scope, Value* value) noexcept nogil
cdef bint give_error_count(Scope* scope, Value* value) noexcept nogil
cdef bint give_class_error(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint give_buffer_length(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint give_open(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint give_absolute_path(Field* field, Scope* scope, Value* value) noexcept nogil
cdef uint32_t fd_of_context(Scope* scope, int64_t number) noexcept nogil
