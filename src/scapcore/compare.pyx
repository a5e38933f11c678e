"""Comparisons of values with constants and with each other (filter language, section 3). Internal to the core."""

from cpython.object cimport PyObject
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memset

from scapcore.fields cimport Value
from scapcore.hashing cimport hash_bytes, hash_integer
from scapcore.patterns cimport folded, glob_match
from scapcore.schema.types cimport *

import re

from scapcore.errors import FilterError

cdef extern from "string.h" nogil:
    """
    #ifndef _GNU_SOURCE
    void *memmem(const void *, size_t, const void *, size_t);
    #endif
    """
    void* memmem(const void* text, size_t length, const void* wanted, size_t size)

OPERATORS = {
    "=": OP_EQ, "!=": OP_NE, "<": OP_LT, "<=": OP_LE, ">": OP_GT, ">=": OP_GE, "contains": OP_CONTAINS,
    "icontains": OP_ICONTAINS, "bcontains": OP_CONTAINS, "startswith": OP_STARTSWITH, "bstartswith": OP_STARTSWITH,
    "endswith": OP_ENDSWITH, "glob": OP_GLOB, "iglob": OP_IGLOB, "regex": OP_REGEX, "in": OP_IN,
    "intersects": OP_INTERSECTS, "pmatch": OP_PMATCH, "exists": OP_EXISTS,
}
QUANTIFIERS = {None: QUANTIFIER_NONE, "anyof": QUANTIFIER_ANY, "allof": QUANTIFIER_ALL, "oneof": QUANTIFIER_ONE}

# Longest lists that are compared one by one; longer ones are hashed.
cdef uint32_t FEW = 6

# By PT_ code: bytes of the number, negative if it is signed, 0 if it is no number
cdef int8_t WIDTHS[64]
cdef int _type
for _type in range(64):
    WIDTHS[_type] = 0
for _type in (PT_UINT8, PT_FLAGS8, PT_ENUMFLAGS8, PT_L4PROTO, PT_SIGTYPE, PT_SOCKFAMILY):
    WIDTHS[_type] = 1
for _type in (PT_UINT16, PT_FLAGS16, PT_ENUMFLAGS16, PT_SYSCALLID, PT_PORT):
    WIDTHS[_type] = 2
for _type in (PT_UINT32, PT_FLAGS32, PT_ENUMFLAGS32, PT_MODE, PT_UID, PT_GID, PT_BOOL, PT_SIGSET):
    WIDTHS[_type] = 4
for _type in (PT_UINT64, PT_RELTIME, PT_ABSTIME):
    WIDTHS[_type] = 8
WIDTHS[<int>PT_INT8] = -1
WIDTHS[<int>PT_INT16] = -2
for _type in (PT_INT32, PT_PID32, PT_FD32):
    WIDTHS[_type] = -4
for _type in (PT_INT64, PT_FD, PT_PID, PT_ERRNO):
    WIDTHS[_type] = -8


# Building and releasing


cdef bint constants_open(Constants* constants, str operator, tuple values, quantifier, list kept) except False:
    """Turn values into C arrays; `kept` gets the objects that these point into."""
    cdef uint32_t count = <uint32_t>len(values)
    cdef uint32_t index
    memset(constants, 0, sizeof(Constants))
    constants.relation = OPERATORS[operator]
    constants.quantifier = QUANTIFIERS[quantifier]
    constants.count = count
    if not count:
        return True
    first = values[0]
    if isinstance(first, tuple):
        constants.family = FAMILY_NETWORK
    elif isinstance(first, float):
        constants.family = FAMILY_REAL
    elif isinstance(first, int):
        constants.family = FAMILY_INTEGER
    else:
        constants.family = FAMILY_TEXT
    if constants.family == FAMILY_REAL:
        constants.reals = <double*>malloc(count * sizeof(double))
        if constants.reals == NULL:
            raise MemoryError
        for index in range(count):
            constants.reals[index] = values[index]
        return True
    if constants.family == FAMILY_INTEGER or constants.family == FAMILY_NETWORK:
        constants.integers = <int64_t*>malloc(count * sizeof(int64_t))
        if constants.integers == NULL:
            raise MemoryError
    if constants.family == FAMILY_INTEGER:
        for index in range(count):
            number = values[index]
            constants.integers[index] = <int64_t><uint64_t>(number & 0xFFFFFFFFFFFFFFFF)
    else:
        constants.texts = <Bytes*>malloc(count * sizeof(Bytes))
        if constants.texts == NULL:
            raise MemoryError
        for index in range(count):
            data = values[index]
            if constants.family == FAMILY_NETWORK:
                data, constants.integers[index] = data
                if not 0 <= constants.integers[index] <= 8 * len(data):
                    raise ValueError("the prefix of a network is longer than its address")
            keep_bytes(&constants.texts[index], data, kept)
        if constants.relation == OP_REGEX:
            compile_patterns(constants, values, kept)
        elif constants.relation == OP_PMATCH:
            split_paths(constants)
    if constants.relation == OP_IN or constants.relation == OP_INTERSECTS:
        if constants.family != FAMILY_NETWORK and count > FEW:
            hash_elements(constants)
    return True


cdef int keep_bytes(Bytes* place, bytes data, list kept) except -1:
    kept.append(data)
    place.data = <const uint8_t*><char*>data
    place.length = <uint32_t>len(data)
    return 0


cdef int compile_patterns(Constants* constants, tuple patterns, list kept) except -1:
    cdef uint32_t index
    constants.patterns = <void**>calloc(constants.count, sizeof(void*))
    if constants.patterns == NULL:
        raise MemoryError
    for index in range(constants.count):
        try:
            fullmatch = re.compile(patterns[index].decode("utf-8", "replace")).fullmatch
        except (re.error, OverflowError, RecursionError) as error:
            raise FilterError(f"not a regular expression: {error}") from None
        kept.append(fullmatch)
        constants.patterns[index] = <void*><PyObject*>fullmatch
    return 0


cdef int split_paths(Constants* constants) except -1:
    """Cut paths into the components between their slashes."""
    cdef uint32_t index, place, begin
    cdef size_t total = 0
    cdef Bytes* path
    for index in range(constants.count):
        total += constants.texts[index].length // 2 + 1
    constants.components = <Bytes*>malloc(total * sizeof(Bytes))
    constants.first = <uint32_t*>malloc((<size_t>constants.count + 1) * sizeof(uint32_t))
    if constants.components == NULL or constants.first == NULL:
        raise MemoryError
    total = 0
    for index in range(constants.count):
        constants.first[index] = <uint32_t>total
        path = &constants.texts[index]
        place = 0
        while place < path.length:
            begin = place
            while place < path.length and path.data[place] != 47:
                place += 1
            if place > begin:
                constants.components[total].data = path.data + begin
                constants.components[total].length = place - begin
                total += 1
            place += 1
    constants.first[constants.count] = <uint32_t>total
    return 0


cdef int hash_elements(Constants* constants) except -1:
    cdef size_t capacity = 16
    cdef uint32_t index, slot
    while capacity < 2 * <size_t>constants.count:
        capacity *= 2
    constants.slots = <uint32_t*>calloc(capacity, sizeof(uint32_t))
    if constants.slots == NULL:
        raise MemoryError
    constants.mask = <uint32_t>(capacity - 1)
    for index in range(constants.count):
        if constants.family == FAMILY_INTEGER:
            slot = hash_integer(constants.integers[index]) & constants.mask
        else:
            slot = <uint32_t>hash_bytes(constants.texts[index].data, constants.texts[index].length) & constants.mask
        while constants.slots[slot]:
            slot = (slot + 1) & constants.mask
        constants.slots[slot] = index + 1
    return 0


cdef void constants_close(Constants* constants) noexcept nogil:
    free(constants.integers)
    free(constants.reals)
    free(constants.texts)
    free(constants.slots)
    free(constants.components)
    free(constants.first)
    free(constants.patterns)
    memset(constants, 0, sizeof(Constants))


# Families


cdef uint8_t family_of(const Value* value) noexcept nogil:
    """What kind of comparison a value takes part in."""
    if WIDTHS[value.type & 63]:
        return FAMILY_INTEGER
    if value.type == PT_DOUBLE:
        return FAMILY_REAL
    return FAMILY_TEXT


cdef inline int64_t cut(int8_t width, int64_t number) noexcept nogil:
    """A number as a type of that width holds it."""
    if width == 8 or width == -8:
        return number
    if width == 4:
        return <uint32_t>number
    if width == -4:
        return <int32_t>number
    if width == 2:
        return <uint16_t>number
    if width == -2:
        return <int16_t>number
    if width == 1:
        return <uint8_t>number
    return <int8_t>number


cdef inline bint compare_integers(uint8_t relation, int8_t width, int64_t left, int64_t right) noexcept nogil:
    if relation == OP_EQ or relation == OP_IN or relation == OP_INTERSECTS:
        return left == right
    if relation == OP_NE:
        return left != right
    if relation == OP_LT:
        return left < right if width < 0 else <uint64_t>left < <uint64_t>right
    if relation == OP_LE:
        return left <= right if width < 0 else <uint64_t>left <= <uint64_t>right
    if relation == OP_GT:
        return left > right if width < 0 else <uint64_t>left > <uint64_t>right
    if relation == OP_GE:
        return left >= right if width < 0 else <uint64_t>left >= <uint64_t>right
    return False


cdef inline bint compare_reals(uint8_t relation, double left, double right) noexcept nogil:
    if relation == OP_EQ or relation == OP_IN or relation == OP_INTERSECTS:
        return left == right
    if relation == OP_NE:
        return left != right
    if relation == OP_LT:
        return left < right
    if relation == OP_LE:
        return left <= right
    if relation == OP_GT:
        return left > right
    if relation == OP_GE:
        return left >= right
    return False


cdef inline bint same(const uint8_t* left, uint32_t left_length, const uint8_t* right,
                      uint32_t right_length) noexcept nogil:
    return left_length == right_length and (left_length == 0 or memcmp(left, right, left_length) == 0)


cdef inline int order(const uint8_t* left, uint32_t left_length, const uint8_t* right,
                      uint32_t right_length) noexcept nogil:
    """Bytewise order, as strcmp has it."""
    cdef uint32_t common = left_length if left_length < right_length else right_length
    cdef int result = memcmp(left, right, common) if common else 0
    if result:
        return result
    return (left_length > right_length) - (left_length < right_length)


cdef bint contains_folded(const uint8_t* text, uint32_t length, const uint8_t* wanted, uint32_t size) noexcept nogil:
    cdef uint32_t place, index
    if size > length:
        return False
    for place in range(length - size + 1):
        index = 0
        while index < size and folded(text[place + index]) == folded(wanted[index]):
            index += 1
        if index == size:
            return True
    return False


cdef bint compare_texts(uint8_t relation, const uint8_t* left, uint32_t left_length, const uint8_t* right,
                        uint32_t right_length) noexcept nogil:
    if relation == OP_EQ or relation == OP_IN or relation == OP_INTERSECTS:
        return same(left, left_length, right, right_length)
    if relation == OP_NE:
        return not same(left, left_length, right, right_length)
    if relation == OP_CONTAINS:
        if right_length == 0:
            return True
        return left_length >= right_length and memmem(left, left_length, right, right_length) != NULL
    if relation == OP_ICONTAINS:
        return contains_folded(left, left_length, right, right_length)
    if relation == OP_STARTSWITH:
        return left_length >= right_length and same(left, right_length, right, right_length)
    if relation == OP_ENDSWITH:
        return left_length >= right_length and same(left + (left_length - right_length), right_length, right, right_length)
    if relation == OP_GLOB or relation == OP_IGLOB:
        return glob_match(right, right_length, left, left_length, relation == OP_IGLOB)
    if relation == OP_LT:
        return order(left, left_length, right, right_length) < 0
    if relation == OP_LE:
        return order(left, left_length, right, right_length) <= 0
    if relation == OP_GT:
        return order(left, left_length, right, right_length) > 0
    if relation == OP_GE:
        return order(left, left_length, right, right_length) >= 0
    return False


cdef bint lies_inside(const Value* address, const Bytes* network, int64_t prefix) noexcept nogil:
    cdef uint32_t whole = <uint32_t>prefix >> 3
    cdef uint32_t rest = <uint32_t>prefix & 7
    if address.length != network.length:
        return False
    if whole and memcmp(address.data, network.data, whole) != 0:
        return False
    return rest == 0 or (address.data[whole] ^ network.data[whole]) >> (8 - rest) == 0


# Comparisons


cdef bint passes(const Constants* constants, const Value* value) noexcept nogil:
    """Compare a value with all constants as operator and quantifier want it."""
    cdef uint32_t index
    cdef uint32_t passed = 0
    if constants.quantifier == QUANTIFIER_NONE:
        return passes_element(constants, value, -1)
    for index in range(constants.count):
        passed += passes_element(constants, value, index)
    return quantify(constants.quantifier, passed, constants.count)


cdef bint quantify(uint8_t quantifier, uint32_t passed, uint32_t count) noexcept nogil:
    if quantifier == QUANTIFIER_ANY:
        return passed > 0
    if quantifier == QUANTIFIER_ALL:
        return passed == count and count > 0
    return passed == 1


cdef bint passes_element(const Constants* constants, const Value* value, int64_t element) noexcept nogil:
    """Compare a value with one constant, or with -1 with what the operator takes: one, or a list."""
    cdef uint8_t relation = constants.relation
    cdef uint8_t family = family_of(value)
    cdef uint32_t index
    cdef int8_t width
    if relation == OP_EXISTS:
        return True
    if constants.count == 0:
        return False
    if constants.family == FAMILY_NETWORK:
        if family != FAMILY_TEXT:
            return False
        if element >= 0:
            return lies_inside(value, &constants.texts[element], constants.integers[element]) != (relation == OP_NE)
        if relation == OP_NE:
            return not lies_inside(value, &constants.texts[0], constants.integers[0])
        for index in range(constants.count):
            if lies_inside(value, &constants.texts[index], constants.integers[index]):
                return True
        return False
    if family != constants.family:
        return False
    if element < 0:
        if relation == OP_IN or relation == OP_INTERSECTS:
            return is_element(constants, value, family)
        if relation == OP_PMATCH:
            return has_prefix(constants, value)
        element = 0
    if family == FAMILY_INTEGER:
        width = WIDTHS[value.type & 63]
        return compare_integers(relation, width, value.integer, cut(width, constants.integers[element]))
    if family == FAMILY_REAL:
        return compare_reals(relation, value.real, constants.reals[element])
    if relation == OP_REGEX:
        return matches_pattern(constants.patterns[element], value)
    return compare_texts(relation, value.data, value.length, constants.texts[element].data,
                         constants.texts[element].length)


cdef bint is_element(const Constants* constants, const Value* value, uint8_t family) noexcept nogil:
    cdef uint32_t index, slot
    cdef int8_t width
    cdef bint wide
    if family == FAMILY_INTEGER:
        width = WIDTHS[value.type & 63]
        if constants.mask:
            slot = hash_integer(value.integer) & constants.mask
            while constants.slots[slot]:
                if constants.integers[constants.slots[slot] - 1] == value.integer:
                    return True
                slot = (slot + 1) & constants.mask
            if width == 8 or width == -8:
                return False
        # A parameter can be narrower than the field's own type, and numbers are cut to its width.
        for index in range(constants.count):
            if cut(width, constants.integers[index]) == value.integer:
                return True
        return False
    if family == FAMILY_REAL:
        for index in range(constants.count):
            if constants.reals[index] == value.real:
                return True
        return False
    if constants.mask:
        slot = <uint32_t>hash_bytes(value.data, value.length) & constants.mask
        while constants.slots[slot]:
            index = constants.slots[slot] - 1
            if same(value.data, value.length, constants.texts[index].data, constants.texts[index].length):
                return True
            slot = (slot + 1) & constants.mask
        return False
    for index in range(constants.count):
        if same(value.data, value.length, constants.texts[index].data, constants.texts[index].length):
            return True
    return False


cdef bint compare_values(uint8_t relation, const Value* left, const Value* right) noexcept nogil:
    """Compare two values of an event with each other."""
    cdef uint8_t family = family_of(left)
    if relation == OP_EXISTS:
        return True
    if family != family_of(right):
        return False
    if family == FAMILY_INTEGER:
        return compare_integers(relation, WIDTHS[left.type & 63], left.integer, right.integer)
    if family == FAMILY_REAL:
        return compare_reals(relation, left.real, right.real)
    return compare_texts(relation, left.data, left.length, right.data, right.length)


cdef bint matches_pattern(void* pattern, const Value* value) noexcept nogil:
    """Match the whole text; Python's engine does it, so the GIL is taken."""
    with gil:
        return ask_pattern(<object><PyObject*>pattern, value)


cdef bint ask_pattern(object fullmatch, const Value* value) noexcept:
    try:
        text = (<const char*>value.data)[:value.length].decode("utf-8", "replace") if value.length else ""
        return fullmatch(text) is not None
    except MemoryError:
        return False


# Paths


cdef bint has_prefix(const Constants* constants, const Value* value) noexcept nogil:
    """True if one of the paths is the value or a directory above it."""
    cdef uint32_t path, component, place, begin
    cdef Bytes* wanted
    cdef bint found
    for path in range(constants.count):
        place = 0
        found = True
        for component in range(constants.first[path], constants.first[path + 1]):
            while place < value.length and value.data[place] == 47:
                place += 1
            begin = place
            while place < value.length and value.data[place] != 47:
                place += 1
            wanted = &constants.components[component]
            if place == begin or not glob_match(wanted.data, wanted.length, value.data + begin, place - begin, False):
                found = False
                break
        if found:
            return True
    return False
