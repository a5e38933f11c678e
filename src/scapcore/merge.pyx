"""Copy runs of events of several captures into one, with the thread ids of each kept apart.

Internal to the core.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.choice cimport is_container, put_event
from scapcore.events cimport FORM_COUNTED, FORM_FLAGS, FORM_LARGE, MARK_HIDDEN, Columns, Event, load16, load32, load64
from scapcore.schema.types cimport PT_PID
from scapcore.frames cimport store64
from scapcore.write cimport BlockEncoder

#: What lies between the thread ids of one machine and the next.
DISTANCE = HOST_STEP


cdef void move_ids(const Event* event, uint8_t* header, int64_t shift) noexcept nogil:
    """Add to the thread id of an event, and to those that it tells of."""
    cdef uint8_t* lengths = header + (26 if event.form & FORM_COUNTED else 22)
    cdef uint8_t* value = lengths + <size_t>event.nparams * (4 if event.form & FORM_LARGE else 2)
    cdef uint32_t index, length
    if event.tid > 0:
        store64(header + 8, <uint64_t>(event.tid + shift))
    for index in range(event.nparams):
        length = load32(lengths + 4 * <size_t>index) if event.form & FORM_LARGE else load16(lengths + 2 * <size_t>index)
        if index < event.known and event.parameters[index].type == PT_PID and length == 8 and <int64_t>load64(value) > 0:
            store64(value, load64(value) + <uint64_t>shift)
        value += length


def run_end(EventBatch batch, uint32_t row, uint64_t time):
    """The first row behind `row` that is later than a time; the number of rows if there is none."""
    cdef Columns* columns = &batch.columns
    row += 1
    while row < columns.count and load64(columns.data + columns.offset[row]) <= time:
        row += 1
    return row if row < columns.count else columns.count


def time_of(EventBatch batch, uint32_t row):
    """Time of an event, ns since the epoch."""
    if row >= batch.columns.count:
        raise IndexError(row)
    return load64(batch.columns.data + batch.columns.offset[row])


def copy_run(BlockEncoder target, EventBatch batch, uint32_t first, uint32_t end, int64_t shift=0):
    """Append the blocks of some consecutive rows.

    Parameters
    ----------
    target : BlockEncoder
        Where they go.
    batch : EventBatch
        In the classic view.
    first, end : int
        The first row, and the one behind the last.
    shift : int
        What is added to thread ids.
    """
    cdef Columns* columns = &batch.columns
    cdef Event event
    cdef uint32_t row
    cdef uint8_t* place
    if not first <= end <= columns.count:
        raise IndexError(end)
    for row in range(first, end):
        batch.place(&event, row)
        target.reserve(load32(event.header - (10 if event.form & FORM_FLAGS else 6)) + 8)
        place = target.data + target.size
        target.size += put_event(place, event.header, event.form, False)
        if shift:
            move_ids(&event, place + (14 if event.form & FORM_FLAGS else 10), shift)


def leading_rows(EventBatch batch):
    """How many events at the start of a batch only tell of what was before: containers, and those that are not shown."""
    cdef Columns* columns = &batch.columns
    cdef uint32_t row = 0
    while row < columns.count and (columns.mark[row] & MARK_HIDDEN) and (
            is_container(columns.type[row])
            or (columns.form[row] & FORM_FLAGS and load32(columns.data + columns.offset[row] - 4) & 1)):
        row += 1
    return row
