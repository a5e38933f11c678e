# Fields of events.

from libc.stdint cimport uint8_t

from scapcore.events cimport Event
from scapcore.fields cimport Field, Scope, Value

cdef bint extract_event(Field* field, Scope* scope, Value* value) noexcept nogil
cdef const char* event_name(const Event* event, bint modern) noexcept nogil
cdef bint is_signed(uint8_t type) noexcept nogil
