"""Fields of what lies in the descriptor table of an event's thread: the standard streams, the types of all that is open,
and the descriptors that poll events list. Internal to the core.

Tables change within a batch, so they are asked as of the event.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen

from scapcore.buffer cimport put_byte, put_bytes, put_sanitized, put_signed, put_text, put_unsigned
from scapcore.events cimport load16, load64, parameter
from scapcore.fields cimport *
from scapcore.fields_fd cimport fd_ends, fd_type_name
from scapcore.hashing cimport IntegerMap
from scapcore.history cimport fd_as_of
from scapcore.names cimport put_ipv4, put_ipv6
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.text cimport TextContext

cdef enum:
    FD_TYPES_MOST = 32       # more than there are types of descriptors

cdef enum Code:
    STDIN_TYPE = 1
    STDOUT_TYPE
    STDERR_TYPE
    STDIN_NAME
    STDOUT_NAME
    STDERR_NAME
    FD_TYPES
    FDLIST_NUMBERS
    FDLIST_NAMES
    FDLIST_CLIENT_ADDRESSES
    FDLIST_SERVER_ADDRESSES
    FDLIST_CLIENT_PORTS
    FDLIST_SERVER_PORTS

_TABLE = NEED_LINKS | NEED_CHANGES

# name: (code, scope, type, format, needs)
FIELDS = {
    "proc.stdin.type": (STDIN_TYPE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "proc.stdout.type": (STDOUT_TYPE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "proc.stderr.type": (STDERR_TYPE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "proc.stdin.name": (STDIN_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "proc.stdout.name": (STDOUT_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "proc.stderr.name": (STDERR_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "fd.types": (FD_TYPES, SCOPE_EVENT, PT_CHARBUF, PF_DEC, _TABLE),
    "fdlist.nums": (FDLIST_NUMBERS, SCOPE_EVENT, PT_CHARBUF, PF_ID, _TABLE),
    "fdlist.names": (FDLIST_NAMES, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "fdlist.cips": (FDLIST_CLIENT_ADDRESSES, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "fdlist.sips": (FDLIST_SERVER_ADDRESSES, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TABLE),
    "fdlist.cports": (FDLIST_CLIENT_PORTS, SCOPE_EVENT, PT_CHARBUF, PF_DEC, _TABLE),
    "fdlist.sports": (FDLIST_SERVER_PORTS, SCOPE_EVENT, PT_CHARBUF, PF_DEC, _TABLE),
}


cdef inline FdRow* descriptor(Scope* scope, int64_t number) noexcept nogil:
    """A descriptor of the event's thread right after the event, NULL if it was not open."""
    cdef TextContext* text = <TextContext*>scope.text
    cdef uint32_t row = fd_as_of(&text.history, scope.columns.table[scope.row], number, scope.row)
    return fd_row(scope.state, row) if row else NULL


cdef void add_type(Scope* scope, int64_t number, int64_t* lowest) noexcept nogil:
    """Note the type of a descriptor with its number, if that is the lowest of its type."""
    cdef FdRow* fd = descriptor(scope, number)
    cdef int type
    if fd == NULL:
        return
    type = fd.type & (FD_TYPES_MOST - 1)
    if number < lowest[type]:
        lowest[type] = number


cdef void put_types(Scope* scope, int64_t* lowest) noexcept nogil:
    """Put the names of types, each once, by their lowest descriptors: the order of the table differs with what came later."""
    cdef const char* name
    cdef int type, other
    while True:
        other = 0
        for type in range(1, FD_TYPES_MOST):
            if lowest[type] < lowest[other]:
                other = type
        if lowest[other] == INT64_MAX:
            return
        name = fd_type_name(<uint8_t>other)
        put_text(&scope.scratch, name)
        put_byte(&scope.scratch, 0)
        for type in range(FD_TYPES_MOST):
            if fd_type_name(<uint8_t>type) == name:
                lowest[type] = INT64_MAX


cdef bint give_types(Scope* scope, Value* value) noexcept nogil:
    """The types of all open descriptors, each once."""
    cdef uint32_t number = scope.columns.table[scope.row]
    cdef FdTable* table
    cdef size_t start = scope.scratch.used
    cdef int64_t[FD_TYPES_MOST] lowest
    cdef uint32_t index
    if (<TextContext*>scope.text).history.frozen != NULL:
        return False                # a kept event knows only what it names itself
    for index in range(FD_TYPES_MOST):
        lowest[index] = INT64_MAX
    table = scope.state.tables[number] if number < scope.state.table_count else NULL
    if table != NULL and table.rows.mask:
        for index in range(table.rows.mask + 1):
            if table.rows.values[index]:
                add_type(scope, table.rows.keys[index], lowest)
    # What was closed later in the batch is no more in the table.
    for index in range(1, scope.state.change_count):
        if number and scope.state.changes[index].table == number and scope.state.changes[index].event > scope.row:
            add_type(scope, scope.state.changes[index].key, lowest)
    put_types(scope, lowest)
    give_scratch(scope, value, start)
    value.many = True
    return True


cdef bint give_one_type(Scope* scope, Value* value, FdRow* fd) noexcept nogil:
    """The type of one descriptor, as a list."""
    cdef size_t start = scope.scratch.used
    if fd == NULL:
        return False
    put_text(&scope.scratch, fd_type_name(fd.type))
    put_byte(&scope.scratch, 0)
    give_scratch(scope, value, start)
    value.many = True
    return True


cdef bint give_type(Scope* scope, Value* value, FdRow* fd) noexcept nogil:
    if fd == NULL:
        return False
    return give_text(value, <const uint8_t*>fd_type_name(fd.type), strlen(fd_type_name(fd.type)))


cdef bint put_entry(Field* field, Scope* scope, int64_t number) noexcept nogil:
    """What a list says of one descriptor; False if that is nothing."""
    cdef uint16_t code = field.code
    cdef FdRow* fd = descriptor(scope, number)
    cdef const uint8_t* addresses[2]
    cdef uint16_t ports[2]
    cdef int width = 0
    cdef int count
    if code == FDLIST_NUMBERS:
        put_signed(&scope.scratch, number)
        return True
    if code == FDLIST_NAMES:
        if fd == NULL or not length_of(&scope.state.strings, fd.name):
            put_bytes(&scope.scratch, b"<NA>", 4)
        else:
            put_bytes(&scope.scratch, text_of(&scope.state.strings, fd.name), length_of(&scope.state.strings, fd.name))
        return True
    if fd == NULL:
        return False
    count = fd_ends(fd, addresses, ports, &width)
    if code == FDLIST_CLIENT_PORTS or code == FDLIST_SERVER_PORTS:
        if count != 2:
            return False
        put_unsigned(&scope.scratch, ports[0 if code == FDLIST_CLIENT_PORTS else 1])
        return True
    if count == 0 or (count == 1 and code == FDLIST_CLIENT_ADDRESSES):
        return False
    if width == 4:
        put_ipv4(&scope.scratch, addresses[0 if code == FDLIST_CLIENT_ADDRESSES else count - 1])
    else:
        put_ipv6(&scope.scratch, addresses[0 if code == FDLIST_CLIENT_ADDRESSES else count - 1])
    return True


cdef bint give_list(Field* field, Scope* scope, Value* value) noexcept nogil:
    """One value of each descriptor that a poll event lists, with commas between them."""
    cdef uint16_t type = scope.event.type
    cdef uint32_t length, place
    cdef const uint8_t* data
    cdef size_t start = scope.scratch.used
    cdef uint32_t entries
    if type != SYSCALL_POLL_E and type != SYSCALL_PPOLL_E and type != SYSCALL_POLL_X and type != SYSCALL_PPOLL_X:
        return False
    data = parameter(&scope.event, type & 1, &length)
    if length < 2:
        return False
    entries = load16(data)
    place = 2
    while entries and length - place >= 10:
        if put_entry(field, scope, <int64_t>load64(data + place)):
            put_byte(&scope.scratch, 44)
        place += 10
        entries -= 1
    if scope.scratch.used == start:
        return False
    if scope.scratch.data[scope.scratch.used - 1] == 44:
        scope.scratch.used -= 1
    return give_scratch(scope, value, start)


cdef bint extract_table(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef FdRow* fd
    if scope.state == NULL or not scope.thread or scope.text == NULL:
        return False
    if code <= STDERR_TYPE:
        return give_type(scope, value, descriptor(scope, code - STDIN_TYPE))
    if code <= STDERR_NAME:
        fd = descriptor(scope, code - STDIN_NAME)
        return give_string(scope, value, fd.name) if fd != NULL else False
    if code == FD_TYPES:
        if not scope.event.info.flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
            return False
        if field.index < 0:
            return give_types(scope, value)
        return give_one_type(scope, value, descriptor(scope, field.index))
    return give_list(field, scope, value)
