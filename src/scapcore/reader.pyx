"""From bytes to batches: drives the walk, the metadata and the state engine."""

import os

from cpython.ref cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove, memset

from scapcore.ahead cimport WalkAhead
from scapcore.batch cimport Chunk, EventBatch
from scapcore.blocks cimport *
from scapcore.convert cimport Converter
from scapcore.engine cimport Engine
from scapcore.events cimport BATCH_EVENTS, FORM_FLAGS, MARK_HIDDEN, Columns, load16, load32, load64
from scapcore.schema.tables cimport EventType, events_classic, events_modern
from scapcore.schema.types cimport CONTAINER_JSON_2_E, CONTAINER_JSON_E
from scapcore.sections cimport finish_sections, load_section, machine_info
from scapcore.state cimport begin_batch

from scapcore.damage import Gap, damage_error
from scapcore.errors import CorruptCaptureError, ScapError, TruncatedCaptureError, UnsupportedCaptureError

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* item)

cdef size_t CHUNK_BYTES = 1 << 20
cdef uint64_t RELEASE_STEP = 1 << 24
cdef uint32_t SECTION_LENGTH = 28
cdef uint32_t MACHINE_LENGTH = 180
cdef uint64_t SEARCHED_START = 1 << 20    # how far a section header may be missing
cdef uint32_t MOST_GAPS = 1000            # that are kept one by one
cdef uint64_t WORTH_A_THREAD = 1 << 23    # bytes still to be read

cdef bint two_processors = (os.cpu_count() or 1) > 1


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
        The newest libraries' view instead of that of sysdig 0.29.3: their names and rules, and every event in its
        newest form; the state is kept in any case then.
    strict : bool
        Stop at the first damage. Otherwise damage is skipped, noted in :attr:`gaps`, and raised at the very end.
    batch_events : int
        Events of a batch at the most, 16384 or less.
    ahead : bool
        Whether a thread may walk ahead over the bytes of a long capture that lies in memory or is mapped.
    services : dict, optional
        Names of ports, by port and protocol.
    directory : scapcore.side.Directory, optional
        What is known of containers and addresses beside the capture.
    """

    def __cinit__(self):
        memset(&self.walk, 0, sizeof(Walk))
        self.walk.unknown_types = <uint32_t*>calloc(65536, sizeof(uint32_t))
        if self.walk.unknown_types == NULL:
            raise MemoryError

    def __init__(self, source, *, bint state=True, uint32_t needs=0, bint modern=False, bint strict=False,
                 uint32_t batch_events=BATCH_EVENTS, bint ahead=True, dict services=None, directory=None):
        if not 1 <= batch_events <= BATCH_EVENTS:
            raise ValueError(f"a batch holds between 1 and {BATCH_EVENTS} events")
        self.source = source
        self.needs = needs
        self.modern = modern
        self.strict = strict
        self.may_walk_ahead = ahead and two_processors
        self.gaps = []
        self.passed = []
        self.machine = {}
        self.versions = []
        self.blocks = {}
        self.next_number = 1
        self.walk.leading = True
        self.walk.modern = modern
        self.walk.most = batch_events
        self.walk.ended = source.mapped is not None
        if source.mapped is not None:
            self.chunk = Chunk(source.mapped)
        else:
            self.chunk = Chunk(None, CHUNK_BYTES)
        self.walk.data = self.chunk.data
        self.walk.end = self.chunk.used
        # The newest forms have their own tables of types, which come with the engine.
        self.with_state = state or modern
        self.services = services
        self.directory = directory
        self.open_engine()
        self.converter = Converter() if modern else None
        self.batch = None

    cdef int open_engine(self) except -1:
        self.engine = Engine(self.needs, self.modern) if self.with_state else None
        if self.engine is not None and self.services is not None:
            self.engine.set_services(self.services)
        if self.engine is not None and self.directory is not None:
            self.engine.join(self.directory)
        return 0

    def __dealloc__(self):
        free(self.walk.unknown_types)

    @property
    def batch_events(self):
        """int : Events of a batch at the most, at least 1; may be changed between batches."""
        return self.walk.most

    @batch_events.setter
    def batch_events(self, uint32_t most):
        self.walk.most = min(max(most, 1), <uint32_t>BATCH_EVENTS)

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

    @property
    def damage(self):
        """CorruptCaptureError or None : What is wrong with the capture, as far as it has been read."""
        return damage_error(self.gaps, self.gap_count) if self.gap_count else None

    cpdef bint advance(self) except -1:
        """Read the next batch into :attr:`batch`; False at the end.

        Raises
        ------
        ScapError
            Where the capture is damaged or cut; everything that can be read has been delivered by then, in a strict
            pass everything before that place.
        """
        while self.gather():
            self.walk_ahead()
            if self.converter is not None:
                self.converter.convert(self.batch)
            if self.batch.columns.count:
                self.deliver(self.batch)
                return True
        return False

    cpdef bint peek(self) except -1:
        """Read the next batch without applying it to the tables; False at the end. :meth:`process` has to follow.

        For those who copy: the tables are still what they were before the first event of the batch. Not for the newest
        libraries' view, which makes other events of those that stand in the capture.

        Raises
        ------
        ScapError
            As :meth:`advance`.
        """
        return self.gather()

    cpdef int shorten(self, uint32_t rows) except -1:
        """Leave only the first rows in a batch that was not processed yet; the others are read again."""
        cdef Columns* columns = &self.batch.columns
        cdef uint32_t row
        if not 0 < rows < columns.count:
            raise ValueError("a batch can be shortened to some of its rows")
        self.walk.position = <uint64_t>(columns.data - self.walk.data) + columns.offset[rows] - (
            14 if columns.form[rows] & FORM_FLAGS else 10)
        self.walk.events -= columns.count - rows
        self.walk.lost = self.batch_lost = False
        if self.batch_leading:
            self.walk.leading = True
            for row in range(rows):
                if not columns.mark[row] & MARK_HIDDEN:
                    self.walk.leading = False
        self.batch_end = self.base + self.walk.position
        columns.count = rows
        return 0

    cpdef int process(self) except -1:
        """Apply a batch that was looked at to the tables."""
        self.walk_ahead()
        self.deliver(self.batch)
        return 0

    def begin_at(self, uint64_t number, uint64_t first_time):
        """Count events from a number on, and time from that of another event; before the first batch.

        For a pass that begins in the middle of a capture.

        Parameters
        ----------
        number : int
            Of the next event, at least 1.
        first_time : int
            ns since the epoch.
        """
        if not number:
            raise ValueError("events are counted from 1")
        self.next_number = number
        self.first_time = first_time

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

    cdef bint gather(self) except -1:
        """Fill the batch with the next events as they stand in the capture; False at the end."""
        cdef int status
        cdef const EventType* types = events_modern if self.modern else events_classic
        cdef EventBatch batch
        if self.finished:
            return self.finish()
        batch = self.blank_batch()
        self.batch_leading = self.walk.leading
        if self.engine is not None:
            begin_batch(&self.engine.state)
        self.place_batch(batch)
        if self.ahead is not None:
            with nogil:
                self.ahead.take(&self.walk, &batch.columns)
        while not self.finished:
            if self.started:
                with nogil:
                    status = walk_events(&self.walk, &batch.columns, types)
            else:
                status = self.first_block()
            if batch.columns.count:
                break               # whatever comes next is met again
            if status != WALK_BAD:
                self.keep_passed(batch.columns.data, self.walk.position - <uint64_t>(batch.columns.data - self.walk.data))
            if status == WALK_SIDE:
                if self.engine is not None:
                    self.engine.apply_side(self.walk.side, self.walk.side_nparams, self.walk.side_form)
            elif status == WALK_OTHER:
                self.take_block()
            elif status == WALK_MORE:
                if self.is_false_length():
                    self.damaged("a block states a length that it does not have", "a length up to the next block")
                elif self.walk.ended:
                    self.cut()
                else:
                    self.fill()
            elif status == WALK_END:
                if self.walk.ended:
                    self.end_of_bytes()
                else:
                    self.fill()
            elif status == WALK_BAD:
                self.damaged(self.walk.problem.decode(), self.walk.expected.decode())
            self.place_batch(batch)
        if not batch.columns.count:
            return self.finish()
        self.batch_end = self.base + self.walk.position
        self.batch_lost = self.walk.lost
        return True

    cdef int walk_ahead(self) except -1:
        """Let a thread walk over the next batch while this one is dealt with."""
        if not self.with_state or self.source.mapped is None or self.finished or self.walk.leading or self.walk.lost:
            return 0
        if self.ahead is None:
            if not self.may_walk_ahead or self.walk.end - self.walk.position < WORTH_A_THREAD:
                return 0
            self.ahead = WalkAhead()
        self.ahead.begin(&self.walk, events_modern if self.modern else events_classic)
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

    cdef EventBatch blank_batch(self):
        """A batch to fill: the former one, unless somebody else still looks at it."""
        cdef EventBatch batch = self.batch
        cdef Py_ssize_t held = 0 if batch is None else Py_REFCNT(<PyObject*>batch) - 2
        if held and held == batch.place_count:
            batch.keep_places()
            held = 0
        if held:
            batch.pin()
            batch = None
        if batch is None:
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
        if self.open_gap:
            self.close_gaps(batch)
        self.last_time = load64(batch.columns.data + batch.columns.offset[batch.columns.count - 1])
        batch.columns.first_time = self.first_time
        if self.engine is not None:
            if not self.in_events:
                finish_sections(&self.engine.state)
                self.engine.state.change_count = 1   # what the lists said is no change
            if self.engine.kept:
                # Another thread may be asking a kept batch for values, which must not move meanwhile.
                self.engine.process(&batch.columns)
            else:
                with nogil:
                    self.engine.process(&batch.columns)
            batch.columns.container_count = self.engine.state.container_count
            batch.columns.user_count = self.engine.state.user_count
            if self.engine.state.failed:
                raise MemoryError
        self.in_events = True
        self.next_number += batch.columns.count
        if self.source.mapped is not None and batch.columns.base >= RELEASE_STEP:
            self.source.release(batch.columns.base)

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
            if self.modern:
                self.converter = Converter()
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
