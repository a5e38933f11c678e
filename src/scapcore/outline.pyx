"""JSON texts outlined: where the objects in them begin and end, and what stands at a few places in each, with no object built.

The whole text is checked while it is walked, so that what is cut out of it later is whole. What is not of the plain
form, objects one behind another or in the array ``items`` of one, is left to a parser.
"""

from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, strncmp

import json
from array import array

cdef extern from *:
    """
    #if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* How many bytes of a word come before the first of which a bit is set, of a word with such. */
    #define scapcore_bytes_before(word) (__builtin_ctzll(word) >> 3)
    #else
    /* Found one by one */
    #define scapcore_bytes_before(word) 0
    #endif
    """
    int scapcore_bytes_before(uint64_t word) nogil

__all__ = ["ANY", "ELEMENTS", "Outline", "outline"]

#: Steps of a path: the elements of an array, and the value of any key that no other path names.
ELEMENTS, ANY = "[]", "*"

cdef enum:
    MOST_DEPTH = 200
    MOST_NODES = 120
    MOST_DIGITS = 18        # of integers that are wanted
    MOST_NUMBER = 1000      # Python makes no integers of several thousand digits
    NOWHERE = 0     # no path leads on from here
    ROOT = 1
    OWN = -1        # stands for a place where objects of their own are

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL
cdef uint64_t SPACES = 0x2020202020202020ULL


cdef struct Node:
    int key_at             # where its key stands among all keys, -1 for those of ELEMENTS and ANY
    int key_length
    int sibling
    int child
    int elements
    int any_key
    int column             # -1 if nothing is wanted here


cdef struct Piece:
    Py_ssize_t start
    Py_ssize_t length
    bint escaped


cdef inline void pass_blanks(const unsigned char* text, Py_ssize_t* at, Py_ssize_t size) noexcept nogil:
    """Behind blanks, which indented texts have many of."""
    cdef Py_ssize_t place = at[0]
    cdef uint64_t word
    while True:
        if text[place] == 32:
            while place + 8 <= size:
                memcpy(&word, text + place, 8)
                if word != SPACES:
                    place += scapcore_bytes_before(word ^ SPACES)
                    break
                place += 8
            while text[place] == 32:
                place += 1
        if text[place] == 10 or text[place] == 13 or text[place] == 9:
            place += 1
        else:
            break
    at[0] = place


cdef inline bint is_hexadecimal(unsigned char byte) noexcept nogil:
    return 48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102


cdef inline bint take_string(const unsigned char* text, Py_ssize_t* at, Py_ssize_t size, Piece* piece) noexcept nogil:
    """A string, whose quotation mark is at the place."""
    cdef Py_ssize_t place = at[0] + 1
    cdef uint64_t word, found
    cdef unsigned char byte
    cdef int step
    piece.start = place
    piece.escaped = False
    while True:
        while place + 8 <= size:
            memcpy(&word, text + place, 8)
            # A byte below 32, a quotation mark or a backslash.
            found = (word - ONES * 32) & ~word
            found |= ((word ^ (ONES * 34)) - ONES) & ~(word ^ (ONES * 34))
            found |= ((word ^ (ONES * 92)) - ONES) & ~(word ^ (ONES * 92))
            if found & HIGHS:
                place += scapcore_bytes_before(found & HIGHS)
                break
            place += 8
        byte = text[place]
        while byte >= 32 and byte != 34 and byte != 92:
            place += 1
            byte = text[place]
        if byte == 34:
            piece.length = place - piece.start
            at[0] = place + 1
            return True
        if byte != 92:
            return False        # the end, too: a bytes object has a zero behind it
        piece.escaped = True
        byte = text[place + 1]
        if byte == 117:
            for step in range(2, 6):
                if not is_hexadecimal(text[place + step]):
                    return False
            place += 6
        elif byte == 34 or byte == 92 or byte == 47 or byte == 98 or byte == 102 or byte == 110 or byte == 114 or byte == 116:
            place += 2
        else:
            return False


cdef inline Py_ssize_t digits(const unsigned char* text, Py_ssize_t place) noexcept nogil:
    while 48 <= text[place] <= 57:
        place += 1
    return place


cdef inline bint pass_number(const unsigned char* text, Py_ssize_t* at) noexcept nogil:
    cdef Py_ssize_t place = at[0], before
    if text[place] == 45:
        place += 1
    if text[place] == 48:
        place += 1
    else:
        before = place
        place = digits(text, place)
        if place == before:
            return False
    if text[place] == 46:
        before = place + 1
        place = digits(text, before)
        if place == before:
            return False
    if text[place] == 69 or text[place] == 101:
        place += 1
        if text[place] == 43 or text[place] == 45:
            place += 1
        before = place
        place = digits(text, before)
        if place == before:
            return False
    if place - at[0] > MOST_NUMBER:
        return False
    at[0] = place
    return True


cdef inline bint pass_word(const unsigned char* text, Py_ssize_t* at) noexcept nogil:
    cdef const char* rest = <const char*>text + at[0]
    if strncmp(rest, b"true", 4) == 0 or strncmp(rest, b"null", 4) == 0:
        at[0] += 4
        return True
    if strncmp(rest, b"false", 5) == 0:
        at[0] += 5
        return True
    return False


cdef bint pass_value(const unsigned char* text, Py_ssize_t* at, Py_ssize_t size, int depth) noexcept nogil:
    """Behind a value of which nothing is wanted; False if it is none, or too deep."""
    cdef Piece piece
    cdef bint named
    cdef unsigned char closing
    if text[at[0]] == 34:
        return take_string(text, at, size, &piece)
    if text[at[0]] != 123 and text[at[0]] != 91:
        return pass_number(text, at) or pass_word(text, at)
    if depth >= MOST_DEPTH:
        return False
    named = text[at[0]] == 123
    closing = 125 if named else 93
    at[0] += 1
    pass_blanks(text, at, size)
    if text[at[0]] == closing:
        at[0] += 1
        return True
    while True:
        if named:
            if text[at[0]] != 34 or not take_string(text, at, size, &piece):
                return False
            pass_blanks(text, at, size)
            if text[at[0]] != 58:
                return False
            at[0] += 1
            pass_blanks(text, at, size)
        if not pass_value(text, at, size, depth + 1):
            return False
        pass_blanks(text, at, size)
        if text[at[0]] == closing:
            at[0] += 1
            return True
        if text[at[0]] != 44:
            return False
        at[0] += 1
        pass_blanks(text, at, size)


class Outline:
    """Where the objects of a text are, and what was found in them.

    Attributes
    ----------
    starts, ends : array of int
        Of the objects in the text.
    parents : array of int
        For what is in the array ``items`` of another object the number of that, else -1.
    columns : list
        For a column of single texts a list with one for each object, None where there is none; for one of
        several values a pair of lists: numbers of objects, and values, which are texts, integers, or True for what
        is true or an object with something in it.
    """

    __slots__ = ("columns", "ends", "parents", "starts")

    def __init__(self, starts, ends, parents, columns):
        self.starts = starts
        self.ends = ends
        self.parents = parents
        self.columns = columns


cdef class _Walk:
    cdef const unsigned char* text
    cdef Py_ssize_t size
    cdef Py_ssize_t at
    cdef Node nodes[MOST_NODES]
    cdef int used
    cdef bytes keys
    cdef const char* key_text
    cdef list singles           # by column: a list, or None
    cdef list owners            # by column: a list, or None
    cdef list values
    cdef array.array starts, ends, parents
    cdef bint ended             # the mapping or array that was walked last, and not by damage
    cdef Py_ssize_t count
    cdef object number          # of the object that is walked, as a Python integer
    cdef list last
    cdef Py_ssize_t last_start[MOST_NODES]
    cdef Py_ssize_t last_length[MOST_NODES]

    def __init__(self, bytes data, columns):
        self.text = <const unsigned char*>PyBytes_AS_STRING(data)
        self.size = PyBytes_GET_SIZE(data)
        self.at = 0
        self.keys = b""
        self.used = ROOT + 1
        self.nodes[ROOT] = Node(-1, 0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, -1)
        self.singles, self.owners, self.values, self.last = [], [], [], []
        self.starts, self.ends, self.parents = array("q"), array("q"), array("q")
        self.count = 0
        for column, (single, paths) in enumerate(columns):
            self.singles.append([] if single else None)
            self.owners.append(None if single else [])
            self.values.append(None if single else [])
            self.last.append(None)
            self.last_length[column] = -1
            for path in paths:
                self.add(path, column)
        self.key_text = PyBytes_AS_STRING(self.keys)

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
                self.nodes[child] = Node(-1, 0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, -1)
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
            node = child
        self.nodes[node].column = column
        return 0

    cdef inline int child_at(self, int node, Piece* key) noexcept:
        cdef int child = self.nodes[node].child
        while child != NOWHERE:
            if self.nodes[child].key_length == key.length and not memcmp(
                self.key_text + self.nodes[child].key_at, self.text + key.start, key.length
            ):
                return child
            child = self.nodes[child].sibling
        return self.nodes[node].any_key

    cdef int keep(self, int column, Py_ssize_t record, object value) except -1:
        cdef list single = self.singles[column]
        if single is not None:
            single[record] = value
        else:
            (<list>self.owners[column]).append(self.number)
            (<list>self.values[column]).append(value)
        return 0

    cdef object text_of(self, int column, Piece* piece):
        """A string; that of the object before if it is the same, as names of kinds and namespaces are."""
        if piece.escaped:
            # With its quotation marks
            quoted = self.text[piece.start - 1 : piece.start + piece.length + 1]
            return json.loads(quoted.decode("utf-8", "replace"))
        if piece.length == self.last_length[column] and not memcmp(
            self.text + self.last_start[column], self.text + piece.start, piece.length
        ):
            return self.last[column]
        value = PyUnicode_DecodeUTF8(<const char*>self.text + piece.start, piece.length, b"replace")
        self.last_start[column], self.last_length[column] = piece.start, piece.length
        self.last[column] = value
        return value

    cdef int value(self, int node, Py_ssize_t record, int depth) except -1:
        """Walk over a value of which something is wanted: 0 if it is no plain JSON, else 1."""
        cdef Piece piece
        cdef Py_ssize_t start = self.at
        cdef int column = self.nodes[node].column
        cdef bint single = column >= 0 and self.singles[column] is not None
        if self.text[self.at] == 123:
            return self.mapping(node, record, depth)
        if self.text[self.at] == 91:
            return self.sequence(node, record, depth)
        if self.text[self.at] == 34:
            if not take_string(self.text, &self.at, self.size, &piece):
                return 0
            if column >= 0:
                self.keep(column, record, self.text_of(column, &piece))
            return 1
        if pass_number(self.text, &self.at):
            if column >= 0 and not single and self.at - start <= MOST_DIGITS:
                piece.start, piece.length = start, self.at - start
                shown = self.text[start : self.at]
                if shown.isdigit():
                    self.keep(column, record, int(shown))
            return 1
        if not pass_word(self.text, &self.at):
            return 0
        if self.text[start] == 116 and column >= 0 and not single:
            self.keep(column, record, True)
        return 1

    cdef inline bint goes_on(self, unsigned char closing) noexcept:
        """Behind a part of a mapping or array: whether another one follows; if not, whether it has ended well."""
        pass_blanks(self.text, &self.at, self.size)
        self.ended = self.text[self.at] == closing
        if not self.ended and self.text[self.at] != 44:
            return False
        self.at += 1
        pass_blanks(self.text, &self.at, self.size)
        return not self.ended

    cdef int mapping(self, int node, Py_ssize_t record, int depth) except -1:
        cdef Piece key
        cdef int child
        if depth >= MOST_DEPTH:
            return 0
        self.at += 1
        pass_blanks(self.text, &self.at, self.size)
        if self.text[self.at] == 125:
            self.at += 1
            return 1
        if self.nodes[node].column >= 0 and self.singles[self.nodes[node].column] is None:
            self.keep(self.nodes[node].column, record, True)
        while True:
            if self.text[self.at] != 34 or not take_string(self.text, &self.at, self.size, &key):
                return 0
            if key.escaped and self.nodes[node].child != NOWHERE:
                return 0
            child = self.child_at(node, &key)
            pass_blanks(self.text, &self.at, self.size)
            if self.text[self.at] != 58:
                return 0
            self.at += 1
            pass_blanks(self.text, &self.at, self.size)
            if node == ROOT and key.length == 5 and self.text[self.at] == 91 and not memcmp(self.text + key.start, b"items", 5):
                if self.parents.data.as_longlongs[record] >= 0 or not self.sequence(OWN, record, depth):
                    return 0
            elif child == NOWHERE:
                if not pass_value(self.text, &self.at, self.size, depth + 1):
                    return 0
            elif not self.value(child, record, depth + 1):
                return 0
            if not self.goes_on(125):
                return self.ended

    cdef int sequence(self, int node, Py_ssize_t record, int depth) except -1:
        """Walk over an array: of values of which something is wanted, or with OWN of objects of their own."""
        if node != OWN and self.nodes[node].elements == NOWHERE:
            return pass_value(self.text, &self.at, self.size, depth)
        if depth >= MOST_DEPTH:
            return 0
        self.at += 1
        pass_blanks(self.text, &self.at, self.size)
        if self.text[self.at] == 93:
            self.at += 1
            return 1
        while True:
            if not (self.object_at(record) if node == OWN else self.value(self.nodes[node].elements, record, depth + 1)):
                return 0
            if not self.goes_on(93):
                return self.ended

    cdef int object_at(self, Py_ssize_t parent) except -1:
        """An object of its own."""
        cdef Py_ssize_t record = self.count
        cdef object outer = self.number
        if self.text[self.at] != 123:
            return 0
        if self.count == len(self.starts):
            for places in (self.starts, self.ends, self.parents):
                array.resize_smart(<array.array>places, 2 * self.count + 16)
        self.count += 1
        self.number = record
        self.starts.data.as_longlongs[record] = self.at
        self.parents.data.as_longlongs[record] = parent
        for single in self.singles:
            if single is not None:
                (<list>single).append(None)
        if not self.mapping(ROOT, record, 1):
            return 0
        self.ends.data.as_longlongs[record] = self.at
        self.number = outer
        return 1

    cdef int whole(self) except -1:
        pass_blanks(self.text, &self.at, self.size)
        while self.at < self.size:
            if not self.object_at(-1):
                return 0
            pass_blanks(self.text, &self.at, self.size)
        return 1


def outline(data, columns):
    """Find the objects of a text and some of what they hold.

    Parameters
    ----------
    data : bytes
        Objects one behind another; those in the array ``items`` of such an object count, too.
    columns : sequence of (bool, sequence of tuple of str)
        Whether one text is wanted, the last, or all values; and the paths that lead to them, of keys,
        :data:`ELEMENTS` and :data:`ANY`.

    Returns
    -------
    Outline or None
        None where the text is damaged, nested deeply, or of another form.

    Examples
    --------
    >>> found = outline(b'{"items": [{"metadata": {"name": "web"}}, {}]}', [(True, [("metadata", "name")])])
    >>> list(found.parents), found.columns
    ([-1, 0, 0], [[None, 'web', None]])
    """
    cdef _Walk walk = _Walk(data, columns)
    if not walk.whole():
        return None
    for places in (walk.starts, walk.ends, walk.parents):
        array.resize(<array.array>places, walk.count)
    found = [
        single if single is not None else (owners, values)
        for single, owners, values in zip(walk.singles, walk.owners, walk.values, strict=True)
    ]
    return Outline(walk.starts, walk.ends, walk.parents, found)
