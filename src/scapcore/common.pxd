# The events that captures are full of: only their thread and descriptor are to be found, and no table changes.
#
# The engine would do the same for them, in several times as many steps.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.dispatch cimport COMMON_SWITCH, COMMON_TRANSFER, PLAN_USES_FD, TypePlan
from scapcore.events cimport FORM_COUNTED, FORM_LARGE, MARK_FD, Columns, load16, load64, signed_integer
from scapcore.hashing cimport map_get, map_slot
from scapcore.state cimport (FD_CLOSE_CANCELED, FD_IPV4, FD_IPV6, FD_ROW_MASK, NEED_CHANGES, NEED_LATENCY, NEED_LINKS, NEED_MEMORY,
                             FdRow, FdTable, State, Thread, fd_row, is_main, main_thread, refresh_links, table_of,
                             thread_find)


cdef inline void write_columns(State* state, Columns* out, uint32_t index, Thread* thread, FdTable* table,
                               uint32_t fd) noexcept nogil:
    """What the engine tells of an event of a known thread."""
    if state.needs & NEED_LINKS and thread.checked != state.epoch:
        refresh_links(state, thread, 0)
    out.thread[index] = thread.row
    out.fd_number[index] = thread.last_fd
    out.fd[index] = fd
    out.table[index] = table.number if table != NULL else 0


cdef inline void write_nothing(const State* state, Columns* out, uint32_t index) noexcept nogil:
    """What the engine tells of an event without a thread."""
    out.thread[index] = 0
    out.fd[index] = 0
    out.table[index] = 0
    out.fd_number[index] = -1
    if state.needs & NEED_LATENCY:
        out.latency[index] = 0


cdef inline bint pass_switch(State* state, Columns* out, uint32_t index, Thread* thread) noexcept nogil:
    if state.needs & NEED_MEMORY:
        return False            # which switches tell
    if thread == NULL:
        write_nothing(state, out, index)
        return True
    if out.nparams[index] >= 6 and not is_main(thread):
        # Which makes a stand-in for a main thread that is not known.
        main_thread(state, thread)
    write_columns(state, out, index, thread, table_of(state, thread) if state.needs & NEED_CHANGES else NULL, 0)
    if state.needs & NEED_LATENCY:
        out.latency[index] = thread.latency
    return True


cdef inline bint pass_common(State* state, const TypePlan* plan, Columns* out, uint32_t index) noexcept nogil:
    """Deal with an event of a common type; False, with nothing done, if there is more to it."""
    cdef const uint8_t* header = out.data + out.offset[index]
    cdef const uint8_t* lengths
    cdef uint32_t nparams = out.nparams[index]
    cdef uint16_t type = out.type[index]
    cdef uint8_t form = out.form[index]
    cdef uint64_t time = load64(header)
    cdef Thread* thread = thread_find(state, <int64_t>load64(header + 8))
    cdef FdTable* table = NULL
    cdef const FdRow* entry
    cdef uint32_t* place
    cdef int64_t number = -1
    cdef int64_t value = 0
    cdef uint32_t fd = 0
    cdef uint8_t mark = 0
    if plan.common == COMMON_SWITCH:
        return pass_switch(state, out, index, thread)
    if thread == NULL or form & FORM_LARGE:
        return False
    lengths = header + (26 if form & FORM_COUNTED else 22)
    if plan.bits & PLAN_USES_FD | state.needs & NEED_CHANGES:
        table = table_of(state, thread)
    if type & 1:
        if type != thread.last_type + 1:
            return False
        number = thread.last_fd
        if nparams:
            value = signed_integer(lengths + 2 * nparams, load16(lengths), 0)
            mark = plan.error_mark if value < 0 else 0
        if plan.bits & PLAN_USES_FD and number >= 0 and table != NULL:
            place = map_slot(&table.rows, number)
            if place != NULL:
                fd = place[0] & FD_ROW_MASK
                mark |= MARK_FD
                if place[0] & FD_CLOSE_CANCELED:
                    return False
                if plan.common == COMMON_TRANSFER and value >= 0:
                    entry = fd_row(state, fd)
                    if (entry.type == FD_IPV4 or entry.type == FD_IPV6) and not entry.connected:
                        return False
        if thread.enter_time:
            thread.latency = time - thread.enter_time
        thread.has_stored = 0
        thread.stored_valid = 0
    else:
        if plan.bits & PLAN_USES_FD and nparams:
            number = signed_integer(lengths + 2 * nparams, load16(lengths), -1)
            if number >= 0 and table != NULL:
                fd = map_get(&table.rows, number) & FD_ROW_MASK
                mark = MARK_FD if fd else 0
        thread.last_type = type
        thread.last_fd = number
        thread.enter_time = time
        thread.latency = 0
    out.mark[index] |= mark
    write_columns(state, out, index, thread, table, fd)
    if state.needs & NEED_LATENCY:
        out.latency[index] = thread.latency
    return True
