"""JSON texts outlined: where the objects in them begin and end, and what stands at a few places in each, with no object built.

The whole text is checked while it is walked, so that what is cut out of it later is whole. What is not of the plain
form, objects one behind another or in the array ``items`` of one, is left to a parser.
"""

from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memset

from scapcore.arriving cimport Arriving
from scapcore.json_scan cimport (MOST_DEPTH, Piece, digits, first_bytes, pass_blanks, pass_number, pass_part, pass_value, pass_word,
                                  take_key, take_string)

import json
from array import array

__all__ = ["ANY", "ELEMENTS", "Outline", "outline"]

#: Steps of a path: the elements of an array, and the value of any key that no other path names.
ELEMENTS, ANY = "[]", "*"

cdef enum:
    MOST_NODES = 120
    MOST_DIGITS = 18        # of integers that are wanted
    MOST_OBJECT = 1 << 16   # bytes that are waited for before an object, as few are larger
    NOWHERE = 0     # no path leads on from here
    ROOT = 1
    OWN = -1        # stands for a place where objects of their own are


cdef struct Object:
    Py_ssize_t start
    Py_ssize_t end
    Py_ssize_t parent


cdef struct Node:
    int key_at             # where its key stands among all keys, -1 for those of ELEMENTS and ANY
    int key_length
    int sibling
    int child
    int elements
    int any_key
    int column             # -1 if nothing is wanted here
    uint64_t first         # bytes of its key


cdef class Outline:
    """Where the objects of a text are, and what was found in them.

    Attributes
    ----------
    starts, ends : array of int
        Of the objects in the text.
    parents : array of int
        For what is in the array ``items`` of another object the number of that, else -1.
    """

    def __cinit__(self):
        memset(self.spots, 0, sizeof(self.spots))

    def __dealloc__(self):
        cdef int column
        for column in range(self.column_count):
            free(self.spots[column].items)

    cdef object text_of(self, const Spot* spot):
        if spot.kind == SPOT_ESCAPED:
            # With its quotation marks
            quoted = self.data[spot.start - 1 : spot.start + spot.length + 1]
            return json.loads(quoted.decode("utf-8", "replace"))
        return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(self.data) + spot.start, spot.length, b"replace")

    cdef object value_of(self, const Spot* spot):
        if spot.kind == SPOT_NUMBER:
            return spot.start
        if spot.kind == SPOT_TRUE:
            return True
        return None if spot.kind == SPOT_NONE else self.text_of(spot)

    cdef Spots* spots_of(self, int column) except NULL:
        if not 0 <= column < self.column_count:
            raise IndexError(column)
        return &self.spots[column]

    def column(self, int column):
        """What was found at the paths of a column.

        Returns
        -------
        list or tuple of two lists
            For a column of single texts one for each object, None where there is none; for one of several values the
            numbers of objects, and the values, which are texts, integers, or True for what is true or an object with
            something in it.
        """
        cdef Spots* spots = self.spots_of(column)
        cdef const char* text = PyBytes_AS_STRING(self.data)
        cdef const Spot* spot
        cdef const Spot* last = NULL
        cdef size_t index
        values = []
        value = None
        for index in range(spots.count):
            spot = &spots.items[index]
            # Neighbours mostly share names of kinds and namespaces.
            if last == NULL or spot.kind != SPOT_TEXT or last.kind != SPOT_TEXT or spot.length != last.length or memcmp(
                text + spot.start, text + last.start, spot.length
            ):
                value = self.value_of(spot)
            last = spot
            values.append(value)
        return values if spots.single else ([spots.items[index].record for index in range(spots.count)], values)

    @property
    def columns(self):
        """list : All of them, as :meth:`column` gives each."""
        return [self.column(column) for column in range(self.column_count)]

    def single(self, int column, Py_ssize_t record):
        """The text of one object in a column of single texts; None if there is none."""
        cdef Spots* spots = self.spots_of(column)
        if not spots.single or not 0 <= record < <Py_ssize_t>spots.count:
            raise IndexError(record)
        return self.value_of(&spots.items[record])

    def without(self, int column):
        """Numbers of the objects in which nothing was found.

        Returns
        -------
        list of int
        """
        cdef Spots* spots = self.spots_of(column)
        cdef size_t index
        cdef uint8_t[::1] there = bytearray(len(self.starts))
        cdef Py_ssize_t record
        for index in range(spots.count):
            there[spots.items[index].record] = spots.items[index].kind != SPOT_NONE
        found = []
        for record in range(there.shape[0]):
            if not there[record]:
                found.append(record)
        return found


cdef class _Walk:
    cdef bytes data
    cdef Arriving arriving      # None if all of the text is there
    cdef size_t there           # how much of it
    cdef const unsigned char* text
    cdef const unsigned char* end
    cdef Node nodes[MOST_NODES]
    cdef int used
    cdef bytes keys
    cdef const char* key_text
    cdef Outline found
    cdef Spots* spots
    cdef Object* objects
    cdef Py_ssize_t count
    cdef Py_ssize_t capacity
    cdef bint failed            # memory is out

    def __init__(self, bytes data, columns, Arriving arriving=None):
        self.data = data
        self.arriving = arriving
        self.there = 0 if arriving is not None else <size_t>PyBytes_GET_SIZE(data)
        self.text = <const unsigned char*>PyBytes_AS_STRING(data)
        self.end = self.text + PyBytes_GET_SIZE(data)
        self.keys = b""
        self.used = ROOT + 1
        self.nodes[ROOT] = Node(-1, 0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, -1, 0)
        self.found = Outline()
        self.found.data = data
        self.spots = self.found.spots
        for column, (single, paths) in enumerate(columns):
            if column == MOST_COLUMNS:
                raise ValueError("too many columns")
            self.spots[column].single = single
            self.found.column_count += 1
            for path in paths:
                self.add(path, column)
        self.key_text = PyBytes_AS_STRING(self.keys)

    def __dealloc__(self):
        free(self.objects)

    cdef int add(self, path, int column) except -1:
        cdef int node = ROOT, child
        cdef bytes key
        for step in path:
            if self.used == MOST_NODES:
                raise ValueError("too many paths")
            if step == ELEMENTS:
                child = self.nodes[node].elements
            elif step == ANY:
                child = self.nodes[node].any_key
            else:
                key = step.encode()
                child = self.nodes[node].child
                while child != NOWHERE:
                    known = self.keys[self.nodes[child].key_at : self.nodes[child].key_at + self.nodes[child].key_length]
                    if known == key:
                        break
                    child = self.nodes[child].sibling
            if child == NOWHERE:
                child = self.used
                self.used += 1
                self.nodes[child] = Node(-1, 0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, -1, 0)
                if step == ELEMENTS:
                    self.nodes[node].elements = child
                elif step == ANY:
                    self.nodes[node].any_key = child
                else:
                    self.nodes[child].key_at = <int>len(self.keys)
                    self.nodes[child].key_length = <int>len(key)
                    self.keys += key
                    self.nodes[child].sibling = self.nodes[node].child
                    self.nodes[node].child = child
                    self.nodes[child].first = first_bytes(<const unsigned char*>PyBytes_AS_STRING(key), len(key), False)
            node = child
        self.nodes[node].column = column
        return 0

    cdef inline int child_at(self, int node, Piece* key) noexcept nogil:
        cdef int child = self.nodes[node].child
        cdef uint64_t first
        if child == NOWHERE:
            return self.nodes[node].any_key
        first = first_bytes(key.start, key.length, self.end - key.start >= 8)
        while child != NOWHERE:
            if self.nodes[child].first == first and self.nodes[child].key_length == key.length and (
                key.length <= 8 or not memcmp(self.key_text + self.nodes[child].key_at, key.start, key.length)
            ):
                return child
            child = self.nodes[child].sibling
        return self.nodes[node].any_key

    cdef Spot* new_spot(self, Spots* spots, Py_ssize_t record) noexcept nogil:
        cdef Spot* grown
        if spots.count == spots.capacity:
            grown = <Spot*>realloc(spots.items, (2 * spots.capacity + 1024) * sizeof(Spot))
            if grown == NULL:
                self.failed = True
                return NULL
            spots.items = grown
            spots.capacity = 2 * spots.capacity + 1024
        spots.items[spots.count].record = <int32_t>record
        spots.items[spots.count].kind = SPOT_NONE
        spots.count += 1
        return &spots.items[spots.count - 1]

    cdef bint keep(self, int column, Py_ssize_t record, int kind, int64_t start, Py_ssize_t length) noexcept nogil:
        cdef Spots* spots = &self.spots[column]
        cdef Spot* spot = &spots.items[record] if spots.single else self.new_spot(spots, record)
        if spot == NULL or length > INT32_MAX:
            return False
        spot.kind = <uint8_t>kind
        spot.start = start
        spot.length = <int32_t>length
        return True

    cdef const unsigned char* value(self, const unsigned char* at, int node, Py_ssize_t record, int depth) noexcept nogil:
        """Walk over a value of which something is wanted."""
        cdef Piece piece
        cdef const unsigned char* start = at
        cdef int column = self.nodes[node].column
        cdef bint several = column >= 0 and not self.spots[column].single
        cdef bint kept = True
        cdef int64_t number = 0
        if start[0] == 123:
            return self.mapping(at, node, record, depth)
        if start[0] == 91:
            return self.sequence(at, node, record, depth)
        if start[0] == 34:
            at = take_string(at, self.end, &piece)
            if at != NULL and column >= 0:
                kept = self.keep(
                    column, record, SPOT_ESCAPED if piece.escaped else SPOT_TEXT, piece.start - self.text, piece.length
                )
            return at if kept else NULL
        at = pass_number(start)
        if at != NULL:
            if several and at - start <= MOST_DIGITS and digits(start) == at:
                while start < at:
                    number = 10 * number + start[0] - 48
                    start += 1
                kept = self.keep(column, record, SPOT_NUMBER, number, 0)
            return at if kept else NULL
        at = pass_word(start)
        if at != NULL and start[0] == 116 and several:
            kept = self.keep(column, record, SPOT_TRUE, 0, 0)
        return at if kept else NULL

    cdef const unsigned char* mapping(self, const unsigned char* at, int node, Py_ssize_t record, int depth) noexcept nogil:
        cdef Piece key
        cdef bint more = True
        cdef int child = self.nodes[node].column
        if depth >= MOST_DEPTH:
            return NULL
        at = pass_blanks(at + 1, self.end)
        if at[0] == 125:
            return at + 1
        if child >= 0 and not self.spots[child].single and not self.keep(child, record, SPOT_TRUE, 0, 0):
            return NULL
        while more:
            at = take_key(at, self.end, &key)
            if at == NULL or (key.escaped and self.nodes[node].child != NOWHERE):
                return NULL
            child = self.child_at(node, &key)
            if node == ROOT and key.length == 5 and at[0] == 91 and not memcmp(key.start, b"items", 5):
                at = self.sequence(at, OWN, record, depth) if self.objects[record].parent < 0 else NULL
            elif child == NOWHERE:
                at = pass_value(at, self.end, depth + 1)
            else:
                at = self.value(at, child, record, depth + 1)
            if at == NULL:
                return NULL
            at = pass_part(at, self.end, 125, &more)
        return at

    cdef const unsigned char* sequence(self, const unsigned char* at, int node, Py_ssize_t record, int depth) noexcept nogil:
        """Walk over an array: of values of which something is wanted, or with OWN of objects of their own."""
        cdef bint more = True
        if node != OWN and self.nodes[node].elements == NOWHERE:
            return pass_value(at, self.end, depth)
        if depth >= MOST_DEPTH:
            return NULL
        at = pass_blanks(at + 1, self.end)
        if at[0] == 93:
            return at + 1
        while more:
            if node == OWN:
                at = self.object_at(at, record)
            else:
                at = self.value(at, self.nodes[node].elements, record, depth + 1)
            if at == NULL:
                return NULL
            at = pass_part(at, self.end, 93, &more)
        return at

    cdef inline bint comes(self, const unsigned char* at) noexcept nogil:
        """Wait for what stands at a place and for an object behind it; False if it does not come."""
        cdef size_t wanted = min(<size_t>(at - self.text) + MOST_OBJECT, <size_t>(self.end - self.text))
        if wanted > self.there:
            self.there = self.arriving.wait_for(wanted)
        return wanted <= self.there

    cdef inline const unsigned char* sure(self, const unsigned char* at) noexcept nogil:
        """Behind blanks; NULL if all that before was not there yet when it was walked over, and so was something else."""
        at = pass_blanks(at, self.end)
        return at if at - self.text < <Py_ssize_t>self.there or self.there == <size_t>(self.end - self.text) else NULL

    cdef const unsigned char* object_at(self, const unsigned char* at, Py_ssize_t parent) noexcept nogil:
        """An object of its own, and the blanks behind it."""
        cdef Py_ssize_t record = self.count
        cdef Object* grown
        cdef int column
        if not self.comes(at) or at[0] != 123 or record == INT32_MAX:
            return NULL
        if record == self.capacity:
            grown = <Object*>realloc(self.objects, (2 * self.capacity + 1024) * sizeof(Object))
            if grown == NULL:
                self.failed = True
                return NULL
            self.objects = grown
            self.capacity = 2 * self.capacity + 1024
        self.count += 1
        self.objects[record].start = at - self.text
        self.objects[record].parent = parent
        for column in range(self.found.column_count):
            if self.spots[column].single and self.new_spot(&self.spots[column], record) == NULL:
                return NULL
        at = self.mapping(at, ROOT, record, 1)
        if at == NULL:
            return NULL
        self.objects[record].end = at - self.text
        return self.sure(at)

    cdef bint whole(self) noexcept nogil:
        cdef const unsigned char* at = self.text
        if not self.comes(at):
            return False
        at = self.sure(at)
        while at != NULL and at < self.end:
            at = self.object_at(at, -1)
        return at != NULL

    cpdef Outline outline(self):
        """What was found: None if the text is no plain JSON."""
        cdef bint plain
        cdef Py_ssize_t record
        cdef array.array starts = array("q"), ends = array("q"), parents = array("q")
        with nogil:
            plain = self.whole()
        if self.failed:
            raise MemoryError
        if not plain:
            return None
        for places in (starts, ends, parents):
            array.resize(<array.array>places, self.count)
        for record in range(self.count):
            starts.data.as_longlongs[record] = self.objects[record].start
            ends.data.as_longlongs[record] = self.objects[record].end
            parents.data.as_longlongs[record] = self.objects[record].parent
        self.found.starts, self.found.ends, self.found.parents = starts, ends, parents
        return self.found


def outline(data, columns):
    """Find the objects of a text and some of what they hold.

    Parameters
    ----------
    data : bytes or Arriving
        Objects one behind another; those in the array ``items`` of such an object count, too. What another thread still
        reads is walked over as it comes.
    columns : sequence of (bool, sequence of tuple of str)
        Whether one text is wanted, the last, or all values; and the paths that lead to them, of keys,
        :data:`ELEMENTS` and :data:`ANY`.

    Returns
    -------
    Outline or None
        None where the text is damaged, nested deeply, or of another form, or its file has become shorter.

    Examples
    --------
    >>> found = outline(b'{"items": [{"metadata": {"name": "web"}}, {}]}', [(True, [("metadata", "name")])])
    >>> list(found.parents), found.columns
    ([-1, 0, 0], [[None, 'web', None]])
    """
    cdef Outline found
    if isinstance(data, bytes):
        return _Walk(data, columns).outline()
    found = _Walk(data.data, columns, data).outline()
    data.wait()
    if not data.whole:
        return None
    # What is larger than most objects was walked over before all of it was there.
    return found if found is not None else _Walk(data.data, columns).outline()
