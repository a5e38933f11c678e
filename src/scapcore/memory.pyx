"""Memory that somebody else looks at: buffers which own what they show. Internal to the core."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_WRITABLE
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport Chunk
from scapcore.buffer cimport Buffer, reserve

cdef extern from "<stdlib.h>" nogil:
    int posix_memalign(void** place, size_t alignment, size_t size)

cdef extern from *:
    """
    #include <sys/mman.h>
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23      /* Linux 5.14; older ones refuse it, which does no harm */
    #endif
    #define ask_for_pages(place, size) ((void)madvise((place), (size), MADV_POPULATE_WRITE))
    """
    void ask_for_pages(void* place, size_t size) nogil

cdef char* BYTE_FORMAT = b"B"
cdef size_t PAGE = 4096
cdef size_t MANY_PAGES = 1 << 17


cdef void describe(Py_buffer* buffer, int flags, void* place, Py_ssize_t* shape, bint readonly) noexcept:
    """Fill in a view of bytes in a row; `shape` holds how many and lives as long as their owner."""
    buffer.buf = place
    buffer.len = shape[0]
    buffer.itemsize = 1
    buffer.readonly = readonly
    buffer.ndim = 1
    buffer.format = BYTE_FORMAT if flags & PyBUF_FORMAT else <char*>NULL
    buffer.shape = shape if flags & PyBUF_ND else <Py_ssize_t*>NULL
    buffer.strides = NULL
    buffer.suboffsets = NULL
    buffer.internal = NULL


cdef class Memory:
    """Memory of `malloc` that arrays look at, given back with the last of them."""

    def __dealloc__(self):
        free(self.place)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        self.shape[0] = self.size
        buffer.obj = self
        describe(buffer, flags, self.place, &self.shape[0], False)


cdef class Window:
    """A part of the bytes of a capture: they stay as they are for as long as anybody looks at them."""

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the bytes of a capture cannot be written")
        self.shape[0] = self.size
        buffer.obj = self
        describe(buffer, flags, <void*>self.place, &self.shape[0], True)


cdef Memory take_over(void** place, size_t size):
    """Own memory of `malloc`; the pointer to it is cleared."""
    cdef Memory memory = Memory()
    memory.place = place[0]
    memory.size = <Py_ssize_t>size
    place[0] = NULL
    return memory


cdef Window look_at(Chunk chunk, const void* place, size_t size):
    """Show a part of a chunk's bytes."""
    cdef Window window = Window()
    window.chunk = chunk
    window.place = place
    window.size = <Py_ssize_t>size
    return window


cdef void* more_room(void* place, size_t wanted) noexcept nogil:
    """Memory with more room and the same content, NULL when it is out (the old memory stays then).

    The pages of what is new and large are asked for at once, which takes far less time than a fault for each.
    """
    cdef void* fresh
    if place != NULL or wanted < MANY_PAGES:
        return realloc(place, wanted)
    if posix_memalign(&fresh, PAGE, wanted) != 0:
        return NULL
    ask_for_pages(fresh, wanted & ~(PAGE - 1))
    return fresh


cdef Memory buffer_of(Buffer* buffer):
    """Own what a buffer holds; it is empty then."""
    cdef void* place
    cdef size_t used = buffer.used
    cdef Memory memory
    if not reserve(buffer, 1):      # consumers want a place even for no bytes
        raise MemoryError
    place = buffer.data
    memory = take_over(&place, used)
    memset(buffer, 0, sizeof(Buffer))
    return memory


cdef Memory packed(const uint8_t* bytes, size_t count):
    """Bytes that are 0 or 1 as bits, the first one lowest."""
    cdef size_t size = (count + 7) // 8
    cdef void* place = malloc(size + 8)
    cdef uint8_t* bits = <uint8_t*>place
    cdef uint64_t eight
    cdef size_t index, left
    if place == NULL:
        raise MemoryError
    for index in range(count // 8):
        # One multiplication moves the eight lowest bits next to each other.
        memcpy(&eight, bytes + 8 * index, 8)
        bits[index] = <uint8_t>((eight * <uint64_t>0x0102040810204080ULL) >> 56)
    if count % 8:
        bits[size - 1] = 0
        for left in range(count % 8):
            bits[size - 1] |= <uint8_t>(bytes[(size - 1) * 8 + left] << left)
    return take_over(&place, size)


cdef object packed_signs(int32_t* codes, size_t count, size_t* missing):
    """Which codes are not negative, as bits, the first one lowest; None if all are. The others are made 0."""
    cdef size_t size = (count + 7) // 8
    cdef void* place
    cdef uint8_t* bits
    cdef uint32_t signs = 0
    cdef uint32_t byte
    cdef size_t index, step, end, negative = 0
    for index in range(count):
        signs |= <uint32_t>codes[index]
    missing[0] = 0
    if not signs >> 31:
        return None
    place = malloc(size + 8)
    if place == NULL:
        raise MemoryError
    bits = <uint8_t*>place
    for index in range(size):
        byte = 0
        end = 8 if 8 * index + 8 <= count else count - 8 * index
        for step in range(end):
            signs = <uint32_t>codes[8 * index + step] >> 31
            negative += signs
            byte |= (signs ^ 1) << step
            codes[8 * index + step] = <int32_t>(<uint32_t>codes[8 * index + step] & (signs - 1))
        bits[index] = <uint8_t>byte
    missing[0] = negative
    return take_over(&place, size)
