"""How often each kind of event occurs."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.batch cimport EventBatch
from scapcore.beginning cimport Beginning, find_beginning, is_counted
from scapcore.events cimport Event, parameter_unsigned
from scapcore.schema.tables cimport EVENT_COUNT, SYSCALL_COUNT
from scapcore.schema.types cimport GENERIC_X


cdef class Tally:
    """Counts events by type; generic ones by the system call that they carry.

    Parameters
    ----------
    limit : int, optional
        Number of events after which no more are counted.

    Notes
    -----
    Every batch of a capture must be given to it, in order. Internal events count, though they are not shown: so the
    reference does it in its summary.

    Examples
    --------
    >>> tally = Tally(limit=10)
    >>> tally.events, tally.finished, tally.types
    (0, False, {})
    """

    cdef uint64_t[EVENT_COUNT] by_type
    cdef uint64_t[2 * SYSCALL_COUNT] by_call
    cdef uint64_t most
    cdef readonly uint64_t events
    cdef Beginning beginning

    def __cinit__(self, *_, **__):
        memset(self.by_type, 0, sizeof(self.by_type))
        memset(self.by_call, 0, sizeof(self.by_call))
        memset(&self.beginning, 0, sizeof(Beginning))

    def __init__(self, limit=None):
        if limit is not None and limit < 0:
            raise ValueError("a limit cannot be negative")
        self.most = <uint64_t>0xFFFFFFFFFFFFFFFF if limit is None else min(limit, 0xFFFFFFFFFFFFFFFF)

    @property
    def finished(self):
        """bool : Whether the limit has been reached."""
        return self.events >= self.most

    @property
    def types(self):
        """dict of int to int : Counts by event type, without the generic types; only those that occurred."""
        return {type: self.by_type[type] for type in range(EVENT_COUNT) if self.by_type[type]}

    @property
    def calls(self):
        """dict of tuple of (int, bool) to int : Counts of generic events by system call and whether it is the exit."""
        return {(code >> 1, bool(code & 1)): self.by_call[code] for code in range(2 * SYSCALL_COUNT)
                if self.by_call[code]}

    def write(self, EventBatch batch not None):
        """Count the selected events of a batch, or all if nothing selected."""
        cdef uint32_t position, row
        cdef uint32_t count
        with nogil:
            find_beginning(&self.beginning, batch)
            count = batch.selected_count if batch.has_selection else batch.columns.count
            for position in range(count):
                if self.events >= self.most:
                    break
                row = batch.selection[position] if batch.has_selection else position
                if is_counted(&self.beginning, batch, row):
                    self.events += 1
                    self.count(batch, row)

    cdef void count(self, EventBatch batch, uint32_t row) noexcept nogil:
        cdef uint16_t type = batch.columns.type[row]
        cdef uint64_t code
        cdef Event event
        if type > GENERIC_X:
            self.by_type[type] += 1
            return
        batch.place(&event, row)
        code = parameter_unsigned(&event, 0, 0) & 0xFFFF
        if code < SYSCALL_COUNT:
            self.by_call[2 * code + type] += 1
