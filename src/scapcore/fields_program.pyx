"""Fields of what a process is: its program file, its arguments, its capabilities. Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport strlen

from scapcore.buffer cimport put_byte, put_bytes
from scapcore.events cimport text_length
from scapcore.fields cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

cdef enum Code:
    PROC_ARGUMENT_COUNT = 1
    PROC_ARGUMENT_LENGTH
    PROC_START
    PROC_NAMESPACE_START
    PROC_IS_SID_LEADER
    PROC_IS_VPGID_LEADER
    PROC_IS_PGID_LEADER
    PROC_IS_EXE_UPPER_LAYER
    PROC_IS_EXE_LOWER_LAYER
    PROC_IS_EXE_FROM_MEMFD
    PROC_EXE_INODE
    PROC_EXE_CHANGED
    PROC_EXE_MODIFIED
    PROC_EXE_AGE
    PROC_EXE_NAMESPACE_AGE
    PROC_IS_HEALTHCHECK
    PROC_IS_LIVENESS_PROBE
    PROC_IS_READINESS_PROBE
    CAP_PERMITTED
    CAP_INHERITABLE
    CAP_EFFECTIVE

# name: (code, scope, type, format, needs)
FIELDS = {
    "proc.cmdnargs": (PROC_ARGUMENT_COUNT, SCOPE_THREAD, PT_UINT64, PF_DEC, 0),
    "proc.cmdlenargs": (PROC_ARGUMENT_LENGTH, SCOPE_THREAD, PT_UINT64, PF_DEC, 0),
    "proc.pid.ts": (PROC_START, SCOPE_THREAD, PT_RELTIME, PF_DEC, 0),
    "proc.pidns_init_start_ts": (PROC_NAMESPACE_START, SCOPE_THREAD, PT_UINT64, PF_DEC, 0),
    "proc.is_sid_leader": (PROC_IS_SID_LEADER, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_vpgid_leader": (PROC_IS_VPGID_LEADER, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_pgid_leader": (PROC_IS_PGID_LEADER, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_exe_upper_layer": (PROC_IS_EXE_UPPER_LAYER, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_exe_lower_layer": (PROC_IS_EXE_LOWER_LAYER, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_exe_from_memfd": (PROC_IS_EXE_FROM_MEMFD, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.exe_ino": (PROC_EXE_INODE, SCOPE_THREAD, PT_INT64, PF_DEC, 0),
    "proc.exe_ino.ctime": (PROC_EXE_CHANGED, SCOPE_THREAD, PT_ABSTIME, PF_DEC, 0),
    "proc.exe_ino.mtime": (PROC_EXE_MODIFIED, SCOPE_THREAD, PT_ABSTIME, PF_DEC, 0),
    "proc.exe_ino.ctime_duration_proc_start": (PROC_EXE_AGE, SCOPE_THREAD, PT_ABSTIME, PF_DEC, 0),
    "proc.exe_ino.ctime_duration_pidns_start": (PROC_EXE_NAMESPACE_AGE, SCOPE_THREAD, PT_ABSTIME, PF_DEC, 0),
    "proc.is_container_healthcheck": (PROC_IS_HEALTHCHECK, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_container_liveness_probe": (PROC_IS_LIVENESS_PROBE, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "proc.is_container_readiness_probe": (PROC_IS_READINESS_PROBE, SCOPE_THREAD, PT_BOOL, PF_NA, 0),
    "thread.cap_permitted": (CAP_PERMITTED, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "thread.cap_inheritable": (CAP_INHERITABLE, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
    "thread.cap_effective": (CAP_EFFECTIVE, SCOPE_THREAD, PT_CHARBUF, PF_NA, 0),
}

cdef enum:
    CAPABILITIES = 41

# By bit, as the kernel numbers them
cdef const char* CAPABILITY_NAMES[CAPABILITIES]
CAPABILITY_NAMES[:] = [
    b"CHOWN", b"DAC_OVERRIDE", b"DAC_READ_SEARCH", b"FOWNER", b"FSETID", b"KILL", b"SETGID", b"SETUID", b"SETPCAP",
    b"LINUX_IMMUTABLE", b"NET_BIND_SERVICE", b"NET_BROADCAST", b"NET_ADMIN", b"NET_RAW", b"IPC_LOCK", b"IPC_OWNER",
    b"SYS_MODULE", b"SYS_RAWIO", b"SYS_CHROOT", b"SYS_PTRACE", b"SYS_PACCT", b"SYS_ADMIN", b"SYS_BOOT", b"SYS_NICE",
    b"SYS_RESOURCE", b"SYS_TIME", b"SYS_TTY_CONFIG", b"MKNOD", b"LEASE", b"AUDIT_WRITE", b"AUDIT_CONTROL", b"SETFCAP",
    b"MAC_OVERRIDE", b"MAC_ADMIN", b"SYSLOG", b"WAKE_ALARM", b"BLOCK_SUSPEND", b"AUDIT_READ", b"PERFMON", b"BPF",
    b"CHECKPOINT_RESTORE",
]


cdef bint give_capabilities(Scope* scope, Value* value, uint64_t set) noexcept nogil:
    """Names of a set, with blanks between them."""
    cdef size_t start = scope.scratch.used
    cdef int bit
    for bit in range(CAPABILITIES):
        if set >> bit & 1:
            if scope.scratch.used > start:
                put_byte(&scope.scratch, 32)
            put_bytes(&scope.scratch, b"CAP_", 4)
            put_bytes(&scope.scratch, CAPABILITY_NAMES[bit], strlen(CAPABILITY_NAMES[bit]))
    return give_scratch(scope, value, start)


cdef bint give_known(Value* value, uint8_t type, uint64_t number) noexcept nogil:
    """A number that is missing where it is 0."""
    return give_integer(value, type, <int64_t>number) if number else False


cdef bint measure_arguments(Scope* scope, Value* value, const ThreadRow* row, bint count) noexcept nogil:
    """How many arguments there are, or how long they are together."""
    cdef const uint8_t* data = text_of(&scope.state.strings, row.args)
    cdef uint32_t length = length_of(&scope.state.strings, row.args)
    cdef uint32_t place = 0
    cdef uint32_t size
    cdef uint64_t sum = 0
    while place < length:
        size = text_length(data + place, length - place)
        sum += 1 if count else size
        place += size + 1
    return give_integer(value, PT_UINT64, <int64_t>sum)


cdef bint extract_program(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef ThreadRow* row
    if scope.state == NULL or not scope.thread:
        return False
    row = thread_row(scope.state, scope.thread)
    if code == PROC_ARGUMENT_COUNT or code == PROC_ARGUMENT_LENGTH:
        return measure_arguments(scope, value, row, code == PROC_ARGUMENT_COUNT)
    if code == PROC_START:
        return give_known(value, PT_RELTIME, row.clone_time)
    if code == PROC_NAMESPACE_START:
        return give_known(value, PT_UINT64, row.namespace_start)
    if code == PROC_IS_SID_LEADER:
        return give_integer(value, PT_BOOL, row.sid == row.vpid)
    if code == PROC_IS_VPGID_LEADER:
        return give_integer(value, PT_BOOL, row.vpgid == row.vpid)
    if code == PROC_IS_PGID_LEADER:
        return give_integer(value, PT_BOOL, row.pgid == row.pid)
    if code == PROC_IS_EXE_UPPER_LAYER:
        return give_integer(value, PT_BOOL, row.exe_upper_layer)
    if code == PROC_IS_EXE_LOWER_LAYER:
        return give_integer(value, PT_BOOL, row.exe_lower_layer)
    if code == PROC_IS_EXE_FROM_MEMFD:
        return give_integer(value, PT_BOOL, row.exe_from_memfd)
    if code == PROC_EXE_INODE:
        return give_known(value, PT_INT64, row.exe_inode)
    if code == PROC_EXE_CHANGED:
        return give_known(value, PT_ABSTIME, row.exe_changed)
    if code == PROC_EXE_MODIFIED:
        return give_known(value, PT_ABSTIME, row.exe_modified)
    if code == PROC_EXE_AGE:
        return give_known(value, PT_ABSTIME, row.exe_age)
    if code == PROC_EXE_NAMESPACE_AGE:
        return give_known(value, PT_ABSTIME, row.exe_namespace_age)
    if code == PROC_IS_HEALTHCHECK:
        return give_integer(value, PT_BOOL, row.container_role == ROLE_IN_CONTAINER_HEALTHCHECK)
    if code == PROC_IS_LIVENESS_PROBE:
        return give_integer(value, PT_BOOL, row.container_role == ROLE_IN_CONTAINER_LIVENESS)
    if code == PROC_IS_READINESS_PROBE:
        return give_integer(value, PT_BOOL, row.container_role == ROLE_IN_CONTAINER_READINESS)
    if code == CAP_PERMITTED:
        return give_capabilities(scope, value, row.cap_permitted)
    if code == CAP_INHERITABLE:
        return give_capabilities(scope, value, row.cap_inheritable)
    if code == CAP_EFFECTIVE:
        return give_capabilities(scope, value, row.cap_effective)
    return False
