"""Fields of where an event comes from (``evt.source``, ``evt.asynctype``, ``evt.infra.*``), of the messages that are
written to the system log (``syslog.*``), and helpers of output (``util.cnt``). Internal to the core."""

from libc.math cimport log10
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, strlen

from scapcore.buffer cimport put_unsigned
from scapcore.events cimport *
from scapcore.fields cimport *
from scapcore.merge cimport HOST_STEP
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.text cimport LogMessage, read_log_message

cdef enum Code:
    EVT_LATENCY_QUANTIZED = 1
    EVT_SOURCE
    EVT_IS_ASYNC
    EVT_ASYNCTYPE
    EVT_HOSTNAME
    INFRA_EVENT
    INFRA_CONTAINER_ID
    INFRA_CONTAINER_NAME
    INFRA_CONTAINER_IMAGE
    SYSLOG_FACILITY
    SYSLOG_FACILITY_NAME
    SYSLOG_SEVERITY
    SYSLOG_SEVERITY_NAME
    SYSLOG_MESSAGE
    UTIL_COUNT

# name: (code, scope, type, format, needs)
FIELDS = {
    "evt.latency.quantized": (EVT_LATENCY_QUANTIZED, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_LATENCY),
    "evt.source": (EVT_SOURCE, SCOPE_TYPE, PT_CHARBUF, PF_NA, 0),
    "evt.is_async": (EVT_IS_ASYNC, SCOPE_TYPE, PT_BOOL, PF_NA, 0),
    "evt.asynctype": (EVT_ASYNCTYPE, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.hostname": (EVT_HOSTNAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.infra.docker.name": (INFRA_EVENT, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.infra.docker.container.id": (INFRA_CONTAINER_ID, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.infra.docker.container.name": (INFRA_CONTAINER_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "evt.infra.docker.container.image": (INFRA_CONTAINER_IMAGE, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "syslog.facility": (SYSLOG_FACILITY, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "syslog.facility.str": (SYSLOG_FACILITY_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "syslog.severity": (SYSLOG_SEVERITY, SCOPE_EVENT, PT_UINT32, PF_DEC, 0),
    "syslog.severity.str": (SYSLOG_SEVERITY_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "syslog.message": (SYSLOG_MESSAGE, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "util.cnt": (UTIL_COUNT, SCOPE_EVENT, PT_UINT64, PF_ID, 0),
}

# Steps of the logarithmic scale: as many as a terminal that nobody measured has columns.
cdef int SCREEN_WIDTH = 80

cdef const char* SEVERITIES[8]
SEVERITIES[:] = [b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug"]
cdef const char* FACILITIES[24]
FACILITIES[:] = [b"kern", b"user", b"mail", b"daemon", b"auth", b"syslog", b"lpr", b"news", b"uucp", b"clock",
                 b"authpriv", b"ftp", b"ntp", b"logaudit", b"logalert", b"cron", b"local0", b"local1", b"local2",
                 b"local3", b"local4", b"local5", b"local6", b"local7"]


cdef bint give_host(Scope* scope, Value* value) noexcept nogil:
    """Name of the machine of an event's thread.

    In captures of several machines their names stand in one, with a plus sign between them, and the thread ids of the
    n-th lie n times `HOST_STEP` higher.
    """
    cdef const uint8_t* name = text_of(&scope.state.strings, scope.state.hostname)
    cdef uint32_t length = length_of(&scope.state.strings, scope.state.hostname)
    cdef int64_t wanted = scope.event.tid // HOST_STEP if scope.event.tid > 0 else 0
    cdef uint32_t start = 0
    cdef uint32_t end = 0
    while end < length:
        end = start
        while end < length and name[end] != 43:
            end += 1
        if wanted == 0:
            return give_text(value, name + start, end - start) if end > start else False
        wanted -= 1
        start = end + 1
    return False


cdef bint is_aside(uint16_t type) noexcept nogil:
    """True for events that were put in from outside the stream of the driver's."""
    return (type == DROP_E or type == DROP_X or type == SCAPEVENT_E or type == CONTAINER_E or type == PROCINFO_E
            or type == CPU_HOTPLUG_E or type == K8S_E or type == TRACER_E or type == MESOS_E
            or type == CONTAINER_JSON_E or type == NOTIFICATION_E or type == INFRASTRUCTURE_EVENT_E
            or type == CONTAINER_JSON_2_E or type == USER_ADDED_E or type == USER_DELETED_E or type == GROUP_ADDED_E
            or type == GROUP_DELETED_E or type == ASYNCEVENT_E)


cdef bint give_name(Value* value, const char* name) noexcept nogil:
    return give_text(value, <const uint8_t*>name, strlen(name))


cdef bint give_quantized(Scope* scope, Value* value) noexcept nogil:
    """Step of a latency on a logarithmic scale that ends at 100 s."""
    cdef uint64_t latency
    cdef double power
    cdef double most = 11
    if scope.state == NULL or not scope.thread or scope.event.info.category == CATEGORY_INTERNAL:
        return False
    latency = scope.columns.latency[scope.row]
    if not latency:
        return False
    power = log10(<double>latency)
    if power > most:
        power = most
    return give_integer(value, PT_UINT64, <int64_t>(power * SCREEN_WIDTH / most) + 1)


cdef void trim(const uint8_t** text, uint32_t* length) noexcept nogil:
    """Leave out the blanks at both ends."""
    while length[0] and (text[0][0] == 32 or 9 <= text[0][0] <= 13):
        text[0] += 1
        length[0] -= 1
    while length[0] and (text[0][length[0] - 1] == 32 or 9 <= text[0][length[0] - 1] <= 13):
        length[0] -= 1


cdef bint give_infra(Field* field, Scope* scope, Value* value) noexcept nogil:
    """One of the `key:value` pairs, with semicolons between them, of what an infrastructure event describes."""
    cdef const char* key = b"Event"
    cdef const uint8_t* text
    cdef const uint8_t* entry
    cdef const uint8_t* end
    cdef uint32_t length, size, place
    if scope.event.type != INFRASTRUCTURE_EVENT_E:
        return False
    if field.code == INFRA_CONTAINER_ID:
        key = b"ID"
    elif field.code == INFRA_CONTAINER_NAME:
        key = b"name"
    elif field.code == INFRA_CONTAINER_IMAGE:
        key = b"Image"
    text = parameter(&scope.event, 2, &length)
    length = text_length(text, length)
    place = 0
    while place < length:
        entry = text + place
        size = 0
        while place + size < length and entry[size] != 59:
            size += 1
        place += size + 1
        trim(&entry, &size)
        if size < strlen(key) or memcmp(entry, key, strlen(key)) != 0:
            continue
        end = <const uint8_t*>memchr(entry, 58, size)
        if end == NULL:
            continue
        size -= <uint32_t>(end + 1 - entry)
        entry = end + 1
        return give_infra_value(field.code, value, entry, size)
    return False


cdef bint give_infra_value(uint16_t code, Value* value, const uint8_t* text, uint32_t length) noexcept nogil:
    """What stands behind a key, up to the next colon: ids are cut, images go without digest unless it is all."""
    cdef const uint8_t* end = <const uint8_t*>memchr(text, 58, length)
    cdef uint32_t first = <uint32_t>(end - text) if end != NULL else length
    cdef uint32_t place
    cdef bint hashed = False
    if code == INFRA_CONTAINER_IMAGE:
        for place in range(first):
            if text[place] == 64:
                first = place
                break
            hashed |= first - place >= 6 and memcmp(text + place, b"sha256", 6) == 0
    if not hashed:
        length = first
    trim(&text, &length)
    if code == INFRA_CONTAINER_ID and length > 12:
        length = 12
    return give_text(value, text, length)


cdef bint give_log_message(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Part of a message that is written to the system log."""
    cdef LogMessage message
    cdef uint32_t number
    if scope.state == NULL or not read_log_message(scope.state, scope.columns, &scope.event, scope.row, &message):
        return False
    if field.code == SYSLOG_MESSAGE:
        return give_text(value, message.text, message.length)
    if field.code == SYSLOG_FACILITY or field.code == SYSLOG_FACILITY_NAME:
        number = <uint32_t>(<int>message.priority >> 3)
        if field.code == SYSLOG_FACILITY:
            return give_integer(value, PT_UINT32, number)
        if number >= 24:
            return give_name(value, b"<NA>")
        return give_name(value, FACILITIES[number])
    number = message.priority & 7
    if field.code == SYSLOG_SEVERITY:
        return give_integer(value, PT_UINT32, number)
    return give_name(value, SEVERITIES[number])


cdef bint extract_notice(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef uint16_t type = scope.event.type
    cdef uint32_t length
    cdef const uint8_t* data
    if code == UTIL_COUNT:
        field.running += 1
        return give_integer(value, PT_UINT64, <int64_t>field.running)
    if code == EVT_LATENCY_QUANTIZED:
        return give_quantized(scope, value)
    if code == EVT_SOURCE:
        # A plugin's events have the source that it names, which only the plugin knows.
        if type == PLUGINEVENT_E:
            return False
        return give_name(value, b"syscall")
    if code == EVT_IS_ASYNC:
        return give_integer(value, PT_BOOL, is_aside(type))
    if code == EVT_ASYNCTYPE:
        if not is_aside(type):
            return False
        if type != ASYNCEVENT_E:
            return give_name(value, scope.event.info.name)
        data = parameter(&scope.event, 1, &length)
        return give_text(value, data, text_length(data, length))
    if code == EVT_HOSTNAME:
        return give_host(scope, value) if scope.state != NULL else False
    if INFRA_EVENT <= code <= INFRA_CONTAINER_IMAGE:
        return give_infra(field, scope, value)
    return give_log_message(field, scope, value)
