"""From blocks to batches: drives the walk and the state engine."""

import os

from cpython.ref cimport PyObject
from libc.stdint cimport uint32_t, uint64_t

from scapcore.ahead cimport WalkAhead
from scapcore.batch cimport EventBatch
from scapcore.block_reader cimport BlockReader
from scapcore.blocks cimport *
from scapcore.events cimport BATCH_EVENTS, FORM_FLAGS, MARK_HIDDEN, Columns, load64
from scapcore.schema.tables cimport EventType, events_classic, events_modern
from scapcore.schema.types cimport CONTAINER_JSON_2_E, CONTAINER_JSON_E
from scapcore.sections cimport finish_sections
from scapcore.state cimport begin_batch

from scapcore.errors import UnsupportedCaptureError

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* item)

cdef uint64_t RELEASE_STEP = 1 << 24
cdef uint64_t WORTH_A_THREAD = 1 << 23    # bytes still to be read
cdef uint64_t SHARE = 1 << 19             # bytes that a reader walks over at first when a thread shares the walk
cdef uint32_t SURE = 4                    # blocks in a row that make the place of one likely
cdef uint32_t MOST_MISSED = 16            # places without one before that is given up

cdef bint two_processors = (os.cpu_count() or 1) > 1


cdef class Reader(BlockReader):
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
    embedded : callable, optional
        Makes such a directory of the bytes of a block that holds one, or None; asked where there is no other.
    """

    def __init__(self, source, *, bint state=True, uint32_t needs=0, bint modern=False, bint strict=False,
                 uint32_t batch_events=BATCH_EVENTS, bint ahead=True, dict services=None, directory=None, embedded=None):
        if not 1 <= batch_events <= BATCH_EVENTS:
            raise ValueError(f"a batch holds between 1 and {BATCH_EVENTS} events")
        # The newest forms have their own tables of types, which come with the engine.
        BlockReader.__init__(self, source, modern, strict, state or modern, needs, services, directory, embedded)
        self.may_walk_ahead = ahead and two_processors
        self.walk.most = batch_events
        self.batch = None

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

        For those who copy: the tables are still what they were before the first event of the batch, and the events are
        those that stand in the capture, also where the newest libraries' view makes others of them.

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
        """Apply a batch that was looked at to the tables.

        Raises
        ------
        UnsupportedCaptureError
            The newest libraries' view has other events than the batch, which can then not be copied.
        """
        cdef uint32_t count = self.batch.columns.count
        cdef const uint8_t* data = self.batch.columns.data
        self.walk_ahead()
        if self.converter is not None:
            self.converter.convert(self.batch)
            if self.batch.columns.count != count or self.batch.columns.data != data:
                raise UnsupportedCaptureError(f"{self.source.name}: events of older forms are copied with view='full' only")
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
        if self.with_state:
            if self.ahead is not None:
                with nogil:
                    self.ahead.take(&self.walk, &batch.columns)
        elif self.share_walk(batch, types):
            return self.gathered()
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
        return self.gathered()

    cdef bint gathered(self) noexcept:
        """The batch has events; where it ends."""
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
        return self.begin_ahead(&self.walk, <uint64_t>(self.batch.columns.data - self.walk.data))

    cdef int begin_ahead(self, const Walk* walk, uint64_t consumed) except -1:
        """Set the thread to work behind the position of a walk; nobody needs the first `consumed` bytes any more."""
        if self.ahead.begin(walk, events_modern if self.modern else events_classic, consumed) and not self.handed_over:
            self.handed_over = True
            self.ahead.releases = self.source.hand_over()
        return 0

    cdef bint share_walk(self, EventBatch batch, const EventType* types) except -1:
        """Share the walk with a thread, where it is all there is to do; True if the batch has got events.

        The thread begins further on, where a block seems to begin. What it finds is taken if the reader comes to just
        that place, and is thrown away otherwise.
        """
        cdef Walk further
        cdef uint64_t place
        cdef uint64_t end = self.walk.end
        cdef int judged
        if self.source.mapped is None or not self.started or self.walk.leading or self.walk.lost:
            return False
        if self.ahead is None:
            if not self.may_walk_ahead or end - self.walk.position < WORTH_A_THREAD or self.walk.most < BATCH_EVENTS:
                return False
            self.ahead = WalkAhead()
            self.share = SHARE
        elif not self.ahead.is_behind(self.walk.position):
            with nogil:
                self.ahead.take(&self.walk, &batch.columns)
            if batch.columns.count:
                # Neither is to wait for the other.
                self.share += self.share // 16 if self.ahead.waited else 0
                self.share -= 0 if self.ahead.waited else self.share // 16
                self.share = min(max(self.share, SHARE // 16), SHARE * 2 - SHARE // 8)
        if not self.ahead.is_behind(self.walk.position) and self.walk.most == BATCH_EVENTS:
            further = self.walk
            place = self.walk.position + self.share
            if place + SHARE < end and self.shares_missed < MOST_MISSED:
                further.end = place + SHARE
                further.ended = False
                with nogil:
                    judged = find_block(&further, &place, SURE)
                if judged == JUDGED_YES:
                    further.position = place
                    further.end = end
                    further.ended = self.walk.ended
                    self.begin_ahead(&further, self.walk.position)
                else:
                    self.shares_missed += 1
        if not batch.columns.count and self.ahead.is_behind(self.walk.position):
            self.walk.end = self.ahead.shared.start
            with nogil:
                walk_plain(&self.walk, &batch.columns, types)
            self.walk.end = end
        return batch.columns.count != 0

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
