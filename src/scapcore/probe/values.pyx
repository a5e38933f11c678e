"""Values as parameters of events have them: texts, addresses, both ends of sockets, paths.

What they are made of comes from programs, so every length is looked at, and what does not fit is left out or cut.
"""

from libc.string cimport memchr, memcmp, memcpy

from scapcore.events cimport load16
from scapcore.probe.layout cimport PROBE_SOCKET_PATH, probe_inet, probe_task, probe_unix

cdef enum:
    AF_UNIX = 1
    AF_INET = 2
    AF_INET6 = 10


cdef inline uint16_t swapped(uint16_t port) noexcept nogil:
    return (port << 8) | (port >> 8)


cdef uint32_t put_text(uint8_t* target, const uint8_t* source, uint32_t length, uint32_t room) noexcept nogil:
    """Text up to its NUL, with one in any case."""
    cdef const void* end
    if room < 1:
        return 0
    end = memchr(source, 0, length) if length else NULL
    if end != NULL:
        length = <uint32_t>(<const uint8_t*>end - source)
    length = min(length, room - 1)
    memcpy(target, source, length)
    target[length] = 0
    return length + 1


cdef uint32_t put_address(uint8_t* target, const uint8_t* source, uint32_t length) noexcept nogil:
    """A socket address as a program has it; 130 bytes at most."""
    cdef uint16_t family
    if length < 3:
        return 0
    family = load16(source)
    if family == AF_INET and length >= 8:
        target[0] = AF_INET
        memcpy(target + 1, source + 4, 4)
        target[5] = source[3]
        target[6] = source[2]
        return 7
    if family == AF_INET6 and length >= 24:
        target[0] = AF_INET6
        memcpy(target + 1, source + 8, 16)
        target[17] = source[3]
        target[18] = source[2]
        return 19
    if family == AF_UNIX:
        source += 2
        length -= 2
        # A name that is not in the file system begins with NUL.
        if source[0] == 0:
            source += 1
            length -= 1
        target[0] = AF_UNIX
        return 1 + put_text(target + 1, source, length, 110)
    return 0


cdef uint32_t put_end(uint8_t* target, const uint8_t* address, uint32_t size, uint16_t port) noexcept nogil:
    cdef uint16_t shown = swapped(port)
    memcpy(target, address, size)
    memcpy(target + size, &shown, 2)
    return size + 2


cdef uint32_t put_tuple(
    uint8_t* target, const uint8_t* piece, uint32_t length, const uint8_t* name, uint32_t name_length, bint inbound
) noexcept nogil:
    """Both ends of a socket; 130 bytes at most. `name` is the far end if the socket has none by itself."""
    cdef probe_inet inet
    cdef probe_unix local
    cdef uint32_t size, done
    cdef const char* path
    if length == sizeof(probe_inet):
        memcpy(&inet, piece, sizeof(probe_inet))
        size = 4 if inet.family == AF_INET else 16
        if inet.remote_port == 0 and name_length >= 2 and load16(name) == inet.family and \
                name_length >= (8 if size == 4 else 24):
            memcpy(inet.remote, name + (4 if size == 4 else 8), size)
            inet.remote_port = load16(name + 2)
        target[0] = <uint8_t>inet.family
        done = 1
        if inbound:
            done += put_end(target + done, inet.remote, size, inet.remote_port)
            done += put_end(target + done, inet.local, size, inet.local_port)
        else:
            done += put_end(target + done, inet.local, size, inet.local_port)
            done += put_end(target + done, inet.remote, size, inet.remote_port)
        return done
    if length == sizeof(probe_unix):
        memcpy(&local, piece, sizeof(probe_unix))
        target[0] = AF_UNIX
        memcpy(target + 1, &local.own if inbound else &local.peer, 8)
        memcpy(target + 9, &local.peer if inbound else &local.own, 8)
        if not inbound and local.peer == 0 and name_length > 2 and load16(name) == AF_UNIX:
            name += 2
            name_length -= 2
            if name[0] == 0:
                name += 1
                name_length -= 1
            return 17 + put_text(target + 17, name, name_length, 110)
        path = &local.own_path[0] if inbound else &local.peer_path[0]
        return 17 + put_text(target + 17, <const uint8_t*>path, PROBE_SOCKET_PATH, 110)
    return 0


cdef uint32_t put_path(uint8_t* target, const uint8_t* piece, uint32_t length, uint32_t room) noexcept nogil:
    """Names from the leaf to the root, joined the other way round; with its NUL."""
    cdef uint32_t end = length, start, size, done = 0
    if length == 0 or room < length + 2:
        return 0
    if length >= 6 and memcmp(piece, "memfd:", 6) == 0:
        return put_text(target, piece, length, room)
    while end > 0:
        # A name and the NUL that ends it.
        start = end - 1
        while start > 0 and piece[start - 1] != 0:
            start -= 1
        size = end - start
        if piece[end - 1] == 0:
            size -= 1
        if size and not (size == 1 and piece[start] == 47):
            target[done] = 47
            memcpy(target + done + 1, piece + start, size)
            done += size + 1
        end = start
    if done == 0:
        target[0] = 47
        done = 1
    target[done] = 0
    return done + 1


cdef bint is_writable(const probe_task* task) noexcept nogil:
    """Whether the task could write its own program file, by the usual rules."""
    # A file system or a file that nobody can write to.
    if task.exe_mount_flags & 1 or task.exe_flags & 8:
        return False
    if task.exe_user == 0xFFFFFFFFU or task.exe_group == 0xFFFFFFFFU:
        return False
    if task.file_user == task.exe_user:
        return True
    if task.file_group == task.exe_group and task.exe_mode & 0o20:
        return True
    if task.exe_mode & 0o2:
        return True
    # CAP_DAC_OVERRIDE or CAP_FOWNER.
    return (task.effective & (1 << 1 | 1 << 3)) != 0


cdef bint is_small_option(uint64_t name) noexcept nogil:
    """Whether a socket option is a number of 32 bits."""
    if name > 50 or name == 0:
        return False
    # Linger, credentials, filters and names are structures.
    return name != 13 and name != 17 and name != 26 and name != 28
