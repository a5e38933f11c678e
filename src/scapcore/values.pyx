"""One parameter's value as text, by its type (state engine, section 9).

A parameter has a raw text (``3``) and maybe a resolved one (``<f>/etc/passwd``). `render` writes both behind one
another with an opening parenthesis between them, so that the usual line needs no second buffer. Descriptors and
threads are looked up as of the event, while the engine has long gone on to the end of the batch: see `history`.
Internal to the core.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memmove, memset, strlen

from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_hex, put_padded, put_text, reserve
from scapcore.events cimport *
from scapcore.hashing cimport map_get
from scapcore.history cimport fd_as_of, thread_as_of
from scapcore.names cimport (join_path, join_whole_path, l4_protocol, put_ipv4, put_ipv6, put_socket_address,
                             put_socket_tuple)
from scapcore.numerals cimport load_number, put_decimal, put_number, write_unsigned
from scapcore.payload cimport MODE_NORMAL, put_payload, put_printable
from scapcore.schema.tables cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.text cimport TextContext

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    struct tm:
        int tm_sec
        int tm_min
        int tm_hour
        int tm_mday
        int tm_mon
        int tm_year
    tm* localtime_r(const time_t* time, tm* result)

cdef struct Name:
    const char* text
    uint32_t value
    uint32_t length

cdef int64_t AT_FDCWD = -100
cdef const char* TYPE_SIGNS = b"ofd4646pueXslitnfburmP"    # by descriptor type (scap format, section 5)

cdef Name* NAMES[2]          # flags with the lengths of their names, by generation


cdef bint make_names(int generation) except False:
    """Measure the names of the flags once."""
    cdef const EventType* last = &(events_modern if generation else events_classic)[EVENT_COUNT - 1]
    cdef const Parameter* parameters = parameters_modern if generation else parameters_classic
    cdef uint32_t parameter_count = <uint32_t>last.first + last.nparams
    cdef const Span* spans = spans_modern if generation else spans_classic
    cdef const FlagName* flags = flags_modern if generation else flags_classic
    cdef uint32_t count = 0
    cdef uint32_t index
    for index in range(parameter_count):
        if parameters[index].table >= 0:
            count = max(count, <uint32_t>spans[parameters[index].table].first + spans[parameters[index].table].count)
    NAMES[generation] = <Name*>calloc(count + 1, sizeof(Name))
    if NAMES[generation] == NULL:
        raise MemoryError
    for index in range(count):
        NAMES[generation][index].text = flags[index].name
        NAMES[generation][index].value = flags[index].value
        NAMES[generation][index].length = <uint32_t>strlen(flags[index].name)
    return True


make_names(0)
make_names(1)


# Resolved texts


cdef inline void put_errno(Buffer* out, int64_t value) noexcept nogil:
    """Name of a negative result; the reference looks at its lower 32 bits."""
    cdef int64_t code = -<int64_t><int32_t>value
    if 0 < code < ERRNO_COUNT and errno_names[code] != NULL:
        put_text(out, errno_names[code])


cdef inline void put_signal(Buffer* out, uint32_t number) noexcept nogil:
    if number < SIGNAL_COUNT and signal_names[number] != NULL:
        put_text(out, signal_names[number])


cdef inline uint32_t event_fd(TextContext* context, uint32_t row, int64_t fd) noexcept nogil:
    """Row of a descriptor of the event's thread, 0 if it is not known."""
    return fd_as_of(&context.history, context.columns.table[row], fd, row) if context.columns.thread[row] else 0


cdef inline void put_shown(Buffer* out, const TextContext* context, const uint8_t* data, size_t length) noexcept nogil:
    """A name or path; the classic rules leave out what cannot be printed."""
    if context.modern:
        put_bytes(out, data, length)
    else:
        put_printable(out, data, length)


cdef void put_fd_name(Buffer* out, TextContext* context, uint32_t row, int64_t fd) noexcept nogil:
    """What a descriptor number means."""
    cdef uint32_t found
    cdef const FdRow* entry
    cdef uint8_t* place
    cdef uint8_t protocol
    if fd < 0:
        if not context.columns.thread[row]:
            return
        if fd == AT_FDCWD:
            put_bytes(out, b"AT_FDCWD", 8)
        else:
            put_errno(out, fd)
        return
    found = event_fd(context, row, fd)
    if not found:
        return
    entry = fd_row(context.state, found)
    place = out.data + out.used
    place[0] = 60
    place[1] = <uint8_t>TYPE_SIGNS[entry.type] if entry.type < 22 else 63
    place += 2
    if FD_IPV4 <= entry.type <= FD_IPV6_SERVER:
        protocol = l4_protocol(entry)
        # The protocol of a socket that is not connected yet is not shown.
        if L4_TCP <= protocol <= L4_RAW and (entry.role != ROLE_NONE or entry.type >= FD_IPV4_SERVER
                                             or protocol == L4_RAW):
            place[0] = <uint8_t>b"--tuir"[protocol]
            place += 1
    place[0] = 62
    out.used = place + 1 - out.data
    put_shown(out, context, text_of(&context.state.strings, entry.name), length_of(&context.state.strings, entry.name))


cdef void put_comm(Buffer* out, TextContext* context, uint32_t row, int64_t tid) noexcept nogil:
    """Name of the program that a thread runs."""
    cdef uint32_t thread = context.columns.thread[row]
    cdef uint32_t comm
    if not thread or thread_row(context.state, thread).tid != tid:
        thread = thread_as_of(&context.history, tid, row)
        if not thread:
            return
    comm = thread_row(context.state, thread).comm
    put_bytes(out, text_of(&context.state.strings, comm), length_of(&context.state.strings, comm))


cdef inline void put_name(Buffer* out, const Name* name, bint first) noexcept nogil:
    if not first:
        put_byte(out, 124)
    put_bytes(out, name.text, name.length)


cdef void put_flags(Buffer* out, const TextContext* context, int table, uint32_t value, bint mode) noexcept nogil:
    """Names of the flags that are set, in the order of their table (state engine, section 9)."""
    cdef const Span* span
    cdef const Name* name
    cdef const Name* end
    cdef uint32_t rest = value
    cdef bint first = True
    if table < 0:
        return
    span = &spans_modern[table] if context.modern else &spans_classic[table]
    name = NAMES[context.modern] + span.first
    end = name + span.count
    while name < end:
        if name.value == value and (mode or not context.modern):
            put_name(out, name, first)      # also if its bits have been named already
            return
        if name.value == 0:
            if value == 0:
                put_name(out, name, first)
                return
        elif rest & name.value == name.value:
            put_name(out, name, first)
            first = False
            if name.value == value:
                return
            rest &= ~name.value
        name += 1


cdef void put_enumerated(Buffer* out, const TextContext* context, int table, uint32_t value) noexcept nogil:
    """The names of a value that is no set of flags; some have two."""
    cdef const Span* span
    cdef const Name* names
    cdef uint32_t index
    cdef bint first = True
    if table < 0:
        return
    span = &spans_modern[table] if context.modern else &spans_classic[table]
    names = NAMES[context.modern] + span.first
    for index in range(span.count):
        if names[index].value == value:
            put_name(out, &names[index], first)
            first = False


cdef void put_absolute(Buffer* out, TextContext* context, const Event* event, uint32_t row,
                       const Parameter* info, const uint8_t* path, uint32_t length) noexcept nogil:
    """The absolute form of a relative path (state engine, section 8)."""
    cdef uint32_t thread = context.columns.thread[row]
    cdef const ThreadRow* entry
    cdef const uint8_t* base = NULL
    cdef uint32_t base_length = 0
    cdef size_t start = out.used
    cdef size_t base_start
    cdef uint32_t size, text, found
    cdef const uint8_t* data
    cdef int64_t fd = AT_FDCWD
    if not thread or not length or path[0] == 47 or (context.modern and path[0] == 0):
        return
    if length >= 4 and memcmp(path, b"<NA>", 4) == 0 and (not context.modern or length == 5):
        return
    if info.type == PT_FSRELPATH and 0 <= info.dirfd < <int>event.known and (
            event.parameters[info.dirfd].type == PT_FD):
        data = parameter(event, <uint32_t>info.dirfd, &size)
        if size:
            fd = <int64_t>load_number(data, size, 8)
    if fd == AT_FDCWD:
        entry = thread_row(context.state, thread)
        if entry.main:
            entry = thread_row(context.state, entry.main)
        elif entry.pid != entry.tid:
            entry = NULL            # the main thread is not known
        if entry != NULL:
            base = text_of(&context.state.strings, entry.cwd)
            base_length = length_of(&context.state.strings, entry.cwd)
    else:
        found = event_fd(context, row, fd)
        if found:
            text = fd_row(context.state, found).name
            base_start = out.used
            put_shown(out, context, text_of(&context.state.strings, text), length_of(&context.state.strings, text))
            if length_of(&context.state.strings, text) and not (context.modern and out.data[out.used - 1] == 47):
                put_byte(out, 47)
            base_length = <uint32_t>(out.used - base_start)
    if context.modern:
        length = text_length(path, length)
    if not reserve(out, <size_t>base_length + length + PATH_SIZE):
        out.used = start
        return
    if base == NULL:
        base = out.data + start
    if context.modern:
        size = join_path(out.data + out.used, base, base_length, path, length, True)
    else:
        size = join_whole_path(out.data + out.used, base, base_length, path, length, False)
    memmove(out.data + start, out.data + out.used, size)
    out.used = start + size


cdef void put_user_name(Buffer* out, const TextContext* context, uint32_t id, bint group) noexcept nogil:
    cdef uint32_t found
    cdef uint32_t name = 0
    if id == NO_ID:
        put_bytes(out, b"<NONE>", 6)
        return
    found = map_get(&context.state.by_gid if group else &context.state.by_uid, <int64_t>id)
    while found >= context.columns.user_count and found:
        found = context.state.users[found].previous     # the capture told of it after this batch
    if context.state.users[found].gone:
        found = 0
    if found:
        name = context.state.users[found].name
    if not found or (context.modern and not name):
        put_bytes(out, b"<NA>", 4)
    else:
        put_shown(out, context, text_of(&context.state.strings, name), length_of(&context.state.strings, name))


cdef inline void put_syscall(Buffer* out, const TextContext* context, uint32_t code) noexcept nogil:
    cdef const char* name = syscalls_modern[code] if context.modern else syscalls_classic[code]
    if name != NULL:
        put_text(out, name)


cdef void put_seconds(Buffer* out, uint64_t value) noexcept nogil:
    """Nanoseconds as seconds, as C's ``%lg`` writes them."""
    cdef char text[48]
    cdef int length = snprintf(text, sizeof(text), b"%lg", <double>value / 1000000000)
    cdef int index
    for index in range(length):
        if 48 <= text[index] <= 57 or text[index] == 101 or text[index] == 43 or text[index] == 45:
            put_byte(out, <uint8_t>text[index])
        elif index and 48 <= text[index - 1] <= 57:
            put_byte(out, 46)       # whatever the program's locale has there
    put_byte(out, 115)


# Raw texts of the larger kinds


cdef void put_path(Buffer* out, const TextContext* context, const uint8_t* path, uint32_t length) noexcept nogil:
    """A path as given, cut where the reference has no more room."""
    cdef size_t start = out.used
    cdef size_t limit = length if length < context.storage else context.storage
    put_shown(out, context, path, text_length(path, length))
    if not context.modern and limit and out.used - start > limit - 1:
        out.used = start + limit - 1


cdef void put_fd_list(Buffer* out, TextContext* context, uint32_t row, const uint8_t* data,
                      uint32_t length) noexcept nogil:
    """Descriptors with their kinds and the events asked for or met; cut where the reference has no more room."""
    cdef size_t start = out.used
    cdef size_t limit = context.storage - 1
    cdef uint32_t count, index, found
    cdef uint8_t sign
    cdef int64_t fd
    if length < 2 or not context.columns.thread[row]:
        return
    count = load16(data)
    if count > (length - 2) // 10:
        count = (length - 2) // 10
    data += 2
    for index in range(count):
        if not reserve(out, 48):
            return
        fd = <int64_t>load64(data)
        found = event_fd(context, row, fd)
        sign = 63
        if found and fd_row(context.state, found).type < 22:
            sign = <uint8_t>TYPE_SIGNS[fd_row(context.state, found).type]
        out.used = write_unsigned(out.data + out.used, <uint64_t>fd) - out.data
        out.data[out.used] = 58
        out.data[out.used + 1] = sign
        out.used += 2
        put_hex(out, <uint32_t><int32_t><int16_t>load16(data + 8), 1, False)
        if index + 1 < count:
            out.data[out.used] = 32
            out.used += 1
        if out.used - start >= limit:
            out.used = start + limit
            return
        data += 10


cdef void put_signal_set(Buffer* out, uint32_t bits) noexcept nogil:
    cdef uint32_t number
    cdef bint first = True
    for number in range(32):
        if bits >> number & 1 and number + 1 < SIGNAL_COUNT and signal_names[number + 1] != NULL:
            if not first:
                put_byte(out, 32)
            put_text(out, signal_names[number + 1])
            first = False


cdef void put_point_in_time(Buffer* out, uint64_t value) noexcept nogil:
    """Date and time of the local zone."""
    cdef tm parts
    cdef time_t seconds = <time_t>(value // 1000000000)
    memset(&parts, 0, sizeof(tm))
    localtime_r(&seconds, &parts)
    put_padded(out, <uint64_t>(parts.tm_year + 1900), 4)
    put_byte(out, 45)
    put_padded(out, <uint64_t>(parts.tm_mon + 1), 2)
    put_byte(out, 45)
    put_padded(out, <uint64_t>parts.tm_mday, 2)
    put_byte(out, 32)
    put_padded(out, <uint64_t>parts.tm_hour, 2)
    put_byte(out, 58)
    put_padded(out, <uint64_t>parts.tm_min, 2)
    put_byte(out, 58)
    put_padded(out, <uint64_t>parts.tm_sec, 2)
    put_byte(out, 46)
    put_padded(out, value % 1000000000, 9)


cdef void put_strings(Buffer* out, const uint8_t* data, uint32_t length, bint pairs) noexcept nogil:
    """NUL-separated strings parted by dots, or keys and values as `key:value` parted by commas."""
    cdef uint32_t place = 0
    cdef uint32_t size
    cdef bint key = False
    while place < length:
        if place:
            put_byte(out, (58 if key else 44) if pairs else 46)
        key = not key
        size = text_length(data + place, length - place)
        put_bytes(out, data + place, size)
        place += size + 1


cdef uint8_t protocol_of(const TextContext* context, uint32_t row) noexcept nogil:
    """Protocol of the event's own descriptor."""
    if not context.columns.mark[row] & MARK_FD or not context.columns.fd[row]:
        return L4_UNKNOWN
    return l4_protocol(fd_row(context.state, context.columns.fd[row]))


cdef void put_address(Buffer* out, const TextContext* context, uint32_t row, const uint8_t* data,
                      uint32_t length) noexcept nogil:
    if context.modern and length and data[0] == 1:
        if length < 2 or data[length - 1]:
            put_bytes(out, b"INVALID PATH", 12)
        else:
            put_bytes(out, data + 1, text_length(data + 1, length - 1))
    else:
        put_socket_address(out, context.state, protocol_of(context, row), data, length)


cdef void put_tuple(Buffer* out, const TextContext* context, uint32_t row, const uint8_t* data,
                    uint32_t length) noexcept nogil:
    if context.modern and length and data[0] == 1:
        if length < 18 or data[length - 1]:
            put_bytes(out, b"INVALID PATH", 12)
            return
        put_hex(out, load64(data + 1), 1, False)
        put_bytes(out, b"->", 2)
        put_hex(out, load64(data + 9), 1, False)
        put_byte(out, 32)
        put_bytes(out, data + 17, text_length(data + 17, length - 17))
    else:
        put_socket_tuple(out, context.state, protocol_of(context, row), data, length)


# Parameters


cdef inline bint is_null_text(const TextContext* context, const uint8_t* data, uint32_t length) noexcept nogil:
    """True for what older drivers wrote for a text that they could not read; the classic rules show it as it is."""
    return context.modern and length == 7 and memcmp(data, b"(NULL)", 7) == 0


cdef inline void need_storage(TextContext* context, size_t size) noexcept nogil:
    """Follow the growth of the reference's store for raw texts, which cuts its later lists and paths."""
    while context.storage < size:
        context.storage *= 2


cdef void put_data(Buffer* out, TextContext* context, const uint8_t* data, uint32_t length) noexcept nogil:
    """A byte buffer in the mode of the context."""
    cdef size_t start = out.used
    put_payload(out, data, length, context.mode, context.unlimited)
    if context.mode == MODE_NORMAL:
        need_storage(context, <size_t>length + 2)
    else:
        need_storage(context, out.used - start + 2)


cdef bint put_missing(Buffer* out, const TextContext* context, int type) noexcept nogil:
    """The text of a parameter without bytes; False if its kind has nothing special."""
    if type == PT_BYTEBUF or type == PT_FDLIST or type == PT_CHARBUFARRAY or type == PT_CHARBUF_PAIR_ARRAY:
        if context.modern:
            put_bytes(out, b"NULL", 4)
        return True
    if type == PT_SOCKTUPLE or (type == PT_SOCKADDR and not context.modern):
        put_bytes(out, b"NULL", 4)
        return True
    if type == PT_DYN:
        if context.modern:
            put_bytes(out, b"NULL", 4)
        return context.modern
    # Tools of 2022 and before write no such parameter, so there is nothing to be equal to.
    put_bytes(out, b"<NA>", 4)
    return True


cdef void put_plain(Buffer* out, TextContext* context, const Event* event, uint32_t row, uint32_t index, int type,
                    const uint8_t* data, uint32_t length) noexcept nogil:
    """The text of a parameter whose kind has no resolved one."""
    cdef int format = event.parameters[index].format
    cdef int64_t value
    if type == PT_INT64 or type == PT_UINT64:
        # The reference prints unsigned numbers of 32 and 64 bits through signed conversions.
        value = <int64_t>load_number(data, length, 8)
        put_number(out, value, <uint64_t>value, format)
    elif type == PT_INT32 or type == PT_UINT32:
        value = <int32_t>load_number(data, length, 4)
        put_number(out, value, <uint32_t>value, format)
    elif type == PT_INT16:
        value = <int16_t>load_number(data, length, 2)
        put_number(out, value, <uint32_t>value, format)
    elif type == PT_INT8:
        value = <int8_t>load_number(data, length, 1)
        put_number(out, value, <uint32_t>value, format)
    elif type == PT_UINT16:
        value = <int64_t>load_number(data, length, 2)
        put_number(out, value, <uint64_t>value, format)
    elif type == PT_UINT8:
        value = <int64_t>load_number(data, length, 1)
        put_number(out, value, <uint64_t>value, format)
    elif type == PT_BYTEBUF:
        put_data(out, context, data, length)
    elif type == PT_CHARBUF:
        if is_null_text(context, data, length):
            put_bytes(out, b"<NA>", 4)
        else:
            put_bytes(out, data, text_length(data, length))
        if context.storage < length:
            context.storage = length
    elif type == PT_SOCKADDR:
        put_address(out, context, row, data, length)
    elif type == PT_SOCKTUPLE:
        put_tuple(out, context, row, data, length)
    elif type == PT_FDLIST:
        put_fd_list(out, context, row, data, length)
    elif type == PT_SIGSET:
        put_signal_set(out, <uint32_t>load_number(data, length, 4))
    elif type == PT_CHARBUFARRAY or type == PT_CHARBUF_PAIR_ARRAY:
        put_strings(out, data, length, type == PT_CHARBUF_PAIR_ARRAY)
    elif type == PT_ABSTIME and (context.modern or <int>index >= event.info.reference):
        put_point_in_time(out, load_number(data, length, 8))
    elif type == PT_ABSTIME or type == PT_DYN:
        put_bytes(out, b"INVALID DYNAMIC PARAMETER", 25)
    # The rest is of events that the reference does not know.
    elif type == PT_PORT:
        put_decimal(out, <int64_t>load_number(data, length, 2))
    elif type == PT_IPV4ADDR and length >= 4:
        put_ipv4(out, data)
    elif type == PT_IPV6ADDR and length >= 16:
        put_ipv6(out, data)
    else:
        put_bytes(out, b"(n.a.)", 6)


cdef inline void start_resolved(Buffer* out, size_t* middle) noexcept nogil:
    middle[0] = out.used
    put_byte(out, 40)


cdef size_t render(Buffer* out, TextContext* context, const Event* event, uint32_t row, uint32_t index,
                   const uint8_t* data, uint32_t length) noexcept nogil:
    """Write a parameter's raw text and, if there is one, an opening parenthesis and the resolved text.

    Returns where the parenthesis is, or the end. RESERVED bytes must be free in the buffer.
    """
    cdef const Parameter* info = &event.parameters[index]
    cdef int type = info.type
    cdef int64_t value
    cdef uint64_t time
    cdef uint32_t bits
    cdef const Span* span
    cdef size_t middle = 0
    if length == 0 and put_missing(out, context, type):
        return out.used
    if type == PT_DYN and info.table >= 0 and length:
        span = &spans_modern[info.table] if context.modern else &spans_classic[info.table]
        if data[0] < span.count:
            type = <int>(NAMES[context.modern][span.first + data[0]].value >> 16)
            data += 1
            length -= 1
    if type == PT_FD or type == PT_FD32:
        value = <int64_t>load_number(data, length, 8) if type == PT_FD else <int32_t>load_number(data, length, 4)
        put_decimal(out, value)
        start_resolved(out, &middle)
        put_fd_name(out, context, row, value)
    elif type == PT_ERRNO:
        value = <int64_t>load_number(data, length, 8)
        put_decimal(out, value)
        if value >= 0:
            return out.used
        start_resolved(out, &middle)
        put_errno(out, value)
    elif type == PT_PID or type == PT_PID32:
        value = <int64_t>load_number(data, length, 8) if type == PT_PID else <int32_t>load_number(data, length, 4)
        put_decimal(out, value)
        start_resolved(out, &middle)
        put_comm(out, context, row, value)
    elif type == PT_FSPATH or type == PT_FSRELPATH:
        if is_null_text(context, data, length):
            put_bytes(out, b"<NA>", 4)
            return out.used
        put_path(out, context, data, length)
        start_resolved(out, &middle)
        put_absolute(out, context, event, row, info, data, length)
    elif type == PT_FLAGS8 or type == PT_FLAGS16 or type == PT_FLAGS32:
        bits = <uint32_t>load_number(data, length, 1 if type == PT_FLAGS8 else 2 if type == PT_FLAGS16 else 4)
        put_decimal(out, bits)
        start_resolved(out, &middle)
        put_flags(out, context, info.table, bits, False)
    elif type == PT_ENUMFLAGS8 or type == PT_ENUMFLAGS16 or type == PT_ENUMFLAGS32:
        bits = <uint32_t>load_number(data, length, 1 if type == PT_ENUMFLAGS8 else 2 if type == PT_ENUMFLAGS16 else 4)
        put_decimal(out, bits)
        start_resolved(out, &middle)
        put_enumerated(out, context, info.table, bits)
    elif type == PT_MODE:
        bits = <uint32_t>load_number(data, length, 4)
        put_number(out, <int32_t>bits, bits, info.format)
        start_resolved(out, &middle)
        put_flags(out, context, info.table, bits, True)
    elif type == PT_UID or type == PT_GID:
        bits = <uint32_t>load_number(data, length, 4)
        put_decimal(out, <int32_t>bits)
        start_resolved(out, &middle)
        put_user_name(out, context, bits, type == PT_GID)
    elif type == PT_SIGTYPE:
        bits = <uint32_t>load_number(data, length, 1)
        put_decimal(out, bits)
        start_resolved(out, &middle)
        put_signal(out, bits)
    elif type == PT_RELTIME:
        time = load_number(data, length, 8)
        if time == <uint64_t>0xFFFFFFFFFFFFFFFF:
            put_bytes(out, b"none", 4)
            return out.used
        out.used = write_unsigned(out.data + out.used, time) - out.data
        start_resolved(out, &middle)
        put_seconds(out, time)
    elif type == PT_SYSCALLID:
        bits = <uint32_t>load_number(data, length, 2)
        if bits >= SYSCALL_COUNT:
            put_bytes(out, b"<unknown syscall>", 17)
            return out.used
        put_decimal(out, bits)
        start_resolved(out, &middle)
        put_syscall(out, context, bits)
    else:
        put_plain(out, context, event, row, index, type, data, length)
        return out.used
    if out.used == middle + 1:
        out.used = middle
    return middle
