# Comparisons of values with constants and with each other.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from scapcore.fields cimport Value

cdef enum Operator:
    OP_EQ = 1
    OP_NE
    OP_LT
    OP_LE
    OP_GT
    OP_GE
    OP_CONTAINS
    OP_ICONTAINS
    OP_STARTSWITH
    OP_ENDSWITH
    OP_GLOB
    OP_IGLOB
    OP_REGEX
    OP_IN
    OP_INTERSECTS
    OP_PMATCH
    OP_EXISTS

cdef enum Family:
    FAMILY_NONE = 0
    FAMILY_INTEGER
    FAMILY_REAL
    FAMILY_TEXT              # texts, bytes, addresses: all compared by their bytes
    FAMILY_NETWORK

cdef enum Quantifier:
    QUANTIFIER_NONE = 0
    QUANTIFIER_ANY
    QUANTIFIER_ALL
    QUANTIFIER_ONE


cdef struct Bytes:
    const uint8_t* data
    uint32_t length


cdef struct Constants:
    uint8_t relation
    uint8_t family
    uint8_t quantifier
    uint32_t count
    int64_t* integers        # also the prefix lengths of networks
    double* reals
    Bytes* texts
    uint32_t* slots          # for sets: open addressing, index + 1, 0 = empty
    uint32_t mask
    Bytes* components        # of the paths of pmatch
    uint32_t* first          # component of each path, and one behind the last
    void** patterns          # the bound `fullmatch` of each regular expression


cdef bint constants_open(Constants* constants, str operator, tuple values, quantifier, list kept) except False
cdef void constants_close(Constants* constants) noexcept nogil
cdef bint passes(const Constants* constants, const Value* value) noexcept nogil
cdef bint passes_element(const Constants* constants, const Value* value, int64_t element) noexcept nogil
cdef bint compare_values(uint8_t relation, const Value* left, const Value* right) noexcept nogil
cdef bint quantify(uint8_t quantifier, uint32_t passed, uint32_t count) noexcept nogil
cdef uint8_t family_of(const Value* value) noexcept nogil
