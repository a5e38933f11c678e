"""Operands of comparisons and the transformers around them (filter language, section 7). Internal to the core.

Each operand owns the bytes of its value, so that two of them can be compared although the fields under them share one
scratch buffer.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from scapcore.buffer cimport Buffer, put_byte, put_bytes, release, reserve
from scapcore.compare cimport FAMILY_TEXT, family_of
from scapcore.events cimport text_length
from scapcore.fields cimport SCOPE_EVENT, Field, FieldUse, Scope, Value, extract, give_integer
from scapcore.schema.types cimport PT_BYTEBUF, PT_CHARBUF, PT_UINT64

from scapcore.plan import FieldOperand, ListOperand, TextOperand, TransformerOperand

KINDS = {
    "tolower": OPERAND_TOLOWER, "toupper": OPERAND_TOUPPER, "b64": OPERAND_B64, "basename": OPERAND_BASENAME,
    "len": OPERAND_LEN, "concat": OPERAND_CONCAT, "join": OPERAND_JOIN, "getopt": OPERAND_GETOPT,
}
# Fields with several values at once
LISTS = frozenset(("fd.types",))
COUNTS = {"concat": (2, 1 << 16), "join": (2, 2), "getopt": (2, 2)}

cdef int8_t DIGITS[256]
cdef int _digit
for _digit in range(256):
    DIGITS[_digit] = -1
for _digit in range(64):
    DIGITS[<int>ord("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[_digit])] = _digit


# Building and releasing


cdef Operand* operand_open(object plan, list kept) except NULL:
    """Make the operand that a plan asks for; `kept` gets the objects that it points into."""
    cdef Operand* operand = <Operand*>calloc(1, sizeof(Operand))
    if operand == NULL:
        raise MemoryError
    try:
        fill_operand(operand, plan, kept)
    except BaseException:
        operand_close(operand)
        raise
    return operand


cdef int fill_operand(Operand* operand, object plan, list kept) except -1:
    cdef FieldUse use
    cdef bytes text
    cdef tuple arguments
    if isinstance(plan, FieldOperand):
        use = FieldUse(plan.name, plan.argument)
        kept.append(use)
        operand.kind = OPERAND_FIELD
        operand.field = &use.field
        operand.scope = use.field.scope
        operand.many = plan.name in LISTS
        # The value of these depends on the events that they were taken from before.
        operand.running = plan.name.startswith("evt.deltatime") or plan.name == "util.cnt"
        return 0
    if isinstance(plan, TextOperand):
        text = plan.value
        operand.kind = OPERAND_TEXT
        put_bytes(&operand.bytes, <const char*>text, len(text))
        set_text(operand, PT_CHARBUF)
        operand.values[0].data = operand.bytes.data
        return 0
    if isinstance(plan, ListOperand):
        operand.kind = OPERAND_LIST
        operand.many = True
        arguments = plan.items
    elif isinstance(plan, TransformerOperand):
        operand.kind = KINDS[plan.name]
        arguments = plan.arguments
        least, most = COUNTS.get(plan.name, (1, 1))
        if not least <= len(arguments) <= most:
            raise ValueError(f"{plan.name}() has {len(arguments)} arguments")
        if plan.selector is not None:
            text = plan.selector
            operand.selected = True
            operand.selector = text[0]
        if operand.kind == OPERAND_GETOPT:
            operand.many = not operand.selected
    else:
        raise TypeError(f"{plan!r} is no operand")
    operand.arguments = <Operand**>calloc(len(arguments) + 1, sizeof(Operand*))
    if operand.arguments == NULL:
        raise MemoryError
    for argument in arguments:
        operand.arguments[operand.argument_count] = operand_open(argument, kept)
        operand.argument_count += 1
        operand.scope = join_scopes(operand.scope, operand.arguments[operand.argument_count - 1].scope)
        operand.running |= operand.arguments[operand.argument_count - 1].running
    if operand.kind in (OPERAND_TOLOWER, OPERAND_TOUPPER, OPERAND_B64, OPERAND_BASENAME):
        operand.many = operand.arguments[0].many
    return 0


cdef uint8_t join_scopes(uint8_t first, uint8_t second) noexcept nogil:
    """Scope of what depends on both."""
    if first == 0 or first == second:
        return second
    return first if second == 0 else <uint8_t>SCOPE_EVENT


cdef void operand_close(Operand* operand) noexcept nogil:
    cdef uint32_t index
    if operand == NULL:
        return
    for index in range(operand.argument_count):
        operand_close(operand.arguments[index])
    free(operand.arguments)
    free(operand.values)
    release(&operand.bytes)
    free(operand)


# Values


cdef inline void clear(Operand* operand) noexcept nogil:
    operand.bytes.used = 0
    operand.count = 0


cdef Value* append(Operand* operand) noexcept nogil:
    """One more value, or NULL when memory is out."""
    cdef uint32_t capacity
    cdef Value* grown
    if operand.count == operand.capacity:
        capacity = operand.capacity * 2 if operand.capacity else 4
        grown = <Value*>realloc(operand.values, capacity * sizeof(Value))
        if grown == NULL:
            operand.failed = True
            return NULL
        operand.values = grown
        operand.capacity = capacity
    operand.count += 1
    memset(&operand.values[operand.count - 1], 0, sizeof(Value))
    return &operand.values[operand.count - 1]


cdef bint add_text(Operand* operand, uint8_t type, size_t start) noexcept nogil:
    """What was put into the bytes since `start`, as one more value; `settle` makes it point there."""
    cdef Value* value = append(operand)
    if value == NULL or operand.bytes.failed:
        operand.failed = True
        return False
    value.type = type
    value.integer = <int64_t>start
    value.length = <uint32_t>(operand.bytes.used - start)
    return True


cdef bint set_text(Operand* operand, uint8_t type) noexcept nogil:
    """All the bytes as the only value."""
    operand.count = 0
    return add_text(operand, type, 0) and settle(operand)


cdef bint settle(Operand* operand) noexcept nogil:
    """Point the values at the bytes, which do not move any more."""
    cdef uint32_t index
    for index in range(operand.count):
        if family_of(&operand.values[index]) == FAMILY_TEXT:
            operand.values[index].data = operand.bytes.data + operand.values[index].integer
    return True


cdef bint copy_value(Operand* operand, const Value* value) noexcept nogil:
    cdef size_t start = operand.bytes.used
    cdef Value* place
    if family_of(value) == FAMILY_TEXT:
        put_bytes(&operand.bytes, value.data, value.length)
        return add_text(operand, value.type, start)
    place = append(operand)
    if place == NULL:
        return False
    place[0] = value[0]
    return True


cdef bint copy_list(Operand* operand, const Value* value) noexcept nogil:
    """The texts of a list, one value each."""
    cdef Value one = value[0]
    cdef uint32_t place = 0
    one.many = False
    while place < value.length:
        one.data = value.data + place
        one.length = text_length(one.data, value.length - place)
        if not copy_value(operand, &one):
            return False
        place += one.length + 1
    return True


cdef bint take(Operand* operand, Scope* scope) noexcept nogil:
    """Take the value of an operand for the event that the scope is at; False where it is missing."""
    cdef uint8_t kind = operand.kind
    cdef uint32_t index
    cdef Value value
    cdef Operand* argument
    if kind == OPERAND_TEXT:
        return True
    clear(operand)
    if kind == OPERAND_FIELD:
        if not extract(operand.field, scope, &value):
            return False
        if value.many:
            return copy_list(operand, &value) and settle(operand)
        return copy_value(operand, &value) and settle(operand)
    for index in range(operand.argument_count):
        if not take(operand.arguments[index], scope):
            return False
    argument = operand.arguments[0] if operand.argument_count else NULL
    if kind == OPERAND_LIST or kind == OPERAND_CONCAT or kind == OPERAND_JOIN:
        return combine(operand)
    if kind == OPERAND_LEN:
        return measure(operand, argument)
    if kind == OPERAND_GETOPT:
        return read_options(operand)
    for index in range(argument.count):
        if not transform(operand, &argument.values[index]):
            return False
    return settle(operand)


cdef bint combine(Operand* operand) noexcept nogil:
    """A list, or the texts of arguments one behind the other."""
    cdef uint32_t index
    cdef Operand* first
    if operand.kind == OPERAND_JOIN:
        first = operand.arguments[0]
        for index in range(operand.arguments[1].count):
            if index:
                put_bytes(&operand.bytes, first.values[0].data, first.values[0].length)
            put_bytes(&operand.bytes, operand.arguments[1].values[index].data, operand.arguments[1].values[index].length)
        return set_text(operand, PT_CHARBUF)
    for index in range(operand.argument_count):
        first = operand.arguments[index]
        if operand.kind == OPERAND_LIST:
            if not copy_value(operand, &first.values[0]):
                return False
        else:
            put_bytes(&operand.bytes, first.values[0].data, first.values[0].length)
    return settle(operand) if operand.kind == OPERAND_LIST else set_text(operand, PT_CHARBUF)


cdef bint measure(Operand* operand, const Operand* argument) noexcept nogil:
    """Bytes of a text before its first NUL, all bytes of a buffer, or values of a list."""
    cdef uint32_t length
    cdef Value* value = append(operand)
    if value == NULL:
        return False
    if argument.many:
        length = argument.count
    elif argument.values[0].type == PT_BYTEBUF:
        length = argument.values[0].length
    else:
        length = text_length(argument.values[0].data, argument.values[0].length)
    return give_integer(value, PT_UINT64, length)


cdef bint transform(Operand* operand, const Value* value) noexcept nogil:
    """One value of a text function."""
    cdef size_t start = operand.bytes.used
    cdef uint32_t index
    cdef uint8_t byte
    cdef uint8_t* place
    if operand.kind == OPERAND_BASENAME:
        index = value.length
        while index and value.data[index - 1] != 47:
            index -= 1
        put_bytes(&operand.bytes, value.data + index, value.length - index)
    elif operand.kind == OPERAND_B64:
        if not decode_base64(&operand.bytes, value.data, value.length):
            return False
    else:
        if not reserve(&operand.bytes, value.length):
            operand.failed = True
            return False
        place = operand.bytes.data + start
        for index in range(value.length):
            byte = value.data[index]
            if operand.kind == OPERAND_TOLOWER:
                place[index] = byte + 32 if 65 <= byte <= 90 else byte
            else:
                place[index] = byte - 32 if 97 <= byte <= 122 else byte
        operand.bytes.used = start + value.length
    return add_text(operand, value.type, start)


cdef bint decode_base64(Buffer* out, const uint8_t* data, uint32_t length) noexcept nogil:
    """Decode; False for what is no base64 text. The padding may be absent, but not wrong."""
    cdef uint32_t padding = 0
    cdef uint32_t index
    cdef uint32_t bits = 0
    while length and data[length - 1] == 61 and padding < 2:
        length -= 1
        padding += 1
    if length % 4 == 1 or (padding and (length + padding) % 4):
        return False
    for index in range(length):
        if DIGITS[data[index]] < 0:
            return False
        bits = bits << 6 | <uint32_t>DIGITS[data[index]]
        if index % 4 == 1:
            put_byte(out, <uint8_t>(bits >> 4))
        elif index % 4 == 2:
            put_byte(out, <uint8_t>(bits >> 2))
        elif index % 4 == 3:
            put_byte(out, <uint8_t>bits)
    return True


# Options of command lines


cdef bint add_option(Operand* operand, uint8_t letter) noexcept nogil:
    cdef size_t start = operand.bytes.used
    put_byte(&operand.bytes, letter)
    return add_text(operand, PT_CHARBUF, start)


cdef bint add_word(Operand* operand, const uint8_t* data, uint32_t length) noexcept nogil:
    cdef size_t start = operand.bytes.used
    put_bytes(&operand.bytes, data, length)
    return add_text(operand, PT_CHARBUF, start)


cdef bint read_options(Operand* operand) noexcept nogil:
    """Options among the words of a command line, as the C library reads them.

    Without selector all letters and values one behind the other; with one the last value of that option.
    """
    cdef const Operand* words = operand.arguments[0]
    cdef const Value* letters = &operand.arguments[1].values[0]
    cdef const uint8_t* data
    cdef uint32_t length, place, index
    cdef uint32_t word = 0
    cdef uint8_t letter
    cdef bint known, valued
    cdef bint found = False
    while word < words.count:
        data = words.values[word].data
        length = words.values[word].length
        word += 1
        if length < 2 or data[0] != 45:
            break
        if data[1] == 45:
            if length == 2:
                break
            continue
        place = 1
        while place < length:
            letter = data[place]
            place += 1
            known = False
            valued = False
            for index in range(letters.length):
                if letters.data[index] == letter and letter != 58:
                    known = True
                    valued = index + 1 < letters.length and letters.data[index + 1] == 58
                    break
            if operand.selected:
                if known and letter == operand.selector:
                    found = True
                    clear(operand)
            elif not add_option(operand, letter if known else 63):
                return False
            if known and valued:
                if place < length:
                    index = length - place
                    data += place
                elif word < words.count:
                    data = words.values[word].data
                    index = words.values[word].length
                    word += 1
                else:
                    index = 0
                if not operand.selected or letter == operand.selector:
                    if not add_word(operand, data, index):
                        return False
                break
            if known and operand.selected and letter == operand.selector and not add_option(operand, letter):
                return False
    if operand.selected and not found:
        return False
    return settle(operand)
