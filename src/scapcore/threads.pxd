# What process events do to the tables.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from scapcore.events cimport Event
from scapcore.state cimport State, Step, Thread

cdef void on_clone_exit(State* state, Step* step) noexcept nogil
cdef void on_execve_exit(State* state, Step* step) noexcept nogil
cdef void on_process_exit(State* state, Step* step) noexcept nogil
cdef void on_switch(State* state, Step* step) noexcept nogil
cdef void on_memory_exit(State* state, Step* step) noexcept nogil
cdef void on_directory_exit(State* state, Step* step) noexcept nogil
cdef void on_chroot_exit(State* state, Step* step) noexcept nogil
cdef void on_identity_exit(State* state, Step* step) noexcept nogil
cdef void on_limit_exit(State* state, Step* step) noexcept nogil
cdef void set_directory(State* state, Thread* thread, const uint8_t* path, uint32_t length) noexcept nogil
cdef void set_cgroups(State* state, Thread* thread, const uint8_t* data, uint32_t length) noexcept nogil
cdef void set_arguments(State* state, uint32_t* place, const uint8_t* data, uint32_t length) noexcept nogil
cdef void set_environment(State* state, uint32_t* place, const uint8_t* data, uint32_t length) noexcept nogil
cdef void take_identity(State* state, Step* step, uint32_t id) noexcept nogil
cdef void text_from(State* state, uint32_t* place, const Event* event, uint32_t index) noexcept nogil
