# Fields of the paths that a call names.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_path(Field* field, Scope* scope, Value* value) noexcept nogil
