"""From bytes to batches: drives the walk, the metadata and the state engine."""

from cpython.ref cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove, memset

from scapcore.batch cimport Chunk, EventBatch
from scapcore.blocks cimport *
from scapcore.engine cimport Engine
from scapcore.events cimport load16, load32, load64
from scapcore.schema.tables cimport EventType, events_classic, events_modern
from scapcore.schema.types cimport CONTAINER_JSON_2_E, CONTAINER_JSON_E
from scapcore.sections cimport finish_sections, load_section, machine_info
from scapcore.state cimport begin_batch

from scapcore.errors import CorruptCaptureError, ScapError, TruncatedCaptureError, UnsupportedCaptureError

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* item)

cdef size_t CHUNK_BYTES = 1 << 20
cdef uint64_t RELEASE_STEP = 1 << 24
cdef uint32_t SECTION_LENGTH = 28
cdef uint32_t MACHINE_LENGTH = 180


cdef class Reader:
    """One pass over a capture.

    Parameters
    ----------
    source : scapcore.source.Source
        Where the bytes come from.
    state : bool
        Whether threads, descriptors and the rest are wanted; without them reading is several times faster.
    needs : int
        Which costly columns to fill, see :class:`scapcore.engine.Engine`.
    modern : bool
        The rules and names of the newest libraries instead of those of sysdig 0.29.3.
    """

    def __cinit__(self):
        memset(&self.walk, 0, sizeof(Walk))
        self.walk.unknown_types = <uint32_t*>calloc(65536, sizeof(uint32_t))
        if self.walk.unknown_types == NULL:
            raise MemoryError

    def __init__(self, source, *, bint state=True, uint32_t needs=0, bint modern=False):
        self.source = source
        self.with_state = state
        self.needs = needs
        self.modern = modern
        self.machine = {}
        self.versions = []
        self.blocks = {}
        self.next_number = 1
        self.walk.leading = True
        self.walk.modern = modern
        if source.mapped is not None:
            self.chunk = Chunk(source.mapped)
        else:
            self.chunk = Chunk(None, CHUNK_BYTES)
        self.walk.data = self.chunk.data
        self.walk.end = self.chunk.used
        self.engine = Engine(needs, modern) if state else None
        self.batch = None

    def __dealloc__(self):
        free(self.walk.unknown_types)

    @property
    def event_blocks(self):
        """int : Event blocks met so far, those of unknown types included."""
        return self.walk.events

    @property
    def unknown_types(self):
        """dict of int to int : How often each event type was met that the schema does not know."""
        cdef uint32_t type
        if not self.walk.unknown_events:
            return {}
        return {type: self.walk.unknown_types[type] for type in range(65536) if self.walk.unknown_types[type]}

    @property
    def last_number(self):
        """int : Number of the last event read so far, 0 before the first."""
        return self.next_number - 1

    @property
    def position(self):
        """int : Offset in the uncompressed capture up to which blocks have been taken."""
        return self.base + self.walk.position

    def threads(self):
        """Threads that are alive now: set of (thread id, process id)."""
        return self.engine.threads() if self.engine is not None else set()

    def containers(self):
        """Containers known so far: list of (id, name), name ``""`` where no event told it."""
        return self.engine.containers() if self.engine is not None else []

    cpdef bint advance(self) except -1:
        """Read the next batch into :attr:`batch`; False at the end.

        Raises
        ------
        ScapError
            Where the capture is damaged or cut; every event before that place has been delivered.
        """
        cdef int status
        cdef const EventType* types = events_modern if self.modern else events_classic
        cdef EventBatch batch
        if self.error is not None:
            self.finished = True
            error, self.error = self.error, None
            raise error
        if self.finished:
            return False
        batch = self.blank_batch()
        if self.engine is not None:
            begin_batch(&self.engine.state)
        self.place_batch(batch)
        while True:
            with nogil:
                status = walk_events(&self.walk, &batch.columns, types) if self.started else WALK_OTHER
            if status == WALK_OTHER and not self.started:
                status = self.first_block()
            if batch.columns.count and status != WALK_BAD:
                break
            if status == WALK_SIDE:
                if self.engine is not None:
                    self.engine.apply_side(self.walk.side, self.walk.side_nparams, self.walk.side_form)
                self.place_batch(batch)
                continue
            if status == WALK_OTHER:
                if self.take_block():
                    self.place_batch(batch)
                    continue
                break
            if status == WALK_MORE:
                if self.fill():
                    self.place_batch(batch)
                    continue
                break
            if status == WALK_END:
                if self.source.mapped is None and self.fill():
                    self.place_batch(batch)
                    continue
                self.end_of_bytes()
                break
            if status == WALK_BAD:
                self.error = CorruptCaptureError(
                    self.walk.problem.decode(), offset=self.base + self.walk.position, block_type=self.walk.block_type,
                    expected=self.walk.expected.decode())
                break
        if not batch.columns.count:
            self.finished = True
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            return False
        self.deliver(batch)
        return True

    cdef int first_block(self) except -1:
        """Status for the very first block, which must be a section header."""
        cdef uint64_t rest = self.walk.end - self.walk.position
        if rest < 8:
            if self.source.mapped is None and rest == 0:
                return WALK_END
            self.walk.wanted = 8
            return WALK_MORE if rest else WALK_END
        self.walk.block_type = load32(self.walk.data + self.walk.position)
        self.walk.block_length = load32(self.walk.data + self.walk.position + 4)
        if self.walk.block_type != BLOCK_SECTION:
            return WALK_OTHER
        if self.walk.block_length < FRAME:
            self.walk.problem = "a block is shorter than its own frame"
            self.walk.expected = "a length of at least 12"
            return WALK_BAD
        if rest < self.walk.block_length:
            self.walk.wanted = self.walk.block_length
            return WALK_MORE
        return WALK_OTHER

    cdef EventBatch blank_batch(self):
        """A batch to fill: the former one, unless somebody else still looks at it."""
        cdef EventBatch batch = self.batch
        if batch is None or Py_REFCNT(<PyObject*>batch) > 2:
            if batch is not None:
                batch.pin()
            batch = EventBatch(self.needs)
            self.batch = batch
        batch.clear()
        batch.columns.count = 0
        batch.has_selection = False
        batch.engine = self.engine
        return batch

    cdef void place_batch(self, EventBatch batch):
        """Let the batch begin at the present position."""
        batch.chunk = self.chunk
        batch.engine = self.engine
        batch.columns.data = self.walk.data + self.walk.position
        batch.columns.base = self.base + self.walk.position
        batch.columns.first_number = self.next_number

    cdef void find_first_time(self, EventBatch batch) noexcept:
        """Zero of relative time: the first event that is not about a container."""
        cdef uint32_t row
        for row in range(batch.columns.count):
            if batch.columns.type[row] != CONTAINER_JSON_E and batch.columns.type[row] != CONTAINER_JSON_2_E:
                self.first_time = load64(batch.columns.data + batch.columns.offset[row])
                if self.first_time:
                    return

    cdef void deliver(self, EventBatch batch) except *:
        if not self.first_time:
            self.find_first_time(batch)
        batch.columns.first_time = self.first_time
        if self.engine is not None:
            if not self.in_events:
                finish_sections(&self.engine.state)
                self.engine.state.change_count = 1   # what the lists said is no change
            with nogil:
                self.engine.process(&batch.columns)
            if self.engine.state.failed:
                raise MemoryError
        self.in_events = True
        self.next_number += batch.columns.count
        if self.source.mapped is not None and batch.columns.base >= RELEASE_STEP:
            self.source.release(batch.columns.base)

    cdef void end_of_bytes(self) except *:
        if not self.started and self.error is None:
            self.error = UnsupportedCaptureError(f"{self.source.name}: the file is empty")

    cdef bint fill(self) except -1:
        """Get more bytes behind the position; False at their end."""
        cdef Chunk chunk = self.chunk
        cdef Chunk fresh
        cdef uint64_t rest = self.walk.end - self.walk.position
        cdef size_t got = 0
        cdef size_t wanted
        if self.source.mapped is None:
            if self.walk.position:
                if Py_REFCNT(<PyObject*>chunk) > 3 or (self.batch is not None and self.batch.columns.count):
                    fresh = Chunk(None, CHUNK_BYTES if rest < CHUNK_BYTES // 2 else rest * 2)
                else:
                    fresh = chunk
                memmove(fresh.data, self.walk.data + self.walk.position, rest)
                fresh.used = rest
                self.chunk = chunk = fresh
                self.base += self.walk.position
                self.walk.position = 0
                self.walk.data = chunk.data
            elif chunk.used == chunk.capacity:
                # A block longer than the chunk: grow with what really arrives, not by what it says.
                chunk.grow(chunk.capacity * 2)
                self.walk.data = chunk.data
            try:
                got = self.source.readinto(memoryview(chunk)[chunk.used:])
            except ScapError as error:
                self.error = error
            chunk.used += got
            self.walk.end = chunk.used
            if got:
                return True
        if rest == 0:
            self.end_of_bytes()
        elif self.error is None:
            wanted = self.walk.wanted
            self.error = TruncatedCaptureError(
                f"the capture is cut: a block of {wanted} bytes has only {rest}" if rest >= 8
                else f"the capture is cut: {rest} bytes where a block should begin",
                offset=self.base + self.walk.position, block_type=self.walk.block_type if rest >= 8 else None)
        if self.error is not None and not self.started and isinstance(self.error, TruncatedCaptureError) and rest < 8:
            self.error = UnsupportedCaptureError(f"{self.source.name}: not a capture: it begins with no section header")
        return False

    cdef bint take_block(self) except -1:
        """Take over the block at the position, which is no event; False if reading cannot go on."""
        cdef const uint8_t* block = self.walk.data + self.walk.position
        cdef uint32_t block_type = self.walk.block_type
        cdef uint32_t length = self.walk.block_length
        cdef str problem = None
        if not self.started and block_type != BLOCK_SECTION:
            self.error = UnsupportedCaptureError(f"{self.source.name}: not a capture: it begins with no section header")
            return False
        if block_type == BLOCK_SECTION:
            return self.start_section()
        self.blocks[block_type] = self.blocks.get(block_type, 0) + 1
        if load32(block + length - 4) != length:
            problem = "the length at the end of a block differs from that at its start"
        elif block_type == BLOCK_MACHINE or block_type == <uint32_t>BLOCK_MACHINE_EARLY:
            if length - FRAME < MACHINE_LENGTH:
                problem = "the machine block is too short"
            else:
                self.machine = machine_info(block + 8, length - FRAME)
                if self.engine is not None:
                    self.engine.set_machine(self.machine)
        elif self.engine is not None:
            problem = load_section(&self.engine.state, block_type, block + 8, length - FRAME)
        if problem is not None:
            self.error = CorruptCaptureError(problem, offset=self.base + self.walk.position, block_type=block_type)
            return False
        self.walk.position += length
        return True

    cdef bint start_section(self) except -1:
        """Begin a section; one behind another starts anew but goes on counting events."""
        cdef const uint8_t* block = self.walk.data + self.walk.position
        cdef uint32_t length = self.walk.block_length
        cdef uint32_t magic
        cdef uint16_t major
        cdef uint32_t swapped = 0x4D3C2B1A
        if length < SECTION_LENGTH:
            self.error = CorruptCaptureError("a section header is too short", offset=self.base + self.walk.position,
                                             block_type=BLOCK_SECTION, expected="at least 28 bytes")
            return False
        magic = load32(block + 8)
        major = load16(block + 12)
        if magic == swapped:
            self.error = UnsupportedCaptureError(
                f"{self.source.name}: the capture was written on a machine of the other byte order")
            return False
        if magic != MAGIC:
            self.error = CorruptCaptureError("a section header has a wrong magic number",
                                             offset=self.base + self.walk.position, block_type=BLOCK_SECTION,
                                             expected="0x1A2B3C4D")
            return False
        if major > 1:
            self.error = UnsupportedCaptureError(
                f"{self.source.name}: format version {major}.{load16(block + 14)} is newer than what can be read (1.x)")
            return False
        if self.started and self.with_state:
            self.engine = Engine(self.needs, self.modern)
        self.started = True
        self.in_events = False
        self.walk.leading = True
        self.versions.append((major, load16(block + 14)))
        self.walk.position += length
        return True
