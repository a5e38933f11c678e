"""What is known of the threads that are alive now, as Python objects."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from scapcore.engine cimport Engine
from scapcore.fields_fd cimport fd_type_name
from scapcore.names cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, text_of

cdef dict PROTOCOLS = {L4_TCP: b"tcp", L4_UDP: b"udp", L4_ICMP: b"icmp", L4_RAW: b"raw"}


cdef bytes text(const State* state, uint32_t number):
    return (<const char*>text_of(&state.strings, number))[:length_of(&state.strings, number)]


cdef list parts(const State* state, uint32_t number):
    """The texts of a NUL-separated list."""
    cdef bytes whole = text(state, number)
    if not whole:
        return []
    return whole[:len(whole) - whole.endswith(b"\0")].split(b"\0")


cdef bytes clean(bytes name):
    """A text without bytes that do not print."""
    return bytes([byte for byte in name if 32 <= byte < 127 or byte >= 128])


cdef bytes address(const uint8_t* data, uint32_t length):
    cdef char shown[ADDRESS_SIZE]
    return shown[:address_text(data, length, shown)]


def live_thread(Engine engine not None, int64_t tid, *, bint whole=True):
    """What is known of a thread.

    Parameters
    ----------
    engine : scapcore.engine.Engine
        The tables.
    tid : int
        Id of the thread.
    whole : bool
        False for nothing but the ids.

    Returns
    -------
    dict of str to int, bytes or list of bytes
        Empty if there is no such thread. The keys are those of the thread tables of chisels (chisel API, section 6).
    """
    cdef State* state = &engine.state
    cdef Thread* thread = thread_find(state, tid)
    cdef Thread* main
    cdef ThreadRow* row
    cdef uint32_t user
    if thread == NULL:
        return {}
    found = {"tid": thread.tid & 0xFFFFFFFF, "pid": thread.pid & 0xFFFFFFFF}
    if not whole:
        return found
    row = thread_row(state, thread.row)
    main = thread_find(state, thread.pid)
    found["ptid"] = row.ptid & 0xFFFFFFFF
    found["comm"] = text(state, row.comm)
    found["exe"] = text(state, row.exe)
    found["flags"] = row.flags
    found["fdlimit"] = row.fdlimit & 0xFFFFFFFF
    found["uid"] = row.uid
    found["gid"] = row.gid
    found["nchilds"] = row.children & 0xFFFFFFFF
    found["vmsize_kb"] = thread.vmsize
    found["vmrss_kb"] = thread.vmrss
    found["vmswap_kb"] = thread.vmswap
    found["pfmajor"] = thread.pfmajor & 0xFFFFFFFF
    found["pfminor"] = thread.pfminor & 0xFFFFFFFF
    found["clone_ts"] = b"%d" % row.clone_time
    user = 0 if row.uid == NO_ID else user_row(state, &state.by_uid, row.uid)
    found["username"] = text(state, state.users[user].name) if user else b"<NA>"
    found["args"] = parts(state, row.args)
    found["env"] = parts(state, (thread_row(state, main.row) if main != NULL else row).env)
    return found


def live_descriptors(Engine engine not None, int64_t tid, *, bint whole=True):
    """The descriptors that a thread can use, those of its process.

    Parameters
    ----------
    engine : scapcore.engine.Engine
        The tables.
    tid : int
        Id of the thread.
    whole : bool
        False to leave out names and types.

    Returns
    -------
    dict of int to dict of str to int, bool or bytes
        By number. The keys of the inner ones are those of the thread tables of chisels (chisel API, section 6).
    """
    cdef State* state = &engine.state
    cdef Thread* thread = thread_find(state, tid)
    cdef FdTable* table
    cdef FdRow* fd
    cdef uint32_t slot, row
    found = {}
    table = table_of(state, thread) if thread != NULL else NULL
    if table == NULL or not table.rows.mask:
        return found
    for slot in range(table.rows.mask + 1):
        row = table.rows.values[slot] & FD_ROW_MASK
        if row:
            fd = fd_row(state, row)
            entry = {}
            if whole:
                entry["name"] = clean(text(state, fd.name))
                entry["type"] = <bytes>fd_type_name(fd.type)
            if FD_IPV4 <= fd.type <= FD_IPV6_SERVER:
                put_ends(entry, fd)
            found[table.rows.keys[slot] & 0xFFFFFFFF] = entry
    return found


cdef int put_ends(dict entry, FdRow* fd) except -1:
    """Addresses and ports of a socket."""
    if fd.type == FD_IPV4:
        entry["cip"] = address(ipv4_source(fd), 4)
        entry["sip"] = address(ipv4_destination(fd), 4)
        entry["cport"] = ipv4_ports(fd)[0]
        entry["sport"] = ipv4_ports(fd)[1]
        entry["is_server"] = fd.role == ROLE_SERVER
    elif fd.type == FD_IPV4_SERVER:
        entry["sip"] = address(ipv4_source(fd), 4)
        entry["sport"] = ipv4_server_port(fd)[0]
        entry["is_server"] = True
    elif fd.type == FD_IPV6:
        entry["cip"] = address(ipv6_source(fd), 16)
        entry["sip"] = address(ipv6_destination(fd), 16)
        entry["cport"] = ipv6_ports(fd)[0]
        entry["sport"] = ipv6_ports(fd)[1]
        entry["is_server"] = fd.role == ROLE_SERVER
    else:
        entry["sip"] = address(ipv6_source(fd), 16)
        entry["sport"] = ipv6_server_port(fd)[0]
        entry["is_server"] = True
    entry["l4proto"] = PROTOCOLS.get(l4_protocol(fd), b"<NA>")
    return 0
