"""Which events of a capture go into a copy, and the copying of their blocks.

Internal to the core. A copy that a filter makes can be *complete*: besides the events that were chosen it holds those
without which they would be read differently, as events that change the tables but are not shown. These are the
beginnings of calls of which only the end was chosen, and what changes processes that have chosen events, or their
ancestors. Who they are is known at the end only, so a first pass notes it in a :class:`Choice` and a second one copies.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.blocks cimport *
from scapcore.dispatch cimport PLAN_NO_THREAD, PLAN_SWITCH
from scapcore.events cimport FORM_FLAGS, MARK_HIDDEN, Columns, Event, load16, load32, load64, parameter_integer, parameter_unsigned
from scapcore.hashing cimport IntegerMap, map_free, map_get, map_put
from scapcore.schema.tables cimport EVENT_COUNT, events_classic
from scapcore.schema.types cimport (CATEGORY_INTERNAL, CONTAINER_E, CONTAINER_JSON_2_E, CONTAINER_JSON_E,
                                    EF_MODIFIES_STATE, GROUP_DELETED_X, PT_PID, SCHEDSWITCH_6_E, SOCKET_RECVMMSG_X,
                                    SOCKET_SENDMMSG_X, SYSCALL_BPF_2_X, SYSCALL_BRK_4_X, SYSCALL_FCNTL_E, SYSCALL_FCNTL_X,
                                    SYSCALL_GETCWD_X, SYSCALL_GETRLIMIT_X, SYSCALL_MMAP2_X, SYSCALL_MMAP_X,
                                    SYSCALL_MUNMAP_X, SYSCALL_PRLIMIT_X, SYSCALL_SETNS_X, SYSCALL_SETRLIMIT_X,
                                    SYSCALL_UNSHARE_X, USER_ADDED_E)
from scapcore.state cimport State, Thread, ThreadRow, thread_find, thread_row
from scapcore.frames cimport store16, store32
from scapcore.write cimport BlockEncoder

cdef enum:
    DROPPED = 0
    KEPT = 1
    STATE_ONLY = 2           # kept, but not to be shown
    MOST_ANCESTORS = 64
    F_DUPFD = 1
    F_SETFD = 3
    F_DUPFD_CLOEXEC = 26     # as captures number it

#: Types that change the tables although the schema does not say so: of directories, limits, descriptors and their ends.
UNFLAGGED = (SYSCALL_FCNTL_E, SYSCALL_FCNTL_X, SYSCALL_GETCWD_X, SYSCALL_GETRLIMIT_X, SYSCALL_SETRLIMIT_X, SYSCALL_PRLIMIT_X, SYSCALL_BPF_2_X,
             SYSCALL_SETNS_X, SYSCALL_UNSHARE_X, SOCKET_SENDMMSG_X, SOCKET_RECVMMSG_X)

cdef uint8_t[EVENT_COUNT] changing


cdef void find_changing() noexcept:
    """Types that change the tables, and the beginnings of calls whose end does."""
    cdef uint32_t type
    for type in range(EVENT_COUNT):
        changing[type] = (events_classic[type].flags & EF_MODIFIES_STATE) != 0
    for type in UNFLAGGED:
        changing[type] = True
    for type in range(0, EVENT_COUNT - 1, 2):
        changing[type] |= changing[type + 1]

find_changing()


cdef bint is_container(uint16_t type) noexcept nogil:
    return type == CONTAINER_E or type == CONTAINER_JSON_E or type == CONTAINER_JSON_2_E


cdef bint tells_memory(uint16_t type) noexcept nogil:
    """Whether events of a type tell how much memory a process has, or how many page faults a thread."""
    return (type == SCHEDSWITCH_6_E or type == SYSCALL_BRK_4_X or type == SYSCALL_MMAP_X or type == SYSCALL_MMAP2_X
            or type == SYSCALL_MUNMAP_X)


cdef bint bits_set(Bits* bits, uint64_t place) noexcept nogil:
    cdef uint64_t wanted = (place >> 3) + 1
    cdef uint64_t size
    cdef uint8_t* data
    if wanted > bits.size:
        size = wanted + wanted // 2 + 4096
        data = <uint8_t*>realloc(bits.data, size)
        if data == NULL:
            return False
        memset(data + bits.size, 0, size - bits.size)
        bits.data = data
        bits.size = size
    bits.data[place >> 3] |= 1 << (place & 7)
    return True


cdef inline bint bits_get(const Bits* bits, uint64_t place) noexcept nogil:
    return place >> 3 < bits.size and bits.data[place >> 3] >> (place & 7) & 1


cdef class Choice:
    """What a first pass found out about the events that a copy needs.

    Attributes
    ----------
    events : int
        Chosen events.
    first_number, last_number : int
        Event numbers of the first and the last chosen one, 0 if there is none.
    """

    def __cinit__(self):
        self.told_thread = -1

    def __dealloc__(self):
        free(self.chosen.data)
        free(self.needed.data)
        free(self.told.data)
        map_free(&self.begun)
        map_free(&self.faults)
        map_free(&self.memory)
        map_free(&self.kept)
        map_free(&self.processes)
        map_free(&self.parents)
        map_free(&self.ended)
        map_free(&self.duplicating)

    cpdef bint keeps(self, int64_t tid) noexcept:
        """Whether a thread matters to what was chosen."""
        return map_get(&self.kept, tid) != 0

    cdef bint keep_thread(self, State* state, uint32_t row) noexcept nogil:
        """Keep a thread, its process, and its ancestors."""
        cdef ThreadRow* entry = thread_row(state, row)
        cdef Thread* thread
        cdef int64_t parent
        cdef int depth
        if not map_put(&self.kept, entry.tid, 1) or not map_put(&self.kept, entry.pid, 1):
            return False
        parent = entry.ptid
        for depth in range(MOST_ANCESTORS):
            if parent <= 0 or map_get(&self.kept, parent):
                break
            if not map_put(&self.kept, parent, 1):
                return False
            thread = thread_find(state, parent)
            if thread == NULL:
                break
            if not map_put(&self.kept, thread.pid, 1):
                return False
            parent = thread_row(state, thread.row).ptid
        return True

    cdef bint keep_named(self, EventBatch batch, uint32_t row) noexcept nogil:
        """Keep the threads that the arguments of an event name, as these are shown with their names."""
        cdef Event event
        cdef Thread* thread
        cdef uint32_t index
        cdef int64_t tid
        cdef bint room = True
        batch.place(&event, row)
        for index in range(event.known):
            if event.parameters[index].type != PT_PID:
                continue
            tid = parameter_integer(&event, index, 0)
            if tid > 0 and not map_get(&self.kept, tid):
                thread = thread_find(&batch.engine.state, tid)
                room &= map_put(&self.kept, tid, 1)
                # A thread that has ended within the batch is in no table any more.
                room &= map_put(&self.ended, tid, 1) if thread == NULL else (
                    self.keep_thread(&batch.engine.state, thread.row))
        return room

    cdef bint need_last(self, Bits* found, IntegerMap* last, int64_t id, uint64_t number) noexcept nogil:
        """Keep the event that a map has for an id, for an event that was chosen."""
        cdef uint64_t place = map_get(last, id)
        if not place:
            return True
        # Only the low bits are kept; it is the last number before that has them.
        place |= number & ~<uint64_t>0xFFFFFFFF
        if place > number:
            place -= <uint64_t>1 << 32
        return bits_set(found, place)

    cdef bint note_memory(self, uint16_t type, int64_t tid, int64_t pid, uint64_t number) noexcept nogil:
        """Note an event that tells of memory."""
        cdef uint32_t low = <uint32_t>number if <uint32_t>number else 1
        if type == SCHEDSWITCH_6_E:
            return map_put(&self.faults, tid, low) and map_put(&self.memory, pid, low)
        if type == SYSCALL_BRK_4_X or type == SYSCALL_MMAP_X or type == SYSCALL_MMAP2_X or type == SYSCALL_MUNMAP_X:
            return map_put(&self.memory, tid, low)
        return True

    def note(self, EventBatch batch):
        """Take over what a filter chose in a batch that was read with its state."""
        cdef Columns* columns = &batch.columns
        cdef State* state = &batch.engine.state
        cdef uint32_t row, thread
        cdef uint32_t next = 0
        cdef uint64_t number
        cdef int64_t tid
        cdef uint16_t type
        cdef bint chosen
        cdef bint room = True
        if not batch.has_selection:
            raise ValueError("a batch was not asked by a filter")
        with nogil:
            for row in range(columns.count):
                type = columns.type[row]
                tid = <int64_t>load64(columns.data + columns.offset[row] + 8)
                number = columns.first_number + row
                chosen = next < batch.selected_count and batch.selection[next] == row
                thread = columns.thread[row]
                if changing[type] and thread:
                    if thread_row(state, thread).pid != tid:
                        room &= map_put(&self.processes, tid, <uint32_t>thread_row(state, thread).pid)
                    if thread_row(state, thread).ptid > 0:
                        room &= map_put(&self.parents, tid, <uint32_t>thread_row(state, thread).ptid)
                if chosen:
                    next += 1
                    self.events += 1
                    if not self.first_number:
                        self.first_number = number
                    self.last_number = number
                    room &= bits_set(&self.chosen, number)
                    if is_container(type) and self.other_number:
                        # Containers that nothing comes before are taken for those that were there at the start.
                        room &= bits_set(&self.needed, self.other_number)
                    if thread and (thread != self.last_row or not map_get(&self.kept, tid)):
                        room &= self.keep_thread(state, thread)
                        self.last_row = thread
                    elif not thread:
                        room &= map_put(&self.kept, tid, 1)
                    room &= self.keep_named(batch, row)
                    if type & 1:
                        room &= self.need_last(&self.needed, &self.begun, tid, number)
                    if thread and tid != self.told_thread:
                        self.told_thread = tid
                        room &= self.need_last(&self.told, &self.faults, tid, number)
                        room &= self.need_last(&self.told, &self.memory, tid, number)
                        room &= self.need_last(&self.told, &self.memory, thread_row(state, thread).pid, number)
                if not type & 1 and not batch.engine.plans[type].bits & (PLAN_NO_THREAD | PLAN_SWITCH):
                    room &= map_put(&self.begun, tid, <uint32_t>number if <uint32_t>number else 1)
                if thread and tells_memory(type):
                    self.told_thread = -1
                    room &= self.note_memory(type, tid, thread_row(state, thread).pid, number)
                if not is_container(type):
                    self.other_number = number
                if not room:
                    break
        if not room:
            raise MemoryError

    def finish(self):
        """Keep the other threads of the processes that matter; to be called after the first pass."""
        cdef uint32_t slot
        if self.ended.mask:
            for slot in range(self.ended.mask + 1):
                if self.ended.values[slot]:
                    self.keep_ended(self.ended.keys[slot])
        if not self.processes.mask:
            return
        for slot in range(self.processes.mask + 1):
            if self.processes.values[slot] and map_get(&self.kept, <int64_t>self.processes.values[slot]):
                if not map_put(&self.kept, self.processes.keys[slot], 1):
                    raise MemoryError

    cdef bint duplicates(self, EventBatch batch, uint32_t row, int64_t tid) noexcept nogil:
        """Whether an fcntl duplicates a descriptor. sysdig 0.29.3 takes others that are not shown for that, too, if one did."""
        cdef Event event
        cdef uint64_t command
        cdef uint32_t index
        batch.place(&event, row)
        if event.type == SYSCALL_FCNTL_E or event.nparams > 2:
            index = 1 if event.type == SYSCALL_FCNTL_E else 2
            command = parameter_unsigned(&event, index, 0)
            # The newest libraries also look at F_SETFD, in captures that have no beginnings of calls.
            map_put(&self.duplicating, tid, 1 if command == F_DUPFD or command == F_DUPFD_CLOEXEC or (
                command == F_SETFD and event.nparams > 2) else 2)
        return map_get(&self.duplicating, tid) == 1

    cdef int keep_ended(self, int64_t tid) except -1:
        """Keep the process of a thread, and its ancestors, by what their events told."""
        cdef int64_t other
        cdef int depth
        for depth in range(MOST_ANCESTORS):
            other = map_get(&self.processes, tid)
            if not other:
                other = map_get(&self.parents, tid)
            if not other or map_get(&self.kept, other):
                break
            if not map_put(&self.kept, other, 1):
                raise MemoryError
            tid = other
        return 0

    def judge(self, EventBatch batch, uint8_t[::1] verdicts):
        """Say for each event of a batch what becomes of it.

        Parameters
        ----------
        batch : EventBatch
            Of the second pass, which may go without state.
        verdicts : writable buffer of uint8
            For each row 0 dropped, 1 kept, 2 kept but not shown.
        """
        cdef Columns* columns = &batch.columns
        cdef uint32_t row
        cdef uint64_t number
        cdef uint16_t type
        cdef int64_t tid
        if <uint32_t>verdicts.shape[0] < columns.count:
            raise ValueError("there are fewer verdicts than events")
        with nogil:
            for row in range(columns.count):
                number = columns.first_number + row
                type = columns.type[row]
                if type == SYSCALL_FCNTL_E:
                    # Noted also where it is chosen itself, for its end.
                    self.duplicates(batch, row, <int64_t>load64(columns.data + columns.offset[row] + 8))
                if bits_get(&self.chosen, number):
                    verdicts[row] = KEPT
                elif is_container(type):
                    verdicts[row] = KEPT if columns.mark[row] & MARK_HIDDEN else STATE_ONLY
                elif bits_get(&self.needed, number) or bits_get(&self.told, number):
                    verdicts[row] = STATE_ONLY
                elif changing[type]:
                    tid = <int64_t>load64(columns.data + columns.offset[row] + 8)
                    verdicts[row] = STATE_ONLY if map_get(&self.kept, tid) else DROPPED
                    if verdicts[row] and (type == SYSCALL_FCNTL_E or type == SYSCALL_FCNTL_X):
                        if not self.duplicates(batch, row, tid):
                            verdicts[row] = DROPPED
                else:
                    verdicts[row] = DROPPED

    def beginnings(self, EventBatch batch, uint8_t[::1] found):
        """Say which events of a batch are the beginnings of calls whose ends were chosen.

        Parameters
        ----------
        batch : EventBatch
            Of the second pass.
        found : writable buffer of uint8
            For each row whether it is one.
        """
        cdef uint32_t row
        if <uint32_t>found.shape[0] < batch.columns.count:
            raise ValueError("there is less room than events")
        for row in range(batch.columns.count):
            found[row] = bits_get(&self.needed, batch.columns.first_number + row)


def judge_selected(EventBatch batch, uint8_t[::1] verdicts, bint changes=False):
    """Say what becomes of each event of a batch that a filter has been asked about, as sysdig does it.

    Parameters
    ----------
    batch : EventBatch
        With what the filter chose.
    verdicts : writable buffer of uint8
        As for :meth:`Choice.judge`.
    changes : bool
        Whether events that change the tables stay, not shown, although the filter drops them.
    """
    cdef Columns* columns = &batch.columns
    cdef uint32_t row
    cdef uint32_t next = 0
    cdef uint16_t type
    if <uint32_t>verdicts.shape[0] < columns.count:
        raise ValueError("there are fewer verdicts than events")
    if not batch.has_selection:
        verdicts[:columns.count] = KEPT
        return
    with nogil:
        for row in range(columns.count):
            type = columns.type[row]
            if next < batch.selected_count and batch.selection[next] == row:
                next += 1
                verdicts[row] = KEPT
            elif events_classic[type].category == CATEGORY_INTERNAL:
                verdicts[row] = KEPT        # sysdig asks no filter about what it does not show
            elif is_container(type) or USER_ADDED_E <= type <= GROUP_DELETED_X:
                verdicts[row] = KEPT if columns.mark[row] & MARK_HIDDEN else STATE_ONLY
            else:
                verdicts[row] = STATE_ONLY if changes and changing[type] else DROPPED


def first_at(EventBatch batch, uint64_t time, uint32_t row=0):
    """The first row from `row` on that is not before a time; the number of rows if there is none."""
    cdef Columns* columns = &batch.columns
    while row < columns.count and load64(columns.data + columns.offset[row]) < time:
        row += 1
    return row


cdef uint32_t flagged_type(uint32_t block_type) noexcept nogil:
    """The kind of event block that has flags."""
    if block_type == BLOCK_EVENT_2:
        return BLOCK_EVENT_FLAGS_2
    if block_type == BLOCK_EVENT_LARGE:
        return BLOCK_EVENT_LARGE_FLAGS
    return BLOCK_EVENT_FLAGS_1


cdef uint32_t put_event(uint8_t* place, const uint8_t* header, uint8_t form, bint hidden) noexcept nogil:
    """Write the block of an event anew; its length. What follows the parameters in the old block is left out."""
    cdef uint32_t length = load32(header + 16)
    cdef uint32_t before = 6 if form & FORM_FLAGS else 2
    cdef uint32_t flags = load32(header - 4) if form & FORM_FLAGS else 0
    cdef uint32_t block_type = load32(header - before - 8)
    cdef uint32_t total
    cdef uint32_t room = load32(header - before - 4) - 12 - before
    if length > room:
        length = room           # two early types of events state too much
    if hidden:
        flags |= 1
    if flags and not form & FORM_FLAGS:
        block_type = flagged_type(block_type)
    store32(place, block_type)
    store16(place + 8, load16(header - before))
    total = 10
    if flags or form & FORM_FLAGS:
        store32(place + 10, flags)
        total = 14
    memcpy(place + total, header, length)
    total += length
    while total & 3:
        place[total] = 0
        total += 1
    total += 4
    store32(place + 4, total)
    store32(place + total - 4, total)
    return total


cdef inline size_t put_run(uint8_t* place, const uint8_t* begin, const uint8_t* end) noexcept nogil:
    if begin == end:
        return 0
    memcpy(place, begin, end - begin)
    return end - begin


def copy_events(BlockEncoder target, EventBatch batch, const uint8_t[::1] verdicts):
    """Append the blocks of events of a batch: byte for byte, apart from those that are not to be shown.

    Parameters
    ----------
    target : BlockEncoder
        Where they go.
    batch : EventBatch
        With its bytes.
    verdicts : buffer of uint8
        As of :meth:`Choice.judge`.

    Returns
    -------
    int
        How many events were written.
    """
    cdef Columns* columns = &batch.columns
    cdef const uint8_t* block
    cdef const uint8_t* begin = NULL    # of the run of blocks that lie together
    cdef const uint8_t* end = NULL
    cdef uint8_t* place
    cdef uint32_t row, length
    cdef size_t wanted = 0
    cdef uint32_t events = 0
    if <uint32_t>verdicts.shape[0] < columns.count:
        raise ValueError("there are fewer verdicts than events")
    with nogil:
        for row in range(columns.count):
            if verdicts[row]:
                block = columns.data + columns.offset[row] - (14 if columns.form[row] & FORM_FLAGS else 10)
                wanted += load32(block + 4) + 8
                events += 1
    target.reserve(wanted)
    place = target.data + target.size
    with nogil:
        for row in range(columns.count):
            if not verdicts[row]:
                continue
            block = columns.data + columns.offset[row] - (14 if columns.form[row] & FORM_FLAGS else 10)
            length = load32(block + 4)
            if verdicts[row] == KEPT and load32(block + length - 4) == length:
                if block != end:
                    place += put_run(place, begin, end)
                    begin = block
                end = block + length
                continue
            place += put_run(place, begin, end)
            begin = end = NULL
            place += put_event(place, columns.data + columns.offset[row], columns.form[row], verdicts[row] == STATE_ONLY)
        place += put_run(place, begin, end)
    target.size = place - target.data
    return events


def region(EventBatch batch, uint64_t end):
    """The bytes of all blocks from the start of a batch to an offset in the capture: memoryview.

    Parameters
    ----------
    batch : EventBatch
        Unfiltered.
    end : int
        The reader's `batch_end`.
    """
    cdef size_t start = <size_t>(batch.columns.data - batch.chunk.data)
    return memoryview(batch.chunk)[start:start + (end - batch.columns.base)]


def first_time(EventBatch batch):
    """Time of the first event of a batch, ns since the epoch."""
    return load64(batch.columns.data + batch.columns.offset[0]) if batch.columns.count else 0


def container_events(EventBatch batch):
    """The events of a batch that tell about containers and their users: list of (type, block) with the blocks as bytes."""
    cdef Columns* columns = &batch.columns
    cdef uint32_t row
    cdef const uint8_t* block
    found = []
    for row in range(columns.count):
        if is_container(columns.type[row]) or USER_ADDED_E <= columns.type[row] <= GROUP_DELETED_X:
            block = columns.data + columns.offset[row] - (14 if columns.form[row] & FORM_FLAGS else 10)
            found.append((columns.type[row], block[:load32(block + 4)]))
    return found


def latest_time(EventBatch batch):
    """The highest time of an event of a batch, ns since the epoch."""
    cdef Columns* columns = &batch.columns
    cdef uint64_t highest = 0
    cdef uint64_t time
    cdef uint32_t row
    for row in range(columns.count):
        time = load64(columns.data + columns.offset[row])
        if time > highest:
            highest = time
    return highest
