"""Containers: those that threads are in, and records from container events (state engine, section 7). Internal to the core."""

from libc.stdint cimport UINT64_MAX, int32_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

from scapcore.container_ids cimport *
from scapcore.events cimport Event, parameter, parameter_unsigned, text_length
from scapcore.hashing cimport map_get, map_put
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.strings cimport length_of, strings_add, strings_drop, strings_keep, text_of

from scapcore.cluster import PARTS, WORDS, as_json

cdef enum:
    LABEL_PART = 2
    MOST_ANCESTORS = 4096


cdef ControlGroups* find_control_groups(State* state, const uint8_t* data, uint32_t length) noexcept nogil:
    """What is known of the control groups that a capture tells in these bytes; NULL if that has been forgotten."""
    cdef uint32_t index
    cdef ControlGroups* known
    for index in range(CONTROL_GROUPS):
        known = &state.control_groups[index]
        if known.length == length and length and memcmp(known.raw, data, length) == 0:
            return known
    return NULL


cdef void keep_control_groups(State* state, const uint8_t* data, uint32_t length, uint32_t shown) noexcept nogil:
    """Remember how control groups are shown. There are few different ones, and they are long."""
    cdef ControlGroups* known = &state.control_groups[state.control_groups_place]
    cdef uint8_t* grown
    if not length:
        return
    if length > known.capacity:
        grown = <uint8_t*>realloc(known.raw, length)
        if grown == NULL:
            return
        known.raw = grown
        known.capacity = length
    memcpy(known.raw, data, length)
    known.length = length
    strings_keep(&state.strings, shown)
    strings_drop(&state.strings, known.shown)
    strings_drop(&state.strings, known.container_id)
    known.shown = shown
    known.container_id = 0
    known.resolved = 0
    state.control_groups_place = (state.control_groups_place + 1) % CONTROL_GROUPS


cdef void resolve_container(State* state, Thread* thread) noexcept nogil:
    """Set a thread's container from its control groups, and what it does in there."""
    find_container(state, thread)
    find_role(state, thread)


cdef void find_role(State* state, Thread* thread) noexcept nogil:
    """Tell the container's own processes from those that only look after its health (state engine, section 7.3)."""
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef ThreadRow* other
    cdef Thread* ancestor
    cdef uint32_t container
    cdef uint8_t role = ROLE_IN_CONTAINER_NONE
    cdef int step
    if not row.container_id:
        return
    ancestor = thread_find(state, row.ptid)
    if row.vpid == 1:
        role = ROLE_IN_CONTAINER_MAIN
    elif ancestor != NULL and thread_row(state, ancestor.row).container_role:
        role = thread_row(state, ancestor.row).container_role
    else:
        container = map_get(&state.by_container, row.container_id)
        if not state.containers[container].has_probes:
            return
        with gil:
            role = role_by_command(state, state.containers[container].details, row)
        if not role:
            return
        for step in range(MOST_ANCESTORS):
            if ancestor == NULL:
                break
            other = thread_row(state, ancestor.row)
            if other.vpid == 1 and other.container_id:
                return
            ancestor = thread_find(state, other.ptid) if other.ptid != ancestor.tid else NULL
    if role != row.container_role:
        thread_edit(state, thread).container_role = role


cdef uint8_t role_by_command(State* state, uint32_t details, const ThreadRow* row) noexcept:
    """The probe that has a thread's command line."""
    cdef bytes words = text_of(&state.strings, row.args)[:length_of(&state.strings, row.args)]
    cdef str program = text_of(&state.strings, row.exe)[:length_of(&state.strings, row.exe)].decode("utf-8", "replace")
    arguments = words.decode("utf-8", "replace").removesuffix("\0").split("\0") if words else []
    number = (<object>state.side).records[details].probe_with(program, tuple(arguments))
    return <uint8_t>(number + ROLE_IN_CONTAINER_MAIN) if number else <uint8_t>ROLE_IN_CONTAINER_NONE


cdef void find_container(State* state, Thread* thread) noexcept nogil:
    """Set the container id of a thread from its control groups."""
    cdef ThreadRow* row = thread_row(state, thread.row)
    cdef ControlGroups* known = NULL
    cdef const uint8_t* id = NULL
    cdef uint32_t size = 0
    cdef uint32_t index, number, text
    cdef int32_t type = TYPE_DOCKER
    cdef uint8_t[RKT_ID] app
    cdef uint32_t app_size = 0
    for index in range(CONTROL_GROUPS):
        if state.control_groups[index].shown == row.cgroups:
            known = &state.control_groups[index]
            break
    if known != NULL and known.resolved:
        text = known.container_id
        type = known.container_type
        strings_keep(&state.strings, text)
    else:
        find_container_id(text_of(&state.strings, row.cgroups), length_of(&state.strings, row.cgroups), &id, &size, &type)
        text = strings_add(&state.strings, id, size)
        if known != NULL:
            strings_keep(&state.strings, text)
            known.container_id = text
            known.container_type = type
            known.resolved = 1
    if type == TYPE_MESOS and text and not has_mesos_task(state, thread):
        strings_drop(&state.strings, text)
        text = 0
    if not text:
        text = find_rkt(state, thread, &app_size)
        if text:
            type = TYPE_RKT
    if text != row.container_id:
        row = thread_edit(state, thread)
        thread_text_copy(state, &row.container_id, text)
        if text and not map_get(&state.by_container, text):
            id = text_of(&state.strings, text)
            size = length_of(&state.strings, text)
            number = container_new(state, id, size)
            if number:
                state.containers[number].type = type
                if type == TYPE_LXC or type == TYPE_LIBVIRT_LXC or type == TYPE_BPM or type == TYPE_MESOS:
                    state.containers[number].name = strings_add(&state.strings, id, size)
                elif type == TYPE_RKT:
                    # A copy, as adding a text may move the others.
                    memcpy(app, text_of(&state.strings, text) + size - app_size, app_size)
                    state.containers[number].name = strings_add(&state.strings, app, app_size)
                state.containers[number].has_groups = True
                join_container(state, number, row.cgroups)
        elif text:
            number = map_get(&state.by_container, text)
            if not state.containers[number].has_groups:
                state.containers[number].has_groups = True
                if not state.containers[number].pod:
                    join_known_container(state, number, row.cgroups)
    strings_drop(&state.strings, text)


cdef void join_known_container(State* state, uint32_t number, uint32_t groups) noexcept nogil:
    """Look up the pod of a container anew, as only now its control groups are told."""
    with gil:
        try:
            if (<object>state.side).know_groups(text_in(state, state.containers[number].id), text_in(state, groups)):
                renew_container(state, number)
        except MemoryError:
            state.failed = 1


cdef uint32_t container_new(State* state, const uint8_t* id, uint32_t length) noexcept nogil:
    """A new version of the container of that id; its row, or 0 when memory is out."""
    cdef ContainerRow* grown
    cdef uint32_t number = state.container_count
    cdef uint32_t text
    if number == state.container_capacity:
        grown = <ContainerRow*>realloc(state.containers, <size_t>number * 2 * sizeof(ContainerRow))
        if grown == NULL:
            state.failed = 1
            return 0
        state.containers = grown
        state.container_capacity = number * 2
    text = strings_add(&state.strings, id, length)
    if not map_put(&state.by_container, text, number):
        state.failed = 1
        return 0
    memset(&state.containers[number], 0, sizeof(ContainerRow))
    state.containers[number].id = text
    state.container_count += 1
    state.epoch += 1
    return number


cdef uint32_t add_text(State* state, object value) except? 0xFFFFFFFF:
    """Number of a JSON text, 0 for anything else."""
    cdef bytes data
    if not isinstance(value, str):
        return 0
    data = value.encode("utf-8", "surrogatepass")
    return strings_add(&state.strings, <const uint8_t*><char*>data, len(data))


cdef uint32_t address_of(object value) except? 0xFFFFFFFF:
    """A dotted address as network-order bytes, 0 for anything else."""
    cdef uint8_t[4] parts
    cdef uint32_t address
    pieces = value.split(".") if isinstance(value, str) else ()
    if len(pieces) != 4 or not all(
            len(piece) <= 3 and piece.isascii() and piece.isdigit() and int(piece) < 256 for piece in pieces):
        return 0
    for index in range(4):
        parts[index] = int(pieces[index])
    memcpy(&address, parts, 4)
    return address


cdef str text_in(State* state, uint32_t number):
    """A text of the dictionary."""
    return text_of(&state.strings, number)[:length_of(&state.strings, number)].decode("utf-8", "replace")


cdef uint32_t find_pod(State* state, str container, uint32_t present) except? 0xFFFFFFFF:
    """Index of what a container is part of by now, with its texts in place."""
    cdef uint32_t pod = (<object>state.side).keep_pod(container, present, state.time)
    cdef uint32_t place
    cdef PodRow* grown
    cdef bytes data
    state.next_change = (<object>state.side).next_change
    if pod >= state.pod_capacity:
        grown = <PodRow*>realloc(state.pods, (<size_t>pod * 2 + 16) * sizeof(PodRow))
        if grown == NULL:
            raise MemoryError
        state.pods = grown
        state.pod_capacity = pod * 2 + 16
    while state.pod_count <= pod:
        membership = (<object>state.side).pods[state.pod_count]
        for place in range(POD_WORDS * POD_PARTS):
            state.pods[state.pod_count].texts[place] = NO_ID
            value = membership.value(WORDS[place // POD_PARTS], PARTS[place % POD_PARTS]) \
                if membership is not None and place // POD_PARTS < len(WORDS) and place % POD_PARTS != LABEL_PART else None
            if value is not None:
                data = value.encode("utf-8", "surrogatepass")
                state.pods[state.pod_count].texts[place] = strings_add(
                    &state.strings, <const uint8_t*><char*>data, len(data))
        state.pod_count += 1
    return pod


cdef void join_container(State* state, uint32_t number, uint32_t groups) noexcept nogil:
    """Look up the pod of a container of which no record told, by its control groups too."""
    with gil:
        try:
            (<object>state.side).know_groups(text_in(state, state.containers[number].id), text_in(state, groups))
            state.containers[number].pod = find_pod(state, text_in(state, state.containers[number].id), 0)
        except MemoryError:
            state.failed = 1


cdef bint record_container(State* state, bytes text) except -1:
    """Take over the JSON record of a container event; False if its lookup failed, so that it is not shown."""
    cdef uint32_t number
    cdef ContainerRow* row
    cdef bytes id
    import json

    try:
        content = json.loads(text.rstrip(b"\0").decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return True
    record = content.get("container") if isinstance(content, dict) else None
    if record is None and isinstance(content, dict) and "id" in content:
        record = content    # what the newest libraries make of the oldest container events
    if not isinstance(record, dict):
        record = {}
    name = record.get("id")
    id = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else b""
    number = container_new(state, <const uint8_t*><char*>id, len(id))
    if not number:
        raise MemoryError
    row = &state.containers[number]
    kind = record.get("type")
    row.type = kind if type(kind) is int and 0 <= kind < 1000 else 0
    row.known = 1
    row.full_id = add_text(state, record.get("full_id"))
    row.name = add_text(state, record.get("name"))
    row.image = add_text(state, record.get("image"))
    row.image_id = add_text(state, record.get("imageid"))
    row.image_repository = add_text(state, record.get("imagerepo"))
    row.image_tag = add_text(state, record.get("imagetag"))
    row.image_digest = add_text(state, record.get("imagedigest"))
    row.sandbox = add_text(state, record.get("pod_sandbox_id"))
    row.privileged = record.get("privileged") is True
    row.is_pod_sandbox = record.get("is_pod_sandbox") is True
    row.ip = address_of(record.get("ip"))
    row.details = (<object>state.side).keep_record(record)
    details = (<object>state.side).records[row.details]
    row.has_probes = details.complete and bool(details.probes)
    if isinstance(name, str):
        (<object>state.side).know_record(name, record)
        row.pod = find_pod(state, name, 0)
    labels = record.get("labels")
    if isinstance(labels, dict) and labels:
        row.labels = <Pair*>calloc(len(labels), sizeof(Pair))
        if row.labels == NULL:
            raise MemoryError
        for key in sorted(labels):
            value = labels[key]
            if not isinstance(value, str):
                value = "" if value is None else as_json(value)
            row.labels[row.label_count].key = add_text(state, key)
            row.labels[row.label_count].value = add_text(state, value)
            row.label_count += 1
    return record.get("lookup_state", 1) in (1, None) or type(record.get("lookup_state")) is not int \
        or record["lookup_state"] not in (0, 2)


cdef void on_cluster_event(State* state, Step* step) noexcept nogil:
    """Take over what an event tells about the objects of a Kubernetes cluster."""
    cdef uint32_t length
    cdef const uint8_t* data = parameter(&step.event, 0, &length)
    if length == 0:
        return
    with gil:
        try:
            if (<object>state.side).cluster.apply(data[:length]):
                state.cluster_changed = 1
        except MemoryError:
            state.failed = 1


cdef void refresh_pods(State* state) noexcept nogil:
    """Give containers whose pod has changed a new version."""
    state.cluster_changed = 0
    state.next_change = UINT64_MAX
    with gil:
        try:
            (<object>state.side).next_change = UINT64_MAX
            renew_containers(state)
        except MemoryError:
            state.failed = 1


cdef int renew_containers(State* state) except -1:
    cdef uint32_t number
    for number in range(1, state.container_count):
        if map_get(&state.by_container, state.containers[number].id) == number:
            renew_container(state, number)
    return 0


cdef int renew_container(State* state, uint32_t number) except -1:
    """Give a container a new version if its pod has changed."""
    cdef uint32_t text
    cdef ContainerRow* row = &state.containers[number]
    cdef Pair* labels = NULL
    cdef uint32_t pod = find_pod(state, text_in(state, row.id), row.pod)
    if pod == row.pod:
        return 0
    if row.label_count:
        labels = <Pair*>calloc(row.label_count, sizeof(Pair))
        if labels == NULL:
            raise MemoryError
        memcpy(labels, row.labels, row.label_count * sizeof(Pair))
    text = container_new(state, text_of(&state.strings, row.id), length_of(&state.strings, row.id))
    if not text:
        free(labels)
        raise MemoryError
    memcpy(&state.containers[text], &state.containers[number], sizeof(ContainerRow))
    state.containers[text].labels = labels
    state.containers[text].pod = pod
    return 0


cdef bint on_container_event(State* state, Step* step) noexcept nogil:
    """Apply a container event of any era; False if it is not to be shown."""
    cdef uint32_t length, number, id_length
    cdef const uint8_t* data
    cdef const uint8_t* id
    cdef bint shown = True
    cdef Thread* pseudo
    cdef ThreadRow* row
    if step.event.type == CONTAINER_E:
        id = parameter(&step.event, 0, &id_length)
        number = container_new(state, id, text_length(id, id_length))
        if number:
            state.containers[number].known = 1
            state.containers[number].type = <int32_t>parameter_unsigned(&step.event, 1, 0)
            data = parameter(&step.event, 2, &length)
            state.containers[number].name = strings_add(&state.strings, data, text_length(data, length))
            data = parameter(&step.event, 3, &length)
            state.containers[number].image = strings_add(&state.strings, data, text_length(data, length))
            with gil:
                (<object>state.side).know_record(
                    text_in(state, state.containers[number].id), {"name": text_in(state, state.containers[number].name)})
            join_container(state, number, 0)
        return shown
    data = parameter(&step.event, 0, &length)
    if length == 0:
        return True
    with gil:
        try:
            shown = record_container(state, data[:length])
        except MemoryError:
            state.failed = 1
        except (ValueError, RecursionError):
            shown = True        # a record beyond what Python reads: as far as it was taken over
    return shown


cdef uint32_t container_thread(State* state, uint32_t container) noexcept nogil:
    """Row of the pseudo thread that stands for a container in its own event (section 7.3)."""
    cdef uint32_t number = pool_new(state, &state.threads)
    cdef ThreadRow* row
    cdef uint8_t[256] name
    cdef uint32_t length
    if not number:
        return 0
    row = thread_row(state, number)
    row.references = 1
    row.tid = row.pid = -1
    row.vtid = row.vpid = -2
    row.sid = row.vpgid = row.pgid = row.fdlimit = -1
    row.container = container
    row.user = user_row(state, &state.by_uid, row.uid)
    row.login_user = user_row(state, &state.by_uid, row.loginuid)
    row.group = user_row(state, &state.by_gid, row.gid)
    row.flags = CLONE_ACTIVE
    strings_keep(&state.strings, state.containers[container].id)
    row.container_id = state.containers[container].id
    length = length_of(&state.strings, row.container_id)
    if length > 240:
        length = 240
    memcpy(name, b"container:", 10)
    memcpy(name + 10, text_of(&state.strings, row.container_id), length)
    thread_text(state, &row.comm, name, length + 10)
    # It lives as long as the batch does.
    thread_row_drop(state, number)
    return number
