"""Ids of containers: in control groups, and by roots and environments (state engine, section 7.2). Internal to the core."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy, strlen

from scapcore.events cimport text_length
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, text_of

cdef enum:
    MOST_ANCESTORS = 4096
    RUNC_ID = 64
    UUID_SIZE = 36
    SHORT_ID = 12


cdef struct Layout:
    const char* prefix
    const char* suffix

cdef Layout[1] PODMAN = [Layout(b"/libpod-", b".scope")]
cdef Layout[2] DOCKER = [Layout(b"/", b""), Layout(b"/docker-", b".scope")]
cdef Layout[5] CRI = [Layout(b"/", b""), Layout(b"/crio-", b""), Layout(b"/cri-containerd-", b".scope"),
                      Layout(b"/crio-", b".scope"), Layout(b":cri-containerd:", b"")]


cdef int64_t find_last(const uint8_t* text, uint32_t length, const char* wanted) noexcept nogil:
    """Index just behind the last occurrence of a text, -1 if there is none."""
    cdef uint32_t size = <uint32_t>strlen(wanted)
    cdef int64_t place = <int64_t>length - size
    while place >= 0:
        if memcmp(text + place, wanted, size) == 0:
            return place + size
        place -= 1
    return -1


cdef int64_t find_first(const uint8_t* text, uint32_t length, const char* wanted) noexcept nogil:
    """Index of the first occurrence of a text, -1 if there is none."""
    cdef uint32_t size = <uint32_t>strlen(wanted)
    cdef uint32_t place = 0
    while place + size <= length:
        if memcmp(text + place, wanted, size) == 0:
            return place
        place += 1
    return -1


cdef bint is_hexadecimal(const uint8_t* text, uint32_t length) noexcept nogil:
    cdef uint32_t index
    for index in range(length):
        if not (48 <= text[index] <= 57 or 97 <= text[index] <= 102 or 65 <= text[index] <= 70):
            return False
    return True


cdef bint match_layouts(const uint8_t* path, uint32_t length, const Layout* layouts, int count, const uint8_t** id) noexcept nogil:
    """Look for a 64-digit id between the last of a prefix and the last of a suffix (section 7.2).

    Behind the suffix may come more: in control groups of version 2, podman and CRI-O put processes into ``…scope/container``.
    """
    cdef int index
    cdef int64_t start, end
    for index in range(count):
        start = find_last(path, length, layouts[index].prefix)
        if start < 0:
            continue
        end = find_last(path, length, layouts[index].suffix) - <int64_t>strlen(layouts[index].suffix)
        if end - start != RUNC_ID:
            continue
        if is_hexadecimal(path + start, RUNC_ID):
            id[0] = path + start
            return True
    return False


# The last is that of LXC from version 4 on, which the reference does not know.
cdef const char* LXC[3]
LXC[:] = [b"/lxc/", b"/lxc.payload/", b"/lxc.payload."]


cdef bint match_lxc(const uint8_t* path, uint32_t length, const uint8_t** id, uint32_t* size) noexcept nogil:
    cdef int64_t start = -1
    cdef int place
    cdef const void* slash
    for place in range(3):
        start = find_first(path, length, LXC[place])
        if start >= 0:
            start += <int64_t>strlen(LXC[place])
            break
    if start < 0:
        return False
    slash = memchr(path + start, 47, length - start)
    id[0] = path + start
    size[0] = <uint32_t>(<const uint8_t*>slash - id[0]) if slash != NULL else length - <uint32_t>start
    return True


cdef bint match_libvirt(const uint8_t* path, uint32_t length, const uint8_t** id, uint32_t* size) noexcept nogil:
    cdef int64_t place = find_first(path, length, b".libvirt-lxc")
    cdef int64_t start
    cdef int64_t marker = 8     # of `-lxc\x2d`, in which systemd writes the dash in another way
    if place >= 0 and place == <int64_t>length - 12:
        start = find_last(path, length, b"/")
        if start >= 0 and start <= place:
            id[0] = path + start
            size[0] = <uint32_t>(place - start)
            return True
    place = find_first(path, length, b"-lxc\\x2")
    if place >= 0:
        start = find_first(path, length, b".scope")
        if start == <int64_t>length - 6 and start >= place + marker:
            id[0] = path + place + marker
            size[0] = <uint32_t>(start - place - marker)
            return True
    place = find_first(path, length, b"/libvirt/lxc/")
    if place >= 0:
        id[0] = path + place + 13
        size[0] = length - <uint32_t>place - 13
        return True
    return False


cdef bint match_mesos(const uint8_t* path, uint32_t length, const uint8_t** id, uint32_t* size) noexcept nogil:
    cdef int64_t place = find_first(path, length, b"/mesos/")
    cdef uint32_t index
    if place < 0 or length - <uint32_t>place != 7 + UUID_SIZE:
        return False
    id[0] = path + place + 7
    size[0] = UUID_SIZE
    for index in range(UUID_SIZE):
        if id[0][index] != 45 and not is_hexadecimal(id[0] + index, 1):
            return False
    return True


cdef bint match_bpm(const uint8_t* path, uint32_t length, const uint8_t** id, uint32_t* size) noexcept nogil:
    cdef int64_t place = find_first(path, length, b"bpm-")
    cdef int64_t end
    cdef uint32_t index
    cdef uint8_t sign
    if place < 0:
        return False
    place += 4
    end = find_first(path + place, length - <uint32_t>place, b".scope")
    id[0] = path + place
    size[0] = <uint32_t>end if end >= 0 else length - <uint32_t>place
    for index in range(size[0]):
        sign = id[0][index]
        if not (48 <= sign <= 57 or 65 <= sign <= 90 or 97 <= sign <= 122 or sign == 45 or sign == 46 or sign == 95):
            return False
    return size[0] > 0


cdef bint next_path(const uint8_t* text, uint32_t length, uint32_t* place, const uint8_t** path, uint32_t* size) noexcept nogil:
    """Step to the path of the next `subsystem=path` entry."""
    cdef uint32_t end
    cdef uint32_t sign
    if place[0] >= length:
        return False
    end = place[0] + text_length(text + place[0], length - place[0])
    sign = end
    while sign > place[0] and text[sign - 1] != 61:
        sign -= 1
    path[0] = text + sign
    size[0] = end - sign
    place[0] = end + 1
    return True


cdef bint find_container_id(const uint8_t* text, uint32_t length, const uint8_t** id, uint32_t* id_size,
                            int32_t* type) noexcept nogil:
    """Find the id of a container in control groups; the first engine that matches wins."""
    cdef const uint8_t* path = NULL
    cdef uint32_t size = 0
    cdef uint32_t place
    cdef int engine
    cdef bint found = False
    for engine in range(7):
        place = 0
        while next_path(text, length, &place, &path, &size):
            id_size[0] = SHORT_ID
            if engine == 0:
                found = match_layouts(path, size, PODMAN, 1, id)
                type[0] = TYPE_PODMAN
            elif engine == 1:
                found = match_layouts(path, size, DOCKER, 2, id)
                type[0] = TYPE_DOCKER
            elif engine == 2:
                found = match_layouts(path, size, CRI, 5, id)
                type[0] = TYPE_CRI
            elif engine == 3:
                found = match_lxc(path, size, id, id_size)
                type[0] = TYPE_LXC
            elif engine == 4:
                found = match_libvirt(path, size, id, id_size)
                type[0] = TYPE_LIBVIRT_LXC
            elif engine == 5:
                found = match_mesos(path, size, id, id_size)
                type[0] = TYPE_MESOS
            else:
                found = match_bpm(path, size, id, id_size)
                type[0] = TYPE_BPM
            if found:
                return True
    id_size[0] = 0
    return False


cdef bint starts_with(const uint8_t* text, uint32_t length, const char* prefix) noexcept nogil:
    return length >= strlen(prefix) and memcmp(text, prefix, strlen(prefix)) == 0


cdef uint32_t find_rkt(State* state, Thread* thread, uint32_t* app_size) noexcept nogil:
    """Id of a container of rkt, ``pod:app``, by the directory that is its root; 0 if it is none."""
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef const uint8_t* root = text_of(&state.strings, row.root)
    cdef uint32_t length = length_of(&state.strings, row.root)
    cdef const uint8_t* pod = NULL
    cdef const uint8_t* app
    cdef uint32_t pod_size = 0
    cdef int64_t end
    cdef uint8_t[RKT_ID] id
    if starts_with(root, length, RKT_PODS):
        pod = root + strlen(RKT_PODS)
        length -= <uint32_t>strlen(RKT_PODS)
        end = find_first(pod, length, RKT_STAGE)
        if end < 0:
            return 0
        pod_size = <uint32_t>end
        app = pod + end + strlen(RKT_STAGE)
        length -= <uint32_t>(end + strlen(RKT_STAGE))
    elif starts_with(root, length, RKT_APPS):
        app = root + strlen(RKT_APPS)
        length -= <uint32_t>strlen(RKT_APPS)
        pod = find_variable(state, thread, b"container_uuid=", &pod_size)
    else:
        return 0
    end = find_first(app, length, b"/rootfs")
    if end < 0 or pod == NULL or pod_size + end + 1 > RKT_ID:
        return 0
    app_size[0] = <uint32_t>end
    memcpy(id, pod, pod_size)
    id[pod_size] = 58
    memcpy(id + pod_size + 1, app, app_size[0])
    return strings_add(&state.strings, id, pod_size + 1 + app_size[0])


cdef const char* RKT_PODS = b"/var/lib/rkt/pods/run/"
cdef const char* RKT_STAGE = b"/stage1/rootfs/opt/stage2/"
cdef const char* RKT_APPS = b"/opt/stage2/"


cdef const uint8_t* find_variable(State* state, Thread* thread, const char* prefix, uint32_t* size) noexcept nogil:
    """Value of a variable of the environment of a thread or of the nearest ancestor that has it, NULL if none has."""
    cdef Thread* ancestor = thread
    cdef ThreadRow* row
    cdef const uint8_t* found
    cdef int step
    for step in range(MOST_ANCESTORS):
        row = thread_row(state, ancestor.row)
        found = variable_of(state, row, prefix, size)
        if found != NULL:
            return found
        ancestor = thread_find(state, row.ptid) if row.ptid != ancestor.tid else NULL
        if ancestor == NULL:
            break
    return NULL


cdef const uint8_t* variable_of(State* state, const ThreadRow* row, const char* prefix, uint32_t* size) noexcept nogil:
    """Value of a variable of the environment of a thread, NULL if it is not there or empty."""
    cdef const uint8_t* env = text_of(&state.strings, row.env)
    cdef uint32_t whole = length_of(&state.strings, row.env)
    cdef uint32_t width = <uint32_t>strlen(prefix)
    cdef uint32_t at = 0
    cdef uint32_t length
    while at < whole:
        length = text_length(env + at, whole - at)
        if length > width and starts_with(env + at, length, prefix):
            size[0] = length - width
            return env + at + width
        at += length + 1
    return NULL


cdef const char* MESOS_TASKS[3]
MESOS_TASKS[:] = [b"MESOS_TASK_ID=", b"mesos_task_id=", b"MESOS_EXECUTOR_ID="]


cdef bint has_mesos_task(State* state, Thread* thread) noexcept nogil:
    """Whether a thread or one of its ancestors is told its task by Mesos; else it is one of Mesos' own."""
    cdef Thread* ancestor = thread
    cdef ThreadRow* row
    cdef const uint8_t* value
    cdef uint32_t length = 0
    cdef int step, place
    for step in range(MOST_ANCESTORS):
        row = thread_row(state, ancestor.row)
        for place in range(3):
            value = variable_of(state, row, MESOS_TASKS[place], &length)
            if value != NULL:
                # The first that is found decides: it must look like the id of a task.
                return length >= 3 and (memchr(value, 46, length) != NULL or memchr(value, 95, length) != NULL)
        ancestor = thread_find(state, row.ptid) if row.ptid != ancestor.tid else NULL
        if ancestor == NULL:
            return False
    return False
