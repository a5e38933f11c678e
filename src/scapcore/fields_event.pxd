# Fields of events.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from scapcore.events cimport Event
from scapcore.fields cimport Field, Scope, Value

cdef bint extract_event(Field* field, Scope* scope, Value* value) noexcept nogil
cdef const char* event_name(const Event* event, bint modern) noexcept nogil
cdef bint is_signed(uint8_t type) noexcept nogil
cdef uint32_t fd_of_context(Scope* scope, int64_t number) noexcept nogil
