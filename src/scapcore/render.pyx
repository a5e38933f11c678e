"""Lines of text or JSON from the events of batches: the hot end of printing.

A compiled format is a run of segments: some bytes, then a value, and so on. Each is put into one growing buffer; a
line that turns out to lack a value is cut off again. Values become text as the reference does it (state engine,
sections 9 to 11), odd corners included: an unsigned number of a field without number format is missing, a column
counts bytes, and texts end at a NUL.
"""

import os
from functools import partial

from cython cimport final
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.beginning cimport find_beginning, is_counted
from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_hex, put_padded, release, reserve
from scapcore.clock cimport clock_open, put_date_and_time, put_iso8601, put_seconds, put_time
from scapcore.events cimport MARK_HIDDEN
from scapcore.fields cimport FieldUse, Value, close_scope, extract, give_scratch, move_scope, open_scope
from scapcore.names cimport put_ipv4, put_ipv6, put_socket_address, put_socket_tuple
from scapcore.numerals cimport write_unsigned
from scapcore.payload cimport (MODE_ASCII, MODE_BASE64, MODE_HEX, MODE_HEXASCII, MODE_NORMAL, put_json_text,
                               put_payload)
from scapcore.schema.types cimport *
from scapcore.state cimport NEED_LATENCY
from scapcore.text cimport text_begin, text_close, text_open


cdef extern from "<stdlib.h>" nogil:
    double strtod(const char* text, char** end)

cdef enum Source:
    FROM_FIELD = 0
    FROM_DATA
    FROM_TIME
    FROM_TIME_S
    FROM_ISO8601
    FROM_DATETIME
    FROM_DATETIME_S
    FROM_ABSOLUTE
    FROM_RELATIVE
    FROM_LATENCY
    FROM_DIFFERENCE
    FROM_NOWHERE

cdef enum:
    PIECE = 1 << 20          # bytes that are written at once
    WIDEST = 1 << 16         # of columns

cdef dict TIME_FIELDS = {
    "evt.time": FROM_TIME,
    "evt.time.s": FROM_TIME_S,
    "evt.time.iso8601": FROM_ISO8601,
    "evt.datetime": FROM_DATETIME,
    "evt.datetime.s": FROM_DATETIME_S,
}
cdef dict OUTPUT_TIMES = {"h": FROM_TIME, "a": FROM_ABSOLUTE, "r": FROM_RELATIVE, "d": FROM_LATENCY, "D": FROM_DIFFERENCE}
cdef dict DATA_MODES = {"normal": MODE_NORMAL, "ascii": MODE_ASCII, "hex": MODE_HEX, "hexascii": MODE_HEXASCII,
              "base64": MODE_BASE64}
cdef frozenset RUNNING_FIELDS = frozenset(("evt.deltatime", "evt.deltatime.s", "evt.deltatime.ns", "util.cnt"))
cdef tuple DATA_FIELDS = ("evt.arg", "evt.info", "evt.buffer")


# Values


cdef inline size_t shown_length(const uint8_t* data, size_t length) noexcept nogil:
    """Bytes before the first NUL."""
    cdef const void* end
    if length == 0:
        return 0
    end = memchr(data, 0, length)
    return <const uint8_t*>end - data if end != NULL else length


cdef inline bint is_text(uint8_t type) noexcept nogil:
    return type == PT_CHARBUF or type == PT_BYTEBUF or type == PT_FSPATH or type == PT_FSRELPATH


cdef bint put_number(Buffer* out, int64_t value, uint8_t type, uint8_t format) noexcept nogil:
    """An integer; False where the reference knows no text for this type in this format."""
    cdef bint wide = type == PT_INT64 or type == PT_PID or type == PT_ERRNO
    cdef bint is_time = type == PT_UINT64 or type == PT_RELTIME or type == PT_ABSTIME
    cdef bint is_unsigned = is_time or PT_UINT8 <= type <= PT_UINT32 or type == PT_PORT or type == PT_L4PROTO
    cdef uint64_t bits = <uint64_t>value
    if not reserve(out, 40):
        return True
    if format == PF_DEC or format == PF_ID:
        put_decimal(out, value, is_unsigned)
        return True
    if PT_INT8 <= type <= PT_INT32:
        bits = <uint32_t>value
    if format == PF_HEX:
        if type == PT_UINT8 or type == PT_L4PROTO:
            put_decimal(out, value, True)
        else:
            put_hex(out, bits, 1, True)
    elif format == PF_OCT:
        put_octal_digits(out, bits)
    elif format == PF_10_PADDED_DEC and is_time:
        put_padded(out, bits, 9)
    elif format == PF_10_PADDED_DEC and wide:
        if value < 0:
            put_byte(out, 45)
            bits = <uint64_t>0 - bits
        put_padded(out, bits, 8 if value < 0 else 9)
    elif is_unsigned or PT_INT8 <= type <= PT_INT32:
        return False
    else:
        put_decimal(out, value, False)
    return True


cdef inline void put_decimal(Buffer* out, int64_t value, bint is_unsigned) noexcept nogil:
    """Into room that is there."""
    cdef uint8_t* place = out.data + out.used
    cdef uint64_t size = <uint64_t>value
    if value < 0 and not is_unsigned:
        place[0] = 45
        place += 1
        size = <uint64_t>0 - size
    out.used = write_unsigned(place, size) - out.data


cdef void put_octal_digits(Buffer* out, uint64_t bits) noexcept nogil:
    """Octal without the leading zero that parameters have."""
    cdef int shift = 0
    while bits >> shift > 7:
        shift += 3
    while shift >= 0:
        put_byte(out, <uint8_t>(48 + (bits >> shift & 7)))
        shift -= 3


cdef void put_address(Buffer* out, const Value* value) noexcept nogil:
    if value.length == 16:
        put_ipv6(out, value.data)
    elif value.length == 4:
        put_ipv4(out, value.data)


cdef void put_list(Buffer* out, const Value* value, bint json) noexcept nogil:
    """Texts as the newest libraries print a list: in brackets with commas, in JSON as an array."""
    cdef uint32_t place = 0
    cdef size_t length
    put_byte(out, 91 if json else 40)
    while place < value.length:
        length = shown_length(value.data + place, value.length - place)
        if place:
            put_byte(out, 44)
        if json:
            put_json_text(out, value.data + place, length)
        else:
            put_bytes(out, value.data + place, length)
        place += <uint32_t>length + 1
    put_byte(out, 93 if json else 41)


cdef bint put_value(Buffer* out, const Value* value, uint8_t format) noexcept nogil:
    """A value as text; False if there is none for it."""
    cdef uint8_t type = value.type
    cdef char digits[400]
    if value.many:
        put_list(out, value, False)
    elif is_text(type):
        put_bytes(out, value.data, shown_length(value.data, value.length))
    elif type == PT_BOOL:
        if value.integer:
            put_bytes(out, b"true", 4)
        else:
            put_bytes(out, b"false", 5)
    elif type == PT_IPADDR or type == PT_IPV4ADDR or type == PT_IPV6ADDR:
        put_address(out, value)
    elif type == PT_DOUBLE:
        put_bytes(out, digits, snprintf(digits, sizeof(digits), b"%.1lf", value.real))
    elif type == PT_SOCKADDR:
        put_socket_address(out, NULL, 0, value.data, value.length)
    elif type == PT_SOCKTUPLE:
        put_socket_tuple(out, NULL, 0, value.data, value.length)
    elif value.data != NULL:
        put_bytes(out, value.data, shown_length(value.data, value.length))
    else:
        return put_number(out, value.integer, type, format)
    return True


cdef bint put_json_value(Buffer* out, const Value* value, uint8_t format) noexcept nogil:
    """A value as JSON; False if there is none for it.

    Numbers stay numbers, padded ones too, unless they are shown in another base or, as raw parameters of 64 bits, in
    none.
    """
    cdef uint8_t type = value.type
    cdef char digits[40]
    cdef int length
    cdef bint quoted
    if value.many:
        put_list(out, value, True)
        return True
    if is_text(type):
        put_json_text(out, value.data, shown_length(value.data, value.length))
        return True
    if type == PT_BOOL:
        return put_value(out, value, format)
    if type == PT_DOUBLE:
        if value.real != value.real or value.real - value.real != 0:
            return False                # JSON knows neither infinity nor what is no number
        length = snprintf(digits, sizeof(digits), b"%.15g", value.real)
        if strtod(digits, NULL) != value.real:
            length = snprintf(digits, sizeof(digits), b"%.17g", value.real)
        put_bytes(out, digits, length)
        return True
    quoted = value.data != NULL or format == PF_HEX or format == PF_OCT or (
        format == PF_NA and (type == PT_INT64 or type == PT_PID))
    if quoted:
        put_byte(out, 34)
    elif format == PF_10_PADDED_DEC:
        format = PF_DEC
    if not put_value(out, value, format):
        return False
    if quoted:
        put_byte(out, 34)
    return True


cdef inline bint is_control(const uint8_t* data, size_t index, size_t length, bint multiline) noexcept nogil:
    """True for bytes that a terminal would take for an order.

    The controls above 0x7F are two bytes in UTF-8; a lone byte is one only to terminals that do not know UTF-8.
    """
    cdef uint8_t value = data[index]
    if value < 0x20:
        return not (multiline and (value == 9 or value == 10))
    if value == 0xC2:
        return index + 1 < length and 0x80 <= data[index + 1] < 0xA0
    if 0x80 <= value < 0xA0:
        return index == 0 or data[index - 1] < 0x80 or data[index - 1] == 0xC2
    return value == 0x7F


cdef void escape_controls(Buffer* out, size_t start, Buffer* spare, bint multiline) noexcept nogil:
    """Show the control characters of what was put since `start` as `\\xNN`."""
    cdef size_t length = out.used - start
    cdef size_t index = 0
    while index < length and not is_control(out.data + start, index, length, multiline):
        index += 1
    if index == length:
        return
    spare.used = 0
    put_bytes(spare, out.data + start, length)
    if spare.failed:
        out.failed = True
        return
    out.used = start + index
    while index < length:
        if is_control(spare.data, index, length, multiline):
            put_bytes(out, b"\\x", 2)
            put_hex(out, spare.data[index], 2, False)
        else:
            put_byte(out, spare.data[index])
        index += 1


cdef void fit(Buffer* out, size_t start, uint32_t width) noexcept nogil:
    """Cut or fill up to the width of a column."""
    cdef size_t length = out.used - start
    if length < width and reserve(out, width - length):
        memset(out.data + out.used, 32, width - length)
    if length >= width or not out.failed:
        out.used = start + width


# Formats


@final
cdef class Renderer:
    """Turns events into lines of text.

    Parameters
    ----------
    segments : sequence of bytes or tuple
        The format in order: bytes that are printed as they are, and fields as tuples of a
        :class:`scapcore.fields.FieldUse` (or None for a value that no capture has), the width of its column in bytes
        (0 for none; without effect in JSON), and its name in JSON.
    keep_missing : bool
        Print ``<NA>`` (null in JSON) where a value is missing; otherwise there is no line for such an event.
    json : bool
        Write each event as one JSON object, with its keys sorted, instead of as text.
    time : {"h", "a", "r", "d", "D"}
        What ``evt.outputtime`` shows: the local time of day, seconds since the epoch, seconds since the first event,
        latency, or the difference to the event before.
    data : {"normal", "ascii", "hex", "hexascii", "base64"}
        How data buffers are shown.
    unlimited : bool
        Show all of a data buffer and not its first 80 characters; always so in JSON.
    escape : bool
        Show control characters in values as ``\\xNN``, for output to a terminal; JSON has its own escapes.
    limit : int, optional
        Number of events after which there is nothing more to do, see `finished`.

    Raises
    ------
    ValueError
        If an option has a value that is not among these.

    Notes
    -----
    Every batch of a capture must be given to one renderer, in order and also where nothing is selected: times may
    count from the first event.

    Examples
    --------
    >>> from scapcore.fields import FieldUse
    >>> renderer = Renderer([(FieldUse("evt.num"), 0, b"evt.num"), b" ", (FieldUse("proc.name"), 12, b"proc.name")])
    >>> renderer.needs_state, renderer.finished
    (True, False)
    """

    def __cinit__(self):
        memset(&self.out, 0, sizeof(Buffer))
        memset(&self.scope, 0, sizeof(self.scope))
        memset(&self.text, 0, sizeof(self.text))
        memset(&self.beginning, 0, sizeof(self.beginning))
        self.kept = []

    def __init__(self, segments, *, bint keep_missing=False, bint json=False, str time="h", str data="normal",
                 bint unlimited=False, bint escape=False, limit=None):
        if self.segments != NULL:
            raise RuntimeError("a renderer is made once")
        if time not in OUTPUT_TIMES:
            raise ValueError(f"no such form of time: {time}")
        if data not in DATA_MODES:
            raise ValueError(f"no such form of data: {data}")
        if limit is not None and limit < 0:
            raise ValueError("a limit cannot be negative")
        self.keep_missing = keep_missing
        self.json = json
        self.escape = escape
        self.limit = limit
        self.most = <uint64_t>0xFFFFFFFFFFFFFFFF if limit is None else min(limit, 0xFFFFFFFFFFFFFFFF)
        clock_open(&self.clock)
        text_open(&self.text, DATA_MODES[data], unlimited or json)
        self.scope.printing = True
        self.lay_out(as_json(segments) if json else list(segments), time, data in ("ascii", "hex", "hexascii"))

    def __dealloc__(self):
        release(&self.out)
        close_scope(&self.scope)
        text_close(&self.text)
        free(self.segments)

    cdef int lay_out(self, list segments, str time, bint multiline) except -1:
        """Turn the parts of the format into segments."""
        cdef Segment* segment
        cdef bytes literal = b""
        self.segments = <Segment*>calloc(len(segments) + 1, sizeof(Segment))
        if self.segments == NULL:
            raise MemoryError
        for part in segments:
            if isinstance(part, bytes):
                literal += part
                continue
            use, width, _ = part
            if not 0 <= width <= WIDEST:
                raise ValueError(f"a column cannot be {width} wide")
            self.kept += (use, literal)
            segment = &self.segments[self.segment_count]
            self.segment_count += 1
            segment.before = literal
            segment.before_length = <uint32_t>len(literal)
            segment.width = 0 if self.json else width
            self.set_source(segment, use, time)
            segment.multiline = multiline and use is not None and use.name.startswith(DATA_FIELDS)
            literal = b""
        literal += b"\n"
        self.kept.append(literal)
        self.tail = literal
        self.tail_length = <uint32_t>len(literal)
        return 0

    cdef int set_source(self, Segment* segment, FieldUse use, str time) except -1:
        """Settle where the value of a segment comes from, and what that needs."""
        if use is None:
            segment.source = FROM_NOWHERE
            return 0
        segment.field = &use.field
        segment.format = use.field.format
        if use.name.startswith("evt.rawarg"):
            # The reference takes the raw value for what the first event with such a parameter says, and knows no
            # number format for it, so that it has no text for unsigned numbers.
            segment.format = PF_NA
            segment.type = first_type(use.argument)
        segment.running = use.name in RUNNING_FIELDS
        if use.name == "evt.outputtime":
            segment.source = OUTPUT_TIMES[time]
            segment.running = segment.source == FROM_DIFFERENCE
        elif use.name == "evt.buffer":
            segment.source = FROM_DATA
        else:
            segment.source = TIME_FIELDS.get(use.name, FROM_FIELD)
        if segment.source == FROM_LATENCY:
            self.needs |= NEED_LATENCY
            self.needs_state = True
        elif segment.source <= FROM_DATA:
            self.needs |= use.field.needs
            self.needs_state = self.needs_state or use.field.needs_state
        return 0

    @property
    def finished(self):
        """bool : Whether the limit has been reached."""
        return self.events >= self.most

    def render(self, EventBatch batch not None):
        """Lines of the selected events of a batch, or of all shown ones if nothing selected.

        Parameters
        ----------
        batch : EventBatch
            The present batch of a reader with at least the columns that `needs` tells.

        Returns
        -------
        bytes
            Whole lines; empty if no event has one.
        """
        self.begin(batch)
        with nogil:
            self.fill(batch, 0, <size_t>-1)
        if self.out.failed:
            raise MemoryError
        return (<const char*>self.out.data)[:self.out.used] if self.out.used else b""

    def write_to(self, target, EventBatch batch not None):
        """Write what :meth:`render` returns, in large pieces and without making it as a whole.

        Parameters
        ----------
        target : int or binary file
            A file descriptor, or an object whose ``write`` takes a memoryview and keeps nothing of it.
        batch : EventBatch
            As for :meth:`render`.

        Raises
        ------
        OSError
            What the target raises, as it is.
        """
        self.begin(batch)
        self.writing = True
        try:
            self.write_pieces(target, batch)
        finally:
            self.writing = False

    cdef int write_pieces(self, target, EventBatch batch) except -1:
        cdef uint32_t position = 0
        write = partial(os.write, target) if isinstance(target, int) else target.write
        cdef uint32_t count = batch.selected_count if batch.has_selection else batch.columns.count
        while position < count:
            self.out.used = 0
            with nogil:
                position = self.fill(batch, position, PIECE)
            if self.out.failed:
                raise MemoryError
            if self.out.used:
                with PyMemoryView_FromMemory(<char*>self.out.data, <Py_ssize_t>self.out.used, PyBUF_READ) as piece:
                    write_all(write, piece)
        return 0

    cdef int begin(self, EventBatch batch) except -1:
        """Look at a batch, which must have what is needed."""
        if self.writing:
            raise RuntimeError("a renderer cannot be used by what it writes to")
        batch.require(self.needs)
        find_beginning(&self.beginning, batch)
        open_scope(&self.scope, batch)
        self.scope.text = NULL
        if batch.engine is not None:
            text_begin(&self.text, self.scope.state, self.scope.columns)
            self.scope.text = &self.text
        self.out.used = 0
        self.out.failed = False
        return 0

    cdef uint32_t fill(self, EventBatch batch, uint32_t position, size_t enough) noexcept nogil:
        """Put lines until there are enough bytes; the position where to go on, which is the end when all is done."""
        cdef uint32_t count = batch.selected_count if batch.has_selection else batch.columns.count
        cdef uint32_t row
        while position < count:
            if self.events >= self.most:
                return count
            if self.out.used >= enough:
                return position
            row = batch.selection[position] if batch.has_selection else position
            position += 1
            if batch.columns.mark[row] & MARK_HIDDEN:
                self.events += is_counted(&self.beginning, batch, row)
                continue
            self.events += 1
            if not self.put_line(batch, row):
                self.dropped += 1
            elif self.out.failed:
                return count
        return count

    cdef bint put_line(self, EventBatch batch, uint32_t row) noexcept nogil:
        """Put the line of one event; False, and nothing, if a value is missing that must not be."""
        cdef size_t start = self.out.used
        cdef size_t from_here
        cdef uint32_t index
        cdef Segment* segment
        cdef bint missing = False
        move_scope(&self.scope, batch, row)
        for index in range(self.segment_count):
            segment = &self.segments[index]
            if missing and not segment.running:
                continue
            put_bytes(&self.out, segment.before, segment.before_length)
            from_here = self.out.used
            if not self.put_segment(segment):
                if not self.keep_missing:
                    missing = True
                    continue
                self.out.used = from_here
                if self.json:
                    put_bytes(&self.out, b"null", 4)
                else:
                    put_bytes(&self.out, b"<NA>", 4)
            elif self.escape and not self.json:
                escape_controls(&self.out, from_here, &self.scope.scratch, segment.multiline)
            if segment.width:
                fit(&self.out, from_here, segment.width)
        if missing:
            self.out.used = start
            return False
        put_bytes(&self.out, self.tail, self.tail_length)
        self.lines += 1
        return True

    cdef bint put_segment(self, Segment* segment) noexcept nogil:
        cdef Value value
        cdef size_t start
        if segment.source == FROM_NOWHERE:
            return False
        if segment.source > FROM_DATA:
            return self.put_time_segment(segment)
        if not extract(segment.field, &self.scope, &value):
            return False
        if segment.source == FROM_DATA and value.type == PT_BYTEBUF:
            # Without the state engine there is no text of parameters, but this one needs no state.
            start = self.scope.scratch.used
            put_payload(&self.scope.scratch, value.data, value.length, self.text.mode, self.text.unlimited)
            give_scratch(&self.scope, &value, start)
        if segment.type and value.data == NULL:
            value.type = segment.type
        if self.json:
            return put_json_value(&self.out, &value, segment.format)
        return put_value(&self.out, &value, segment.format)

    cdef bint put_time_segment(self, Segment* segment) noexcept nogil:
        """Times as text; in JSON they all are the time stamp."""
        cdef uint64_t time = self.scope.event.ts
        cdef uint64_t previous
        cdef uint8_t source = segment.source
        if self.json:
            if reserve(&self.out, 40):
                put_decimal(&self.out, <int64_t>time, True)
        elif source == FROM_TIME or source == FROM_TIME_S:
            put_time(&self.out, &self.clock, time, source == FROM_TIME)
        elif source == FROM_DATETIME or source == FROM_DATETIME_S:
            put_date_and_time(&self.out, &self.clock, time, source == FROM_DATETIME)
        elif source == FROM_ISO8601:
            put_iso8601(&self.out, time)
        elif source == FROM_ABSOLUTE:
            put_seconds(&self.out, time, False)
        elif source == FROM_RELATIVE:
            put_seconds(&self.out, time - self.scope.columns.first_time, True)
        elif source == FROM_LATENCY:
            previous = self.scope.columns.latency[self.scope.row] if self.scope.thread else 0
            put_seconds(&self.out, previous, True)
        else:
            previous = segment.previous if segment.previous else time
            segment.previous = time
            put_seconds(&self.out, time - previous, True)
        return True


cdef int first_type(bytes name) except -1:
    """Type code of the first parameter of that name in the event table, 0 if there is none."""
    # Not at the top: few formats ask, and every start would pay.
    from scapcore.schema import event_types
    from scapcore.schema.generate import PARAMETER_TYPES

    for event in event_types():
        for parameter in event.params:
            if name is not None and parameter.name == name.decode():
                return PARAMETER_TYPES.index(parameter.type)
    return 0


cdef list as_json(segments):
    """The segments of a JSON object: one for each name, in the order of the names."""
    named = {part[2]: part for part in segments if not isinstance(part, bytes)}
    result = []
    for name in sorted(named):
        result += [(b"," if result else b"{") + json_text(name) + b":", named[name]]
    return result + [b"}" if result else b"null"]


cdef bytes json_text(bytes text):
    """A text as JSON with its quotes."""
    cdef Buffer out
    memset(&out, 0, sizeof(Buffer))
    put_json_text(&out, text, len(text))
    try:
        if out.failed:
            raise MemoryError
        return (<const char*>out.data)[:out.used]
    finally:
        release(&out)


cdef int write_all(write, piece) except -1:
    """Write all of a piece; descriptors and unbuffered files may take less at once."""
    cdef Py_ssize_t done = 0
    while done < len(piece):
        with piece[done:] as rest:
            taken = write(rest)
            done += len(rest) if taken is None else taken
    return 0
