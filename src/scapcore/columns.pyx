"""Values of fields gathered into columns."""

from cpython.buffer cimport PyBUF_FORMAT
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from scapcore.batch cimport EventBatch
from scapcore.event cimport FieldReader, to_python
from scapcore.fields cimport *
from scapcore.schema.types cimport *
from scapcore.strings cimport Strings, length_of, strings_add, strings_close, strings_open, text_of

cdef enum Kind:
    KIND_SIGNED = 1
    KIND_UNSIGNED
    KIND_BOOL
    KIND_DOUBLE
    KIND_TEXT
    KIND_BYTES


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
    cdef uint64_t* numbers       # integers, or numbers of texts
    cdef uint8_t* present
    cdef size_t count
    cdef size_t capacity
    cdef Strings texts
    cdef list payloads

    def __cinit__(self, FieldReader reader, FieldUse use):
        self.reader = reader
        self.use = use
        self.kind = kind_of(use.field.type)
        self.payloads = []
        memset(&self.texts, 0, sizeof(Strings))
        if self.kind == KIND_TEXT and not strings_open(&self.texts):
            raise MemoryError

    def __dealloc__(self):
        free(self.numbers)
        free(self.present)
        if self.texts.rows != NULL:
            strings_close(&self.texts)

    cdef bint room(self, size_t more) except False:
        cdef size_t wanted = self.capacity
        cdef uint64_t* numbers
        cdef uint8_t* present
        while wanted < self.count + more:
            wanted = wanted * 2 if wanted else 16384
        if wanted == self.capacity:
            return True
        numbers = <uint64_t*>realloc(self.numbers, wanted * sizeof(uint64_t))
        if numbers == NULL:
            raise MemoryError
        self.numbers = numbers
        present = <uint8_t*>realloc(self.present, wanted)
        if present == NULL:
            raise MemoryError
        self.present = present
        self.capacity = wanted
        return True

    def take(self, EventBatch batch, const uint32_t[::1] rows):
        """Append the values at some rows of a batch."""
        cdef Py_ssize_t index
        cdef Scope* scope = &self.reader.scope
        cdef Value value
        cdef bint found
        cdef const uint8_t* data
        batch.require(self.use.field.needs)
        self.reader.bind(batch)
        self.room(rows.shape[0])
        if self.kind == KIND_BYTES:
            for index in range(rows.shape[0]):
                move_scope(scope, batch, rows[index])
                found = extract(&self.use.field, scope, &value)
                self.present[self.count] = found
                self.payloads.append(to_python(&value, True) if found else b"")
                self.count += 1
            return
        if self.kind == KIND_TEXT and self.use.field.type == PT_IPADDR:
            for index in range(rows.shape[0]):
                move_scope(scope, batch, rows[index])
                found = extract(&self.use.field, scope, &value)
                self.present[self.count] = found
                self.numbers[self.count] = 0
                if found:
                    text = (<str>to_python(&value, False)).encode()
                    data = text
                    self.numbers[self.count] = strings_add(&self.texts, data, len(text))
                self.count += 1
            return
        with nogil:
            for index in range(rows.shape[0]):
                move_scope(scope, batch, rows[index])
                found = extract(&self.use.field, scope, &value)
                self.present[self.count] = found
                if not found:
                    self.numbers[self.count] = 0
                elif self.kind == KIND_TEXT:
                    self.numbers[self.count] = strings_add(&self.texts, value.data, value.length)
                elif self.kind == KIND_DOUBLE:
                    (<double*>self.numbers)[self.count] = value.real
                else:
                    self.numbers[self.count] = <uint64_t>value.integer
                self.count += 1

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
        cdef uint64_t[::1] numbers
        cdef int32_t[::1] codes
        cdef uint8_t[::1] flags
        valid = numpy.empty(self.count, numpy.uint8)
        flags = valid
        for index in range(self.count):
            flags[index] = self.present[index]
        valid = valid.astype(bool)
        if self.kind == KIND_BYTES:
            values = numpy.empty(self.count, object)
            values[:] = self.payloads
            return values, valid, None
        if self.kind == KIND_TEXT:
            # Number 0 of the dictionary is the empty text.
            result = numpy.empty(self.count, numpy.int32)
            codes = result
            for index in range(self.count):
                codes[index] = <int32_t>self.numbers[index] if self.present[index] else -1
            dictionary = [
                text_of(&self.texts, index)[:length_of(&self.texts, index)].decode("utf-8", "surrogateescape")
                for index in range(self.texts.count)
            ]
            return result, valid, dictionary
        raw = numpy.empty(self.count, numpy.uint64)
        numbers = raw
        for index in range(self.count):
            numbers[index] = self.numbers[index]
        if self.kind == KIND_BOOL:
            return raw != 0, valid, None
        if self.kind == KIND_DOUBLE:
            return raw.view(numpy.float64), valid, None
        return (raw if self.kind == KIND_UNSIGNED else raw.view(numpy.int64)), valid, None
