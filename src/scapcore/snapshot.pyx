"""The live tables as they stand, shown as batches of imaginary events: one a thread, or one a descriptor.

So fields, filters and formats work on what is alive now as they do on events. The imaginary event is the exit of a
read without parameters, as the reference has it when it filters its tables (chisel API, thread table).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

from scapcore.batch cimport Chunk, EventBatch
from scapcore.engine cimport Engine
from scapcore.events cimport (BATCH_EVENTS, COUNTER_OPEN_FDS, COUNTER_PFMAJOR, COUNTER_PFMINOR, COUNTER_SLICES,
                              COUNTER_SYSTEM_BEFORE, COUNTER_USER_BEFORE, COUNTER_VMRSS, COUNTER_VMSIZE, COUNTER_VMSWAP,
                              COUNTERS, FORM_COUNTED, MARK_FD, Columns)
from scapcore.schema.types cimport SYSCALL_READ_X
from scapcore.state cimport (FD_ROW_MASK, NEED_COUNTERS, NEED_LINKS, ContainerRow, FdTable, State, Thread, begin_batch,
                             refresh_links, table_of, thread_find, thread_row)

cdef enum:
    PREFIX = 2               # the processor's number in front of a header
    HEADER = 26
    STEP = PREFIX + HEADER


cdef struct Open:
    int64_t fd
    uint32_t row


cdef int by_number(const void* left, const void* right) noexcept nogil:
    cdef int64_t one = (<const Open*>left).fd
    cdef int64_t other = (<const Open*>right).fd
    return (one > other) - (one < other)


cdef class Snapshot:
    """Iterates over what is alive now as batches of imaginary events, sorted by thread and descriptor.

    A reader must not advance while its tables are shown.

    Parameters
    ----------
    engine : scapcore.engine.Engine
        The tables.
    time : int
        Time stamp of the imaginary events, ns since the epoch.
    descriptors : bool
        True for an event for each descriptor of each thread (threads of a process share theirs), False for an event for
        each thread.
    """

    cdef Engine engine
    cdef uint64_t time
    cdef bint descriptors
    cdef list tids
    cdef uint32_t position               # in `tids`
    cdef Open* opened                    # of the thread under way
    cdef uint32_t opened_count
    cdef uint32_t opened_capacity
    cdef uint32_t opened_position

    def __init__(self, Engine engine not None, uint64_t time, *, bint descriptors=False):
        self.engine = engine
        self.time = time
        self.descriptors = descriptors
        self.tids = sorted(tid for tid, _ in engine.threads())
        # Nothing that the last batch changed lies behind the imaginary events.
        begin_batch(&engine.state)

    def __dealloc__(self):
        free(self.opened)

    def __iter__(self):
        return self

    def __next__(self):
        cdef State* state = &self.engine.state
        cdef EventBatch batch
        cdef Thread* thread
        batch = EventBatch(state.needs | NEED_COUNTERS)
        batch.clear()    # gives it a serial number, by which readers tell batches apart
        batch.engine = self.engine
        batch.chunk = Chunk(None, BATCH_EVENTS * STEP)
        batch.columns.data = batch.chunk.data
        batch.columns.first_number = 1
        batch.columns.first_time = self.time
        batch.columns.container_count = state.container_count
        batch.columns.user_count = state.user_count
        while batch.columns.count < BATCH_EVENTS:
            if self.opened_position < self.opened_count:
                thread = thread_find(state, self.tids[self.position - 1])
                while self.opened_position < self.opened_count and batch.columns.count < BATCH_EVENTS:
                    self.put(batch, thread, &self.opened[self.opened_position])
                    self.opened_position += 1
                continue
            if self.position == len(self.tids):
                break
            thread = thread_find(state, self.tids[self.position])
            self.position += 1
            if thread == NULL:
                continue
            if state.needs & NEED_LINKS:
                refresh_links(state, thread, 0)
            if self.descriptors:
                self.open_table(thread)
            else:
                self.put(batch, thread, NULL)
        if not batch.columns.count:
            raise StopIteration
        batch.chunk.used = batch.columns.count * STEP
        return batch

    cdef bint open_table(self, Thread* thread) except False:
        """Take down the descriptors of a thread."""
        cdef FdTable* table = table_of(&self.engine.state, thread)
        cdef uint32_t slot, row
        self.opened_position = 0
        self.opened_count = 0
        if table == NULL or not table.rows.mask:
            return True
        if table.rows.used > self.opened_capacity:
            free(self.opened)
            self.opened_capacity = 0
            self.opened = <Open*>malloc(table.rows.used * sizeof(Open))
            if self.opened == NULL:
                raise MemoryError
            self.opened_capacity = table.rows.used
        for slot in range(table.rows.mask + 1):
            row = table.rows.values[slot] & FD_ROW_MASK
            if row and self.opened_count < self.opened_capacity:
                self.opened[self.opened_count].fd = table.rows.keys[slot]
                self.opened[self.opened_count].row = row
                self.opened_count += 1
        qsort(self.opened, self.opened_count, sizeof(Open), by_number)
        return True

    cdef void put(self, EventBatch batch, Thread* thread, const Open* opened) noexcept:
        """Append the imaginary event of a thread, or of one of its descriptors."""
        cdef Columns* columns = &batch.columns
        cdef uint32_t row = columns.count
        cdef uint8_t* header = batch.chunk.data + row * STEP + PREFIX
        cdef uint32_t length = HEADER
        cdef uint16_t type = SYSCALL_READ_X
        cdef uint64_t* counters = columns.counters + <size_t>row * COUNTERS
        cdef FdTable* table
        memset(header - PREFIX, 0, STEP)
        memcpy(header, &self.time, 8)
        memcpy(header + 8, &thread.tid, 8)
        memcpy(header + 16, &length, 4)
        memcpy(header + 20, &type, 2)
        columns.offset[row] = row * STEP + PREFIX
        columns.type[row] = type
        columns.nparams[row] = 0
        columns.form[row] = FORM_COUNTED
        columns.mark[row] = 0
        columns.thread[row] = thread.row
        columns.fd[row] = 0
        columns.table[row] = thread.fds.number if thread.fds != NULL else 0
        columns.fd_number[row] = -1
        if opened != NULL:
            columns.mark[row] = MARK_FD
            columns.fd[row] = opened.row
            columns.fd_number[row] = opened.fd
        if columns.latency != NULL:
            columns.latency[row] = 0
        memset(counters, 0, COUNTERS * sizeof(uint64_t))
        counters[COUNTER_VMSIZE] = thread.vmsize
        counters[COUNTER_VMRSS] = thread.vmrss
        counters[COUNTER_VMSWAP] = thread.vmswap
        counters[COUNTER_PFMAJOR] = thread.pfmajor
        counters[COUNTER_PFMINOR] = thread.pfminor
        counters[COUNTER_USER_BEFORE] = thread.user_time
        counters[COUNTER_SYSTEM_BEFORE] = thread.system_time
        table = table_of(&self.engine.state, thread)
        counters[COUNTER_OPEN_FDS] = table.rows.used if table != NULL else 0
        counters[COUNTER_SLICES] = thread.slices
        columns.count = row + 1


def descriptor_limit(EventBatch batch not None, uint32_t row):
    """How many descriptors the thread of an event may open; its own number, not that of its process.

    Raises
    ------
    IndexError
        If the batch has no such row.
    """
    if row >= batch.columns.count or batch.engine is None:
        raise IndexError(row)
    return thread_row(&batch.engine.state, batch.columns.thread[row]).fdlimit


def containers(Engine engine not None):
    """The containers that are known now.

    Parameters
    ----------
    engine : scapcore.engine.Engine
        The tables.

    Returns
    -------
    list of tuple of (str, str, str, int)
        Id, name, image and number of the type, the newest record of each container, in the order of their first ones.
    """
    cdef State* state = &engine.state
    cdef uint32_t index
    cdef ContainerRow* row
    found = {}
    for index in range(1, state.container_count):
        row = &state.containers[index]
        identity = engine.text(row.id)
        found[identity] = (identity, engine.text(row.name), engine.text(row.image), row.type)
    return list(found.values())
