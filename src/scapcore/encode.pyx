"""Events from Python values: an :class:`EventEncoder` knows one event type of the schema.

It turns values into that type's parameters (scap format, section 6.3), refuses what does not fit and names the
parameter, and appends the event to a :class:`scapcore.write.BlockEncoder`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memset

from scapcore.schema.types cimport (
    PT_ABSTIME, PT_BOOL, PT_BYTEBUF, PT_CHARBUF, PT_CHARBUF_PAIR_ARRAY, PT_CHARBUFARRAY, PT_DOUBLE, PT_DYN,
    PT_ENUMFLAGS8, PT_ENUMFLAGS16, PT_ENUMFLAGS32, PT_ERRNO, PT_FD, PT_FD32, PT_FDLIST, PT_FLAGS8, PT_FLAGS16,
    PT_FLAGS32, PT_FSPATH, PT_FSRELPATH, PT_GID, PT_INT8, PT_INT16, PT_INT32, PT_INT64, PT_IPV4ADDR, PT_IPV6ADDR,
    PT_L4PROTO, PT_MODE, PT_PID, PT_PID32, PT_PORT, PT_RELTIME, PT_SIGSET, PT_SIGTYPE, PT_SOCKADDR, PT_SOCKFAMILY,
    PT_SOCKTUPLE, PT_SYSCALLID, PT_UID, PT_UINT8, PT_UINT16, PT_UINT32, PT_UINT64,
)

from scapcore.frames cimport store16, store32, store64
from scapcore.write cimport BlockEncoder, close_event, fits, integer, range_text

from scapcore.errors import ScapError
from scapcore.schema import load
from scapcore.schema.generate import PARAMETER_TYPES


cdef struct Number:
    uint8_t width
    bint signed


cdef Number[64] NUMBERS
memset(NUMBERS, 0, sizeof(NUMBERS))

cdef void declare(kinds, uint8_t width, bint signed):
    for kind in kinds:
        NUMBERS[<int> kind].width = width
        NUMBERS[<int> kind].signed = signed

declare((PT_INT8,), 1, True)
declare((PT_INT16,), 2, True)
declare((PT_INT32, PT_FD32, PT_PID32), 4, True)
declare((PT_INT64, PT_ERRNO, PT_FD, PT_PID), 8, True)
declare((PT_UINT8, PT_SIGTYPE, PT_L4PROTO, PT_SOCKFAMILY, PT_FLAGS8, PT_ENUMFLAGS8), 1, False)
declare((PT_UINT16, PT_SYSCALLID, PT_PORT, PT_FLAGS16, PT_ENUMFLAGS16), 2, False)
declare((PT_UINT32, PT_BOOL, PT_FLAGS32, PT_ENUMFLAGS32, PT_UID, PT_GID, PT_SIGSET, PT_MODE), 4, False)
declare((PT_UINT64, PT_RELTIME, PT_ABSTIME), 8, False)


cdef uint8_t number_width(uint8_t kind) noexcept nogil:
    """Bytes of a number of a type of parameters; 0 for types that are no numbers."""
    return NUMBERS[kind & 63].width


cdef class EventEncoder:
    """Encodes events of one type from Python values.

    Parameters
    ----------
    event_type : scapcore.schema.EventType
        The type, with the parameters that it can have.
    parameter_count : int, optional
        How many parameters to write; the default is as many as sysdig 0.29.3 knows, or all if it does not know
        the type. Events of older writers have fewer.

    Attributes
    ----------
    event_type : scapcore.schema.EventType
    names : tuple of str
        Names of the parameters that are written.
    parameter_count : int
    large : bool
        True if parameter lengths have 32 bits.

    Notes
    -----
    What a parameter may be, by its type in the schema: integers for all numbers; str or bytes for texts and
    paths, which get their NUL here; bytes for BYTEBUF; an iterable of ``(fd, flags)`` for FDLIST; ``(index, value)``
    for DYN; bytes, or an object that ``bytes()`` turns into them, for SOCKADDR and SOCKTUPLE. None is the empty
    parameter of variable size, ``b""`` the empty parameter of any type.

    Examples
    --------
    >>> from scapcore.schema import event_types
    >>> from scapcore.write import BlockEncoder
    >>> close = EventEncoder(event_types()[4])
    >>> close.names
    ('fd',)
    >>> encoder = BlockEncoder()
    >>> close.encode(encoder, 1481211699536689965, 22370, 0, (3,))
    0
    >>> len(encoder)
    52
    """

    def __init__(self, event_type, parameter_count=None):
        params = event_type.params
        known = event_type.reference_params if event_type.reference_params is not None else len(params)
        count = min(known, len(params)) if parameter_count is None else parameter_count
        if not isinstance(count, int) or not 0 <= count <= len(params):
            raise ScapError(f"event {event_type.name}: {count!r} parameters asked for, it has up to {len(params)}")
        self.event_type = event_type
        self.parameter_count = count
        self.names = tuple(parameter.name for parameter in params[:count])
        self.large = event_type.is_large
        self.number = event_type.type
        self.subtypes = []
        for index, parameter in enumerate(params[:count]):
            self.kinds[index] = PARAMETER_TYPES.index(parameter.type)
            choices = load("flags")["dynamic"].get(parameter.table, ()) if parameter.type == "DYN" else ()
            self.subtypes.append({choice: PARAMETER_TYPES.index(kind) for choice, kind, _ in choices})

    cdef object wrong(self, Py_ssize_t index, str problem):
        direction = ">" if self.number % 2 == 0 else "<"
        return ScapError(f"event {direction} {self.event_type.name}, parameter {self.names[index]!r}: {problem}")

    cpdef int encode(
        self, BlockEncoder target, object timestamp, object tid, object cpu, object values, uint32_t flags=0
    ) except -1:
        """Append one event to `target`.

        Parameters
        ----------
        target : BlockEncoder
            Where the block goes.
        timestamp : int
            Nanoseconds since the epoch.
        tid : int
            The thread; -1 for none.
        cpu : int
            Number of the CPU.
        values : sequence
            One value for each of `names`.
        flags : int, default 0
            Block flags.

        Raises
        ------
        ScapError
            A value has the wrong type or is out of range, which the message names, or there are too many or
            too few.
        """
        cdef uint64_t when = integer(timestamp, "timestamp", 64, False)
        cdef uint64_t thread = integer(tid, "tid", 64, True)
        cdef uint16_t processor = integer(cpu, "cpu", 16, False)
        cdef size_t start = target.size
        cdef Py_ssize_t index
        cdef size_t lengths, before, header
        cdef Py_ssize_t count = self.parameter_count
        cdef size_t width = 4 if self.large else 2
        if len(values) != count:
            raise ScapError(f"event {self.event_type.name}: {len(values)} values for {count} parameters")
        try:
            target.event_prefix(processor, flags, self.large)
            header = target.size
            target.put_u64(when)
            target.put_u64(thread)
            target.put_u32(0)
            target.put_u16(self.number)
            target.put_u32(count)
            lengths = target.size
            target.reserve(count * width)
            target.size += count * width
            for index in range(count):
                before = target.size
                self.put_value(target, self.kinds[index], values[index], index)
                before = target.size - before
                if self.large:
                    store32(target.data + lengths + 4 * index, before)
                elif before > 0xFFFF:
                    raise self.wrong(index, f"{before} bytes are more than the format's 65535")
                else:
                    store16(target.data + lengths + 2 * index, before)
            close_event(target, start, header, self.large)
        except BaseException:
            target.size = start
            raise
        return 0

    cdef int put_value(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1:
        if NUMBERS[kind].width:
            return self.put_number(target, kind, value, index)
        if kind in (PT_CHARBUF, PT_FSPATH, PT_FSRELPATH):
            return self.put_text(target, value, index)
        if value is None:
            return 0
        if kind == PT_BYTEBUF:
            if isinstance(value, bytes):
                return target.put(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
            if not isinstance(value, (bytearray, memoryview)):
                raise self.wrong(index, f"{value!r} is not bytes")
            value = bytes(value)
            return target.put(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if kind in (PT_SOCKADDR, PT_SOCKTUPLE):
            return self.put_address(target, kind, value, index)
        if isinstance(value, bytes) and PyBytes_GET_SIZE(value) == 0:
            return 0
        if kind == PT_FDLIST:
            return self.put_descriptors(target, value, index)
        if kind == PT_DYN:
            return self.put_dynamic(target, value, index)
        if kind in (PT_IPV4ADDR, PT_IPV6ADDR):
            wanted = 4 if kind == PT_IPV4ADDR else 16
            if not isinstance(value, bytes) or len(value) != wanted:
                raise self.wrong(index, f"{value!r} is not {wanted} bytes")
            return target.put(PyBytes_AS_STRING(value), wanted)
        raise self.wrong(index, f"a {PARAMETER_TYPES[kind]} cannot be written to a file")

    cdef int put_number(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1:
        cdef unsigned int bits = 8 * NUMBERS[kind].width
        cdef bint signed = NUMBERS[kind].signed
        cdef uint64_t encoded = 0
        if isinstance(value, int):
            if not fits(value, bits, signed, &encoded):
                raise self.wrong(index, f"{value} is out of range ({range_text(bits, signed)})")
            target.reserve(8)
            store64(target.data + target.size, encoded)
            target.size += NUMBERS[kind].width
            return 0
        if isinstance(value, bytes) and PyBytes_GET_SIZE(value) == 0:
            return 0
        raise self.wrong(index, f"{value!r} is not an integer")

    cdef int put_text(self, BlockEncoder target, object value, Py_ssize_t index) except -1:
        if value is None:
            return 0
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogateescape")
        elif not isinstance(value, bytes):
            raise self.wrong(index, f"{value!r} is neither text nor bytes")
        if memchr(PyBytes_AS_STRING(value), 0, PyBytes_GET_SIZE(value)) != NULL:
            raise self.wrong(index, f"{value!r} contains a NUL, which would end it")
        # The terminating NUL that every bytes object has is part of the parameter.
        return target.put(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value) + 1)

    cdef int put_address(self, BlockEncoder target, uint8_t kind, object value, Py_ssize_t index) except -1:
        """A socket address or tuple (scap format, section 6.3), whose size follows from its family."""
        cdef Py_ssize_t size
        cdef uint8_t family
        if not isinstance(value, bytes):
            if not hasattr(value, "__bytes__"):
                raise self.wrong(index, f"{value!r} is neither an address nor bytes")
            value = bytes(value)
        size = PyBytes_GET_SIZE(value)
        if size == 0:
            return 0
        family = <uint8_t> PyBytes_AS_STRING(value)[0]
        if kind == PT_SOCKADDR:
            sound = {2: size == 7, 10: size == 19, 1: size >= 2 and value[size - 1] == 0}.get(family, size == 1)
        else:
            sound = {2: size == 13, 10: size == 37, 1: size >= 18 and value[size - 1] == 0}.get(family, size == 1)
        if not sound:
            raise self.wrong(index, f"{size} bytes do not fit address family {family}")
        return target.put(PyBytes_AS_STRING(value), size)

    cdef int put_descriptors(self, BlockEncoder target, object value, Py_ssize_t index) except -1:
        try:
            pairs = [(fd, flags) for fd, flags in value]
        except (TypeError, ValueError):
            raise self.wrong(index, f"{value!r} is not a list of (fd, flags)") from None
        if len(pairs) > 0xFFFF:
            raise self.wrong(index, f"{len(pairs)} descriptors are more than the format's 65535")
        target.put_u16(len(pairs))
        for fd, flags in pairs:
            self.put_number(target, PT_FD, fd, index)
            self.put_number(target, PT_FLAGS16, flags, index)
        return 0

    cdef int put_dynamic(self, BlockEncoder target, object value, Py_ssize_t index) except -1:
        if not isinstance(value, tuple) or len(value) != 2:
            raise self.wrong(index, f"{value!r} is not a pair of sub-type and value")
        choice, content = value
        kind = self.subtypes[index].get(choice)
        if kind is None:
            raise self.wrong(index, f"{choice!r} is not one of its sub-types {sorted(self.subtypes[index])}")
        target.put_u8(choice)
        return self.put_value(target, kind, content, index)
