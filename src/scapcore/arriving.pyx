"""A file that is read by one thread while another one walks over what is there of it."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EINTR, errno
from libc.string cimport memset
from posix.unistd cimport pread, usleep

__all__ = ["Arriving"]

cdef enum:
    PIECE = 1 << 18
    NAP = 50                 # microseconds


cdef class Arriving:
    """The content of a file, as far as it has been read.

    Parameters
    ----------
    size : int
        Bytes of the file.

    Attributes
    ----------
    data : bytes
        The content, with anything in the place of what has not come yet.
    """

    def __cinit__(self, Py_ssize_t size):
        if size < 0:
            raise ValueError("a size is not negative")
        self.data = PyBytes_FromStringAndSize(NULL, size)
        self.size = <size_t>size

    def read(self, int descriptor):
        """Read the whole file, from its beginning, wherever its own position is. For one thread."""
        cdef char* target = PyBytes_AS_STRING(self.data)
        cdef size_t there = self.there
        cdef ssize_t count
        with nogil:
            while there < self.size:
                count = pread(descriptor, target + there, min(<size_t>PIECE, self.size - there), <ssize_t>there)
                if count < 0 and errno == EINTR:
                    continue
                if count <= 0:
                    # Nobody is to see what was in this memory before.
                    memset(target + there, 0, self.size - there)
                    break
                there += <size_t>count
                scapcore_store(&self.there, there)
            scapcore_store(&self.ended, 1)

    @property
    def whole(self):
        """bool : Whether all has come."""
        return scapcore_load(&self.there) == self.size

    def wait(self):
        """Wait until all has come, or no more comes."""
        with nogil:
            self.wait_for(self.size)

    cdef size_t wait_for(self, size_t count) noexcept nogil:
        """Wait until so many bytes are there, or no more come; how many are."""
        while scapcore_load(&self.there) < count and not scapcore_load(&self.ended):
            usleep(NAP)
        return scapcore_load(&self.there)
