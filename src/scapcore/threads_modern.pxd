# What process events do to the tables under the newest libraries' rules.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from scapcore.state cimport State, Step, Thread, ThreadRow

cdef void on_modern_clone(State* state, Step* step) noexcept nogil
cdef void on_modern_execve(State* state, Step* step) noexcept nogil
cdef void on_modern_end(State* state, Step* step) noexcept nogil
cdef void on_modern_limit(State* state, Step* step) noexcept nogil
cdef void on_modern_identity(State* state, Step* step) noexcept nogil
cdef void on_modern_memory(State* state, Step* step) noexcept nogil
cdef void on_modern_namespace(State* state, Step* step) noexcept nogil
cdef void on_modern_control(State* state, Step* step) noexcept nogil
cdef uint32_t directory_for(State* state, Step* step, const uint8_t* path, uint32_t length, int64_t dirfd,
                            uint8_t* target) noexcept nogil
cdef uint32_t directory_of_thread(State* state, Thread* thread, uint8_t* target) noexcept nogil
cdef void keep_exepath(State* state, ThreadRow* row, const uint8_t* path, uint32_t length) noexcept nogil
