# Which container a thread is in.

from libc.stdint cimport int32_t, uint8_t, uint32_t

from scapcore.state cimport State, Thread

cdef enum:
    TYPE_DOCKER = 0
    TYPE_LXC = 1
    TYPE_LIBVIRT_LXC = 2
    TYPE_MESOS = 3
    TYPE_RKT = 4
    TYPE_CRI = 6
    TYPE_BPM = 9
    TYPE_PODMAN = 11
    RKT_ID = 512        # bytes of an id of rkt at the most

cdef bint find_container_id(const uint8_t* text, uint32_t length, const uint8_t** id, uint32_t* id_size,
                            int32_t* type) noexcept nogil
cdef bint has_mesos_task(State* state, Thread* thread) noexcept nogil
cdef uint32_t find_rkt(State* state, Thread* thread, uint32_t* app_size) noexcept nogil
