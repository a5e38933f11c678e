# Fields of where an event comes from, of log messages, and helpers of output.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_notice(Field* field, Scope* scope, Value* value) noexcept nogil
