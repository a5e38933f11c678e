"""Where the texts of events stand, in a copy that may be changed: for those who take things out of captures.

Internal to the core.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from scapcore.batch cimport EventBatch
from scapcore.choice cimport put_event
from scapcore.encode cimport number_width
from scapcore.events cimport FORM_COUNTED, FORM_FLAGS, FORM_LARGE, Columns, Event, load16, load32
from scapcore.schema.tables cimport Span, flags_classic, spans_classic
from scapcore.schema.types cimport PT_DYN, PT_FDLIST, PT_IPV4ADDR, PT_IPV6ADDR, PT_SOCKADDR, PT_SOCKTUPLE

cdef enum:
    FAMILY_UNIX = 1
    FAMILY_IPV4 = 2
    FAMILY_IPV6 = 10
    UNIX_PATH = 17          # where the path begins in a tuple
    HIDDEN = 2              # a verdict


cdef bint is_number(uint8_t type, uint32_t length) noexcept nogil:
    """Whether so many bytes are just a number of that type. Too many or too few may hold anything."""
    cdef uint32_t width = number_width(type)
    if type == PT_IPV4ADDR or type == PT_IPV6ADDR:
        width = 4 if type == PT_IPV4ADDR else 16
    return width != 0 and length == width


cdef bint is_addresses(uint8_t type, const uint8_t* value, uint32_t length) noexcept nogil:
    """Whether a socket address or tuple holds nothing but addresses and ports."""
    if value[0] == FAMILY_IPV4:
        return length == (7 if type == PT_SOCKADDR else 13)
    if value[0] == FAMILY_IPV6:
        return length == (19 if type == PT_SOCKADDR else 37)
    return length == 1


cdef uint32_t before_text(const Event* event, uint32_t index, const uint8_t* value, uint32_t length) noexcept nogil:
    """How many bytes of a parameter come before its text; all of them if it holds none.

    What is not exactly as the schema has it may be a text, as is what nobody knows.
    """
    cdef const Span* span
    cdef uint8_t type
    if not length:
        return 0
    if index >= event.known:
        return 0
    type = event.parameters[index].type
    if is_number(type, length):
        return length
    if type == PT_SOCKADDR or type == PT_SOCKTUPLE:
        if value[0] == FAMILY_UNIX and (type == PT_SOCKADDR or length >= UNIX_PATH):
            return 1 if type == PT_SOCKADDR else UNIX_PATH
        return length if is_addresses(type, value, length) else 0
    if type == PT_FDLIST and length >= 2 and length == 2 + 10 * <uint32_t>load16(value):
        return length
    if type == PT_DYN and event.parameters[index].table >= 0:
        span = &spans_classic[event.parameters[index].table]
        if value[0] < span.count:
            return length if is_number(<uint8_t>(flags_classic[span.first + value[0]].value >> 16), length - 1) else 1
    return 0


def texts_of(EventBatch batch, const uint8_t[::1] verdicts):
    """Copy events of a batch, without anything that is not theirs, and find their texts.

    Parameters
    ----------
    batch : EventBatch
        In the classic view.
    verdicts : buffer of uint8
        For each row what becomes of it: 0 is left out, 2 is not to be shown.

    Returns
    -------
    data : bytearray
        The blocks.
    rows, parameters, starts, ends : ndarray of int64, shape (n,)
        Of each text that is not empty the event, the parameter, and where it lies in `data`.
    """
    import numpy

    cdef Columns* columns = &batch.columns
    cdef Event event
    cdef const uint8_t* header
    cdef const uint8_t* value
    cdef const uint8_t* lengths
    cdef uint8_t* data
    cdef uint32_t row, index, length, before
    cdef size_t size = 0
    cdef size_t place = 0
    cdef size_t most = 0
    cdef size_t count = 0
    if <uint32_t>verdicts.shape[0] < columns.count:
        raise ValueError("there are fewer verdicts than events")
    for row in range(columns.count):
        if verdicts[row]:
            size += load32(columns.data + columns.offset[row] - (14 if columns.form[row] & FORM_FLAGS else 10) + 4) + 8
            batch.place(&event, row)
            most += event.nparams
    result = bytearray(size)
    cdef uint8_t[::1] view = result
    places = numpy.empty((4, most), numpy.int64)
    cdef int64_t[:, ::1] found = places
    if not size:
        return result, places[0], places[1], places[2], places[3]
    data = &view[0]
    with nogil:
        for row in range(columns.count):
            if not verdicts[row]:
                continue
            batch.place(&event, row)
            header = data + place + (14 if event.form & FORM_FLAGS or verdicts[row] == HIDDEN else 10)
            place += put_event(data + place, event.header, event.form, verdicts[row] == HIDDEN)
            lengths = header + (26 if event.form & FORM_COUNTED else 22)
            value = lengths + <size_t>event.nparams * (4 if event.form & FORM_LARGE else 2)
            for index in range(event.nparams):
                length = load32(lengths + 4 * <size_t>index) if event.form & FORM_LARGE else load16(lengths + 2 * <size_t>index)
                before = before_text(&event, index, value, length)
                if before < length:
                    found[0, count] = row
                    found[1, count] = index
                    found[2, count] = (value - data) + before
                    found[3, count] = (value - data) + length
                    count += 1
                value += length
    view = None
    del result[place:]
    return result, places[0, :count], places[1, :count], places[2, :count], places[3, :count]


def fill_texts(uint8_t[::1] data, const int64_t[::1] starts, const int64_t[::1] ends, bint blank=False):
    """Fill texts with asterisks; NUL stays, so that lists of texts stay lists.

    Parameters
    ----------
    data : writable buffer of uint8
    starts, ends : ndarray of int64, shape (n,)
        Where the texts lie.
    blank : bool
        Fill with NUL instead.

    Returns
    -------
    int
        How many texts changed by that.
    """
    cdef Py_ssize_t index
    cdef int64_t place
    cdef uint8_t wanted
    cdef bint other
    cdef int64_t changed = 0
    if starts.shape[0] != ends.shape[0]:
        raise ValueError("there are not as many ends as starts")
    for index in range(starts.shape[0]):
        if not 0 <= starts[index] <= ends[index] <= data.shape[0]:
            raise ValueError("a text lies outside the buffer")
        other = False
        for place in range(starts[index], ends[index]):
            wanted = 0 if blank or not data[place] else 42
            other |= data[place] != wanted
            data[place] = wanted
        changed += other
    return changed
