"""Fields of a process's parent and ancestors, and of the leaders of its group and session. Internal to the core.

An ancestor field without a level is about any ancestor in filters; as a value it has all of them with blanks between
them in the exit view, while 0.29.3 takes the process itself.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

from scapcore.buffer cimport put_byte, put_bytes
from scapcore.events cimport text_length
from scapcore.fields cimport *
from scapcore.fields_thread cimport ancestor, give_environment, give_words, main_of, put_command, put_words
from scapcore.history cimport thread_as_of
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.text cimport TextContext

cdef enum Code:
    PROC_PPID = 1
    PROC_PVPID
    PROC_PNAME
    PROC_PEXE
    PROC_PEXEPATH
    PROC_PCMDLINE
    PROC_PPID_DURATION
    PROC_PPID_START
    PROC_APID
    PROC_ANAME
    PROC_AEXE
    PROC_AEXEPATH
    PROC_ACMDLINE
    PROC_AARGS
    PROC_AENV
    PROC_LOGINSHELLID
    PROC_SNAME
    PROC_SID_EXE
    PROC_SID_EXEPATH
    PROC_VPGID_NAME
    PROC_VPGID_EXE
    PROC_VPGID_EXEPATH
    PROC_PGID_NAME
    PROC_PGID_EXE
    PROC_PGID_EXEPATH

_LEADER = NEED_LINKS | NEED_CHANGES

# name: (code, scope, type, format, needs)
FIELDS = {
    "proc.ppid": (PROC_PPID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.pvpid": (PROC_PVPID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.pname": (PROC_PNAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.pexe": (PROC_PEXE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.pexepath": (PROC_PEXEPATH, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.pcmdline": (PROC_PCMDLINE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.ppid.duration": (PROC_PPID_DURATION, SCOPE_EVENT, PT_RELTIME, PF_DEC, NEED_LINKS),
    "proc.ppid.ts": (PROC_PPID_START, SCOPE_THREAD, PT_RELTIME, PF_DEC, NEED_LINKS),
    "proc.apid": (PROC_APID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.aname": (PROC_ANAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.aexe": (PROC_AEXE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.aexepath": (PROC_AEXEPATH, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.acmdline": (PROC_ACMDLINE, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.aargs": (PROC_AARGS, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.aenv": (PROC_AENV, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.loginshellid": (PROC_LOGINSHELLID, SCOPE_THREAD, PT_INT64, PF_ID, NEED_LINKS),
    "proc.sname": (PROC_SNAME, SCOPE_THREAD, PT_CHARBUF, PF_NA, NEED_LINKS),
    "proc.sid.exe": (PROC_SID_EXE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.sid.exepath": (PROC_SID_EXEPATH, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.vpgid.name": (PROC_VPGID_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.vpgid.exe": (PROC_VPGID_EXE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.vpgid.exepath": (PROC_VPGID_EXEPATH, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.pgid.name": (PROC_PGID_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.pgid.exe": (PROC_PGID_EXE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
    "proc.pgid.exepath": (PROC_PGID_EXEPATH, SCOPE_EVENT, PT_CHARBUF, PF_NA, _LEADER),
}

# Ancestors that are looked at; far more than any machine has above each other.
cdef int MOST_ANCESTORS = 4096
# And those among which a variable is looked for.
cdef int ANCESTORS_WITH_VARIABLE = 20


cdef inline ThreadRow* parent_of(Scope* scope, const ThreadRow* row) noexcept nogil:
    return thread_row(scope.state, row.parent) if row.parent else NULL


cdef bint is_shell(Scope* scope, const ThreadRow* row) noexcept nogil:
    cdef uint32_t length = length_of(&scope.state.strings, row.comm)
    return length >= 2 and memcmp(text_of(&scope.state.strings, row.comm) + length - 2, b"sh", 2) == 0


cdef void put_part(Scope* scope, uint16_t code, const ThreadRow* row) noexcept nogil:
    """What an ancestor field says of one process."""
    cdef uint32_t text = row.comm
    if code == PROC_ACMDLINE or code == PROC_PCMDLINE:
        put_command(scope, row, row.comm)
        return
    if code == PROC_AARGS:
        put_words(scope, row.args, False)
        return
    if code == PROC_AEXE or code == PROC_PEXE:
        text = row.exe
    elif code == PROC_AEXEPATH or code == PROC_PEXEPATH:
        text = row.exepath
    put_bytes(&scope.scratch, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))


cdef bint give_all_ancestors(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """What the field says of all ancestors from the parent on, with blanks between them."""
    cdef size_t start = scope.scratch.used
    cdef int step
    row = main_of(scope, row)
    for step in range(MOST_ANCESTORS):
        row = parent_of(scope, row) if row != NULL else NULL
        if row == NULL:
            break
        if scope.scratch.used > start:
            put_byte(&scope.scratch, 32)
        put_part(scope, field.code, row)
    return give_scratch(scope, value, start) if scope.scratch.used > start else False


cdef bint give_ancestor(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    cdef size_t start = scope.scratch.used
    cdef bint newer = field.code >= PROC_AEXE
    if field.index < 0 and field.code != PROC_APID and (newer or scope.state.modern):
        return give_all_ancestors(field, scope, value, row)
    row = ancestor(scope, row, field.index if field.index > 0 else 0)
    if row == NULL:
        return False
    if field.code == PROC_APID:
        return give_integer(value, PT_INT64, row.pid)
    put_part(scope, field.code, row)
    return give_scratch(scope, value, start)


cdef bint give_variable(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """Environment of an ancestor, or the nearest value of a variable among the ancestors; empty if none has it."""
    cdef ThreadRow* other = main_of(scope, row)
    cdef int step
    if other == NULL:
        return give_text(value, b"", 0)
    if field.argument == NULL:
        if field.index > 0:
            other = ancestor(scope, row, field.index)
        return give_words(scope, value, other.env) if other != NULL else False
    for step in range(ANCESTORS_WITH_VARIABLE):
        other = parent_of(scope, other)
        if other == NULL:
            break
        row = main_of(scope, other)
        if row != NULL and give_environment(field, scope, value, row) and value.length:
            return True
    return give_text(value, b"", 0)


cdef inline int64_t group_of(const ThreadRow* row, uint16_t code) noexcept nogil:
    if code <= PROC_SID_EXEPATH:
        return row.sid
    return row.vpgid if code <= PROC_VPGID_EXEPATH else row.pgid


cdef bint give_leader(Field* field, Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    """What runs in the leader of the group or session, else in the oldest ancestor that belongs to it.

    Session and group ids are those of the process's own pid namespace, so that only a process of the first one can be
    looked up by them; proc.pgid is of the machine.
    """
    cdef uint16_t code = field.code
    cdef int64_t id = group_of(row, code)
    cdef ThreadRow* leader = NULL
    cdef uint32_t number = 0
    cdef int step
    if id == -1:
        return give_text(value, b"", 0)
    if code >= PROC_PGID_NAME or (row.tid == row.vtid and row.pid == row.vpid):
        if code == PROC_SNAME:
            if row.has_session:
                return give_string(scope, value, row.session_name)
        elif scope.text != NULL:
            number = thread_as_of(&(<TextContext*>scope.text).history, id, scope.row)
        if number:
            leader = thread_row(scope.state, number)
    if leader == NULL:
        for step in range(MOST_ANCESTORS):
            row = parent_of(scope, row)
            if row == NULL or group_of(row, code) != id:
                break
            leader = row
    if leader == NULL:
        return give_text(value, b"", 0)
    if code == PROC_SNAME or code == PROC_VPGID_NAME or code == PROC_PGID_NAME:
        return give_string(scope, value, leader.comm)
    if code == PROC_SID_EXE or code == PROC_VPGID_EXE or code == PROC_PGID_EXE:
        return give_string(scope, value, leader.exe)
    return give_string(scope, value, leader.exepath)


cdef bint give_session_name(Scope* scope, Value* value, ThreadRow* row) noexcept nogil:
    cdef int64_t session
    cdef int step
    if row.has_session:
        return give_string(scope, value, row.session_name)
    row = main_of(scope, row)
    if row == NULL:
        return False
    session = row.sid
    for step in range(MOST_ANCESTORS):
        if not row.parent or thread_row(scope.state, row.parent).sid != session:
            break
        row = thread_row(scope.state, row.parent)
    return give_string(scope, value, row.comm)


cdef bint extract_lineage(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    cdef ThreadRow* other
    cdef size_t start = scope.scratch.used
    cdef int64_t found = -1
    cdef int step
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if code == PROC_PPID:
        other = main_of(scope, row)
        return give_integer(value, PT_INT64, other.ptid) if other != NULL else False
    if PROC_APID <= code <= PROC_AARGS:
        return give_ancestor(field, scope, value, row)
    if code == PROC_AENV:
        return give_variable(field, scope, value, row)
    if code == PROC_LOGINSHELLID:
        other = main_of(scope, row)
        for step in range(MOST_ANCESTORS):
            if other == NULL:
                break
            if is_shell(scope, other):
                found = other.pid
            other = parent_of(scope, other)
        return give_integer(value, PT_INT64, found) if found != -1 else False
    if code == PROC_SNAME and not scope.state.modern:
        return give_session_name(scope, value, row)
    if code >= PROC_SNAME:
        return give_leader(field, scope, value, row)
    other = ancestor(scope, row, 1) if scope.state.modern else parent_of(scope, row)
    if other == NULL:
        return False
    if code == PROC_PVPID:
        return give_integer(value, PT_INT64, other.vpid)
    if code == PROC_PPID_START:
        return give_integer(value, PT_RELTIME, <int64_t>other.clone_time)
    if code == PROC_PPID_DURATION:
        if not other.clone_time:
            return False
        return give_integer(value, PT_RELTIME, <int64_t>(scope.event.ts - other.clone_time))
    put_part(scope, code, other)
    return give_scratch(scope, value, start)
