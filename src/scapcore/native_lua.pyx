"""The walk over events as functions of Lua's own kind.

An interpreter of Lua that runs without its compiler calls foreign functions slowly and its own kind fast. It finds one
function, ``scappy_lua_open``, in the shared library of this module by name, and calls it once, before any script; what that
gives are closures, each with the walk that it belongs to inside. So there is nothing to which a script could pass an address.
The functions of the interpreter itself are given by address, since the interpreter may be any of several libraries.
"""

from libc.stdint cimport uintptr_t

from scapcore.cursor cimport *

cdef extern from *:
    """
    #if defined(_WIN32)
    #define SCAPPY_SHOWN __declspec(dllexport)
    #else
    #define SCAPPY_SHOWN __attribute__((visibility("default")))
    #endif
    static int (*scappy_lua_opener)(void* state) = 0;
    SCAPPY_SHOWN int scappy_lua_open(void* state);
    SCAPPY_SHOWN int scappy_lua_open(void* state) { return scappy_lua_opener ? scappy_lua_opener(state) : 0; }
    """
    int (*scappy_lua_opener)(void* state) noexcept nogil

cdef enum:
    # Of Lua 5.1
    LUA_NONE = -1
    LUA_NIL = 0
    LUA_NUMBER = 3
    FIRST_UPVALUE = -10003

ctypedef int (*LuaFunction)(void* state) noexcept nogil

cdef struct Lua:
    double (*to_number)(void* state, int index) noexcept nogil
    void* (*to_pointer)(void* state, int index) noexcept nogil
    int (*type)(void* state, int index) noexcept nogil
    void (*push_number)(void* state, double number) noexcept nogil
    void (*push_boolean)(void* state, int truth) noexcept nogil
    void (*push_nil)(void* state) noexcept nogil
    void (*push_text)(void* state, const char* data, size_t length) noexcept nogil
    void (*push_pointer)(void* state, void* pointer) noexcept nogil
    void (*push_closure)(void* state, LuaFunction function, int upvalues) noexcept nogil
    int (*error)(void* state) noexcept nogil

cdef Lua lua

#: What :func:`bind` needs, in this order.
FUNCTIONS = (
    "lua_tonumber", "lua_touserdata", "lua_type", "lua_pushnumber", "lua_pushboolean", "lua_pushnil", "lua_pushlstring",
    "lua_pushlightuserdata", "lua_pushcclosure", "lua_error",
)


cdef struct Calls:
    void* cursor
    const Shared* shared
    const char* room
    int (*step)(void* cursor) noexcept nogil
    int (*take)(void* cursor, int index) noexcept nogil
    void (*place)(void* cursor) noexcept nogil
    void (*accept)(void* cursor, double before) noexcept nogil
    bint here                # there is an event that may be looked at


def bind(*addresses):
    """Tell where the functions of the interpreter are, see :data:`FUNCTIONS`. Internal to the library."""
    cdef uintptr_t[10] at
    cdef int index
    if len(addresses) != 10 or not all(addresses):
        raise ValueError(f"these are not {len(FUNCTIONS)} addresses")
    for index in range(10):
        at[index] = addresses[index]
    lua.to_number = <double (*)(void*, int) noexcept nogil>at[0]
    lua.to_pointer = <void* (*)(void*, int) noexcept nogil>at[1]
    lua.type = <int (*)(void*, int) noexcept nogil>at[2]
    lua.push_number = <void (*)(void*, double) noexcept nogil>at[3]
    lua.push_boolean = <void (*)(void*, int) noexcept nogil>at[4]
    lua.push_nil = <void (*)(void*) noexcept nogil>at[5]
    lua.push_text = <void (*)(void*, const char*, size_t) noexcept nogil>at[6]
    lua.push_pointer = <void (*)(void*, void*) noexcept nogil>at[7]
    lua.push_closure = <void (*)(void*, LuaFunction, int) noexcept nogil>at[8]
    lua.error = <int (*)(void*) noexcept nogil>at[9]


cdef class LuaCalls:
    """The functions of one cursor for one interpreter, which must not outlive this object. Internal to the library.

    Parameters
    ----------
    cursor : EventCursor
        The walk.
    """

    cdef Calls calls
    cdef object cursor

    def __init__(self, cursor):
        cdef dict addresses = cursor.addresses
        self.cursor = cursor
        self.calls.cursor = <void*><uintptr_t>addresses["cursor"]
        self.calls.shared = <const Shared*><uintptr_t>addresses["shared"]
        self.calls.room = <const char*><uintptr_t>addresses["room"]
        self.calls.step = <int (*)(void*) noexcept nogil><uintptr_t>addresses["step"]
        self.calls.take = <int (*)(void*, int) noexcept nogil><uintptr_t>addresses["take"]
        self.calls.place = <void (*)(void*) noexcept nogil><uintptr_t>addresses["place"]
        self.calls.accept = <void (*)(void*, double) noexcept nogil><uintptr_t>addresses["accept"]

    @property
    def address(self):
        """int : What ``scappy_lua_open`` takes; valid while this object lives."""
        return <uintptr_t>&self.calls

    def enter(self):
        """There is an event at hand, to which the cursor went by itself."""
        self.calls.here = True

    def leave(self):
        """There is no event at hand any more: its batch goes away."""
        self.calls.here = False


cdef inline Calls* calls_of(void* state) noexcept nogil:
    return <Calls*>lua.to_pointer(state, FIRST_UPVALUE)


cdef int fail(void* state, const char* words, size_t length) noexcept nogil:
    lua.push_text(state, words, length)
    return lua.error(state)


cdef int native_step(void* state) noexcept nogil:
    cdef Calls* calls = calls_of(state)
    cdef int what = calls.step(calls.cursor)
    if what != STEP_DONE:
        calls.here = True
    lua.push_number(state, what)
    return 1


cdef int native_field(void* state) noexcept nogil:
    cdef Calls* calls = calls_of(state)
    cdef int type = lua.type(state, 1)
    cdef double handle
    cdef int taken
    if not calls.here:
        return fail(state, b"invalid call to evt.field()", 27)
    if type != LUA_NUMBER:
        if type != LUA_NIL and type != LUA_NONE:
            return fail(state, b"evt.field() takes what chisel.request_field() gave", 50)
        lua.push_nil(state)
        return 1
    handle = lua.to_number(state, 1)
    # No number (NaN) is refused, too.
    if not (-1 <= handle < MOST_FIELDS):
        return fail(state, b"evt.field() takes what chisel.request_field() gave", 50)
    taken = calls.take(calls.cursor, <int>handle)
    if taken >= 0:
        lua.push_text(state, calls.room, taken)
    elif taken == TAKE_NUMBER:
        lua.push_number(state, calls.shared.number)
    elif taken == TAKE_TRUE or taken == TAKE_FALSE:
        lua.push_boolean(state, taken == TAKE_TRUE)
    elif taken == TAKE_LONG:
        lua.push_text(state, <const char*>calls.shared.data, <size_t>calls.shared.length)
    else:
        lua.push_nil(state)
    return 1


cdef int native_place(void* state) noexcept nogil:
    cdef Calls* calls = calls_of(state)
    if not calls.here:
        lua.push_nil(state)
        return 1
    calls.place(calls.cursor)
    lua.push_number(state, calls.shared.event)
    lua.push_number(state, calls.shared.seconds)
    lua.push_number(state, calls.shared.nanoseconds)
    lua.push_number(state, calls.shared.cpu)
    return 4


cdef int native_interval(void* state) noexcept nogil:
    cdef Calls* calls = calls_of(state)
    lua.push_number(state, calls.shared.seconds)
    lua.push_number(state, calls.shared.nanoseconds)
    lua.push_number(state, calls.shared.delta)
    return 3


cdef int native_accept(void* state) noexcept nogil:
    cdef Calls* calls = calls_of(state)
    if calls.here:
        calls.accept(calls.cursor, lua.to_number(state, 1))
    return 0


cdef void push(void* state, Calls* calls, LuaFunction function) noexcept nogil:
    lua.push_pointer(state, calls)
    lua.push_closure(state, function, 1)


cdef int native_open(void* state) noexcept nogil:
    cdef Calls* calls = <Calls*><uintptr_t>lua.to_number(state, 1)
    push(state, calls, native_step)
    push(state, calls, native_field)
    push(state, calls, native_place)
    push(state, calls, native_interval)
    push(state, calls, native_accept)
    return 5


scappy_lua_opener = native_open
