"""Dictionary of byte strings with reference counts; see strings.pxd. Internal to the core."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from scapcore.hashing cimport hash_bytes


cdef bint strings_open(Strings* strings) noexcept nogil:
    """Prepare an empty dictionary; False when memory is out."""
    memset(strings, 0, sizeof(Strings))
    strings.capacity = 256
    strings.rows = <Text*>calloc(strings.capacity, sizeof(Text))
    strings.slots = <uint32_t*>calloc(512, sizeof(uint32_t))
    if strings.rows == NULL or strings.slots == NULL:
        return False
    strings.mask = 511
    strings.rows[0].data = <uint8_t*>calloc(1, 1)
    strings.rows[0].references = 1
    strings.count = 1
    return strings.rows[0].data != NULL


cdef void strings_close(Strings* strings) noexcept nogil:
    cdef uint32_t row
    for row in range(strings.count):
        free(strings.rows[row].data)
    free(strings.rows)
    free(strings.slots)
    memset(strings, 0, sizeof(Strings))


cdef bint grow_slots(Strings* strings) noexcept nogil:
    cdef uint32_t mask = strings.mask * 2 + 1
    cdef uint32_t* slots = <uint32_t*>calloc(<size_t>mask + 1, sizeof(uint32_t))
    cdef uint32_t old, row, slot
    if slots == NULL:
        return False
    for old in range(strings.mask + 1):
        row = strings.slots[old]
        if row:
            slot = <uint32_t>strings.rows[row].hash & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = row
    free(strings.slots)
    strings.slots = slots
    strings.mask = mask
    return True


cdef uint32_t strings_add(Strings* strings, const uint8_t* data, size_t length) noexcept nogil:
    """Number of a text, counted one more time; 0 for the empty text and when memory is out."""
    cdef uint64_t hash
    cdef uint32_t slot, row
    cdef Text* rows
    cdef uint8_t* copy
    if length == 0:
        return 0
    hash = hash_bytes(data, length)
    slot = <uint32_t>hash & strings.mask
    while strings.slots[slot]:
        row = strings.slots[slot]
        if (strings.rows[row].hash == hash and strings.rows[row].length == length
                and memcmp(strings.rows[row].data, data, length) == 0):
            strings.rows[row].references += 1
            return row
        slot = (slot + 1) & strings.mask
    copy = <uint8_t*>malloc(length + 1)
    if copy == NULL:
        return 0
    if strings.free_row:
        row = strings.free_row
        strings.free_row = strings.rows[row].length
    else:
        if strings.count == strings.capacity:
            rows = <Text*>realloc(strings.rows, <size_t>strings.capacity * 2 * sizeof(Text))
            if rows == NULL:
                free(copy)
                return 0
            strings.rows = rows
            strings.capacity *= 2
        row = strings.count
        strings.count += 1
    memcpy(copy, data, length)
    copy[length] = 0
    strings.rows[row].data = copy
    strings.rows[row].length = <uint32_t>length
    strings.rows[row].references = 1
    strings.rows[row].hash = hash
    strings.slots[slot] = row
    strings.used += 1
    if strings.used * 4 >= strings.mask * 3:
        grow_slots(strings)
    return row


cdef void strings_drop_last(Strings* strings, uint32_t row) noexcept nogil:
    """Forget a text that nobody refers to any more."""
    cdef uint32_t slot, hole, home, other
    slot = <uint32_t>strings.rows[row].hash & strings.mask
    while strings.slots[slot] != row:
        slot = (slot + 1) & strings.mask
    hole = slot
    while True:
        slot = (slot + 1) & strings.mask
        other = strings.slots[slot]
        if not other:
            break
        home = <uint32_t>strings.rows[other].hash & strings.mask
        if ((slot - home) & strings.mask) >= ((slot - hole) & strings.mask):
            strings.slots[hole] = other
            hole = slot
    strings.slots[hole] = 0
    strings.used -= 1
    free(strings.rows[row].data)
    strings.rows[row].data = NULL
    strings.rows[row].length = strings.free_row
    strings.free_row = row
