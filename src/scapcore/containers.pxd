# Container ids from control groups, and the table of containers.

from libc.stdint cimport int32_t, uint8_t, uint32_t

from scapcore.state cimport ContainerRow, ControlGroups, State, Step, Thread

cdef ControlGroups* find_control_groups(State* state, const uint8_t* data, uint32_t length) noexcept nogil
cdef void keep_control_groups(State* state, const uint8_t* data, uint32_t length, uint32_t shown) noexcept nogil
cdef void resolve_container(State* state, Thread* thread) noexcept nogil
cdef uint32_t container_new(State* state, const uint8_t* id, uint32_t length) noexcept nogil
cdef void on_cluster_event(State* state, Step* step) noexcept nogil
cdef void refresh_pods(State* state) noexcept nogil
cdef bint on_container_event(State* state, Step* step) noexcept nogil
cdef uint32_t container_thread(State* state, uint32_t container) noexcept nogil
