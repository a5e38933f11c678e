"""Fields of the paths that a successful call on the file system names (``fs.path.*``). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, strlen

from scapcore.buffer cimport put_bytes
from scapcore.events cimport *
from scapcore.fields cimport *
from scapcore.fields_event cimport parameter_named
from scapcore.fields_thread cimport main_of
from scapcore.history cimport fd_as_of
from scapcore.names cimport join_path
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of
from scapcore.text cimport TextContext

cdef enum Code:
    PATH_NAME = 1
    PATH_NAME_RAW
    PATH_SOURCE
    PATH_SOURCE_RAW
    PATH_TARGET
    PATH_TARGET_RAW

_PATH = NEED_LINKS | NEED_CHANGES

# name: (code, scope, type, format, needs)
FIELDS = {
    "fs.path.name": (PATH_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
    "fs.path.nameraw": (PATH_NAME_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
    "fs.path.source": (PATH_SOURCE, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
    "fs.path.sourceraw": (PATH_SOURCE_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
    "fs.path.target": (PATH_TARGET, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
    "fs.path.targetraw": (PATH_TARGET_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, _PATH),
}

cdef enum:
    OF_WORKING_DIRECTORY = 0     # relative to the working directory
    OF_EVENT_DIRECTORY           # relative to the event's own descriptor, which is a directory
    OF_OPENED                    # the name that the opened descriptor got
    OF_SOURCE_DIRECTORY          # relative to a descriptor that parameter 1 or 3 names, by the side
    OF_NOTHING


cdef const char* path_parameter(uint16_t type, uint16_t code) noexcept nogil:
    """Name of the parameter that holds a path of a call, NULL if it names none; empty for the descriptor's name."""
    if code <= PATH_NAME_RAW:
        if type == SYSCALL_MKDIR_2_X or type == SYSCALL_MKDIRAT_X or type == SYSCALL_RMDIR_2_X \
                or type == SYSCALL_UNLINK_2_X or type == SYSCALL_CHOWN_X or type == SYSCALL_LCHOWN_X:
            return b"path"
        if type == SYSCALL_UNLINKAT_2_X or type == SYSCALL_OPEN_X or type == SYSCALL_OPENAT_2_X \
                or type == SYSCALL_OPENAT2_X or type == SYSCALL_UMOUNT_1_X or type == SYSCALL_UMOUNT2_X:
            return b"name"
        if type == SYSCALL_FCHMODAT_X or type == SYSCALL_CHMOD_X:
            return b"filename"
        if type == SYSCALL_FCHOWNAT_X:
            return b"pathname"
        if type == SYSCALL_QUOTACTL_X:
            return b"special"
        if type == SYSCALL_FCHMOD_X or type == SYSCALL_FCHOWN_X:
            return b""
        return NULL
    if type == SYSCALL_RENAME_X or type == SYSCALL_RENAMEAT_X or type == SYSCALL_RENAMEAT2_X:
        return b"oldpath" if code <= PATH_SOURCE_RAW else b"newpath"
    if type == SYSCALL_LINK_2_X or type == SYSCALL_LINKAT_2_X:
        # The newest libraries call the link the source, as for symbolic links.
        return b"newpath" if code <= PATH_SOURCE_RAW else b"oldpath"
    if type == SYSCALL_SYMLINK_X or type == SYSCALL_SYMLINKAT_X:
        return b"linkpath" if code <= PATH_SOURCE_RAW else b"target"
    if type == SYSCALL_MOUNT_X:
        return b"dev" if code <= PATH_SOURCE_RAW else b"dir"
    return NULL


cdef bint has_succeeded(const Event* event) noexcept nogil:
    cdef uint16_t type = event.type
    if type == SYSCALL_OPEN_X or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X:
        return parameter_integer(event, 0, -1) != -1
    return parameter_integer(event, 0, -1) == 0


cdef int origin_of(uint16_t type, uint16_t code) noexcept nogil:
    """What a relative path of a call is relative to."""
    if type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X:
        return OF_OPENED
    if type == SYSCALL_FCHOWNAT_X or type == SYSCALL_FCHMODAT_X or type == SYSCALL_MKDIRAT_X \
            or type == SYSCALL_UNLINKAT_2_X:
        return OF_EVENT_DIRECTORY
    if type == SYSCALL_SYMLINKAT_X:
        return OF_EVENT_DIRECTORY if code <= PATH_SOURCE_RAW else OF_NOTHING
    if type == SYSCALL_RENAMEAT2_X:
        return OF_SOURCE_DIRECTORY
    return OF_WORKING_DIRECTORY


cdef uint32_t put_origin(Scope* scope, uint8_t* target, uint32_t text, bint directory) noexcept nogil:
    """A directory's name, with a slash at its end where it needs one; its length."""
    cdef uint32_t used = length_of(&scope.state.strings, text)
    if used > PATH_SIZE:
        used = PATH_SIZE
    memcpy(target, text_of(&scope.state.strings, text), used)
    if directory and used and target[used - 1] != 47:
        target[used] = 47
        used += 1
    return used


cdef uint32_t put_unknown(uint8_t* target) noexcept nogil:
    memcpy(target, b"<UNKNOWN>", 9)
    return 9


cdef uint32_t find_origin(Field* field, Scope* scope, uint8_t* target) noexcept nogil:
    """The directory that a relative path belongs to; its length."""
    cdef int origin = origin_of(scope.event.type, field.code)
    cdef ThreadRow* main
    cdef FdRow* fd
    cdef int64_t number
    cdef uint32_t row = 0
    if origin == OF_NOTHING:
        return put_unknown(target)
    if origin == OF_EVENT_DIRECTORY:
        row = scope.fd if scope.columns.mark[scope.row] & MARK_FD else 0
        number = parameter_integer(&scope.event, 1, -1)
        if not row and number != -100:
            row = descriptor_row(scope, number)
        if number != -100 or scope.state.modern:
            # The newest libraries do not look at the working directory here.
            if not row or fd_row(scope.state, row).type != FD_DIRECTORY:
                return put_unknown(target)
            return put_origin(scope, target, fd_row(scope.state, row).name, True)
    elif origin == OF_SOURCE_DIRECTORY:
        number = parameter_integer(&scope.event, 1 if field.code <= PATH_SOURCE_RAW else 3, -1)
        if number != -100:
            row = descriptor_row(scope, number)
            return put_origin(scope, target, fd_row(scope.state, row).name, True) if row else put_unknown(target)
    main = main_of(scope, thread_row(scope.state, scope.thread))
    return put_origin(scope, target, main.cwd, False) if main != NULL else 0


cdef uint32_t descriptor_row(Scope* scope, int64_t number) noexcept nogil:
    cdef TextContext* text = <TextContext*>scope.text
    if text == NULL:
        return 0
    return fd_as_of(&text.history, scope.columns.table[scope.row], number, scope.row)


cdef bint extract_path(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint16_t code = field.code
    cdef const Event* event = &scope.event
    cdef const char* name = path_parameter(event.type, code)
    cdef bint raw = code == PATH_NAME_RAW or code == PATH_SOURCE_RAW or code == PATH_TARGET_RAW
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef const uint8_t* path
    cdef uint32_t length, used
    cdef size_t start = scope.scratch.used
    cdef int index
    if name == NULL or not has_succeeded(event):
        return False
    if name[0] == 0:
        if scope.state == NULL or not scope.fd:
            return False
        path = text_of(&scope.state.strings, fd_row(scope.state, scope.fd).name)
        length = length_of(&scope.state.strings, fd_row(scope.state, scope.fd).name)
    else:
        index = parameter_named(event, name, strlen(name))
        if index < 0:
            return False
        path = parameter(event, <uint32_t>index, &length)
        length = text_length(path, length)
    if raw:
        return give_text(value, path, length)
    if scope.state == NULL or not scope.thread:
        return False
    used = 0
    if length == 0 or path[0] != 47:
        if origin_of(event.type, code) == OF_OPENED:
            if not scope.fd or not scope.columns.mark[scope.row] & MARK_FD:
                return give_text(value, b"<UNKNOWN>", 9)
            path = text_of(&scope.state.strings, fd_row(scope.state, scope.fd).name)
            length = length_of(&scope.state.strings, fd_row(scope.state, scope.fd).name)
        else:
            used = find_origin(field, scope, directory)
    used = join_path(target, directory, used, path, length, scope.state.modern)
    put_bytes(&scope.scratch, target, used)
    return give_scratch(scope, value, start)
