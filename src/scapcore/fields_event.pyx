"""Fields of events (``evt.*``, ``syscall.type``). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from scapcore.buffer cimport put_byte, put_padded, put_text, put_unsigned
from scapcore.clock cimport put_date_and_time, put_iso8601, put_time
from scapcore.events cimport *
from scapcore.fields cimport *
from scapcore.fields_outcome cimport *
from scapcore.schema.tables cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.payload cimport put_payload
from scapcore.text cimport TextContext, parameter_index, put_argument, put_arguments, put_info

from scapcore.errors import FieldError

cdef enum:
    BOTH_DIRECTIONS = 1 << 20    # an event type by its name, not by its number

_TEXT = NEED_LINKS | NEED_CHANGES

# name: (code, scope, type, format, needs)
FIELDS = {
    "evt.num": (EVT_NUM, SCOPE_EVENT, PT_UINT64, PF_ID, 0),
    "evt.time": (EVT_TIME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.time.s": (EVT_TIME_S, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.time.iso8601": (EVT_TIME_ISO, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.datetime": (EVT_DATETIME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.datetime.s": (EVT_DATETIME_S, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.rawtime": (EVT_RAWTIME, SCOPE_EVENT, PT_ABSTIME, PF_DEC, 0),
    "evt.rawtime.s": (EVT_RAWTIME_S, SCOPE_EVENT, PT_ABSTIME, PF_DEC, 0),
    "evt.rawtime.ns": (EVT_RAWTIME_NS, SCOPE_EVENT, PT_ABSTIME, PF_10_PADDED_DEC, 0),
    "evt.reltime": (EVT_RELTIME, SCOPE_EVENT, PT_RELTIME, PF_10_PADDED_DEC, 0),
    "evt.reltime.s": (EVT_RELTIME_S, SCOPE_EVENT, PT_RELTIME, PF_DEC, 0),
    "evt.reltime.ns": (EVT_RELTIME_NS, SCOPE_EVENT, PT_RELTIME, PF_10_PADDED_DEC, 0),
    "evt.latency": (EVT_LATENCY, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_LATENCY),
    "evt.latency.s": (EVT_LATENCY_S, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_LATENCY),
    "evt.latency.ns": (EVT_LATENCY_NS, SCOPE_EVENT, PT_RELTIME, PF_10_PADDED_DEC, NEED_LATENCY),
    "evt.latency.human": (EVT_LATENCY_HUMAN, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LATENCY),
    "evt.deltatime": (EVT_DELTATIME, SCOPE_EVENT, PT_RELTIME, PF_DEC, 0),
    "evt.deltatime.s": (EVT_DELTATIME_S, SCOPE_EVENT, PT_RELTIME, PF_DEC, 0),
    "evt.deltatime.ns": (EVT_DELTATIME_NS, SCOPE_EVENT, PT_RELTIME, PF_10_PADDED_DEC, 0),
    "evt.outputtime": (EVT_OUTPUTTIME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.dir": (EVT_DIR, SCOPE_TYPE, PT_CHARBUF, PF_DIR, 0),
    "evt.type": (EVT_TYPE, SCOPE_TYPE, PT_CHARBUF, PF_NA, 0),
    "evt.type.is": (EVT_TYPE_IS, SCOPE_TYPE, PT_UINT32, PF_NA, 0),
    "syscall.type": (SYSCALL_TYPE, SCOPE_TYPE, PT_CHARBUF, PF_NA, 0),
    "evt.category": (EVT_CATEGORY, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.cpu": (EVT_CPU, SCOPE_EVENT, PT_INT16, PF_ID, 0),
    "evt.args": (EVT_ARGS, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TEXT),
    "evt.arg": (EVT_ARG, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TEXT),
    "evt.rawarg": (EVT_RAWARG, SCOPE_EVENT, PT_DYN, PF_NA, 0),
    "evt.info": (EVT_INFO, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TEXT),
    "evt.buffer": (EVT_BUFFER, SCOPE_EVENT, PT_BYTEBUF, PF_NA, 0),
    "evt.buflen": (EVT_BUFLEN, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.res": (EVT_RES, SCOPE_EVENT, PT_CHARBUF, PF_DEC, 0),
    "evt.rawres": (EVT_RAWRES, SCOPE_EVENT, PT_INT64, PF_DEC, 0),
    "evt.failed": (EVT_FAILED, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "evt.is_io": (EVT_IS_IO, SCOPE_TYPE, PT_BOOL, PF_NA, 0),
    "evt.is_io_read": (EVT_IS_IO_READ, SCOPE_TYPE, PT_BOOL, PF_NA, 0),
    "evt.is_io_write": (EVT_IS_IO_WRITE, SCOPE_TYPE, PT_BOOL, PF_NA, 0),
    "evt.io_dir": (EVT_IO_DIR, SCOPE_TYPE, PT_CHARBUF, PF_NA, 0),
    "evt.is_wait": (EVT_IS_WAIT, SCOPE_TYPE, PT_BOOL, PF_NA, 0),
    "evt.wait_latency": (EVT_WAIT_LATENCY, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_LATENCY),
    "evt.is_syslog": (EVT_IS_SYSLOG, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "evt.count": (EVT_COUNT, SCOPE_TYPE, PT_UINT32, PF_DEC, 0),
    "evt.count.error": (EVT_COUNT_ERROR, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.error.file": (EVT_COUNT_ERROR_FILE, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.error.net": (EVT_COUNT_ERROR_NET, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.error.memory": (EVT_COUNT_ERROR_MEMORY, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.error.other": (EVT_COUNT_ERROR_OTHER, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.exit": (EVT_COUNT_EXIT, SCOPE_TYPE, PT_UINT32, PF_DEC, 0),
    "evt.count.procinfo": (EVT_COUNT_PROCINFO, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "evt.count.threadinfo": (EVT_COUNT_THREADINFO, SCOPE_TYPE, PT_UINT32, PF_DEC, 0),
    "evt.around": (EVT_AROUND, SCOPE_EVENT, PT_UINT64, PF_NA, 0),
    "evt.abspath": (EVT_ABSPATH, SCOPE_EVENT, PT_CHARBUF, PF_NA, _TEXT),
    "evt.buflen.in": (EVT_BUFLEN_IN, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.out": (EVT_BUFLEN_OUT, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.file": (EVT_BUFLEN_FILE, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.file.in": (EVT_BUFLEN_FILE_IN, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.file.out": (EVT_BUFLEN_FILE_OUT, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.net": (EVT_BUFLEN_NET, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.net.in": (EVT_BUFLEN_NET_IN, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.buflen.net.out": (EVT_BUFLEN_NET_OUT, SCOPE_EVENT, PT_UINT64, PF_DEC, 0),
    "evt.is_open_read": (EVT_IS_OPEN_READ, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "evt.is_open_write": (EVT_IS_OPEN_WRITE, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "evt.is_open_exec": (EVT_IS_OPEN_EXEC, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
    "evt.is_open_create": (EVT_IS_OPEN_CREATE, SCOPE_EVENT, PT_BOOL, PF_NA, 0),
}

#: Fields that are taken from the event's own bytes, so that the state engine need not run for them.
STATELESS = frozenset(
    "evt.num evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.rawtime evt.rawtime.s evt.rawtime.ns "
    "evt.reltime evt.reltime.s evt.reltime.ns evt.deltatime evt.deltatime.s evt.deltatime.ns evt.dir evt.type evt.type.is "
    "syscall.type evt.cpu evt.rawarg evt.buffer evt.res evt.rawres evt.failed evt.is_io evt.is_io_read "
    "evt.is_io_write evt.io_dir evt.is_wait evt.count evt.count.error evt.count.exit evt.around evt.is_open_read "
    "evt.is_open_write evt.is_open_exec evt.is_open_create evt.source evt.is_async evt.asynctype "
    "evt.infra.docker.name evt.infra.docker.container.id evt.infra.docker.container.name "
    "evt.infra.docker.container.image util.cnt".split()
)

_WIDTHS = {"INT8": 1, "UINT8": 1, "FLAGS8": 1, "ENUMFLAGS8": 1, "SIGTYPE": 1, "L4PROTO": 1, "SOCKFAMILY": 1,
           "INT16": 2, "UINT16": 2, "FLAGS16": 2, "ENUMFLAGS16": 2, "SYSCALLID": 2, "PORT": 2,
           "INT32": 4, "UINT32": 4, "FLAGS32": 4, "ENUMFLAGS32": 4, "MODE": 4, "UID": 4, "GID": 4, "SIGSET": 4,
           "BOOL": 4, "FD32": 4, "PID32": 4}


def prepare(use):
    """Check the argument of a field use and settle what follows from it.

    Raises
    ------
    FieldError
        If no event has a parameter of that name, or an argument is missing.
    """
    cdef FieldUse known = use
    cdef uint16_t code = known.field.code
    if code == EVT_ARG or code == EVT_RAWARG:
        if known.kept is None and known.field.index < 0:
            raise FieldError(f"{use.name} needs an argument, such as {use.name}.fd")
        if known.kept is None:
            return
        name = known.kept.decode()
        from scapcore.schema import event_types

        found = [param for event in event_types() for param in event.params if param.name == name]
        if not found:
            raise FieldError(f"unknown event argument {name}")
        if code == EVT_RAWARG:
            widest = max(found, key=lambda param: _WIDTHS.get(param.type, 8))
            known.field.type = type_codes()[widest.type]
            known.field.format = 1
    elif code == EVT_TYPE_IS and known.kept is not None:
        from scapcore.schema import event_types

        name = known.kept.decode()
        for event in event_types():
            if event.name == name:
                known.field.index = (event.type & ~1) | BOTH_DIRECTIONS
                return
        raise FieldError(f"unknown event type {name}")
    elif code == EVT_ABSPATH:
        known.field.index = {None: 0, b"src": 1, b"dst": 2}.get(known.kept, -2)
        if known.field.index == -2:
            raise FieldError("evt.abspath takes .src or .dst")


def type_codes():
    """Type codes of parameters by name."""
    from scapcore.schema.generate import PARAMETER_TYPES

    return {name: code for code, name in enumerate(PARAMETER_TYPES)}


cdef const char* event_name(const Event* event, bint modern) noexcept nogil:
    """Name of the event; for generic events that of the system call they carry."""
    cdef uint64_t code
    cdef uint64_t native
    cdef const char* name
    if event.type == GENERIC_E or event.type == GENERIC_X:
        code = parameter_unsigned(event, 0, 0) & 0xFFFF
        name = NULL
        if modern and code == 0:
            # What the writer had no code for yet still has the kernel's number.
            native = parameter_unsigned(event, 1, NATIVE_COUNT)
            if native < NATIVE_COUNT and native_names[native] != NULL:
                return native_names[native]
        if code < SYSCALL_COUNT:
            name = syscalls_modern[code] if modern else syscalls_classic[code]
        if name == NULL:
            return b"<unknown>"
        return name
    return event.info.name


cdef bint give_delta(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Time since the event for which this field was last taken."""
    cdef uint64_t delta = 0
    if field.previous:
        delta = scope.event.ts - field.previous
        if field.code == EVT_DELTATIME_S:
            delta //= 1000000000
        elif field.code == EVT_DELTATIME_NS:
            delta %= 1000000000
    field.previous = scope.event.ts
    return give_integer(value, PT_RELTIME, <int64_t>delta)


cdef bint give_human_time(Scope* scope, Value* value, uint64_t duration) noexcept nogil:
    """A duration in the unit that suits it (state engine, section 11)."""
    cdef size_t start = scope.scratch.used
    if duration >= 3600 * <uint64_t>1000000000:
        put_padded(&scope.scratch, duration // (3600 * <uint64_t>1000000000), 2)
        put_byte(&scope.scratch, 58)
        put_padded(&scope.scratch, duration // (60 * <uint64_t>1000000000) % 60, 2)
        put_byte(&scope.scratch, 58)
        put_padded(&scope.scratch, duration // 1000000000 % 60, 2)
    elif duration >= 60 * <uint64_t>1000000000:
        put_unsigned(&scope.scratch, duration // (60 * <uint64_t>1000000000))
        put_byte(&scope.scratch, 58)
        put_unsigned(&scope.scratch, duration // 1000000000 % 60)
    elif duration >= 1000000000:
        put_unsigned(&scope.scratch, duration // 1000000000)
        put_byte(&scope.scratch, 46)
        put_padded(&scope.scratch, duration % 1000000000 // 10000000, 2)
        put_byte(&scope.scratch, 115)
    elif duration >= 10000000:
        put_unsigned(&scope.scratch, duration // 1000000)
        put_text(&scope.scratch, b"ms")
    elif duration >= 1000000:
        put_unsigned(&scope.scratch, duration // 1000000)
        put_byte(&scope.scratch, 46)
        put_padded(&scope.scratch, duration % 1000000 // 10000, 2)
        put_text(&scope.scratch, b"ms")
    elif duration >= 10000:
        put_unsigned(&scope.scratch, duration // 1000)
        put_text(&scope.scratch, b"us")
    elif duration >= 1000:
        put_unsigned(&scope.scratch, duration // 1000)
        put_byte(&scope.scratch, 46)
        put_padded(&scope.scratch, duration % 1000 // 10, 2)
        put_text(&scope.scratch, b"us")
    else:
        put_unsigned(&scope.scratch, duration)
        put_text(&scope.scratch, b"ns")
    return give_scratch(scope, value, start)


cdef bint give_time(uint16_t code, Scope* scope, Value* value) noexcept nogil:
    """Times of day and dates as text."""
    cdef size_t start = scope.scratch.used
    if code == EVT_TIME_ISO:
        put_iso8601(&scope.scratch, scope.event.ts)
    elif code == EVT_TIME or code == EVT_TIME_S:
        put_time(&scope.scratch, &scope.clock, scope.event.ts, code == EVT_TIME)
    else:
        put_date_and_time(&scope.scratch, &scope.clock, scope.event.ts, code == EVT_DATETIME)
    return give_scratch(scope, value, start)


cdef bint extract_event(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef const Event* event = &scope.event
    cdef uint32_t flags = event.info.flags
    cdef uint32_t length
    cdef uint64_t duration
    cdef int index
    cdef FdRow* fd
    cdef TextContext* text = <TextContext*>scope.text
    cdef size_t start = scope.scratch.used
    if code == EVT_NUM:
        return give_integer(value, PT_UINT64, <int64_t>event_number(scope.columns, scope.row))
    if code == EVT_TYPE:
        return give_c_text(value, event_name(event, scope.state != NULL and scope.state.modern))
    if code == EVT_DIR:
        if event.type & 1:
            return give_text(value, b"<", 1)
        return give_text(value, b">", 1)
    if code == EVT_CPU:
        return give_integer(value, PT_INT16, <short>event_cpu(event))
    if code == EVT_RAWTIME:
        return give_integer(value, PT_ABSTIME, <int64_t>event.ts)
    if code == EVT_RAWTIME_S:
        return give_integer(value, PT_ABSTIME, <int64_t>(event.ts // 1000000000))
    if code == EVT_RAWTIME_NS:
        return give_integer(value, PT_ABSTIME, <int64_t>(event.ts % 1000000000))
    if EVT_RELTIME <= code <= EVT_RELTIME_NS:
        duration = event.ts - scope.columns.first_time
        if code == EVT_RELTIME_S:
            duration //= 1000000000
        elif code == EVT_RELTIME_NS:
            duration %= 1000000000
        return give_integer(value, PT_RELTIME, <int64_t>duration)
    if EVT_LATENCY <= code <= EVT_LATENCY_HUMAN:
        if scope.state == NULL or event.info.category == CATEGORY_INTERNAL:
            return False
        duration = scope.columns.latency[scope.row]
        if code == EVT_LATENCY_HUMAN:
            return give_human_time(scope, value, duration)
        if code == EVT_LATENCY_S:
            duration //= 1000000000
        elif code == EVT_LATENCY_NS:
            duration %= 1000000000
        return give_integer(value, PT_RELTIME, <int64_t>duration)
    if EVT_TIME <= code <= EVT_DATETIME_S:
        return give_time(code, scope, value)
    if EVT_DELTATIME <= code <= EVT_DELTATIME_NS:
        return give_delta(field, scope, value)
    if code == EVT_TYPE_IS:
        if field.index & BOTH_DIRECTIONS:
            return give_integer(value, PT_UINT32, (event.type & ~1) == field.index & ~BOTH_DIRECTIONS)
        return give_integer(value, PT_UINT32, event.type == field.index)
    if code == SYSCALL_TYPE:
        if event.type == SCHEDSWITCH_6_E or flags & EF_SKIPPARSERESET or event.info.category == CATEGORY_INTERNAL:
            return False
        return give_c_text(value, event_name(event, scope.state != NULL and scope.state.modern))
    if code == EVT_CATEGORY:
        return give_c_text(value, category_name(scope))
    if code == EVT_ARGS or code == EVT_INFO:
        if text == NULL:
            return False
        if code == EVT_ARGS:
            put_arguments(&scope.scratch, text, event, scope.row)
        else:
            put_info(&scope.scratch, text, event, scope.row)
        return give_scratch(scope, value, start)
    if code == EVT_ARG:
        index = field.index
        if field.argument != NULL:
            index = parameter_index(event, <const char*>field.argument, field.argument_length)
        if text == NULL or index < 0 or not put_argument(&scope.scratch, text, event, scope.row, <uint32_t>index):
            return False
        return give_scratch(scope, value, start)
    if code == EVT_RAWARG:
        index = field.index
        if field.argument != NULL:
            index = parameter_index(event, <const char*>field.argument, field.argument_length)
        if index < 0 or <uint32_t>index >= event.known:
            return False
        give_raw(value, event, <uint32_t>index)
        if value.data == NULL and field.argument != NULL:
            if field.type == PT_SOCKADDR or field.type == PT_SOCKTUPLE:
                return False            # a number that this event calls by the name of an address
            value.type = field.type     # of the name, whatever this event's own parameter is
        return True
    if code == EVT_BUFFER:
        index = parameter_index(event, b"data", 4)
        if index < 0:
            return False
        value.data = parameter(event, <uint32_t>index, &length)
        value.length = length
        value.type = PT_BYTEBUF
        if scope.printing and text != NULL:
            put_payload(&scope.scratch, value.data, length, text.mode, text.unlimited)
            return give_scratch(scope, value, start)
        return True
    if code == EVT_BUFLEN or EVT_BUFLEN_IN <= code <= EVT_BUFLEN_NET_OUT:
        return give_buffer_length(field, scope, value)
    if code == EVT_RES:
        return give_result(scope, value)
    if code == EVT_RAWRES:
        index = result_index(event, is_modern(scope))
        if index < 0:
            return False
        return give_integer(value, PT_INT64, parameter_integer(event, <uint32_t>index, 0))
    if code == EVT_FAILED:
        index = result_index(event, is_modern(scope))
        if index < 0 and is_modern(scope):
            return False
        return give_integer(value, PT_BOOL, index >= 0 and parameter_integer(event, <uint32_t>index, 0) < 0)
    if code == EVT_IS_IO:
        return give_integer(value, PT_BOOL, flags & (EF_READS_FROM_FD | EF_WRITES_TO_FD) != 0)
    if code == EVT_IS_IO_READ:
        return give_integer(value, PT_BOOL, flags & EF_READS_FROM_FD != 0)
    if code == EVT_IS_IO_WRITE:
        return give_integer(value, PT_BOOL, flags & EF_WRITES_TO_FD != 0)
    if code == EVT_IO_DIR:
        if flags & EF_WRITES_TO_FD:
            return give_text(value, b"write", 5)
        return give_text(value, b"read", 4) if flags & EF_READS_FROM_FD else False
    if code == EVT_IS_WAIT:
        return give_integer(value, PT_BOOL, flags & EF_WAITS != 0)
    if code == EVT_WAIT_LATENCY:
        if scope.state == NULL or not (flags & EF_WAITS and event.type & 1):
            return False
        return give_integer(value, PT_RELTIME, <int64_t>scope.columns.latency[scope.row])
    if code == EVT_IS_SYSLOG:
        fd = own_fd(scope)
        return give_integer(value, PT_BOOL, flags & EF_WRITES_TO_FD != 0 and fd != NULL and contains(
            text_of(&scope.state.strings, fd.name), length_of(&scope.state.strings, fd.name), b"/dev/log", 8))
    if code == EVT_COUNT:
        return give_integer(value, PT_UINT32, 1)
    if code == EVT_COUNT_ERROR:
        return give_error_count(scope, value)
    if EVT_COUNT_ERROR_FILE <= code <= EVT_COUNT_ERROR_OTHER:
        return give_class_error(field, scope, value)
    if code == EVT_COUNT_EXIT:
        return give_integer(value, PT_UINT32, 1) if event.type & 1 else False
    if code == EVT_COUNT_THREADINFO:
        return give_integer(value, PT_UINT32, 1) if event.type == PROCINFO_E else False
    if code == EVT_COUNT_PROCINFO:
        if event.type != PROCINFO_E or not scope.thread:
            return False
        if thread_row(scope.state, scope.thread).pid != thread_row(scope.state, scope.thread).tid:
            return False
        return give_integer(value, PT_UINT32, 1)
    if code == EVT_AROUND:
        return give_integer(value, PT_UINT64, <int64_t>event.ts)
    if code == EVT_ABSPATH:
        return give_absolute_path(field, scope, value)
    if EVT_IS_OPEN_READ <= code <= EVT_IS_OPEN_CREATE:
        return give_open(field, scope, value)
    return False


cdef bint contains(const uint8_t* text, size_t length, const char* wanted, size_t size) noexcept nogil:
    cdef size_t place
    for place in range(length - size + 1 if length >= size else 0):
        if memcmp(text + place, wanted, size) == 0:
            return True
    return False


cdef bint give_raw(Value* value, const Event* event, uint32_t index) noexcept nogil:
    """A parameter by its own type."""
    cdef uint32_t length
    cdef const uint8_t* data = parameter(event, index, &length)
    cdef uint8_t type = event.parameters[index].type
    if type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH:
        give_text(value, data, text_length(data, length))
        return True
    if type == PT_BYTEBUF or type == PT_SOCKADDR or type == PT_SOCKTUPLE or type == PT_FDLIST or type == PT_DYN:
        value.type = type
        value.data = data
        value.length = length
        return True
    if is_signed(type):
        return give_integer(value, type, parameter_integer(event, index, 0))
    return give_integer(value, type, <int64_t>parameter_unsigned(event, index, 0))


cdef bint is_signed(uint8_t type) noexcept nogil:
    return (PT_INT8 <= type <= PT_INT64 or type == PT_ERRNO or type == PT_FD or type == PT_PID or type == PT_FD32
            or type == PT_PID32)
