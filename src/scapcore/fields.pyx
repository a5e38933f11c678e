"""Values of fields: compiled uses of fields and the dispatch to the rooms that know how to take them.

A room is a module with a table ``FIELDS`` (name → code, scope, type, format, needs) and a function that takes a
value from the columns and dimensions. To add a field: a line in the table of its room and a case in its function.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from cpython.ref cimport PyObject

from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer, put_bytes, put_sanitized, release
from scapcore.clock cimport clock_open
from scapcore.events cimport Columns, Event, load64
from scapcore.fields_cluster cimport extract_kubernetes
from scapcore.fields_container cimport extract_container
from scapcore.fields_event cimport extract_event
from scapcore.fields_fd cimport extract_fd
from scapcore.fields_lineage cimport extract_lineage
from scapcore.fields_notice cimport extract_notice
from scapcore.fields_path cimport extract_path
from scapcore.fields_program cimport extract_program
from scapcore.fields_table cimport extract_table
from scapcore.fields_thread cimport extract_thread, extract_user
from scapcore.state cimport NEED_LINKS, State, Thread
from scapcore.strings cimport length_of, text_of

from scapcore import (fields_absent, fields_cluster, fields_container, fields_event, fields_fd, fields_lineage,
                      fields_notice, fields_path, fields_program, fields_table, fields_thread)
from scapcore.errors import FieldError

ROOMS = {
    ROOM_EVENT: fields_event.FIELDS,
    ROOM_FD: fields_fd.FIELDS,
    ROOM_THREAD: fields_thread.FIELDS,
    ROOM_USER: fields_thread.USER_FIELDS,
    ROOM_CONTAINER: fields_container.FIELDS,
    ROOM_KUBERNETES: fields_cluster.FIELDS,
    ROOM_LINEAGE: fields_lineage.FIELDS,
    ROOM_PROGRAM: fields_program.FIELDS,
    ROOM_TABLE: fields_table.FIELDS,
    ROOM_PATH: fields_path.FIELDS,
    ROOM_NOTICE: fields_notice.FIELDS,
    ROOM_ABSENT: fields_absent.FIELDS,
}


cdef class FieldUse:
    """One use of a field, ready to be taken from events.

    Parameters
    ----------
    name : str
        Name of the field without argument, such as ``proc.aname``.
    argument : str or int, optional
        What stands in brackets or behind the name: a position or a key.

    Raises
    ------
    FieldError
        If the field has no extraction.
    """

    def __init__(self, str name, argument=None):
        cdef bint found = False
        memset(&self.field, 0, sizeof(Field))
        self.field.index = -1
        self.field.owner = <void*><PyObject*>self
        self.given = argument
        for room, table in ROOMS.items():
            if name in table:
                code, scope, kind, form, needs = table[name]
                self.field.room = room
                self.field.code = code
                self.field.scope = scope
                self.field.type = kind
                self.field.format = form
                self.field.needs = needs
                found = True
                break
        if not found:
            raise FieldError(f"the field {name} cannot be taken from captures yet")
        self.field.needs_state = self.field.scope != SCOPE_TYPE and not (
            name in fields_event.STATELESS)
        self.name = name
        if isinstance(argument, int):
            self.field.index = argument
            self.name = f"{name}[{argument}]"
        elif argument is not None:
            self.kept = argument.encode()
            self.field.argument = <const uint8_t*><char*>self.kept
            self.field.argument_length = <uint32_t>len(self.kept)
            self.name = f"{name}.{argument}"
        if self.field.room == ROOM_EVENT:
            fields_event.prepare(self)

    @property
    def needs(self):
        """int : Costly columns that the field needs, see :class:`scapcore.engine.Engine`."""
        return self.field.needs

    @property
    def needs_state(self):
        """bool : Whether the field needs the state engine at all."""
        return self.field.needs_state

    @property
    def type(self):
        """int : Type code of the values (scap format, section 6.3)."""
        return self.field.type

    @property
    def scope(self):
        """int : What the value is a function of: 1 the event, 2 its thread, 3 its descriptor, 4 its type."""
        return self.field.scope

    @property
    def format(self):
        """int : How numbers are printed."""
        return self.field.format

    @property
    def index(self):
        """int : The number in brackets, -1 if there is none."""
        return self.field.index

    @property
    def argument(self):
        """bytes or None : The key in brackets or behind the name."""
        return self.kept

    def _set_type(self, kind, form):
        self.field.type = kind
        self.field.format = form

    def _set_index(self, index):
        self.field.index = index


cdef bint extract(Field* field, Scope* scope, Value* value) noexcept nogil:
    """Take the value of a field for the event that the scope is at; False where it is missing."""
    value.integer = 0
    value.data = NULL
    value.length = 0
    value.many = False
    if field.room == ROOM_EVENT:
        return extract_event(field, scope, value)
    if field.room == ROOM_FD:
        return extract_fd(field, scope, value)
    if field.room == ROOM_THREAD:
        return extract_thread(field, scope, value)
    if field.room == ROOM_USER:
        return extract_user(field, scope, value)
    if field.room == ROOM_CONTAINER:
        return extract_container(field, scope, value)
    if field.room == ROOM_KUBERNETES:
        return extract_kubernetes(field, scope, value)
    if field.room == ROOM_LINEAGE:
        return extract_lineage(field, scope, value)
    if field.room == ROOM_PROGRAM:
        return extract_program(field, scope, value)
    if field.room == ROOM_TABLE:
        return extract_table(field, scope, value)
    if field.room == ROOM_PATH:
        return extract_path(field, scope, value)
    if field.room == ROOM_NOTICE:
        return extract_notice(field, scope, value)
    return False


cdef void open_scope(Scope* scope, EventBatch batch) noexcept:
    """Make a scope look at a batch; what it carries over from the former one stays."""
    if scope.clock.end == 0:
        clock_open(&scope.clock)
    scope.columns = &batch.columns
    scope.state = &batch.engine.state if batch.engine is not None else NULL


cdef void move_scope(Scope* scope, EventBatch batch, uint32_t row) noexcept nogil:
    """Go to an event of the batch."""
    scope.row = row
    batch.place(&scope.event, row)
    scope.scratch.used = 0
    if scope.state != NULL:
        scope.thread = scope.columns.thread[row]
        scope.fd = scope.columns.fd[row]
    else:
        scope.thread = 0
        scope.fd = 0


cdef void close_scope(Scope* scope) noexcept:
    release(&scope.scratch)


cdef bint give_string(Scope* scope, Value* value, uint32_t text) noexcept nogil:
    """A text of the dictionary as it stands."""
    return give_text(value, text_of(&scope.state.strings, text), length_of(&scope.state.strings, text))


cdef bint give_scratch(Scope* scope, Value* value, size_t start) noexcept nogil:
    """The text made in the scratch buffer since `start`."""
    return give_text(value, scope.scratch.data + start, scope.scratch.used - start)
