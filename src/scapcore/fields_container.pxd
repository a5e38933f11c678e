# Fields of containers and of Kubernetes objects as far as container labels carry them.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_container(Field* field, Scope* scope, Value* value) noexcept nogil
cdef bint extract_kubernetes(Field* field, Scope* scope, Value* value) noexcept nogil
