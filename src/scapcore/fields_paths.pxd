# Fields of the paths that calls on the file system name.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_path(Field* field, Scope* scope, Value* value) noexcept nogil
