# Fields of parents and ancestors, and of the leaders of groups and sessions.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_lineage(Field* field, Scope* scope, Value* value) noexcept nogil
