"""Events for people: a view of one row of a batch, and the iterator over them."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from scapcore.batch cimport EventBatch, EventPlace
from scapcore.events cimport (MARK_HIDDEN, Event as RawEvent, event_cpu, event_number, load64, parameter, parameter_integer,
                              parameter_unsigned, text_length)
from scapcore.fields cimport FieldUse, Scope, Value, close_scope, extract, move_scope, open_scope
from scapcore.fields_event cimport event_name, is_signed
from scapcore.names cimport ADDRESS_SIZE, address_text, put_ipv4, put_ipv6
from scapcore.payload cimport MODE_NORMAL
from scapcore.reader cimport Reader
from scapcore.schema.types cimport *
from scapcore.text cimport TextContext, put_arguments, text_begin, text_close, text_open


cdef object to_python(const Value* value, bint binary):
    """A value as a Python object: int, bool, float, str (undecodable bytes as surrogates), bytes, or a list of str."""
    cdef char address[ADDRESS_SIZE]
    cdef uint32_t length
    cdef uint8_t type = value.type
    if value.many:
        items = value.data[:value.length].decode("utf-8", "surrogateescape").split("\0")
        items.pop()     # what stands behind the last NUL
        return items
    if type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH:
        return value.data[:value.length].decode("utf-8", "surrogateescape")
    if type == PT_BOOL:
        return value.integer != 0
    if type == PT_DOUBLE:
        return value.real
    if type == PT_IPADDR:
        length = address_text(value.data, value.length, address)
        return address[:length].decode("ascii") if length else None
    if type == PT_BYTEBUF or type == PT_SOCKADDR or type == PT_SOCKTUPLE or type == PT_FDLIST or type == PT_DYN:
        return PyBytes_FromStringAndSize(<const char*>value.data, value.length)
    if type == PT_UINT64 or type == PT_RELTIME or type == PT_ABSTIME:
        return <uint64_t>value.integer
    return value.integer


cdef class FieldReader:
    """Takes values of fields from events of one pass. Internal to the core.

    Parameters
    ----------
    compile : callable
        Turns the text of a field into a :class:`scapcore.fields.FieldUse`.
    mode : int
        How payloads are shown where they are printed, see payload.pxd.
    unlimited : bool
        Whether payloads are shown in full.
    printing : bool
        Whether texts come as they are printed: names sanitised, payloads shown.
    """

    def __cinit__(self, compile=None, int mode=MODE_NORMAL, bint unlimited=True, bint printing=False):
        memset(&self.scope, 0, sizeof(Scope))
        self.compile = compile
        self.uses = {}
        self.scope.printing = printing
        text_open(&self.text, mode, unlimited)

    def __dealloc__(self):
        close_scope(&self.scope)
        text_close(&self.text)

    cdef bint bind(self, EventBatch batch) except False:
        """Look at a batch."""
        if self.serial == batch.serial:
            return True
        open_scope(&self.scope, batch)
        self.serial = batch.serial
        if batch.engine is not None:
            text_begin(&self.text, self.scope.state, self.scope.columns)
            self.scope.text = &self.text
        else:
            self.scope.text = NULL
        return True

    cdef object take(self, EventBatch batch, uint32_t row, FieldUse use):
        """The value of a field at an event, None where it is missing."""
        batch.require(use.field.needs)
        self.bind(batch)
        move_scope(&self.scope, batch, row)
        if not extract(&use.field, &self.scope, &self.value):
            return None
        return to_python(&self.value, True)

    cpdef object value_of(self, EventBatch batch, uint32_t row, str name):
        """The value of a field by its name."""
        use = self.uses.get(name)
        if use is None:
            use = self.compile(name)
            self.uses[name] = use
        return self.take(batch, row, use)


@cython.no_gc_clear
cdef class Event(EventPlace):
    """One event of a capture.

    A light view: it stays valid for as long as it is kept, however far the iteration has gone on.

    Examples
    --------
    ``event["proc.name"]`` is the value of any field, None where the event has none;
    ``event.get("fd.name", "-")`` gives something else instead.
    """

    @property
    def num(self):
        """int : Event number; every event of the capture counts, from 1."""
        return event_number(&self.batch.columns, self.row)

    @property
    def ts(self):
        """int : Time stamp in nanoseconds since the epoch."""
        return load64(self.batch.columns.data + self.batch.columns.offset[self.row])

    @property
    def tid(self):
        """int : Id of the thread, -1 for none."""
        return <int64_t>load64(self.batch.columns.data + self.batch.columns.offset[self.row] + 8)

    @property
    def cpu(self):
        """int : Number of the processor."""
        cdef RawEvent event
        self.batch.place(&event, self.row)
        return event_cpu(&event)

    @property
    def type_number(self):
        """int : Event type of the format; even for enter, odd for exit events."""
        return self.batch.columns.type[self.row]

    @property
    def type(self):
        """str : Name of the event, such as ``openat``."""
        cdef RawEvent event
        self.batch.place(&event, self.row)
        return event_name(&event, self.batch.engine is not None and self.batch.engine.modern).decode("ascii")

    @property
    def is_enter(self):
        """bool : True for enter, False for exit events."""
        return not self.batch.columns.type[self.row] & 1

    @property
    def direction(self):
        """str : ``>`` for enter, ``<`` for exit events."""
        return "<" if self.batch.columns.type[self.row] & 1 else ">"

    @property
    def params(self):
        """dict of str to object : The parameters by name: int, str, or bytes for everything else."""
        cdef RawEvent event
        cdef uint32_t index, length
        cdef const uint8_t* data
        cdef uint8_t type
        self.batch.place(&event, self.row)
        result = {}
        for index in range(event.known):
            data = parameter(&event, index, &length)
            type = event.parameters[index].type
            name = event.parameters[index].name.decode("ascii")
            if type == PT_CHARBUF or type == PT_FSPATH or type == PT_FSRELPATH:
                result[name] = data[:text_length(data, length)].decode("utf-8", "surrogateescape")
            elif length != 1 and length != 2 and length != 4 and length != 8 or type == PT_BYTEBUF \
                    or type == PT_SOCKADDR or type == PT_SOCKTUPLE or type == PT_FDLIST or type == PT_DYN:
                result[name] = data[:length]
            elif is_signed(type):
                result[name] = parameter_integer(&event, index, 0)
            else:
                result[name] = parameter_unsigned(&event, index, 0)
        return result

    @property
    def args(self):
        """str : The parameters as text, as the field ``evt.args`` shows them."""
        return self.reader.value_of(self.batch, self.row, "evt.args")

    def __getitem__(self, str name):
        return self.reader.value_of(self.batch, self.row, name)

    def get(self, str name, default=None):
        """The value of a field, or `default` where the event has none."""
        value = self.reader.value_of(self.batch, self.row, name)
        return default if value is None else value

    def _repr_html_(self):
        """For notebooks: what the event says, a line each."""
        from html import escape

        rows = [("event", self.num), ("time", self["evt.time"]), ("processor", self.cpu), ("process", self["proc.name"]),
                ("thread", self.tid), ("type", f"{self.direction} {self.type}"), ("descriptor", self["fd.name"])]
        rows += [(f"argument {name}", value) for name, value in self.params.items()]
        lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value)[:120])}</td></tr>"
                        for name, value in rows if value is not None)
        return f"<table><tbody>{lines}</tbody></table>"

    def __repr__(self):
        return f"<Event {self.num} {self.direction} {self.type} tid={self.tid}>"


cdef class EventIterator:
    """Iterates over the shown events of a pass, or over those that a predicate selects. Internal to the core."""

    def __init__(self, Reader reader, predicate, compile):
        self.reader = reader
        self.predicate = predicate
        self.fields = FieldReader(compile)

    def __iter__(self):
        return self

    def __next__(self):
        cdef Event event
        while self.batch is None or self.place >= self.count:
            self.batch = None
            self.count = 0
            if not self.reader.advance():
                raise StopIteration
            self.batch = self.reader.batch
            if self.predicate is not None:
                self.predicate.run(self.batch)
            self.rows = self.batch.rows()
            self.count = <uint32_t>(PyBytes_GET_SIZE(self.rows) // sizeof(uint32_t))
            self.place = 0
        event = Event.__new__(Event)
        event.enter(self.batch, (<uint32_t*>PyBytes_AS_STRING(self.rows))[self.place])
        event.reader = self.fields
        self.place += 1
        return event


def event_at(EventBatch batch, uint32_t row, FieldReader fields):
    """An event of a batch."""
    cdef Event event = Event.__new__(Event)
    event.enter(batch, row)
    event.reader = fields
    return event
