# What events on files and other plain descriptors do to the tables.

from scapcore.state cimport State, Step

cdef void on_open_exit(State* state, Step* step) noexcept nogil
cdef void on_close_enter(State* state, Step* step) noexcept nogil
cdef void on_close_exit(State* state, Step* step) noexcept nogil
cdef void on_close_range_exit(State* state, Step* step) noexcept nogil
cdef void on_pipe_exit(State* state, Step* step) noexcept nogil
cdef void on_dup_exit(State* state, Step* step) noexcept nogil
cdef void on_fcntl_exit(State* state, Step* step) noexcept nogil
cdef void on_special_exit(State* state, Step* step, int type) noexcept nogil
cdef void on_pidfd_getfd_exit(State* state, Step* step) noexcept nogil
