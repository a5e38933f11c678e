"""Conversations as text: what processes read and write, each piece under a heading."""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_text, put_unsigned, release
from scapcore.event cimport FieldReader
from scapcore.events cimport MARK_HIDDEN
from scapcore.fields cimport Field, FieldUse, Scope, Value, extract, move_scope
from scapcore.payload cimport put_json_text

cdef enum:
    PIECE = 1 << 20          # bytes that are written at once


cdef void put_amount(Buffer* out, uint64_t count) noexcept nogil:
    """Bytes in the unit that suits them; exact halves of the last digit are rounded up."""
    cdef const char* units = b"KMGTP"
    cdef uint64_t shift = 0
    cdef uint64_t hundredths
    cdef uint32_t unit = 0
    if count <= 1024:
        put_unsigned(out, count)
        put_byte(out, 66)    # B
        return
    while unit < 5 and count > <uint64_t>1 << (10 * (unit + 1)):
        unit += 1
    shift = 10 * unit
    hundredths = (count >> shift) * 100 + (((count & ((<uint64_t>1 << shift) - 1)) * 100 + (<uint64_t>1 << (shift - 1))) >> shift)
    put_unsigned(out, hundredths // 100)
    put_byte(out, 46)
    put_byte(out, <uint8_t>(48 + hundredths // 10 % 10))
    put_byte(out, <uint8_t>(48 + hundredths % 10))
    put_byte(out, <uint8_t>units[unit - 1])
    if unit == 1:
        put_byte(out, 66)


cdef class Echo:
    """Writes a heading and the data for each transfer among the selected events of batches.

    Parameters
    ----------
    reader : scapcore.event.FieldReader
        Takes the values; it says how data are shown.
    fields : sequence of scapcore.fields.FieldUse
        Whether it is a read, the number of bytes, the descriptor, the process, the data; with containers also their
        names and ids.
    colors : sequence of bytes
        What stands before headings of reads and of writes, and before containers: the machine itself, others.
    json : bool, optional
        Whether data come as JSON objects, the way a formatter prints them.

    Raises
    ------
    ValueError
        If there are not 5 or 7 fields and 4 colours.

    Examples
    --------
    >>> from scapcore.event import FieldReader
    >>> from scapcore.fields import FieldUse
    >>> names = "evt.is_io_read", "evt.rawres", "fd.name", "proc.name", "evt.buffer"
    >>> echo = Echo(FieldReader(FieldUse), [FieldUse(name) for name in names], [b"", b"", b"", b""])
    """

    cdef FieldReader reader
    cdef list uses
    cdef Field* fields[7]
    cdef bytes read_color
    cdef bytes write_color
    cdef bytes host_color
    cdef bytes container_color
    cdef bint containers
    cdef bint json
    cdef Buffer out

    def __cinit__(self):
        memset(&self.out, 0, sizeof(Buffer))

    def __init__(self, FieldReader reader not None, fields, colors, *, bint json=False):
        cdef uint32_t index
        cdef FieldUse use
        self.reader = reader
        self.uses = [<FieldUse?>use for use in fields]
        if len(self.uses) not in (5, 7) or len(colors) != 4:
            raise ValueError("an echo takes 5 or 7 fields and 4 colours")
        self.containers = len(self.uses) == 7
        self.json = json
        for index in range(len(self.uses)):
            use = self.uses[index]
            self.fields[index] = &use.field
        self.read_color, self.write_color, self.host_color, self.container_color = colors

    def __dealloc__(self):
        release(&self.out)

    def write_to(self, target, EventBatch batch not None):
        """Write the text of a batch, in large pieces.

        Parameters
        ----------
        target : binary file
            Its ``write`` takes a memoryview and keeps nothing of it.
        batch : EventBatch
            The present batch of a reader; its selected events are shown, or all if nothing selected.

        Raises
        ------
        OSError
            What the target raises, as it is.
        """
        cdef FieldUse use
        cdef uint32_t count, row
        cdef uint32_t position = 0
        cdef const char* colors[4]
        for use in self.uses:
            batch.require(use.field.needs)
        self.reader.bind(batch)
        colors[0] = self.write_color
        colors[1] = self.read_color
        colors[2] = self.container_color
        colors[3] = self.host_color
        count = batch.selected_count if batch.has_selection else batch.columns.count
        while position < count:
            self.out.used = 0
            with nogil:
                while position < count and self.out.used < PIECE:
                    row = batch.selection[position] if batch.has_selection else position
                    position += 1
                    if not batch.columns.mark[row] & MARK_HIDDEN:
                        self.put(batch, row, colors)
            if self.out.failed:
                raise MemoryError
            if self.out.used:
                with PyMemoryView_FromMemory(<char*>self.out.data, <Py_ssize_t>self.out.used, PyBUF_READ) as piece:
                    target.write(piece)

    cdef void put(self, EventBatch batch, uint32_t row, const char** colors) noexcept nogil:
        """Put the heading and the data of a transfer."""
        cdef Scope* scope = &self.reader.scope
        cdef Buffer* out = &self.out
        cdef Value value
        cdef bint reads, is_host
        move_scope(scope, batch, row)
        reads = extract(self.fields[0], scope, &value) and value.integer != 0
        if not extract(self.fields[1], scope, &value) or value.integer <= 0:
            return
        put_text(out, colors[reads])
        put_text(out, b"------ Read " if reads else b"------ Write ")
        put_amount(out, <uint64_t>value.integer)
        put_text(out, b" from " if reads else b" to ")
        if self.containers:
            is_host = extract(self.fields[5], scope, &value) and value.length == 4 and memcmp(value.data, b"host", 4) == 0
            put_text(out, colors[2 + is_host])
            put_text(out, b" [")
            self.put_value(5, b"nil")
            put_text(out, b"] [")
            self.put_value(6, b"nil")
            put_byte(out, 93)
        put_byte(out, 32)
        put_text(out, colors[reads])
        put_byte(out, 32)
        self.put_value(2, b"<NA>")
        put_text(out, b" (")
        self.put_value(3, b"nil")
        put_text(out, b")\n")
        if not extract(self.fields[4], scope, &value):
            return
        if self.json:
            put_text(out, b'{"evt.arg.data":')
            put_json_text(out, value.data, value.length)
            put_byte(out, 125)
        else:
            put_bytes(out, value.data, value.length)
        put_byte(out, 10)

    cdef void put_value(self, uint32_t field, const char* missing) noexcept nogil:
        """Put a text."""
        cdef Value value
        if extract(self.fields[field], &self.reader.scope, &value):
            if value.data != NULL:
                put_bytes(&self.out, value.data, value.length)
        else:
            put_text(&self.out, missing)
