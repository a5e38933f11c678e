# Fields of Kubernetes objects.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_kubernetes(Field* field, Scope* scope, Value* value) noexcept nogil
