# Memory that somebody else looks at: buffers which own what they show.

from libc.stdint cimport int32_t, uint8_t

from scapcore.batch cimport Chunk
from scapcore.buffer cimport Buffer


cdef class Memory:
    cdef void* place
    cdef Py_ssize_t size
    cdef Py_ssize_t shape[1]


cdef class Window:
    cdef Chunk chunk
    cdef const void* place
    cdef Py_ssize_t size
    cdef Py_ssize_t shape[1]


cdef Memory take_over(void** place, size_t size)
cdef Window look_at(Chunk chunk, const void* place, size_t size)
cdef void* more_room(void* place, size_t wanted) noexcept nogil
cdef Memory buffer_of(Buffer* buffer)
cdef Memory packed(const uint8_t* bytes, size_t count)
cdef object packed_signs(int32_t* codes, size_t count, size_t* missing)
