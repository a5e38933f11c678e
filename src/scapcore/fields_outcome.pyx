"""What a call came to: results, errors, classes of calls, and what it opened. Fields of events' second room.

Internal to the core.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, strlen

from scapcore.buffer cimport put_bytes, put_signed
from scapcore.events cimport *
from scapcore.fields cimport *
from scapcore.fields_thread cimport ancestor
from scapcore.history cimport fd_as_of
from scapcore.names cimport copy_directory, copy_path, join_path
from scapcore.schema.tables cimport *
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.text cimport TextContext, parameter_index


cdef uint32_t fd_of_context(Scope* scope, int64_t number) noexcept nogil:
    """Row of a descriptor of the event's thread as of the event."""
    cdef TextContext* text = <TextContext*>scope.text
    return fd_as_of(&text.history, scope.columns.table[scope.row], number, scope.row)


cdef uint8_t category_of(const Event* event) noexcept nogil:
    cdef uint64_t code
    if event.type == GENERIC_E or event.type == GENERIC_X:
        code = parameter_unsigned(event, 0, 0) & 0xFFFF
        return syscall_categories[code] if code < SYSCALL_COUNT else <uint8_t>CATEGORY_UNKNOWN
    return event.info.category


cdef bint is_transfer(uint8_t category) noexcept nogil:
    return category == CATEGORY_IO_READ or category == CATEGORY_IO_WRITE or category == CATEGORY_IO_OTHER


cdef FdRow* own_fd(Scope* scope) noexcept nogil:
    """The event's own descriptor, NULL where only its thread's last one is known."""
    if scope.state == NULL or not scope.fd or not scope.columns.mark[scope.row] & MARK_FD:
        return NULL
    return fd_row(scope.state, scope.fd)


cdef const char* category_name(Scope* scope) noexcept nogil:
    cdef uint8_t category = category_of(&scope.event)
    cdef FdRow* fd
    if is_transfer(category):
        fd = own_fd(scope)
        if scope.event.type == GENERIC_E or scope.event.type == GENERIC_X or fd == NULL:
            return b"unknown"
        if fd.type == FD_FILE or fd.type == FD_FILE_V2 or fd.type == FD_DIRECTORY:
            return b"file"
        if FD_IPV4 <= fd.type <= FD_IPV6_SERVER:
            return b"net"
        if fd.type == FD_FIFO or fd.type == FD_UNIX or fd.type == FD_EVENT or fd.type == FD_SIGNALFD \
                or fd.type == FD_INOTIFY:
            return b"ipc"
        return b"unknown"
    if category == CATEGORY_OTHER:
        return b"other"
    if category == CATEGORY_FILE:
        return b"file"
    if category == CATEGORY_NET:
        return b"net"
    if category == CATEGORY_IPC:
        return b"IPC"
    if category == CATEGORY_MEMORY:
        return b"memory"
    if category == CATEGORY_PROCESS:
        return b"process"
    if category == CATEGORY_SLEEP:
        return b"sleep"
    if category == CATEGORY_SYSTEM:
        return b"system"
    if category == CATEGORY_SIGNAL:
        return b"signal"
    if category == CATEGORY_USER:
        return b"user"
    if category == CATEGORY_TIME:
        return b"time"
    if category == CATEGORY_PROCESSING:
        return b"processing"
    if category == CATEGORY_WAIT:
        return b"wait"
    if category == CATEGORY_SCHEDULER:
        return b"scheduler"
    return b"unknown"


cdef int result_index(const Event* event, bint modern) noexcept nogil:
    """Index of the parameter that holds the result of the call, -1 if there is none."""
    if modern:
        return 0 if event.info.flags & EF_FROM_SYSCALL and event.type & 1 and event.nparams \
            and event.type != GENERIC_X else -1
    return classic_result_index(event)


cdef int classic_result_index(const Event* event) noexcept nogil:
    cdef int index = parameter_index(event, b"res", 3)
    if index < 0 and event.info.flags & EF_CREATES_FD and event.type & 1:
        index = parameter_index(event, b"fd", 2)
    return index


cdef bint give_result(Scope* scope, Value* value) noexcept nogil:
    """``SUCCESS``, or the name of the error."""
    cdef int index = result_index(&scope.event, is_modern(scope))
    cdef int64_t result
    cdef size_t start = scope.scratch.used
    if index < 0:
        return False
    result = parameter_integer(&scope.event, index, 0)
    if result >= 0:
        return give_c_text(value, b"SUCCESS")
    if -result < ERRNO_COUNT and errno_names[-result] != NULL:
        return give_c_text(value, errno_names[-result])
    put_signed(&scope.scratch, result)
    return give_scratch(scope, value, start)


cdef bint give_error_count(Scope* scope, Value* value) noexcept nogil:
    cdef int index = result_index(&scope.event, is_modern(scope))
    if index < 0 or parameter_integer(&scope.event, index, 0) >= 0:
        return False
    return give_integer(value, PT_UINT32, 1)


cdef bint is_file_call(uint16_t type) noexcept nogil:
    return (type == SYSCALL_OPEN_X or type == SYSCALL_CREAT_X or type == SYSCALL_OPENAT_X
            or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X)


cdef bint is_net_call(uint16_t type) noexcept nogil:
    return (type == SOCKET_ACCEPT_X or type == SOCKET_ACCEPT_5_X or type == SOCKET_ACCEPT4_X
            or type == SOCKET_ACCEPT4_5_X or type == SOCKET_CONNECT_X)


cdef bint give_class_error(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Errors by class of descriptor, or by call where there is no descriptor."""
    cdef FdRow* fd = own_fd(scope)
    cdef bint file, net
    cdef bint memory = category_of(&scope.event) == CATEGORY_MEMORY
    if field.code == EVT_COUNT_ERROR_MEMORY:
        return give_error_count(scope, value) if memory else False
    if fd != NULL:
        file = fd.type == FD_FILE or fd.type == FD_FILE_V2 or fd.type == FD_DIRECTORY
        net = FD_IPV4 <= fd.type <= FD_IPV6_SERVER or fd.type == FD_UNIX
        memory = False
    else:
        file = is_file_call(scope.event.type)
        net = is_net_call(scope.event.type)
    if field.code == EVT_COUNT_ERROR_FILE:
        return give_error_count(scope, value) if file else False
    if field.code == EVT_COUNT_ERROR_NET:
        return give_error_count(scope, value) if net else False
    return give_error_count(scope, value) if not (file or net or memory) else False


cdef bint give_buffer_length(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Bytes moved by an accepted transfer, by direction and class of descriptor."""
    cdef uint16_t code = field.code
    cdef uint8_t category = category_of(&scope.event)
    cdef FdRow* fd = own_fd(scope)
    cdef int64_t result
    if fd == NULL or not is_transfer(category) or not scope.event.type & 1 or not scope.event.nparams:
        return False
    if (code == EVT_BUFLEN_IN or code == EVT_BUFLEN_FILE_IN or code == EVT_BUFLEN_NET_IN) \
            and category != CATEGORY_IO_READ:
        return False
    if (code == EVT_BUFLEN_OUT or code == EVT_BUFLEN_FILE_OUT or code == EVT_BUFLEN_NET_OUT) \
            and category != CATEGORY_IO_WRITE:
        return False
    if (code == EVT_BUFLEN_FILE or code == EVT_BUFLEN_FILE_IN or code == EVT_BUFLEN_FILE_OUT) \
            and fd.type != FD_FILE and fd.type != FD_FILE_V2:
        return False
    if (code == EVT_BUFLEN_NET or code == EVT_BUFLEN_NET_IN or code == EVT_BUFLEN_NET_OUT) \
            and not FD_IPV4 <= fd.type <= FD_IPV6_SERVER:
        return False
    result = parameter_integer(&scope.event, 0, -1)
    return give_integer(value, PT_UINT64, result) if result >= 0 else False


cdef bint give_open(Field* field, Scope* scope, Value* value) noexcept nogil:
    """What a file was opened for."""
    cdef uint16_t type = scope.event.type
    cdef bint at = type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X
    cdef uint32_t flags
    cdef uint32_t execute = 0o111
    cdef uint32_t read_flag = 1
    cdef uint32_t write_flag = 2
    cdef uint32_t created_flag = 1 << 14                 # set by the driver
    cdef uint32_t temporary_flag = 1 << 13
    cdef uint32_t create_flags = (1 << 2) | (1 << 13)     # O_CREAT, O_TMPFILE
    if type == SYSCALL_OPEN_BY_HANDLE_AT_X and field.code == EVT_IS_OPEN_EXEC:
        return give_integer(value, PT_BOOL, 0)
    if type == SYSCALL_OPEN_X or type == SYSCALL_OPENAT_E or type == SYSCALL_OPEN_BY_HANDLE_AT_X or at:
        flags = <uint32_t>parameter_unsigned(&scope.event, 3 if at else 2, 0)
        if field.code == EVT_IS_OPEN_READ:
            return give_integer(value, PT_BOOL, flags & read_flag != 0)
        if field.code == EVT_IS_OPEN_WRITE:
            return give_integer(value, PT_BOOL, flags & write_flag != 0)
        if field.code == EVT_IS_OPEN_CREATE:
            return give_integer(value, PT_BOOL, flags & created_flag != 0 or (
                flags & temporary_flag != 0 and type & 1 and parameter_integer(&scope.event, 0, -1) >= 0))
        if flags & create_flags:
            return give_integer(value, PT_BOOL, parameter_unsigned(&scope.event, 4 if at else 3, 0) & execute != 0)
    elif field.code == EVT_IS_OPEN_EXEC and type == SYSCALL_CREAT_X:
        return give_integer(value, PT_BOOL, parameter_unsigned(&scope.event, 2, 0) & execute != 0)
    return give_integer(value, PT_BOOL, 0)


cdef bint give_absolute_path(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Path of a call that takes a directory, joined to it (state engine, section 8.2)."""
    cdef uint16_t type = scope.event.type
    cdef const Event* event = &scope.event
    cdef const char* directory_name = NULL
    cdef const char* path_name = NULL
    cdef bint second = field.index == 2
    cdef int directory_index, path_index
    cdef uint8_t[PATH_SIZE + 8] target
    cdef uint8_t[PATH_SIZE + 8] directory
    cdef uint32_t length, used, fd, text
    cdef const uint8_t* path
    cdef int64_t dirfd
    cdef ThreadRow* main
    cdef size_t start = scope.scratch.used
    if scope.state == NULL or not scope.thread:
        return False
    if type == SYSCALL_RENAMEAT_X or type == SYSCALL_RENAMEAT2_X:
        directory_name = b"newdirfd" if second else b"olddirfd"
        path_name = b"newpath" if second else b"oldpath"
    elif type == SYSCALL_SYMLINKAT_X:
        directory_name = b"linkdirfd"
        path_name = b"linkpath"
    elif type == SYSCALL_OPENAT_E or type == SYSCALL_OPENAT_2_X or type == SYSCALL_OPENAT2_X \
            or type == SYSCALL_UNLINKAT_E or type == SYSCALL_UNLINKAT_2_X:
        directory_name = b"dirfd"
        path_name = b"name"
    elif type == SYSCALL_LINKAT_E or type == SYSCALL_LINKAT_2_X:
        directory_name = b"newdir" if second else b"olddir"
        path_name = b"newpath" if second else b"oldpath"
    elif type == SYSCALL_MKDIRAT_X:
        directory_name = b"dirfd"
        path_name = b"path"
    elif type == SYSCALL_FCHMODAT_X:
        directory_name = b"dirfd"
        path_name = b"filename"
    else:
        return False
    directory_index = parameter_index(event, directory_name, strlen(directory_name))
    path_index = parameter_index(event, path_name, strlen(path_name))
    if directory_index < 0 or path_index < 0:
        return False
    dirfd = parameter_integer(event, directory_index, -1)
    path = parameter(event, path_index, &length)
    used = 1
    directory[0] = 46
    if length and path[0] == 47:
        pass
    elif dirfd == -100:
        main = ancestor(scope, thread_row(scope.state, scope.thread), 0)
        text = main.cwd if main != NULL else 0
        used = copy_path(scope.state, text, directory)
    else:
        fd = 0
        if scope.text != NULL:
            fd = fd_of_context(scope, dirfd)
        elif scope.columns.fd_number[scope.row] == dirfd:
            fd = scope.fd
        if fd:
            text = fd_row(scope.state, fd).name
            used = copy_directory(scope.state, text, directory, scope.state.modern)
        else:
            memcpy(directory, b"<UNKNOWN>/", 10)
            used = 10
    used = join_path(target, directory, used, path, length, scope.state.modern)
    put_bytes(&scope.scratch, target, used)
    return give_scratch(scope, value, start)
