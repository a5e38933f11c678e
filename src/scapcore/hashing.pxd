# Open-addressing hash table from 64-bit integers to non-zero 32-bit values; linear probing, deletion by shifting back.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy


cdef struct IntegerMap:
    int64_t* keys
    uint32_t* values
    uint32_t mask      # capacity - 1; capacity is a power of two, 0 while nothing is allocated
    uint32_t used


cdef inline uint32_t hash_integer(int64_t key) noexcept nogil:
    cdef uint64_t mixed = <uint64_t>key * <uint64_t>0x9E3779B97F4A7C15
    return <uint32_t>(mixed >> 32) ^ <uint32_t>(mixed >> 17)


cdef inline uint64_t hash_bytes(const unsigned char* data, size_t length) noexcept nogil:
    # FNV-1a by eight bytes at a time; the tables are private, so speed counts and not resistance.
    cdef uint64_t value = <uint64_t>0xCBF29CE484222325 ^ length
    cdef uint64_t word
    while length >= 8:
        memcpy(&word, data, 8)
        value = (value ^ word) * <uint64_t>0x9FB21C651E98DF25
        value ^= value >> 32
        data += 8
        length -= 8
    if length:
        word = 0
        memcpy(&word, data, length)
        value = (value ^ word) * <uint64_t>0x9FB21C651E98DF25
        value ^= value >> 32
    return value


cdef inline uint32_t map_get(const IntegerMap* table, int64_t key) noexcept nogil:
    cdef uint32_t slot
    if not table.mask:
        return 0
    slot = hash_integer(key) & table.mask
    while table.values[slot]:
        if table.keys[slot] == key:
            return table.values[slot]
        slot = (slot + 1) & table.mask
    return 0


cdef inline uint32_t* map_slot(const IntegerMap* table, int64_t key) noexcept nogil:
    """Place of the value of a key, or NULL."""
    cdef uint32_t slot
    if not table.mask:
        return NULL
    slot = hash_integer(key) & table.mask
    while table.values[slot]:
        if table.keys[slot] == key:
            return &table.values[slot]
        slot = (slot + 1) & table.mask
    return NULL


cdef inline bint map_grow(IntegerMap* table) noexcept nogil:
    cdef uint32_t capacity = (table.mask + 1) * 2 if table.mask else 8
    cdef int64_t* keys = <int64_t*>malloc(capacity * sizeof(int64_t))
    cdef uint32_t* values = <uint32_t*>calloc(capacity, sizeof(uint32_t))
    cdef uint32_t slot, place
    if keys == NULL or values == NULL:
        free(keys)
        free(values)
        return False
    if table.mask:
        for slot in range(table.mask + 1):
            if table.values[slot]:
                place = hash_integer(table.keys[slot]) & (capacity - 1)
                while values[place]:
                    place = (place + 1) & (capacity - 1)
                keys[place] = table.keys[slot]
                values[place] = table.values[slot]
        free(table.keys)
        free(table.values)
    table.keys = keys
    table.values = values
    table.mask = capacity - 1
    return True


cdef inline bint map_put(IntegerMap* table, int64_t key, uint32_t value) noexcept nogil:
    """Set a key to a non-zero value; False when memory is out."""
    cdef uint32_t slot
    if table.used * 4 >= (table.mask + 1) * 3 or not table.mask:
        if not map_grow(table):
            return False
    slot = hash_integer(key) & table.mask
    while table.values[slot]:
        if table.keys[slot] == key:
            table.values[slot] = value
            return True
        slot = (slot + 1) & table.mask
    table.keys[slot] = key
    table.values[slot] = value
    table.used += 1
    return True


cdef inline uint32_t map_remove(IntegerMap* table, int64_t key) noexcept nogil:
    """Take a key out; its former value, or 0."""
    cdef uint32_t slot, hole, home, value
    if not table.mask:
        return 0
    slot = hash_integer(key) & table.mask
    while True:
        if not table.values[slot]:
            return 0
        if table.keys[slot] == key:
            break
        slot = (slot + 1) & table.mask
    value = table.values[slot]
    hole = slot
    while True:
        slot = (slot + 1) & table.mask
        if not table.values[slot]:
            break
        home = hash_integer(table.keys[slot]) & table.mask
        if ((slot - home) & table.mask) >= ((slot - hole) & table.mask):
            table.keys[hole] = table.keys[slot]
            table.values[hole] = table.values[slot]
            hole = slot
    table.values[hole] = 0
    table.used -= 1
    return value


cdef inline bint map_copy(IntegerMap* target, const IntegerMap* source) noexcept nogil:
    """Make an empty table a copy of another one; False when memory is out."""
    cdef size_t capacity = <size_t>source.mask + 1
    target.keys = NULL
    target.values = NULL
    target.mask = 0
    target.used = 0
    if not source.mask:
        return True
    target.keys = <int64_t*>malloc(capacity * sizeof(int64_t))
    target.values = <uint32_t*>malloc(capacity * sizeof(uint32_t))
    if target.keys == NULL or target.values == NULL:
        free(target.keys)
        free(target.values)
        target.keys = NULL
        target.values = NULL
        return False
    memcpy(target.keys, source.keys, capacity * sizeof(int64_t))
    memcpy(target.values, source.values, capacity * sizeof(uint32_t))
    target.mask = source.mask
    target.used = source.used
    return True


cdef inline void map_free(IntegerMap* table) noexcept nogil:
    free(table.keys)
    free(table.values)
    table.keys = NULL
    table.values = NULL
    table.mask = 0
    table.used = 0
