"""Dimensions and live tables of the state engine; see state.pxd. Internal to the core.

A row is never changed once an event has seen it: whoever edits a thread or a descriptor gets a copy, and the
live table then points at the copy. Rows that nothing refers to any more are retired and reused when the next
batch begins, so that memory stays flat while a capture streams through. Facts: state engine, sections 2 and 4.
"""

from libc.stdint cimport UINT64_MAX, INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.hashing cimport IntegerMap, map_copy, map_free, map_get, map_put, map_remove, map_slot
from scapcore.strings cimport (length_of, strings_add, strings_close, strings_drop, strings_keep, strings_open,
                               text_of)

cdef int64_t CANCELED_FD = INT64_MAX
cdef int MAX_DEPTH = 128


# Pools of rows


cdef bint list_push(State* state, uint32_t** items, uint32_t* count, uint32_t* capacity, uint32_t value) noexcept nogil:
    cdef uint32_t* grown
    cdef uint32_t size
    if count[0] == capacity[0]:
        size = capacity[0] * 2 if capacity[0] else 64
        grown = <uint32_t*>realloc(items[0], <size_t>size * sizeof(uint32_t))
        if grown == NULL:
            state.failed = 1
            return False
        items[0] = grown
        capacity[0] = size
    items[0][count[0]] = value
    count[0] += 1
    return True


cdef bint pool_open(State* state, Pool* pool, uint32_t size) noexcept nogil:
    memset(pool, 0, sizeof(Pool))
    pool.size = size
    return pool_new(state, pool) == 0 and not state.failed


cdef uint32_t pool_new(State* state, Pool* pool) noexcept nogil:
    """A zeroed row; its number, or 0 when memory is out."""
    cdef uint32_t row
    cdef void** chunks
    cdef uint32_t capacity
    cdef VerdictCache* cache
    if pool.free_count:
        pool.free_count -= 1
        row = pool.free_rows[pool.free_count]
    else:
        row = pool.count
        if row >> CHUNK_SHIFT == pool.chunk_count:
            if row >= FD_ROW_MASK - CHUNK_ROWS:
                state.failed = 1
                return 0
            if pool.chunk_count == pool.chunk_capacity:
                capacity = pool.chunk_capacity * 2 if pool.chunk_capacity else 16
                chunks = <void**>realloc(pool.chunks, capacity * sizeof(void*))
                if chunks == NULL:
                    state.failed = 1
                    return 0
                pool.chunks = chunks
                pool.chunk_capacity = capacity
            pool.chunks[pool.chunk_count] = malloc(<size_t>CHUNK_ROWS * pool.size)
            if pool.chunks[pool.chunk_count] == NULL:
                state.failed = 1
                return 0
            pool.chunk_count += 1
        pool.count += 1
    memset(pool_row(pool, row), 0, pool.size)
    cache = pool.caches
    while cache != NULL:
        if row < cache.capacity:
            cache.verdicts[row] = 0
        cache = cache.next
    return row


cdef void pool_close(Pool* pool) noexcept nogil:
    cdef uint32_t index
    for index in range(pool.chunk_count):
        free(pool.chunks[index])
    free(pool.chunks)
    free(pool.free_rows)
    free(pool.retired)
    memset(pool, 0, sizeof(Pool))


cdef bint watch_rows(Pool* pool, VerdictCache* cache) noexcept nogil:
    """Keep a cache of verdicts right while rows are reused: a new row's verdict is cleared."""
    cache.next = pool.caches
    pool.caches = cache
    return True


cdef void unwatch_rows(Pool* pool, VerdictCache* cache) noexcept nogil:
    cdef VerdictCache** place = &pool.caches
    while place[0] != NULL:
        if place[0] == cache:
            place[0] = cache.next
            return
        place = &place[0].next


cdef void fd_row_drop(State* state, uint32_t row) noexcept nogil:
    cdef FdRow* fd = fd_row(state, row)
    if row == 0:
        return
    fd.references -= 1
    if fd.references == 0 and not fd.retired:
        fd.retired = 1
        list_push(state, &state.fds.retired, &state.fds.retired_count, &state.fds.retired_capacity, row)


cdef void thread_row_drop(State* state, uint32_t row) noexcept nogil:
    cdef ThreadRow* thread = thread_row(state, row)
    if row == 0:
        return
    thread.references -= 1
    if thread.references == 0 and not thread.retired:
        thread.retired = 1
        list_push(state, &state.threads.retired, &state.threads.retired_count, &state.threads.retired_capacity, row)


cdef void free_retired(State* state) noexcept nogil:
    """Reuse the rows that nothing refers to. Rows of parents may join the list while it is walked."""
    cdef uint32_t index = 0
    cdef uint32_t row, text
    cdef ThreadRow* thread
    cdef FdRow* fd
    cdef uint32_t* texts
    while index < state.threads.retired_count:
        row = state.threads.retired[index]
        index += 1
        thread = thread_row(state, row)
        thread.retired = 0
        if thread.references:
            continue
        texts = &thread.comm
        for text in range(THREAD_TEXTS):
            strings_drop(&state.strings, texts[text])
        thread_row_drop(state, thread.parent)
        thread_row_drop(state, thread.main)
        list_push(state, &state.threads.free_rows, &state.threads.free_count, &state.threads.free_capacity, row)
    state.threads.retired_count = 0
    for index in range(state.fds.retired_count):
        row = state.fds.retired[index]
        fd = fd_row(state, row)
        fd.retired = 0
        if fd.references:
            continue
        strings_drop(&state.strings, fd.name)
        strings_drop(&state.strings, fd.raw_name)
        list_push(state, &state.fds.free_rows, &state.fds.free_count, &state.fds.free_capacity, row)
    state.fds.retired_count = 0


cdef void log_change(State* state, uint32_t table, int64_t key, uint32_t old_row) noexcept nogil:
    """Note what a live table held before a change, so that it can be asked as of an event of the batch."""
    cdef Change* grown
    cdef uint32_t capacity
    if not state.needs & NEED_CHANGES:
        return
    if state.change_count >= state.change_capacity:
        capacity = state.change_capacity * 2 if state.change_capacity else 1024
        grown = <Change*>realloc(state.changes, <size_t>capacity * sizeof(Change))
        if grown == NULL:
            state.failed = 1
            return
        state.changes = grown
        state.change_capacity = capacity
    state.changes[state.change_count].table = table
    state.changes[state.change_count].key = key
    state.changes[state.change_count].event = state.index
    state.changes[state.change_count].old_row = old_row
    state.changes[state.change_count].next = 0
    state.change_count += 1


cdef void begin_batch(State* state) noexcept nogil:
    """Let go of what only the former batch could still ask for."""
    cdef uint32_t index
    for index in range(state.tables_dead_count):
        table_free(state, state.tables_dead[index])
    state.tables_dead_count = 0
    free_retired(state)
    state.change_count = 1   # change 0 means none
    state.index = 0


# Threads


cdef Thread* thread_look_up(State* state, int64_t tid) noexcept nogil:
    """`thread_find` for one that has not been found lately."""
    cdef uint32_t index = map_get(&state.by_tid, tid)
    if not index:
        return NULL
    state.recent[tid & (RECENT_THREADS - 1)] = state.live[index]
    return state.live[index]


cdef Thread* thread_new(State* state, int64_t tid) noexcept nogil:
    """A new live thread with a blank row, not linked to anything; NULL when the table is full."""
    cdef Thread* thread
    cdef Thread** grown
    cdef uint32_t index, capacity
    cdef FdTable* table
    if state.by_tid.used >= LIMIT_THREADS:
        state.lost_threads += 1
        return NULL
    thread = <Thread*>calloc(1, sizeof(Thread))
    if thread == NULL:
        state.failed = 1
        return NULL
    table = table_new(state)
    thread.row = pool_new(state, &state.threads)
    if state.live_free_count:
        state.live_free_count -= 1
        index = state.live_free[state.live_free_count]
    else:
        if state.live_count == state.live_capacity:
            capacity = state.live_capacity * 2
            grown = <Thread**>realloc(state.live, capacity * sizeof(Thread*))
            if grown == NULL:
                state.failed = 1
                capacity = 0
            else:
                state.live = grown
                state.live_capacity = capacity
        index = state.live_count
        if index < state.live_capacity:
            state.live_count += 1
    if state.failed or table == NULL or not thread.row or not map_put(&state.by_tid, tid, index):
        state.failed = 1
        free(thread)
        return NULL
    state.live[index] = thread
    thread.tid = tid
    thread.pid = tid
    thread.fds = table
    thread.last_fd = 0          # as the reference begins: an exit without its enter is about descriptor 0
    thread.last_type = 0xFFFE   # what precedes no exit event
    thread.version_event = state.number
    thread_row(state, thread.row).references = 1
    thread_row(state, thread.row).tid = tid
    state.epoch += 1
    state.membership += 1
    log_change(state, 0, tid, 0)
    return thread


cdef Thread* thread_invent(State* state, int64_t tid) noexcept nogil:
    """A stand-in for a thread about which nothing is known; NULL when the table is full."""
    cdef Thread* thread = thread_new(state, tid)
    cdef ThreadRow* row
    if thread == NULL:
        return NULL
    row = thread_row(state, thread.row)
    row.pid = tid
    if state.modern:
        # Such a thread belongs to no process: it has neither a group nor a directory.
        row.pid = thread.pid = -1
    row.ptid = -1
    row.sid = row.vpgid = row.pgid = -1
    row.vtid = row.vpid = row.fdlimit = -1
    row.uid = row.gid = row.loginuid = 0xFFFFFFFF
    thread_text(state, &row.comm, b"<NA>", 4)
    thread_text(state, &row.exe, b"<NA>", 4)
    return thread


cdef void thread_remove(State* state, int64_t tid, bint force) noexcept nogil:
    """Take a thread out of the live table; one with children stays unless forced."""
    cdef Thread* thread = thread_find(state, tid)
    cdef Thread* main
    cdef ThreadRow* row
    if thread == NULL:
        return
    row = thread_row(state, thread.row)
    if row.children and not force:
        return
    if thread.flags & CLONE_THREAD:
        main = thread_find(state, thread.pid)
        if main != NULL and main != thread and thread_row(state, main.row).children:
            thread_edit(state, main).children -= 1
    thread_erase(state, thread)


cdef void thread_erase(State* state, Thread* thread) noexcept nogil:
    """Take a thread out of the live table and forget it."""
    cdef uint32_t index = map_remove(&state.by_tid, thread.tid)
    if state.recent[thread.tid & (RECENT_THREADS - 1)] == thread:
        state.recent[thread.tid & (RECENT_THREADS - 1)] = NULL
    log_change(state, 0, thread.tid, thread.row)
    thread_row_drop(state, thread.row)
    state.live[index] = NULL
    state.live_free_count += 1      # as many places as `live` has, see state_open
    state.live_free[state.live_free_count - 1] = index
    table_retire(state, thread.fds)
    free(thread.stored)
    free(thread)
    state.epoch += 1
    state.membership += 1


cdef ThreadRow* thread_edit(State* state, Thread* thread) noexcept nogil:
    """The thread's row for writing: a copy, unless the event under way has just made it."""
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef ThreadRow* copy
    cdef uint32_t number, text
    cdef uint32_t* texts
    if thread.version_event == state.number and row.references == 1:
        state.epoch += 1
        return row
    number = pool_new(state, &state.threads)
    if not number:
        return row
    copy = thread_row(state, number)
    memcpy(copy, row, sizeof(ThreadRow))
    copy.references = 1
    copy.retired = 0
    texts = &copy.comm
    for text in range(THREAD_TEXTS):
        strings_keep(&state.strings, texts[text])
    if copy.parent:
        thread_row(state, copy.parent).references += 1
    if copy.main:
        thread_row(state, copy.main).references += 1
    log_change(state, 0, thread.tid, thread.row)
    thread_row_drop(state, thread.row)
    thread.row = number
    thread.version_event = state.number
    state.epoch += 1
    return copy


cdef void thread_text(State* state, uint32_t* place, const uint8_t* data, size_t length) noexcept nogil:
    """Set one text of a row that is being edited."""
    cdef uint32_t old = place[0]
    place[0] = strings_add(&state.strings, data, length)
    strings_drop(&state.strings, old)


cdef void thread_text_copy(State* state, uint32_t* place, uint32_t text) noexcept nogil:
    cdef uint32_t old = place[0]
    strings_keep(&state.strings, text)
    place[0] = text
    strings_drop(&state.strings, old)


cdef Thread* main_thread_look_up(State* state, Thread* thread) noexcept nogil:
    """`main_thread` for a thread that is not the main one, and whose main thread has not been found lately."""
    if state.modern:
        if thread.group == NULL or thread.group.first == NULL or not is_main(thread.group.first):
            return NULL
        return thread.group.first
    thread.main = thread_get(state, thread.pid)
    thread.main_checked = state.membership
    return thread.main


cdef uint32_t user_row(State* state, IntegerMap* by_id, uint32_t id) noexcept nogil:
    cdef uint32_t found = map_get(by_id, <int64_t>id)
    return 0 if state.users[found].gone else found


cdef void refresh_links(State* state, Thread* thread, int depth) noexcept nogil:
    """Make the row of a thread point at the present rows of its parent, main thread, container and users."""
    cdef Thread* other
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef uint32_t parent = 0
    cdef uint32_t main = 0
    cdef uint32_t session = 0
    cdef uint32_t container, user, group, login_user
    if thread.checked == state.epoch:
        return
    thread.checked = state.epoch
    if depth < MAX_DEPTH:
        if thread.pid != thread.tid:
            other = main_thread(state, thread) if state.modern else thread_find(state, thread.pid)
            if other != NULL and other != thread:
                refresh_links(state, other, depth + 1)
                main = other.row
        if row.ptid != thread.tid:
            other = thread_find(state, row.ptid)
            if other != NULL and other != thread:
                refresh_links(state, other, depth + 1)
                parent = other.row
    row = thread_row(state, thread.row)
    container = map_get(&state.by_container, row.container_id) if row.container_id else 0
    user = user_row(state, &state.by_uid, row.uid)
    group = user_row(state, &state.by_gid, row.gid)
    login_user = user_row(state, &state.by_uid, row.loginuid)
    other = thread_find(state, row.sid)
    if other != NULL:
        session = thread_row(state, other.row).comm
    if (row.has_session == (other != NULL) and row.session_name == session and row.parent == parent and row.main == main and row.container == container and row.user == user
            and row.group == group and row.login_user == login_user):
        return
    # A link is no change that others have to follow by itself: they look at it when they are asked for.
    row = thread_edit(state, thread)
    state.epoch -= 1
    if parent:
        thread_row(state, parent).references += 1
    if main:
        thread_row(state, main).references += 1
    thread_row_drop(state, row.parent)
    thread_row_drop(state, row.main)
    row.parent = parent
    row.main = main
    row.container = container
    row.user = user
    row.group = group
    row.login_user = login_user
    row.has_session = other != NULL
    thread_text_copy(state, &row.session_name, session)


# Descriptor tables


cdef FdTable* table_new(State* state) noexcept nogil:
    cdef FdTable* table = <FdTable*>calloc(1, sizeof(FdTable))
    cdef FdTable** grown
    cdef uint32_t number, capacity
    if table == NULL:
        state.failed = 1
        return NULL
    if state.tables_free_count:
        state.tables_free_count -= 1
        number = state.tables_free[state.tables_free_count]
    else:
        if state.table_count == state.table_capacity:
            capacity = state.table_capacity * 2
            grown = <FdTable**>realloc(state.tables, capacity * sizeof(FdTable*))
            if grown == NULL:
                state.failed = 1
                free(table)
                return NULL
            state.tables = grown
            state.table_capacity = capacity
        number = state.table_count
        state.table_count += 1
    table.number = number
    state.tables[number] = table
    return table


cdef void table_free(State* state, uint32_t number) noexcept nogil:
    cdef FdTable* table = state.tables[number]
    cdef uint32_t slot
    if table == NULL:
        return
    if table.rows.mask:
        for slot in range(table.rows.mask + 1):
            if table.rows.values[slot]:
                fd_row_drop(state, table.rows.values[slot] & FD_ROW_MASK)
    map_free(&table.rows)
    free(table)
    state.tables[number] = NULL
    list_push(state, &state.tables_free, &state.tables_free_count, &state.tables_free_capacity, number)


cdef void table_retire(State* state, FdTable* table) noexcept nogil:
    """Keep a table of a thread that has gone until the batch is done."""
    list_push(state, &state.tables_dead, &state.tables_dead_count, &state.tables_dead_capacity, table.number)


cdef bint table_copy(State* state, FdTable* target, const FdTable* source) noexcept nogil:
    """Fill an empty table with the descriptors of another one (a fork)."""
    cdef uint32_t slot
    if not map_copy(&target.rows, &source.rows):
        state.failed = 1
        return False
    if target.rows.mask:
        for slot in range(target.rows.mask + 1):
            if target.rows.values[slot]:
                fd_row(state, target.rows.values[slot] & FD_ROW_MASK).references += 1
    return True


cdef uint32_t fd_new(State* state) noexcept nogil:
    """A blank descriptor row with one reference, for `fd_add`."""
    cdef uint32_t row = pool_new(state, &state.fds)
    if row:
        fd_row(state, row).references = 1
        fd_row(state, row).born = state.number
        fd_row(state, row).born_time = state.time
    return row


cdef uint32_t fd_add(State* state, Thread* thread, int64_t fd, uint32_t row) noexcept nogil:
    """Put a row (and the caller's reference to it) under a descriptor number; 0 when the table is full."""
    cdef FdTable* table = table_of(state, thread)
    cdef uint32_t* place
    cdef uint32_t old, canceled
    thread.last_fd = fd
    if table == NULL or not row:
        fd_row_drop(state, row)
        return 0
    place = map_slot(&table.rows, fd)
    if place == NULL:
        if table.rows.used >= LIMIT_FDS or not map_put(&table.rows, fd, row):
            fd_row_drop(state, row)
            return 0
        log_change(state, table.number, fd, 0)
        return row
    old = place[0]
    log_change(state, table.number, fd, old & FD_ROW_MASK)
    if old & FD_CLOSING:
        # The number was reused between the enter and the exit of a close: that close must not take the new one.
        place[0] = row | FD_CLOSE_CANCELED
        canceled = map_get(&table.rows, CANCELED_FD)
        if map_put(&table.rows, CANCELED_FD, old & FD_ROW_MASK):
            fd_row_drop(state, canceled & FD_ROW_MASK)
        else:
            fd_row_drop(state, old & FD_ROW_MASK)
    else:
        place[0] = row
        fd_row_drop(state, old & FD_ROW_MASK)
    return row


cdef void fd_remove(State* state, Thread* thread, int64_t fd) noexcept nogil:
    cdef FdTable* table = table_of(state, thread)
    cdef uint32_t row
    if table == NULL:
        return
    row = map_remove(&table.rows, fd) & FD_ROW_MASK
    if row:
        log_change(state, table.number, fd, row)
        fd_row_drop(state, row)


cdef uint32_t fd_copy(State* state, uint32_t row) noexcept nogil:
    """A new row like that of a descriptor, for something else to be said in it; 0 when memory is out."""
    cdef uint32_t number = fd_new(state)
    cdef FdRow* copy
    if not number:
        return 0
    copy = fd_row(state, number)
    memcpy(copy, fd_row(state, row), sizeof(FdRow))
    copy.references = 1
    copy.retired = 0
    copy.born = state.number
    strings_keep(&state.strings, copy.name)
    strings_keep(&state.strings, copy.raw_name)
    return number


cdef FdRow* fd_edit(State* state, Step* step) noexcept nogil:
    """The row of the event's own descriptor for writing: a copy that takes its place in the table."""
    cdef FdRow* copy
    cdef FdTable* table = table_of(state, step.thread)
    cdef uint32_t number
    cdef uint32_t* place = NULL
    if table != NULL:
        place = map_slot(&table.rows, step.thread.last_fd)
    number = fd_copy(state, step.fd)
    if not number:
        return fd_row(state, step.fd)
    copy = fd_row(state, number)
    copy.born_time = state.time
    if place != NULL and place[0] & FD_ROW_MASK == step.fd:
        log_change(state, table.number, step.thread.last_fd, step.fd)
        place[0] = number | (place[0] & (FD_CLOSING | FD_CLOSE_CANCELED))
        fd_row_drop(state, step.fd)
    else:
        # No table holds it: it lives as long as the batch does.
        fd_row_drop(state, number)
    step.fd = number
    return copy


# The whole


cdef bint state_open(State* state) noexcept nogil:
    """Prepare empty tables; False when memory is out."""
    cdef uint32_t needs = state.needs
    cdef uint32_t modern = state.modern
    cdef const EventType* types = state.types
    cdef const Parameter* parameters = state.parameters
    memset(state, 0, sizeof(State))
    state.needs = needs
    state.modern = modern
    state.types = types
    state.parameters = parameters
    state.epoch = 1
    state.membership = 1
    state.remove_fd_tid = -1
    state.next_change = UINT64_MAX
    state.live_capacity = LIMIT_THREADS + 2
    state.live = <Thread**>calloc(state.live_capacity, sizeof(Thread*))
    state.live_free = <uint32_t*>malloc(state.live_capacity * sizeof(uint32_t))
    state.live_count = 1
    state.table_capacity = 1024
    state.tables = <FdTable**>calloc(state.table_capacity, sizeof(FdTable*))
    state.table_count = 1
    state.containers = <ContainerRow*>calloc(16, sizeof(ContainerRow))
    state.container_capacity = 16
    state.container_count = 1
    state.users = <UserRow*>calloc(16, sizeof(UserRow))
    state.user_capacity = 16
    state.user_count = 1
    if (not strings_open(&state.strings) or not pool_open(state, &state.threads, sizeof(ThreadRow))
            or not pool_open(state, &state.fds, sizeof(FdRow)) or state.live == NULL or state.live_free == NULL
            or state.tables == NULL or state.containers == NULL or state.users == NULL):
        state.failed = 1
        return False
    state.change_count = 1
    return True


cdef void state_close(State* state) noexcept nogil:
    cdef uint32_t index
    cdef Group* group
    for index in range(state.live_count):
        if state.live != NULL and state.live[index] != NULL:
            group = state.live[index].group
            if group != NULL and not group.listed:
                group.members -= 1
                if not group.members:
                    free(group)
            free(state.live[index].stored)
            free(state.live[index])
    for index in range(state.table_count):
        if state.tables != NULL and state.tables[index] != NULL:
            map_free(&state.tables[index].rows)
            free(state.tables[index])
    for index in range(state.container_count):
        if state.containers != NULL:
            free(state.containers[index].labels)
    free(state.live)
    free(state.live_free)
    free(state.tables)
    free(state.tables_free)
    free(state.tables_dead)
    free(state.containers)
    free(state.pods)
    free(state.users)
    free(state.interfaces)
    free(state.interfaces6)
    free(state.changes)
    free(state.switch_times)
    free(state.services)
    for index in range(state.group_count):
        free(state.groups[index])
    free(state.groups)
    free(state.groups_free)
    free(state.departures)
    for index in range(CONTROL_GROUPS):
        free(state.control_groups[index].raw)
    map_free(&state.by_group)
    map_free(&state.by_departure)
    map_free(&state.by_tid)
    map_free(&state.by_container)
    map_free(&state.by_uid)
    map_free(&state.by_gid)
    pool_close(&state.threads)
    pool_close(&state.fds)
    strings_close(&state.strings)
