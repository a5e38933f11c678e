"""The block writer: whole capture blocks, encoded into a growing buffer.

:class:`BlockEncoder` knows the blocks (scap format, sections 1 to 9): it takes plain integers and bytes, and refuses
what does not fit. Their frames are written by :mod:`scapcore.frames`. It knows neither files, the buffer being emptied
with :meth:`BlockEncoder.take`, nor event types, which are the matter of :mod:`scapcore.encode`.

The blocks are those of the newest minor version (1.2): lists whose entries carry their length, and events that
carry their parameter count.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLong
from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from scapcore.events cimport load32
from scapcore.frames cimport LIMIT_BLOCK, BlockBuffer, store32

from scapcore.errors import ScapError

cdef enum:
    BLOCK_SECTION = 0x0A0D0D0A
    BLOCK_MACHINE = 0x201
    BLOCK_PROCESSES = 0x215
    BLOCK_DESCRIPTORS = 0x218
    BLOCK_INTERFACES = 0x219
    BLOCK_USERS = 0x220
    BLOCK_EVENT = 0x216
    BLOCK_EVENT_FLAGS = 0x217
    BLOCK_LARGE_EVENT = 0x221
    BLOCK_LARGE_EVENT_FLAGS = 0x222
    BYTE_ORDER_MAGIC = 0x1A2B3C4D
    EVENT_HEADER = 26
    # What the original reader takes at most (scap format, sections 4, 5, 6.1 and 9).
    LIMIT_EVENT_BLOCK = 65536
    LIMIT_PATH = 1024
    LIMIT_ARGUMENTS = 4096
    LIMIT_DESCRIPTOR_NAME = 1023
    LIMIT_USER_TEXT = 255
    HOSTNAME_SIZE = 128

#: Fields of one entry of :meth:`BlockEncoder.process_list`, in the order of the tuple.
PROCESS_FIELDS = (
    "tid", "pid", "ptid", "sid", "vpgid", "comm", "exe", "exepath", "args", "cwd", "fdlimit", "flags", "uid", "gid",
    "vmsize_kb", "vmrss_kb", "vmswap_kb", "pfmajor", "pfminor", "env", "vtid", "vpid", "cgroups", "root",
    "loginuid", "exe_writable", "cap_inheritable", "cap_permitted", "cap_effective",
)
cdef Py_ssize_t PROCESS_REQUIRED = 24
cdef const char* PROCESS_WIDTHS = b"uuussPPPAPsiiiiiiuuAssAPiBuuu"

#: The same in the newest arrangement of the appended part.
NEWEST_PROCESS_FIELDS = PROCESS_FIELDS[:PROCESS_REQUIRED] + (
    "pidns_init_start_ts", "tty", *PROCESS_FIELDS[PROCESS_REQUIRED:],
    "exe_upper_layer", "exe_ino", "exe_ino_ctime", "exe_ino_mtime", "exe_from_memfd", "exe_lower_layer", "pgid",
)
cdef const char* NEWEST_PROCESS_WIDTHS = b"uuussPPPAPsiiiiiiuuAssAPuiiBuuuBuuuBBs"


cdef int fits(object value, unsigned int bits, bint signed, uint64_t* encoded) except -1:
    """1 and the low `bits` bits in `encoded` if the integer `value` is in range, else 0."""
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow == 0:
        if signed:
            if bits < 64 and not -(<int64_t> 1 << (bits - 1)) <= number < (<int64_t> 1 << (bits - 1)):
                return 0
        elif number < 0 or (bits < 64 and number >> bits):
            return 0
        encoded[0] = <uint64_t> number
        return 1
    if overflow < 0 or signed or bits < 64:
        return 0
    try:
        encoded[0] = PyLong_AsUnsignedLongLong(value)
    except OverflowError:
        return 0
    return 1


cdef str range_text(object bits, bint signed):
    """Lowest and highest value of a type, for messages; `bits` is a Python integer so that the shifts are."""
    return f"{-(1 << bits - 1)} to {(1 << bits - 1) - 1}" if signed else f"0 to {(1 << bits) - 1}"


cdef uint64_t integer(object value, str name, unsigned int bits, bint signed) except? 0:
    """`value` as the low `bits` bits, after a check of its range; `name` is for the message."""
    cdef uint64_t encoded = 0
    if not isinstance(value, int):
        raise ScapError(f"{name}: {value!r} is not an integer")
    if not fits(value, bits, signed, &encoded):
        raise ScapError(f"{name}: {value} is out of range ({range_text(bits, signed)})")
    return encoded


cdef bytes octets(object value, str name, Py_ssize_t limit):
    """`value` as bytes of at most `limit`."""
    if not isinstance(value, bytes):
        raise ScapError(f"{name}: {value!r} is not bytes")
    if PyBytes_GET_SIZE(value) > limit:
        raise ScapError(f"{name}: {PyBytes_GET_SIZE(value)} bytes are more than the format's {limit}")
    return value


cdef bytes address(object value, str name, Py_ssize_t size):
    """`value` as an IP address of exactly `size` bytes in network order."""
    if not isinstance(value, bytes) or PyBytes_GET_SIZE(value) != size:
        raise ScapError(f"{name}: {value!r} is not {size} bytes")
    return value


cdef class BlockEncoder(BlockBuffer):
    """Encodes blocks one after another into a buffer of its own.

    A call that raises leaves the buffer as it was before. A buffer belongs to one thread at a time.

    Parameters
    ----------
    capacity : int, default 65536
        First size of the buffer in bytes; it grows as needed.

    Examples
    --------
    >>> encoder = BlockEncoder()
    >>> encoder.section_header()
    >>> len(encoder), encoder.take()[:4].hex(), len(encoder)
    (28, '0a0d0d0a', 0)
    """

    cdef put_text(self, object value, str name, Py_ssize_t limit):
        cdef bytes text = octets(value, name, limit)
        self.put_u16(PyBytes_GET_SIZE(text))
        self.put(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef put_address(self, object value, str name, Py_ssize_t size):
        self.put(PyBytes_AS_STRING(address(value, name, size)), size)

    def section_header(self, minor=2, options=b""):
        """Section header block (scap format, section 1.2).

        Parameters
        ----------
        minor : int, default 2
            Minor version.
        options : bytes, default b""
            Encoded pcapng options. Older readers, sysdig 0.29.3 among them, cannot skip these.

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef uint16_t version = integer(minor, "minor version", 16, False)
        cdef bytes extra = octets(options, "options", LIMIT_BLOCK // 2)
        cdef size_t start = self.begin_block(BLOCK_SECTION)
        self.put_u32(BYTE_ORDER_MAGIC)
        self.put_u16(1)
        self.put_u16(version)
        self.put_u64(UINT64_MAX)
        self.put(PyBytes_AS_STRING(extra), PyBytes_GET_SIZE(extra))
        self.end_block(start)

    def machine_info(self, cpus, memory, highest_pid, hostname, boot_time=0, flags=0):
        """Machine info block (scap format, section 3).

        Parameters
        ----------
        cpus : int
            Number of CPUs.
        memory : int
            Physical memory in bytes.
        highest_pid : int
            The highest process id the kernel gives.
        hostname : bytes
            At most 127 bytes.
        boot_time : int, default 0
            Nanoseconds since the epoch; 0 as older writers have it.
        flags : int, default 0
            As newer writers have it.

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef uint32_t cpu_count = integer(cpus, "cpus", 32, False)
        cdef uint64_t memory_size = integer(memory, "memory", 64, False)
        cdef uint64_t last_pid = integer(highest_pid, "highest_pid", 64, False)
        cdef uint64_t booted = integer(boot_time, "boot_time", 64, False)
        cdef uint64_t bits = integer(flags, "flags", 64, False)
        cdef bytes name = octets(hostname, "hostname", HOSTNAME_SIZE - 1).ljust(HOSTNAME_SIZE, b"\0")
        cdef size_t start = self.begin_block(BLOCK_MACHINE)
        self.put_u32(cpu_count)
        self.put_u64(memory_size)
        self.put_u64(last_pid)
        self.put(PyBytes_AS_STRING(name), HOSTNAME_SIZE)
        self.put_u64(booted)
        self.put_u64(bits)
        self.put_u64(0)
        self.put_u64(0)
        self.end_block(start)

    def interface_list(self, entries):
        """Interface list block, version 2 (scap format, section 8).

        Parameters
        ----------
        entries : iterable of tuple
            ``(address, netmask, broadcast, speed, name)``: three addresses of 4 or 16 bytes in network order,
            link speed, and the name in bytes.

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef size_t start = self.begin_block(BLOCK_INTERFACES)
        cdef size_t entry
        cdef Py_ssize_t width
        cdef bytes text
        try:
            for local, netmask, broadcast, speed, name in entries:
                width = 16 if isinstance(local, bytes) and len(local) == 16 else 4
                text = octets(name, "interface name", LIMIT_USER_TEXT)
                entry = self.size
                self.put_u32(0)
                self.put_u16(2 if width == 16 else 1)
                self.put_u16(PyBytes_GET_SIZE(text))
                self.put_address(local, "interface address", width)
                self.put_address(netmask, "interface netmask", width)
                self.put_address(broadcast, "interface broadcast", width)
                self.put_u64(integer(speed, "interface speed", 64, False))
                self.put(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
                # Alone among the lists, this length does not count its own four bytes.
                store32(self.data + entry, self.size - entry - 4)
            self.end_block(start)
        except BaseException:
            self.size = start
            raise

    def user_list(self, users, groups):
        """User list block, version 2 (scap format, section 9).

        Parameters
        ----------
        users : iterable of tuple
            ``(uid, gid, name, home, shell)``; texts as bytes of at most 255.
        groups : iterable of tuple
            ``(gid, name)``.

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef size_t start = self.begin_block(BLOCK_USERS)
        cdef size_t entry
        try:
            for uid, gid, name, home, shell in users:
                entry = self.size
                self.put_u32(0)
                self.put_u8(0)
                self.put_u32(integer(uid, "uid", 32, False))
                self.put_u32(integer(gid, "gid", 32, False))
                self.put_text(name, "user name", LIMIT_USER_TEXT)
                self.put_text(home, "user home", LIMIT_USER_TEXT)
                self.put_text(shell, "user shell", LIMIT_USER_TEXT)
                store32(self.data + entry, self.size - entry)
            for gid, name in groups:
                entry = self.size
                self.put_u32(0)
                self.put_u8(1)
                self.put_u32(integer(gid, "gid", 32, False))
                self.put_text(name, "group name", LIMIT_USER_TEXT)
                store32(self.data + entry, self.size - entry)
            self.end_block(start)
        except BaseException:
            self.size = start
            raise

    def process_list(self, entries):
        """Process list block, version 9 (scap format, section 4).

        Parameters
        ----------
        entries : iterable of tuple
            The values named in :data:`PROCESS_FIELDS`, in that order. The first 24 are needed; the five of the
            appended part may be left out from the end. This is the older arrangement of that part, which every
            reader understands. As many values as :data:`NEWEST_PROCESS_FIELDS` are those, in the newest one.
            `args`, `env` and `cgroups` are NUL-terminated strings one after another.

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef size_t start = self.begin_block(BLOCK_PROCESSES)
        cdef size_t entry
        cdef Py_ssize_t index, count
        cdef char width
        cdef const char* widths
        cdef tuple values, names
        cdef str name
        try:
            for values in entries:
                count = len(values)
                names, widths = PROCESS_FIELDS, PROCESS_WIDTHS
                if count == len(NEWEST_PROCESS_FIELDS):
                    names, widths = NEWEST_PROCESS_FIELDS, NEWEST_PROCESS_WIDTHS
                elif not PROCESS_REQUIRED <= count <= len(PROCESS_FIELDS):
                    raise ScapError(f"a process entry has {count} values instead of {PROCESS_REQUIRED} to "
                                    f"{len(PROCESS_FIELDS)}, or {len(NEWEST_PROCESS_FIELDS)}")
                entry = self.size
                self.put_u32(0)
                for index in range(count):
                    name = names[index]
                    width = widths[index]
                    value = values[index]
                    if width == c"P":
                        self.put_text(value, name, LIMIT_PATH)
                    elif width == c"A":
                        self.put_text(value, name, LIMIT_ARGUMENTS)
                    elif width == c"i":
                        self.put_u32(integer(value, name, 32, False))
                    elif width == c"B":
                        self.put_u8(integer(value, name, 8, False))
                    else:
                        self.put_u64(integer(value, name, 64, width == c"s"))
                store32(self.data + entry, self.size - entry)
            self.end_block(start)
        except BaseException:
            self.size = start
            raise

    def fd_list(self, tid, entries):
        """File-descriptor list block, version 2, of one thread (scap format, section 5).

        Parameters
        ----------
        tid : int
            The thread.
        entries : iterable of tuple
            ``(fd, inode, type, ...)``, and then by type:

            * 3, 4: ``source, destination, source_port, destination_port, protocol``
            * 5, 6: ``address, port, protocol``
            * 8: ``source, destination, name``, the first two kernel pointers
            * 16: ``flags, name`` or ``flags, name, device``
            * any other: ``name``

        Raises
        ------
        ScapError
            A value does not fit its place.
        """
        cdef uint64_t owner = integer(tid, "tid", 64, False)
        cdef size_t start = self.begin_block(BLOCK_DESCRIPTORS)
        cdef size_t entry
        cdef uint8_t kind
        try:
            self.put_u64(owner)
            for descriptor in entries:
                fd, inode, number, *rest = descriptor
                kind = integer(number, "fd type", 8, False)
                entry = self.size
                self.put_u32(0)
                self.put_u64(integer(fd, "fd", 64, True))
                self.put_u64(integer(inode, "inode", 64, False))
                self.put_u8(kind)
                self.put_descriptor(kind, rest)
                store32(self.data + entry, self.size - entry)
            self.end_block(start)
        except BaseException:
            self.size = start
            raise

    cdef put_descriptor(self, uint8_t kind, list rest):
        """What follows the type of one entry of an fd list."""
        cdef Py_ssize_t width = 16 if kind in (4, 6) else 4
        cdef Py_ssize_t count = len(rest)
        if count != {3: 5, 4: 5, 5: 3, 6: 3, 8: 3, 16: 3 if count == 3 else 2}.get(kind, 1):
            raise ScapError(f"an fd entry of type {kind} does not have {count} values after its type")
        if kind in (3, 4):
            self.put_address(rest[0], "source address", width)
            self.put_address(rest[1], "destination address", width)
            self.put_u16(integer(rest[2], "source port", 16, False))
            self.put_u16(integer(rest[3], "destination port", 16, False))
            self.put_u8(integer(rest[4], "l4proto", 8, False))
        elif kind in (5, 6):
            self.put_address(rest[0], "address", width)
            self.put_u16(integer(rest[1], "port", 16, False))
            self.put_u8(integer(rest[2], "l4proto", 8, False))
        elif kind == 8:
            self.put_u64(integer(rest[0], "source pointer", 64, False))
            self.put_u64(integer(rest[1], "destination pointer", 64, False))
            self.put_text(rest[2], "fd name", LIMIT_DESCRIPTOR_NAME)
        elif kind == 16:
            self.put_u32(integer(rest[0], "open flags", 32, False))
            self.put_text(rest[1], "fd name", LIMIT_DESCRIPTOR_NAME)
            if count == 3:
                self.put_u32(integer(rest[2], "device", 32, False))
        else:
            self.put_text(rest[0], "fd name", LIMIT_DESCRIPTOR_NAME)

    cdef int event_prefix(self, uint16_t cpu, uint32_t flags, bint large) except -1:
        """Begin an event block up to the event header; without flags the shorter block type is used."""
        if flags:
            self.begin_block(BLOCK_LARGE_EVENT_FLAGS if large else BLOCK_EVENT_FLAGS)
            self.put_u16(cpu)
            self.put_u32(flags)
        else:
            self.begin_block(BLOCK_LARGE_EVENT if large else BLOCK_EVENT)
            self.put_u16(cpu)
        return 0

    def event(self, timestamp, tid, cpu, number, parameters, flags=0, large=False):
        """One event block whose parameters are encoded already (scap format, section 6.1).

        Parameters
        ----------
        timestamp : int
            Nanoseconds since the epoch.
        tid : int
            The thread; -1 for none.
        cpu : int
            Number of the CPU.
        number : int
            Event type.
        parameters : sequence of bytes
            Each parameter's bytes as they stand on disk.
        flags : int, default 0
            Block flags; bit 0 is "state only".
        large : bool, default False
            Parameter lengths of 32 bits; must equal the flag LARGE_PAYLOAD of the event type.

        Raises
        ------
        ScapError
            A value does not fit its place, or the event is too long.
        """
        cdef uint64_t when = integer(timestamp, "timestamp", 64, False)
        cdef uint64_t thread = integer(tid, "tid", 64, True)
        cdef uint16_t processor = integer(cpu, "cpu", 16, False)
        cdef uint16_t kind = integer(number, "event type", 16, False)
        cdef uint32_t bits = integer(flags, "block flags", 32, False)
        cdef Py_ssize_t limit = LIMIT_BLOCK if large else 0xFFFF
        cdef list values = [octets(value, f"parameter {index}", limit) for index, value in enumerate(parameters)]
        cdef size_t start = self.size
        cdef size_t header
        cdef bytes value
        try:
            self.event_prefix(processor, bits, large)
            header = self.size
            self.put_u64(when)
            self.put_u64(thread)
            self.put_u32(0)
            self.put_u16(kind)
            self.put_u32(len(values))
            for value in values:
                if large:
                    self.put_u32(PyBytes_GET_SIZE(value))
                else:
                    self.put_u16(PyBytes_GET_SIZE(value))
            for value in values:
                self.put(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
            close_event(self, start, header, large)
        except BaseException:
            self.size = start
            raise

    def copy_event(self, event, cpu, flags=0, large=False):
        """One event block around an encoded event: header, lengths and parameters as they stand.

        Parameters
        ----------
        event : bytes-like
            The event from its header to its last parameter, without padding.
        cpu, flags, large
            As in :meth:`event`.

        Raises
        ------
        ScapError
            The event is shorter than its header, or its length field disagrees with its size.
        """
        cdef const uint8_t[::1] source = memoryview(event).cast("B")
        cdef uint16_t processor = integer(cpu, "cpu", 16, False)
        cdef uint32_t bits = integer(flags, "block flags", 32, False)
        cdef size_t start = self.size
        cdef size_t header
        if source.shape[0] < EVENT_HEADER or load32(&source[16]) != <size_t> source.shape[0]:
            raise ScapError(f"an event of {source.shape[0]} bytes does not have the length that its header states")
        try:
            self.event_prefix(processor, bits, large)
            header = self.size
            self.put(&source[0], source.shape[0])
            close_event(self, start, header, large)
        except BaseException:
            self.size = start
            raise

cdef int close_event(BlockEncoder target, size_t start, size_t header, bint large) except -1:
    """Fill in the event's length and end its block."""
    store32(target.data + header + 16, target.size - header)
    target.end_block(start)
    # The original's buffer holds the block without its eight header bytes.
    if not large and target.size - start - 8 > LIMIT_EVENT_BLOCK:
        raise ScapError(f"an event of {target.size - start} bytes is longer than the {LIMIT_EVENT_BLOCK} that one may have")
    return 0
