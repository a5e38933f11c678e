"""Names of the numbers that the probe and its decoder share, for the tables that are written in Python."""

from scapcore.probe.layout cimport *


cdef extern from "decode.h" nogil:
    """
    #include <stddef.h>
    #include "_numbers.h"
    #define probe_number_code(i) (probe_call_numbers[i].code)
    #define probe_number_of(i) (probe_call_numbers[i].number)
    #define probe_compat_code(i) (probe_compat_numbers[i].code)
    #define probe_compat_of(i) (probe_compat_numbers[i].number)
    #define probe_compat_name(i) (probe_compat_numbers[i].name)
    #define probe_task_offset(f) offsetof(struct probe_task, f)
    #define probe_task_size(f) sizeof(((struct probe_task *)0)->f)
    """
    int probe_number_code(int index)
    int probe_number_of(int index)
    int probe_compat_code(int index)
    int probe_compat_of(int index)
    const char* probe_compat_name(int index)

#: Numbers that the tables of Python are written with.
CONSTANTS = {
    "FETCHES": PROBE_FETCHES, "CALLS": PROBE_CALLS, "TASK_PIECES": PROBE_TASK_PIECES,
    "KIND_SYSCALL": PROBE_SYSCALL, "KIND_COMPAT": PROBE_COMPAT, "KIND_EXEC": PROBE_EXEC, "KIND_FORK": PROBE_FORK,
    "KIND_EXIT": PROBE_EXIT, "KIND_SWITCH": PROBE_SWITCH, "KIND_SIGNAL": PROBE_SIGNAL, "KIND_FAULT": PROBE_FAULT,
    "SOCKET_CALLS": PROBE_SOCKET_CALLS, "KIND_MESSAGE": PROBE_MESSAGE, "KIND_COMPAT_MESSAGE": PROBE_COMPAT_MESSAGE,
    "FETCH_STRING": FETCH_STRING, "FETCH_INPUT": FETCH_INPUT, "FETCH_OUTPUT": FETCH_OUTPUT, "FETCH_FIXED": FETCH_FIXED,
    "FETCH_SOCKADDR": FETCH_SOCKADDR, "FETCH_VECTORS": FETCH_VECTORS, "FETCH_MESSAGE": FETCH_MESSAGE,
    "FETCH_FILE": FETCH_FILE, "FETCH_TUPLE": FETCH_TUPLE, "FETCH_POLL": FETCH_POLL, "FETCH_MEMORY": FETCH_MEMORY,
    "FETCH_BACKLOG": FETCH_BACKLOG, "FETCH_OPTION": FETCH_OPTION, "FETCH_PAIR": FETCH_PAIR, "FETCH_TASK": FETCH_TASK,
    "FETCH_STRINGS": FETCH_STRINGS, "FETCH_FILE_PATH": FETCH_FILE_PATH, "FETCH_LENGTH": FETCH_LENGTH,
    "WHEN_ALWAYS": WHEN_ALWAYS, "WHEN_DONE": WHEN_DONE, "WHEN_POSITIVE": WHEN_POSITIVE, "WHEN_FAILED": WHEN_FAILED,
    "WHEN_CONNECTED": WHEN_CONNECTED,
    "PROGRAM_FETCH": PROGRAM_FETCH, "PROGRAM_MESSAGES": PROGRAM_MESSAGES,
    "STEP_NUMBER": STEP_NUMBER, "STEP_WIDE": STEP_WIDE, "STEP_PIECE": STEP_PIECE, "STEP_EMPTY": STEP_EMPTY,
    "STEP_ADDRESS": STEP_ADDRESS,
    "STEP_TUPLE": STEP_TUPLE, "STEP_POLLED": STEP_POLLED, "STEP_TIME": STEP_TIME, "STEP_OPEN_FLAGS": STEP_OPEN_FLAGS,
    "STEP_OPEN_MODE": STEP_OPEN_MODE, "STEP_LAYER": STEP_LAYER, "STEP_OPTION": STEP_OPTION,
    "STEP_OPTION_NAME": STEP_OPTION_NAME, "STEP_FULLNESS": STEP_FULLNESS, "STEP_TRACE_ADDRESS": STEP_TRACE_ADDRESS,
    "STEP_TRACE_DATA": STEP_TRACE_DATA, "STEP_CONTROL_TEXT": STEP_CONTROL_TEXT,
    "STEP_CONTROL_NUMBER": STEP_CONTROL_NUMBER, "STEP_SEMAPHORE_VALUE": STEP_SEMAPHORE_VALUE,
    "STEP_CONFIG_BYTES": STEP_CONFIG_BYTES, "STEP_CONFIG_TEXT": STEP_CONFIG_TEXT, "STEP_QUOTA": STEP_QUOTA,
    "STEP_QUOTA_PATH": STEP_QUOTA_PATH, "STEP_QUOTA_FORMAT": STEP_QUOTA_FORMAT, "STEP_QUOTA_ID": STEP_QUOTA_ID,
    "STEP_KEY": STEP_KEY, "STEP_EXE": STEP_EXE, "STEP_ARGUMENTS": STEP_ARGUMENTS, "STEP_GROUPS": STEP_GROUPS,
    "STEP_PATH": STEP_PATH, "STEP_TASK_NAME": STEP_TASK_NAME, "STEP_EXE_FLAGS": STEP_EXE_FLAGS,
    "STEP_CLONE_FLAGS": STEP_CLONE_FLAGS, "STEP_NAMESPACE_START": STEP_NAMESPACE_START,
    "STEP_EXIT_STATUS": STEP_EXIT_STATUS, "STEP_TASK_NUMBER": STEP_TASK_NUMBER, "STEP_CALL_CODE": STEP_CALL_CODE,
    "STEP_CALL_NUMBER": STEP_CALL_NUMBER,
    "TRANSFORM_NONE": TRANSFORM_NONE, "TRANSFORM_SIGNED": TRANSFORM_SIGNED, "TRANSFORM_TABLE": TRANSFORM_TABLE,
    "TRANSFORM_DEVICE": TRANSFORM_DEVICE, "TRANSFORM_MOUNT": TRANSFORM_MOUNT,
}

cdef extern from * nogil:
    """
    #define PROBE_FIELD(f) {#f, probe_task_offset(f), probe_task_size(f)}
    static const struct { const char *name; unsigned offset, size; } probe_task_fields[] = {
        PROBE_FIELD(tid), PROBE_FIELD(pid), PROBE_FIELD(parent), PROBE_FIELD(virtual_tid), PROBE_FIELD(virtual_pid),
        PROBE_FIELD(group), PROBE_FIELD(virtual_group), PROBE_FIELD(terminal), PROBE_FIELD(login), PROBE_FIELD(user),
        PROBE_FIELD(group_id), PROBE_FIELD(exe_inode), PROBE_FIELD(exe_changed), PROBE_FIELD(exe_modified),
        PROBE_FIELD(files_limit), PROBE_FIELD(major_faults), PROBE_FIELD(minor_faults), PROBE_FIELD(inheritable),
        PROBE_FIELD(permitted), PROBE_FIELD(effective),
        {"memory_size", probe_task_offset(memory.size), 4}, {"memory_resident", probe_task_offset(memory.resident), 4},
        {"memory_swapped", probe_task_offset(memory.swapped), 4}, {0, 0, 0}
    };
    #define probe_field_name(i) probe_task_fields[i].name
    #define probe_field_offset(i) probe_task_fields[i].offset
    #define probe_field_size(i) probe_task_fields[i].size
    """
    const char* probe_field_name(int index)
    unsigned probe_field_offset(int index)
    unsigned probe_field_size(int index)

cdef dict task_fields():
    cdef dict found = {}
    cdef int index = 0
    while probe_field_name(index) != NULL:
        found[(<bytes>probe_field_name(index)).decode()] = (probe_field_offset(index), probe_field_size(index))
        index += 1
    return found

#: Offset and size of the numbers of ``struct probe_task``.
TASK_FIELDS = task_fields()


def call_numbers():
    """The kernel's number of each system call of this machine, by the schema's code.

    Examples
    --------
    >>> len(call_numbers()) > 250
    True
    """
    cdef dict found = {}
    cdef int index = 0
    while probe_number_code(index) >= 0:
        found[probe_number_code(index)] = probe_number_of(index)
        index += 1
    return found


def compat_numbers():
    """The number, the schema's code and the name of each system call of 32-bit programs; empty where there are none.

    Examples
    --------
    >>> from platform import machine
    >>> (20, "getpid") in [(number, name) for number, _, name in compat_numbers()] or machine() != "x86_64"
    True
    """
    cdef list found = []
    cdef int index = 0
    while probe_compat_code(index) >= 0:
        found.append((probe_compat_of(index), probe_compat_code(index), (<bytes>probe_compat_name(index)).decode()))
        index += 1
    return found
