# Fields of the program file, of capabilities, and of the arguments.

from scapcore.fields cimport Field, Scope, Value

cdef bint extract_program(Field* field, Scope* scope, Value* value) noexcept nogil
