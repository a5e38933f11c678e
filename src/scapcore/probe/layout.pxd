# The structures and numbers that the probe and its decoder share (record.h, decode.h).

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "decode.h" nogil:
    enum:
        PROBE_RECORD_LIMIT
        PROBE_CALLS
    struct probe_record:
        uint32_t length
        uint16_t kind
        uint16_t call
        uint64_t time
        uint32_t tid
        uint32_t pid
        int64_t result
        uint64_t arguments[6]
        uint32_t lost
        uint32_t index
    struct probe_step:
        uint8_t kind
        uint8_t source
        uint8_t piece
        uint8_t width
        uint16_t offset
        uint8_t size
        uint8_t transform
        uint8_t when
        uint8_t other
        uint16_t table
        uint32_t second
        int64_t otherwise
    struct probe_row:
        uint64_t mask
        uint64_t value
        uint64_t result
    struct probe_table:
        uint32_t first
        uint32_t count
        uint32_t only_first
        uint64_t otherwise
    struct probe_recipe:
        uint16_t type
        uint8_t known
        uint8_t steps
        uint32_t first
    enum:
        PROBE_FETCHES, PROBE_TASK_PIECES, PROBE_GROUPS, PROBE_SOCKET_PATH
        PROBE_SYSCALL, PROBE_COMPAT, PROBE_EXEC, PROBE_FORK, PROBE_EXIT, PROBE_SWITCH, PROBE_SIGNAL, PROBE_FAULT
        PROBE_MESSAGE, PROBE_COMPAT_MESSAGE, PROBE_SOCKET_CALLS
        FETCH_STRING, FETCH_INPUT, FETCH_OUTPUT, FETCH_FIXED, FETCH_SOCKADDR, FETCH_VECTORS, FETCH_MESSAGE, FETCH_FILE
        FETCH_TUPLE, FETCH_POLL, FETCH_MEMORY, FETCH_BACKLOG, FETCH_OPTION, FETCH_PAIR, FETCH_TASK, FETCH_STRINGS
        FETCH_FILE_PATH, FETCH_LENGTH
        WHEN_ALWAYS, WHEN_DONE, WHEN_POSITIVE, WHEN_FAILED, WHEN_CONNECTED
        PROGRAM_FETCH, PROGRAM_MESSAGES
        STEP_NUMBER, STEP_WIDE, STEP_PIECE, STEP_EMPTY, STEP_ADDRESS, STEP_TUPLE, STEP_POLLED, STEP_TIME, STEP_OPEN_FLAGS
        STEP_OPEN_MODE, STEP_LAYER, STEP_OPTION, STEP_OPTION_NAME, STEP_FULLNESS, STEP_TRACE_ADDRESS, STEP_TRACE_DATA
        STEP_CONTROL_TEXT, STEP_CONTROL_NUMBER, STEP_SEMAPHORE_VALUE, STEP_CONFIG_BYTES, STEP_CONFIG_TEXT, STEP_QUOTA
        STEP_QUOTA_PATH, STEP_QUOTA_FORMAT, STEP_QUOTA_ID, STEP_KEY, STEP_EXE, STEP_ARGUMENTS, STEP_GROUPS, STEP_PATH
        STEP_TASK_NAME, STEP_EXE_FLAGS, STEP_CLONE_FLAGS, STEP_NAMESPACE_START, STEP_EXIT_STATUS, STEP_TASK_NUMBER
        STEP_CALL_CODE, STEP_CALL_NUMBER
        TRANSFORM_NONE, TRANSFORM_SIGNED, TRANSFORM_TABLE, TRANSFORM_DEVICE, TRANSFORM_MOUNT
        SOURCE_FIELD, SOURCE_FIXED
    struct probe_memory:
        uint32_t size
        uint32_t resident
        uint32_t swapped
    struct probe_file:
        uint32_t device
        uint32_t mode
        uint64_t inode
        uint32_t layer
    struct probe_inet:
        uint16_t family
        uint16_t local_port
        uint16_t remote_port
        uint8_t local[16]
        uint8_t remote[16]
    struct probe_unix:
        uint16_t family
        uint64_t own
        uint64_t peer
        char own_path[112]
        char peer_path[112]
    struct probe_task:
        int32_t tid, pid, parent, virtual_tid, virtual_pid, group, virtual_group, level
        uint32_t terminal, login, user, file_user, file_group, group_id, clone_flags, other_namespace
        uint32_t exe_mode, exe_user, exe_group, exe_flags, exe_layer, exe_links
        uint64_t exe_mount_flags, exe_inode, exe_changed, exe_modified
        uint64_t files_limit, major_faults, minor_faults, inheritable, permitted, effective, namespace_start
        probe_memory memory
        char name[16]
