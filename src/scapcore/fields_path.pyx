"""Fields of the paths that a call names (``fs.path.*``). Internal to the core."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from scapcore.buffer cimport put_bytes
from scapcore.events cimport parameter, parameter_integer, text_length
from scapcore.fields cimport *
from scapcore.fields_outcome cimport fd_of_context, own_fd
from scapcore.fields_thread cimport give_directory
from scapcore.names cimport copy_directory, copy_path, join_path
from scapcore.schema.tables cimport EVENT_COUNT, events_modern, parameters_modern
from scapcore.schema.types cimport *
from scapcore.state cimport FD_DIRECTORY, NEED_CHANGES, NEED_LINKS, PATH_SIZE, FdRow, fd_row
from scapcore.strings cimport length_of, text_of

cdef enum:
    PATH_NAME = 0
    PATH_SOURCE = 1
    PATH_TARGET = 2
    PATH_RAW = 4

    NONE = 255
    OF_FD = 254              # the name of the event's own descriptor

# name: (code, scope, type, format, needs)
FIELDS = {
    "fs.path.name": (PATH_NAME, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS | NEED_CHANGES),
    "fs.path.nameraw": (PATH_NAME | PATH_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fs.path.source": (PATH_SOURCE, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS | NEED_CHANGES),
    "fs.path.sourceraw": (PATH_SOURCE | PATH_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
    "fs.path.target": (PATH_TARGET, SCOPE_EVENT, PT_CHARBUF, PF_NA, NEED_LINKS | NEED_CHANGES),
    "fs.path.targetraw": (PATH_TARGET | PATH_RAW, SCOPE_EVENT, PT_CHARBUF, PF_NA, 0),
}

# event type: names of the parameters with the path, or with a source and a target
ONE_PATH = {
    SYSCALL_MKDIR_2_X: "path", SYSCALL_MKDIRAT_X: "path", SYSCALL_RMDIR_2_X: "path", SYSCALL_UNLINK_2_X: "path",
    SYSCALL_UNLINKAT_2_X: "name", SYSCALL_OPEN_X: "name", SYSCALL_OPENAT_2_X: "name", SYSCALL_OPENAT2_X: "name",
    SYSCALL_FCHMODAT_X: "filename", SYSCALL_CHMOD_X: "filename", SYSCALL_CHOWN_X: "path", SYSCALL_LCHOWN_X: "path",
    SYSCALL_FCHOWNAT_X: "pathname", SYSCALL_QUOTACTL_X: "special", SYSCALL_UMOUNT_1_X: "name",
    SYSCALL_UMOUNT2_X: "name",
}
BY_FD = (SYSCALL_FCHMOD_X, SYSCALL_FCHOWN_X)
# Of a link the source is the name that is new: what is linked to is its target.
TWO_PATHS = {
    SYSCALL_RENAME_X: ("oldpath", "newpath"), SYSCALL_RENAMEAT_X: ("oldpath", "newpath"),
    SYSCALL_RENAMEAT2_X: ("oldpath", "newpath"), SYSCALL_LINK_2_X: ("newpath", "oldpath"),
    SYSCALL_LINKAT_2_X: ("newpath", "oldpath"), SYSCALL_SYMLINK_X: ("linkpath", "target"),
    SYSCALL_SYMLINKAT_X: ("linkpath", "target"), SYSCALL_MOUNT_X: ("dev", "dir"),
}

cdef uint8_t PLACES[EVENT_COUNT][3]


def fill_places():
    """Look up the parameters' positions once."""
    cdef uint32_t type, index
    for type in range(EVENT_COUNT):
        names = {}
        for index in range(events_modern[type].nparams):
            names[parameters_modern[events_modern[type].first + index].name.decode()] = index
        for index in range(3):
            PLACES[type][index] = NONE
        if type in ONE_PATH:
            PLACES[type][PATH_NAME] = names[ONE_PATH[type]]
        elif type in BY_FD:
            PLACES[type][PATH_NAME] = OF_FD
        elif type in TWO_PATHS:
            PLACES[type][PATH_SOURCE] = names[TWO_PATHS[type][0]]
            PLACES[type][PATH_TARGET] = names[TWO_PATHS[type][1]]


fill_places()


cdef uint32_t put_directory(Scope* scope, FdRow* fd, uint8_t* target) noexcept nogil:
    """Name of a directory with a slash at its end; ``<UNKNOWN>`` for NULL."""
    cdef uint32_t used
    if fd == NULL:
        memcpy(target, b"<UNKNOWN>", 9)
        return 9
    return copy_directory(scope.state, fd.name, target, True)


cdef uint32_t base_of(Scope* scope, uint8_t which, uint8_t* target) noexcept nogil:
    """Directory that the relative path of an event starts from.

    The exit view says it as the newest libraries do, who do not know the working directory here.
    """
    cdef uint16_t type = scope.event.type
    cdef FdRow* fd
    cdef int64_t number
    cdef uint32_t row
    if type == SYSCALL_FCHOWNAT_X or type == SYSCALL_FCHMODAT_X or type == SYSCALL_MKDIRAT_X \
            or type == SYSCALL_UNLINKAT_2_X or (type == SYSCALL_SYMLINKAT_X and which == PATH_SOURCE):
        if not scope.state.modern and parameter_integer(&scope.event, 1, -1) == -100:
            return give_directory(scope, target)
        fd = own_fd(scope)
        if fd != NULL and fd.type != FD_DIRECTORY:
            fd = NULL
        return put_directory(scope, fd, target)
    if type == SYSCALL_SYMLINKAT_X:
        return put_directory(scope, NULL, target)
    if type == SYSCALL_RENAMEAT2_X:
        number = parameter_integer(&scope.event, 3 if which == PATH_TARGET else 1, -1)
        if number != -100:
            row = fd_of_context(scope, number) if scope.text != NULL and number >= 0 else 0
            return put_directory(scope, fd_row(scope.state, row) if row else NULL, target)
    return give_directory(scope, target)


cdef bint succeeded(Scope* scope) noexcept nogil:
    cdef int64_t result = parameter_integer(&scope.event, 0, -1)
    cdef uint16_t type = scope.event.type
    if type == SYSCALL_OPEN_X or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X:
        # The newest libraries take every error but the first one for a success here.
        return result != -1
    return result == 0


cdef bint extract_path(Field* field, Scope* scope, Value* value) noexcept nogil:
    cdef uint8_t which = field.code & 3
    cdef uint8_t place = PLACES[scope.event.type][which]
    cdef const uint8_t* path
    cdef uint32_t length, used
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint8_t[PATH_SIZE + 8] target
    cdef FdRow* fd
    cdef size_t start = scope.scratch.used
    if place == NONE or not scope.event.nparams or not succeeded(scope):
        return False
    if place == OF_FD:
        fd = fd_row(scope.state, scope.fd) if scope.state != NULL and scope.fd else NULL
        if fd == NULL:
            return False
        path = text_of(&scope.state.strings, fd.name)
        length = length_of(&scope.state.strings, fd.name)
    else:
        path = parameter(&scope.event, place, &length)
        if path == NULL or not length:
            return False
        length = text_length(path, length)
    if field.code & PATH_RAW:
        return give_text(value, path, length)
    if scope.state == NULL or not scope.thread:
        return False
    used = 0
    if not length or path[0] != 47:
        if scope.event.type == SYSCALL_OPENAT_2_X or scope.event.type == SYSCALL_OPENAT2_X:
            # The engine has joined it already.
            fd = own_fd(scope)
            path = b"<UNKNOWN>"
            length = 9
            if fd != NULL:
                path = text_of(&scope.state.strings, fd.name)
                length = length_of(&scope.state.strings, fd.name)
        else:
            used = base_of(scope, which, directory)
    used = join_path(target, directory, used, path, length, True)
    put_bytes(&scope.scratch, target, used)
    return give_scratch(scope, value, start)
