"""Walking one batch ahead in a thread of its own, while the engine is at work on the batch before.

The walk touches the bytes of a mapped capture first, so that it also takes the page faults. It goes only as far as
events are plain; everything else is left to the reader. Internal to the core.
"""

from cpython.pythread cimport (NOWAIT_LOCK, WAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock,
                               PyThread_free_lock, PyThread_release_lock, PyThread_start_new_thread)
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from scapcore.blocks cimport walk_plain
from scapcore.events cimport BATCH_EVENTS

cdef extern from "<unistd.h>" nogil:
    int getpid()


cdef extern from "<sys/mman.h>" nogil:
    int madvise(void* address, size_t length, int advice)
    enum:
        MADV_DONTNEED

cdef uint64_t RELEASE_STEP = 1 << 23
cdef uint64_t PAGE = 1 << 16             # of a kernel with large ones


cdef void give_back(Ahead* shared) noexcept nogil:
    """Give back the pages of bytes that nobody will look at soon; they can be read again."""
    cdef uint64_t address = <uint64_t><uintptr_t>shared.walk.data
    cdef uint64_t begin = (address + shared.released + PAGE - 1) & ~(PAGE - 1)
    cdef uint64_t end = (address + shared.consumed) & ~(PAGE - 1)
    if end < begin + RELEASE_STEP:
        return
    madvise(<void*><uintptr_t>begin, end - begin, MADV_DONTNEED)
    shared.released = end - address


cdef void work(void* given) noexcept nogil:
    """What the thread does. It knows nothing of Python."""
    cdef Ahead* shared = <Ahead*>given
    while True:
        PyThread_acquire_lock(shared.asked, WAIT_LOCK)
        if shared.stop:
            break
        walk_plain(&shared.walk, &shared.columns, shared.types)
        if shared.consumed:
            give_back(shared)
        PyThread_release_lock(shared.answered)
    PyThread_release_lock(shared.answered)


cdef class WalkAhead:
    """A thread that walks over the events behind a position. Internal to the core."""

    def __cinit__(self):
        cdef Columns* columns = &self.shared.columns
        memset(&self.shared, 0, sizeof(Ahead))
        columns.offset = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        columns.type = <uint16_t*>malloc(BATCH_EVENTS * sizeof(uint16_t))
        columns.nparams = <uint16_t*>malloc(BATCH_EVENTS * sizeof(uint16_t))
        columns.form = <uint8_t*>malloc(BATCH_EVENTS)
        columns.mark = <uint8_t*>malloc(BATCH_EVENTS)
        self.shared.asked = PyThread_allocate_lock()
        self.shared.answered = PyThread_allocate_lock()
        if (columns.offset == NULL or columns.type == NULL or columns.nparams == NULL or columns.form == NULL
                or columns.mark == NULL or self.shared.asked == NULL or self.shared.answered == NULL):
            raise MemoryError
        PyThread_acquire_lock(self.shared.asked, WAIT_LOCK)
        PyThread_acquire_lock(self.shared.answered, WAIT_LOCK)

    def __dealloc__(self):
        cdef Columns* columns = &self.shared.columns
        if self.started:
            if self.process != getpid():
                return      # in a fork: the locks are as the thread left them, which is not here
            with nogil:
                if self.shared.busy:
                    PyThread_acquire_lock(self.shared.answered, WAIT_LOCK)
                self.shared.stop = True
                PyThread_release_lock(self.shared.asked)
                PyThread_acquire_lock(self.shared.answered, WAIT_LOCK)
        if self.shared.asked != NULL:
            PyThread_free_lock(self.shared.asked)
        if self.shared.answered != NULL:
            PyThread_free_lock(self.shared.answered)
        free(columns.offset)
        free(columns.type)
        free(columns.nparams)
        free(columns.form)
        free(columns.mark)

    cdef bint begin(self, const Walk* walk, const EventType* types, uint64_t consumed) except -1:
        """Start to walk behind the position of a walk; False if no thread can be had.

        With `releases` set, pages of the first `consumed` bytes are given back by the way.
        """
        if self.started and self.process != getpid():
            return False
        if self.shared.busy:
            return True
        self.shared.walk = walk[0]
        self.shared.walk.events = 0
        self.shared.start = walk.position
        self.shared.types = types
        self.shared.columns.count = 0
        self.shared.columns.data = walk.data + walk.position
        if not self.started:
            if <long>PyThread_start_new_thread(work, &self.shared) == -1:
                return False
            self.started = True
            self.process = getpid()
        self.shared.consumed = consumed if self.releases else 0
        self.shared.busy = True
        PyThread_release_lock(self.shared.asked)
        return True

    cdef bint is_behind(self, uint64_t position) noexcept nogil:
        """Whether a walk was begun further on than at a position, which is to be reached first."""
        return self.shared.busy and self.shared.start > position and self.process == getpid()

    cdef bint take(self, Walk* walk, Columns* columns) noexcept nogil:
        """Give an empty batch what was walked over, and move the walk behind it; False if it is of no use there.

        The batch must begin at the walk's position and have room for as many events as any.
        """
        cdef Ahead* shared = &self.shared
        cdef Columns* found = &shared.columns
        if not shared.busy or self.process != getpid():
            return False
        self.waited = not PyThread_acquire_lock(shared.answered, NOWAIT_LOCK)
        if self.waited:
            PyThread_acquire_lock(shared.answered, WAIT_LOCK)
        shared.busy = False
        if shared.start != walk.position or shared.walk.data != walk.data or shared.walk.most != walk.most:
            return False
        columns.offset, found.offset = found.offset, columns.offset
        columns.type, found.type = found.type, columns.type
        columns.nparams, found.nparams = found.nparams, columns.nparams
        columns.form, found.form = found.form, columns.form
        columns.mark, found.mark = found.mark, columns.mark
        columns.count = found.count
        walk.position = shared.walk.position
        walk.events += shared.walk.events
        return True
