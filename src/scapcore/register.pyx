"""Which objects of an outlined text have a text at some place: a hash table over the texts where they stand."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp

from scapcore.hashing cimport hash_bytes
from scapcore.outline cimport SPOT_ESCAPED, SPOT_TEXT, Outline, Spot, Spots

cdef extern from *:
    """
    #ifdef __GNUC__
    #define scapcore_fetch(place) __builtin_prefetch(place)
    #else
    #define scapcore_fetch(place) ((void)(place))
    #endif
    """
    void scapcore_fetch(const void* place) nogil

cdef enum:
    AHEAD = 12

__all__ = ["Register"]


cdef struct Entry:
    const uint8_t* text
    size_t length
    uint32_t hash
    uint32_t next            # one more than the next entry of that text, 0 for the last
    uint32_t last            # of the first entry: the last one of that text
    uint32_t record


cdef class Register:
    """The objects of an outline by what stands in them.

    Parameters
    ----------
    outline : Outline
    column : int
        Of the outline; what is no text is passed over, and so are empty texts.
    after : str
        Only what comes behind the last of these counts, where a text has them.
    most : int
        How many bytes of that count, 0 for all.

    Attributes
    ----------
    shared : bool
        Whether several objects have a text in common.

    Examples
    --------
    >>> from scapcore.outline import outline
    >>> found = outline(b'{"kind": "Pod"} {"kind": "Node"} {"kind": "Pod"}', [(True, [("kind",)])])
    >>> Register(found, 0).find("Pod")
    [0, 2]
    """

    cdef Outline outline
    cdef Entry* entries
    cdef uint32_t count
    cdef uint32_t* slots         # one more than the first entry of a text, 0 for none
    cdef uint32_t mask
    cdef list written            # texts that were written in another way
    cdef readonly bint shared

    def __init__(self, Outline outline not None, int column, str after="", size_t most=0):
        cdef Spots* spots = outline.spots_of(column)
        cdef const uint8_t* text = <const uint8_t*>PyBytes_AS_STRING(outline.data)
        cdef bytes behind = after.encode()
        cdef const uint8_t* mark = <const uint8_t*>PyBytes_AS_STRING(behind)
        cdef size_t mark_length = <size_t>PyBytes_GET_SIZE(behind)
        cdef size_t index
        cdef const Spot* spot
        if self.entries != NULL:
            raise RuntimeError("a register is made once")
        self.outline = outline
        self.written = []
        self.mask = 15
        while self.mask < 2 * spots.count:
            self.mask = 2 * self.mask + 1
        self.entries = <Entry*>malloc((spots.count + 1) * sizeof(Entry))
        self.slots = <uint32_t*>calloc(<size_t>self.mask + 1, sizeof(uint32_t))
        if self.entries == NULL or self.slots == NULL:
            raise MemoryError
        for index in range(spots.count):
            spot = &spots.items[index]
            # The texts lie far apart.
            if index + AHEAD < spots.count and spots.items[index + AHEAD].kind == SPOT_TEXT:
                scapcore_fetch(text + spots.items[index + AHEAD].start)
            if spot.kind == SPOT_TEXT:
                self.add(text + spot.start, <size_t>spot.length, mark, mark_length, most, <uint32_t>spot.record)
            elif spot.kind == SPOT_ESCAPED:
                other = outline.text_of(spot).encode("utf-8", "surrogatepass")
                self.written.append(other)
                self.add(<const uint8_t*>PyBytes_AS_STRING(other), <size_t>PyBytes_GET_SIZE(other), mark, mark_length, most,
                         <uint32_t>spot.record)

    def __dealloc__(self):
        free(self.entries)
        free(self.slots)

    cdef void add(self, const uint8_t* text, size_t length, const uint8_t* mark, size_t mark_length, size_t most,
                  uint32_t record) noexcept nogil:
        cdef Entry* entry = &self.entries[self.count]
        cdef Entry* first
        cdef uint32_t* slot
        cdef size_t place = length
        if mark_length:
            while place >= mark_length and (
                text[place - 1] != mark[mark_length - 1] or memcmp(text + place - mark_length, mark, mark_length) != 0
            ):
                place -= 1
            if place >= mark_length:
                text += place
                length -= place
        if most and length > most:
            length = most
        if not length:
            return
        entry.text = text
        entry.length = length
        entry.hash = <uint32_t>hash_bytes(text, length)
        entry.next = 0
        entry.last = self.count
        entry.record = record
        slot = self.slot_of(text, length, entry.hash)
        if slot[0]:
            first = &self.entries[slot[0] - 1]
            self.shared |= self.entries[first.last].record != record
            self.entries[first.last].next = self.count + 1
            first.last = self.count
        else:
            slot[0] = self.count + 1
        self.count += 1

    cdef uint32_t* slot_of(self, const uint8_t* text, size_t length, uint32_t hash) noexcept nogil:
        """Where the first entry of a text is told, or would be."""
        cdef uint32_t place = hash & self.mask
        cdef const Entry* entry
        while self.slots[place]:
            entry = &self.entries[self.slots[place] - 1]
            if entry.hash == hash and entry.length == length and memcmp(entry.text, text, length) == 0:
                break
            place = (place + 1) & self.mask
        return &self.slots[place]

    def find(self, str text not None):
        """Numbers of the objects that have a text, in their order.

        Returns
        -------
        list of int
        """
        cdef bytes wanted = text.encode("utf-8", "surrogatepass")
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(wanted)
        cdef size_t length = <size_t>PyBytes_GET_SIZE(wanted)
        cdef uint32_t number = self.slot_of(data, length, <uint32_t>hash_bytes(data, length))[0]
        found = []
        while number:
            found.append(self.entries[number - 1].record)
            number = self.entries[number - 1].next
        return found if len(found) < 2 else list(dict.fromkeys(found))
