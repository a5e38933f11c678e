"""How good a capture is: what its look-ups find, what was dropped and cut while it was made."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from scapcore.batch cimport EventBatch
from scapcore.events cimport MARK_HIDDEN, Event, load64, parameter, parameter_integer
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.schema.types cimport (CATEGORY_INTERNAL, DROP_E, DROP_X, EF_READS_FROM_FD, EF_USES_FD, EF_WRITES_TO_FD,
                                    PT_BYTEBUF, PT_ERRNO)
from scapcore.state cimport State, thread_row
from scapcore.strings cimport length_of, text_of


cdef class Survey:
    """Counts over the batches of one pass.

    Notes
    -----
    Every batch must be given to it, in order and before the reader goes on; the shares of look-ups need batches with
    state.

    Examples
    --------
    >>> survey = Survey()
    >>> survey.events, survey.thread_lookups, survey.types
    (0, (0, 0), {})
    """

    cdef uint64_t[EVENT_COUNT] by_type
    cdef readonly uint64_t events
    cdef readonly uint64_t hidden
    cdef readonly uint64_t drops
    cdef readonly uint64_t cut_events
    cdef readonly uint64_t cut_bytes
    cdef readonly uint64_t longest_data
    cdef readonly uint64_t first_time
    cdef readonly uint64_t last_time
    cdef uint64_t thread_asked
    cdef uint64_t thread_missing
    cdef uint64_t fd_asked
    cdef uint64_t fd_missing

    def __cinit__(self):
        memset(self.by_type, 0, sizeof(self.by_type))

    @property
    def types(self):
        """dict of int to int : Events by type, hidden ones included."""
        return {type: self.by_type[type] for type in range(EVENT_COUNT) if self.by_type[type]}

    @property
    def thread_lookups(self):
        """tuple of (int, int) : Events that belong to a thread, and those of them whose program is not known."""
        return self.thread_asked, self.thread_missing

    @property
    def fd_lookups(self):
        """tuple of (int, int) : Events that name a descriptor, and those of them that do not find it."""
        return self.fd_asked, self.fd_missing

    def write(self, EventBatch batch not None):
        """Count a whole batch, whatever a filter chose of it."""
        cdef uint32_t row
        with nogil:
            for row in range(batch.columns.count):
                self.count(batch, row)

    cdef void count(self, EventBatch batch, uint32_t row) noexcept nogil:
        cdef Event event
        batch.place(&event, row)
        self.events += 1
        self.by_type[event.type] += 1
        if event.ts:
            if not self.first_time:
                self.first_time = event.ts
            self.last_time = event.ts
        if event.type == DROP_E or event.type == DROP_X:
            self.drops += 1
        if batch.columns.mark[row] & MARK_HIDDEN:
            self.hidden += 1
            return
        if event.type & 1 and event.info.flags & (EF_READS_FROM_FD | EF_WRITES_TO_FD):
            self.compare_data(&event)
        if batch.engine is None or event.tid == -1 or event.info.category == CATEGORY_INTERNAL:
            return
        self.thread_asked += 1
        self.thread_missing += not is_known(&batch.engine.state, batch.columns.thread[row])
        if event.info.flags & EF_USES_FD and batch.columns.fd_number[row] >= 0:
            self.fd_asked += 1
            self.fd_missing += not batch.columns.fd[row]

    cdef void compare_data(self, const Event* event) noexcept nogil:
        """See whether the data of a transfer are shorter than what was transferred."""
        cdef int64_t transferred
        cdef uint32_t index, length
        if not event.known or event.parameters[0].type != PT_ERRNO:
            return
        transferred = parameter_integer(event, 0, -1)
        for index in range(1, event.known):
            if event.parameters[index].type == PT_BYTEBUF:
                parameter(event, index, &length)
                if length > self.longest_data:
                    self.longest_data = length
                if transferred > <int64_t>length:
                    self.cut_events += 1
                    self.cut_bytes += <uint64_t>(transferred - <int64_t>length)
                return


cdef bint is_known(const State* state, uint32_t thread) noexcept nogil:
    """True for a thread whose program has a name."""
    cdef uint32_t comm
    if not thread:
        return False
    comm = thread_row(state, thread).comm
    return length_of(&state.strings, comm) != 4 or memcmp(text_of(&state.strings, comm), b"<NA>", 4) != 0
