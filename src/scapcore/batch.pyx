"""A batch of events as columns."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.engine cimport Engine
from scapcore.events cimport *
from scapcore.schema.tables cimport events_classic, parameters_classic
from scapcore.state cimport NEED_COUNTERS, NEED_LATENCY, State, fd_row, fd_row_drop, thread_row, thread_row_drop

cdef char* BYTE_FORMAT = b"B"


cdef class Chunk:
    """Bytes that batches refer to: memory of its own, or a view of somebody else's. Internal to the core."""

    def __cinit__(self, owner=None, size_t capacity=0):
        if owner is not None:
            PyObject_GetBuffer(owner, &self.view, PyBUF_SIMPLE)
            self.viewed = True
            self.owner = owner
            self.data = <uint8_t*>self.view.buf
            self.capacity = self.view.len
            self.used = self.view.len
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


cdef class EventBatch:
    """Consecutive events of a capture as columns.

    Columns are read-only NumPy arrays of shape ``(len(batch),)`` without copies; they, and everything else that
    comes from a batch, stay valid for as long as they are kept, however far the reading has gone on.
    """

    def __cinit__(self):
        cdef Columns* columns = &self.columns
        memset(columns, 0, sizeof(Columns))
        columns.offset = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        columns.type = <uint16_t*>malloc(BATCH_EVENTS * sizeof(uint16_t))
        columns.nparams = <uint16_t*>malloc(BATCH_EVENTS * sizeof(uint16_t))
        columns.form = <uint8_t*>malloc(BATCH_EVENTS)
        columns.mark = <uint8_t*>malloc(BATCH_EVENTS)
        columns.thread = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        columns.fd = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        columns.table = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        columns.fd_number = <int64_t*>malloc(BATCH_EVENTS * sizeof(int64_t))
        self.selection = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        if (columns.offset == NULL or columns.type == NULL or columns.nparams == NULL or columns.form == NULL
                or columns.mark == NULL or columns.thread == NULL or columns.fd == NULL or columns.table == NULL
                or columns.fd_number == NULL or self.selection == NULL):
            raise MemoryError

    def __init__(self, uint32_t needs=0):
        self.needs = needs
        if needs & NEED_LATENCY:
            self.columns.latency = <uint64_t*>malloc(BATCH_EVENTS * sizeof(uint64_t))
            if self.columns.latency == NULL:
                raise MemoryError
        if needs & NEED_COUNTERS:
            self.columns.counters = <uint64_t*>malloc(COUNTERS * BATCH_EVENTS * sizeof(uint64_t))
            if self.columns.counters == NULL:
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
        self.pinned = False

    cpdef void pin(self):
        """Keep the dimension rows of this batch while the engine goes on."""
        cdef uint32_t row
        cdef State* state
        if self.pinned or self.engine is None:
            return
        state = &self.engine.state
        for row in range(self.columns.count):
            if self.columns.thread[row]:
                thread_row(state, self.columns.thread[row]).references += 1
            if self.columns.fd[row]:
                fd_row(state, self.columns.fd[row]).references += 1
        self.pinned = True

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
        return self.columns.first_number

    @property
    def num(self):
        """ndarray of uint64 : Event numbers."""
        import numpy

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

    @property
    def selected(self):
        """ndarray of uint32 : Rows that the filter chose; all shown rows where there was no filter."""
        import numpy

        if not self.has_selection:
            return numpy.flatnonzero(~self.hidden).astype(numpy.uint32)
        result = numpy.empty(self.selected_count, numpy.uint32)
        cdef uint32_t[::1] values = result
        cdef uint32_t row
        for row in range(self.selected_count):
            values[row] = self.selection[row]
        return result
