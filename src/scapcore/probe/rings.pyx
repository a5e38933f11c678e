"""The ring buffers of all CPUs as one stream of event blocks, in the order of time.

Each ring is in order by itself. What lies in the rings is merged by time up to a moment shortly before now: what
is older than that has been written by then, so nothing that is handed out later can be older.
"""

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport strerror
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport _SC_PAGESIZE, sysconf
from cpython.bytes cimport PyBytes_FromStringAndSize

from scapcore.errors import LiveCaptureError
from scapcore.probe.decode cimport EVENT_ROOM, Decoder
from scapcore.probe.layout cimport PROBE_RECORD_LIMIT, probe_record


cdef extern from "<time.h>" nogil:
    struct timespec:
        int64_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* moment)
    enum:
        CLOCK_REALTIME
        CLOCK_BOOTTIME


cdef extern from * nogil:
    """
    #include <stdint.h>
    #define probe_load_number(p) __atomic_load_n((const uint64_t *)(p), __ATOMIC_ACQUIRE)
    #define probe_load_head(p) __atomic_load_n((const uint32_t *)(p), __ATOMIC_ACQUIRE)
    #define probe_store_number(p, v) __atomic_store_n((uint64_t *)(p), (v), __ATOMIC_RELEASE)
    """
    uint64_t probe_load_number(const void* place)
    uint32_t probe_load_head(const void* place)
    void probe_store_number(void* place, uint64_t value)

cdef enum:
    #: Of the first word of an entry of a ring (linux/bpf.h): being written, and not to be read.
    BUSY = 1 << 31
    DISCARDED = 1 << 30
    ENTRY_HEAD = 8
    DROP_BEGIN = 148
    DROP_END = 149

#: How long after its time a record may still be on its way into its ring, ns.
cdef int64_t SETTLING = 3000000


cdef struct Ring:
    uint8_t* control
    const uint8_t* produced
    const uint8_t* data
    uint64_t mask
    uint64_t consumed
    # Losses counted at the end, plus one; 0 while it goes on.
    uint64_t ended
    uint16_t cpu
    # Records lost before the last one that was read, and its time.
    uint32_t lost
    uint64_t time


cdef inline int64_t now(int clock) noexcept nogil:
    cdef timespec moment
    clock_gettime(clock, &moment)
    return moment.tv_sec * 1000000000 + moment.tv_nsec


cdef class Rings:
    """Reader of the rings.

    Parameters
    ----------
    rings : list of (int, int)
        CPU number and descriptor of each ring; they are mapped, the descriptors may be closed.
    size : int
        Bytes of each, a power of two of pages.
    recipes, flags
        See :class:`scapcore.probe.decode.Decoder`.

    Raises
    ------
    LiveCaptureError
        A ring cannot be mapped.
    """

    cdef Ring* list
    cdef uint32_t count
    cdef uint64_t size
    cdef uint64_t page
    cdef Decoder decoder
    cdef uint8_t* target
    cdef uint64_t room
    cdef readonly uint64_t events
    cdef readonly uint64_t written

    def __cinit__(self, list rings, size, dict recipes, list flags):
        cdef uint32_t index
        cdef Ring* ring
        cdef void* place
        self.size = size
        self.page = <uint64_t>sysconf(_SC_PAGESIZE)
        if size < self.page or size & (size - 1):
            raise ValueError(f"{size} is not a power of two of pages")
        self.decoder = Decoder(recipes, flags, now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME))
        self.list = <Ring*>calloc(len(rings) + 1, sizeof(Ring))
        if self.list == NULL:
            raise MemoryError
        for cpu, descriptor in rings:
            ring = &self.list[self.count]
            place = mmap(NULL, self.page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            if place == MAP_FAILED:
                raise LiveCaptureError(f"a ring buffer cannot be mapped: {strerror(errno).decode()}")
            ring.control = <uint8_t*>place
            # The data lies there twice, one behind the other, so that no record is cut in two.
            place = mmap(NULL, self.page + 2 * self.size, PROT_READ, MAP_SHARED, descriptor, self.page)
            if place == MAP_FAILED:
                munmap(ring.control, self.page)
                raise LiveCaptureError(f"a ring buffer cannot be mapped: {strerror(errno).decode()}")
            ring.produced = <const uint8_t*>place
            ring.data = ring.produced + self.page
            ring.mask = self.size - 1
            ring.cpu = cpu
            ring.consumed = probe_load_number(ring.control)
            self.count += 1

    def __dealloc__(self):
        cdef uint32_t index
        for index in range(self.count):
            munmap(self.list[index].control, self.page)
            munmap(<void*>self.list[index].produced, self.page + 2 * self.size)
        free(self.list)
        free(self.target)

    def read(self, limit_bytes, bint everything=False):
        """Event blocks that are settled, or whatever is there.

        Parameters
        ----------
        limit_bytes : int
            No more is added once this is reached.
        everything : bool, default False
            The program is detached, so all is settled.
        """
        cdef uint64_t limit = max(<uint64_t>limit_bytes, 1)
        cdef uint64_t done
        if self.target == NULL or self.room < limit:
            free(self.target)
            self.target = <uint8_t*>malloc(limit + 3 * EVENT_ROOM)
            self.room = limit if self.target != NULL else 0
            if self.target == NULL:
                raise MemoryError
        with nogil:
            done = self.merge(limit, everything)
        self.written += done
        return PyBytes_FromStringAndSize(<char*>self.target, done)

    def note_losses(self, list lost):
        """Counts of losses at the end, by CPU: a gap that no event follows is told with the next read."""
        cdef uint32_t index
        cdef Ring* ring
        for index in range(self.count):
            ring = &self.list[index]
            if ring.cpu < len(lost):
                ring.ended = <uint64_t>lost[ring.cpu] + 1

    cdef const probe_record* head(self, Ring* ring, uint64_t produced) noexcept nogil:
        """The oldest record of a ring, or NULL; entries that hold none are skipped."""
        cdef const uint8_t* entry
        cdef const probe_record* record
        cdef uint32_t length
        while ring.consumed < produced:
            entry = ring.data + (ring.consumed & ring.mask)
            length = probe_load_head(entry)
            if length & BUSY:
                return NULL
            record = <const probe_record*>(entry + ENTRY_HEAD)
            if not length & DISCARDED and sizeof(probe_record) <= length < PROBE_RECORD_LIMIT and \
                    length == record.length:
                return record
            ring.consumed += ((length & ~<uint32_t>(BUSY | DISCARDED)) + ENTRY_HEAD + 7) & ~<uint64_t>7
        return NULL

    cdef uint64_t merge(self, uint64_t limit, bint everything) noexcept nogil:
        cdef uint64_t horizon = <uint64_t>(now(CLOCK_BOOTTIME) - (0 if everything else SETTLING))
        cdef uint64_t done = 0, produced
        cdef uint32_t index, best, size
        cdef Ring* ring
        cdef const probe_record* record
        cdef const probe_record* oldest
        cdef uint64_t since = 0
        while done < limit:
            oldest = NULL
            best = 0
            for index in range(self.count):
                ring = &self.list[index]
                record = self.head(ring, probe_load_number(ring.produced))
                if record != NULL and (record.time <= horizon or everything):
                    if oldest == NULL or record.time < oldest.time:
                        oldest = record
                        best = index
            if oldest == NULL:
                break
            ring = &self.list[best]
            if oldest.lost != ring.lost:
                done += self.tell_gap(ring, oldest.lost - ring.lost, oldest.time, done)
                ring.lost = oldest.lost
            ring.time = oldest.time
            size = self.decoder.encode(oldest, oldest.length, ring.cpu, self.target + done)
            done += size
            self.events += size != 0
            ring.consumed += (oldest.length + ENTRY_HEAD + 7) & ~<uint64_t>7
            # Told now and then: each time costs the writer's CPU a trip.
            since += oldest.length
            if since > 65536:
                since = 0
                for index in range(self.count):
                    probe_store_number(self.list[index].control, self.list[index].consumed)
        for index in range(self.count):
            ring = &self.list[index]
            probe_store_number(ring.control, ring.consumed)
            if everything and done < limit and ring.ended and <uint32_t>(ring.ended - 1) != ring.lost:
                done += self.tell_gap(ring, <uint32_t>(ring.ended - 1) - ring.lost, horizon, done)
                ring.lost = <uint32_t>(ring.ended - 1)
        return done

    cdef uint64_t tell_gap(self, Ring* ring, uint32_t count, uint64_t time, uint64_t done) noexcept nogil:
        """Both drop events of a gap, told when it is over: their times enclose it."""
        cdef uint64_t size
        size = self.decoder.gap(ring.time if ring.time else time, ring.cpu, DROP_BEGIN, count, self.target + done)
        size += self.decoder.gap(time, ring.cpu, DROP_END, count, self.target + done + size)
        return size
