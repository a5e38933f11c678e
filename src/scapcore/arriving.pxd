# A file that is read by one thread while another one walks over what is there of it.

cdef extern from *:
    """
    #include <stddef.h>
    #define scapcore_load(place) __atomic_load_n((place), __ATOMIC_ACQUIRE)
    #define scapcore_store(place, value) __atomic_store_n((place), (value), __ATOMIC_RELEASE)
    """
    size_t scapcore_load(size_t* place) nogil
    void scapcore_store(size_t* place, size_t value) nogil


cdef class Arriving:
    cdef readonly bytes data
    cdef size_t size
    cdef size_t there            # bytes that have been read
    cdef size_t ended            # 1 when no more come
    cdef size_t wait_for(self, size_t count) noexcept nogil
