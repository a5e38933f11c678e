"""Keys for the versions of a dimension, for those who keep the whole history: a row of a thread or descriptor as it was
between two changes. Row numbers themselves are used again once nothing refers to a row any more.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from scapcore.batch cimport EventBatch
from scapcore.engine cimport Engine
from scapcore.events cimport load64
from scapcore.memory cimport take_over
from scapcore.state cimport State, fd_row, fd_row_drop, thread_row, thread_row_drop

cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef __GLIBC__
    #include <malloc.h>
    #define return_free_pages() ((void)malloc_trim(0))
    #else
    #define return_free_pages() ((void)0)      /* other systems' allocators do it by themselves */
    #endif
    """
    void return_free_pages() nogil

cdef struct Span:
    int64_t first                # times of the first and last event of the version, ns since the epoch
    int64_t last


cdef class VersionKeys:
    """Gives every version of a thread or descriptor that events refer to a key, and notes from when to when it held.

    A version is held until nothing but this refers to it, so that its row means the same for as long.

    Parameters
    ----------
    descriptors : bool
        True for descriptors, False for threads.
    first_key : int
        Key of the first version, at least 1; 0 stands for none.
    """

    cdef bint descriptors
    cdef Engine engine
    cdef uint64_t first_key
    cdef uint64_t* keys          # by row, 0 = not met
    cdef uint32_t key_capacity
    cdef uint32_t* held          # rows with keys
    cdef uint32_t held_count
    cdef uint32_t held_capacity
    cdef uint32_t sweep_at       # so many held rows are looked through
    cdef Span* spans             # by key from the first
    cdef size_t span_count
    cdef size_t span_capacity

    def __init__(self, *, bint descriptors, uint64_t first_key=1):
        if not first_key:
            raise ValueError("keys begin at 1")
        self.descriptors = descriptors
        self.first_key = first_key
        self.sweep_at = 1024

    def __dealloc__(self):
        self.let_go()
        free(self.keys)
        free(self.held)
        free(self.spans)

    @property
    def next_key(self):
        """int : Key that the next version will have."""
        return self.first_key + self.span_count

    cdef void let_go(self) noexcept:
        """Hold nothing any more."""
        cdef uint32_t index
        if self.engine is None:
            return
        for index in range(self.held_count):
            self.drop(self.held[index])
        self.held_count = 0
        self.engine = None

    cdef void drop(self, uint32_t row) noexcept:
        self.keys[row] = 0
        if self.descriptors:
            fd_row_drop(&self.engine.state, row)
        else:
            thread_row_drop(&self.engine.state, row)

    cdef void sweep(self) noexcept:
        """Let go of what nothing else refers to."""
        cdef State* state = &self.engine.state
        cdef uint32_t index, row
        cdef uint32_t kept = 0
        for index in range(self.held_count):
            row = self.held[index]
            if (fd_row(state, row).references if self.descriptors else thread_row(state, row).references) == 1:
                self.drop(row)
            else:
                self.held[kept] = row
                kept += 1
        self.held_count = kept
        self.sweep_at = 1024 if kept < 512 else kept * 2

    cdef bint meet(self, uint32_t row) except False:
        """Give a row a key and hold it."""
        cdef void* grown
        cdef uint32_t wanted
        if self.held_count == self.held_capacity:
            wanted = self.held_capacity * 2 if self.held_capacity else 1024
            grown = realloc(self.held, <size_t>wanted * sizeof(uint32_t))
            if grown == NULL:
                raise MemoryError
            self.held = <uint32_t*>grown
            self.held_capacity = wanted
        if self.span_count == self.span_capacity:
            grown = realloc(self.spans, (self.span_capacity * 2 if self.span_capacity else 1024) * sizeof(Span))
            if grown == NULL:
                raise MemoryError
            self.spans = <Span*>grown
            self.span_capacity = self.span_capacity * 2 if self.span_capacity else 1024
        self.keys[row] = self.first_key + self.span_count
        self.span_count += 1
        self.held[self.held_count] = row
        self.held_count += 1
        if self.descriptors:
            fd_row(&self.engine.state, row).references += 1
        else:
            thread_row(&self.engine.state, row).references += 1
        return True

    def take(self, EventBatch batch not None, const uint32_t[::1] rows):
        """Keys for events of a batch, which must be the reader's present one.

        Parameters
        ----------
        batch : EventBatch
            Read with state.
        rows : buffer of uint32
            Rows of the batch.

        Returns
        -------
        keys : Memory
            A uint64 for each of the rows, 0 where the event has no thread or descriptor.
        fresh : list of int
            Rows of the batch, one for each version that was not met before, in the order of their keys.
        """
        cdef const uint32_t* versions = batch.columns.fd if self.descriptors else batch.columns.thread
        cdef size_t size = <size_t>rows.shape[0]
        cdef void* place = NULL
        cdef uint64_t* keys
        cdef uint32_t row, version, wanted
        cdef int64_t time
        cdef Span* span
        cdef size_t index
        cdef void* grown
        cdef uint64_t raw
        if batch.engine is None:
            raise ValueError("the batch was read without state")
        if self.engine is not batch.engine:
            self.let_go()                   # another section of the capture
            self.engine = batch.engine
            if self.keys != NULL:
                memset(self.keys, 0, self.key_capacity * sizeof(uint64_t))
        if self.held_count >= self.sweep_at:
            self.sweep()
        wanted = self.engine.state.fds.count if self.descriptors else self.engine.state.threads.count
        if wanted > self.key_capacity:
            wanted += wanted // 2
            grown = realloc(self.keys, <size_t>wanted * sizeof(uint64_t))
            if grown == NULL:
                raise MemoryError
            self.keys = <uint64_t*>grown
            memset(self.keys + self.key_capacity, 0, <size_t>(wanted - self.key_capacity) * sizeof(uint64_t))
            self.key_capacity = wanted
        place = realloc(NULL, size * 8 + 8)
        if place == NULL:
            raise MemoryError
        result = take_over(&place, size * 8)
        keys = <uint64_t*>result.place
        fresh = []
        for index in range(size):
            row = rows[index]
            if row >= batch.columns.count:
                raise IndexError(row)
            version = versions[row]
            if not version:
                keys[index] = 0
                continue
            raw = load64(batch.columns.data + batch.columns.offset[row])
            time = <int64_t>raw if raw <= <uint64_t>INT64_MAX else INT64_MAX
            if not self.keys[version]:
                self.meet(version)
                fresh.append(row)
                self.spans[self.span_count - 1].first = time
                self.spans[self.span_count - 1].last = time
            keys[index] = self.keys[version]
            span = &self.spans[keys[index] - self.first_key]
            if time < span.first:
                span.first = time
            if time > span.last:
                span.last = time
        return result, fresh

    def spans_of(self, size_t start, size_t count):
        """When versions were met first and last.

        Parameters
        ----------
        start, count : int
            Which versions, counted from 0.

        Returns
        -------
        first, last : Memory
            An int64 for each, ns since the epoch.
        """
        cdef void* places[2]
        cdef size_t index
        if start > self.span_count or count > self.span_count - start:
            raise IndexError(start + count)
        places[0] = realloc(NULL, count * 8 + 8)
        places[1] = realloc(NULL, count * 8 + 8)
        if places[0] == NULL or places[1] == NULL:
            free(places[0])
            free(places[1])
            raise MemoryError
        for index in range(count):
            (<int64_t*>places[0])[index] = self.spans[start + index].first
            (<int64_t*>places[1])[index] = self.spans[start + index].last
        return take_over(&places[0], count * 8), take_over(&places[1], count * 8)

    def close(self):
        """Let go of all versions; their spans can still be asked for."""
        self.let_go()


def return_memory():
    """Return memory that was freed to the system.

    What is kept of a history lies scattered among what came and went; the C library would keep all the pages between.
    """
    with nogil:
        return_free_pages()
