# From bytes to blocks.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from scapcore.batch cimport Chunk, EventBatch
from scapcore.blocks cimport Walk
from scapcore.convert cimport Converter
from scapcore.engine cimport Engine


cdef class BlockReader:
    cdef readonly object source
    cdef readonly EventBatch batch   # the present one; reused unless somebody else keeps it
    cdef readonly Engine engine      # None while nothing asks for state
    cdef readonly dict machine
    cdef readonly list versions
    cdef readonly dict blocks        # count of blocks other than events by type
    cdef readonly bint modern
    cdef Converter converter         # None in the classic view
    cdef Walk walk
    cdef Chunk chunk
    cdef uint32_t needs
    cdef bint with_state
    cdef dict services
    cdef object directory            # what is known from outside of containers and addresses, or None
    cdef object embedded             # makes such an object of a block, or None
    cdef bint started                # a section header has been seen
    cdef bint in_events              # events of the present section have been seen
    cdef bint finished
    cdef uint64_t base               # offset of the chunk in the uncompressed capture
    cdef uint64_t next_number
    cdef uint64_t last_time          # of the last event delivered
    cdef readonly list gaps          # damage that was skipped: scapcore.damage.Gap, a thousand at the most
    cdef readonly uint64_t gap_count
    cdef readonly bint strict
    cdef bint open_gap               # a gap waits for the event behind it
    cdef bint told                   # the damage has been raised
    cdef object error                # to be raised once what came before it is delivered
    cdef object source_error         # how the bytes ended
    cdef public bint keeps_passed    # whether blocks that are no rows are kept for those who copy the capture
    cdef list passed
    cdef int open_engine(self) except -1
    cdef int keep_passed(self, const uint8_t* start, uint64_t length) except -1
    cdef bint finish(self) except -1
    cdef bint fill(self) except -1
    cdef int take_block(self) except -1
    cdef int take_list(self) except -1
    cdef int start_section(self) except -1
    cdef int no_section(self, str problem, str expected) except -1
    cdef int first_block(self) except -1
    cdef int cut(self) except -1
    cdef bint is_false_length(self) except -1
    cdef int damaged(self, str problem, str expected) except -1
    cdef int note_gap(self, error, uint64_t offset, uint64_t length) except -1
    cdef int close_gaps(self, EventBatch batch) except -1
    cdef int end_of_bytes(self) except -1
    cdef int note_source_error(self, uint64_t lost) except -1
