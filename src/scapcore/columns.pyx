"""Values of fields gathered into columns."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.event cimport FieldReader, to_python
from scapcore.events cimport FORM_FLAGS, Columns, event_number, load16, load64
from scapcore.fields cimport *
from scapcore.memory cimport take_over
from scapcore.names cimport ADDRESS_SIZE, address_text
from scapcore.paths cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType, events_classic, events_modern
from scapcore.schema.types cimport *
from scapcore.strings cimport Strings, length_of, strings_add, strings_close, strings_open, text_of


cdef enum Kind:
    KIND_SIGNED = 1
    KIND_UNSIGNED
    KIND_BOOL
    KIND_DOUBLE
    KIND_TEXT
    KIND_BYTES


cdef dict PLAIN_PATHS = {"evt.num": PATH_NUMBER, "evt.rawtime": PATH_TIME, "thread.tid": PATH_TID, "evt.cpu": PATH_CPU}
cdef dict SHARED_PATHS = {SCOPE_TYPE: PATH_TYPE, SCOPE_THREAD: PATH_THREAD, SCOPE_FD: PATH_FD}


cdef Kind kind_of(uint8_t type) noexcept nogil:
    if type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH or type == PT_IPADDR:
        return KIND_TEXT
    if type == PT_BYTEBUF or type == PT_SOCKADDR or type == PT_SOCKTUPLE or type == PT_FDLIST or type == PT_DYN:
        return KIND_BYTES
    if type == PT_BOOL:
        return KIND_BOOL
    if type == PT_DOUBLE:
        return KIND_DOUBLE
    if type == PT_UINT64 or type == PT_RELTIME or type == PT_ABSTIME:
        return KIND_UNSIGNED
    return KIND_SIGNED


cdef object as_array(void** place, size_t count, size_t size, str type):
    """An array over memory of `malloc`, which it takes over: nothing is copied."""
    import numpy

    cdef void* fitting
    if not count:
        return numpy.empty(0, type)
    fitting = realloc(place[0], count * size)
    if fitting != NULL:
        place[0] = fitting
    return numpy.frombuffer(take_over(place, count * size), type)


cdef class ColumnBuilder:
    """Gathers the values of one field from the selected rows of batches.

    Parameters
    ----------
    reader : scapcore.event.FieldReader
        Shared by the columns of one pass.
    use : scapcore.fields.FieldUse
        The field.
    """

    cdef FieldReader reader
    cdef FieldUse use
    cdef readonly int kind
    cdef int path
    cdef void* values            # 64-bit numbers, or 32-bit numbers of texts with -1 for none
    cdef size_t width            # bytes of a value
    cdef uint8_t* present
    cdef size_t count
    cdef size_t capacity
    cdef Known* known            # by type or row
    cdef uint32_t known_capacity
    cdef uint32_t stamp
    cdef Strings texts
    cdef list payloads

    def __cinit__(self, FieldReader reader, FieldUse use):
        self.reader = reader
        self.use = use
        self.kind = kind_of(use.field.type)
        self.width = 4 if self.kind == KIND_TEXT else 8
        self.path = PATH_EVENT
        if self.kind != KIND_BYTES:
            self.path = PLAIN_PATHS.get(use.name, 0) or SHARED_PATHS.get(use.field.scope, PATH_EVENT)
        self.payloads = []
        memset(&self.texts, 0, sizeof(Strings))
        if self.kind == KIND_TEXT and not strings_open(&self.texts):
            raise MemoryError

    def __dealloc__(self):
        free(self.values)
        free(self.present)
        free(self.known)
        if self.texts.rows != NULL:
            strings_close(&self.texts)

    cdef bint room(self, size_t more) except False:
        cdef size_t wanted = self.capacity
        cdef void* values
        cdef uint8_t* present
        while wanted < self.count + more:
            wanted = wanted * 2 if wanted else 16384
        if wanted == self.capacity:
            return True
        values = realloc(self.values, wanted * self.width)
        if values == NULL:
            raise MemoryError
        self.values = values
        present = <uint8_t*>realloc(self.present, wanted)
        if present == NULL:
            raise MemoryError
        self.present = present
        self.capacity = wanted
        return True

    cdef bint begin(self, EventBatch batch) except False:
        """Forget the values of rows, which may be other rows in this batch, and have room for all that there are."""
        cdef uint32_t wanted = 0
        cdef Known* grown
        if self.path == PATH_TYPE:
            wanted = EVENT_COUNT        # types stay what they are
            self.stamp = 1
        elif self.path == PATH_THREAD or self.path == PATH_FD:
            if batch.engine is not None:
                wanted = batch.engine.state.threads.count if self.path == PATH_THREAD else batch.engine.state.fds.count
            self.stamp += 1
            if self.stamp == 0:
                memset(self.known, 0, self.known_capacity * sizeof(Known))
                self.stamp = 1
        if wanted > self.known_capacity:
            wanted += wanted // 2
            grown = <Known*>realloc(self.known, <size_t>wanted * sizeof(Known))
            if grown == NULL:
                raise MemoryError
            memset(grown + self.known_capacity, 0, <size_t>(wanted - self.known_capacity) * sizeof(Known))
            self.known = grown
            self.known_capacity = wanted
        return True

    cdef bint find(self, EventBatch batch, uint32_t row, uint64_t* number) noexcept nogil:
        """Take the value at one event; False where it is missing."""
        cdef Value value
        cdef char address[ADDRESS_SIZE]
        cdef uint32_t length
        number[0] = 0
        move_scope(&self.reader.scope, batch, row)
        if not extract(&self.use.field, &self.reader.scope, &value):
            return False
        if value.type == PT_IPADDR and self.kind == KIND_TEXT:
            length = address_text(value.data, value.length, address)
            if not length:
                return False
            number[0] = strings_add(&self.texts, <const uint8_t*>address, length)
        elif self.kind == KIND_TEXT:
            number[0] = strings_add(&self.texts, value.data, value.length)
        elif self.kind == KIND_DOUBLE:
            memcpy(number, &value.real, 8)
        else:
            number[0] = <uint64_t>value.integer
        return True

    cdef inline void put(self, size_t index, bint present, uint64_t number) noexcept nogil:
        """Set a value."""
        self.present[index] = present
        if self.width == 4:
            (<int32_t*>self.values)[index] = <int32_t>number if present else -1
        else:
            (<uint64_t*>self.values)[index] = number

    cdef void take_shared(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that most events have in common with others."""
        cdef Columns columns = batch.columns
        cdef uint64_t* numbers = <uint64_t*>self.values + self.count
        cdef int32_t* codes = <int32_t*>self.values + self.count
        cdef uint8_t* present = self.present + self.count
        cdef bint text = self.kind == KIND_TEXT
        cdef uint64_t number
        cdef bint found
        cdef Known* known = self.known
        cdef Known* place
        cdef const EventType* types
        cdef uint32_t row, key
        cdef uint32_t stamp = self.stamp
        cdef int path = self.path
        cdef size_t index
        types = events_modern if batch.engine is not None and batch.engine.modern else events_classic
        for index in range(size):
            row = rows[index]
            key = 0
            if path == PATH_TYPE:
                if columns.type[row] != GENERIC_E and columns.type[row] != GENERIC_X:
                    key = columns.type[row]
            elif path == PATH_THREAD:
                key = columns.thread[row]
            elif columns.thread[row] and columns.type[row] != SOCKET_CONNECT_X and (
                    types[columns.type[row]].flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD)):
                # A connect that goes on has a name of its own.
                key = columns.fd[row]
            if not key:
                found = self.find(batch, row, &number)
                self.put(self.count + index, found, number)
                continue
            place = &known[key]
            if place.stamp != stamp:
                place.present = self.find(batch, row, &place.number)
                place.stamp = stamp
            present[index] = place.present
            if text:
                codes[index] = <int32_t>place.number if place.present else -1
            else:
                numbers[index] = place.number

    cdef void take_plain(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that only need to be copied."""
        cdef Columns columns = batch.columns
        cdef uint64_t* numbers = <uint64_t*>self.values + self.count
        cdef const uint8_t* header
        cdef uint32_t row
        cdef int path = self.path
        cdef size_t index
        memset(self.present + self.count, 1, size)
        for index in range(size):
            row = rows[index]
            header = columns.data + columns.offset[row]
            if path == PATH_NUMBER:
                numbers[index] = event_number(&columns, row)
            elif path == PATH_TIME:
                numbers[index] = load64(header)
            elif path == PATH_TID:
                numbers[index] = load64(header + 8)
            else:
                numbers[index] = <uint64_t><int64_t><short>load16(header - (6 if columns.form[row] & FORM_FLAGS else 2))

    def take(self, EventBatch batch, const uint32_t[::1] rows):
        """Append the values at some rows of a batch."""
        cdef Py_ssize_t index
        cdef size_t size = <size_t>rows.shape[0]
        cdef Scope* scope = &self.reader.scope
        cdef Value value
        cdef uint64_t number
        cdef bint found
        if not size:
            return
        batch.require(self.use.field.needs)
        self.reader.bind(batch)
        self.room(size)
        if self.kind == KIND_BYTES:
            for index in range(rows.shape[0]):
                move_scope(scope, batch, rows[index])
                found = extract(&self.use.field, scope, &value)
                self.present[self.count] = found
                self.payloads.append(to_python(&value, True) if found else b"")
                self.count += 1
            return
        self.begin(batch)
        with nogil:
            if self.path >= PATH_NUMBER:
                self.take_plain(batch, &rows[0], size)
            elif self.path > PATH_EVENT:
                self.take_shared(batch, &rows[0], size)
            else:
                for index in range(rows.shape[0]):
                    found = self.find(batch, rows[index], &number)
                    self.put(self.count + index, found, number)
        self.count += size

    def finish(self):
        """The column.

        Returns
        -------
        values : ndarray
            int64, uint64, bool or float64 of shape (n,); for texts int32 codes into `dictionary`, -1 where missing;
            for byte fields an object array of bytes.
        valid : ndarray of bool
            False where the field is missing.
        dictionary : list of str or None
            The distinct texts.
        """
        import numpy

        cdef size_t index
        cdef size_t count = self.count
        self.count = self.capacity = 0
        valid = as_array(<void**>&self.present, count, 1, "bool")
        if self.kind == KIND_BYTES:
            values = numpy.empty(count, object)
            values[:] = self.payloads
            return values, valid, None
        if self.kind == KIND_TEXT:
            # Number 0 of the dictionary is the empty text.
            dictionary = [
                text_of(&self.texts, index)[:length_of(&self.texts, index)].decode("utf-8", "surrogateescape")
                for index in range(self.texts.count)
            ]
            return as_array(&self.values, count, 4, "int32"), valid, dictionary
        if self.kind == KIND_DOUBLE:
            return as_array(&self.values, count, 8, "float64"), valid, None
        values = as_array(&self.values, count, 8, "uint64" if self.kind == KIND_UNSIGNED else "int64")
        return values != 0 if self.kind == KIND_BOOL else values, valid, None
