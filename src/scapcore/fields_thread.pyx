"""Fields of threads and processes (``proc.*``, ``thread.*``), of users and groups. Internal to the core."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from scapcore.buffer cimport put_byte, put_bytes, put_signed
from scapcore.events cimport text_length
from scapcore.fields cimport *
from scapcore.hashing cimport map_get
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
    PROC_PPID
    PROC_PNAME
    PROC_PCMDLINE
    PROC_APID
    PROC_ANAME
    PROC_LOGINSHELLID
    PROC_DURATION
    PROC_FDLIMIT
    PROC_VMSIZE
    PROC_VMRSS
    PROC_VMSWAP
    PROC_VPID
    PROC_SID
    PROC_SNAME
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
    "proc.ppid": (PROC_PPID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.pname": (PROC_PNAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.pcmdline": (PROC_PCMDLINE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.apid": (PROC_APID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.aname": (PROC_ANAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.loginshellid": (PROC_LOGINSHELLID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.duration": (PROC_DURATION, SCOPE_EVENT, PT_RELTIME, PF_DEC, 0),
    "proc.fdlimit": (PROC_FDLIMIT, SCOPE_THREAD, PT_INT64, PF_DEC, NEED_LINKS),
    "proc.vmsize": (PROC_VMSIZE, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vmrss": (PROC_VMRSS, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vmswap": (PROC_VMSWAP, SCOPE_EVENT, PT_UINT64, PF_DEC, NEED_COUNTERS),
    "proc.vpid": (PROC_VPID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.sid": (PROC_SID, SCOPE_THREAD, PT_INT64, PF_ID, 0),
    "proc.sname": (PROC_SNAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
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
    cdef uint32_t used
    if main == NULL and scope.state.modern:
        memcpy(target, b"./", 2)
        return 2
    used = length_of(&scope.state.strings, main.cwd) if main != NULL else 0
    if used > PATH_SIZE:
        used = PATH_SIZE
    if used:
        memcpy(target, text_of(&scope.state.strings, main.cwd), used)
    return used


cdef bint give_words(Scope* scope, Value* value, ThreadRow* head, uint32_t first, uint32_t words) noexcept nogil:
    """NUL-separated words joined with blanks, behind a first one where `head` is given."""
    cdef size_t start = scope.scratch.used
    cdef const uint8_t* data = text_of(&scope.state.strings, words)
    cdef uint32_t length = length_of(&scope.state.strings, words)
    cdef uint32_t place = 0
    cdef uint32_t size
    if head != NULL:
        put_bytes(&scope.scratch, text_of(&scope.state.strings, first), length_of(&scope.state.strings, first))
    while place < length:
        size = text_length(data + place, length - place)
        if place or head != NULL:
            put_byte(&scope.scratch, 32)
        put_bytes(&scope.scratch, data + place, size)
        place += size + 1
    return give_scratch(scope, value, start)


cdef bint is_shell(Scope* scope, ThreadRow* row) noexcept nogil:
    cdef uint32_t length = length_of(&scope.state.strings, row.comm)
    return length >= 2 and memcmp(text_of(&scope.state.strings, row.comm) + length - 2, b"sh", 2) == 0


cdef bint give_environment(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """The whole environment, or the value of one variable."""
    cdef const uint8_t* data = text_of(&scope.state.strings, row.env)
    cdef uint32_t length = length_of(&scope.state.strings, row.env)
    cdef uint32_t place = 0
    cdef uint32_t size
    if field.argument == NULL:
        return give_words(scope, value, NULL, 0, row.env)
    while place < length:
        size = text_length(data + place, length - place)
        if (size > field.argument_length and data[place + field.argument_length] == 61
                and memcmp(data + place, field.argument, field.argument_length) == 0):
            return give_text(value, data + place + field.argument_length + 1, size - field.argument_length - 1)
        place += size + 1
    return False


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


cdef bint extract_thread(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    cdef ThreadRow* other
    cdef uint64_t* counters
    cdef size_t start
    cdef int64_t found
    cdef int depth
    if code == THREAD_TID:
        return give_integer(value, PT_INT64, scope.event.tid)
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    counters = scope.columns.counters + <size_t>scope.row * 5
    if code == PROC_NAME:
        return give_string(scope, value, row.comm)
    if code == PROC_PID:
        return give_integer(value, PT_INT64, row.pid)
    if code == PROC_EXE:
        return give_string(scope, value, row.exe)
    if code == PROC_EXEPATH:
        return give_string(scope, value, row.exepath)
    if code == PROC_ARGS:
        return give_words(scope, value, NULL, 0, row.args)
    if code == PROC_CMDLINE:
        return give_words(scope, value, row, row.comm, row.args)
    if code == PROC_EXELINE:
        give_words(scope, value, row, row.exe, row.args)
        if not length_of(&scope.state.strings, row.args):
            start = scope.scratch.used - value.length
            put_byte(&scope.scratch, 32)
            give_scratch(scope, value, start)
        return True
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
        return give_integer(value, PT_UINT32, <int64_t>other.children + 1) if other != NULL else False
    if code == PROC_NCHILDS:
        return give_integer(value, PT_UINT32, <int64_t>row.children)
    if code == PROC_PPID:
        other = main_of(scope, row)
        return give_integer(value, PT_INT64, other.ptid) if other != NULL else False
    if code == PROC_PNAME or code == PROC_PCMDLINE:
        if scope.state.modern:
            other = ancestor(scope, row, 1)
            if other == NULL:
                return False
        elif not row.parent:
            return False
        else:
            other = thread_row(scope.state, row.parent)
        if code == PROC_PNAME:
            return give_string(scope, value, other.comm)
        return give_words(scope, value, other, other.comm, other.args)
    if code == PROC_ANAME or code == PROC_APID:
        other = ancestor(scope, row, field.index if field.index > 0 else 0)
        if other == NULL:
            return False
        if code == PROC_ANAME:
            return give_string(scope, value, other.comm)
        return give_integer(value, PT_INT64, other.pid)
    if code == PROC_LOGINSHELLID:
        found = -1
        other = main_of(scope, row)
        while other != NULL:
            if is_shell(scope, other):
                found = other.pid
            other = thread_row(scope.state, other.parent) if other.parent else NULL
        return give_integer(value, PT_INT64, found) if found != -1 else False
    if code == PROC_SNAME:
        if row.has_session:
            return give_string(scope, value, row.session_name)
        other = main_of(scope, row)
        if other == NULL:
            return False
        found = other.sid
        while other.parent and thread_row(scope.state, other.parent).sid == found:
            other = thread_row(scope.state, other.parent)
        return give_string(scope, value, other.comm)
    if code == PROC_DURATION:
        if not row.clone_time:
            return False
        return give_integer(value, PT_RELTIME, <int64_t>(scope.event.ts - row.clone_time))
    if code == PROC_FDLIMIT:
        other = main_of(scope, row)
        return give_integer(value, PT_INT64, other.fdlimit if other != NULL else -1)
    if code == PROC_VMSIZE or code == PROC_VMRSS or code == PROC_VMSWAP:
        return give_integer(value, PT_UINT64, <int64_t>counters[code - PROC_VMSIZE])
    if code == THREAD_PFMAJOR or code == THREAD_PFMINOR:
        return give_integer(value, PT_UINT64, <int64_t>counters[3 + code - THREAD_PFMAJOR])
    if code == THREAD_VMSIZE or code == THREAD_VMRSS:
        return give_integer(value, PT_UINT64, <int64_t>counters[code - THREAD_VMSIZE] if row.pid == row.tid else 0)
    if code == THREAD_VMSIZE_BYTES or code == THREAD_VMRSS_BYTES:
        return give_integer(value, PT_UINT64,
                            <int64_t>counters[code - THREAD_VMSIZE_BYTES] * 1024 if row.pid == row.tid else 0)
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
        return give_integer(value, PT_INT32, row.tty)
    if code == PROC_IS_EXE_WRITABLE:
        return give_integer(value, PT_BOOL, row.exe_writable)
    if code == THREAD_ISMAIN:
        return give_integer(value, PT_BOOL, row.pid == row.tid)
    if code == THREAD_CGROUPS:
        if not row.cgroups:
            return False
        return give_words(scope, value, NULL, 0, row.cgroups)
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
        return give_integer(value, PT_UINT64, row.gid)
    if code == USER_LOGINUID:
        return give_integer(value, PT_INT32, <int64_t><int32_t>row.loginuid)
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
