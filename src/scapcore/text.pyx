"""Event parameters as text: what evt.args, evt.info and evt.arg show (state engine, section 9)."""

cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memmove, memset, strlen, strncmp

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_text, release, reserve
from scapcore.events cimport *
from scapcore.history cimport history_begin, history_close
from scapcore.payload cimport (MODE_ASCII, MODE_BASE64, MODE_HEX, MODE_HEXASCII, MODE_NORMAL, put_json_text)
from scapcore.schema.tables cimport *
from scapcore.schema.types cimport EF_WRITES_TO_FD, GENERIC_X, SYSCALL_SENDFILE_X
from scapcore.state cimport FD_IPV4, FD_IPV6_SERVER, FdRow, State, fd_row
from scapcore.strings cimport length_of, text_of
from scapcore.values cimport RESERVED, render

cdef extern from "<string.h>" nogil:
    void* memmem(const void* haystack, size_t haystack_length, const void* needle, size_t needle_length)

cdef enum:
    LABEL_SIZE = 23          # the longest parameter name has 19 characters
    STORAGE = 1024           # of the reference for a raw text, at first

cdef struct Label:
    # `name=`, copied as a whole because that is quicker than copying what is needed
    char text[LABEL_SIZE]
    uint8_t length

cdef const char* SEVERITIES[8]
SEVERITIES[:] = [b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug"]

cdef Label* LABELS[2]        # of the parameters, by generation


cdef bint make_labels(int generation, const EventType* types, const Parameter* parameters) except False:
    cdef uint32_t count = <uint32_t>types[EVENT_COUNT - 1].first + types[EVENT_COUNT - 1].nparams
    cdef uint32_t index
    cdef size_t length
    LABELS[generation] = <Label*>calloc(count, sizeof(Label))
    if LABELS[generation] == NULL:
        raise MemoryError
    for index in range(count):
        length = strlen(parameters[index].name)
        if length + 1 > LABEL_SIZE:
            raise SystemError(f"the parameter name {parameters[index].name.decode()} is too long for its label")
        memcpy(LABELS[generation][index].text, parameters[index].name, length)
        LABELS[generation][index].text[length] = 61
        LABELS[generation][index].length = <uint8_t>(length + 1)
    return True


make_labels(0, events_classic, parameters_classic)
make_labels(1, events_modern, parameters_modern)


cdef void put_arguments(Buffer* out, TextContext* context, const Event* event, uint32_t row) noexcept nogil:
    """All parameters, as evt.args shows them: ``name=raw(resolved)``, a blank behind each but the last modern one."""
    cdef const uint8_t* data = event.values
    cdef const Label* label = LABELS[context.modern] + event.info.first
    cdef uint32_t index, length
    cdef uint32_t count = event.known
    cdef size_t middle
    if event.type <= GENERIC_X:
        return                  # for internal use only
    if context.state.saw_enter and not context.modern and 0 <= event.info.reference < <int>count:
        # Captures with enter events print as in the reference; exit-only ones need what it does not know.
        count = <uint32_t>event.info.reference
    for index in range(count):
        length = parameter_length(event, index)
        if not reserve(out, RESERVED):
            return
        memcpy(out.data + out.used, label.text, LABEL_SIZE)
        out.used += label.length
        middle = render(out, context, event, row, index, data, length)
        if out.used > middle:
            put_byte(out, 41)
        put_byte(out, 32)
        data += length
        label += 1
    if context.modern and event.known:
        out.used -= 1


cdef bint read_log_message(State* state, const Columns* columns, const Event* event, uint32_t row,
                           LogMessage* message) noexcept nogil:
    """The message of a write to the system log; False if the event is none."""
    cdef const FdRow* fd
    cdef uint32_t length
    cdef uint32_t digits = 0
    cdef uint32_t priority = 0
    cdef const uint8_t* data
    if not event.info.flags & EF_WRITES_TO_FD or not event.type & 1 or event.type == SYSCALL_SENDFILE_X:
        return False
    if not columns.mark[row] & MARK_FD or not columns.fd[row]:
        return False
    fd = fd_row(state, columns.fd[row])
    if FD_IPV4 <= fd.type <= FD_IPV6_SERVER or parameter_integer(event, 0, -1) < 0:
        return False
    data = text_of(&state.strings, fd.name)
    if memmem(data, length_of(&state.strings, fd.name), b"/dev/log", 8) == NULL:
        return False
    data = parameter(event, 1, &length)
    # `<`, at most 15 digits, `>` (which nothing checks), the message
    while digits < 15 and digits + 1 < length and data[digits + 1] != 62 and data[digits + 1] != 0:
        if not 48 <= data[digits + 1] <= 57:
            return False
        priority = priority * 10 + data[digits + 1] - 48
        digits += 1
    if not digits or length < digits + 2 or priority == <uint32_t>0xFFFFFFFF:
        return False
    message.priority = priority
    message.text = data + digits + 2
    message.length = text_length(data + digits + 2, length - digits - 2)
    return True


cdef bint put_syslog(Buffer* out, TextContext* context, const Event* event, uint32_t row) noexcept nogil:
    """A short form of the message of a write to the system log; False if the event is none."""
    cdef LogMessage message
    if not read_log_message(context.state, context.columns, event, row, &message):
        return False
    put_bytes(out, b"syslog sev=", 11)
    put_text(out, SEVERITIES[message.priority & 7])
    put_bytes(out, b" msg=", 5)
    put_bytes(out, message.text, message.length)
    return True


cdef void put_info(Buffer* out, TextContext* context, const Event* event, uint32_t row) noexcept nogil:
    """What evt.info shows: the parameters, or the message where one is written to the system log."""
    if context.modern or not put_syslog(out, context, event, row):
        put_arguments(out, context, event, row)


cdef bint put_argument(Buffer* out, TextContext* context, const Event* event, uint32_t row,
                       uint32_t index) noexcept nogil:
    """One parameter, as evt.arg shows it: resolved if there is such a text, else raw; False if there is none."""
    cdef uint32_t length
    cdef const uint8_t* data
    cdef size_t start = out.used
    cdef size_t middle
    if index >= event.known or not reserve(out, RESERVED):
        return False
    data = parameter(event, index, &length)
    middle = render(out, context, event, row, index, data, length)
    if out.used > middle:
        memmove(out.data + start, out.data + middle + 1, out.used - middle - 1)
        out.used -= middle + 1 - start
    return True


cdef bint put_raw_and_resolved(Buffer* raw, Buffer* resolved, TextContext* context, const Event* event, uint32_t row,
                               uint32_t index) noexcept nogil:
    """Both texts of a parameter apart; False if the event has none at that index."""
    cdef uint32_t length
    cdef const uint8_t* data
    cdef size_t middle
    if index >= event.known or not reserve(raw, RESERVED):
        return False
    data = parameter(event, index, &length)
    middle = render(raw, context, event, row, index, data, length)
    if raw.used > middle:
        put_bytes(resolved, raw.data + middle + 1, raw.used - middle - 1)
        raw.used = middle
    return True


cdef int parameter_index(const Event* event, const char* name, size_t length) noexcept nogil:
    """Index of the event's parameter of that name, -1 if it has none."""
    cdef uint32_t index
    for index in range(event.known):
        if strncmp(event.parameters[index].name, name, length) == 0 and not event.parameters[index].name[length]:
            return <int>index
    return -1


cdef void text_open(TextContext* context, int mode, bint unlimited) noexcept nogil:
    """Prepare for one pass over a capture."""
    memset(context, 0, sizeof(TextContext))
    context.mode = mode
    context.unlimited = unlimited
    context.storage = STORAGE


cdef void text_begin(TextContext* context, State* state, Columns* columns) noexcept nogil:
    """Turn to the batch that the engine has just processed."""
    context.state = state
    context.columns = columns
    context.modern = state.modern != 0
    history_begin(&context.history, state, columns)


cdef void text_close(TextContext* context) noexcept nogil:
    history_close(&context.history)


cdef dict MODES = {"normal": MODE_NORMAL, "ascii": MODE_ASCII, "hex": MODE_HEX, "hexascii": MODE_HEXASCII,
                   "base64": MODE_BASE64}


@cython.final
cdef class ArgumentText:
    """Texts of the parameters of events. Internal to the core.

    Parameters
    ----------
    mode : {"normal", "ascii", "hex", "hexascii", "base64"}
        How byte buffers are shown.
    unlimited : bool
        Show more than 80 bytes of a buffer in normal mode.

    Notes
    -----
    Batches must come from a reader with ``needs`` of at least NEED_LINKS and NEED_CHANGES.
    """

    def __cinit__(self):
        memset(&self.context, 0, sizeof(TextContext))
        memset(&self.out, 0, sizeof(Buffer))

    def __init__(self, *, str mode="normal", bint unlimited=False):
        text_close(&self.context)
        text_open(&self.context, MODES[mode], unlimited)
        self.serial = 0

    def __dealloc__(self):
        text_close(&self.context)
        release(&self.out)

    cdef bint place(self, EventBatch batch, Py_ssize_t row) except False:
        """Point at an event of a batch."""
        if row < 0 or row >= batch.columns.count:
            raise IndexError(f"the batch has no row {row}")
        if batch.engine is None:
            raise ValueError("the batch was read without state")
        # The batch is not held: the reader could then not use it again.
        if batch.serial != self.serial:
            self.serial = batch.serial
            text_begin(&self.context, &batch.engine.state, &batch.columns)
        batch.place(&self.event, <uint32_t>row)
        self.out.used = 0
        return True

    cdef bytes take(self):
        if self.out.failed:
            raise MemoryError
        return (<const char*>self.out.data)[:self.out.used] if self.out.used else b""

    def arguments(self, EventBatch batch not None, Py_ssize_t row):
        """Text of evt.args.

        Parameters
        ----------
        batch : EventBatch
            A batch of a reader with state.
        row : int
            Row of the event in it.

        Returns
        -------
        bytes
        """
        self.place(batch, row)
        put_arguments(&self.out, &self.context, &self.event, <uint32_t>row)
        return self.take()

    def info(self, EventBatch batch not None, Py_ssize_t row):
        """Text of evt.info; parameters as for :meth:`arguments`."""
        self.place(batch, row)
        put_info(&self.out, &self.context, &self.event, <uint32_t>row)
        return self.take()

    def argument(self, EventBatch batch not None, Py_ssize_t row, which):
        """Text of evt.arg[N] or evt.arg.NAME.

        Parameters
        ----------
        batch : EventBatch
            A batch of a reader with state.
        row : int
            Row of the event in it.
        which : int or str
            Index or name of the parameter.

        Returns
        -------
        bytes or None
            None if the event has no such parameter.
        """
        cdef int index
        cdef bytes name
        self.place(batch, row)
        if isinstance(which, str):
            name = which.encode()
            index = parameter_index(&self.event, name, len(name))
        else:
            index = which
        if index < 0 or not put_argument(&self.out, &self.context, &self.event, <uint32_t>row, <uint32_t>index):
            return None
        return self.take()

    def raw_and_resolved(self, EventBatch batch not None, Py_ssize_t row, uint32_t index):
        """Both texts of one parameter, or None if the event has none at that index.

        Returns
        -------
        tuple of (bytes, bytes) or None
            The resolved text is empty where there is none.
        """
        cdef Buffer resolved
        cdef bytes second
        memset(&resolved, 0, sizeof(Buffer))
        self.place(batch, row)
        if not put_raw_and_resolved(&self.out, &resolved, &self.context, &self.event, <uint32_t>row, index):
            return None
        try:
            if resolved.failed:
                raise MemoryError
            second = (<const char*>resolved.data)[:resolved.used] if resolved.used else b""
        finally:
            release(&resolved)
        return self.take(), second

    def measure(self, EventBatch batch not None):
        """Render the parameters of all shown events of a batch and drop the texts; how many bytes they had.

        This is for benchmarks: no Python object is made.
        """
        cdef uint32_t row
        cdef size_t total = 0
        self.place(batch, 0)
        with nogil:
            for row in range(batch.columns.count):
                if batch.columns.mark[row] & MARK_HIDDEN:
                    continue
                batch.place(&self.event, row)
                self.out.used = 0
                put_arguments(&self.out, &self.context, &self.event, row)
                total += self.out.used
        return total


def json_text(const uint8_t[::1] text not None):
    r"""A string as JSON in ASCII, with its quotes, as the reference's -j writes it. Internal to the core.

    Examples
    --------
    >>> print(json_text('say "h\u00e9"'.encode()).decode())
    "say \"h\u00e9\""
    """
    cdef Buffer out
    cdef bytes result
    memset(&out, 0, sizeof(Buffer))
    put_json_text(&out, &text[0] if text.shape[0] else NULL, text.shape[0])
    try:
        if out.failed:
            raise MemoryError
        result = (<const char*>out.data)[:out.used]
    finally:
        release(&out)
    return result
