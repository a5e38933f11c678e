# Fields of threads and processes, users and groups.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.fields cimport Field, Scope, Value
from scapcore.state cimport ThreadRow

cdef bint extract_thread(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint extract_user(Field* field, Scope* scope, Value* value) noexcept nogil
cdef ThreadRow* ancestor(Scope* scope, ThreadRow* row, int steps) noexcept nogil
cdef uint32_t give_directory(Scope* scope, uint8_t* target) noexcept nogil
