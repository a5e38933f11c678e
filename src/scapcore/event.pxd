# Events for people: a view of one row of a batch, and the cursor that walks over them.

from libc.stdint cimport uint32_t, uint64_t

from scapcore.batch cimport EventBatch, EventPlace
from scapcore.fields cimport Field, FieldUse, Scope, Value
from scapcore.reader cimport Reader
from scapcore.text cimport TextContext


cdef class FieldReader:
    cdef Scope scope
    cdef TextContext text
    cdef Value value
    cdef uint64_t serial
    cdef dict uses
    cdef object compile
    cdef bint bind(self, EventBatch batch) except False
    cdef object take(self, EventBatch batch, uint32_t row, FieldUse use)
    cpdef object value_of(self, EventBatch batch, uint32_t row, str name)


cdef class Event(EventPlace):
    cdef FieldReader reader


cdef class EventIterator:
    cdef Reader reader
    cdef FieldReader fields
    cdef object predicate
    cdef EventBatch batch
    cdef bytes rows                  # of the batch that are to be given, numbers of 32 bits
    cdef uint32_t place
    cdef uint32_t count

cdef object to_python(const Value* value, bint binary)
