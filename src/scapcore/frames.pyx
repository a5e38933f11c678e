"""Blocks in a growing buffer: their frames, whatever is in them.

A block (scap format, section 1.1) is its type, its length, what it says, padding to four bytes, and its length again.
:class:`BlockBuffer` writes that around what is put into it, and copies blocks of other buffers.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.events cimport load32

from scapcore.errors import ScapError


cdef class BlockBuffer:
    """Holds blocks one after another.

    A call that raises leaves the buffer as it was before. A buffer belongs to one thread at a time.

    Parameters
    ----------
    capacity : int, default 65536
        First size of the buffer in bytes; it grows as needed.
    """

    def __cinit__(self, size_t capacity=65536):
        self.capacity = capacity if capacity > 256 else 256
        self.size = 0
        self.data = <uint8_t*> malloc(self.capacity)
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.size

    def take(self):
        """The encoded blocks; the buffer is empty afterwards.

        Returns
        -------
        bytes
        """
        taken = PyBytes_FromStringAndSize(<char*> self.data, self.size)
        self.size = 0
        return taken

    cdef int reserve(self, size_t more) except -1:
        cdef size_t wanted = self.size + more
        cdef size_t capacity = self.capacity
        cdef uint8_t* data
        if wanted <= capacity:
            return 0
        while capacity < wanted:
            capacity += capacity >> 1
        data = <uint8_t*> realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.capacity = capacity
        return 0

    cdef int put(self, const void* source, size_t count) except -1:
        self.reserve(count)
        memcpy(self.data + self.size, source, count)
        self.size += count
        return 0

    cdef int put_u8(self, uint8_t value) except -1:
        self.reserve(1)
        self.data[self.size] = value
        self.size += 1
        return 0

    cdef int put_u16(self, uint16_t value) except -1:
        self.reserve(2)
        store16(self.data + self.size, value)
        self.size += 2
        return 0

    cdef int put_u32(self, uint32_t value) except -1:
        self.reserve(4)
        store32(self.data + self.size, value)
        self.size += 4
        return 0

    cdef int put_u64(self, uint64_t value) except -1:
        self.reserve(8)
        store64(self.data + self.size, value)
        self.size += 8
        return 0

    cdef size_t begin_block(self, uint32_t block_type) except? 0:
        cdef size_t start = self.size
        self.reserve(8)
        store32(self.data + start, block_type)
        self.size += 8
        return start

    cdef int end_block(self, size_t start) except -1:
        """Pad to four bytes, write the trailer and both lengths."""
        cdef size_t padding = (4 - (self.size - start) % 4) % 4
        cdef size_t total = self.size - start + padding + 4
        if total > LIMIT_BLOCK:
            raise ScapError(f"a block of {total} bytes does not fit the format")
        self.reserve(padding + 4)
        memset(self.data + self.size, 0, padding)
        self.size += padding + 4
        store32(self.data + self.size - 4, total)
        store32(self.data + start + 4, total)
        return 0

    def append(self, blocks):
        """Copy complete blocks, byte for byte.

        Parameters
        ----------
        blocks : bytes-like
            One or more blocks. The frame of each is checked, its content is not.

        Raises
        ------
        ScapError
            The bytes are not a sequence of whole blocks.
        """
        cdef const uint8_t[::1] source = memoryview(blocks).cast("B")
        cdef size_t total = source.shape[0]
        cdef size_t offset = 0
        cdef size_t length
        if total == 0:
            return
        with nogil:
            while offset < total:
                length = whole_block(&source[0], total, offset)
                if length == 0:
                    break
                offset += length
        if offset < total:
            raise ScapError(f"no whole block at byte {offset} of {total}")
        self.put(&source[0], total)

    def append_selected(self, source, const int64_t[::1] offsets):
        """Copy some of the blocks of a buffer, byte for byte.

        Parameters
        ----------
        source : bytes-like
            The blocks to choose from.
        offsets : array of int64, shape (n,)
            Where the wanted blocks begin in `source`, in the order of writing.

        Raises
        ------
        ScapError
            There is no whole block at one of the offsets.
        """
        cdef const uint8_t[::1] octets_view = memoryview(source).cast("B")
        cdef size_t total = octets_view.shape[0]
        cdef const uint8_t* begin
        cdef Py_ssize_t index, count = offsets.shape[0]
        cdef size_t length, offset, wanted = 0
        cdef uint8_t* place
        if count == 0:
            return
        if total == 0:
            raise ScapError(f"no whole block at byte {offsets[0]} of 0")
        begin = &octets_view[0]
        with nogil:
            for index in range(count):
                length = whole_block(begin, total, <size_t> offsets[index])
                if length == 0:
                    break
                wanted += length
            else:
                index = count
        if index < count:
            raise ScapError(f"no whole block at byte {offsets[index]} of {total}")
        self.reserve(wanted)
        place = self.data + self.size
        with nogil:
            for index in range(count):
                offset = <size_t> offsets[index]
                length = load32(begin + offset + 4)
                memcpy(place, begin + offset, length)
                place += length
        self.size += wanted


cdef size_t whole_block(const uint8_t* data, size_t total, size_t offset) noexcept nogil:
    """Length of the block at `offset`, 0 if its frame is not in order."""
    cdef size_t length
    if offset > total or total - offset < 12:
        return 0
    length = load32(data + offset + 4)
    if length < 12 or length % 4 or length > total - offset or load32(data + offset + length - 4) != length:
        return 0
    return length
