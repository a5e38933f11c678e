# Fields of containers.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_container(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint give_object(Scope* scope, Value* value, object text) noexcept
