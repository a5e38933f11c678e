# What the events of each type do to the tables, as tables by type.

from libc.stdint cimport uint8_t, uint16_t

from scapcore.schema.tables cimport EventType, Parameter
from scapcore.state cimport State, Step

cdef enum:
    PLAN_NO_THREAD = 1       # an event of the capture itself
    PLAN_NO_STAND_IN = 2     # its thread is looked up but never invented
    PLAN_SWITCH = 4
    PLAN_USES_FD = 8
    PLAN_HAS_FD = 16         # uses, makes or closes one
    PLAN_OLD_ENTER = 32      # an enter event that newer captures do not have
    PLAN_RESULT = 64         # an exit event whose first parameter is a result
    PLAN_CONTAINER = 128
    PLAN_SECOND_FD = 256     # its descriptor is always the one of the second parameter

    NO_FD = 255

    # Kinds of common types, see scapcore.common
    COMMON_NOT = 0
    COMMON_CALL = 1          # changes no table
    COMMON_SWITCH = 2
    COMMON_TRANSFER = 3      # an exit that changes its descriptor the first time at most

ctypedef void (*Handler)(State* state, Step* step) noexcept nogil


cdef struct TypePlan:
    Handler handler          # NULL where the tables do not change
    uint16_t bits
    uint8_t exit_fd          # of exit events: index of the descriptor parameter, NO_FD = none
    uint8_t common
    uint8_t error_mark       # MARK_ERROR where a negative first parameter tells of an error


cdef void make_plans(TypePlan* plans, const EventType* types, const Parameter* all_parameters, bint modern) noexcept nogil
