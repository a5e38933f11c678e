"""From bytes to blocks: gets more of them, takes over what is no event, and goes on behind damage."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove, memset

from cpython.ref cimport PyObject

from scapcore.batch cimport Chunk, EventBatch
from scapcore.blocks cimport *
from scapcore.convert cimport Converter
from scapcore.engine cimport Engine
from scapcore.events cimport load16, load32, load64
from scapcore.sections cimport load_section, machine_info

from scapcore.errors import CorruptCaptureError, ScapError, TruncatedCaptureError, UnsupportedCaptureError

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* item)

# Objects of a cluster that were joined to the capture, of a kind for local use
cdef uint32_t BLOCK_OBJECTS = 0x9C5C0E5B

cdef size_t CHUNK_BYTES = 1 << 20
cdef uint32_t SECTION_LENGTH = 28
cdef uint32_t MACHINE_LENGTH = 180
cdef uint64_t SEARCHED_START = 1 << 20    # how far a section header may be missing
cdef uint32_t MOST_GAPS = 1000            # that are kept one by one


cdef class BlockReader:
    """The part of a reader that knows blocks; :class:`scapcore.reader.Reader` says what its attributes are.

    Parameters
    ----------
    source : scapcore.source.Source
        Where the bytes come from.
    modern, strict, services, directory, embedded
        As for the reader.
    with_state : bool
        Whether there is to be an engine.
    needs : int
        Of the engine.
    """

    def __cinit__(self):
        memset(&self.walk, 0, sizeof(Walk))
        self.walk.unknown_types = <uint32_t*>calloc(65536, sizeof(uint32_t))
        if self.walk.unknown_types == NULL:
            raise MemoryError

    def __init__(self, source, bint modern, bint strict, bint with_state, uint32_t needs, dict services, directory, embedded):
        self.source = source
        self.needs = needs
        self.modern = modern
        self.strict = strict
        self.gaps = []
        self.passed = []
        self.machine = {}
        self.versions = []
        self.blocks = {}
        self.next_number = 1
        self.walk.leading = True
        self.walk.modern = modern
        self.walk.ended = source.mapped is not None
        if source.mapped is not None:
            self.chunk = Chunk(source.mapped)
        else:
            self.chunk = Chunk(None, CHUNK_BYTES)
        self.walk.data = self.chunk.data
        self.walk.end = self.chunk.used
        self.with_state = with_state
        self.services = services
        self.directory = directory
        self.embedded = embedded
        self.open_engine()

    def __dealloc__(self):
        free(self.walk.unknown_types)

    cdef int open_engine(self) except -1:
        """Begin with empty tables."""
        self.engine = Engine(self.needs, self.modern) if self.with_state else None
        self.converter = Converter() if self.modern else None
        if self.engine is not None and self.services is not None:
            self.engine.set_services(self.services)
        if self.engine is not None and self.directory is not None:
            self.engine.join(self.directory)
        return 0

    @property
    def unknown_types(self):
        """dict of int to int : How often each event type was met that the schema does not know."""
        cdef uint32_t type
        if not self.walk.unknown_events:
            return {}
        return {type: self.walk.unknown_types[type] for type in range(65536) if self.walk.unknown_types[type]}

    @property
    def damage(self):
        """CorruptCaptureError or None : What is wrong with the capture, as far as it has been read."""
        if not self.gap_count:
            return None
        from scapcore.damage import damage_error

        return damage_error(self.gaps, self.gap_count)

    def take_passed(self):
        """What was passed since the last call and is no row of a batch, with :attr:`keeps_passed`: list of bytes.

        Each is one or several whole blocks: lists, section headers, events of unknown type, or users and groups that
        came with containers.
        """
        passed = self.passed
        self.passed = []
        return passed

    cdef int keep_passed(self, const uint8_t* start, uint64_t length) except -1:
        if self.keeps_passed and length:
            self.passed.append(start[:length])
        return 0

    cdef bint finish(self) except -1:
        """The end: False, or the error that waits for it, once."""
        error, self.error = self.error, None
        if self.engine is not None and self.directory is not None:
            self.directory.finish()
        if error is None and self.gap_count and not self.told:
            self.told = True
            error = self.damage
        if error is not None:
            raise error
        return False

    cdef int first_block(self) except -1:
        """Status for the very first block, which must be a section header."""
        cdef uint64_t rest = self.walk.end - self.walk.position
        if rest == 0:
            return WALK_END
        if rest < 8:
            self.walk.wanted = 8
            return WALK_MORE
        self.walk.block_type = load32(self.walk.data + self.walk.position)
        self.walk.block_length = load32(self.walk.data + self.walk.position + 4)
        if self.walk.block_type == BLOCK_SECTION and FRAME <= self.walk.block_length <= PLAUSIBLE_FIND \
                and rest < self.walk.block_length:
            self.walk.wanted = self.walk.block_length
            return WALK_MORE
        return WALK_OTHER

    cdef int end_of_bytes(self) except -1:
        """Nothing follows, and no block has begun."""
        self.finished = True
        if not self.started and self.error is None and self.source_error is None:
            self.error = UnsupportedCaptureError(f"{self.source.name}: the file is empty")
        self.note_source_error(0)
        return 0

    cdef int note_source_error(self, uint64_t lost) except -1:
        """What the source said when it ended, which is damage where it is about the bytes."""
        error, self.source_error = self.source_error, None
        if error is None:
            return 0
        if isinstance(error, CorruptCaptureError) and self.started:
            if self.strict:
                self.error = error
            else:
                self.note_gap(error, self.base + self.walk.end - lost, lost)
        else:
            self.error = error
        return 0

    cdef int cut(self) except -1:
        """The bytes end within the block at the position."""
        cdef uint64_t rest = self.walk.end - self.walk.position
        cdef uint64_t place = self.walk.position + 1
        if not self.started and rest < 8:
            self.finished = True
            self.error = self.source_error
            if self.error is None:
                self.error = UnsupportedCaptureError(
                    f"{self.source.name}: not a capture: it begins with no section header")
            return 0
        if not self.strict and find_block(&self.walk, &place, 1) == JUDGED_YES:     # all bytes are there by now
            # It was its length that was wrong.
            return self.damaged("a block is longer than the capture", "a length up to the next block")
        self.finished = True
        if self.source_error is not None:
            if self.started and rest >= 8:
                self.take_list()
            return self.note_source_error(rest)
        error = TruncatedCaptureError(
            f"the capture is cut: a block of {self.walk.wanted} bytes has only {rest}" if rest >= 8
            else f"the capture is cut: {rest} bytes where a block should begin",
            offset=self.base + self.walk.position, block_type=self.walk.block_type if rest >= 8 else None)
        if self.strict or not self.started:
            self.error = error
            return 0
        if rest >= 8:
            self.take_list()
        self.note_gap(error, self.base + self.walk.position, rest)
        self.walk.position = self.walk.end
        return 0

    cdef int take_list(self) except -1:
        """Take over what can be read of a damaged list at the position: its entries up to the next block."""
        cdef uint64_t place = self.walk.position + 1
        cdef uint64_t start = self.walk.position + 8
        cdef size_t skipped = 0
        if self.engine is None or not is_list_block(self.walk.block_type):
            return 0
        if find_block(&self.walk, &place, 1) != JUDGED_YES:
            place = self.walk.end
        if place >= start + 4:
            self.blocks[self.walk.block_type] = self.blocks.get(self.walk.block_type, 0) + 1
            load_section(&self.engine.state, self.walk.block_type, self.walk.data + start, place - start - 4, &skipped)
        return 0

    cdef bint is_false_length(self) except -1:
        """True if blocks follow one another within the part of a long block that is there: its length is wrong.

        This is asked before the chunk grows, so that a wrong length does not pull a whole stream into memory.
        """
        cdef uint64_t place = self.walk.position + 8
        if self.strict or self.source.mapped is not None or self.walk.position or self.chunk.used < self.chunk.capacity:
            return False
        return find_block(&self.walk, &place, 3) == JUDGED_YES

    cdef int damaged(self, str problem, str expected) except -1:
        """The block at the position cannot be read: go on at the next one, or end."""
        cdef uint64_t start = self.base + self.walk.position
        cdef uint64_t rest = self.walk.end - self.walk.position
        cdef uint32_t block_type = self.walk.block_type
        cdef uint32_t length = self.walk.block_length
        cdef uint64_t place = self.walk.position + 1
        cdef const uint8_t* block = self.walk.data + self.walk.position
        cdef int judged
        error = CorruptCaptureError(problem, offset=start, block_type=None if self.walk.lost else block_type,
                                    expected=expected)
        if self.strict:
            self.error = error
            self.finished = True
            return 0
        if self.walk.lost:
            self.walk.lost = False
            place = self.walk.position
        elif FRAME <= length <= rest and load32(block + length - 4) == length:
            # Its frame is right, so that only what is within is lost.
            self.walk.position += length
            self.note_gap(error, start, length)
            return 0
        else:
            self.take_list()
        while True:
            judged = find_block(&self.walk, &place, 1)
            if judged == JUDGED_YES:
                break
            if judged == JUDGED_NO:
                self.walk.position = self.walk.end
                self.finished = True
                self.note_gap(error, start, self.base + self.walk.end - start)
                return self.note_source_error(0)
            self.walk.position = place
            self.fill()
            place = self.walk.position
        self.walk.position = place
        self.note_gap(error, start, self.base + place - start)
        return 0

    cdef int note_gap(self, error, uint64_t offset, uint64_t length) except -1:
        from scapcore.damage import Gap

        self.gap_count += 1
        if self.gap_count <= MOST_GAPS:
            self.gaps.append(Gap(error, offset, length, self.next_number - 1, 0, self.last_time, 0))
            self.open_gap = True
        return 0

    cdef int close_gaps(self, EventBatch batch) except -1:
        """Tell the gaps that end with a batch what follows them."""
        cdef uint64_t time = load64(batch.columns.data + batch.columns.offset[0])
        self.open_gap = False
        for gap in reversed(self.gaps):
            if gap.after:
                break
            gap.after = self.next_number
            gap.after_time = time
        return 0

    cdef bint fill(self) except -1:
        """Get more bytes behind the position; False at their end."""
        cdef Chunk chunk = self.chunk
        cdef Chunk fresh
        cdef uint64_t rest = self.walk.end - self.walk.position
        cdef size_t got
        if self.walk.ended:
            return False
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
        self.walk.end = chunk.used
        try:
            got = self.source.readinto(memoryview(chunk)[chunk.used:])
        except ScapError as error:
            self.source_error = error
            got = 0
        chunk.used += got
        self.walk.end = chunk.used
        self.walk.ended = got == 0
        return got > 0

    cdef int take_block(self) except -1:
        """Take over the block at the position, which is no event."""
        cdef const uint8_t* block = self.walk.data + self.walk.position
        cdef uint32_t block_type = self.walk.block_type
        cdef uint32_t length = self.walk.block_length
        cdef uint64_t start = self.base + self.walk.position
        cdef size_t skipped = 0
        cdef str problem = None
        if block_type == BLOCK_SECTION or not self.started:
            return self.start_section()
        if load32(block + length - 4) != length:
            problem = "the length at the end of a block differs from that at its start"
            return self.damaged(problem, None)
        self.blocks[block_type] = self.blocks.get(block_type, 0) + 1
        if block_type == BLOCK_MACHINE or block_type == <uint32_t>BLOCK_MACHINE_EARLY:
            if length - FRAME < MACHINE_LENGTH:
                problem = "the machine block is too short"
                skipped = length
            else:
                self.machine = machine_info(block + 8, length - FRAME)
                if self.engine is not None:
                    self.engine.set_machine(self.machine)
        elif block_type == BLOCK_OBJECTS:
            if self.engine is not None and self.directory is None and self.embedded is not None:
                self.directory = self.embedded(block[8:length - 4])
                if self.directory is not None:
                    self.engine.join(self.directory)
        elif self.engine is not None:
            problem = load_section(&self.engine.state, block_type, block + 8, length - FRAME, &skipped)
        if problem is not None:
            error = CorruptCaptureError(problem, offset=start, block_type=block_type)
            if self.strict:
                self.error = error
                self.finished = True
                return 0
            self.note_gap(error, start, skipped)
        else:
            self.keep_passed(block, length)
        self.walk.position += length
        return 0

    cdef int start_section(self) except -1:
        """Begin a section; one behind another starts anew but goes on counting events."""
        cdef const uint8_t* block = self.walk.data + self.walk.position
        cdef uint32_t length = self.walk.block_length
        cdef uint32_t magic
        cdef uint16_t major
        cdef uint32_t swapped = 0x4D3C2B1A
        if self.walk.block_type != BLOCK_SECTION:
            return self.no_section("it begins with no section header", None)
        if length < SECTION_LENGTH or length > PLAUSIBLE_FIND:
            return self.no_section("a section header states a wrong length", "at least 28 bytes")
        magic = load32(block + 8)
        major = load16(block + 12)
        if magic == swapped:
            self.finished = True
            self.error = UnsupportedCaptureError(
                f"{self.source.name}: the capture was written on a machine of the other byte order")
            return 0
        if magic != MAGIC:
            return self.no_section("a section header has a wrong magic number", "0x1A2B3C4D")
        if major > 1:
            self.finished = True
            self.error = UnsupportedCaptureError(
                f"{self.source.name}: format version {major}.{load16(block + 14)} is newer than what can be read (1.x)")
            return 0
        if self.started and self.with_state:
            self.open_engine()
        self.started = True
        self.in_events = False
        self.walk.leading = True
        self.versions.append((major, load16(block + 14)))
        self.keep_passed(block, length)
        self.walk.position += length
        return 0

    cdef int no_section(self, str problem, str expected) except -1:
        """Something is wrong with a section header. Without one, only a file with blocks near its start is a capture."""
        cdef uint64_t place
        cdef uint64_t start = self.base + self.walk.position
        if self.started:
            return self.damaged(problem, expected)
        while self.walk.end < SEARCHED_START and self.fill():
            pass
        place = self.walk.position + 1
        while not self.strict and find_block(&self.walk, &place, 3) == JUDGED_MORE and place < SEARCHED_START:
            if not self.fill():
                place = self.walk.position + 1
        if not self.strict and place < SEARCHED_START and find_block(&self.walk, &place, 3) == JUDGED_YES:
            error = CorruptCaptureError(problem, offset=start, block_type=self.walk.block_type, expected=expected)
            self.walk.position = place
            self.started = True
            self.note_gap(error, start, self.base + place - start)
            return 0
        self.finished = True
        if self.source_error is not None:
            self.error = self.source_error
        elif self.walk.block_type == BLOCK_SECTION:
            self.error = CorruptCaptureError(problem, offset=start, block_type=BLOCK_SECTION, expected=expected)
        else:
            self.error = UnsupportedCaptureError(f"{self.source.name}: not a capture: {problem}")
        return 0
