# Operands of comparisons: fields, texts, lists, and the transformers around them.

from libc.stdint cimport uint8_t, uint32_t

from scapcore.buffer cimport Buffer
from scapcore.fields cimport Field, Scope, Value

cdef enum OperandKind:
    OPERAND_FIELD = 1
    OPERAND_TEXT
    OPERAND_LIST
    OPERAND_TOLOWER
    OPERAND_TOUPPER
    OPERAND_B64
    OPERAND_BASENAME
    OPERAND_LEN
    OPERAND_CONCAT
    OPERAND_JOIN
    OPERAND_GETOPT


cdef struct Operand:
    uint8_t kind
    uint8_t scope            # SCOPE_ that all its fields have, SCOPE_EVENT where they differ, 0 without fields
    bint running             # holds a field whose value depends on the events that it was taken from before
    bint selected            # getopt asks for one option
    uint8_t selector
    Field* field
    Operand** arguments
    uint32_t argument_count
    Buffer bytes             # what the values point into
    bint many                # the result is `values[:count]`, else `values[0]`
    Value* values
    uint32_t count
    uint32_t capacity
    bint failed              # memory was out


cdef Operand* operand_open(object plan, list kept) except NULL
cdef void operand_close(Operand* operand) noexcept nogil
cdef bint take(Operand* operand, Scope* scope) noexcept nogil
cdef uint8_t join_scopes(uint8_t first, uint8_t second) noexcept nogil
