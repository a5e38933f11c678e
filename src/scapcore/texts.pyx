"""Where the texts of events stand, in a copy that may be changed: for those who take things out of captures.

Internal to the core.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from scapcore.batch cimport EventBatch
from scapcore.choice cimport put_event
from scapcore.events cimport FORM_COUNTED, FORM_FLAGS, FORM_LARGE, Columns, Event, load16, load32
from scapcore.schema.types cimport (PT_BYTEBUF, PT_CHARBUF, PT_CHARBUFARRAY, PT_DYN, PT_FSPATH, PT_FSRELPATH,
                                    PT_SOCKADDR, PT_SOCKTUPLE)

cdef enum:
    FAMILY_UNIX = 1


cdef uint32_t before_text(const Event* event, uint32_t index, const uint8_t* value, uint32_t length) noexcept nogil:
    """How many bytes of a parameter come before its text; all of them if it holds none."""
    cdef uint8_t type
    if index >= event.known:
        return 0                # what nobody knows may be a text
    type = event.parameters[index].type
    if type in (PT_CHARBUF, PT_FSPATH, PT_FSRELPATH, PT_BYTEBUF, PT_CHARBUFARRAY):
        return 0
    if type == PT_SOCKADDR and length > 1 and value[0] == FAMILY_UNIX:
        return 1
    if type == PT_SOCKTUPLE and length > 17 and value[0] == FAMILY_UNIX:
        return 17
    if type == PT_DYN and length > 9:
        return 1
    return length


def texts_of(EventBatch batch, const uint8_t[::1] verdicts):
    """Copy events of a batch, without anything that is not theirs, and find their texts.

    Parameters
    ----------
    batch : EventBatch
        In the classic view.
    verdicts : buffer of uint8
        For each row, whether it is copied.

    Returns
    -------
    data : bytearray
        The blocks.
    places : list of tuple of int
        ``(row, parameter, start, end)`` of each text that is not empty, in `data`.
    """
    cdef Columns* columns = &batch.columns
    cdef Event event
    cdef const uint8_t* header
    cdef const uint8_t* value
    cdef const uint8_t* lengths
    cdef uint8_t* data
    cdef uint32_t row, index, length, before
    cdef size_t size = 0
    cdef size_t place = 0
    if <uint32_t>verdicts.shape[0] < columns.count:
        raise ValueError("there are fewer verdicts than events")
    for row in range(columns.count):
        if verdicts[row]:
            size += load32(columns.data + columns.offset[row] - (14 if columns.form[row] & FORM_FLAGS else 10) + 4) + 8
    result = bytearray(size)
    cdef uint8_t[::1] view = result
    places = []
    if not size:
        return result, places
    data = &view[0]
    for row in range(columns.count):
        if not verdicts[row]:
            continue
        batch.place(&event, row)
        header = data + place + (14 if event.form & FORM_FLAGS else 10)
        place += put_event(data + place, event.header, event.form, False)
        lengths = header + (26 if event.form & FORM_COUNTED else 22)
        value = lengths + <size_t>event.nparams * (4 if event.form & FORM_LARGE else 2)
        for index in range(event.nparams):
            length = load32(lengths + 4 * <size_t>index) if event.form & FORM_LARGE else load16(lengths + 2 * <size_t>index)
            before = before_text(&event, index, value, length)
            if before < length:
                places.append((row, index, <size_t>(value - data) + before, <size_t>(value - data) + length))
            value += length
    view = None
    del result[place:]
    return result, places
