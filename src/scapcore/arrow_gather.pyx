"""Selected rows of batches gathered into record batches."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc

from scapcore.arrow cimport ArrowType, ArrowValues, RecordBatch
from scapcore.arrow_columns cimport ArrowColumn
from scapcore.batch cimport EventBatch
from scapcore.events cimport MARK_HIDDEN


cdef class ArrowGatherer:
    """Gathers the selected rows of batches into record batches.

    Parameters
    ----------
    type : scapcore.arrow.ArrowType
        A structure.
    columns : sequence of ArrowColumn
        As many as the type has children.
    """

    cdef readonly ArrowType type
    cdef list columns
    cdef uint32_t* rows
    cdef uint32_t capacity
    cdef readonly size_t count

    def __init__(self, ArrowType type, columns):
        self.type = type
        self.columns = list(columns)
        for column in self.columns:
            if not isinstance(column, ArrowColumn):
                raise TypeError("columns are made by ArrowColumn")

    def __dealloc__(self):
        free(self.rows)

    @property
    def held(self):
        """int : Bytes of texts and payloads that the next record batch keeps."""
        cdef ArrowColumn column
        cdef size_t total = 0
        for column in self.columns:
            total += column.held + column.bytes.used
        return total

    def take(self, EventBatch batch, size_t start=0, size_t most=1 << 30):
        """Append rows of a batch that its filter chose, or all shown ones.

        Parameters
        ----------
        batch : EventBatch
            The batch.
        start : int
            How many of them have been taken already.
        most : int
            Rows of a record batch.

        Returns
        -------
        int
            How many have been taken now, 0 if all of them have.
        """
        cdef const uint32_t* rows = batch.selection
        cdef size_t size = batch.selected_count
        cdef uint32_t row
        cdef uint32_t count = batch.columns.count
        cdef const uint8_t* mark = batch.columns.mark
        cdef ArrowColumn column
        cdef void* grown
        if not batch.has_selection:
            if count > self.capacity:
                grown = realloc(self.rows, <size_t>count * 4)
                if grown == NULL:
                    raise MemoryError
                self.rows = <uint32_t*>grown
                self.capacity = count
            size = 0
            for row in range(count):
                self.rows[size] = row
                size += not mark[row] & MARK_HIDDEN
            rows = self.rows
        if start >= size or self.count >= most:
            return start if start < size else 0
        count = <uint32_t>min(size - start, most - self.count)
        for column in self.columns:
            column.take(batch, rows + start, count)
        self.count += count
        return start + count if start + count < size else 0

    def take_rows(self, EventBatch batch, const uint32_t[::1] rows):
        """Append some rows of a batch, in the order given."""
        cdef ArrowColumn column
        cdef Py_ssize_t index
        for index in range(rows.shape[0]):
            if rows[index] >= batch.columns.count:
                raise IndexError(rows[index])
        if not rows.shape[0]:
            return
        for column in self.columns:
            column.take(batch, &rows[0], <size_t>rows.shape[0])
        self.count += <size_t>rows.shape[0]

    def finish(self):
        """The rows so far as a record batch; the next ones begin another."""
        cdef ArrowColumn column
        cdef size_t count = self.count
        self.count = 0
        return RecordBatch(self.type, ArrowValues(count, 0, (None,), [column.finish() for column in self.columns]))
