"""Fields of threads and processes (``proc.*``, ``thread.*``), of users and groups. Internal to the core."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from scapcore.buffer cimport put_byte, put_bytes, put_signed
from scapcore.events cimport *
from scapcore.fields cimport *
from scapcore.hashing cimport map_get
from scapcore.names cimport copy_path
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

cdef enum Code:
    PROC_PID = 1
    PROC_EXE
    PROC_NAME
    PROC_ARGS
    PROC_ENV
    PROC_CMDLINE
    PROC_EXELINE
    PROC_CWD
    PROC_NTHREADS
    PROC_NCHILDS
    PROC_DURATION
    PROC_FDLIMIT
    PROC_VMSIZE
    PROC_VMRSS
    PROC_VMSWAP
    PROC_VPID
    PROC_SID
    PROC_TTY
    PROC_EXEPATH
    PROC_VPGID
    PROC_PGID
    PROC_IS_EXE_WRITABLE
    THREAD_PFMAJOR
    THREAD_PFMINOR
    THREAD_TID
    THREAD_ISMAIN
    THREAD_VTID
    THREAD_CGROUPS
    THREAD_CGROUP
    THREAD_VMSIZE
    THREAD_VMRSS
    THREAD_VMSIZE_BYTES
    THREAD_VMRSS_BYTES
    THREAD_NAMETID
    THREAD_EXECTIME
    THREAD_TOTEXECTIME
    THREAD_CPU
    THREAD_CPU_USER
    THREAD_CPU_SYSTEM
    PROC_FDOPENCOUNT
    PROC_FDUSAGE
    USER_UID
    USER_NAME
    USER_HOMEDIR
    USER_SHELL
    USER_LOGINUID
    USER_LOGINNAME
    GROUP_GID
    GROUP_NAME

# name: (code, scope, type, format, needs)
FIELDS = {
    "proc.pid": (PROC_PID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.exe": (PROC_EXE, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.name": (PROC_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.args": (PROC_ARGS, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.env": (PROC_ENV, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.cmdline": (PROC_CMDLINE, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.exeline": (PROC_EXELINE, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.cwd": (PROC_CWD, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.nthreads": (PROC_NTHREADS, SCOPE_THREAD, PT_UINT32, PF_DEC, NEED_LINKS),
    "proc.nchilds": (PROC_NCHILDS, SCOPE_THREAD, PT_UINT32, PF_DEC, 0),
    "proc.duration": (PROC_DURATION, SCOPE_EVENT, PT_RELTIME, PF_DEC, 0),
    "proc.fdlimit": (PROC_FDLIMIT, SCOPE_THREAD, PT_INT64, PF_DEC, NEED_LINKS),
    "proc.vmsize": (PROC_VMSIZE, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vmrss": (PROC_VMRSS, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vmswap": (PROC_VMSWAP, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vpid": (PROC_VPID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.sid": (PROC_SID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.tty": (PROC_TTY, SCOPE_THREAD, PT_INT32, PF_ID, 0),
    "proc.exepath": (PROC_EXEPATH, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "proc.vpgid": (PROC_VPGID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.pgid": (PROC_PGID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.is_exe_writable": (PROC_IS_EXE_WRITABLE, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "thread.pfmajor": (THREAD_PFMAJOR, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.pfminor": (THREAD_PFMINOR, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.tid": (THREAD_TID, SCOPE_EVENT, PT_INT64, PF_ID, 0),
    "thread.ismain": (THREAD_ISMAIN, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "thread.vtid": (THREAD_VTID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "thread.cgroups": (THREAD_CGROUPS, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "thread.cgroup": (THREAD_CGROUP, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "thread.vmsize": (THREAD_VMSIZE, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.vmrss": (THREAD_VMRSS, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.vmsize.b": (THREAD_VMSIZE_BYTES, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.vmrss.b": (THREAD_VMRSS_BYTES, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "thread.exectime": (THREAD_EXECTIME, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_COUNTERS),
    "thread.totexectime": (THREAD_TOTEXECTIME, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_COUNTERS),
    "thread.cpu": (THREAD_CPU, SCOPE_EVENT, PT_DOUBLE, PF_NA, NEED_COUNTERS),
    "thread.cpu.user": (THREAD_CPU_USER, SCOPE_EVENT, PT_DOUBLE, PF_NA, NEED_COUNTERS),
    "thread.cpu.system": (THREAD_CPU_SYSTEM, SCOPE_EVENT, PT_DOUBLE, PF_NA, NEED_COUNTERS),
    "proc.fdopencount": (PROC_FDOPENCOUNT, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.fdusage": (PROC_FDUSAGE, SCOPE_EVENT, PT_DOUBLE, PF_NA, NEED_COUNTERS | NEED_LINKS),
    "thread.nametid": (THREAD_NAMETID, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
}

USER_FIELDS = {
    "user.uid": (USER_UID, SCOPE_THREAD, PT_UINT32, PF_ID, 0),
    "user.name": (USER_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "user.homedir": (USER_HOMEDIR, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "user.shell": (USER_SHELL, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "user.loginuid": (USER_LOGINUID, SCOPE_THREAD, PT_INT32, PF_ID, 0),
    "user.loginname": (USER_LOGINNAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "group.gid": (GROUP_GID, SCOPE_THREAD, PT_UINT64, PF_ID, 0),
    "group.name": (GROUP_NAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
}


cdef ThreadRow* main_of(Scope* scope, ThreadRow* row) noexcept nogil:
    """Row of the main thread, NULL if it is not known."""
    if row.main:
        return thread_row(scope.state, row.main)
    return row if row.pid == row.tid else NULL


cdef ThreadRow* ancestor(Scope* scope, ThreadRow* row, int steps) noexcept nogil:
    """Row of the process that many generations up, NULL if there is none."""
    cdef int step
    row = main_of(scope, row)
    for step in range(steps):
        if row == NULL or not row.parent:
            return NULL
        row = thread_row(scope.state, row.parent)
        if scope.state.modern:
            row = main_of(scope, row)
    return row


cdef uint32_t give_directory(Scope* scope, uint8_t* target) noexcept nogil:
    """Copy the working directory of the event's process into PATH_SIZE bytes; its length."""
    cdef ThreadRow* main = ancestor(scope, thread_row(scope.state, scope.thread), 0)
    if main == NULL and scope.state.modern:
        memcpy(target, b"./", 2)
        return 2
    return copy_path(scope.state, main.cwd, target) if main != NULL else 0


cdef void put_words(Scope* scope, uint32_t words, bint more) noexcept nogil:
    """NUL-separated words with blanks between them, and one before them if there is `more` before."""
    cdef const uint8_t* data = text_of(&scope.state.strings, words)
    cdef uint32_t length = length_of(&scope.state.strings, words)
    cdef uint32_t place = 0
    cdef uint32_t size
    while place < length:
        size = text_length(data + place, length - place)
        if place or more:
            put_byte(&scope.scratch, 32)
        put_bytes(&scope.scratch, data + place, size)
        place += size + 1


cdef void put_command(Scope* scope, const ThreadRow* row, uint32_t first) noexcept nogil:
    """A text and the arguments behind it."""
    put_bytes(&scope.scratch, text_of(&scope.state.strings, first), length_of(&scope.state.strings, first))
    put_words(scope, row.args, True)


cdef bint give_words(Scope* scope, Value* value, uint32_t words) noexcept nogil:
    cdef size_t start = scope.scratch.used
    put_words(scope, words, False)
    return give_scratch(scope, value, start)


cdef bint give_word(Scope* scope, Value* value, uint32_t words, int32_t index) noexcept nogil:
    """One of NUL-separated words, empty where there are fewer."""
    cdef const uint8_t* data = text_of(&scope.state.strings, words)
    cdef uint32_t length = length_of(&scope.state.strings, words)
    cdef uint32_t place = 0
    cdef uint32_t size
    while place < length:
        size = text_length(data + place, length - place)
        if index == 0:
            return give_text(value, data + place, size)
        index -= 1
        place += size + 1
    return give_text(value, b"", 0)


cdef bint give_environment(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """The whole environment, or the value of one variable without blanks around it; empty where there is none."""
    cdef const uint8_t* data = text_of(&scope.state.strings, row.env)
    cdef uint32_t length = length_of(&scope.state.strings, row.env)
    cdef uint32_t place = 0
    cdef uint32_t size
    cdef const uint8_t* text
    if field.argument == NULL:
        return give_words(scope, value, row.env)
    while place < length:
        size = text_length(data + place, length - place)
        if (size > field.argument_length and data[place + field.argument_length] == 61
                and memcmp(data + place, field.argument, field.argument_length) == 0):
            text = data + place + field.argument_length + 1
            size -= field.argument_length + 1
            while size and text[0] == 32:
                text += 1
                size -= 1
            while size and text[size - 1] == 32:
                size -= 1
            return give_text(value, text, size)
        place += size + 1
    return give_text(value, b"", 0)


cdef bint give_cgroup(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """Path of one control-group subsystem."""
    cdef const uint8_t* data = text_of(&scope.state.strings, row.cgroups)
    cdef uint32_t length = length_of(&scope.state.strings, row.cgroups)
    cdef uint32_t place = 0
    cdef uint32_t size, sign
    while place < length:
        size = text_length(data + place, length - place)
        sign = size
        while sign and data[place + sign - 1] != 61:
            sign -= 1
        if sign and sign - 1 == field.argument_length and memcmp(data + place, field.argument, sign - 1) == 0:
            return give_text(value, data + place + sign, size - sign)
        place += size + 1
    return False


cdef bint give_cpu(Scope* scope, Value* value, const uint64_t* counters, bint user, bint system) noexcept nogil:
    """Growth of the processor time since the thread's last report, which is taken for a percentage."""
    cdef uint64_t now = 0
    cdef uint64_t before = 0
    cdef uint64_t growth
    cdef uint64_t most = 100
    if scope.event.type != PROCINFO_E:
        return False
    if user:
        now += parameter_unsigned(&scope.event, 0, 0)
        before += counters[COUNTER_USER_BEFORE]
    if system:
        now += parameter_unsigned(&scope.event, 1, 0)
        before += counters[COUNTER_SYSTEM_BEFORE]
    growth = now - before if before else 0
    return give_real(value, <double>(growth if growth < most else most))


cdef bint give_fd_usage(Scope* scope, Value* value, uint64_t opened, int64_t limit) noexcept nogil:
    """Open descriptors in percent of how many there may be."""
    if limit <= 0:
        return give_real(value, 0)
    return give_real(value, 100 if opened > <uint64_t>limit else <double>opened * 100 / limit)


cdef bint extract_thread(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    cdef ThreadRow* other
    cdef uint64_t* counters
    cdef size_t start
    if code == THREAD_TID:
        return give_integer(value, PT_INT64, scope.event.tid)
    if scope.state == NULL:
        return False
    counters = scope.columns.counters + <size_t>scope.row * COUNTERS
    if code == THREAD_EXECTIME:
        return give_integer(value, PT_RELTIME, <int64_t>counters[COUNTER_SLICE])
    if not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if code == PROC_NAME:
        return give_string(scope, value, row.comm)
    if code == PROC_PID:
        return give_integer(value, PT_INT64, row.pid)
    if code == PROC_EXE:
        return give_string(scope, value, row.exe)
    if code == PROC_EXEPATH:
        return give_string(scope, value, row.exepath)
    if code == PROC_ARGS:
        if field.index >= 0:
            return give_word(scope, value, row.args, field.index)
        return give_words(scope, value, row.args)
    if code == PROC_CMDLINE or code == PROC_EXELINE:
        start = scope.scratch.used
        put_command(scope, row, row.comm if code == PROC_CMDLINE else row.exe)
        if code == PROC_EXELINE and not length_of(&scope.state.strings, row.args):
            put_byte(&scope.scratch, 32)
        return give_scratch(scope, value, start)
    if code == PROC_ENV:
        other = main_of(scope, row)
        return give_environment(field, scope, value, other) if other != NULL else False
    if code == PROC_CWD:
        other = main_of(scope, row)
        if other == NULL and scope.state.modern:
            return give_text(value, b"./", 2)
        return give_string(scope, value, other.cwd if other != NULL else 0)
    if code == PROC_NTHREADS:
        other = main_of(scope, row)
        if other == NULL:
            return False
        return give_integer(value, PT_UINT64 if scope.state.modern else PT_UINT32, <int64_t>other.children + 1)
    if code == PROC_NCHILDS:
        return give_integer(value, PT_UINT64 if scope.state.modern else PT_UINT32, <int64_t>row.children)
    if code == PROC_DURATION:
        if not row.clone_time:
            return False
        return give_integer(value, PT_RELTIME, <int64_t>(scope.event.ts - row.clone_time))
    if code == PROC_FDLIMIT:
        other = main_of(scope, row)
        return give_integer(value, PT_INT64, other.fdlimit if other != NULL else -1)
    if code == PROC_VMSIZE or code == PROC_VMRSS or code == PROC_VMSWAP:
        return give_integer(value, PT_UINT64, <int64_t>counters[COUNTER_VMSIZE + code - PROC_VMSIZE])
    if code == THREAD_TOTEXECTIME:
        return give_integer(value, PT_RELTIME, <int64_t>counters[COUNTER_SLICES])
    if THREAD_CPU <= code <= THREAD_CPU_SYSTEM:
        return give_cpu(scope, value, counters, code != THREAD_CPU_SYSTEM, code != THREAD_CPU_USER)
    if code == PROC_FDOPENCOUNT:
        return give_integer(value, PT_UINT64, <int64_t>counters[COUNTER_OPEN_FDS])
    if code == PROC_FDUSAGE:
        other = main_of(scope, row)
        return give_fd_usage(scope, value, counters[COUNTER_OPEN_FDS], other.fdlimit if other != NULL else 0)
    if code == THREAD_PFMAJOR or code == THREAD_PFMINOR:
        return give_integer(value, PT_UINT64, <int64_t>counters[COUNTER_PFMAJOR + code - THREAD_PFMAJOR])
    if code == THREAD_VMSIZE or code == THREAD_VMRSS:
        return give_integer(
            value, PT_UINT64, <int64_t>counters[COUNTER_VMSIZE + code - THREAD_VMSIZE] if row.pid == row.tid else 0)
    if code == THREAD_VMSIZE_BYTES or code == THREAD_VMRSS_BYTES:
        return give_integer(value, PT_UINT64,
                            <int64_t>counters[COUNTER_VMSIZE + code - THREAD_VMSIZE_BYTES] * 1024 if row.pid == row.tid else 0)
    if code == PROC_VPID:
        return give_integer(value, PT_INT64, row.vpid) if row.vpid != -1 else False
    if code == THREAD_VTID:
        return give_integer(value, PT_INT64, row.vtid) if row.vtid != -1 else False
    if code == PROC_SID:
        return give_integer(value, PT_INT64, row.sid)
    if code == PROC_VPGID:
        return give_integer(value, PT_INT64, row.vpgid)
    if code == PROC_PGID:
        return give_integer(value, PT_INT64, row.pgid)
    if code == PROC_TTY:
        if scope.state.modern:
            return give_integer(value, PT_UINT32, <uint32_t>row.tty)
        return give_integer(value, PT_INT32, row.tty)
    if code == PROC_IS_EXE_WRITABLE:
        return give_integer(value, PT_BOOL, row.exe_writable)
    if code == THREAD_ISMAIN:
        return give_integer(value, PT_BOOL, row.pid == row.tid)
    if code == THREAD_CGROUPS:
        if not row.cgroups:
            return False
        return give_words(scope, value, row.cgroups)
    if code == THREAD_CGROUP:
        return give_cgroup(field, scope, value, row)
    if code == THREAD_NAMETID:
        start = scope.scratch.used
        put_bytes(&scope.scratch, text_of(&scope.state.strings, row.comm), length_of(&scope.state.strings, row.comm))
        put_signed(&scope.scratch, scope.event.tid)
        return give_scratch(scope, value, start)
    return False


cdef bint extract_user(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    cdef uint32_t number
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if code == USER_UID:
        return give_integer(value, PT_UINT32, row.uid)
    if code == GROUP_GID:
        return give_integer(value, PT_UINT32 if scope.state.modern else PT_UINT64, row.gid)
    if code == USER_LOGINUID:
        if scope.state.modern and row.loginuid != <uint32_t>NO_ID:
            return give_integer(value, PT_INT64, row.loginuid)
        return give_integer(value, PT_INT64 if scope.state.modern else PT_INT32, <int64_t><int32_t>row.loginuid)
    if code == GROUP_NAME:
        if not row.group:
            return False
        return give_string(scope, value, scope.state.users[row.group].name)
    number = row.login_user if code == USER_LOGINNAME else row.user
    if code == USER_NAME or code == USER_LOGINNAME:
        return give_string(scope, value, scope.state.users[number].name) if number else False
    if not number:
        return False
    if code == USER_HOMEDIR:
        return give_string(scope, value, scope.state.users[number].home)
    if code == USER_SHELL:
        return give_string(scope, value, scope.state.users[number].shell)
    return False
