"""A walk over the chosen events of batches for another language in this process.

The caller gets the addresses of C functions and of the memory where results appear; with a foreign-function
interface it walks over events and takes values of fields without entering Python. The functions need no lock of the
interpreter, but only one thread at a time may use a cursor.
"""

from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport put_bytes
from scapcore.events cimport BATCH_EVENTS, MARK_HIDDEN, event_cpu, event_number, load64
from scapcore.fields cimport Field, FieldUse, Scope, Value, close_scope, extract, move_scope, open_scope
from scapcore.names cimport address_text
from scapcore.render cimport Renderer
from scapcore.schema.types cimport *
from scapcore.text cimport TextContext, text_begin, text_close, text_open

cdef enum:
    ROOM = 1 << 17           # bytes of a text that is handed over in one place
    MOST_BYTES = 65000       # of a data buffer

    KIND_ANY = 0
    KIND_NUMBER = 1
    KIND_BOOL = 2

#: What the functions look like in C; `shared` of a cursor is the address of such a structure.
DECLARATIONS = """
typedef struct {
    double number, event, seconds, nanoseconds, cpu, delta;
    const char* data;
    double length;
} scappy_shared;
typedef int (*scappy_step)(void* cursor);
typedef int (*scappy_take)(void* cursor, int index);
typedef double (*scappy_number)(void* cursor, int index);
typedef void (*scappy_act)(void* cursor);
typedef void (*scappy_mark)(void* cursor, double before);
"""

cdef inline int kind_of(const Field* field) noexcept nogil:
    """What the values of a field are for sure."""
    cdef uint8_t type = field.type
    if type == PT_BOOL:
        return KIND_BOOL
    if PT_INT8 <= type <= PT_UINT64 or type == PT_RELTIME or type == PT_ABSTIME or type == PT_PID or type == PT_FD \
            or type == PT_PORT or type == PT_ERRNO or type == PT_DOUBLE or type == PT_UID or type == PT_GID:
        return KIND_NUMBER
    return KIND_ANY


cdef inline double number_of(const Value* value) noexcept nogil:
    cdef uint8_t type = value.type
    if type == PT_DOUBLE:
        return value.real
    if type == PT_UINT64 or type == PT_RELTIME or type == PT_ABSTIME:
        return <double><uint64_t>value.integer
    if type == PT_UINT32 or type == PT_FLAGS32 or type == PT_MODE or type == PT_UID or type == PT_GID:
        return <double><uint32_t>value.integer
    return <double>value.integer


cdef class EventCursor:
    """A walk over the chosen events of the batches of one pass. Internal to the library.

    Parameters
    ----------
    mode : int
        How payloads are shown where they are texts, see payload.pxd.

    Notes
    -----
    ``step`` goes to the next event and tells 0 (the batch is done), 1 (an event) or 2 (an interval is over, `seconds`,
    `nanoseconds` and `delta` are set; the event at hand is the one that ended it). ``place`` sets `event`, `seconds`,
    `nanoseconds` and `cpu` to those of the event at hand. ``take`` tells how many bytes of text now lie at
    :attr:`room`, or -1 for a missing value, -2 for a number in `number`, -3 and -4 for false and true, -5 for a text
    at `data`, `length` that did not fit. ``number`` gives the value of a field of which :meth:`kind` says that it is
    a number (1) or a truth value (2), and no number (NaN) where it is missing. ``accept`` marks the event at hand for
    :meth:`render` and takes how many bytes of the text that :meth:`render` gets come before it.
    """

    cdef Scope scope
    cdef TextContext text
    cdef Value value
    cdef Shared shared_values
    cdef Field** fields
    cdef uint32_t field_count
    cdef list uses
    cdef EventBatch batch
    cdef uint8_t* room_bytes
    cdef uint32_t* accepted
    cdef double* accepted_behind # bytes of text before each
    cdef uint32_t accepted_count
    cdef uint32_t row            # next row to look at, with intervals; else next place in the selection
    cdef uint32_t here           # row of the event at hand
    cdef uint32_t place_in_selection
    # Intervals
    cdef uint64_t interval_length
    cdef bint precise
    cdef bint begun              # the first event has been seen
    cdef uint64_t sample_time
    cdef uint64_t interval_time
    cdef bint stamped            # the intervals up to the present row have been told

    def __cinit__(self, int mode=0):
        memset(&self.scope, 0, sizeof(Scope))
        memset(&self.shared_values, 0, sizeof(Shared))
        text_open(&self.text, mode, True)
        self.scope.printing = True
        self.uses = []
        self.room_bytes = <uint8_t*>malloc(ROOM)
        self.accepted = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        self.accepted_behind = <double*>malloc(BATCH_EVENTS * sizeof(double))
        if self.room_bytes == NULL or self.accepted == NULL or self.accepted_behind == NULL:
            raise MemoryError

    def __dealloc__(self):
        close_scope(&self.scope)
        text_close(&self.text)
        free(self.fields)
        free(self.room_bytes)
        free(self.accepted)
        free(self.accepted_behind)

    @property
    def addresses(self):
        """dict of str to int : Where the functions and the memory of this cursor are; valid while it lives."""
        return {
            "cursor": <size_t><void*>self,
            "shared": <size_t>&self.shared_values,
            "room": <size_t>self.room_bytes,
            "step": <size_t><void*>cursor_step,
            "take": <size_t><void*>cursor_take,
            "number": <size_t><void*>cursor_number,
            "place": <size_t><void*>cursor_place,
            "accept": <size_t><void*>cursor_accept,
        }

    def add(self, FieldUse use not None):
        """Make a field known; its index for ``take``.

        Raises
        ------
        ValueError
            If there are too many.
        """
        cdef Field** grown
        if self.field_count >= MOST_FIELDS:
            raise ValueError(f"a cursor takes no more than {MOST_FIELDS} fields")
        grown = <Field**>realloc(self.fields, (self.field_count + 1) * sizeof(Field*))
        if grown == NULL:
            raise MemoryError
        self.fields = grown
        if self.batch is not None:
            self.batch.require(use.field.needs)
        self.uses.append(use)
        self.fields[self.field_count] = &use.field
        self.field_count += 1
        return self.field_count - 1

    def kind(self, uint32_t index):
        """What the values of a field are: 1 numbers, 2 truth values, 0 anything.

        Raises
        ------
        IndexError
            If no field has that index.
        """
        if index >= self.field_count:
            raise IndexError(index)
        # The parameter itself may be of another type in some events.
        if (<FieldUse>self.uses[index]).name.startswith(("evt.rawarg", "evt.arg")):
            return KIND_ANY
        return kind_of(self.fields[index])

    def set_mode(self, int mode):
        """Show payloads in another way from now on."""
        self.text.mode = mode

    def set_interval(self, uint64_t length, bint precise):
        """Ask for intervals.

        Parameters
        ----------
        length : int
            Nanoseconds; 0 for none.
        precise : bool
            Count from the first event and tell each interval, instead of from the epoch and once for all that passed.
        """
        if self.batch is not None and not self.interval_length:
            self.row = self.here + 1
        self.interval_length = length
        self.precise = precise

    def begin(self, EventBatch batch not None):
        """Go on to a batch; its selection, or all that is shown, is what will be walked over."""
        cdef FieldUse use
        for use in self.uses:
            batch.require(use.field.needs)
        self.batch = batch
        open_scope(&self.scope, batch)
        self.scope.text = NULL
        if batch.engine is not None:
            self.text.modern = batch.engine.modern
            text_begin(&self.text, self.scope.state, self.scope.columns)
            self.scope.text = &self.text
        self.row = 0
        self.here = 0
        self.place_in_selection = 0
        self.accepted_count = 0
        self.stamped = False

    def go_to(self, uint32_t row):
        """Let an event of the batch be at hand, without a walk.

        Raises
        ------
        IndexError
            If the batch has no such row.
        """
        if self.batch is None or row >= self.batch.columns.count:
            raise IndexError(row)
        self.arrive(row, STEP_EVENT)

    def end(self):
        """Let the batch go."""
        self.batch = None

    @property
    def time(self):
        """int : Time stamp of the event at hand, nanoseconds since the epoch; 0 where there is none."""
        if self.batch is None or self.here >= self.batch.columns.count:
            return 0
        return load64(self.batch.columns.data + self.batch.columns.offset[self.here])

    @property
    def number(self):
        """int : Number of the event at hand, 0 where there is none."""
        if self.batch is None or self.here >= self.batch.columns.count:
            return 0
        return event_number(&self.batch.columns, self.here)

    @property
    def first_time(self):
        """int : Time stamp of the first event of the capture that counts, 0 without a batch."""
        return 0 if self.batch is None else self.batch.columns.first_time

    @property
    def last_time(self):
        """int : Time stamp of the last event of the batch, 0 without one."""
        if self.batch is None or not self.batch.columns.count:
            return 0
        return load64(self.batch.columns.data + self.batch.columns.offset[self.batch.columns.count - 1])

    @property
    def last_number(self):
        """int : Number of the last event of the batch, 0 without one."""
        if self.batch is None or not self.batch.columns.count:
            return 0
        return event_number(&self.batch.columns, self.batch.columns.count - 1)

    @property
    def accepted_rows(self):
        """int : How many events are marked for :meth:`render`."""
        return self.accepted_count

    def render(self, Renderer renderer not None, bytes text=b""):
        """Lines of the events that were marked since the last time, between the pieces of a text.

        Parameters
        ----------
        renderer : scapcore.render.Renderer
            Of this pass; its costly columns must be there.
        text : bytes
            What is printed besides, in which the events have their places.

        Returns
        -------
        bytes
        """
        cdef EventBatch batch = self.batch
        cdef const uint8_t* data = text
        cdef size_t length = len(text)
        cdef size_t done = 0
        cdef size_t end
        cdef uint32_t index
        cdef uint32_t* selection
        cdef uint32_t count
        cdef bint selected
        if batch is None:
            self.accepted_count = 0
            return text
        selection = batch.selection
        count = batch.selected_count
        selected = batch.has_selection
        try:
            renderer.begin(batch)
            batch.selection = self.accepted
            batch.has_selection = True
            with nogil:
                for index in range(self.accepted_count):
                    end = <size_t>self.accepted_behind[index]
                    if done < end <= length:
                        put_bytes(&renderer.out, data + done, end - done)
                        done = end
                    batch.selected_count = index + 1
                    renderer.fill(batch, index, <size_t>-1)
                put_bytes(&renderer.out, data + done, length - done)
            if renderer.out.failed:
                raise MemoryError
            return (<const char*>renderer.out.data)[:renderer.out.used] if renderer.out.used else b""
        finally:
            batch.selection = selection
            batch.selected_count = count
            batch.has_selection = selected
            self.accepted_count = 0

    cdef int arrive(self, uint32_t row, int what) noexcept nogil:
        self.here = row
        move_scope(&self.scope, self.batch, row)
        return what

    cdef bint interval_over(self, uint32_t row) noexcept nogil:
        """True if an interval ended before an event; there may be more of them."""
        cdef uint64_t time = load64(self.batch.columns.data + self.batch.columns.offset[row])
        cdef uint64_t length = self.interval_length
        cdef uint64_t slot = time - time % length
        cdef uint64_t told = time
        if not self.begun:
            self.begun = True
            self.sample_time = time if self.precise else slot
            return False
        if not self.precise:
            if slot == self.sample_time:
                return False
            if self.interval_time and time == self.interval_time:
                return False
            self.shared_values.delta = <double>(<int64_t>(time - self.interval_time)) if self.interval_time else 0
            self.sample_time = slot
            self.interval_time = time
            self.stamped = True
        else:
            # Time may run backwards; unsigned as the reference has it would never end.
            if time < self.sample_time or time - self.sample_time < length:
                return False
            told = self.sample_time
            self.sample_time += length
            self.shared_values.delta = <double>length
        self.shared_values.seconds = <double>(told // 1000000000)
        self.shared_values.nanoseconds = <double>(told % 1000000000)
        return True


# What the other language calls. The cursor is a borrowed reference, and nothing here touches Python objects.


cdef int cursor_step(EventCursor self) noexcept nogil:
    cdef uint32_t count = self.batch.columns.count
    cdef uint32_t row
    cdef bint selected = self.batch.has_selection
    if self.interval_length == 0:
        if not selected:
            while self.row < count:
                row = self.row
                self.row += 1
                if not self.batch.columns.mark[row] & MARK_HIDDEN:
                    return self.arrive(row, STEP_EVENT)
            return STEP_DONE
        if self.place_in_selection >= self.batch.selected_count:
            return STEP_DONE
        row = self.batch.selection[self.place_in_selection]
        self.place_in_selection += 1
        return self.arrive(row, STEP_EVENT)
    while self.row < count:
        row = self.row
        if self.batch.columns.mark[row] & MARK_HIDDEN:
            self.row += 1
            continue
        if not self.stamped and self.interval_over(row):
            return self.arrive(row, STEP_INTERVAL)
        self.stamped = False
        self.row += 1
        if not selected:
            return self.arrive(row, STEP_EVENT)
        while self.place_in_selection < self.batch.selected_count \
                and self.batch.selection[self.place_in_selection] < row:
            self.place_in_selection += 1
        if self.place_in_selection < self.batch.selected_count \
                and self.batch.selection[self.place_in_selection] == row:
            self.place_in_selection += 1
            return self.arrive(row, STEP_EVENT)
    return STEP_DONE


cdef int cursor_take(EventCursor self, int index) noexcept nogil:
    cdef Value* value = &self.value
    cdef uint8_t type
    cdef uint32_t length
    if index < 0 or <uint32_t>index >= self.field_count or not extract(self.fields[index], &self.scope, value):
        return TAKE_MISSING
    type = value.type
    if type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH or type == PT_BYTEBUF:
        length = value.length
        if type == PT_BYTEBUF and length > MOST_BYTES:
            length = MOST_BYTES
        if length > ROOM:
            self.shared_values.data = value.data
            self.shared_values.length = <double>length
            return TAKE_LONG
        if length:
            memcpy(self.room_bytes, value.data, length)
        return <int>length
    if type == PT_BOOL:
        return TAKE_TRUE if value.integer != 0 else TAKE_FALSE
    if type == PT_IPADDR or type == PT_IPV4ADDR or type == PT_IPV6ADDR:
        length = address_text(value.data, value.length, <char*>self.room_bytes)
        return <int>length if length else TAKE_MISSING
    if value.data != NULL:
        return TAKE_MISSING
    self.shared_values.number = number_of(value)
    return TAKE_NUMBER


cdef double cursor_number(EventCursor self, int index) noexcept nogil:
    if index < 0 or <uint32_t>index >= self.field_count \
            or not extract(self.fields[index], &self.scope, &self.value):
        return NAN
    return number_of(&self.value)


cdef void cursor_place(EventCursor self) noexcept nogil:
    self.shared_values.event = <double>event_number(&self.batch.columns, self.here)
    self.shared_values.seconds = <double>(self.scope.event.ts // 1000000000)
    self.shared_values.nanoseconds = <double>(self.scope.event.ts % 1000000000)
    self.shared_values.cpu = <double>event_cpu(&self.scope.event)


cdef void cursor_accept(EventCursor self, double before) noexcept nogil:
    if self.accepted_count < BATCH_EVENTS:
        self.accepted[self.accepted_count] = self.here
        self.accepted_behind[self.accepted_count] = before
        self.accepted_count += 1
