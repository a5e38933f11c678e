# Fields of what lies in descriptor tables.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_table(Field* field, Scope* scope, Value* value) noexcept nogil
