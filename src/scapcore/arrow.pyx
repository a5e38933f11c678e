"""Columns for other programs: the Arrow C data and stream interfaces, and their Python capsules.

Nothing here needs a library: the interfaces are three C structures. A structure that is handed on owns a reference to the
Python object whose memory it shows; releasing it, from whatever thread, gives that reference back.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.errno cimport EIO, ENOMEM
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef extern from *:
    """
    /* Whether references can still be given back: late in the life of a process they are left alone. */
    #if PY_VERSION_HEX >= 0x030D0000
    #define interpreter_ends() (!Py_IsInitialized() || Py_IsFinalizing())
    #else
    #define interpreter_ends() (!Py_IsInitialized() || _Py_IsFinalizing())
    #endif
    """
    bint interpreter_ends() nogil

cdef int64_t FLAG_NULLABLE = 2


cdef class ArrowType:
    """The type of a column.

    Parameters
    ----------
    format : bytes
        Format string of the Arrow C data interface, such as ``b"l"`` for int64; for dictionaries that of the codes.
    name : str
        Name of the column.
    nullable : bool
        Whether values may be missing.
    children : sequence of ArrowType
        Of structures and lists.
    dictionary : ArrowType, optional
        Type of the distinct values, where a column holds codes.
    """

    def __init__(self, bytes format, str name="", bint nullable=True, children=(), ArrowType dictionary=None):
        self.format = format
        self.name = name
        # Names may hold what came from a command line; the interface wants UTF-8.
        self.encoded_name = name.encode("utf-8", "replace")
        self.nullable = nullable
        self.children = tuple(children)
        self.dictionary = dictionary
        for child in self.children:
            if not isinstance(child, ArrowType):
                raise TypeError("children of a type are types")

    def __arrow_c_schema__(self):
        """The type as a capsule of the Arrow PyCapsule interface."""
        cdef ArrowSchema* schema = <ArrowSchema*>calloc(1, sizeof(ArrowSchema))
        if schema == NULL:
            raise MemoryError
        try:
            fill_schema(schema, self)
            return PyCapsule_New(schema, b"arrow_schema", drop_schema_capsule)
        except BaseException:
            if schema.release != NULL:
                schema.release(schema)
            free(schema)
            raise


cdef class ArrowValues:
    """A column of values: the memory of its buffers, kept for as long as anybody looks at it.

    Parameters
    ----------
    length : int
        Number of values.
    null_count : int
        How many are missing.
    buffers : sequence of (buffer or None)
        As the format wants them; the first is the bitmap of values that are there, None if all are.
    children : sequence of ArrowValues
        Columns of a structure, or the items of lists.
    dictionary : ArrowValues, optional
        The distinct values.
    """

    def __init__(self, int64_t length, int64_t null_count, buffers, children=(), ArrowValues dictionary=None):
        cdef Py_ssize_t index
        if self.places != NULL:
            raise TypeError("values are made once")
        buffers = tuple(buffers)
        self.length = length
        self.null_count = null_count
        self.children = tuple(children)
        self.dictionary = dictionary
        for child in self.children:
            if not isinstance(child, ArrowValues):
                raise TypeError("children of a column are columns")
        self.views = <Py_buffer*>calloc(len(buffers) + 1, sizeof(Py_buffer))
        self.places = <const void**>calloc(len(buffers) + 1, sizeof(void*))
        if self.views == NULL or self.places == NULL:
            raise MemoryError
        for index in range(len(buffers)):
            if buffers[index] is not None:
                PyObject_GetBuffer(buffers[index], &self.views[index], PyBUF_SIMPLE)
                self.places[index] = self.views[index].buf
            self.view_count = index + 1

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self.view_count):
            PyBuffer_Release(&self.views[index])
        free(self.views)
        free(self.places)

    @property
    def nbytes(self):
        """int : Bytes of the buffers, those of children and dictionaries included."""
        cdef Py_ssize_t index
        total = sum(child.nbytes for child in self.children)
        for index in range(self.view_count):
            total += self.views[index].len
        return total + (self.dictionary.nbytes if self.dictionary is not None else 0)


cdef class RecordBatch:
    """Consecutive rows of a table as columns in Arrow's form.

    Any library that knows the Arrow PyCapsule interface takes it, ``pyarrow.record_batch(batch)`` for one; nothing is
    copied.

    Parameters
    ----------
    type : ArrowType
        A structure.
    values : ArrowValues
        Its columns.
    """

    def __init__(self, ArrowType type, ArrowValues values):
        if len(type.children) != len(values.children):
            raise ValueError("there must be as many types as columns")
        self.type = type
        self.values = values

    def __len__(self):
        return self.values.length

    @property
    def names(self):
        """list of str : Names of the columns."""
        return [child.name for child in self.type.children]

    @property
    def nbytes(self):
        """int : Bytes that the columns take, or look at where payloads were not copied."""
        return self.values.nbytes

    def __arrow_c_schema__(self):
        """The type as a capsule of the Arrow PyCapsule interface."""
        return self.type.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema=None):
        """Type and columns as two capsules of the Arrow PyCapsule interface; another type that is asked for is not made."""
        cdef ArrowArray* array
        schema = self.type.__arrow_c_schema__()
        array = <ArrowArray*>calloc(1, sizeof(ArrowArray))
        if array == NULL:
            raise MemoryError
        try:
            fill_array(array, self.values)
            return schema, PyCapsule_New(array, b"arrow_array", drop_array_capsule)
        except BaseException:
            if array.release != NULL:
                array.release(array)
            free(array)
            raise

    def __repr__(self):
        return f"<RecordBatch of {len(self)} rows: {', '.join(self.names)}>"


cdef class ArrowStream:
    """Record batches one after the other, for one consumer.

    Parameters
    ----------
    type : ArrowType
        Of all batches.
    batches : iterator of RecordBatch
        Asked for the next one when the consumer does. What it raises reaches the consumer as a message; the error itself
        is kept in `error`.
    """

    def __init__(self, ArrowType type, batches):
        self.type = type
        self.batches = iter(batches)
        self.error = None
        self.message = b""

    def capsule(self):
        """The stream as a capsule of the Arrow PyCapsule interface."""
        cdef ArrowArrayStream* stream = <ArrowArrayStream*>calloc(1, sizeof(ArrowArrayStream))
        if stream == NULL:
            raise MemoryError
        try:
            result = PyCapsule_New(stream, b"arrow_array_stream", drop_stream_capsule)
        except BaseException:
            free(stream)
            raise
        stream.get_schema = stream_schema
        stream.get_next = stream_next
        stream.get_last_error = stream_error
        stream.release = release_stream
        stream.private_data = <void*>self
        Py_INCREF(self)
        return result

    cdef int fail(self, error) except -1:
        self.error = error
        self.message = f"{type(error).__name__}: {error}".encode("utf-8", "replace").replace(b"\0", b"")
        return 0


# ---------------------------------------------------------------------------------------------------------
# Filling structures. Each node has memory of its own and owns its object, as a consumer may take a child and let go of
# the rest.

cdef struct SchemaParts:
    PyObject* owner
    ArrowSchema* children        # one behind the other
    ArrowSchema dictionary


cdef struct ArrayParts:
    PyObject* owner
    ArrowArray* children
    ArrowArray dictionary


cdef int fill_schema(ArrowSchema* schema, ArrowType type) except -1:
    cdef Py_ssize_t index
    cdef Py_ssize_t count = len(type.children)
    cdef SchemaParts* parts = <SchemaParts*>calloc(1, sizeof(SchemaParts))
    cdef ArrowSchema** places = <ArrowSchema**>calloc(count + 1, sizeof(ArrowSchema*))
    memset(schema, 0, sizeof(ArrowSchema))
    if parts != NULL:
        parts.children = <ArrowSchema*>calloc(count + 1, sizeof(ArrowSchema))
    if parts == NULL or places == NULL or parts.children == NULL:
        if parts != NULL:
            free(parts.children)
        free(parts)
        free(places)
        raise MemoryError
    for index in range(count):
        places[index] = &parts.children[index]
    schema.format = type.format
    schema.name = type.encoded_name
    schema.flags = FLAG_NULLABLE if type.nullable else 0
    schema.n_children = count
    schema.children = places if count else NULL
    schema.release = release_schema
    schema.private_data = parts
    if not count:
        free(places)
    parts.owner = <PyObject*>type
    Py_INCREF(type)
    for index in range(count):
        fill_schema(&parts.children[index], <ArrowType>type.children[index])
    if type.dictionary is not None:
        fill_schema(&parts.dictionary, type.dictionary)
        schema.dictionary = &parts.dictionary
    return 0


cdef int fill_array(ArrowArray* array, ArrowValues values) except -1:
    cdef Py_ssize_t index
    cdef Py_ssize_t count = len(values.children)
    cdef ArrayParts* parts = <ArrayParts*>calloc(1, sizeof(ArrayParts))
    cdef ArrowArray** places = <ArrowArray**>calloc(count + 1, sizeof(ArrowArray*))
    memset(array, 0, sizeof(ArrowArray))
    if parts != NULL:
        parts.children = <ArrowArray*>calloc(count + 1, sizeof(ArrowArray))
    if parts == NULL or places == NULL or parts.children == NULL:
        if parts != NULL:
            free(parts.children)
        free(parts)
        free(places)
        raise MemoryError
    for index in range(count):
        places[index] = &parts.children[index]
    array.length = values.length
    array.null_count = values.null_count
    array.n_buffers = values.view_count
    array.buffers = values.places
    array.n_children = count
    array.children = places if count else NULL
    array.release = release_array
    array.private_data = parts
    if not count:
        free(places)
    parts.owner = <PyObject*>values
    Py_INCREF(values)
    for index in range(count):
        fill_array(&parts.children[index], <ArrowValues>values.children[index])
    if values.dictionary is not None:
        fill_array(&parts.dictionary, values.dictionary)
        array.dictionary = &parts.dictionary
    return 0


cdef void give_back(PyObject* owner) noexcept with gil:
    Py_DECREF(<object>owner)


cdef void release_schema(ArrowSchema* schema) noexcept nogil:
    cdef SchemaParts* parts = <SchemaParts*>schema.private_data
    cdef int64_t index
    for index in range(schema.n_children):
        if schema.children[index].release != NULL:
            schema.children[index].release(schema.children[index])
    if schema.dictionary != NULL and schema.dictionary.release != NULL:
        schema.dictionary.release(schema.dictionary)
    free(schema.children)
    schema.release = NULL
    if not interpreter_ends():
        give_back(parts.owner)
    free(parts.children)
    free(parts)


cdef void release_array(ArrowArray* array) noexcept nogil:
    cdef ArrayParts* parts = <ArrayParts*>array.private_data
    cdef int64_t index
    for index in range(array.n_children):
        if array.children[index].release != NULL:
            array.children[index].release(array.children[index])
    if array.dictionary != NULL and array.dictionary.release != NULL:
        array.dictionary.release(array.dictionary)
    free(array.children)
    array.release = NULL
    if not interpreter_ends():
        give_back(parts.owner)
    free(parts.children)
    free(parts)


cdef void release_stream(ArrowArrayStream* stream) noexcept nogil:
    stream.release = NULL
    if not interpreter_ends():
        give_back(<PyObject*>stream.private_data)


# ---------------------------------------------------------------------------------------------------------
# What consumers of a stream call, from whatever thread

cdef int stream_schema(ArrowArrayStream* stream, ArrowSchema* schema) noexcept with gil:
    cdef ArrowStream self = <ArrowStream>stream.private_data
    memset(schema, 0, sizeof(ArrowSchema))
    try:
        fill_schema(schema, self.type)
        return 0
    except BaseException as error:
        if schema.release != NULL:
            schema.release(schema)
        return note_failure(self, error)


cdef int stream_next(ArrowArrayStream* stream, ArrowArray* array) noexcept with gil:
    cdef ArrowStream self = <ArrowStream>stream.private_data
    cdef RecordBatch batch
    memset(array, 0, sizeof(ArrowArray))     # what says that the stream has ended
    try:
        batch = next(self.batches, None)
        if batch is not None:
            fill_array(array, batch.values)
        return 0
    except BaseException as error:
        if array.release != NULL:
            array.release(array)
        return note_failure(self, error)


cdef int note_failure(ArrowStream self, error) noexcept:
    try:
        self.fail(error)
        return EIO
    except BaseException:
        return ENOMEM


cdef const char* stream_error(ArrowArrayStream* stream) noexcept with gil:
    cdef ArrowStream self = <ArrowStream>stream.private_data
    return <const char*>self.message if self.message else NULL


# ---------------------------------------------------------------------------------------------------------
# Capsules: what nobody took out of them is released with them

cdef void drop_schema_capsule(object capsule) noexcept:
    cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(capsule, b"arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


cdef void drop_array_capsule(object capsule) noexcept:
    cdef ArrowArray* array = <ArrowArray*>PyCapsule_GetPointer(capsule, b"arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef void drop_stream_capsule(object capsule) noexcept:
    cdef ArrowArrayStream* stream = <ArrowArrayStream*>PyCapsule_GetPointer(capsule, b"arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    free(stream)
