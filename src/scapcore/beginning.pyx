"""Where the events of a capture begin, and which of them count. Internal to the core.

A capture may lead with records of containers: what was known before anything happened. They have numbers but no
part in anything else. Later internal events are not shown either, yet the reference counts them towards its limit
and in its summary.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.batch cimport EventBatch
from scapcore.events cimport MARK_HIDDEN, Event, event_number, load64
from scapcore.schema.types cimport CATEGORY_INTERNAL, CONTAINER_E, CONTAINER_JSON_2_E, CONTAINER_JSON_E


cdef void find_beginning(Beginning* beginning, EventBatch batch) noexcept nogil:
    """Look for the first event, if it has not been found in a batch before this one."""
    cdef uint32_t row
    cdef uint16_t type
    if beginning.found:
        return
    for row in range(batch.columns.count):
        type = batch.columns.type[row]
        if type != CONTAINER_E and type != CONTAINER_JSON_E and type != CONTAINER_JSON_2_E:
            beginning.found = True
            beginning.number = event_number(&batch.columns, row)
            return


cdef bint is_counted(const Beginning* beginning, EventBatch batch, uint32_t row) noexcept nogil:
    """True for the events that are shown, and for internal ones behind the beginning."""
    cdef Event event
    if not batch.columns.mark[row] & MARK_HIDDEN:
        return True
    if not beginning.found or event_number(&batch.columns, row) < beginning.number:
        return False
    batch.place(&event, row)
    return event.info.category == CATEGORY_INTERNAL


cdef class Revealer:
    """Lets the events of one pass be chosen that count but are not shown, as chisels see them.

    Attributes
    ----------
    first_time, last_time : int
        Time stamps (ns) of the first and the last of all these events so far; 0 before the first.

    Examples
    --------
    >>> revealer = Revealer()
    """

    cdef Beginning beginning
    cdef bint met
    cdef readonly uint64_t first_time
    cdef readonly uint64_t last_time

    def __cinit__(self):
        memset(&self.beginning, 0, sizeof(Beginning))

    def reveal(self, EventBatch batch not None):
        """Show them in a batch; every batch of a capture, in order, before filters run."""
        cdef uint32_t row
        cdef int64_t last = -1
        with nogil:
            find_beginning(&self.beginning, batch)
            for row in range(batch.columns.count):
                if batch.columns.mark[row] & MARK_HIDDEN and is_counted(&self.beginning, batch, row):
                    batch.columns.mark[row] &= <uint8_t>~MARK_HIDDEN
                if batch.columns.mark[row] & MARK_HIDDEN:
                    continue
                last = row
                if not self.met:
                    self.met = True
                    self.first_time = load64(batch.columns.data + batch.columns.offset[row])
            if last >= 0:
                self.last_time = load64(batch.columns.data + batch.columns.offset[last])

    def choose_counted(self, EventBatch batch not None, most=None):
        """Make the events that count the selection of a batch; those that are not shown stay so.

        Parameters
        ----------
        batch : EventBatch
            Every batch of a capture, in order.
        most : int, optional
            How many are chosen at most.

        Returns
        -------
        int
            How many were chosen.
        """
        cdef uint32_t limit = batch.columns.count if most is None else min(most, batch.columns.count)
        cdef uint32_t row
        cdef uint32_t count = 0
        with nogil:
            find_beginning(&self.beginning, batch)
            for row in range(batch.columns.count):
                if count == limit:
                    break
                if is_counted(&self.beginning, batch, row):
                    batch.selection[count] = row
                    count += 1
        batch.selected_count = count
        batch.has_selection = True
        return count
