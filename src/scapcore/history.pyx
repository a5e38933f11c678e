"""Look-ups "as of" an event, for what is rendered after the engine has done a whole batch.

The live tables stand at the end of the batch. The engine logs each change with the event before whose processing it
was made and the row that was there before, so the row right after an event is that of the first later change of the
key, else what is live. The index over the log is made at the first question of a batch; questions with growing
event numbers cost constant time, as each key remembers how far it was followed.

A batch that somebody keeps while the engine goes on gets a frozen history: the changes of the threads and descriptors
that its events name, and what of these was live at its end. Internal to the core.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from scapcore.events cimport Columns, Event, load16, load64, parameter_length, place_event
from scapcore.hashing cimport hash_integer, map_get
from scapcore.numerals cimport load_number
from scapcore.schema.types cimport PT_DYN, PT_FD, PT_FD32, PT_FDLIST, PT_PID, PT_PID32
from scapcore.state cimport (FD_ROW_MASK, Change, FdTable, State, ThreadRow, fd_row, fd_row_drop, thread_row, thread_row_drop)


cdef void history_begin(History* history, State* state, Columns* columns) noexcept nogil:
    """Begin with a batch that the engine has processed; the memory of the former one is used again."""
    history.state = state
    history.frozen = <Frozen*>columns.frozen
    history.indexed = False
    history.mask = 0


cdef void history_close(History* history) noexcept nogil:
    free(history.keys)
    memset(history, 0, sizeof(History))


cdef inline HistoryKey* place_of(HistoryKey* keys, uint32_t mask, uint32_t table, int64_t key) noexcept nogil:
    """Where a key is, or the empty place where it belongs."""
    cdef uint32_t place = (hash_integer(key) + table * <uint32_t>0x9E3779B1) & mask
    cdef HistoryKey* found = &keys[place]
    while found.taken and (found.key != key or found.table != table):
        place = (place + 1) & mask
        found = &keys[place]
    return found


cdef inline void put_first(HistoryKey* found, Change* changes, uint32_t index) noexcept nogil:
    """Put a change in front of the later ones of its key."""
    changes[index].next = found.head
    found.head = index
    found.cursor = index


cdef void make_index(History* history) noexcept nogil:
    """Chain the changes of each key in the order of the events."""
    cdef State* state = history.state
    cdef HistoryKey* grown
    cdef HistoryKey* found
    cdef uint32_t capacity = 16
    cdef uint32_t index
    history.indexed = True
    if state.change_count <= 1:
        return
    while capacity < 2 * state.change_count:
        capacity *= 2
    if capacity > history.capacity:
        grown = <HistoryKey*>realloc(history.keys, capacity * sizeof(HistoryKey))
        if grown == NULL:
            return                  # `look_back` then walks the log: slow, but right
        history.keys = grown
        history.capacity = capacity
    memset(history.keys, 0, capacity * sizeof(HistoryKey))
    history.mask = capacity - 1
    for index in range(state.change_count - 1, 0, -1):
        found = place_of(history.keys, history.mask, state.changes[index].table, state.changes[index].key)
        found.taken = 1
        found.table = state.changes[index].table
        found.key = state.changes[index].key
        put_first(found, state.changes, index)


cdef inline uint32_t follow(HistoryKey* found, const Change* changes, uint32_t event) noexcept nogil:
    """The first change of a key after an event, 0 if there is none."""
    cdef uint32_t cursor
    if event < found.since:
        found.cursor = found.head
        found.since = 0
    cursor = found.cursor
    while cursor and changes[cursor].event <= event:
        found.since = changes[cursor].event
        cursor = changes[cursor].next
    found.cursor = cursor
    return cursor


cdef inline uint32_t look_back(History* history, uint32_t table, int64_t key, uint32_t event) noexcept nogil:
    """The first change of a key after an event, 0 if there is none."""
    cdef const Change* changes = history.state.changes
    cdef HistoryKey* found
    cdef uint32_t cursor
    if not history.indexed:
        make_index(history)
    if not history.mask:
        for cursor in range(1, history.state.change_count):
            if changes[cursor].table == table and changes[cursor].key == key and changes[cursor].event > event:
                return cursor
        return 0
    found = place_of(history.keys, history.mask, table, key)
    return follow(found, changes, event) if found.taken else 0


cdef uint32_t look_into(Frozen* frozen, uint32_t table, int64_t key, uint32_t event) noexcept nogil:
    """Row of a key right after an event of a kept batch, 0 if there was none."""
    cdef HistoryKey* found
    cdef uint32_t change
    if not frozen.mask:
        return 0
    found = place_of(frozen.keys, frozen.mask, table, key)
    if not found.taken:
        return 0
    change = follow(found, frozen.changes, frozen.origin[event] if frozen.origin != NULL else event)
    return frozen.changes[change].old_row if change else found.live


cdef uint32_t live_thread(const State* state, int64_t tid) noexcept nogil:
    cdef uint32_t found = map_get(&state.by_tid, tid)
    return state.live[found].row if found else 0


cdef uint32_t live_fd(const State* state, uint32_t table, int64_t fd) noexcept nogil:
    cdef const FdTable* live = state.tables[table] if table < state.table_count else NULL
    return map_get(&live.rows, fd) & FD_ROW_MASK if live != NULL else 0


cdef uint32_t thread_as_of(History* history, int64_t tid, uint32_t event) noexcept nogil:
    """Row of a thread right after an event of the batch, 0 if there was no such thread."""
    cdef uint32_t change
    if history.frozen != NULL:
        return look_into(history.frozen, 0, tid, event)
    change = look_back(history, 0, tid, event)
    return history.state.changes[change].old_row if change else live_thread(history.state, tid)


cdef uint32_t fd_as_of(History* history, uint32_t table, int64_t fd, uint32_t event) noexcept nogil:
    """Row of a descriptor of a table right after an event of the batch, 0 if it was not open or is not known."""
    cdef uint32_t change
    if fd < 0 or not table:
        return 0
    if history.frozen != NULL:
        return look_into(history.frozen, table, fd, event)
    change = look_back(history, table, fd, event)
    return history.state.changes[change].old_row if change else live_fd(history.state, table, fd)


# Kept batches


cdef bint note(Frozen* frozen, const State* state, uint32_t table, int64_t key) noexcept nogil:
    """Note a thread (of table 0) or a descriptor with the row that is live now; False when memory is out."""
    cdef HistoryKey* found
    cdef HistoryKey* grown
    cdef uint32_t capacity, index
    if 4 * frozen.used >= 3 * frozen.mask:
        capacity = 2 * frozen.mask + 2 if frozen.mask else 16
        grown = <HistoryKey*>calloc(capacity, sizeof(HistoryKey))
        if grown == NULL:
            return False
        if frozen.mask:
            for index in range(frozen.mask + 1):
                if frozen.keys[index].taken:
                    place_of(grown, capacity - 1, frozen.keys[index].table, frozen.keys[index].key)[0] = frozen.keys[index]
        free(frozen.keys)
        frozen.keys = grown
        frozen.mask = capacity - 1
    found = place_of(frozen.keys, frozen.mask, table, key)
    if not found.taken:
        found.taken = 1
        found.table = table
        found.key = key
        found.live = live_fd(state, table, key) if table else live_thread(state, key)
        frozen.used += 1
    return True


cdef bint note_parameters(Frozen* frozen, const State* state, const Event* event, uint32_t table) noexcept nogil:
    """Note what the parameters of an event name, as far as texts of parameters look it up."""
    cdef const uint8_t* data = event.values
    cdef uint32_t index, length, place
    cdef int64_t number
    cdef int type
    for index in range(event.known):
        length = parameter_length(event, index)
        type = event.parameters[index].type
        if type == PT_FD or type == PT_DYN or type == PT_FD32:
            if type == PT_DYN:
                number = <int64_t>load_number(data + 1, length - 1, 8) if length else -1
            else:
                number = <int64_t>load_number(data, length, 8) if type == PT_FD else <int32_t>load_number(data, length, 4)
            if number >= 0 and table and not note(frozen, state, table, number):
                return False
        if type == PT_PID or type == PT_DYN or type == PT_PID32:
            if type == PT_DYN:
                number = <int64_t>load_number(data + 1, length - 1, 8) if length else -1
            else:
                number = <int64_t>load_number(data, length, 8) if type == PT_PID else <int32_t>load_number(data, length, 4)
            if not note(frozen, state, 0, number):
                return False
        if type == PT_FDLIST and table:
            place = 2
            while place + 10 <= length:
                if not note(frozen, state, table, <int64_t>load64(data + place)):
                    return False
                place += 10
        data += length
    return True


cdef bint note_thread(Frozen* frozen, const State* state, uint32_t thread, uint32_t table) noexcept nogil:
    """Note what fields look up about the thread of an event: its standard streams, the leaders of its groups."""
    cdef ThreadRow* row
    cdef int64_t number
    if not thread:
        return True
    row = thread_row(state, thread)
    if not note(frozen, state, 0, row.sid) or not note(frozen, state, 0, row.vpgid) or not note(frozen, state, 0, row.pgid):
        return False
    for number in range(3):
        if table and not note(frozen, state, table, number):
            return False
    return True


cdef inline void hold(State* state, uint32_t table, uint32_t row) noexcept nogil:
    if row and table:
        fd_row(state, row).references += 1
    elif row:
        thread_row(state, row).references += 1


cdef inline void let_go(State* state, uint32_t table, uint32_t row) noexcept nogil:
    if table:
        fd_row_drop(state, row)
    else:
        thread_row_drop(state, row)


cdef Frozen* freeze(State* state, Columns* columns) noexcept nogil:
    """The history of a batch, before the engine goes on; NULL when memory is out."""
    cdef Frozen* frozen = <Frozen*>calloc(1, sizeof(Frozen))
    cdef HistoryKey* found
    cdef Change* fitting
    cdef Event event
    cdef uint32_t row, index
    if frozen == NULL:
        return NULL
    frozen.change_count = 1             # change 0 means none
    frozen.origin = columns.origin
    for row in range(columns.count):
        place_event(&event, columns.data + columns.offset[row], columns.type[row], columns.nparams[row],
                    columns.form[row], state.types, state.parameters)
        index = columns.table[row] if columns.thread[row] else 0
        if not note_parameters(frozen, state, &event, index) \
                or not note_thread(frozen, state, columns.thread[row], index):
            free(frozen.keys)
            free(frozen)
            return NULL
    if not frozen.used:
        return frozen
    frozen.changes = <Change*>malloc(<size_t>state.change_count * sizeof(Change))
    if frozen.changes == NULL:
        free(frozen.keys)
        free(frozen)
        return NULL
    for index in range(state.change_count - 1, 0, -1):
        found = place_of(frozen.keys, frozen.mask, state.changes[index].table, state.changes[index].key)
        if found.taken:
            frozen.changes[frozen.change_count] = state.changes[index]
            put_first(found, frozen.changes, frozen.change_count)
            frozen.change_count += 1
            hold(state, found.table, state.changes[index].old_row)
    fitting = <Change*>realloc(frozen.changes, <size_t>frozen.change_count * sizeof(Change))
    if fitting != NULL:
        frozen.changes = fitting
    for index in range(frozen.mask + 1):
        if frozen.keys[index].taken:
            hold(state, frozen.keys[index].table, frozen.keys[index].live)
    return frozen


cdef void thaw(State* state, Frozen* frozen) noexcept nogil:
    """Forget a frozen history and let go of its rows."""
    cdef uint32_t index
    if frozen == NULL:
        return
    for index in range(1, frozen.change_count):
        let_go(state, frozen.changes[index].table, frozen.changes[index].old_row)
    if frozen.mask:
        for index in range(frozen.mask + 1):
            if frozen.keys[index].taken:
                let_go(state, frozen.keys[index].table, frozen.keys[index].live)
    free(frozen.keys)
    free(frozen.changes)
    free(frozen)
