"""Look-ups "as of" an event, for what is rendered after the engine has done a whole batch.

The live tables stand at the end of the batch. The engine logs each change with the event before whose processing it
was made and the row that was there before, so the row right after an event is that of the first later change of the
key, else what is live. The index over the log is made at the first question of a batch; questions with growing
event numbers cost constant time, as each key remembers how far it was followed. Internal to the core.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from scapcore.hashing cimport hash_integer, map_get
from scapcore.state cimport FD_ROW_MASK, Change, FdTable, State


cdef void history_begin(History* history, State* state) noexcept nogil:
    """Begin with a batch that the engine has just processed; the memory of the former one is used again."""
    history.state = state
    history.indexed = False
    history.mask = 0


cdef void history_close(History* history) noexcept nogil:
    free(history.keys)
    memset(history, 0, sizeof(History))


cdef inline HistoryKey* place_of(const History* history, uint32_t table, int64_t key) noexcept nogil:
    """Where a key is, or the empty place where it belongs."""
    cdef uint32_t place = (hash_integer(key) + table * <uint32_t>0x9E3779B1) & history.mask
    cdef HistoryKey* found = &history.keys[place]
    while found.head and (found.key != key or found.table != table):
        place = (place + 1) & history.mask
        found = &history.keys[place]
    return found


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
        found = place_of(history, state.changes[index].table, state.changes[index].key)
        if not found.head:
            found.table = state.changes[index].table
            found.key = state.changes[index].key
        state.changes[index].next = found.head
        found.head = index
        found.cursor = index


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
    found = place_of(history, table, key)
    if not found.head:
        return 0
    if event < found.since:
        found.cursor = found.head
        found.since = 0
    cursor = found.cursor
    while cursor and changes[cursor].event <= event:
        found.since = changes[cursor].event
        cursor = changes[cursor].next
    found.cursor = cursor
    return cursor


cdef uint32_t thread_as_of(History* history, int64_t tid, uint32_t event) noexcept nogil:
    """Row of a thread right after an event of the batch, 0 if there was no such thread."""
    cdef uint32_t change = look_back(history, 0, tid, event)
    if change:
        return history.state.changes[change].old_row
    change = map_get(&history.state.by_tid, tid)
    return history.state.live[change].row if change else 0


cdef uint32_t fd_as_of(History* history, uint32_t table, int64_t fd, uint32_t event) noexcept nogil:
    """Row of a descriptor of a table right after an event of the batch, 0 if it was not open or is not known."""
    cdef uint32_t change
    cdef FdTable* live
    if fd < 0 or not table or table >= history.state.table_count:
        return 0
    change = look_back(history, table, fd, event)
    if change:
        return history.state.changes[change].old_row
    live = history.state.tables[table]
    return map_get(&live.rows, fd) & FD_ROW_MASK if live != NULL else 0
