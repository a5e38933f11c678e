"""Shell patterns as fnmatch has them in the C locale (filter language, section 3.1). Internal to the core."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libc.string cimport memcmp


cdef inline bint in_named_class(const uint8_t* name, size_t length, uint8_t byte) noexcept nogil:
    """Character classes of POSIX, in the C locale."""
    cdef bint upper = 65 <= byte <= 90
    cdef bint lower = 97 <= byte <= 122
    cdef bint digit = 48 <= byte <= 57
    cdef bint graphic = 33 <= byte <= 126
    if length == 6:
        return memcmp(name, b"xdigit", 6) == 0 and (digit or 65 <= byte <= 70 or 97 <= byte <= 102)
    if length != 5:
        return False
    if memcmp(name, b"alpha", 5) == 0:
        return upper or lower
    if memcmp(name, b"digit", 5) == 0:
        return digit
    if memcmp(name, b"alnum", 5) == 0:
        return upper or lower or digit
    if memcmp(name, b"upper", 5) == 0:
        return upper
    if memcmp(name, b"lower", 5) == 0:
        return lower
    if memcmp(name, b"space", 5) == 0:
        return byte == 32 or 9 <= byte <= 13
    if memcmp(name, b"blank", 5) == 0:
        return byte == 32 or byte == 9
    if memcmp(name, b"punct", 5) == 0:
        return graphic and not (upper or lower or digit)
    if memcmp(name, b"print", 5) == 0:
        return graphic or byte == 32
    if memcmp(name, b"graph", 5) == 0:
        return graphic
    if memcmp(name, b"cntrl", 5) == 0:
        return byte < 32 or byte == 127
    return False


cdef inline bint in_range(uint8_t byte, uint8_t first, uint8_t last, bint fold) noexcept nogil:
    if first <= byte <= last:
        return True
    if not fold:
        return False
    if 65 <= byte <= 90:
        return first <= byte + 32 <= last
    if 97 <= byte <= 122:
        return first <= byte - 32 <= last
    return False


cdef size_t match_class(const uint8_t* pattern, size_t length, size_t place, uint8_t byte, bint fold,
                        bint* matches) noexcept nogil:
    """Match a bracket expression that begins at `place`; where it ends, or 0 if it has no end."""
    cdef bint negated = False
    cdef bint found = False
    cdef bint first_of_all = True
    cdef uint8_t first, last, kind
    cdef size_t end
    place += 1
    if place < length and (pattern[place] == 33 or pattern[place] == 94):      # ! ^
        negated = True
        place += 1
    while place < length:
        first = pattern[place]
        if first == 93 and not first_of_all:                                   # ]
            matches[0] = found != negated
            return place + 1
        first_of_all = False
        if first == 91 and place + 1 < length and pattern[place + 1] in (58, 46, 61):     # [: [. [=
            kind = pattern[place + 1]
            end = place + 2
            while end + 1 < length and not (pattern[end] == kind and pattern[end + 1] == 93):
                end += 1
            if end + 1 < length and (kind == 58 or end == place + 3):
                if kind == 58:
                    # The C library folds no named classes: [:upper:] has no small letters in it.
                    found = found or in_named_class(pattern + place + 2, end - place - 2, byte)
                else:
                    found = found or in_range(byte, pattern[place + 2], pattern[place + 2], fold)
                place = end + 2
                continue
        if first == 92 and place + 1 < length:                                 # backslash
            place += 1
            first = pattern[place]
        place += 1
        last = first
        if place + 1 < length and pattern[place] == 45 and pattern[place + 1] != 93:      # -
            place += 1
            last = pattern[place]
            if last == 92 and place + 1 < length:
                place += 1
                last = pattern[place]
            place += 1
        if in_range(byte, first, last, fold):
            found = True
    return 0


cdef bint glob_match(const uint8_t* pattern, size_t pattern_length, const uint8_t* text, size_t length,
                     bint fold) noexcept nogil:
    """Match a whole text with a shell pattern; `*` and `?` match slashes and leading dots too."""
    cdef size_t place = 0            # in the pattern
    cdef size_t index = 0            # in the text
    cdef size_t star = 0             # behind the last star, 0 = none yet
    cdef size_t star_index = 0
    cdef size_t next_place
    cdef uint8_t sign
    cdef bint matches
    while index < length:
        matches = False
        if place < pattern_length:
            sign = pattern[place]
            next_place = place + 1
            if sign == 42:                                                     # *
                star = next_place
                star_index = index
                place = next_place
                continue
            if sign == 63:                                                     # ?
                matches = True
            elif sign == 91:                                                   # [
                next_place = match_class(pattern, pattern_length, place, text[index], fold, &matches)
                if next_place == 0:
                    next_place = place + 1
                    matches = text[index] == 91
            elif sign == 92:                                                   # backslash
                if next_place < pattern_length:
                    sign = pattern[next_place]
                    next_place += 1
                    matches = sign == text[index] or (fold and folded(sign) == folded(text[index]))
            else:
                matches = sign == text[index] or (fold and folded(sign) == folded(text[index]))
        if matches:
            place = next_place
            index += 1
        elif star:
            star_index += 1
            index = star_index
            place = star
        else:
            return False
    while place < pattern_length and pattern[place] == 42:
        place += 1
    return place == pattern_length
