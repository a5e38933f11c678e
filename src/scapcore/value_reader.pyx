"""Values of operands of filters, for tests and for curious eyes. Internal to the core."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.batch cimport EventBatch
from scapcore.compare cimport *
from scapcore.fields cimport *
from scapcore.schema.types cimport *
from scapcore.text cimport TextContext, text_begin, text_close, text_open
from scapcore.transforms cimport *


cdef class ValueReader:
    """Values of an operand as Python objects, one event at a time; meant for tests and for curious eyes.

    Parameters
    ----------
    operand : FieldOperand, TextOperand, ListOperand or TransformerOperand
        What to read.
    text_mode : int, optional
        As for :class:`Predicate`.
    """

    cdef list kept
    cdef Operand* operand
    cdef Scope scope
    cdef TextContext text
    cdef EventBatch batch

    def __cinit__(self):
        memset(&self.scope, 0, sizeof(Scope))
        text_open(&self.text, 0, False)

    def __init__(self, operand, *, int text_mode=0):
        if self.operand != NULL:
            raise RuntimeError("a reader is built once")
        self.text.mode = text_mode
        self.kept = []
        self.operand = operand_open(operand, self.kept)

    def __dealloc__(self):
        operand_close(self.operand)
        close_scope(&self.scope)
        text_close(&self.text)

    def begin(self, EventBatch batch):
        """Go on to a batch."""
        self.batch = batch
        open_scope(&self.scope, batch)
        self.scope.text = NULL
        if batch.engine is not None:
            self.text.modern = batch.engine.modern
            text_begin(&self.text, &batch.engine.state, &batch.columns)
            self.scope.text = &self.text

    def value(self, uint32_t row):
        """The value for an event of the batch.

        Parameters
        ----------
        row : int
            Row in the batch.

        Returns
        -------
        int, float, bytes, list or None
            None where it is missing.
        """
        cdef uint32_t index
        if row >= self.batch.columns.count:
            raise IndexError(row)
        move_scope(&self.scope, self.batch, row)
        if not take(self.operand, &self.scope):
            return None
        values = [value_object(&self.operand.values[index]) for index in range(self.operand.count)]
        return values if self.operand.many else values[0]


cdef object value_object(const Value* value):
    cdef uint8_t family = family_of(value)
    if family == FAMILY_INTEGER:
        if value.type == PT_UINT64 or value.type == PT_RELTIME or value.type == PT_ABSTIME:
            return <uint64_t>value.integer
        return value.integer
    if family == FAMILY_REAL:
        return value.real
    return (<const char*>value.data)[:value.length] if value.length else b""
