"""A batch of events as columns."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_FULL_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.engine cimport Engine
from scapcore.events cimport *
from scapcore.history cimport Frozen, freeze, thaw
from scapcore.schema.tables cimport events_classic, parameters_classic
from scapcore.state cimport (NEED_CHANGES, NEED_COUNTERS, NEED_LATENCY, State, fd_row, fd_row_drop, thread_row,
                             thread_row_drop)

from scapcore.errors import FieldError

cdef char* BYTE_FORMAT = b"B"


# The collector must not clear these two: what they hold is given back in `__dealloc__`, with the buffer's owner and
# the engine still there.
@cython.no_gc_clear
cdef class Chunk:
    """Bytes that batches refer to: memory of its own, or a view of somebody else's. Internal to the core."""

    def __cinit__(self, owner=None, size_t capacity=0):
        cdef Py_buffer* seen
        if owner is not None:
            # What the view looks at is held, not the view: before Python 3.13 the collector can clear a memoryview
            # while buffers of it are out, and giving these back later ends the process.
            window = memoryview(owner)
            seen = PyMemoryView_GET_BUFFER(window)
            held = window.obj
            PyObject_GetBuffer(owner if held is None else held, &self.view, PyBUF_FULL_RO)
            self.viewed = True
            self.data = <uint8_t*>seen.buf
            self.capacity = seen.len
            self.used = seen.len
        elif capacity:
            self.grow(capacity)

    def __dealloc__(self):
        if self.viewed:
            PyBuffer_Release(&self.view)
        else:
            free(self.data)

    cdef bint grow(self, size_t capacity) except False:
        cdef uint8_t* grown = <uint8_t*>realloc(self.data, capacity)
        if grown == NULL:
            raise MemoryError
        self.data = grown
        self.capacity = capacity
        return True

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & PyBUF_WRITABLE and self.viewed:
            raise BufferError("the bytes of a capture cannot be written")
        buffer.buf = self.data
        buffer.obj = self
        buffer.len = self.used if self.viewed else self.capacity
        buffer.itemsize = 1
        buffer.readonly = self.viewed
        buffer.ndim = 1
        buffer.format = BYTE_FORMAT if flags & PyBUF_FORMAT else <char*>NULL
        buffer.shape = NULL
        buffer.strides = NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL


cdef class ColumnView:
    """A column of a batch for NumPy; it keeps the batch alive. Internal to the core."""

    cdef EventBatch batch
    cdef void* data
    cdef Py_ssize_t size
    cdef Py_ssize_t shape[1]
    cdef Py_ssize_t strides[1]
    cdef bytes format

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the columns of a capture cannot be written")
        buffer.buf = self.data
        buffer.obj = self
        buffer.len = self.shape[0] * self.size
        buffer.itemsize = self.size
        buffer.readonly = True
        buffer.ndim = 1
        buffer.format = <char*>self.format if flags & PyBUF_FORMAT else <char*>NULL
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL


cdef object column(EventBatch batch, void* data, Py_ssize_t size, bytes format):
    """A read-only NumPy array over a column."""
    import numpy    # not at the top: the command lines do without

    cdef ColumnView view = ColumnView()
    view.batch = batch
    view.data = data
    view.size = size
    view.shape[0] = batch.columns.count
    view.strides[0] = size
    view.format = format
    return numpy.asarray(view)


cdef uint64_t serials = 0


cdef uint64_t next_serial() noexcept:
    """A number for what a batch holds now."""
    global serials
    serials += 1
    return serials


@cython.no_gc_clear
cdef class EventBatch:
    """Consecutive events of a capture as columns.

    Columns are read-only NumPy arrays of shape ``(len(batch),)`` without copies; they, and everything else that
    comes from a batch, stay valid for as long as they are kept, however far the reading has gone on.
    """

    def __cinit__(self, uint32_t needs=0, size_t capacity=BATCH_EVENTS):
        cdef Columns* columns = &self.columns
        memset(columns, 0, sizeof(Columns))
        columns.offset = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        columns.type = <uint16_t*>malloc(capacity * sizeof(uint16_t))
        columns.nparams = <uint16_t*>malloc(capacity * sizeof(uint16_t))
        columns.form = <uint8_t*>malloc(capacity)
        columns.mark = <uint8_t*>malloc(capacity)
        columns.thread = <uint32_t*>calloc(capacity, sizeof(uint32_t))
        columns.fd = <uint32_t*>calloc(capacity, sizeof(uint32_t))
        columns.table = <uint32_t*>calloc(capacity, sizeof(uint32_t))
        columns.fd_number = <int64_t*>calloc(capacity, sizeof(int64_t))
        self.selection = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        if (columns.offset == NULL or columns.type == NULL or columns.nparams == NULL or columns.form == NULL
                or columns.mark == NULL or columns.thread == NULL or columns.fd == NULL or columns.table == NULL
                or columns.fd_number == NULL or self.selection == NULL):
            raise MemoryError
        self.needs = needs
        if needs & NEED_LATENCY:
            columns.latency = <uint64_t*>malloc(capacity * sizeof(uint64_t))
            if columns.latency == NULL:
                raise MemoryError
        if needs & NEED_COUNTERS:
            columns.counters = <uint64_t*>malloc(COUNTERS * capacity * sizeof(uint64_t))
            if columns.counters == NULL:
                raise MemoryError

    def __dealloc__(self):
        cdef Columns* columns = &self.columns
        self.clear()
        free(columns.offset)
        free(columns.type)
        free(columns.nparams)
        free(columns.form)
        free(columns.mark)
        free(columns.thread)
        free(columns.fd)
        free(columns.table)
        free(columns.fd_number)
        free(columns.latency)
        free(columns.counters)
        free(columns.origin)
        free(self.selection)

    cdef void clear(self) noexcept:
        """Let go of the rows that a kept batch holds."""
        cdef uint32_t row
        cdef State* state
        if self.pinned and self.engine is not None:
            state = &self.engine.state
            for row in range(self.columns.count):
                thread_row_drop(state, self.columns.thread[row])
                fd_row_drop(state, self.columns.fd[row])
            thaw(state, <Frozen*>self.columns.frozen)
            self.columns.frozen = NULL
            self.engine.kept -= 1
        self.pinned = False
        self.serial = next_serial()

    cdef void hold_rows(self) noexcept:
        cdef uint32_t row
        cdef State* state = &self.engine.state
        for row in range(self.columns.count):
            if self.columns.thread[row]:
                thread_row(state, self.columns.thread[row]).references += 1
            if self.columns.fd[row]:
                fd_row(state, self.columns.fd[row]).references += 1
        self.engine.kept += 1
        self.pinned = True

    cpdef bint pin(self) except False:
        """Keep what the events of this batch refer to while the engine goes on."""
        if self.pinned or self.engine is None:
            return True
        if self.engine.state.needs & NEED_CHANGES:
            self.columns.frozen = freeze(&self.engine.state, &self.columns)
            if self.columns.frozen == NULL:
                raise MemoryError
        self.hold_rows()
        self.serial = next_serial()
        return True

    cdef bint keep_places(self) except False:
        """Move the events that somebody looks at to a batch of their own, so that this one can be used again."""
        cdef list places = []
        cdef PyObject* next = self.places
        cdef EventPlace place
        cdef EventBatch kept
        cdef uint32_t to
        while next != NULL:
            places.append(<EventPlace>next)
            next = (<EventPlace>next).behind
        places.reverse()
        kept = EventBatch(self.needs, len(places))
        kept.take_rows(self, places)
        kept.pin()
        for to, place in enumerate(places):
            place.leave()
            place.enter(kept, to)
        return True

    cdef bint take_rows(self, EventBatch whole, list places) except False:
        """Fill an empty batch with single events of another one."""
        cdef Columns* columns = &self.columns
        cdef const Columns* old = &whole.columns
        cdef EventPlace place
        cdef Event event
        cdef uint32_t row, to, index, before
        cdef size_t size = 0
        columns.origin = <uint32_t*>malloc(len(places) * sizeof(uint32_t))
        if columns.origin == NULL:
            raise MemoryError
        for to, place in enumerate(places):
            columns.origin[to] = place.row
            whole.place(&event, place.row)
            # What precedes the header in its block, cpu and flags, comes along.
            columns.offset[to] = <uint32_t>size + 6
            size += <size_t>(event.values - event.header) + 6
            for index in range(event.nparams):
                size += parameter_length(&event, index)
        columns.count = len(places)
        columns.first_time = old.first_time
        columns.first_number = old.first_number
        columns.base = old.base
        columns.container_count = old.container_count
        columns.user_count = old.user_count
        self.chunk = Chunk(None, size)
        self.chunk.used = size
        self.engine = whole.engine
        columns.data = self.chunk.data
        for to in range(columns.count):
            row = columns.origin[to]
            if to + 1 < columns.count:
                index = columns.offset[to + 1] - columns.offset[to]
            else:
                index = <uint32_t>(size + 6 - columns.offset[to])
            before = 6 if old.form[row] & FORM_FLAGS else 2
            memcpy(self.chunk.data + columns.offset[to] - before, old.data + old.offset[row] - before, index - 6 + before)
            columns.type[to] = old.type[row]
            columns.nparams[to] = old.nparams[row]
            columns.form[to] = old.form[row]
            columns.mark[to] = old.mark[row]
            columns.thread[to] = old.thread[row]
            columns.fd[to] = old.fd[row]
            columns.table[to] = old.table[row]
            columns.fd_number[to] = old.fd_number[row]
            if columns.latency != NULL:
                columns.latency[to] = old.latency[row]
            if columns.counters != NULL:
                memcpy(columns.counters + <size_t>to * COUNTERS, old.counters + <size_t>row * COUNTERS,
                       COUNTERS * sizeof(uint64_t))
        return True

    cdef bint require(self, uint32_t needs) except False:
        """Make sure that the columns are there without which a field cannot be taken."""
        if self.engine is not None and needs & ~self.needs & (NEED_LATENCY | NEED_COUNTERS):
            raise FieldError("the batch was read without the columns of latencies or memory that a field needs")
        return True

    cdef void place(self, Event* event, uint32_t row) noexcept nogil:
        """Point a view at one event."""
        if self.engine is None:
            place_event(event, self.columns.data + self.columns.offset[row], self.columns.type[row],
                        self.columns.nparams[row], self.columns.form[row], events_classic, parameters_classic)
        else:
            place_event(event, self.columns.data + self.columns.offset[row], self.columns.type[row],
                        self.columns.nparams[row], self.columns.form[row], self.engine.state.types,
                        self.engine.state.parameters)

    def __len__(self):
        return self.columns.count

    @property
    def first_number(self):
        """int : Event number of the first row; numbers count every event of the capture from 1."""
        return event_number(&self.columns, 0) if self.columns.count else self.columns.first_number

    @property
    def first_time(self):
        """int : Time of the capture's first event, ns since the epoch: the zero of relative time."""
        return self.columns.first_time

    @property
    def num(self):
        """ndarray of uint64 : Event numbers."""
        import numpy

        if self.columns.origin != NULL:
            return column(self, self.columns.origin, 4, b"I") + numpy.uint64(self.columns.first_number)
        return numpy.arange(self.columns.first_number, self.columns.first_number + self.columns.count, dtype=numpy.uint64)

    @property
    def type(self):
        """ndarray of uint16 : Event types; even for enter, odd for exit events."""
        return column(self, self.columns.type, 2, b"H")

    @property
    def nparams(self):
        """ndarray of uint16 : Number of parameters that the capture holds for the event."""
        return column(self, self.columns.nparams, 2, b"H")

    @property
    def hidden(self):
        """ndarray of bool : True for events that count but are not shown (internal and state-only ones)."""
        return (column(self, self.columns.mark, 1, b"B") & MARK_HIDDEN) != 0

    @property
    def thread(self):
        """ndarray of uint32 : Row of the thread dimension, 0 where the event has no thread."""
        return column(self, self.columns.thread, 4, b"I")

    @property
    def fd(self):
        """ndarray of uint32 : Row of the descriptor dimension, 0 where the event has no known descriptor."""
        return column(self, self.columns.fd, 4, b"I")

    @property
    def ts(self):
        """ndarray of uint64 : Time stamps in nanoseconds since the epoch."""
        import numpy

        result = numpy.empty(self.columns.count, numpy.uint64)
        cdef uint64_t[::1] values = result
        cdef uint32_t row
        for row in range(self.columns.count):
            values[row] = load64(self.columns.data + self.columns.offset[row])
        return result

    @property
    def tid(self):
        """ndarray of int64 : Ids of the threads, -1 for none."""
        import numpy

        result = numpy.empty(self.columns.count, numpy.int64)
        cdef int64_t[::1] values = result
        cdef uint32_t row
        for row in range(self.columns.count):
            values[row] = <int64_t>load64(self.columns.data + self.columns.offset[row] + 8)
        return result

    @property
    def cpu(self):
        """ndarray of uint16 : Numbers of the processors."""
        import numpy

        result = numpy.empty(self.columns.count, numpy.uint16)
        cdef uint16_t[::1] values = result
        cdef uint32_t row
        for row in range(self.columns.count):
            values[row] = load16(self.columns.data + self.columns.offset[row]
                                 - (6 if self.columns.form[row] & FORM_FLAGS else 2))
        return result

    @property
    def data(self):
        """memoryview : The raw bytes that offsets of :meth:`parameter` count in."""
        cdef size_t start = <size_t>(self.columns.data - self.chunk.data)
        return memoryview(self.chunk)[start:]

    def parameter(self, uint32_t index):
        """Where one parameter of every event lies in :attr:`data`.

        Parameters
        ----------
        index : int
            Position of the parameter, from 0.

        Returns
        -------
        offset : ndarray of uint64
            Byte offsets; meaningless where the length is -1.
        length : ndarray of int64
            Lengths in bytes, -1 for events that have no such parameter.
        """
        import numpy

        offsets = numpy.zeros(self.columns.count, numpy.uint64)
        lengths = numpy.empty(self.columns.count, numpy.int64)
        cdef uint64_t[::1] offset = offsets
        cdef int64_t[::1] length = lengths
        cdef uint32_t row, size
        cdef const uint8_t* place
        cdef Event event
        for row in range(self.columns.count):
            self.place(&event, row)
            if index >= event.nparams:
                length[row] = -1
                continue
            place = parameter(&event, index, &size)
            offset[row] = <uint64_t>(place - self.columns.data)
            length[row] = size
        return offsets, lengths

    cpdef void select_all(self):
        """Forget what a filter chose."""
        self.has_selection = False

    def choose(self, const uint32_t[::1] rows):
        """Make some rows the selection.

        Parameters
        ----------
        rows : buffer of uint32
            Rows of the batch in growing order, all of them shown ones.
        """
        cdef Py_ssize_t index
        if rows.shape[0] > self.columns.count:
            raise ValueError("more rows are chosen than there are")
        for index in range(rows.shape[0]):
            if rows[index] >= self.columns.count:
                raise IndexError(rows[index])
            self.selection[index] = rows[index]
        self.selected_count = <uint32_t>rows.shape[0]
        self.has_selection = True

    cdef bytes rows(self):
        """The rows of :attr:`selected` as they lie in memory, for those who do without NumPy."""
        cdef uint32_t row, count = 0
        cdef uint32_t* target
        if self.has_selection:
            return PyBytes_FromStringAndSize(<char*>self.selection, self.selected_count * sizeof(uint32_t))
        for row in range(self.columns.count):
            count += not self.columns.mark[row] & MARK_HIDDEN
        shown = PyBytes_FromStringAndSize(NULL, count * sizeof(uint32_t))
        target = <uint32_t*>PyBytes_AS_STRING(shown)
        for row in range(self.columns.count):
            if not self.columns.mark[row] & MARK_HIDDEN:
                target[0] = row
                target += 1
        return shown

    @property
    def selected(self):
        """ndarray of uint32 : Rows that the filter chose; all shown rows where there was no filter."""
        import numpy

        return numpy.frombuffer(self.rows(), numpy.uint32).copy()


@cython.no_gc_clear
cdef class EventPlace:
    """One event of a batch that somebody looks at; the base of the views of events. Internal to the core.

    A batch knows its places. When the reader goes on and nothing else of the batch is in use, these events move to a
    small batch of their own: who keeps one event in a million keeps its few bytes and rows, not everything around it.
    """

    def __dealloc__(self):
        self.leave()

    cdef void enter(self, EventBatch batch, uint32_t row) noexcept:
        """Look at an event of a batch."""
        self.batch = batch
        self.row = row
        self.before = NULL
        self.behind = batch.places
        if batch.places != NULL:
            (<EventPlace>batch.places).before = <PyObject*>self
        batch.places = <PyObject*>self
        batch.place_count += 1

    cdef void leave(self) noexcept:
        """Look at nothing; the batch is still held."""
        if self.batch is None:
            return
        if self.behind != NULL:
            (<EventPlace>self.behind).before = self.before
        if self.before != NULL:
            (<EventPlace>self.before).behind = self.behind
        else:
            self.batch.places = self.behind
        self.batch.place_count -= 1
