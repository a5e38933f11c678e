# Fields of threads and processes, users and groups.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.fields cimport Field, Scope, Value
from scapcore.state cimport ThreadRow

cdef bint extract_thread(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint extract_user(Field* field, Scope* scope, Value* value) noexcept nogil
cdef ThreadRow* main_of(Scope* scope, ThreadRow* row) noexcept nogil
cdef ThreadRow* ancestor(Scope* scope, ThreadRow* row, int steps) noexcept nogil
cdef void put_words(Scope* scope, uint32_t words, bint more) noexcept nogil
cdef void put_command(Scope* scope, const ThreadRow* row, uint32_t first) noexcept nogil
cdef bint give_words(Scope* scope, Value* value, uint32_t words) noexcept nogil
cdef bint give_environment(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil
cdef uint32_t give_directory(Scope* scope, uint8_t* target) noexcept nogil
