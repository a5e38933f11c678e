# JSON texts, a piece at a time: strings, numbers and whole values are checked and passed over, and nothing is made of them.

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, strncmp

cdef extern from *:
    """
    #include <stddef.h>
    /* 92 is a backslash. Steps of as many bytes let the processor foresee where a short one ends: within the first. */
    #define SCAPCORE_STEP 32
    /* Of the first eight bytes of a text those that belong to it, which are fewer. */
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define scapcore_own(word, length) ((word) >> (8 * (8 - (length))))
    #else
    #define scapcore_own(word, length) ((word) << (8 * (8 - (length))))
    #endif
    #if defined(__SSE2__) && defined(__GNUC__)
    #include <emmintrin.h>
    static inline size_t scapcore_before(unsigned int found) { return found ? __builtin_ctz(found) : SCAPCORE_STEP; }
    static inline unsigned int scapcore_pair(__m128i low, __m128i high)
    {
        return (unsigned int)_mm_movemask_epi8(low) | (unsigned int)_mm_movemask_epi8(high) << 16;
    }
    static inline __m128i scapcore_special(__m128i bytes)
    {
        const __m128i quoted = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(92)));
        return _mm_or_si128(quoted, _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(31)), bytes));
    }
    static inline size_t scapcore_spaces(const unsigned char *text)
    {
        const __m128i space = _mm_set1_epi8(' ');
        const __m128i low = _mm_loadu_si128((const __m128i *)text), high = _mm_loadu_si128((const __m128i *)text + 1);
        return scapcore_before(~scapcore_pair(_mm_cmpeq_epi8(low, space), _mm_cmpeq_epi8(high, space)));
    }
    static inline size_t scapcore_plain(const unsigned char *text)
    {
        const __m128i low = _mm_loadu_si128((const __m128i *)text), high = _mm_loadu_si128((const __m128i *)text + 1);
        return scapcore_before(scapcore_pair(scapcore_special(low), scapcore_special(high)));
    }
    #else
    static inline size_t scapcore_spaces(const unsigned char *text)
    {
        size_t count = 0;
        while (count < SCAPCORE_STEP && text[count] == ' ')
            count++;
        return count;
    }
    static inline size_t scapcore_plain(const unsigned char *text)
    {
        size_t count = 0;
        while (count < SCAPCORE_STEP && text[count] >= ' ' && text[count] != '"' && text[count] != 92)
            count++;
        return count;
    }
    #endif
    """
    enum:
        STEP "SCAPCORE_STEP"
    # How many of so many bytes come before the first that is no space, or none that a string has as it is
    size_t scapcore_spaces(const unsigned char* text) nogil
    size_t scapcore_plain(const unsigned char* text) nogil
    uint64_t scapcore_own(uint64_t word, Py_ssize_t length) nogil

cdef enum:
    MOST_DEPTH = 200
    MOST_NUMBER = 1000      # digits: Python makes no integers of several thousand


cdef struct Piece:
    const unsigned char* start
    Py_ssize_t length
    bint escaped


# What follows takes a place in the text and gives the next one, NULL where there is no such thing. A zero stands behind the
# text, at `end`.


cdef inline const unsigned char* pass_blanks(const unsigned char* at, const unsigned char* end) noexcept nogil:
    """Behind blanks, which indented texts have many of."""
    cdef size_t count
    while True:
        # One is foreseen, as behind a colon; of more the next step has to wait for the count.
        if at[0] == 32:
            at += 1
        if at[0] == 32:
            count = STEP
            while count == STEP and end - at >= STEP:
                count = scapcore_spaces(at)
                at += count
            while at[0] == 32:
                at += 1
        if at[0] != 10 and at[0] != 13 and at[0] != 9:
            return at
        at += 1


cdef inline bint is_hexadecimal(unsigned char byte) noexcept nogil:
    return 48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102


cdef inline const unsigned char* take_string(
    const unsigned char* at, const unsigned char* end, Piece* piece
) noexcept nogil:
    """A string, whose quotation mark is at the place."""
    cdef size_t count
    cdef unsigned char byte
    cdef int step
    at += 1
    piece.start = at
    piece.escaped = False
    while True:
        count = STEP
        while count == STEP and end - at >= STEP:
            count = scapcore_plain(at)
            at += count
        byte = at[0]
        while byte >= 32 and byte != 34 and byte != 92:
            at += 1
            byte = at[0]
        if byte == 34:
            piece.length = at - piece.start
            return at + 1
        if byte != 92:
            return NULL         # the end, too
        piece.escaped = True
        byte = at[1]
        if byte == 117:
            for step in range(2, 6):
                if not is_hexadecimal(at[step]):
                    return NULL
            at += 6
        elif byte == 34 or byte == 92 or byte == 47 or byte == 98 or byte == 102 or byte == 110 or byte == 114 or byte == 116:
            at += 2
        else:
            return NULL


cdef inline const unsigned char* digits(const unsigned char* at) noexcept nogil:
    while 48 <= at[0] <= 57:
        at += 1
    return at


cdef inline const unsigned char* pass_number(const unsigned char* at) noexcept nogil:
    cdef const unsigned char* start = at
    cdef const unsigned char* before
    if at[0] == 45:
        at += 1
    if at[0] == 48:
        at += 1
    else:
        before = at
        at = digits(at)
        if at == before:
            return NULL
    if at[0] == 46:
        before = at + 1
        at = digits(before)
        if at == before:
            return NULL
    if at[0] == 69 or at[0] == 101:
        at += 1
        if at[0] == 43 or at[0] == 45:
            at += 1
        before = at
        at = digits(at)
        if at == before:
            return NULL
    return at if at - start <= MOST_NUMBER else NULL


cdef inline const unsigned char* pass_word(const unsigned char* at) noexcept nogil:
    if strncmp(<const char*>at, b"true", 4) == 0 or strncmp(<const char*>at, b"null", 4) == 0:
        return at + 4
    return at + 5 if strncmp(<const char*>at, b"false", 5) == 0 else NULL


cdef inline const unsigned char* take_key(const unsigned char* at, const unsigned char* end, Piece* key) noexcept nogil:
    """A key with its colon and the blanks around that."""
    if at[0] != 34:
        return NULL
    at = take_string(at, end, key)
    if at == NULL:
        return NULL
    at = pass_blanks(at, end)
    return pass_blanks(at + 1, end) if at[0] == 58 else NULL


cdef inline const unsigned char* pass_part(
    const unsigned char* at, const unsigned char* end, unsigned char closing, bint* more
) noexcept nogil:
    """Behind a part of a mapping or array, to the next part if there is one more, else behind what closes it."""
    at = pass_blanks(at, end)
    more[0] = at[0] == 44
    if more[0]:
        return pass_blanks(at + 1, end)
    return at + 1 if at[0] == closing else NULL


cdef inline const unsigned char* pass_value(const unsigned char* at, const unsigned char* end, int depth) noexcept nogil:
    """Behind a value of which nothing is wanted; NULL, too, if it is too deep."""
    cdef Piece piece
    cdef bint more = True
    cdef bint named = at[0] == 123
    cdef unsigned char closing = 125 if named else 93
    cdef const unsigned char* behind
    if at[0] == 34:
        return take_string(at, end, &piece)
    if not named and at[0] != 91:
        behind = pass_number(at)
        return behind if behind != NULL else pass_word(at)
    if depth >= MOST_DEPTH:
        return NULL
    at = pass_blanks(at + 1, end)
    if at[0] == closing:
        return at + 1
    while more:
        if named:
            at = take_key(at, end, &piece)
            if at == NULL:
                return NULL
        at = pass_value(at, end, depth + 1)
        if at == NULL:
            return NULL
        at = pass_part(at, end, closing, &more)
    return at


cdef inline uint64_t first_bytes(const unsigned char* text, Py_ssize_t length, bint readable) noexcept nogil:
    """The first eight bytes of a text as a number, or all if there are fewer; `readable` if eight can be read there."""
    cdef uint64_t word = 0
    if length >= 8:
        memcpy(&word, text, 8)
        return word
    if length == 0:
        return 0
    if readable:
        memcpy(&word, text, 8)
    else:
        memcpy(&word, text, length)
    return scapcore_own(word, length)
