"""Sums by key: what tables of the "top" kind are made of."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer, put_byte, put_bytes, release
from scapcore.event cimport FieldReader, to_python
from scapcore.events cimport MARK_HIDDEN
from scapcore.fields cimport SCOPE_TYPE, Field, FieldUse, Scope, Value, extract, move_scope
from scapcore.schema.tables cimport EVENT_COUNT
from scapcore.schema.types cimport *
from scapcore.strings cimport Strings, length_of, strings_add, strings_close, strings_open, text_of


cdef struct Total:
    int64_t whole            # of integer values
    double real              # of values with a fraction
    uint64_t events


cdef inline bint has_bytes(uint8_t type) noexcept nogil:
    """True for values that are a run of bytes."""
    return (type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH or type == PT_IPADDR or type == PT_BYTEBUF
            or type == PT_SOCKADDR or type == PT_SOCKTUPLE or type == PT_FDLIST or type == PT_DYN)


cdef class Groups:
    """Counts events, or sums a value of theirs, by the values of key fields.

    Parameters
    ----------
    reader : scapcore.event.FieldReader
        Takes the values; it says whether texts come as they are printed.
    keys : sequence of scapcore.fields.FieldUse
        At least one. Events that lack one of them do not count.
    value : scapcore.fields.FieldUse, optional
        What to sum, an integer or a number with a fraction; None counts the events.
    positive : bool
        Whether values of zero and below are left out, together with the keys that have no others.

    Raises
    ------
    ValueError
        If there is no key.

    Examples
    --------
    >>> from scapcore.event import FieldReader
    >>> from scapcore.fields import FieldUse
    >>> groups = Groups(FieldReader(FieldUse), [FieldUse("proc.name"), FieldUse("proc.pid")], FieldUse("evt.rawres"))
    >>> groups.rows(), len(groups)
    ([], 0)
    """

    cdef FieldReader reader
    cdef tuple uses
    cdef FieldUse value
    cdef Field** fields
    cdef uint32_t field_count
    cdef bint positive
    cdef bint by_type                    # the one key is a function of the event type
    cdef bint failed
    cdef Strings texts                   # the values of the keys, one behind the other
    cdef Total* totals                   # by number of the text
    cdef uint32_t capacity
    cdef Buffer key
    cdef uint32_t[EVENT_COUNT] of_type   # number of the text of an event type, 0 = not met yet

    def __cinit__(self):
        memset(&self.texts, 0, sizeof(Strings))
        memset(&self.key, 0, sizeof(Buffer))
        memset(self.of_type, 0, sizeof(self.of_type))

    def __init__(self, FieldReader reader not None, keys, FieldUse value=None, *, bint positive=True):
        cdef FieldUse use
        cdef uint32_t index
        if self.fields != NULL:
            raise RuntimeError("groups are made once")
        self.uses = tuple(keys)
        if not self.uses:
            raise ValueError("groups need a key")
        self.reader = reader
        self.value = value
        self.positive = positive
        self.field_count = <uint32_t>len(self.uses)
        self.fields = <Field**>calloc(self.field_count, sizeof(Field*))
        if self.fields == NULL or not strings_open(&self.texts):
            raise MemoryError
        for index in range(self.field_count):
            use = self.uses[index]
            self.fields[index] = &use.field
        self.by_type = self.field_count == 1 and self.fields[0].scope == SCOPE_TYPE

    def __dealloc__(self):
        free(self.fields)
        free(self.totals)
        release(&self.key)
        if self.texts.rows != NULL:
            strings_close(&self.texts)

    def __len__(self):
        return self.texts.count - 1 if self.texts.rows != NULL else 0

    def take(self, EventBatch batch not None):
        """Add the selected events of a batch, or all shown ones if nothing selected."""
        cdef FieldUse use
        cdef uint32_t count, position, row
        for use in self.uses:
            batch.require(use.field.needs)
        if self.value is not None:
            batch.require(self.value.field.needs)
        self.reader.bind(batch)
        with nogil:
            count = batch.selected_count if batch.has_selection else batch.columns.count
            for position in range(count):
                row = batch.selection[position] if batch.has_selection else position
                if batch.columns.mark[row] & MARK_HIDDEN:
                    continue
                self.add(batch, row)
        if self.failed or self.key.failed:
            raise MemoryError

    cdef void add(self, EventBatch batch, uint32_t row) noexcept nogil:
        cdef Scope* scope = &self.reader.scope
        cdef Value value
        cdef Total* total
        cdef uint32_t number
        cdef uint16_t type = batch.columns.type[row]
        cdef bint simple = self.by_type and type > GENERIC_X
        cdef bint fraction = False
        value.integer = 1
        if not (simple and self.value is None):
            move_scope(scope, batch, row)
        if self.value is not None:
            if not extract(&self.value.field, scope, &value):
                return
            fraction = value.type == PT_DOUBLE
            if self.positive and (value.real <= 0 if fraction else value.integer <= 0):
                return
        number = self.of_type[type] if simple else 0
        if not number:
            if simple and self.value is None:
                move_scope(scope, batch, row)
            number = self.number_of_key(scope)
            if not number:
                return
            if simple:
                self.of_type[type] = number
        total = &self.totals[number]
        total.events += 1
        if fraction:
            total.real += value.real
        else:
            total.whole += value.integer

    cdef uint32_t number_of_key(self, Scope* scope) noexcept nogil:
        """Number of the key of the event that the scope is at, 0 if it has none."""
        cdef Value value
        cdef uint32_t index, number, capacity
        cdef Total* grown
        self.key.used = 0
        for index in range(self.field_count):
            if not extract(self.fields[index], scope, &value):
                return 0
            put_byte(&self.key, value.type)
            if has_bytes(value.type):
                put_bytes(&self.key, &value.length, 4)
                put_bytes(&self.key, value.data, value.length)
            elif value.type == PT_DOUBLE:
                put_bytes(&self.key, &value.real, 8)
            else:
                put_bytes(&self.key, &value.integer, 8)
        if self.key.failed:
            return 0
        number = strings_add(&self.texts, self.key.data, self.key.used)
        if number >= self.capacity:
            capacity = self.capacity * 2 if self.capacity else 256
            while capacity <= number:
                capacity *= 2
            grown = <Total*>realloc(self.totals, capacity * sizeof(Total))
            if grown == NULL:
                self.failed = True
                return 0
            memset(grown + self.capacity, 0, (capacity - self.capacity) * sizeof(Total))
            self.totals = grown
            self.capacity = capacity
        return number

    def rows(self):
        """The groups in the order in which they were first met.

        Returns
        -------
        list of tuple of (tuple, int or float)
            Values of the keys as Python objects, and the sum; the number of events where nothing is summed.
        """
        cdef uint32_t number
        result = []
        for number in range(1, self.texts.count):
            keys = self.keys_of(number)
            if self.totals[number].real:
                result.append((keys, self.totals[number].real + self.totals[number].whole))
            else:
                result.append((keys, self.totals[number].whole))
        return result

    cdef tuple keys_of(self, uint32_t number):
        cdef const uint8_t* place = text_of(&self.texts, number)
        cdef const uint8_t* end = place + length_of(&self.texts, number)
        cdef Value value
        keys = []
        while place < end:
            memset(&value, 0, sizeof(Value))
            value.type = place[0]
            place += 1
            if has_bytes(value.type):
                memcpy(&value.length, place, 4)
                value.data = place + 4
                place += 4 + value.length
            else:
                if value.type == PT_DOUBLE:
                    memcpy(&value.real, place, 8)
                else:
                    memcpy(&value.integer, place, 8)
                place += 8
            keys.append(to_python(&value, True))
        return tuple(keys)

    def clear(self):
        """Forget everything that was added."""
        strings_close(&self.texts)
        memset(&self.texts, 0, sizeof(Strings))
        memset(self.of_type, 0, sizeof(self.of_type))
        if self.totals != NULL:
            memset(self.totals, 0, self.capacity * sizeof(Total))
        if not strings_open(&self.texts):
            raise MemoryError
