"""The blocks that precede the events, turned into the first rows of the dimensions (scap format, sections 3-5, 8, 9).

Internal to the core. Every function reads within the bytes that it was given and says in words what it missed.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from scapcore.blocks cimport *
from scapcore.buffer cimport Buffer, release
from scapcore.containers cimport resolve_container
from scapcore.events cimport load16, load32, load64, text_length
from scapcore.families cimport join_family
from scapcore.hashing cimport IntegerMap, map_free, map_get, map_put
from scapcore.names cimport *
from scapcore.sockets cimport fill_from_interfaces, swap_ends
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop
from scapcore.threads cimport set_arguments, set_cgroups, set_directory, set_environment
from scapcore.threads_modern cimport keep_exepath


cdef struct Cursor:
    const uint8_t* place
    const uint8_t* end
    bint short               # something did not fit


cdef inline bint has(Cursor* cursor, size_t count) noexcept nogil:
    if cursor.short or <size_t>(cursor.end - cursor.place) < count:
        cursor.short = True
        return False
    return True


cdef uint64_t take(Cursor* cursor, int width) noexcept nogil:
    """The next unsigned integer of 1, 2, 4 or 8 bytes; 0 when there is none."""
    cdef uint64_t value = 0
    if not has(cursor, width):
        return 0
    memcpy(&value, cursor.place, width)
    cursor.place += width
    return value


cdef const uint8_t* take_bytes(Cursor* cursor, size_t count) noexcept nogil:
    cdef const uint8_t* place = cursor.place
    if not has(cursor, count):
        return NULL
    cursor.place += count
    return place


cdef const uint8_t* take_text(Cursor* cursor, uint32_t* length) noexcept nogil:
    """The next text with its 16-bit length."""
    cdef const uint8_t* place
    length[0] = <uint32_t>take(cursor, 2)
    place = take_bytes(cursor, length[0])
    if place == NULL:
        length[0] = 0
        return cursor.end
    return place


cdef dict machine_info(const uint8_t* body, size_t length):
    """What the machine block says; empty if it is cut."""
    cdef Cursor cursor
    cdef uint32_t cpus
    cdef uint64_t memory, highest
    cdef const uint8_t* name
    cursor.place = body
    cursor.end = body + length
    cursor.short = False
    cpus = <uint32_t>take(&cursor, 4)
    memory = take(&cursor, 8)
    highest = take(&cursor, 8)
    name = take_bytes(&cursor, 128)
    if name == NULL:
        return {}
    return {
        "cpus": cpus,
        "memory_bytes": memory,
        "max_pid": highest,
        "hostname": name[:text_length(name, 128)].decode("utf-8", "replace"),
        "boot_time": take(&cursor, 8),
    }


cdef void load_thread(State* state, Cursor* cursor, int version) noexcept nogil:
    """One entry of a process list (scap format, section 4)."""
    cdef int64_t tid = <int64_t>take(cursor, 8)
    cdef int64_t pid = <int64_t>take(cursor, 8)
    cdef int64_t ptid = <int64_t>take(cursor, 8)
    cdef int64_t sid = <int64_t>take(cursor, 8) if version >= 6 else -1
    cdef int64_t vpgid = <int64_t>take(cursor, 8) if version >= 8 else -1
    cdef uint32_t comm_length, exe_length, exepath_length, args_length, cwd_length, env_length, cgroups_length, root_length
    cdef const uint8_t* comm = take_text(cursor, &comm_length)
    cdef const uint8_t* exe = take_text(cursor, &exe_length)
    cdef const uint8_t* exepath = cursor.end
    cdef const uint8_t* args
    cdef const uint8_t* cwd
    cdef const uint8_t* env = cursor.end
    cdef const uint8_t* cgroups = cursor.end
    cdef const uint8_t* root = cursor.end
    cdef int64_t fdlimit
    cdef int64_t vtid = -1
    cdef int64_t vpid = -1
    cdef uint32_t flags, uid, gid
    cdef uint32_t vmsize = 0
    cdef uint32_t vmrss = 0
    cdef uint32_t vmswap = 0
    cdef uint64_t pfmajor = 0
    cdef uint64_t pfminor = 0
    cdef size_t rest
    cdef Thread* thread
    cdef ThreadRow* row
    exepath_length = env_length = cgroups_length = root_length = 0
    if version >= 7:
        exepath = take_text(cursor, &exepath_length)
    args = take_text(cursor, &args_length)
    cwd = take_text(cursor, &cwd_length)
    fdlimit = <int64_t>take(cursor, 8)
    flags = <uint32_t>take(cursor, 4)
    uid = <uint32_t>take(cursor, 4)
    gid = <uint32_t>take(cursor, 4)
    if version >= 2:
        vmsize = <uint32_t>take(cursor, 4)
        vmrss = <uint32_t>take(cursor, 4)
        vmswap = <uint32_t>take(cursor, 4)
        pfmajor = take(cursor, 8)
        pfminor = take(cursor, 8)
    if version >= 3:
        env = take_text(cursor, &env_length)
    if version >= 4:
        vtid = <int64_t>take(cursor, 8)
        vpid = <int64_t>take(cursor, 8)
        cgroups = take_text(cursor, &cgroups_length)
    if version >= 5:
        root = take_text(cursor, &root_length)
    if cursor.short:
        return
    thread_remove(state, tid, True)
    thread = thread_new(state, tid)
    if thread == NULL:
        return
    row = thread_row(state, thread.row)
    row.pid = pid
    thread.pid = pid
    row.ptid = ptid
    row.sid = sid
    row.vpgid = vpgid
    row.pgid = -1
    row.vtid = vtid
    row.vpid = vpid
    row.fdlimit = fdlimit
    row.flags = flags | CLONE_ACTIVE | CLONE_NAME_CHANGED
    thread.flags = row.flags
    row.uid = uid
    row.gid = gid
    row.loginuid = 0xFFFFFFFF
    thread.vmsize = vmsize
    thread.vmrss = vmrss
    thread.vmswap = vmswap
    thread.pfmajor = pfmajor
    thread.pfminor = pfminor
    thread_text(state, &row.comm, comm, text_length(comm, comm_length))
    thread_text(state, &row.exe, exe, text_length(exe, exe_length))
    if state.modern:
        keep_exepath(state, row, exepath, text_length(exepath, exepath_length))
    else:
        thread_text(state, &row.exepath, exepath, text_length(exepath, exepath_length))
    thread_text(state, &row.root, root, text_length(root, root_length))
    set_arguments(state, &row.args, args, args_length)
    if is_main(thread):
        set_environment(state, &row.env, env, env_length)
        set_directory(state, thread, cwd, cwd_length)
        row = thread_row(state, thread.row)
    set_cgroups(state, thread, cgroups, cgroups_length)
    resolve_container(state, thread)
    row = thread_row(state, thread.row)
    if version < 9:
        return
    rest = cursor.end - cursor.place
    if rest > 29:
        # The newer arrangement puts two fields in front of those that were appended first.
        row.namespace_start = take(cursor, 8)
        row.tty = <int32_t>take(cursor, 4)
    if rest >= 4:
        row.loginuid = <uint32_t>take(cursor, 4)
    if rest >= 5:
        row.exe_writable = <uint8_t>take(cursor, 1)
    if rest >= 29:
        row.cap_inheritable = take(cursor, 8)
        row.cap_permitted = take(cursor, 8)
        row.cap_effective = take(cursor, 8)
    if rest >= 66:
        row.exe_upper_layer = <uint8_t>take(cursor, 1)
        row.exe_inode = take(cursor, 8)
        row.exe_changed = take(cursor, 8)
        row.exe_modified = take(cursor, 8)
    if rest >= 76:
        row.exe_from_memfd = <uint8_t>take(cursor, 1)
        row.exe_lower_layer = <uint8_t>take(cursor, 1)
        row.pgid = <int64_t>take(cursor, 8)
    cursor.short = False


cdef str load_threads(State* state, const uint8_t* body, size_t length, int version, size_t* skipped):
    cdef Cursor cursor
    cdef Cursor entry
    cdef uint32_t size
    cdef str problem = None
    cdef const uint8_t* place
    cursor.place = body
    cursor.end = body + length
    cursor.short = False
    while cursor.end - cursor.place >= 4:
        if version < 9:
            place = cursor.place
            load_thread(state, &cursor, version)
            if cursor.short:
                skipped[0] += cursor.end - place
                return "a process entry runs over the end of its list"
            continue
        size = load32(cursor.place)
        if size < 4 or size > cursor.end - cursor.place:
            skipped[0] += cursor.end - cursor.place
            return "a process entry states a length that its list does not have"
        entry.place = cursor.place + 4
        entry.end = cursor.place + size
        entry.short = False
        load_thread(state, &entry, version)
        if entry.short:
            skipped[0] += size
            problem = "a process entry is longer than it says"
        cursor.place += size
    return problem


cdef bint load_fd(State* state, Cursor* cursor, Thread* thread, bint sized, uint8_t* address) noexcept nogil:
    """One entry of a descriptor list (scap format, section 5); False for a type of unknown length.

    `address` holds 40 bytes that go from entry to entry: the reference leaves there what it does not set, and a
    server socket that is connected later shows some of it.
    """
    cdef int64_t number = <int64_t>take(cursor, 8)
    cdef uint64_t inode = take(cursor, 8)
    cdef uint8_t type = <uint8_t>take(cursor, 1)
    cdef uint32_t text, row
    cdef const uint8_t* data = NULL
    cdef FdRow* fd
    cdef FdRow blank
    cdef FdTable* table
    memset(&blank, 0, sizeof(FdRow))
    text = 0
    if type == FD_IPV4:
        data = take_bytes(cursor, 13)
        if data != NULL:
            memcpy(address, data, 13)
    elif type == FD_IPV6:
        data = take_bytes(cursor, 37)
        if data != NULL and is_mapped(data) and is_mapped(data + 16):
            type = FD_IPV4
            memcpy(address, data + 12, 4)
            memcpy(address + 4, data + 28, 4)
            memcpy(address + 8, data + 32, 5)
        elif data != NULL:
            memcpy(address, data, 37)
    elif type == FD_IPV4_SERVER:
        data = take_bytes(cursor, 7)
        if data != NULL:
            memcpy(address, data, 7)
    elif type == FD_IPV6_SERVER:
        data = take_bytes(cursor, 19)
        if data != NULL:
            memcpy(address, data, 19)
    elif type == FD_UNIX:
        data = take_bytes(cursor, 16)
        if data != NULL:
            memcpy(address, data, 16)
        data = take_text(cursor, &text)
    elif type == FD_FILE_V2:
        blank.open_flags = <uint32_t>take(cursor, 4)
        data = take_text(cursor, &text)
        if sized and cursor.end - cursor.place >= 4:
            blank.device = <uint32_t>take(cursor, 4)
    elif 1 <= type <= FD_PIDFD:
        data = take_text(cursor, &text)
    elif sized:
        type = FD_UNSUPPORTED
    else:
        return False
    if cursor.short or thread == NULL:
        return True
    memcpy(blank.address, address, 40)
    blank.type = type
    blank.inode = inode
    blank.from_list = 1
    row = fd_new(state)
    if not row:
        return True
    fd = fd_row(state, row)
    memcpy(fd, &blank, sizeof(FdRow))
    fd.references = 1
    if text:
        fd.name = strings_add(&state.strings, data, text_length(data, text))
    table = thread.fds
    if table.rows.used < LIMIT_FDS and map_put(&table.rows, number, row):
        return True
    fd_row_drop(state, row)
    return True


cdef str load_fds(State* state, const uint8_t* body, size_t length, bint sized, size_t* skipped):
    cdef Cursor cursor
    cdef Cursor entry
    cdef uint32_t size
    cdef str problem = None
    cdef const uint8_t* place
    cdef Thread* thread
    cdef uint8_t[40] address
    memset(address, 0, 40)
    cursor.place = body
    cursor.end = body + length
    cursor.short = False
    thread = thread_find(state, <int64_t>take(&cursor, 8))
    if cursor.short:
        skipped[0] += length
        return "a descriptor list is too short for its thread id"
    while cursor.end - cursor.place >= 4:
        if not sized:
            place = cursor.place
            if not load_fd(state, &cursor, thread, False, address):
                skipped[0] += cursor.end - place
                return "a descriptor list holds a type of unknown length"
            if cursor.short:
                skipped[0] += cursor.end - place
                return "a descriptor entry runs over the end of its list"
            continue
        size = load32(cursor.place)
        if size < 4 or size > cursor.end - cursor.place:
            skipped[0] += cursor.end - cursor.place
            return "a descriptor entry states a length that its list does not have"
        entry.place = cursor.place + 4
        entry.end = cursor.place + size
        entry.short = False
        load_fd(state, &entry, thread, True, address)
        if entry.short:
            skipped[0] += size
            problem = "a descriptor entry is longer than it says"
        cursor.place += size
    return problem


cdef str load_interfaces(State* state, const uint8_t* body, size_t length, bint sized, size_t* skipped):
    """A new list replaces the former one (scap format, section 2)."""
    cdef Cursor cursor
    cdef Cursor entry
    cdef uint32_t size, name_length
    cdef uint16_t kind
    cdef const uint8_t* data
    cdef Interface* grown
    cdef Interface6* grown6
    cursor.place = body
    cursor.end = body + length
    cursor.short = False
    state.interface_count = 0
    state.interface6_count = 0
    while cursor.end - cursor.place >= 4:
        entry = cursor
        if sized:
            size = <uint32_t>take(&entry, 4)
            if size > entry.end - entry.place:
                skipped[0] += cursor.end - cursor.place
                return "an interface entry states a length that its list does not have"
            entry.end = entry.place + size
        kind = <uint16_t>take(&entry, 2)
        name_length = <uint32_t>take(&entry, 2)
        if kind == 1 or kind == 3:
            data = take_bytes(&entry, 12)
        elif kind == 2 or kind == 4:
            data = take_bytes(&entry, 48)
        elif sized:
            cursor.place = entry.end
            continue
        else:
            skipped[0] += cursor.end - cursor.place
            return "an interface list holds an entry of unknown kind"
        if kind < 3:
            take(&entry, 8)
        if take_bytes(&entry, name_length) == NULL or data == NULL:
            skipped[0] += cursor.end - cursor.place
            return "an interface entry runs over its end"
        if kind == 1 or kind == 3:
            grown = <Interface*>realloc(state.interfaces, (state.interface_count + 1) * sizeof(Interface))
            if grown == NULL:
                raise MemoryError
            state.interfaces = grown
            memcpy(&grown[state.interface_count], data, 12)
            grown[state.interface_count].name = strings_add(&state.strings, entry.place - name_length, name_length)
            state.interface_count += 1
        else:
            grown6 = <Interface6*>realloc(state.interfaces6, (state.interface6_count + 1) * sizeof(Interface6))
            if grown6 == NULL:
                raise MemoryError
            state.interfaces6 = grown6
            memcpy(&grown6[state.interface6_count], data, 48)
            grown6[state.interface6_count].name = strings_add(&state.strings, entry.place - name_length, name_length)
            state.interface6_count += 1
        cursor.place = entry.end if sized else entry.place
    return None


cdef bint add_user(State* state, bint group, uint32_t id, uint32_t gid, uint32_t name, uint32_t home,
                   uint32_t shell) noexcept nogil:
    """Add a user or group to the tables; a later one of the same id takes its place."""
    cdef UserRow* grown
    cdef IntegerMap* by_id = &state.by_gid if group else &state.by_uid
    cdef uint32_t number = state.user_count
    if number == state.user_capacity:
        grown = <UserRow*>realloc(state.users, <size_t>number * 2 * sizeof(UserRow))
        if grown == NULL:
            state.failed = 1
            return False
        state.users = grown
        state.user_capacity = number * 2
    state.users[number].id = id
    state.users[number].gid = gid
    state.users[number].name = name
    state.users[number].home = home
    state.users[number].shell = shell
    state.users[number].previous = map_get(by_id, <int64_t>id)
    state.users[number].gone = 0
    state.user_count += 1
    state.epoch += 1
    return map_put(by_id, <int64_t>id, number)


cdef uint32_t keep_text(State* state, Cursor* cursor) noexcept nogil:
    cdef uint32_t length
    cdef const uint8_t* data = take_text(cursor, &length)
    return strings_add(&state.strings, data, text_length(data, length))


cdef str load_users(State* state, const uint8_t* body, size_t length, bint sized, size_t* skipped):
    """A new list replaces the former one (scap format, section 2)."""
    cdef IntegerMap users = state.by_uid
    cdef IntegerMap groups = state.by_gid
    memset(&state.by_uid, 0, sizeof(IntegerMap))
    memset(&state.by_gid, 0, sizeof(IntegerMap))
    state.epoch += 1
    problem = take_users(state, body, length, sized, skipped)
    remember_users(state, False, &users)
    remember_users(state, True, &groups)
    map_free(&users)
    map_free(&groups)
    return problem


cdef void remember_users(State* state, bint group, const IntegerMap* former) noexcept nogil:
    """Let the ids of the former list be found by batches that look back."""
    cdef IntegerMap* by_id = &state.by_gid if group else &state.by_uid
    cdef uint32_t slot, found
    if not former.mask:
        return
    for slot in range(former.mask + 1):
        if not former.values[slot]:
            continue
        found = map_get(by_id, former.keys[slot])
        if not found and state.users[former.values[slot]].gone:
            map_put(by_id, former.keys[slot], former.values[slot])
            continue
        if not found:
            if not add_user(state, group, <uint32_t>former.keys[slot], 0, 0, 0, 0):
                return
            found = state.user_count - 1
            state.users[found].gone = 1
        while state.users[found].previous:
            found = state.users[found].previous         # an id that the list has twice
        state.users[found].previous = former.values[slot]


cdef str take_users(State* state, const uint8_t* body, size_t length, bint sized, size_t* skipped):
    cdef Cursor cursor
    cdef Cursor entry
    cdef uint32_t size, id, gid, name, home, shell
    cdef bint group
    cursor.place = body
    cursor.end = body + length
    cursor.short = False
    while cursor.end - cursor.place >= 4:
        entry = cursor
        if sized:
            size = <uint32_t>take(&entry, 4)
            if size < 4 or size > cursor.end - cursor.place:
                skipped[0] += cursor.end - cursor.place
                return "a user entry states a length that its list does not have"
            entry.end = cursor.place + size
        group = take(&entry, 1) != 0
        id = <uint32_t>take(&entry, 4)
        gid = 0 if group else <uint32_t>take(&entry, 4)
        name = keep_text(state, &entry)
        home = 0 if group else keep_text(state, &entry)
        shell = 0 if group else keep_text(state, &entry)
        if entry.short:
            skipped[0] += cursor.end - cursor.place
            return "a user entry runs over its end"
        add_user(state, group, id, gid, name, home, shell)
        cursor.place = entry.end if sized else entry.place
    return None


cdef str load_section(State* state, uint32_t block_type, const uint8_t* body, size_t length, size_t* skipped):
    """Take over one block of the metadata; what is wrong with it, or None. `skipped` grows by what could not be read."""
    cdef int version = process_list_version(block_type)
    if version:
        return load_threads(state, body, length, version, skipped)
    if block_type == BLOCK_FDS_1 or block_type == <uint32_t>BLOCK_FDS_1_EARLY or block_type == BLOCK_FDS_2:
        return load_fds(state, body, length, block_type == BLOCK_FDS_2, skipped)
    if block_type == BLOCK_INTERFACES_1 or block_type == <uint32_t>BLOCK_INTERFACES_1_EARLY \
            or block_type == BLOCK_INTERFACES_2:
        return load_interfaces(state, body, length, block_type == BLOCK_INTERFACES_2, skipped)
    if block_type == BLOCK_USERS_1 or block_type == <uint32_t>BLOCK_USERS_1_EARLY or block_type == BLOCK_USERS_2:
        return load_users(state, body, length, block_type == BLOCK_USERS_2, skipped)
    return None


cdef void finish_fd(State* state, FdRow* fd) noexcept nogil:
    """Address, name and role of a listed socket, once all lists are read (state engine, section 2.3)."""
    cdef Buffer buffer
    cdef uint16_t port
    memset(&buffer, 0, sizeof(Buffer))
    if fd.type == FD_UNIX:
        fd.role = ROLE_SERVER if fd.name else ROLE_CLIENT
        return
    if fd.type != FD_IPV4 and fd.type != FD_IPV6 and fd.type != FD_IPV4_SERVER and fd.type != FD_IPV6_SERVER:
        return
    if fd.type == FD_IPV4 or fd.type == FD_IPV6:
        fd.connected = l4_protocol(fd) == L4_TCP
    if fd.type == FD_IPV4:
        fill_from_interfaces(state, fd)
        port = ipv4_ports(fd)[0]
        if state.server_ports[port >> 3] >> (port & 7) & 1:
            swap_ends(fd)
            fd.role = ROLE_SERVER
        else:
            fd.role = ROLE_CLIENT
    put_listed_name(&buffer, state, fd)
    strings_drop(&state.strings, fd.name)
    fd.name = strings_add(&state.strings, buffer.data, buffer.used)
    release(&buffer)


cdef void finish_sections(State* state) noexcept nogil:
    """What can only be known when all lists have been read: roles of sockets, sizes of thread groups."""
    cdef uint32_t index, slot
    cdef FdTable* table
    cdef FdRow* fd
    cdef uint16_t port
    cdef Thread* main
    cdef uint32_t count = state.live_count
    for index in range(1, count):
        if state.live[index] == NULL:
            continue
        table = state.live[index].fds
        if table.rows.mask:
            for slot in range(table.rows.mask + 1):
                if table.rows.values[slot]:
                    fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
                    if fd.type == FD_IPV4_SERVER or fd.type == FD_IPV6_SERVER:
                        port = ipv4_server_port(fd)[0] if fd.type == FD_IPV4_SERVER else ipv6_server_port(fd)[0]
                        state.server_ports[port >> 3] |= 1 << (port & 7)
    for index in range(1, count):
        if state.live[index] == NULL:
            continue
        table = state.live[index].fds
        if table.rows.mask:
            for slot in range(table.rows.mask + 1):
                if table.rows.values[slot]:
                    fd = fd_row(state, table.rows.values[slot] & FD_ROW_MASK)
                    if fd.from_list == 1:
                        fd.from_list = 2
                        finish_fd(state, fd)
        if state.modern:
            join_family(state, state.live[index])
        elif state.live[index].flags & CLONE_THREAD:
            main = thread_get(state, state.live[index].pid)
            if main != NULL and main != state.live[index]:
                thread_edit(state, main).children += 1
